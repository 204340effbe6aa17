//! The life of a process: its settings, its end, its log and its clock.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use api::clock::Clock as _;
use api::dispatch::{Dispatcher, SinkSettings};
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::RequestBuilder;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};
use tests::events::Events;
use tests::socket::{Heard, Socket};
use tests::token::{SECRET, claims, fresh, sign};
use tests::{
    Answer, Kind, OFFICER, OwnPostgres, Sink, any_database, both_databases, postgres_only,
};

use super::mutations::*;
use super::process::{Server, binary, serve, serve_with};

/// A server whose log nobody reads; it ends with this.
struct Unheard(Child);

impl Drop for Unheard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) const CLIENT: &str = "{ financeClient(clientId: 1001) { outstandingBalance } }";

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

pub(crate) fn post(
    http: &reqwest::Client,
    address: impl std::fmt::Display,
    body: &Value,
) -> RequestBuilder {
    http.post(format!("http://{address}/graphql")).json(body)
}

pub(crate) fn manager_token() -> String {
    fresh(7, &["Finance Manager"])
}

/// An invoice for client 1001, by a key of its own.
pub(crate) fn invoice(key: usize) -> Value {
    let query = "mutation Change($input: AddManualInvoiceInput!) {
        addManualInvoice(input: $input) { invoice { reference } userErrors { code message } } }";
    let input = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": "2025-08-01",
        "idempotencyKey": format!("invoice-{key}") });
    json!({ "query": query, "variables": { "input": input } })
}

/// Runs a test on servers of its own, unless PostgreSQL is left out.
pub(crate) fn on_own_servers(body: impl AsyncFnOnce()) {
    if !Kind::Postgres.is_wanted() {
        eprintln!("left out: FINANCE_TEST_DB narrows this run to the other database");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(body());
}

pub(crate) async fn a_client_of(postgres: &OwnPostgres) {
    let db = postgres.connect().await;
    let insert = "INSERT INTO finance_client (id, client_id, sop_number, payment_method) \
                  VALUES (1, 1001, '10010001', 'DEMANDED')";
    db.execute_unprepared(insert).await.unwrap();
    db.close().await.unwrap();
}

postgres_only! {
    async fn settings_come_from_a_file_and_the_urls_of_the_database_from_files_of_their_own(t) {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("database-url");
        fs::write(&url, format!("{}\n", t.database.url())).unwrap();
        let config = folder.path().join("finance-api.toml");
        let text = format!(
            "database-url-file = \"{}\"\nsirius-url = \"{}\"\nlisten-addr = \"127.0.0.1:0\"\nlog-format = \"json\"\n",
            url.display(), t.sirius.origin,
        );
        fs::write(&config, text).unwrap();
        let mut command = serve(t.database.url());
        command.env_remove("DATABASE_URL").env("CONFIG_FILE", &config);
        // The flag of `serve` stands in the command; the file's address is for those without.
        let server = Server::start(&mut command);
        assert_eq!(server.ready().await.0, 200);
        assert!(server.log().lines().all(|line| line.starts_with('{')), "{}", server.log());
        drop(server);
        let migration = |file: &Path| {
            let mut command = Command::new(binary("migration"));
            command.arg("status").env_remove("DATABASE_URL").env("DATABASE_URL_FILE", file);
            command.output().unwrap()
        };
        let status = migration(&url);
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        let nowhere = migration(&folder.path().join("nowhere"));
        assert!(String::from_utf8_lossy(&nowhere.stderr).contains("DATABASE_URL_FILE cannot be read"));
        let both = serve(t.database.url()).env("DATABASE_URL_FILE", &url).output().unwrap();
        let text = String::from_utf8_lossy(&both.stderr).into_owned();
        assert!(text.contains("DATABASE_URL and DATABASE_URL_FILE are both given"), "{text}");
        assert!(!text.contains("postgres://postgres@"), "{text}");
    }

    async fn told_to_stop_it_says_so_finishes_what_it_has_accepted_and_ends_streams(t) {
        a_client(t).await;
        let mut command = serve_with(t.database.url(), t.sirius.origin.as_str());
        command.env("JWT_SECRET", SECRET).env("STOP_DELAY", "1s");
        let mut server = Server::start(&mut command);
        let http = http();
        let watch = json!({ "query": "subscription { billingHistoryChanged(clientId: 1001) { clientId } }" });
        let watch = post(&http, &server.address, &watch).header("Cookie", OFFICER).header("X-XSRF-TOKEN", "a+b c");
        let mut events = Events::of(watch).await;

        let lock = t.db.begin().await.unwrap();
        lock.execute_unprepared("LOCK TABLE finance_client IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let query = json!({ "query": CLIENT });
        let asked = post(&http, &server.address, &query).header("Cookie", OFFICER);
        let asked = tokio::spawn(Answer::of(asked));
        let change = post(&http, &server.address, &invoice(1)).bearer_auth(manager_token());
        let change = tokio::spawn(Answer::of(change));
        tokio::time::sleep(Duration::from_millis(500)).await;

        server.terminate();
        let told = Instant::now();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(server.ready().await, (503, "the service stops\n".to_owned()));
        let still = post(&http, &server.address, &json!({ "query": "{ viewer { id } }" })).header("Cookie", OFFICER);
        Answer::of(still).await.data("/viewer");
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        let late = post(&http, &server.address, &query).header("Cookie", OFFICER).send().await;
        assert!(late.unwrap_err().is_connect());
        lock.rollback().await.unwrap();
        asked.await.unwrap().data("/financeClient");
        let made = change.await.unwrap();
        assert_eq!(made.data("/addManualInvoice/invoice/reference"), "AD000001/25");
        assert_eq!(events.next().await.map(|it| it.0), Some("complete".to_owned()));
        assert_eq!(events.next().await, None);
        let status = server.ended(Duration::from_secs(10)).await;
        assert!(status.success() && told.elapsed() < Duration::from_secs(10), "{status}");
        assert_eq!(count(t, "invoice").await, 1);
    }

    async fn what_a_websocket_has_asked_is_answered_before_it_is_closed(t) {
        a_client(t).await;
        let instance = t.instance().await;
        let mut socket = Socket::begun(&instance).await;
        let lock = t.db.begin().await.unwrap();
        lock.execute_unprepared("LOCK TABLE finance_client IN ACCESS EXCLUSIVE MODE").await.unwrap();
        socket.subscribe("1", CLIENT).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let hearing = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            lock.rollback().await.unwrap();
            (socket.next().await, socket.next().await, socket.next().await)
        };
        let ((next, complete, closed), ()) = tokio::join!(hearing, instance.stop());
        let data = json!({ "financeClient": { "outstandingBalance": 0 } });
        let next_of_it = json!({ "type": "next", "id": "1", "payload": { "data": data } });
        assert_eq!(next, Heard::Message(next_of_it));
        assert_eq!(complete, Heard::Message(json!({ "type": "complete", "id": "1" })));
        assert_eq!(closed, Heard::Closed(1001));
    }

    async fn a_log_that_nobody_reads_holds_up_no_request(t) {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut command = Command::new(binary("finance-api"));
        command.arg("serve").env("DATABASE_URL", t.database.url()).stderr(Stdio::piped());
        command.env("LISTEN_ADDR", address.to_string()).env("SIRIUS_URL", t.sirius.origin.as_str());
        // Its pipe takes 64 KiB, and what waits before that ten thousand lines.
        command.stdout(Stdio::null());
        let mut child = Unheard(command.spawn().unwrap());
        let http = http();
        let by = Instant::now() + Duration::from_secs(20);
        let live = format!("http://{address}/health/live");
        while http.get(&live).send().await.is_err() {
            assert!(Instant::now() < by, "it does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
        join_all((0..16).map(async |_| {
            for _ in 0..900 {
                let nowhere = http.get(format!("http://{address}/nowhere"));
                assert_eq!(nowhere.send().await.unwrap().status(), 404);
            }
        }))
        .await;
        let id = child.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let by = Instant::now() + Duration::from_secs(10);
        while child.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < by, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

both_databases! {
    async fn a_clock_that_jumps_costs_no_session_no_name_and_no_event(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        let settings = SinkSettings::at(sink.url.clone());
        let dispatcher = Dispatcher::new(t.db.clone(), t.clock.clone(), settings).unwrap();
        let names = "{ financeClient(clientId: 1001) { billingHistory { nodes { createdBy { displayName } } } } }";
        an_invoice(t, "2024-05-01").await;
        t.ask(names).await.data("/financeClient");
        dispatcher.round().await.unwrap();
        t.sirius.take_checks();
        t.sirius.take_lists();
        let mut sent = sink.taken().len();
        for (number, jump) in [TimeDelta::days(3), TimeDelta::days(-10), TimeDelta::days(7)].into_iter().enumerate() {
            t.clock.jump(jump);
            let answer = t.ask(names).await;
            assert_eq!(answer.data("/financeClient/billingHistory/nodes/0/createdBy/displayName"), "Finance Manager");
            // A token made now, by whatever clock.
            let token = sign(&claims(3, &["Finance User"], t.clock.now().timestamp()), SECRET);
            let method = ["DIRECT_DEBIT", "DEMANDED"][number % 2];
            let change = format!("mutation {{ changePaymentMethod(input: {{ clientId: 1001, paymentMethod: {method} }})
                {{ userErrors {{ code }} }} }}");
            let change = t.post().bearer_auth(token).json(&json!({ "query": change }));
            let answer = Answer::of(change).await;
            assert_eq!(answer.data("/changePaymentMethod/userErrors"), &json!([]));
            // A sink that fails puts the event off, by the clock that is now ahead.
            if number == 0 {
                sink.fault(|_| Some(axum::http::StatusCode::SERVICE_UNAVAILABLE));
                dispatcher.round().await.unwrap();
                sink.mend();
                continue;
            }
            // As it does by itself every quarter of a minute.
            dispatcher.bring_back().await.unwrap();
            while dispatcher.round().await.unwrap().delivered > 0 {}
            let now = sink.taken().len();
            assert_eq!(now - sent, if number == 1 { 2 } else { 1 }, "after {jump}");
            sent = now;
        }
        assert!(t.sirius.take_checks().is_empty(), "the session was still remembered");
        assert!(t.sirius.take_lists().is_empty(), "the list was still fresh");
        assert_books(t).await;
    }
}

any_database! {
    async fn readiness_is_remembered_for_a_second(t) {
        let ready = async || t.get("/health/ready").send().await.unwrap().status().as_u16();
        assert_eq!(ready().await, 200);
        t.database.execute("DELETE FROM seaql_migrations").await;
        assert_eq!(ready().await, 200);
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        assert_eq!(ready().await, 503);
    }
}
