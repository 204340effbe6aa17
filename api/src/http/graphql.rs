//! `/graphql` by the GraphQL over HTTP specification.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::Instant;

use super::execute::{Arrived, Prepared, arrive};
use super::negotiation::{MediaType, accepts_events, prefers_events, wants_page};
use super::parameters::Parameters;
use super::record::{Record, Transport};
use super::respond::{Refusal, executed, executed_batch, failed};
use super::router::Served;
use super::{event_stream, websocket};
use crate::graphql::{ApiError, Code};

/// `POST /graphql`.
pub(super) async fn post(
    State(served): State<Arc<Served>>,
    Extension(record): Extension<Arc<Record>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    record.is_for_the_schema();
    let deadline = Instant::now() + served.app.deadline;
    let accepts_events = accepts_events(&headers);
    let media = match MediaType::negotiate(&headers) {
        Some(media) => media,
        None if accepts_events => MediaType::Json,
        None => return not_acceptable(&record),
    };
    let answer = async {
        check_type(&headers)?;
        // First of all: nothing of a stranger's is read.
        let arrived = arrive(&served, &headers, &record, deadline).await?;
        let body = served.bodies.read(&headers, body, deadline).await?;
        if Parameters::is_batch(&body.bytes) {
            let asked = (&headers, &*record, &*body.bytes);
            return post_batch(&served, asked, media, &arrived, deadline).await;
        }
        let parameters = Parameters::of_body(&body.bytes)?;
        let prepared = Prepared::new(&served, &record, parameters)?;
        let is_streamed = match prepared.is_subscription() {
            true => accepts_events,
            false => prefers_events(&headers),
        };
        if prepared.is_subscription() && !is_streamed {
            return Err(subscriptions_stream());
        }
        let entered = prepared.enter(&served, &arrived, &headers)?;
        if is_streamed {
            drop(body);
            record.is_streamed();
            return event_stream::answer(&served, headers, arrived, entered, deadline).await;
        }
        let response = entered.execute(&served, deadline).await?;
        Ok(executed(media, response))
    };
    answer
        .await
        .unwrap_or_else(|refusal| refused(refusal, &record, media))
}

/// The answer to a request that is turned away.
fn refused(refusal: Refusal, record: &Record, media: MediaType) -> Response {
    record.failed(refusal.code());
    refusal.answer(media)
}

/// Several requests in one body, one after the other, where that is allowed.
async fn post_batch(
    served: &Served,
    (headers, record, body): (&HeaderMap, &Record, &[u8]),
    media: MediaType,
    arrived: &Arrived,
    deadline: Instant,
) -> Result<Response, Refusal> {
    let most = served.app.bounds.batch;
    if most < 2 {
        let text = "The body must be one JSON object: an array of requests is not taken here.";
        return Err(ApiError::bad_input(text).into());
    }
    let batch = Parameters::of_batch(body)?;
    if !(1..=most).contains(&batch.len()) {
        let text = format!("The array must have 1 to {most} requests.");
        return Err(ApiError::bad_input(text).into());
    }
    record.is_told_by_its_parts();
    let mut responses = Vec::new();
    for parameters in batch {
        let part = record.part(Transport::Batch);
        let run = async {
            served.admission.again(&arrived.identified.caller)?;
            let prepared = Prepared::new(served, &part, parameters)?;
            if prepared.is_subscription() {
                return Err(subscriptions_stream());
            }
            let entered = prepared.enter(served, arrived, headers)?;
            Ok(entered.execute(served, deadline).await?)
        };
        let response: Result<_, Refusal> = run.await;
        responses.push(response.unwrap_or_else(|refusal| {
            part.failed(refusal.code());
            failed(refusal.into_error())
        }));
    }
    Ok(executed_batch(media, responses))
}

/// `GET /graphql`: GraphiQL for a browser, a query for `?query=`, a WebSocket; never a mutation.
pub(super) async fn get(
    State(served): State<Arc<Served>>,
    Extension(record): Extension<Arc<Record>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    upgrade: websocket::Upgrade,
) -> Response {
    if let Ok(upgrade) = upgrade {
        return websocket::accept(served, record, headers, upgrade).await;
    }
    let deadline = Instant::now() + served.app.deadline;
    let parameters = Parameters::of_url(query.as_deref().unwrap_or_default());
    if parameters.is_none() && wants_page(&headers) {
        return served.app.graphiql.page();
    }
    record.is_for_the_schema();
    let Some(media) = MediaType::negotiate(&headers) else {
        return not_acceptable(&record);
    };
    let answer = async {
        let arrived = arrive(&served, &headers, &record, deadline).await?;
        let parameters = parameters.ok_or_else(Parameters::no_parameters)??;
        let prepared = Prepared::new(&served, &record, parameters)?;
        if prepared.is_no_query() {
            let error = ApiError::bad_input("GET is for queries; send anything else by POST.");
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error);
            return Err(refusal.with(header::ALLOW, HeaderValue::from_static("POST")));
        }
        let entered = prepared.enter(&served, &arrived, &headers)?;
        let response = entered.execute(&served, deadline).await?;
        Ok(executed(media, response))
    };
    answer
        .await
        .unwrap_or_else(|refusal| refused(refusal, &record, media))
}

fn subscriptions_stream() -> Refusal {
    ApiError::bad_input(
        "A subscription is answered as a stream: send Accept: text/event-stream, or use WebSocket.",
    )
    .into()
}

/// JSON in UTF-8, and nothing that a form of another site could send.
fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    if is_json(headers) {
        return Ok(());
    }
    let error = ApiError::bad_input("Send Content-Type: application/json, in UTF-8.");
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|it| it.to_str().ok())
    else {
        return false;
    };
    let mut parts = value
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/json")
        && parts.all(|part| {
            part.strip_prefix("charset=")
                .is_none_or(|it| it.trim_matches('"') == "utf-8")
        })
}

fn not_acceptable(record: &Record) -> Response {
    let error = ApiError::new(
        Code::BadUserInput,
        "Accept application/graphql-response+json or application/json.",
    );
    let refusal = Refusal::new(StatusCode::NOT_ACCEPTABLE, error);
    refused(refusal, record, MediaType::Json)
}
