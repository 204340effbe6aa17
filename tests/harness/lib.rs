//! What a test is given: a fresh database, a Sirius over HTTP that counts calls and can fail, a
//! clock it can set, and the API on a port of its own.

mod answer;
mod clock;
pub mod database;
mod postgres;
mod proxy;
mod sirius;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::demo::books::Books;
use api::http::{App, Graphiql, SignIn, router};
use api::sirius::{Sessions, SiriusClient, UserCacheSettings, UserDirectory};
use axum::Router;
use reqwest::RequestBuilder;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

pub use answer::Answer;
pub use clock::TestClock;
pub use database::Kind;
pub use proxy::Proxy;
pub use sirius::{Fault, Sirius};

use database::TestDatabase;

/// Session of the stand-in's billing officer, user 3.
pub const OFFICER: &str = "sirius=officer; XSRF-TOKEN=a%2Bb+c";
/// Session of the stand-in's manager, user 7.
pub const MANAGER: &str = "sirius=manager";

/// Settings that a test may want otherwise.
pub struct Options {
    pub sirius_timeout: Duration,
    pub database_timeout: Duration,
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sirius_timeout: Duration::from_secs(5),
            database_timeout: Duration::from_secs(3),
            deadline: Duration::from_secs(10),
        }
    }
}

/// The running API and all around it.
pub struct Harness {
    pub db: DatabaseConnection,
    pub sirius: Sirius,
    pub clock: Arc<TestClock>,
    /// Between the API and PostgreSQL; none on SQLite.
    pub proxy: Option<Proxy>,
    pub database: TestDatabase,
    http: reqwest::Client,
    origin: String,
    statements: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Harness {
    async fn start(kind: Kind, options: Options) -> Self {
        let database = TestDatabase::create(kind).await;
        let db = database.connect(Duration::from_secs(5)).await;
        let proxy = match database.address() {
            Some(address) => Some(Proxy::start(address).await),
            None => None,
        };
        let statements = Arc::new(AtomicUsize::new(0));
        let mut counted = database
            .connect_through(proxy.as_ref(), options.database_timeout)
            .await;
        counted.set_metric_callback({
            let statements = Arc::clone(&statements);
            move |_| {
                statements.fetch_add(1, Ordering::SeqCst);
            }
        });
        let clock = Arc::new(TestClock::default());
        let sirius = Sirius::start().await;
        let client = SiriusClient::new(&sirius.origin, options.sirius_timeout).unwrap();
        let cache = UserCacheSettings {
            timeout: options.sirius_timeout,
            jitter: Arc::new(|wait| wait),
            ..UserCacheSettings::default()
        };
        let directory = UserDirectory::new(client.clone(), clock.clone(), cache);
        let bundle = Path::new("no local bundle");
        let graphiql = Graphiql::new("{ viewer { id } }", bundle, SignIn::default()).unwrap();
        let app = App::new(
            counted,
            Sessions::new(client, clock.clone()),
            directory,
            graphiql,
            options.deadline,
        );
        let (origin, server) = listen(router(app)).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            db,
            sirius,
            clock,
            proxy,
            database,
            http,
            origin: origin.to_string(),
            statements,
            server,
        }
    }

    /// Writes rows as the live systems would.
    pub async fn write(&self, books: Books) {
        books.write(&self.db).await.unwrap();
    }

    /// Asks as the billing officer.
    pub async fn ask(&self, query: &str) -> Answer {
        self.ask_with(query, json!({})).await
    }

    /// Asks as the billing officer, with variables.
    pub async fn ask_with(&self, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        Answer::of(self.post().header("Cookie", OFFICER).json(&body)).await
    }

    /// A bare `POST /graphql`.
    pub fn post(&self) -> RequestBuilder {
        self.http.post(self.url("/graphql"))
    }

    /// A bare GET.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin.trim_end_matches('/'))
    }

    /// SQL statements that the API has run since the last call.
    pub fn take_statements(&self) -> usize {
        self.statements.swap(0, Ordering::SeqCst)
    }

    async fn stop(self) {
        self.server.abort();
        let _ = self.server.await;
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
