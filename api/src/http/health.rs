//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use migration::state::schema_state;

use super::router::Served;

/// The process answers.
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// The database answers, and its schema is that of this program. What is odd but no hindrance is
/// said after `ready`.
pub(super) async fn ready(State(served): State<Arc<Served>>) -> (StatusCode, String) {
    let unavailable = |text: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{text}\n"));
    let state = match schema_state(&served.app.db).await {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(%error, "the database does not answer the readiness check");
            return unavailable("the database does not answer");
        }
    };
    if !state.behind.is_empty() {
        return unavailable("the schema lacks migrations of this program: run `migration up`");
    }
    let mut text = "ready\n".to_owned();
    if !state.ahead.is_empty() {
        text.push_str("the schema has migrations that this program lacks\n");
    }
    if state.may_alter {
        text.push_str("the connected role may change the schema\n");
    }
    (StatusCode::OK, text)
}
