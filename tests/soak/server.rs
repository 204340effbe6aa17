//! The server under load, and what is left when the load is over.

use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tests::release::{Release, binary};
use tests::token::SECRET;
use tests::{OwnPostgres, Proxy, Sink};
use tokio::time::sleep;

use crate::account::Worker;
use crate::report::say;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long the last events may take.
const LAST_EVENTS: Duration = Duration::from_secs(180);

/// Starts it.
pub(crate) async fn start(
    postgres: &OwnPostgres,
    replica: Option<&OwnPostgres>,
    sirius: &Proxy,
    sink: &Proxy,
) -> Release {
    let settings = [
        ("DATABASE_URL", postgres.url()),
        (
            "DATABASE_READ_URL",
            replica.map(OwnPostgres::url).unwrap_or_default(),
        ),
        ("SIRIUS_URL", format!("http://{}", sirius.address)),
        ("EVENT_SINK_URL", format!("http://{}/events", sink.address)),
        ("EVENT_SINK_BACK_OFF_MOST", "5s".to_owned()),
        ("JWT_SECRET", SECRET.to_owned()),
        // So that Sirius is asked again and again, and its going away is noticed.
        ("USER_CACHE_FRESH", "5s".to_owned()),
        ("SESSION_REMEMBERED", "2s".to_owned()),
    ];
    Release::serve(&settings).await
}

/// Its memory every few seconds, until it is over.
pub(crate) async fn watch_memory(server: &Release, is_over: Arc<AtomicBool>) -> Vec<u64> {
    let mut all = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        all.push(server.memory());
        sleep(LOOK).await;
    }
    all
}

/// Whether every change that was answered is there, and every event has arrived.
pub(crate) async fn nothing_is_lost(
    postgres: &OwnPostgres,
    sink: &Sink,
    workers: &[Worker],
) -> bool {
    let (invoices, changes) = workers.iter().fold((0, 0), |all, worker| {
        let (invoices, changes) = worker.made();
        (all.0 + invoices, all.1 + changes)
    });
    let began = Instant::now();
    let waiting =
        "SELECT count(*) FROM supervision_finance.outgoing_event WHERE delivered_at IS NULL";
    while postgres.ask(waiting).await != "0" && began.elapsed() < LAST_EVENTS {
        sleep(Duration::from_millis(500)).await;
    }
    let rows = postgres
        .ask("SELECT count(*) FROM supervision_finance.invoice")
        .await;
    let events = postgres
        .ask("SELECT count(*) FROM supervision_finance.outgoing_event")
        .await;
    let taken = sink.taken();
    let ids = taken
        .iter()
        .map(|it| it["id"].to_string())
        .collect::<HashSet<_>>();
    let audit = Command::new(binary())
        .arg("audit")
        .env("DATABASE_URL", postgres.url())
        .output()
        .expect("an audit");
    let audited = String::from_utf8_lossy(&audit.stdout).trim().to_owned();
    say(&format!(
        "| invoices answered / there | {invoices} / {rows} |"
    ));
    say(&format!(
        "| events caused / recorded / arrived, of them twice | {changes} / {events} / {}, {} |",
        ids.len(),
        taken.len() - ids.len()
    ));
    say(&format!("| the audit | {audited} |"));
    rows == invoices.to_string()
        && events == changes.to_string()
        && ids.len() as u64 == changes
        && audit.status.success()
}
