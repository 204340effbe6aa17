//! The server under load, and what is left when the load is over.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tests::token::SECRET;
use tests::{OwnPostgres, Proxy, Sink};
use tokio::time::sleep;

use crate::account::Worker;
use crate::report::say;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long the last events may take.
const LAST_EVENTS: Duration = Duration::from_secs(180);

/// See the module.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// From its start to its first answer.
    pub(crate) start: Duration,
    /// Memory before the first request, in MiB.
    pub(crate) idle: u64,
    /// Bytes of the binary.
    pub(crate) binary: u64,
}

fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("a path of its own");
    let binary = own.with_file_name("finance-api");
    assert!(
        binary.is_file(),
        "{} is not built: make soak",
        binary.display()
    );
    binary
}

impl Server {
    pub(crate) async fn start(
        postgres: &OwnPostgres,
        replica: Option<&OwnPostgres>,
        sirius: &Proxy,
        sink: &Proxy,
    ) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = free.local_addr().expect("its address");
        drop(free);
        let began = Instant::now();
        let child = Command::new(binary())
            .arg("serve")
            .env("LISTEN_ADDR", address.to_string())
            .env("DATABASE_URL", postgres.url())
            .env(
                "DATABASE_READ_URL",
                replica.map(OwnPostgres::url).unwrap_or_default(),
            )
            .env("SIRIUS_URL", format!("http://{}", sirius.address))
            .env("EVENT_SINK_URL", format!("http://{}/events", sink.address))
            .env("EVENT_SINK_BACK_OFF_MOST", "5s")
            .env("JWT_SECRET", SECRET)
            // So that Sirius is asked again and again, and its going away is noticed.
            .env("USER_CACHE_FRESH", "5s")
            .env("SESSION_REMEMBERED", "2s")
            .env("RATE_PER_CALLER", "1000000")
            .env("LOG_FORMAT", "json")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a server");
        let mut server = Self {
            child,
            address,
            start: Duration::ZERO,
            idle: 0,
            binary: std::fs::metadata(binary()).map_or(0, |it| it.len()),
        };
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let live = format!("http://{address}/health/live");
        while http.get(&live).send().await.is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "it does not start"
            );
            sleep(Duration::from_millis(1)).await;
        }
        server.start = began.elapsed();
        sleep(Duration::from_secs(1)).await;
        server.idle = server.memory("VmRSS:");
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, what: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a server that lives");
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kib = line.and_then(|it| it.split_whitespace().next());
        kib.and_then(|it| it.parse::<u64>().ok()).expect("a number") / 1024
    }

    /// Processor time that it has taken.
    pub(crate) fn processor(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).expect("a server that lives");
        // After the name, which may hold anything: fields 14 and 15 of all, in hundredths of a second.
        let fields = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let ticks = fields
            .skip(11)
            .take(2)
            .map(|it| it.parse::<u64>().unwrap_or(0));
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// Its memory every few seconds, until it is over.
    pub(crate) async fn watch_memory(&self, is_over: Arc<AtomicBool>) -> Vec<u64> {
        let mut all = Vec::new();
        while !is_over.load(Ordering::SeqCst) {
            all.push(self.memory("VmRSS:"));
            sleep(LOOK).await;
        }
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether every change that was answered is there, and every event has arrived.
pub(crate) async fn nothing_is_lost(
    _server: &Server,
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
