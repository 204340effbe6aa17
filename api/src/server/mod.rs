//! The real thing: the API over a database and a Sirius.

mod databases;
mod stop;

use std::net::SocketAddr;
use std::time::Duration;

use metrics_exporter_prometheus::BuildError;
use sea_orm::DatabaseConnection;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

pub use stop::{Stop, run};

use databases::Databases;

use crate::authentication::{Authenticator, KeyFault, KeySources};
use crate::clock::{SharedClock, SystemClock};
use crate::config::ServeSettings;
use crate::database::ConnectError;
use crate::dispatch::{Dispatcher, SinkError};
use crate::finance::{ChangedClients, notifications};
use crate::graphql::{FourEyes, Manners};
use crate::housekeeping;
use crate::http::{
    App, Gauges, Graphiql, ManifestFault, Readiness, SignIn, Tab, TrustedDocuments, metrics_router,
    router,
};
use crate::logging::DroppedLines;
use crate::metrics::Metrics;
use crate::reads::Reads;
use crate::sirius::{Sirius, SiriusError};

/// The query that GraphiQL opens with.
pub const FIRST_QUERY: &str = include_str!("../first_query.graphql");

/// Why the server could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database's settings are of no use.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The schema lacks migrations.
    #[error(
        "the schema lacks {}: run `migration up` first, or add --allow-schema-behind on",
        .0.join(", ")
    )]
    Behind(Vec<String>),
    /// The client for Sirius cannot be made.
    #[error(transparent)]
    Sirius(#[from] SiriusError),
    /// The client for the sink of events cannot be made.
    #[error("the sink of events: {0}")]
    Sink(#[from] SinkError),
    /// A key cannot be read.
    #[error("the settings: {0}")]
    Key(#[from] KeyFault),
    /// The metrics cannot be gathered.
    #[error("metrics: {0}")]
    Metrics(#[from] BuildError),
    /// A part of the program is damaged.
    #[error("{0}")]
    Damaged(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        cause: std::io::Error,
    },
    /// The manifest of operations is of no use.
    #[error("TRUSTED_DOCUMENTS: {0}")]
    Manifest(#[from] ManifestFault),
    /// The network failed.
    #[error("the network failed: {0}")]
    Network(#[from] std::io::Error),
}

/// How long the events are waited for that are being sent when it stops.
const LAST_EVENTS: Duration = Duration::from_secs(6);

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot start. A database that is down is no reason: requests are answered with
/// UNAVAILABLE until it is back.
pub async fn serve(settings: ServeSettings, dropped: DroppedLines) -> Result<(), ServeError> {
    // Read first: a manifest that is wrong is found before anything is started.
    let trusted = settings.limits.trusted_documents.as_deref();
    let trusted = trusted.map(TrustedDocuments::read).transpose()?;
    let databases = Databases::open(&settings).await?;
    databases
        .check_schema(settings.pool.allow_schema_behind)
        .await?;
    let metrics = match settings.metrics_addr {
        Some(address) => Some((Metrics::new()?, listen(address).await?)),
        None => None,
    };
    let clock = SystemClock::shared();
    let recorder = metrics.as_ref().map(|(metrics, _)| metrics);
    let db = databases.primary.clone();
    let dispatcher = dispatcher(&settings, &db, &clock, recorder)?;
    let pulse = dispatcher.as_ref().map(Dispatcher::pulse);
    let pools = databases.pools();
    let reads = counted(recorder, || databases.reads());
    let dispatcher = dispatcher.map(|it| it.after(reads.clone()));
    let (stop, stopped) = watch::channel(false);
    let tidying = housekeeping::run(db.clone(), clock.clone(), stopped.clone());
    let changed_clients = ChangedClients::default();
    if let Some(url) = databases.listen_url(&settings) {
        let hearing = notifications::listen(url, changed_clients.clone(), stopped.clone());
        tokio::spawn(hearing);
    }
    let (closing, closed) = watch::channel(false);
    let tasks = TaskTracker::new();
    let (stopping, told) = watch::channel(false);
    let readiness = Readiness::new(databases.watched, pulse, told);
    tokio::spawn(reads.clone().watch(stopped.clone()));
    let app = App {
        trusted,
        changed_clients,
        reads,
        tasks: tasks.clone(),
        readiness: readiness.clone(),
        stopped: closed,
        ..app(&settings, db, clock, recorder)?
    };
    app.sirius.users.warm_up().await;
    let listener = listen(settings.listen_addr).await?;
    if let Some((metrics, listener)) = metrics {
        tracing::info!(address = %listener.local_addr()?, "metrics");
        let routes = metrics_router(Gauges {
            metrics,
            users: app.sirius.users.clone(),
            pools,
            reads: app.reads.clone(),
            changed_clients: app.changed_clients.clone(),
            readiness,
            dropped,
        });
        tokio::spawn(async move { axum::serve(listener, routes).await });
    }
    tracing::info!(address = %listener.local_addr()?, "serving");
    tokio::spawn(tidying);
    let sending = dispatcher.map(|dispatcher| tokio::spawn(dispatcher.run(stopped)));
    let ending = Stop {
        stopping,
        delay: settings.stop_delay,
        closing,
        tasks,
    };
    run(listener, router(app), settings.limits.http, ending).await;
    // What the last requests have changed goes out with the next start at the latest.
    let _ = stop.send(true);
    if let Some(sending) = sending
        && tokio::time::timeout(LAST_EVENTS, sending).await.is_err()
    {
        tracing::warn!("stopped while events were being sent: they are sent again");
    }
    Ok(())
}

/// What `make` makes counts at the recorder, if there is one.
fn counted<T>(metrics: Option<&Metrics>, make: impl FnOnce() -> T) -> T {
    match metrics {
        Some(metrics) => metrics.counted(make),
        None => make(),
    }
}

/// Who sends the events of changes; nobody without a sink.
fn dispatcher(
    settings: &ServeSettings,
    db: &DatabaseConnection,
    clock: &SharedClock,
    metrics: Option<&Metrics>,
) -> Result<Option<Dispatcher>, SinkError> {
    let Some(sink) = settings.sink.clone() else {
        tracing::info!("without EVENT_SINK_URL events are recorded and wait");
        return Ok(None);
    };
    let make = || Dispatcher::new(db.clone(), clock.clone(), sink);
    counted(metrics, make).map(Some)
}

/// The application that the settings describe, without what runs beside it. What it counts is registered with `metrics`, if
/// there is a recorder.
///
/// # Errors
/// When a client cannot be made, or a key cannot be read.
pub fn app(
    settings: &ServeSettings,
    db: DatabaseConnection,
    clock: SharedClock,
    metrics: Option<&Metrics>,
) -> Result<App, ServeError> {
    let keys = KeySources::read(settings.keys.sources.clone())?;
    let make = || {
        let sirius = Sirius::new(settings.sirius.clone(), clock.clone())?;
        let authenticator = Authenticator::new(keys, settings.keys.system_user, clock.clone());
        Ok::<_, ServeError>((sirius, authenticator))
    };
    let (sirius, authenticator) = counted(metrics, make)?;
    let graphiql = Graphiql::new(
        &[Tab::of(FIRST_QUERY)],
        &settings.graphiql_dir,
        SignIn::default(),
    )
    .map_err(|error| ServeError::Damaged(error.to_string()))?;
    let stopped = watch::channel(false).1;
    Ok(App {
        reads: Reads::from_primary(db.clone()),
        tasks: TaskTracker::new(),
        readiness: Readiness::new(db.clone(), None, stopped.clone()),
        db,
        sirius,
        authenticator,
        clock,
        four_eyes: FourEyes(settings.four_eyes),
        // Reading needs connections too.
        changes_at_once: usize::try_from(settings.pool.size / 2).unwrap_or(1),
        graphiql,
        deadline: settings.request_timeout,
        limits: settings.limits.document,
        bounds: settings.limits.http,
        origins: settings.limits.origins.clone(),
        trusted: None,
        manners: Manners {
            suggestions: settings.limits.suggestions,
        },
        changed_clients: ChangedClients::default(),
        stopped,
        metrics: metrics.cloned(),
    })
}

/// Listens on the address.
///
/// # Errors
/// When it is taken, or not this machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| ServeError::Listen { address, cause })
}
