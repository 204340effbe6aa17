//! A server that is killed in the middle of changes: what it has answered is there, its events are sent,
//! and nothing is there in part.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::demo::books::*;
use entity::stored::*;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::token::{SECRET, fresh};
use tests::{Harness, Sink, postgres_only};

use super::mutations::*;
use super::process::{Server, serve};

const CHANGES: usize = 1_000;
const CLIENTS: usize = 5;
const KILLS: usize = 6;
/// What each client has at first: enough for all invoices.
const CREDIT: i64 = 10_000_000;

fn start(t: &Harness, sink: &Sink) -> Server {
    Server::start(
        serve(t.database.url())
            .env("JWT_SECRET", SECRET)
            .env("EVENT_SINK_URL", sink.url.as_str())
            // Shorter than the margin of a lease, which outlives its holder.
            .env("EVENT_SINK_TIMEOUT", "1s"),
    )
}

fn token() -> String {
    fresh(7, &["Finance Manager"])
}

/// Makes an invoice of £100 with a key of its own, as often as it takes to be answered.
async fn change(http: &reqwest::Client, address: &Mutex<String>, number: usize) -> String {
    let query = "mutation Change($input: AddManualInvoiceInput!) {
        addManualInvoice(input: $input) { invoice { reference } userErrors { code message } } }";
    let input = json!({ "clientId": 1001 + number % CLIENTS, "feeType": "AD", "raisedDate": "2025-08-01",
        "idempotencyKey": format!("change-{number}") });
    let body = json!({ "query": query, "variables": { "input": input } });
    loop {
        let url = format!("http://{}/graphql", address.lock().unwrap());
        let sent = http.post(url).bearer_auth(token()).json(&body).send().await;
        let answer = match sent {
            Ok(answer) => answer.json::<Value>().await.unwrap_or_default(),
            Err(_) => Value::Null,
        };
        if let Some(reference) = answer["data"]["addManualInvoice"]["invoice"]["reference"].as_str()
        {
            return reference.to_owned();
        }
        let errors = &answer["errors"][0]["extensions"]["code"];
        assert!(answer.is_null() || errors == "UNAVAILABLE", "{answer:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

postgres_only! {
    async fn what_was_answered_is_there_and_nothing_is_there_in_part(t) {
        let mut books = Books::default();
        for client in 0..CLIENTS {
            let mut story = books.client(1001 + client as i32, &format!("{client}"), PaymentMethod::Demanded);
            story.payment(LedgerType::OpgBacsPayment, "2025-01-01", "2025-01-01 10:00:00", &[overpaid(CREDIT as i32)]);
        }
        t.write(books).await;
        let sink = Sink::start().await;
        let server = Mutex::new(Some(start(t, &sink)));
        let address = Mutex::new(server.lock().unwrap().as_ref().unwrap().address.clone());
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let answered = Mutex::new(HashMap::new());
        let callers = join_all((0..8).map(async |_| {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= CHANGES {
                    return;
                }
                let reference = change(&http, &address, number).await;
                answered.lock().unwrap().insert(number, reference);
                done.fetch_add(1, Ordering::SeqCst);
            }
        }));
        let killer = async {
            for kill in 1..=KILLS {
                while done.load(Ordering::SeqCst) < kill * CHANGES / (KILLS + 1) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                // Dropping it is `kill -9`.
                drop(server.lock().unwrap().take());
                let again = start(t, &sink);
                address.lock().unwrap().clone_from(&again.address);
                *server.lock().unwrap() = Some(again);
            }
        };
        tokio::join!(callers, killer);

        let answered = answered.into_inner().unwrap();
        let mut references = answered.values().cloned().collect::<Vec<_>>();
        references.sort();
        let expected = (1..=CHANGES).map(|number| format!("AD{number:06}/25"));
        assert_eq!(references, expected.collect::<Vec<_>>(), "each once, and no gap");
        for (table, rows) in [
            ("invoice WHERE cacheddebtamount = 0", CHANGES),
            ("invoice", CHANGES),
            ("ledger WHERE type = 'CREDIT REAPPLY'", CHANGES),
            ("ledger_allocation WHERE status = 'REAPPLIED' AND amount = 10000", CHANGES),
            ("idempotency_key", CHANGES),
            ("outgoing_event", CHANGES),
        ] {
            assert_eq!(count(t, table).await, rows as i64, "{table}");
        }
        assert_books(t).await;

        // What a dead server had claimed is sent when its lease is over.
        let waiting = "outgoing_event WHERE delivered_at IS NULL";
        let began = tokio::time::Instant::now();
        while count(t, waiting).await > 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "{} wait", count(t, waiting).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        drop(server.lock().unwrap().take());
        let taken = sink.taken();
        for client in 0..CLIENTS {
            let of_client = taken.iter().filter(|it| it["detail"]["clientId"] == 1001 + client);
            let mut left = of_client.map(|it| it["detail"]["creditRemaining"].as_i64().unwrap()).collect::<Vec<_>>();
            // One that was sent twice comes right after itself: nothing overtakes it.
            left.dedup();
            let each = CHANGES / CLIENTS;
            let expected = (1..=each).map(|number| CREDIT - 10_000 * number as i64);
            assert_eq!(left, expected.collect::<Vec<_>>());
        }
        eprintln!("{} events sent for {CHANGES} changes, {KILLS} kills", taken.len());
    }
}
