//! The routes, and what every request passes through.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderName, HeaderValue, header};
use sea_orm::DatabaseConnection;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use super::admission::Admission;
use super::body::BodyReader;
use super::documents::{Documents, TrustedDocuments};
use super::graphiql::{self, Graphiql};
use super::limits::HttpLimits;
use super::negotiation::MediaType;
use super::observed::observe;
use super::origins::AllowedOrigins;
use super::parsed::ParsedDocuments;
use super::readiness::Readiness;
use super::request_metrics::RequestMetrics;
use super::respond::Refusal;
use super::{graphql, health};
use crate::authentication::Authenticator;
use crate::clock::SharedClock;
use crate::finance::ChangedClients;
use crate::graphql::{ApiError, Costs, FourEyes, Limits, Manners, Parts, Schemas, build, sdl};
use crate::metrics::Metrics;
use crate::reads::Reads;
use crate::sirius::Sirius;

/// The longest request id that is taken over from a caller.
const REQUEST_ID_LIMIT: usize = 64;
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the routes need.
pub struct App {
    /// The database, for changes and what they need.
    pub db: DatabaseConnection,
    /// Where queries are read from.
    pub reads: Reads,
    /// What goes on by itself when its request is over: changes that are being made, WebSockets.
    pub tasks: TaskTracker,
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
    /// What one document may ask for.
    pub limits: Limits,
    /// What the server takes on at once.
    pub bounds: HttpLimits,
    /// Pages of other origins that may call.
    pub origins: AllowedOrigins,
    /// The only operations that run; none if all do.
    pub trusted: Option<TrustedDocuments>,
    /// How much of itself the schema tells.
    pub manners: Manners,
    /// The clients that are watched.
    pub changed_clients: ChangedClients,
    /// Tells streams that the service stops.
    pub stopped: watch::Receiver<bool>,
    /// Whether it can serve.
    pub readiness: Readiness,
    /// Where requests are counted; nowhere without it.
    pub metrics: Option<Metrics>,
}

/// The application, with its schema.
pub(super) struct Served {
    pub(super) app: App,
    pub(super) schema: Schemas,
    pub(super) costs: Costs,
    pub(super) documents: Documents,
    pub(super) parsed: ParsedDocuments,
    pub(super) admission: Admission,
    pub(super) bodies: BodyReader,
    pub(super) metrics: Arc<RequestMetrics>,
}

impl Served {
    /// Ends when the service stops.
    pub(super) async fn stopped(&self) {
        // A sender that is gone is a service that never says so.
        let mut stopped = self.app.stopped.clone();
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What a browser is told with every answer: to guess no types, to show nothing in a frame, to run nothing,
/// to tell no other site where it came from. The page has a policy of its own.
const SECURITY: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The routes of the service.
pub fn router(app: App) -> Router {
    let metrics = RequestMetrics::new(app.metrics.clone());
    let layers = ServiceBuilder::new()
        .map_request(drop_odd_request_id)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(from_fn_with_state(Arc::clone(&metrics), observe))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .map_response(secured)
        .option_layer(app.origins.layer())
        .layer(CatchPanicLayer::custom(|_| panicked()));
    Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .route("/graphiql/{file}", get(graphiql::file))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .layer(layers)
        .with_state(Arc::new(Served {
            schema: build(Parts {
                clock: app.clock.clone(),
                tasks: app.tasks.clone(),
                four_eyes: app.four_eyes,
                changes_at_once: app.changes_at_once,
                changed_clients: app.changed_clients.clone(),
                manners: app.manners,
            }),
            costs: Costs::of(&sdl()),
            parsed: ParsedDocuments::new(),
            documents: Documents::new(app.trusted.clone(), app.bounds.persisted_queries),
            admission: Admission::new(&app.bounds, app.limits.cost),
            bodies: BodyReader::new(app.bounds.body),
            metrics,
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

fn secured<B>(mut response: http::Response<B>) -> http::Response<B> {
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

fn panicked() -> Response {
    tracing::error!("a handler panicked");
    Refusal::from(ApiError::internal()).answer(MediaType::Json)
}
