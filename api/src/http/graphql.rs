//! `/graphql` by the GraphQL over HTTP specification.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::Instant;

use super::execute::Prepared;
use super::negotiation::{MediaType, accepts_events, prefers_events, wants_page};
use super::parameters::Parameters;
use super::respond::{Refusal, executed, executed_batch, failed};
use super::router::Served;
use super::{event_stream, websocket};
use crate::graphql::{ApiError, Code};

/// `POST /graphql`.
pub(super) async fn post(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let deadline = Instant::now() + served.app.deadline;
    let accepts_events = accepts_events(&headers);
    let media = match MediaType::negotiate(&headers) {
        Some(media) => media,
        None if accepts_events => MediaType::Json,
        None => return not_acceptable(),
    };
    let answer = async {
        check_type(&headers)?;
        let body = served.bodies.read(&headers, body, deadline).await?;
        let place = served.admission.request()?;
        if let Some(batch) = Parameters::of_batch(&body.bytes) {
            drop(place);
            return post_batch(&served, &headers, media, batch?, deadline).await;
        }
        let prepared = Prepared::new(&served, Parameters::of_body(&body.bytes)?)?;
        drop(body);
        let is_streamed = match prepared.is_subscription() {
            true => accepts_events,
            false => prefers_events(&headers),
        };
        if is_streamed {
            return event_stream::answer(&served, headers, prepared, place, deadline).await;
        }
        if prepared.is_subscription() {
            return Err(subscriptions_stream());
        }
        let entering = prepared.enter(&served, &headers, place);
        let entered = in_time(deadline, entering).await?;
        let response = entered.execute(&served, deadline).await?;
        Ok(executed(media, response))
    };
    answer.await.unwrap_or_else(|refusal| refusal.answer(media))
}

/// Several requests in one body, one after the other, where that is allowed.
async fn post_batch(
    served: &Served,
    headers: &HeaderMap,
    media: MediaType,
    batch: Vec<Parameters>,
    deadline: Instant,
) -> Result<Response, Refusal> {
    let most = served.app.bounds.batch;
    if most < 2 {
        let text = "The body must be one JSON object: an array of requests is not taken here.";
        return Err(ApiError::bad_input(text).into());
    }
    if !(1..=most).contains(&batch.len()) {
        let text = format!("The array must have 1 to {most} requests.");
        return Err(ApiError::bad_input(text).into());
    }
    let mut responses = Vec::new();
    for parameters in batch {
        let run = async {
            let place = served.admission.request()?;
            let prepared = Prepared::new(served, parameters)?;
            if prepared.is_subscription() {
                return Err(subscriptions_stream());
            }
            let entered = in_time(deadline, prepared.enter(served, headers, place)).await?;
            Ok(entered.execute(served, deadline).await?)
        };
        let response = run.await;
        responses.push(response.unwrap_or_else(|refusal| failed(refusal.into_error())));
    }
    Ok(executed_batch(media, responses))
}

/// `GET /graphql`: GraphiQL for a browser, a query for `?query=`, a WebSocket; never a mutation.
pub(super) async fn get(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    upgrade: websocket::Upgrade,
) -> Response {
    if let Ok(upgrade) = upgrade {
        return websocket::accept(served, headers, upgrade);
    }
    let deadline = Instant::now() + served.app.deadline;
    let parameters = Parameters::of_url(query.as_deref().unwrap_or_default());
    if parameters.is_none() && wants_page(&headers) {
        return served.app.graphiql.page();
    }
    let Some(media) = MediaType::negotiate(&headers) else {
        return not_acceptable();
    };
    let answer = async {
        let place = served.admission.request()?;
        let parameters = parameters.ok_or_else(Parameters::no_parameters)??;
        let prepared = Prepared::new(&served, parameters)?;
        if prepared.is_no_query() {
            let error = ApiError::bad_input("GET is for queries; send anything else by POST.");
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error);
            return Err(refusal.with(header::ALLOW, HeaderValue::from_static("POST")));
        }
        let entering = prepared.enter(&served, &headers, place);
        let entered = in_time(deadline, entering).await?;
        let response = entered.execute(&served, deadline).await?;
        Ok(executed(media, response))
    };
    answer
        .await
        .unwrap_or_else(|refusal: Refusal| refusal.answer(media))
}

/// Being let in counts against the deadline too.
pub(super) async fn in_time<T>(
    deadline: Instant,
    entering: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    match tokio::time::timeout_at(deadline, entering).await {
        Ok(entered) => entered,
        Err(_) => {
            tracing::warn!("a request was given up at its deadline");
            Err(ApiError::unavailable().into())
        }
    }
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

fn not_acceptable() -> Response {
    let error = ApiError::new(
        Code::BadUserInput,
        "Accept application/graphql-response+json or application/json.",
    );
    Refusal::new(StatusCode::NOT_ACCEPTABLE, error).answer(MediaType::Json)
}
