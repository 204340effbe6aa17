//! Answers as bytes.

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::negotiation::MediaType;
use crate::graphql::{ApiError, Code};

#[derive(Serialize)]
struct Answer<'a> {
    /// Absent when the request was not executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[ServerError]>::is_empty")]
    errors: &'a [ServerError],
}

/// The answer to a request that reached the schema.
pub(super) fn executed(media: MediaType, mut response: GraphqlResponse) -> Response {
    // The library marks no request error: such a response has no data, and errors without path.
    let is_request_error = response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty());
    for error in &mut response.errors {
        // What the library itself refuses is the caller's to correct.
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", Code::BadUserInput.as_str());
        }
    }
    let status = match media {
        MediaType::GraphqlResponse if is_request_error => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let data = (!is_request_error).then_some(&response.data);
    json(
        status,
        media,
        &Answer {
            data,
            errors: &response.errors,
        },
    )
}

/// The answer to a request that never reached the schema.
pub(super) fn refused(status: StatusCode, media: MediaType, error: ApiError) -> Response {
    let error = async_graphql::Error::from(error);
    let mut server_error = ServerError::new(error.message, None);
    server_error.extensions = error.extensions;
    json(
        status,
        media,
        &Answer {
            data: None,
            errors: &[server_error],
        },
    )
}

/// The status that a failure before execution has.
pub(super) fn status(code: Code) -> StatusCode {
    match code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::BadUserInput | Code::QueryTooComplex => StatusCode::BAD_REQUEST,
        Code::SiriusUnavailable | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn json(status: StatusCode, media: MediaType, answer: &Answer<'_>) -> Response {
    let (status, body) = match serde_json::to_vec(answer) {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media.content_type()),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
