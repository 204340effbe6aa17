//! The schema: entities and migrations agree, and migrations can be trusted.

use std::collections::BTreeMap;
use std::time::Duration;

use migration::connection::Missing;
use migration::runner::{RunError, Runner};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, Schema, Statement};
use tests::database::TestDatabase;
use tests::{Kind, both_databases, postgres_only};

/// Table and column to type and nullability, as the catalogue has them.
async fn columns(db: &DatabaseConnection) -> BTreeMap<(String, String), (String, bool)> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
                    NOT a.attnotnull \
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' \
             AND a.attnum > 0 AND NOT a.attisdropped"
        }
        _ => {
            "SELECT m.name, p.name, p.type, p.\"notnull\" = 0 \
             FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        }
    };
    let rows = db
        .query_all_raw(Statement::from_string(backend, sql))
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| {
            let text = |place| row.try_get_by_index::<String>(place).unwrap();
            let nullable = row.try_get_by_index::<bool>(3).unwrap();
            ((text(0), text(1)), (text(2), nullable))
        })
        .filter(|((table, _), _)| !["seaql_migrations", "guarded_role"].contains(&table.as_str()))
        .collect()
}

/// Everything the catalogue says of the schema, as lines.
async fn description(db: &DatabaseConnection) -> Vec<String> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || \
                    is_nullable || ' ' || coalesce(column_default, '') AS line \
             FROM information_schema.columns WHERE table_schema = current_schema() \
             UNION ALL SELECT 'index ' || indexdef FROM pg_indexes \
             WHERE schemaname = current_schema() \
             UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) \
             FROM pg_constraint WHERE connamespace = current_schema()::regnamespace \
             UNION ALL SELECT 'sequence ' || sequencename FROM pg_sequences \
             WHERE schemaname = current_schema() \
             UNION ALL SELECT 'row ' || t::text FROM transaction_type t \
             UNION ALL SELECT 'row ' || t::text FROM account t"
        }
        _ => "SELECT coalesce(sql, name) AS line FROM sqlite_master",
    };
    let rows = db
        .query_all_raw(Statement::from_string(backend, sql))
        .await
        .unwrap();
    let mut lines = rows
        .iter()
        .map(|row| row.try_get::<String>("", "line").unwrap())
        .collect::<Vec<_>>();
    lines.sort();
    lines
}

macro_rules! create_all {
    ($db:expr, $($entity:ident)+) => {{
        let db = $db;
        let schema = Schema::new(db.get_database_backend());
        $(
            let mut table = schema.create_table_from_entity(entity::$entity::Entity);
            db.execute(table.if_not_exists()).await.unwrap();
        )+
    }};
}

async fn runner(database: &TestDatabase) -> Runner {
    Runner::connect(database.url(), Missing::Create)
        .await
        .unwrap()
}

both_databases! {
    async fn entities_and_migrated_schema_agree_on_every_column(t) {
        let kind = match t.db.get_database_backend() {
            DbBackend::Postgres => Kind::Postgres,
            _ => Kind::Sqlite,
        };
        let declared = TestDatabase::create_empty(kind).await;
        let db = declared.connect(Duration::from_secs(5)).await;
        if kind == Kind::Postgres {
            db.execute_unprepared("CREATE SCHEMA supervision_finance").await.unwrap();
        }
        create_all!(&db,
            finance_client billing_period fee_reduction invoice invoice_email_status
            invoice_fee_range ledger ledger_allocation counter property rate invoice_adjustment
            refund bank_details payment_method pending_collection outgoing_event idempotency_key cost_centre account
            transaction_type);
        let mut expected = columns(&db).await;
        for (kind, _) in expected.values_mut() {
            // PostgreSQL's own word; SQLite's migrations say what the library says there.
            if kind == "timestamp(0)" {
                *kind = "datetime_text".to_owned();
            }
        }
        let found = columns(&t.db).await;
        for (column, is) in &expected {
            assert_eq!(found.get(column), Some(is), "{column:?}");
        }
        for column in found.keys() {
            assert!(expected.contains_key(column), "no entity has {column:?}");
        }
        db.close().await.unwrap();
        declared.drop().await;
    }

    async fn up_down_up_ends_where_up_did(t) {
        let first = description(&t.db).await;
        let runner = runner(&t.database).await;
        let reverted = runner.down(100, None).await.unwrap();
        assert!(runner.status().await.unwrap().iter().all(|(_, applied)| !applied));
        assert_eq!(columns(&t.db).await.len(), 0, "nothing is left");
        let mut applied = runner.up(None).await.unwrap();
        applied.reverse();
        assert_eq!(applied, reverted);
        assert_eq!(description(&t.db).await, first);
        runner.close().await.unwrap();
    }

    async fn each_step_taken_back_and_applied_again_ends_where_it_was(t) {
        let runner = runner(&t.database).await;
        let count = runner.status().await.unwrap().len();
        for _ in 1..count {
            runner.down(1, None).await.unwrap();
            let lower = description_below_reference(&t.db).await;
            runner.up(Some(1)).await.unwrap();
            runner.down(1, None).await.unwrap();
            assert_eq!(description_below_reference(&t.db).await, lower);
        }
        runner.close().await.unwrap();
    }

    async fn a_down_that_would_lose_rows_wants_the_databases_name(t) {
        t.database.execute(
            "INSERT INTO finance_client (id, client_id, sop_number, payment_method, court_ref) \
             VALUES (1, 1001, '1', 'DEMANDED', '10010001')",
        ).await;
        t.database.execute(
            "INSERT INTO payment_method (id, finance_client_id, type, created_at, created_by) \
             VALUES (1, 1, 'DEMANDED', '2025-01-01 00:00:00', 3)",
        ).await;
        let runner = runner(&t.database).await;
        runner.down(4, None).await.unwrap();
        let refused = runner.down(1, None).await.unwrap_err();
        let RunError::WouldLose { lost, database, .. } = &refused else { panic!("{refused}") };
        assert_eq!((lost.as_slice(), database.as_str()), (["payment_method".to_owned()].as_slice(), t.database.name()));
        let refused = runner.down(1, Some("another")).await.unwrap_err();
        assert!(matches!(refused, RunError::NotConfirmed { .. }), "{refused}");
        assert_eq!(runner.down(1, Some(t.database.name())).await.unwrap().len(), 1);

        // Down to where the court reference was added: its column has a value.
        runner.down(4, None).await.unwrap();
        let refused = runner.down(1, None).await.unwrap_err();
        let RunError::WouldLose { lost, .. } = &refused else { panic!("{refused}") };
        assert_eq!(lost, &["finance_client.court_ref".to_owned()]);
        runner.close().await.unwrap();
    }

    async fn fresh_wants_the_databases_name(t) {
        t.database.execute(
            "INSERT INTO property (id, key, value) VALUES (1, 'a', 'b')",
        ).await;
        let runner = runner(&t.database).await;
        for wrong in [None, Some("another")] {
            let refused = runner.fresh(wrong).await.unwrap_err();
            assert!(matches!(refused, RunError::NotConfirmed { .. }), "{refused}");
        }
        let before = description(&t.db).await;
        runner.fresh(Some(t.database.name())).await.unwrap();
        assert_eq!(description(&t.db).await, before);
        assert!(entity::property::Entity::find().all(&t.db).await.unwrap().is_empty());
        runner.close().await.unwrap();
    }

    async fn down_and_fresh_never_go_below_an_adopted_version(t) {
        let runner = runner(&t.database).await;
        let versions = runner.status().await.unwrap();
        let adopted = &versions[versions.len() - 3].0;
        t.database.execute("CREATE TABLE schema_adoption (version varchar PRIMARY KEY)").await;
        t.database.execute(&format!("INSERT INTO schema_adoption VALUES ('{adopted}')")).await;
        let name = Some(t.database.name());
        let refused = runner.down(100, name).await.unwrap_err();
        let RunError::Stopped { done, cause } = &refused else { panic!("{refused}") };
        assert_eq!(done.len(), 2, "what stands above it was taken back, and is said");
        assert!(matches!(cause.as_ref(), RunError::Adopted(version) if version == adopted));
        let applied = runner.status().await.unwrap().iter().filter(|(_, applied)| *applied).count();
        assert_eq!(applied, versions.len() - 2, "what stands above it was taken back");
        let refused = runner.fresh(name).await.unwrap_err();
        assert!(matches!(refused, RunError::Adopted(_)), "{refused}");
        runner.close().await.unwrap();
    }

    async fn up_refuses_tables_without_bookkeeping(t) {
        t.database.execute("DROP TABLE seaql_migrations").await;
        let runner = runner(&t.database).await;
        let refused = runner.up(None).await.unwrap_err();
        assert!(matches!(refused, RunError::NotAdopted), "{refused}");
        t.database.execute(
            "CREATE TABLE seaql_migrations (version varchar PRIMARY KEY, applied_at bigint NOT NULL)",
        ).await;
        let refused = runner.up(None).await.unwrap_err();
        assert!(matches!(refused, RunError::NotAdopted), "an empty record is none: {refused}");
        let refused = runner.fresh(Some(t.database.name())).await.unwrap_err();
        assert!(matches!(refused, RunError::NotAdopted), "{refused}");
        runner.close().await.unwrap();
    }

    async fn a_report_with_rows_is_kept(t) {
        let runner = runner(&t.database).await;
        while t.db.execute_unprepared("SELECT 1 FROM report").await.is_err() {
            runner.down(1, None).await.unwrap();
        }
        t.database.execute(
            "INSERT INTO report (id, batchnumber, type, datetime, count) \
             VALUES (1, 1, 'old', '2020-01-01 00:00:00', 1)",
        ).await;
        runner.up(None).await.unwrap();
        t.db.execute_unprepared("SELECT 1 FROM report").await.unwrap();
        // Nothing was dropped, so taking the step back makes nothing and loses nothing.
        runner.down(4, None).await.unwrap();
        t.db.execute_unprepared("SELECT 1 FROM report").await.unwrap();
        runner.close().await.unwrap();
    }

    async fn reference_data_are_those_of_the_files(t) {
        use entity::{account, cost_centre, transaction_type};
        assert_eq!(cost_centre::Entity::find().all(&t.db).await.unwrap().len(), 3);
        assert_eq!(account::Entity::find().all(&t.db).await.unwrap().len(), 25);
        let types = transaction_type::Entity::find().all(&t.db).await.unwrap();
        assert_eq!(types.len(), 75);
        let memo = types.iter().find(|row| row.id == 62).unwrap();
        assert_eq!(memo.ledger_type.as_deref(), Some("DEBIT MEMO"));
        assert_eq!(memo.account_code, Some(4_481_102_107));
        assert_eq!(memo.is_receipt, Some(false));
    }
}

postgres_only! {
    async fn everything_lives_in_the_schema_bookkeeping_included(t) {
        let sql = "SELECT count(*) AS outside FROM pg_tables WHERE schemaname NOT IN \
                   ('supervision_finance', 'pg_catalog', 'information_schema')";
        let row = t.db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
        assert_eq!(row.unwrap().try_get::<i64>("", "outside").unwrap(), 0);
        t.db.execute_unprepared("SELECT 1 FROM supervision_finance.seaql_migrations").await.unwrap();
    }

    async fn two_runs_at_once_apply_each_migration_once(t) {
        let database = TestDatabase::create_empty(Kind::Postgres).await;
        let (first, second) = (runner(&database).await, runner(&database).await);
        let up = async |runner: Runner| {
            runner.lock(Duration::from_secs(20)).await.unwrap();
            let applied = runner.up(None).await.unwrap();
            runner.close().await.unwrap();
            applied.len()
        };
        let (first, second) = futures_util::join!(up(first), up(second));
        assert_eq!((first.min(second), first.max(second)), (0, 16));
        database.drop().await;
        let _ = t;
    }

    async fn who_does_not_get_the_lock_says_so_and_does_nothing(t) {
        let (first, second) = (runner(&t.database).await, runner(&t.database).await);
        first.lock(Duration::from_secs(1)).await.unwrap();
        let refused = second.lock(Duration::from_millis(100)).await.unwrap_err();
        assert!(matches!(refused, RunError::Busy), "{refused}");
        first.close().await.unwrap();
        second.lock(Duration::from_secs(1)).await.unwrap();
        second.close().await.unwrap();
    }
}

/// The description without the rows of tables that a lower version may lack.
async fn description_below_reference(db: &DatabaseConnection) -> Vec<String> {
    let backend = db.get_database_backend();
    let mut lines = columns(db)
        .await
        .into_iter()
        .map(|column| format!("{column:?}"))
        .collect::<Vec<_>>();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT indexdef AS line FROM pg_indexes WHERE schemaname = current_schema() \
             UNION ALL SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema()"
        }
        _ => "SELECT coalesce(sql, name) AS line FROM sqlite_master WHERE type = 'index'",
    };
    let rows = db
        .query_all_raw(Statement::from_string(backend, sql))
        .await
        .unwrap();
    lines.extend(
        rows.iter()
            .map(|row| row.try_get::<String>("", "line").unwrap()),
    );
    lines.sort();
    lines
}
