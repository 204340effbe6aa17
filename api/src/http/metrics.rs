//! `/metrics`, on a port of its own: what it says is for operators.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_process::Collector;
use sea_orm::{DatabaseConnection, DbBackend};

use super::readiness::Readiness;
use crate::finance::ChangedClients;
use crate::logging::DroppedLines;
use crate::metrics::Metrics;
use crate::reads::Reads;
use crate::sirius::UserDirectory;

/// How often durations are folded, whether or not anybody reads them.
const FOLD: Duration = Duration::from_secs(5);

const POOL: &str = "finance_pool_connections";
const POOL_MOST: &str = "finance_pool_connections_max";
const HEARD: &str = "finance_live_changes_heard";
const READY: &str = "finance_ready";
const DROPPED: &str = "finance_log_lines_dropped_total";
const BUILD: &str = "finance_build_info";

/// The part of the primary's pool that is for queries.
const READERS: &str = "readers";

/// What is not counted as it happens, but looked at when it is asked for.
#[derive(Clone)]
pub struct Gauges {
    /// Where it is shown.
    pub metrics: Metrics,
    /// The list of users.
    pub users: UserDirectory,
    /// The pools, by what they are for, each with the most connections that it may have.
    pub pools: Vec<(&'static str, DatabaseConnection, u32)>,
    /// Where is read, which keeps connections of those pools.
    pub reads: Reads,
    /// Whether changes are heard.
    pub changed_clients: ChangedClients,
    /// Whether the instance can serve.
    pub readiness: Readiness,
    /// Lines of the log that nobody has read in time.
    pub dropped: DroppedLines,
}

/// The routes of that port.
pub fn metrics_router(gauges: Gauges) -> Router {
    let (folding, readiness) = (gauges.metrics.clone(), gauges.readiness.clone());
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(FOLD);
        loop {
            ticks.tick().await;
            folding.fold();
            // Beforehand: while the database does not answer, a scrape does not wait for it.
            let _ = readiness.check().await;
        }
    });
    gauges.metrics.counted(describe);
    Router::new()
        .route("/metrics", get(show))
        .with_state(gauges)
}

fn describe() {
    describe_gauge!(POOL, "Connections to the database, by state.");
    describe_gauge!(POOL_MOST, "The most connections that the pool may have.");
    describe_gauge!(READY, "1 if the instance can serve, as /health/ready says.");
    describe_gauge!(
        HEARD,
        "1 if changes of other instances are heard, for subscribers."
    );
    describe_gauge!(BUILD, Unit::Count, "1, with the program's version.");
    describe_counter!(
        DROPPED,
        "Lines of the log that were dropped: nobody reads it."
    );
    Collector::default().describe();
}

async fn show(State(gauges): State<Gauges>) -> Response {
    let is_ready = matches!(gauges.readiness.known(FOLD.saturating_mul(2)), Some(Ok(_)));
    let is_heard = gauges.changed_clients.is_heard();
    gauges.users.observe();
    gauges.metrics.counted(|| {
        gauge!(READY).set(u32::from(is_ready));
        gauge!(HEARD).set(u32::from(is_heard));
        counter!(DROPPED).absolute(gauges.dropped.count());
        gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
        for (name, db, most) in &gauges.pools {
            let (open, idle) = connections(db);
            let kept = gauges.reads.databases().find(|(of, _)| of == name);
            let kept = kept.map_or(0, |(_, db)| db.kept());
            let idle = idle.saturating_add(u32::try_from(kept).unwrap_or(u32::MAX));
            gauge!(POOL, "pool" => *name, "state" => "idle").set(idle);
            gauge!(POOL, "pool" => *name, "state" => "used").set(open.saturating_sub(idle));
            gauge!(POOL_MOST, "pool" => *name).set(*most);
        }
        if let Some((used, most)) = gauges.reads.of_events().readers() {
            let count = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
            let idle = count(most.saturating_sub(used));
            gauge!(POOL, "pool" => READERS, "state" => "idle").set(idle);
            gauge!(POOL, "pool" => READERS, "state" => "used").set(count(used));
            gauge!(POOL_MOST, "pool" => READERS).set(count(most));
        }
        Collector::default().collect();
    });
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, gauges.metrics.render()).into_response()
}

/// How many connections a pool has, and how many of them do nothing.
fn connections(db: &DatabaseConnection) -> (u32, u32) {
    let (open, idle) = match db.get_database_backend() {
        DbBackend::Postgres => {
            let pool = db.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        }
        _ => {
            let pool = db.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        }
    };
    (open, u32::try_from(idle).unwrap_or(u32::MAX))
}
