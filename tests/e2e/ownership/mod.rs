//! Owning the schema, stage by stage (ADR 1), on databases as Sirius and the present-day service
//! leave them. PostgreSQL only.

mod access;
mod adopt;
mod history;
mod interrupted;
mod move_out;
mod serve;
mod verify;
mod watch;

use std::process::{Command, Output};
use std::time::Duration;

use migration::connection::Missing;
use migration::runner::Runner;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tests::Kind;
use tests::database::TestDatabase;

use crate::process::binary;

const SIRIUS: &str = include_str!("../../fixtures/sirius_schema.sql");
const PRESENT_DAY: &str = include_str!("../../fixtures/present_day_steps.sql");

/// A live database: one that others have made, with a role of theirs.
struct Live {
    database: TestDatabase,
    db: DatabaseConnection,
    /// Sirius's role: log-in, no password.
    sirius: String,
    roles: Vec<String>,
}

impl Live {
    /// As Sirius hands it over.
    async fn sirius() -> Self {
        let live = Self::empty().await;
        live.run(&SIRIUS.replace("api", &live.sirius)).await;
        live
    }

    /// As the present-day service has left it; reference rows are those of `like`.
    async fn present_day(like: &DatabaseConnection) -> Self {
        let live = Self::sirius().await;
        live.run("DELETE FROM supervision_finance.report").await;
        live.run(&PRESENT_DAY.replace("api", &live.sirius)).await;
        for table in ["cost_centre", "account", "transaction_type"] {
            let rows = texts(like, &format!("SELECT to_jsonb(t)::text FROM {table} t")).await;
            for row in rows {
                let row = row.replace('\'', "''");
                live.run(&format!(
                    "INSERT INTO supervision_finance.{table} OVERRIDING SYSTEM VALUE SELECT * FROM \
                     jsonb_populate_record(NULL::supervision_finance.{table}, '{row}')"
                ))
                .await;
            }
        }
        live
    }

    /// With all our migrations, made by us.
    async fn migrated() -> Self {
        let live = Self::empty().await;
        let runner = live.runner().await;
        runner.up(None).await.unwrap();
        runner.close().await.unwrap();
        live
    }

    async fn empty() -> Self {
        let database = TestDatabase::create_empty(Kind::Postgres).await;
        let db = database.connect(Duration::from_secs(5)).await;
        let mut live = Self {
            db,
            sirius: String::new(),
            roles: Vec::new(),
            database,
        };
        live.sirius = live.role("api", "LOGIN").await;
        live
    }

    /// A role of this test's own.
    async fn role(&mut self, name: &str, options: &str) -> String {
        let role = format!("{name}_{}", self.database.name());
        self.run(&format!("CREATE ROLE {role} {options}")).await;
        self.roles.push(role.clone());
        role
    }

    async fn run(&self, sql: &str) {
        self.db
            .execute_unprepared(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        texts(&self.db, sql).await
    }

    async fn runner(&self) -> Runner {
        Runner::connect(self.database.url(), Missing::Refuse)
            .await
            .unwrap()
    }

    /// The URL as another role.
    fn url_as(&self, role: &str) -> String {
        let mut url = url::Url::parse(self.database.url()).unwrap();
        url.set_username(role).unwrap();
        url.set_password(None).unwrap();
        url.to_string()
    }

    /// A connection as another role.
    async fn connect_as(&self, role: &str) -> DatabaseConnection {
        let mut options =
            migration::connection::options(&self.url_as(role), Missing::Refuse).unwrap();
        options.max_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    }

    /// The binary on this database.
    fn migration(&self, arguments: &[&str]) -> Output {
        migration_at(self.database.url(), arguments)
    }

    /// All rows of all tables of the schema but bookkeeping, as text.
    async fn rows(&self) -> Vec<String> {
        let tables = self
            .texts(
                "SELECT relname::text FROM pg_class WHERE relkind = 'r' \
                 AND relnamespace = 'supervision_finance'::regnamespace \
                 AND relname NOT IN ('seaql_migrations', 'schema_adoption') ORDER BY 1",
            )
            .await;
        let mut rows = Vec::new();
        for table in tables {
            let sql = format!(
                "SELECT '{table} ' || t::text FROM supervision_finance.{table} t ORDER BY 1"
            );
            rows.extend(self.texts(&sql).await);
        }
        rows
    }

    async fn drop(self) {
        self.db.close().await.unwrap();
        let roles = self.roles;
        self.database.drop().await;
        // Roles belong to the server, not to the database that is gone.
        let server = TestDatabase::create_empty(Kind::Postgres).await;
        for role in roles {
            server.execute(&format!("DROP ROLE IF EXISTS {role}")).await;
        }
        server.drop().await;
    }
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let rows = db
        .query_all_raw(statement)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

fn migration_at(url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("migration"));
    command
        .args(arguments)
        .env("DATABASE_URL", url)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Tests on live databases: each gets a runtime, and PostgreSQL unless `FINANCE_TEST_DB` leaves it
/// out.
fn on_postgres(body: impl AsyncFnOnce()) {
    if !Kind::Postgres.is_wanted() {
        eprintln!("left out: FINANCE_TEST_DB narrows this run to SQLite");
        return;
    }
    tokio::runtime::Runtime::new().unwrap().block_on(body());
}

#[test]
fn on_sqlite_each_command_says_that_it_needs_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    assert!(migration_at(&url, &["up"]).status.success());
    for (arguments, status) in [
        (&["adopt"][..], 1),
        (&["verify"], 2),
        (&["watch", "on"], 1),
        (&["watch", "off"], 1),
        (&["watch", "status"], 1),
        (&["changes"], 1),
        (&["access", "show"], 1),
        (&["access", "set", "somebody", "none"], 1),
        (&["access", "readiness", "somebody"], 1),
        (&["roles"], 1),
    ] {
        let output = migration_at(&url, arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        assert!(
            err(&output).contains("needs PostgreSQL"),
            "{arguments:?}: {}",
            err(&output)
        );
    }
}
