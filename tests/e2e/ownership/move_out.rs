//! Moving the schema to a database of its own, as `docs/runbooks/separate-database.md` has it, step
//! by step, while a writer runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::task::JoinHandle;

use super::{Live, err, on_postgres, out, texts};

/// Steps of the runbook that are SQL, by their heading: the test runs what the operator would.
fn step(name: &str) -> String {
    let runbook = include_str!("../../../docs/runbooks/separate-database.md");
    let (_, section) = runbook.split_once(&format!("### {name}")).expect(name);
    let (_, block) = section.split_once("```sql\n").expect(name);
    block.split_once("```").unwrap().0.to_owned()
}

/// Waits until a query on a database gives `true`, for at most ten seconds.
async fn until(db: &DatabaseConnection, sql: &str) {
    for _ in 0..2_000 {
        if texts(db, sql).await.concat() == "true" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {sql}");
}

/// A writer that inserts one row after another and counts what was acknowledged. Once refused, it
/// goes on where it is told to, which ends the pause.
struct Writer {
    run: JoinHandle<(i32, Duration)>,
    moved: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicI32>,
}

impl Writer {
    fn start(old: DatabaseConnection, new: DatabaseConnection) -> Self {
        let (moved, stop) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let written = Arc::<AtomicI32>::default();
        let flags = (Arc::clone(&moved), Arc::clone(&stop), Arc::clone(&written));
        let run = tokio::spawn(async move {
            let (moved, stop, written) = flags;
            let (mut acknowledged, mut pause) = (0, Duration::ZERO);
            let mut refused_at: Option<Instant> = None;
            while !stop.load(Ordering::SeqCst) {
                let db = if moved.load(Ordering::SeqCst) {
                    &new
                } else {
                    &old
                };
                let insert = format!(
                    "INSERT INTO property VALUES (nextval('property_id_seq'), 'w{acknowledged}', '')"
                );
                if db.execute_unprepared(&insert).await.is_ok() {
                    acknowledged += 1;
                    written.store(acknowledged, Ordering::SeqCst);
                    if let Some(since) = refused_at.take() {
                        pause = pause.max(since.elapsed());
                    }
                } else {
                    refused_at.get_or_insert_with(Instant::now);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            (acknowledged, pause)
        });
        Self {
            run,
            moved,
            stop,
            written,
        }
    }

    async fn go_on(&self, more: i32) {
        let until = self.written.load(Ordering::SeqCst) + more;
        while self.written.load(Ordering::SeqCst) < until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Every key once, and as many as were acknowledged.
async fn assert_whole(db: &DatabaseConnection, acknowledged: i32) {
    let sql = "SELECT count(*) || ' ' || count(DISTINCT key) || ' ' || count(DISTINCT id)
        FROM supervision_finance.property WHERE key LIKE 'w%'";
    let expected = format!("{acknowledged} {acknowledged} {acknowledged}");
    assert_eq!(texts(db, sql).await, [expected]);
}

#[test]
fn the_schema_moves_out_while_a_writer_runs_and_no_row_is_lost_or_doubled() {
    on_postgres(async || {
        let mut old = Live::sirius().await;
        let level = old.texts("SHOW wal_level").await.concat();
        assert_eq!(
            level, "logical",
            "the tests' server must run with wal_level=logical"
        );
        for arguments in [&["adopt"][..], &["up"]] {
            assert!(old.migration(arguments).status.success());
        }
        let service = old.role("service", "LOGIN").await;
        assert!(
            old.migration(&["access", "set", &service, "read-write"])
                .status
                .success()
        );
        assert_eq!(
            old.migration(&["verify", "--isolated"]).status.code(),
            Some(0)
        );

        // 1. The new database: same migrations, same rights.
        let new = Live::empty().await;
        assert!(new.migration(&["up"]).status.success());
        assert!(
            new.migration(&["access", "set", &service, "read-write"])
                .status
                .success()
        );
        let writer = Writer::start(
            old.connect_as(&service).await,
            new.connect_as(&service).await,
        );
        writer.go_on(20).await;

        // 2. and 3. Publish and subscribe. Both databases are on one server here, where the slot
        // must be made beforehand: the runbook says so.
        old.run(&step("2. Publish")).await;
        let slot = format!("move_{}", new.database.name());
        old.run(&format!(
            "SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"
        ))
        .await;
        let subscribe = step("3. Subscribe")
            .replace(
                "host=OLD_HOST dbname=OLD_DATABASE user=finance_replication",
                &connection_string(&old),
            )
            .replace(
                "WITH (",
                &format!("WITH (create_slot = false, slot_name = '{slot}', "),
            );
        new.run(&subscribe).await;
        until(
            &new.db,
            "SELECT bool_and(srsubstate = 'r')::text FROM pg_subscription_rel",
        )
        .await;
        writer.go_on(50).await;

        // 4. The pause: nobody writes on the old side, the new side catches up, sequences follow.
        let began = Instant::now();
        for role in [&service, &old.sirius] {
            let output = old.migration(&["access", "set", role, "read-only", "--force"]);
            assert!(output.status.success(), "{}", err(&output));
        }
        let end = old
            .texts("SELECT pg_current_wal_lsn()::text")
            .await
            .concat();
        let caught_up = format!(
            "SELECT (confirmed_flush_lsn >= '{end}')::text FROM pg_replication_slots WHERE slot_name = '{slot}'"
        );
        until(&old.db, &caught_up).await;
        for statement in old.texts(&step("5. Bring the sequences over")).await {
            new.run(&statement).await;
        }
        let counts = step("6. Compare");
        assert_eq!(old.texts(&counts).await, new.texts(&counts).await);

        // 7. Turn the line around before anybody writes on the new side: the way back.
        new.run(&drop_subscription("finance_move")).await;
        old.run(&format!("SELECT pg_drop_replication_slot('{slot}')"))
            .await;
        new.run(&step("2. Publish")).await;
        let back = format!("back_{}", new.database.name());
        new.run(&format!(
            "SELECT pg_create_logical_replication_slot('{back}', 'pgoutput')"
        ))
        .await;
        old.run(&format!(
            "CREATE SUBSCRIPTION finance_back CONNECTION '{}' PUBLICATION finance_move \
             WITH (create_slot = false, slot_name = '{back}', copy_data = false)",
            connection_string(&new)
        ))
        .await;

        // 8. Writers go to the new database.
        writer.moved.store(true, Ordering::SeqCst);
        writer.go_on(50).await;
        let switched = began.elapsed();
        writer.stop.store(true, Ordering::SeqCst);
        let (acknowledged, pause) = writer.run.await.unwrap();
        println!("{acknowledged} rows, a write pause of {pause:?}, {switched:?} in all");
        assert!(acknowledged >= 120);
        assert_whole(&new.db, acknowledged).await;
        let verified = new.migration(&["verify"]);
        assert_eq!(
            verified.status.code(),
            Some(0),
            "{}{}",
            out(&verified),
            err(&verified)
        );

        // The way back: the old side has followed.
        let end = new
            .texts("SELECT pg_current_wal_lsn()::text")
            .await
            .concat();
        let caught_up = format!(
            "SELECT (confirmed_flush_lsn >= '{end}')::text FROM pg_replication_slots WHERE slot_name = '{back}'"
        );
        until(&new.db, &caught_up).await;
        assert_whole(&old.db, acknowledged).await;
        old.run(&drop_subscription("finance_back")).await;
        new.run(&format!("SELECT pg_drop_replication_slot('{back}')"))
            .await;
        new.drop().await;
        old.drop().await;
    });
}

/// Drops a subscription and leaves its slot, which was made apart.
fn drop_subscription(name: &str) -> String {
    format!(
        "ALTER SUBSCRIPTION {name} DISABLE; ALTER SUBSCRIPTION {name} SET (slot_name = NONE); \
         DROP SUBSCRIPTION {name}"
    )
}

/// What a subscriber connects by.
fn connection_string(live: &Live) -> String {
    let url = url::Url::parse(live.database.url()).unwrap();
    let password = url
        .password()
        .map(|it| format!(" password={it}"))
        .unwrap_or_default();
    format!(
        "host={} port={} dbname={} user={}{password}",
        url.host_str().unwrap(),
        url.port().unwrap_or(5432),
        live.database.name(),
        url.username(),
    )
}
