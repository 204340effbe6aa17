//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::router::Served;

/// The process answers.
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// The database answers, its schema is that of this program, and events are being sent. What is odd but
/// no hindrance is said after `ready`.
pub(super) async fn ready(State(served): State<Arc<Served>>) -> (StatusCode, String) {
    match served.app.readiness.check().await {
        Ok(odd) => {
            let lines = odd.iter().map(|it| format!("{it}\n"));
            (
                StatusCode::OK,
                format!("ready\n{}", lines.collect::<String>()),
            )
        }
        Err(hindrance) => (StatusCode::SERVICE_UNAVAILABLE, format!("{hindrance}\n")),
    }
}
