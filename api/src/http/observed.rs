//! What every request passes through first: its span, which carries its id into each line of the log,
//! and its record.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument as _, Span};

use super::record::{Record, Transport};
use super::request_metrics::RequestMetrics;
use super::router::REQUEST_ID;
use crate::traces;

/// Serves a request, and tells what became of it.
pub(super) async fn observe(
    State(metrics): State<Arc<RequestMetrics>>,
    mut request: Request,
    next: Next,
) -> Response {
    let span = span(&request);
    let record = Record::begin(&metrics, span.clone(), Transport::Http);
    if request.uri().path().starts_with("/health/") {
        record.is_probe();
    }
    request.extensions_mut().insert(Arc::clone(&record));
    let response = next.run(request).instrument(span).await;
    record.answered(response.status());
    response
}

fn span(request: &Request) -> Span {
    let request_id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok());
    // Of the highest level: a line of any level has its request's id.
    let span = tracing::error_span!(
        "request",
        otel.kind = "server",
        request_id,
        method = %request.method(),
        path = request.uri().path(),
    );
    traces::continue_from(&span, request.headers());
    span
}
