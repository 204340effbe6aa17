//! What a test is given: a fresh database, a Sirius over HTTP that counts calls and can fail, a
//! clock it can set, and the API on a port of its own.

mod answer;
mod clock;
pub mod database;
pub mod documents;
pub mod events;
pub mod fuzz;
mod instance;
mod own_postgres;
mod postgres;
mod proxy;
mod redis;
pub mod release;
mod sink;
mod sirius;
pub mod socket;
pub mod token;

use std::net::Ipv4Addr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::authentication::Sources;
use api::demo::books::Books;
use api::graphql::Limits;
use api::http::{HttpLimits, TrustedDocuments};
use axum::Router;
use entity::stored::{FeeType, PaymentMethod};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

pub use answer::Answer;
pub use clock::TestClock;
pub use database::Kind;
pub use instance::{Instance, PAGE, SYSTEM_USER};
pub use own_postgres::{OwnPostgres, StopMode};
pub use proxy::Proxy;
pub use redis::Redis;
pub use sink::Sink;
pub use sirius::{Fault, Sirius};

use database::TestDatabase;

/// Session of the stand-in's billing officer, user 3.
pub const OFFICER: &str = "sirius=officer; XSRF-TOKEN=a%2Bb+c";
/// Session of the stand-in's manager, user 7.
pub const MANAGER: &str = "sirius=manager";

/// Settings that a test may want otherwise.
#[derive(Clone)]
pub struct Options {
    pub sirius_timeout: Duration,
    pub database_timeout: Duration,
    pub deadline: Duration,
    /// Where the keys are, if not in the harness's own settings.
    pub keys: Option<Sources>,
    /// Whether there is a shared tier.
    pub redis: bool,
    pub four_eyes: bool,
    pub limits: Limits,
    /// Whether the schema may be asked for; it is no limit of `limits` here.
    pub introspection: bool,
    pub bounds: HttpLimits,
    /// The only operations that run; none if all do.
    pub trusted: Option<TrustedDocuments>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sirius_timeout: Duration::from_secs(5),
            database_timeout: Duration::from_secs(3),
            deadline: Duration::from_secs(10),
            keys: None,
            redis: false,
            four_eyes: true,
            limits: Limits::default(),
            introspection: true,
            bounds: HttpLimits::default(),
            trusted: None,
        }
    }
}

/// The running API and all around it. What is asked of it, its first instance answers.
pub struct Harness {
    pub db: DatabaseConnection,
    pub sirius: Sirius,
    pub clock: Arc<TestClock>,
    /// Between the API and PostgreSQL; none on SQLite.
    pub proxy: Option<Proxy>,
    pub database: TestDatabase,
    redis: Option<Redis>,
    options: Options,
    pool: DatabaseConnection,
    statements: AtomicUsize,
    first: Option<Instance>,
}

impl Deref for Harness {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        self.first.as_ref().unwrap()
    }
}

impl Harness {
    /// What a test is given, for those that are no tests.
    pub async fn start(kind: Kind, options: Options) -> Self {
        let database = TestDatabase::create(kind).await;
        let db = database.connect(Duration::from_secs(5)).await;
        let proxy = match database.address() {
            Some(address) => Some(Proxy::start(address).await),
            None => None,
        };
        let pool = database
            .connect_through(proxy.as_ref(), options.database_timeout)
            .await;
        let redis = match options.redis {
            true => Some(Redis::start().await),
            false => None,
        };
        let mut harness = Self {
            db,
            sirius: Sirius::start().await,
            clock: Arc::new(TestClock::default()),
            proxy,
            database,
            redis,
            options,
            pool,
            statements: AtomicUsize::new(0),
            first: None,
        };
        harness.first = Some(harness.instance().await);
        harness
    }

    /// One more instance of the API, with nothing in its memory yet.
    pub async fn instance(&self) -> Instance {
        let redis = self.redis.as_ref().map(Redis::url);
        let clock = self.clock.clone();
        let db = self.pool.clone();
        let url = self.database.listen_url(self.proxy.as_ref());
        Instance::start(db, clock, &self.sirius.origin, redis, url, &self.options).await
    }

    /// The shared tier.
    pub fn redis(&self) -> &Redis {
        self.redis.as_ref().unwrap()
    }

    /// Writes rows as the live systems would, which the database does not hold to our rules.
    pub async fn write(&self, books: Books) {
        let is_postgres = self.db.get_database_backend() == DbBackend::Postgres;
        let guard = async |sql: &str| {
            if is_postgres {
                self.db.execute_unprepared(sql).await.unwrap();
            }
        };
        guard("UPDATE guarded_role SET role_name = '-' || role_name").await;
        books.write(&self.db).await.unwrap();
        guard("UPDATE guarded_role SET role_name = ltrim(role_name, '-')").await;
    }

    /// From now on ledgers and allocations can be tampered with.
    pub async fn unguard(&self) {
        let sql = match self.db.get_database_backend() {
            DbBackend::Postgres => "DELETE FROM guarded_role",
            _ => {
                "DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete;
                 DROP TRIGGER ledger_allocation_no_update; DROP TRIGGER ledger_allocation_no_delete"
            }
        };
        self.db.execute_unprepared(sql).await.unwrap();
    }

    /// Client 1001, with an invoice by each of these users, the last one newest.
    pub async fn invoices_by(&self, users: &[i32]) {
        let mut books = Books::default();
        let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
        for (number, user) in users.iter().enumerate() {
            let made = format!("2024-05-01 10:{:02}:{:02}", number / 60, number % 60);
            let reference = format!("AD{number:06}/24");
            story.by(*user).invoice(FeeType::Ad, &reference, 100, &made);
        }
        self.write(books).await;
    }

    /// SQL statements that the first instance has run since the last call.
    pub fn take_statements(&self) -> usize {
        let total = ["ok", "failed"].map(|outcome| {
            self.metric(&format!(
                "finance_sql_statements_total{{outcome=\"{outcome}\"}}"
            ))
        });
        let total = total.iter().sum::<f64>() as usize;
        total - self.statements.swap(total, Ordering::SeqCst)
    }

    async fn stop(self) {
        if let Some(first) = self.first {
            first.stop().await;
        }
        drop(self.proxy);
        self.db.close().await.unwrap();
        self.database.drop().await;
    }
}

/// Serves routes on a port of their own.
async fn listen(routes: Router) -> (Url, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let _ = axum::serve(listener, routes).await;
    });
    (Url::parse(&origin).unwrap(), server)
}

/// Runs a test on a database of that kind, unless `FINANCE_TEST_DB` narrows the run to the other.
pub fn run(kind: Kind, options: Options, body: impl AsyncFnOnce(&Harness)) {
    if !kind.is_wanted() {
        eprintln!("left out: FINANCE_TEST_DB narrows this run to the other database");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let harness = runtime.block_on(Harness::start(kind, options));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(body(&harness));
    }));
    runtime.block_on(harness.stop());
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Tests that run on SQLite and on PostgreSQL. The body is an `async fn(&Harness)`.
#[macro_export]
macro_rules! both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($t:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn body($t: &$crate::Harness) $body

            #[test]
            fn sqlite() {
                $crate::run($crate::Kind::Sqlite, $crate::Options::default(), body);
            }

            #[test]
            fn postgres() {
                $crate::run($crate::Kind::Postgres, $crate::Options::default(), body);
            }
        }
    )+};
}

/// Tests of what only PostgreSQL can show.
#[macro_export]
macro_rules! postgres_only {
    ($($(#[$meta:meta])* async fn $name:ident($t:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn body($t: &$crate::Harness) $body

            #[test]
            fn postgres() {
                $crate::run($crate::Kind::Postgres, $crate::Options::default(), body);
            }
        }
    )+};
}

/// Tests of what does not depend on the database: on SQLite, unless the run is narrowed to
/// PostgreSQL. With `options` in front, they run under those.
#[macro_export]
macro_rules! any_database {
    (options: $options:expr; $($(#[$meta:meta])* async fn $name:ident($t:ident) $body:block)+) => {$(
        $(#[$meta])*
        #[test]
        fn $name() {
            async fn body($t: &$crate::Harness) $body
            let kind = match $crate::Kind::Sqlite.is_wanted() {
                true => $crate::Kind::Sqlite,
                false => $crate::Kind::Postgres,
            };
            $crate::run(kind, $options, body);
        }
    )+};
    ($($tests:tt)+) => {
        $crate::any_database! { options: $crate::Options::default(); $($tests)+ }
    };
}
