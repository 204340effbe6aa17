//! Traces for OpenTelemetry: from a request to its statements and its calls to Sirius. Without
//! OTEL_EXPORTER_OTLP_ENDPOINT there are none, and what a caller's own trace says is passed on as it is.

use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Link, SpanKind, Status, TraceContextExt as _, TraceId, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    ParentBasedSampler, Sampler, SamplingResult, SdkTracerProvider, ShouldSample, SpanData,
};
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

/// The name of what is traced, unless OTEL_SERVICE_NAME says another.
const SERVICE: &str = "finance-api";
/// The name of a request's span.
const REQUEST: &str = "request";
/// The longest that the collector may take to answer.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Where traces go.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSettings {
    /// The collector's origin, such as `http://collector:4318`; traces go to `/v1/traces` there.
    pub endpoint: Url,
    /// Which part of those requests is traced that come without a decision of their caller's, 0 to 1.
    pub ratio: f64,
}

/// The traces could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TraceFault {
    /// The client for the collector cannot be made.
    #[error("the client for the traces' collector cannot be made: {0}")]
    Client(#[from] reqwest::Error),
    /// The exporter cannot be made.
    #[error("the exporter of traces cannot be made: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// A thread failed.
    #[error("the exporter of traces could not be started")]
    Lost,
}

/// What gathers traces and sends them. To be shut down at the end, lest the last ones are lost.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts it. A collector that is not there costs its traces and nothing else.
    ///
    /// # Errors
    /// When the TLS of this machine cannot be set up, or the endpoint is of no use.
    pub fn start(settings: &TraceSettings) -> Result<Self, TraceFault> {
        let endpoint = settings.endpoint.as_str().trim_end_matches('/');
        let endpoint = format!("{endpoint}/v1/traces");
        // The SDK sends from a thread of its own, and a client that blocks must be made in one.
        let make = std::thread::spawn(move || {
            let client = reqwest::blocking::Client::builder()
                .timeout(TIMEOUT)
                .no_proxy()
                .build()?;
            let exporter = SpanExporter::builder()
                .with_http()
                .with_http_client(client)
                .with_endpoint(endpoint)
                .with_timeout(TIMEOUT)
                .build()?;
            Ok::<_, TraceFault>(exporter)
        });
        let exporter = make.join().map_err(|_| TraceFault::Lost)??;
        // A caller's decision not to trace holds; that he does, anybody can say: no more than our own part.
        let own = Sampler::TraceIdRatioBased(settings.ratio);
        let sampler = Sampler::parent_based(own.clone()).with_remote_parent_sampled(own);
        let name = std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| SERVICE.to_owned());
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Discreet(exporter))
            .with_sampler(OfRequests(sampler))
            .with_resource(Resource::builder().with_service_name(name).build())
            .build();
        Ok(Self(provider))
    }

    /// What takes the program's spans to it: those of requests, of SQL and of calls to Sirius.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let wanted = Targets::new()
            .with_target("api", Level::DEBUG)
            .with_target("sea_orm", Level::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_filter(wanted)
    }

    /// Sends what is left.
    pub async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(TIMEOUT));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces are lost"),
            Err(_) => tracing::warn!("the last traces are lost"),
        }
    }
}

/// A trace begins with a request: what goes on beside them, over and over, makes none.
#[derive(Clone, Debug)]
struct OfRequests(ParentBasedSampler);

impl ShouldSample for OfRequests {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let has_parent = parent.is_some_and(|it| it.span().span_context().is_valid());
        let sampler: &dyn ShouldSample = match has_parent || name == REQUEST {
            true => &self.0,
            false => &Sampler::AlwaysOff,
        };
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

/// Leaves out what PostgreSQL says of a failure: its texts may hold what somebody has entered.
#[derive(Debug)]
struct Discreet(SpanExporter);

impl opentelemetry_sdk::trace::SpanExporter for Discreet {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        for span in &mut batch {
            span.attributes
                .retain(|it| it.key.as_str() != "exception.message");
            // Of a request it is a code of ours.
            if span.name != REQUEST && matches!(span.status, Status::Error { .. }) {
                span.status = Status::error("");
            }
        }
        self.0.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Makes a request's span part of the trace that its caller began, if it names one.
pub(crate) fn continue_from(span: &Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    if context.span().span_context().is_valid() {
        // There is no layer without a collector.
        let _ = span.set_parent(context);
    }
}

/// The headers by which another service goes on with the current span's trace; none if there is none.
pub(crate) fn headers() -> Option<HeaderMap> {
    let context = Span::current().context();
    if !context.span().span_context().is_valid() {
        return None;
    }
    let mut headers = HeaderMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(&mut headers));
    Some(headers)
}

/// Adds to what a trace says of a span.
pub(crate) fn attribute(span: &Span, key: &'static str, value: impl Into<opentelemetry::Value>) {
    span.set_attribute(key, value);
}

/// What became of a request.
pub(crate) fn outcome(span: &Span, status: Option<u16>, outcome: &'static str, has_failed: bool) {
    if let Some(status) = status {
        attribute(span, "http.response.status_code", i64::from(status));
    }
    attribute(span, "finance.outcome", outcome);
    if has_failed {
        span.set_status(Status::error(outcome));
    }
}
