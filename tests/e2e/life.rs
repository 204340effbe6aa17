//! The life of a process: its settings, its end, and what may befall the database meanwhile.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use api::clock::Clock as _;
use api::dispatch::{Dispatcher, SinkSettings};
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::RequestBuilder;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};
use tests::events::Events;
use tests::socket::{Heard, Socket};
use tests::token::{SECRET, claims, sign};
use tests::{
    Answer, Kind, OFFICER, OwnPostgres, Proxy, Sink, StopMode, any_database, both_databases,
    postgres_only,
};

use super::mutations::*;
use super::process::{Server, binary, serve, serve_with};

const CLIENT: &str = "{ financeClient(clientId: 1001) { outstandingBalance } }";

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

#[expect(
    clippy::disallowed_methods,
    reason = "a real server reads a real clock"
)]
pub(crate) fn manager_token() -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    sign(
        &claims(7, &["Finance Manager"], now.as_secs() as i64),
        SECRET,
    )
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

    async fn a_pool_that_is_full_is_unavailable_in_time_and_recovers(t) {
        a_client(t).await;
        let mut command = serve_with(t.database.url(), t.sirius.origin.as_str());
        command.env("DATABASE_POOL_SIZE", "2").env("DATABASE_TIMEOUT", "500ms");
        let server = Server::start(&mut command);
        let http = http();
        let ask = async || {
            let query = json!({ "query": CLIENT });
            Answer::of(post(&http, &server.address, &query).header("Cookie", OFFICER)).await
        };
        ask().await.data("/financeClient");
        let lock = t.db.begin().await.unwrap();
        lock.execute_unprepared("LOCK TABLE finance_client IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let began = Instant::now();
        let answers = join_all((0..8).map(async |_| {
            let answer = ask().await;
            (answer.code(), began.elapsed())
        }));
        let answers = answers.await;
        assert!(answers.iter().all(|it| it.0 == "UNAVAILABLE"), "{answers:?}");
        // Two wait for the lock, the others for a connection, and no longer than that.
        let early = answers.iter().filter(|it| it.1 < Duration::from_millis(2_000)).count();
        assert_eq!(early, 6, "{answers:?}");
        lock.rollback().await.unwrap();
        ask().await.data("/financeClient");
    }

    async fn connections_that_are_lost_without_a_word_cost_their_requests_and_are_given_up(t) {
        a_client(t).await;
        t.ask(CLIENT).await.data("/financeClient");
        let lock = t.db.begin().await.unwrap();
        lock.execute_unprepared("LOCK TABLE finance_client IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let token = sign(&claims(7, &["Finance Manager"], t.clock.now().timestamp()), SECRET);
        let change = |key: usize| Answer::of(t.post().bearer_auth(&token).json(&invoice(key)));
        // As many as are made at once.
        let hanging = join_all((0..5).map(change));
        let losing = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            t.proxy.as_ref().unwrap().lose();
        };
        let (answers, ()) = tokio::join!(hanging, losing);
        assert!(answers.iter().all(|it| it.code() == "UNAVAILABLE"));
        lock.rollback().await.unwrap();
        let by = Instant::now() + Duration::from_secs(20);
        while !change(9).await.errors().is_empty() {
            assert!(Instant::now() < by, "changes are not made any more");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for _ in 0..10 {
            t.ask(CLIENT).await.data("/financeClient");
        }
    }

    async fn a_log_that_nobody_reads_holds_up_no_request(t) {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut command = Command::new(binary("finance-api"));
        command.arg("serve").env("DATABASE_URL", t.database.url()).stderr(Stdio::piped());
        command.env("LISTEN_ADDR", address.to_string()).env("SIRIUS_URL", t.sirius.origin.as_str());
        // Its pipe takes 64 KiB, and then nothing.
        let mut child = command.spawn().unwrap();
        let http = http();
        let by = Instant::now() + Duration::from_secs(20);
        let live = format!("http://{address}/health/live");
        while http.get(&live).send().await.is_err() {
            assert!(Instant::now() < by, "it does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for _ in 0..1_000 {
            let nowhere = http.get(format!("http://{address}/nowhere")).timeout(Duration::from_secs(5));
            assert_eq!(nowhere.send().await.unwrap().status(), 404);
        }
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let by = Instant::now() + Duration::from_secs(10);
        while child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < by, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn a_disk_that_is_full_refuses_changes_as_unavailable_and_serves_reads(t) {
        a_client(t).await;
        // What PostgreSQL says when a table cannot grow.
        let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
            CREATE TRIGGER full_disk BEFORE INSERT ON invoice EXECUTE FUNCTION full_disk()";
        t.database.execute(full).await;
        let input = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": "2025-08-01", "idempotencyKey": "one" });
        let answer = by_manager(t, "addManualInvoice", input.clone(), "invoice { reference }").await;
        assert_eq!(answer.errors(), [("UNAVAILABLE".to_owned(), "addManualInvoice".to_owned())]);
        assert!(!answer.body.to_string().contains("space"), "{:#}", answer.body);
        t.ask(CLIENT).await.data("/financeClient");
        t.database.execute("DROP TRIGGER full_disk ON invoice").await;
        let answer = by_manager(t, "addManualInvoice", input, "invoice { reference }").await;
        assert_eq!(answer.data("/addManualInvoice/invoice/reference"), "AD000001/25");
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
            dispatcher.look().await.unwrap();
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

#[test]
fn a_connection_by_tls_is_made_with_the_right_authority_alone() {
    on_own_servers(async || {
        let authority = Authority::new();
        let (certificate, key) = authority.issue("localhost");
        let postgres = OwnPostgres::start(&[]).await;
        a_client_of(&postgres).await;
        let folder = postgres.folder();
        fs::write(folder.join("data/server.crt"), certificate).unwrap();
        fs::write(folder.join("data/server.key"), key).unwrap();
        let own = fs::metadata(folder.join("data")).unwrap();
        for file in ["data/server.crt", "data/server.key"] {
            let file = folder.join(file);
            use std::os::unix::fs::MetadataExt as _;
            std::os::unix::fs::chown(&file, Some(own.uid()), Some(own.gid())).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let trusted = folder.join("authority.pem");
        fs::write(&trusted, authority.certificate()).unwrap();
        let stranger = folder.join("stranger.pem");
        fs::write(&stranger, Authority::new().certificate()).unwrap();
        let url = |mode: &str, root: &Path| {
            let port = postgres.address().port();
            format!(
                "postgres://postgres@localhost:{port}/finance?sslmode={mode}&sslrootcert={}",
                root.display()
            )
        };
        let ready = async |url: &str| {
            let server = Server::start(serve(url).env("DATABASE_TIMEOUT", "1s"));
            // Its LISTEN too has had time to connect.
            tokio::time::sleep(Duration::from_millis(500)).await;
            let ready = server.ready().await.0;
            (ready, postgres.ask("SELECT string_agg(DISTINCT application_name || ':' || ssl, ',' ORDER BY application_name || ':' || ssl)
                FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name LIKE 'finance-api%'").await)
        };
        // A server without TLS is not spoken to.
        assert_eq!(ready(&url("require", &trusted)).await.0, 503);
        let db = postgres.connect().await;
        db.execute_unprepared("ALTER SYSTEM SET ssl = on")
            .await
            .unwrap();
        db.execute_unprepared("SELECT pg_reload_conf()")
            .await
            .unwrap();
        db.close().await.unwrap();
        let connections = "finance-api listens:true,finance-api:true".to_owned();
        assert_eq!(
            ready(&url("verify-full", &trusted)).await,
            (200, connections)
        );
        assert_eq!(ready(&url("verify-full", &stranger)).await.0, 503);
        // Of another name.
        let by_number = url("verify-full", &trusted).replace("localhost", "127.0.0.1");
        assert_eq!(ready(&by_number).await.0, 503);
    });
}

/// Who vouches for a server's name.
struct Authority(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        Self(rcgen::CertifiedIssuer::self_signed(parameters, key).unwrap())
    }

    fn certificate(&self) -> String {
        self.0.pem()
    }

    fn issue(&self, name: &str) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Makes changes while `meanwhile` runs and a little longer, each with a key of its own and sent again until
/// it is answered. Gives how many were made, and how many answers said UNAVAILABLE.
async fn change_through(address: &str, meanwhile: impl AsyncFnOnce()) -> (usize, usize) {
    let http = http();
    let (next, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let callers = join_all((0..4).map(async |_| {
        while !is_over.load(Ordering::SeqCst) {
            let key = next.fetch_add(1, Ordering::SeqCst);
            loop {
                let change = post(&http, address, &invoice(key)).bearer_auth(manager_token());
                let answer = Answer::of(change).await;
                if answer.errors().is_empty() {
                    assert_eq!(answer.data("/addManualInvoice/userErrors"), &json!([]));
                    break;
                }
                assert_eq!(answer.code(), "UNAVAILABLE", "{:#}", answer.body);
                refused.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }));
    let running = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        meanwhile().await;
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(callers, running);
    (next.into_inner(), refused.into_inner())
}

#[test]
fn a_restart_of_the_database_costs_answers_that_say_so_and_no_change() {
    on_own_servers(async || {
        let postgres = OwnPostgres::start(&[]).await;
        a_client_of(&postgres).await;
        let server = Server::start(serve(&postgres.url()).env("JWT_SECRET", SECRET));
        let restarts = async || {
            for mode in [StopMode::Fast, StopMode::Immediate] {
                postgres.stop(mode);
                postgres.launch();
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let (made, refused) = change_through(&server.address, restarts).await;
        assert!(made > 20 && refused > 0, "{made} {refused}");
        let of = |table: &str| format!("SELECT count(*) FROM supervision_finance.{table}");
        assert_eq!(postgres.ask(&of("invoice")).await, made.to_string());
        assert_eq!(postgres.ask(&of("idempotency_key")).await, made.to_string());
        eprintln!("{made} changes through two restarts, {refused} answers said UNAVAILABLE");
    });
}

#[test]
fn after_a_failover_changes_go_on_by_the_new_primary_and_none_is_lost() {
    on_own_servers(async || {
        let primary = OwnPostgres::start(&[]).await;
        a_client_of(&primary).await;
        let standby = primary.standby().await;
        // What is committed is on both: without that a failover may lose what was answered.
        let db = primary.connect().await;
        db.execute_unprepared("ALTER SYSTEM SET synchronous_standby_names = '*'")
            .await
            .unwrap();
        db.execute_unprepared("SELECT pg_reload_conf()")
            .await
            .unwrap();
        db.close().await.unwrap();
        let proxy = Proxy::start(primary.address()).await;
        let mut command = serve(&primary.url_by(proxy.address));
        command
            .env("JWT_SECRET", SECRET)
            .env("DATABASE_TIMEOUT", "1s");
        let server = Server::start(&mut command);
        let failover = async || {
            primary.stop(StopMode::Immediate);
            // The address leads to the standby before that is a primary, as DNS may.
            proxy.lead_to(standby.address());
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            standby.promote();
            tokio::time::sleep(Duration::from_millis(1_000)).await;
        };
        let (made, refused) = change_through(&server.address, failover).await;
        assert!(made > 20 && refused > 0, "{made} {refused}");
        let of = |table: &str| format!("SELECT count(*) FROM supervision_finance.{table}");
        assert_eq!(standby.ask(&of("invoice")).await, made.to_string());
        assert_eq!(standby.ask(&of("idempotency_key")).await, made.to_string());
        assert_eq!(server.ready().await.0, 200);
        eprintln!("{made} changes through a failover, {refused} answers said UNAVAILABLE");
    });
}
