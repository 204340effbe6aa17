//! The routes, and what every request passes through.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, StatusCode, header};
use sea_orm::DatabaseConnection;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::graphiql::{self, Graphiql};
use super::negotiation::MediaType;
use super::respond::refused;
use super::{graphql, health};
use crate::authentication::Authenticator;
use crate::clock::SharedClock;
use crate::graphql::{ApiError, FinanceSchema, FourEyes, Parts, build};
use crate::sirius::Sirius;

/// The most bytes of a request's body.
const BODY_LIMIT: usize = 1024 * 1024;
/// The longest request id that is taken over from a caller.
const REQUEST_ID_LIMIT: usize = 64;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the routes need.
pub struct App {
    /// The database.
    pub db: DatabaseConnection,
    /// The boundary to Sirius.
    pub sirius: Sirius,
    /// Whom bearer tokens stand for.
    pub authenticator: Authenticator,
    /// Tells the day.
    pub clock: SharedClock,
    /// Whether a decision is not taken by who asked for it.
    pub four_eyes: FourEyes,
    /// How many changes are made at once, each with a connection of its own; one at least.
    pub changes_at_once: usize,
    /// The page.
    pub graphiql: Graphiql,
    /// The deadline of one request, for all it waits for.
    pub deadline: Duration,
}

/// The application, with its schema.
pub(super) struct Served {
    pub(super) app: App,
    pub(super) schema: FinanceSchema,
}

/// The routes of the service.
pub fn router(app: App) -> Router {
    let layers = ServiceBuilder::new()
        .map_request(drop_odd_request_id)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_failure(()),
        )
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .route("/graphiql/{file}", get(graphiql::file))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .layer(layers)
        .with_state(Arc::new(Served {
            schema: build(Parts {
                db: app.db.clone(),
                clock: app.clock.clone(),
                four_eyes: app.four_eyes,
                changes_at_once: app.changes_at_once,
            }),
            app,
        }))
}

/// A caller's own request id is kept if it can stand in a log line, else replaced.
fn drop_odd_request_id(mut request: Request) -> Request {
    let is_odd = request.headers().get(REQUEST_ID).is_some_and(|id| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        id.len() > REQUEST_ID_LIMIT || id.is_empty() || !id.as_bytes().iter().all(plain)
    });
    if is_odd {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

fn span(request: &Request) -> Span {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok());
    tracing::info_span!(
        "request",
        id,
        method = %request.method(),
        path = request.uri().path(),
    )
}

fn panicked() -> Response {
    tracing::error!("a handler panicked");
    refused(
        StatusCode::INTERNAL_SERVER_ERROR,
        MediaType::Json,
        ApiError::internal(),
    )
    .into_response()
}
