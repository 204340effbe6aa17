//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::router::App;

/// The process answers.
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// The database answers.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match app.db.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer\n",
        ),
    }
}
