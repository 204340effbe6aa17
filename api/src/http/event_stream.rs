//! Answers as server-sent events, by the GraphQL over Server-Sent Events protocol, "distinct connections
//! mode": an event `next` for each result, then `complete`.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response as GraphqlResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, header};
use tokio::time::Instant;

use super::execute::{Arrived, Entered};
use super::live::{self, Told};
use super::respond::{Refusal, event, failed};
use super::router::Served;

/// How often something is sent when nothing happens, so that nothing on the way closes the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Executes a request and streams what comes of it.
pub(super) async fn answer(
    served: &Arc<Served>,
    headers: HeaderMap,
    arrived: Arrived,
    entered: Entered,
    deadline: Instant,
) -> Result<Response, Refusal> {
    if !entered.is_subscription() {
        let response = entered.execute(served, deadline).await?;
        return Ok(streamed(stream::iter([response])));
    }
    // It is no longer one of the caller's requests, but one of the subscriptions.
    let subscription = live::begin(Arc::clone(served), headers, entered).await?;
    drop(arrived);
    Ok(streamed(stream::unfold(
        subscription,
        |mut subscription| async {
            let response = match subscription.next().await? {
                Told::Event(response) | Told::Refused(response) => response,
                Told::Ended(error) => failed(error),
            };
            Some((response, subscription))
        },
    )))
}

fn streamed(responses: impl Stream<Item = GraphqlResponse> + Send + 'static) -> Response {
    let next = responses.filter_map(|response| async {
        let text = event(response).0;
        text.ok()
            .map(|text| Event::default().event("next").data(text))
    });
    let complete = stream::iter([Event::default().event("complete").data("")]);
    let events = next.chain(complete).map(Ok::<_, std::convert::Infallible>);
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that gathers answers would hold the events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
