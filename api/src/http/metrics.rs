//! `/metrics`, on a port of its own: what it says is for operators.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

use crate::metrics::Metrics;
use crate::sirius::UserDirectory;

/// How often durations are folded, whether or not anybody reads them.
const FOLD: Duration = Duration::from_secs(5);

/// The routes of that port.
pub fn metrics_router(metrics: Metrics, users: UserDirectory) -> Router {
    let folding = metrics.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(FOLD);
        loop {
            ticks.tick().await;
            folding.fold();
        }
    });
    Router::new()
        .route("/metrics", get(show))
        .with_state((metrics, users))
}

async fn show(State((metrics, users)): State<(Metrics, UserDirectory)>) -> Response {
    users.observe();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, metrics.render()).into_response()
}
