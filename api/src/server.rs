//! The real thing: the API over a database and a Sirius.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use metrics_exporter_prometheus::BuildError;
use migration::state::schema_state;
use sea_orm::{DatabaseConnection, DbBackend};
use tokio::net::TcpListener;
use tokio::signal;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing_appender::non_blocking::ErrorCounter;

use crate::authentication::{Authenticator, KeyFault, KeySources};
use crate::clock::{SharedClock, SystemClock};
use crate::config::ServeSettings;
use crate::database::{ConnectError, Pool, Purpose, When, connect};
use crate::dispatch::{Dispatcher, SinkError};
use crate::finance::{ChangedClients, notifications};
use crate::graphql::{DATABASE_LIMIT, FourEyes, Manners};
use crate::housekeeping;
use crate::http::{
    self, App, Gauges, Graphiql, HttpLimits, ManifestFault, Readiness, SignIn, Tab,
    TrustedDocuments, metrics_router, router,
};
use crate::metrics::Metrics;
use crate::reads::{Reads, ReplicaConnections};
use crate::sirius::{Sirius, SiriusError};

/// The query that GraphiQL opens with.
pub const FIRST_QUERY: &str = include_str!("first_query.graphql");

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

/// The longest that one statement runs: no longer than anybody waits for it. What a caller has given up
/// is then ended by PostgreSQL too.
fn statement_limit(request_timeout: Duration) -> Duration {
    request_timeout.min(DATABASE_LIMIT)
}

/// How long the events are waited for that are being sent when it stops.
const LAST_EVENTS: Duration = Duration::from_secs(6);

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot start. A database that is down is no reason: requests are answered with
/// UNAVAILABLE until it is back.
pub async fn serve(settings: ServeSettings, dropped: ErrorCounter) -> Result<(), ServeError> {
    // Read first: a manifest that is wrong is found before anything is started.
    let trusted = settings.limits.trusted_documents.as_deref();
    let trusted = trusted.map(TrustedDocuments::read).transpose()?;
    let pool = Pool {
        size: settings.pool.size,
        timeout: settings.database.timeout,
        when: When::Used,
        purpose: Purpose::Write,
        statement_limit: Some(statement_limit(settings.request_timeout)),
    };
    let db = connect(&settings.database.url, pool).await?;
    let url = &settings.database.url;
    // Those of requests may all be in use: that says nothing of the database.
    let watched = connect(url, Pool { size: 2, ..pool }).await?;
    let replica = match &settings.pool.read_url {
        Some(url) => {
            let purpose = Purpose::Read;
            let watched_replica = connect(
                url,
                Pool {
                    purpose,
                    size: 1,
                    ..pool
                },
            );
            Some(ReplicaConnections {
                replica: connect(url, Pool { purpose, ..pool }).await?,
                watched_primary: watched.clone(),
                watched_replica: watched_replica.await?,
            })
        }
        None => None,
    };
    check_schema(&db, settings.pool.allow_schema_behind).await?;
    let metrics = match settings.metrics_addr {
        Some(address) => Some((Metrics::new()?, listen(address).await?)),
        None => None,
    };
    let clock = SystemClock::shared();
    let recorder = metrics.as_ref().map(|(metrics, _)| metrics);
    let dispatcher = dispatcher(&settings, &db, &clock, recorder)?;
    let pulse = dispatcher.as_ref().map(Dispatcher::pulse);
    let mut pools = vec![("primary", db.clone(), pool.size)];
    if let Some(replica) = &replica {
        pools.push(("replica", replica.replica.clone(), pool.size));
    }
    let reads = counted(recorder, || match replica {
        Some(replica) => Reads::with_replica(db.clone(), replica),
        None => Reads::from_primary(db.clone()),
    });
    let dispatcher = dispatcher.map(|it| it.after(reads.clone()));
    let (stop, stopped) = watch::channel(false);
    let tidying = housekeeping::run(db.clone(), clock.clone(), stopped.clone());
    let changed_clients = ChangedClients::default();
    if db.get_database_backend() == DbBackend::Postgres {
        let url = settings.pool.listen_url.as_ref();
        let url = url.unwrap_or(&settings.database.url).reveal().to_owned();
        let hearing = notifications::listen(url, changed_clients.clone(), stopped.clone());
        tokio::spawn(hearing);
    }
    let (closing, closed) = watch::channel(false);
    let tasks = TaskTracker::new();
    let (stopping, told) = watch::channel(false);
    let readiness = Readiness::new(watched, pulse, told);
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

/// Refuses a schema that lacks migrations of this program, unless told otherwise; warns of one that
/// is ahead, and of a role that may change the schema. A database that is down is not checked:
/// `/health/ready` says so until it is back.
///
/// # Errors
/// [`ServeError::Behind`].
async fn check_schema(db: &DatabaseConnection, allow_behind: bool) -> Result<(), ServeError> {
    let state = match schema_state(db).await {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(%error, "the schema could not be checked");
            return Ok(());
        }
    };
    if state.may_alter {
        tracing::warn!("the connected role may change the schema; serve as one that may not");
    }
    if !state.ahead.is_empty() {
        tracing::warn!(ahead = ?state.ahead, "the schema has migrations that this program lacks");
    }
    if state.behind.is_empty() {
        return Ok(());
    }
    if !allow_behind {
        return Err(ServeError::Behind(state.behind));
    }
    tracing::warn!(behind = ?state.behind, "the schema lacks migrations of this program");
    Ok(())
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

/// How a server ends.
pub struct Stop {
    /// Tells the readiness check, first of all.
    pub stopping: watch::Sender<bool>,
    /// How long it then goes on taking requests, so that others notice that it stops.
    pub delay: Duration,
    /// Tells streams.
    pub closing: watch::Sender<bool>,
    /// What is waited for beside connections.
    pub tasks: TaskTracker,
}

/// Serves the routes until the process is told to stop; what it has accepted, it finishes. Streams are told
/// by `closing`.
pub async fn run(listener: TcpListener, routes: Router, limits: HttpLimits, stop: Stop) {
    let told = async {
        told_to_stop().await;
        let _ = stop.stopping.send(true);
        tracing::info!("stopping");
        tokio::select! {
            () = tokio::time::sleep(stop.delay) => {}
            // Whoever says it twice means now.
            () = told_to_stop() => {}
        }
        let _ = stop.closing.send(true);
    };
    http::serve(listener, routes, limits, stop.tasks, told).await;
}

/// Ends at Ctrl-C or SIGTERM.
async fn told_to_stop() {
    let interrupt = async {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
