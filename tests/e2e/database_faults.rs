//! PostgreSQL in trouble: docs/operations/database.md has a row for each.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api::clock::Clock as _;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;
use tests::token::{SECRET, claims, sign};
use tests::{Answer, OFFICER, OwnPostgres, Proxy, StopMode, postgres_only};

use super::life::{CLIENT, a_client_of, http, invoice, manager_token, on_own_servers, post};
use super::mutations::*;
use super::process::{Server, serve, serve_with};

postgres_only! {
    async fn a_pool_that_is_full_is_unavailable_in_time_and_recovers(t) {
        a_client(t).await;
        let mut command = serve_with(t.database.url(), t.sirius.origin.as_str());
        command.env("DATABASE_POOL_SIZE", "4").env("DATABASE_TIMEOUT", "500ms");
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
        // Half of the connections are for readers: two wait for the lock, the others for a connection, and no
        // longer than that.
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
        postgres.set("ssl", "on").await;
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

/// So many changes were answered, and are there.
async fn each_is_there_once(postgres: &OwnPostgres, made: usize) {
    for table in ["invoice", "idempotency_key"] {
        let count = format!("SELECT count(*) FROM supervision_finance.{table}");
        assert_eq!(postgres.ask(&count).await, made.to_string(), "{table}");
    }
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
        each_is_there_once(&postgres, made).await;
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
        primary.set("synchronous_standby_names", "*").await;
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
        each_is_there_once(&standby, made).await;
        assert_eq!(server.ready().await.0, 200);
        eprintln!("{made} changes through a failover, {refused} answers said UNAVAILABLE");
    });
}
