//! What every request passes through first: its span, which carries its id into each line of the log,
//! and its record.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use tracing::{Instrument as _, Span};

use super::record::{Record, Transport};
use super::request_metrics::RequestMetrics;
use super::router::REQUEST_ID;
use crate::traces;

/// The methods that the log names.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::OPTIONS,
    Method::HEAD,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// Serves a request, and tells what became of it.
pub(super) async fn observe(
    State(metrics): State<Arc<RequestMetrics>>,
    mut request: Request,
    next: Next,
) -> Response {
    let span = span(&request);
    let record = Record::begin(&metrics, span.clone(), Transport::Http);
    if is_probe(&request) {
        record.is_probe();
    }
    request.extensions_mut().insert(Arc::clone(&record));
    let response = next.run(request).instrument(span).await;
    record.answered(response.status());
    response
}

fn is_probe(request: &Request) -> bool {
    request.uri().path().starts_with("/health/")
}

/// The most that the log shows of a path: strangers choose it.
const PATH: usize = 64;

fn span(request: &Request) -> Span {
    let request_id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok());
    let path = request.uri().path();
    let path = path.get(..path.floor_char_boundary(PATH)).unwrap_or(path);
    let method = match request.method() {
        it if METHODS.contains(it) => it.as_str(),
        _ => "OTHER",
    };
    // Of the highest level: a line of any level has its request's id.
    if is_probe(request) {
        // There are many of them: no trace takes spans of this target.
        return tracing::error_span!(target: "probes", "request", request_id, method, path);
    }
    let kind = "server";
    let span = tracing::error_span!("request", otel.kind = kind, request_id, method, path);
    traces::continue_from(&span, request.headers());
    span
}
