//! `finance-api demo`: sample data in an embedded database, a stand-in Sirius, and GraphiQL.

pub mod books;
mod operations;
pub mod stand_in_sirius;
mod stories;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::HeaderValue;
use migration::connection::{Missing, options};
use migration::runner::{RunError, Runner};
use sea_orm::{Database, DbErr};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::authentication::{Authenticator, KeySources, Sources};
use crate::clock::SystemClock;
use crate::config::DemoSettings;
use crate::finance::{ChangedClients, FinanceError};
use crate::graphql::{FourEyes, Limits, Manners};
use crate::http::{AllowedOrigins, App, Graphiql, HttpLimits, Readiness, SignIn, router};
use crate::reads::Reads;
use crate::server::{self, ServeError, Stop};
use crate::sirius::{Sirius, SiriusError, SiriusSettings};

/// Value of the session cookie that the page sets.
pub const SESSION: &str = "demo";

/// Why the demo could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The database could not be made.
    #[error("the demo's database: {0}")]
    Migration(#[from] RunError),
    /// The sample data could not be written.
    #[error("the demo's data: {0}")]
    Database(#[from] DbErr),
    /// The sample data are wrong.
    #[error("the demo's data: {0}")]
    Data(#[from] FinanceError),
    /// A file or socket failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The client for the stand-in could not be made.
    #[error(transparent)]
    Sirius(#[from] SiriusError),
    /// The API could not be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A part of the program is damaged.
    #[error("{0}")]
    Damaged(String),
}

/// Runs the demo until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub async fn run(settings: DemoSettings) -> Result<(), DemoError> {
    // First of all: whether the address is free decides over everything else.
    let listener = server::listen(settings.listen_addr).await?;
    let address = listener.local_addr()?;

    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("demo.db").display());
    let runner = Runner::connect(&url, Missing::Create).await?;
    runner.up(None).await?;
    let mut options = options(&url, Missing::Refuse).map_err(RunError::from)?;
    options.max_connections(8);
    let db = Database::connect(options).await?;
    let (books, practice) = stories::all();
    let counts = (books.clients(), books.ledgers());
    books.write(&db).await?;

    let listening = server::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let sirius_address = listening.local_addr()?;
    let routes = stories::sirius().router();
    let stand_in = tokio::spawn(async move { axum::serve(listening, routes).await });

    let origin = Url::parse(&format!("http://{sirius_address}"))
        .map_err(|error| DemoError::Damaged(error.to_string()))?;
    let clock = SystemClock::shared();
    let sirius = Sirius::new(SiriusSettings::at(origin.clone()), clock.clone())?;
    let keys = KeySources::read(Sources::default()).map_err(ServeError::from)?;
    let graphiql = Graphiql::new(
        &operations::tabs(practice),
        &settings.graphiql_dir,
        sign_in(),
    )
    .map_err(|error| DemoError::Damaged(error.to_string()))?;
    let is_local = graphiql.is_local();
    let (closing, stopped) = watch::channel(false);
    let tasks = TaskTracker::new();
    let app = App {
        readiness: Readiness::new(db.clone(), None, stopped.clone()),
        reads: Reads::from_primary(db.clone()),
        tasks: tasks.clone(),
        db,
        sirius,
        authenticator: Authenticator::new(keys, None, clock.clone()),
        clock,
        // One visitor plays all parts.
        four_eyes: FourEyes(false),
        changes_at_once: 4,
        graphiql,
        deadline: Duration::from_secs(10),
        limits: Limits {
            introspection: true,
            ..Limits::default()
        },
        bounds: HttpLimits::default(),
        origins: origins(address.port()),
        trusted: None,
        manners: Manners { suggestions: true },
        changed_clients: ChangedClients::default(),
        stopped,
        metrics: None,
    };

    let mut out = std::io::stdout();
    let (clients, ledgers) = counts;
    let files = if is_local { "local bundle" } else { "CDN" };
    writeln!(
        out,
        "Supervision Finance API: demo\n\
         \n  \
         GraphiQL   http://localhost:{port}/graphql   (its own files: {files})\n  \
         API        POST http://{address}/graphql\n  \
         database   SQLite, {clients} clients (1001 to 1015), {ledgers} ledgers; gone at the end\n  \
         Sirius     a stand-in at {origin}; the session is the cookie sirius={SESSION}\n\
         \n\
         Open GraphiQL and run what its tabs hold: a history, and changes that follow each other.\n\
         You may both ask and decide here (FOUR_EYES is off). Ctrl-C ends it all.",
        port = address.port(),
    )?;
    out.flush()?;
    let stop = Stop {
        stopping: watch::channel(false).0,
        delay: Duration::ZERO,
        closing,
        tasks,
    };
    server::run(listener, router(app), HttpLimits::default(), stop).await;
    stand_in.abort();
    Ok(())
}

/// The page's own: it may open a WebSocket.
fn origins(port: u16) -> AllowedOrigins {
    let own = format!("http://localhost:{port},http://127.0.0.1:{port}");
    AllowedOrigins::parse(&own).unwrap_or_default()
}

/// The page signs a visitor in by the cookies that Sirius's own log-in would set.
fn sign_in() -> SignIn {
    let session = format!(
        "{}={SESSION}; Path=/; HttpOnly; SameSite=Strict",
        stand_in_sirius::SESSION_COOKIE
    );
    let cookies = [
        session.as_str(),
        "XSRF-TOKEN=demo%2Btoken; Path=/; SameSite=Strict",
    ];
    SignIn {
        cookies: cookies
            .iter()
            .filter_map(|it| HeaderValue::from_str(it).ok())
            .collect(),
    }
}
