//! Answers as bytes.

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::negotiation::MediaType;
use crate::graphql::json::write;
use crate::graphql::{ApiError, Code};

/// What the library itself refuses is the caller's to correct.
const UNCODED: Code = Code::BadUserInput;

struct Answer<'a> {
    /// Absent when the request was not executed.
    data: Option<&'a Value>,
    errors: &'a [ServerError],
}

impl<'a> Answer<'a> {
    /// What a response says, and whether it is a request error: one that was never executed. The
    /// library marks none: such a response has no data, and errors without path.
    fn of(response: &'a mut GraphqlResponse) -> (Self, bool) {
        let is_request_error = response.data == Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.is_empty());
        for error in &mut response.errors {
            let extensions = error.extensions.get_or_insert_default();
            if extensions.get("code").is_none() {
                extensions.set("code", UNCODED.as_str());
            }
        }
        let answer = Self {
            data: (!is_request_error).then_some(&response.data),
            errors: &response.errors,
        };
        (answer, is_request_error)
    }

    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.push(b'{');
        if let Some(data) = self.data {
            out.extend_from_slice(b"\"data\":");
            write(data, out);
        }
        if !self.errors.is_empty() {
            if self.data.is_some() {
                out.push(b',');
            }
            out.extend_from_slice(b"\"errors\":");
            serde_json::to_writer(&mut *out, self.errors)?;
        }
        out.push(b'}');
        Ok(())
    }
}

/// The code that an error goes out with.
pub(super) fn error_code(error: &ServerError) -> Code {
    match error.extensions.as_ref().and_then(|it| it.get("code")) {
        Some(Value::String(code)) => Code::of(code).unwrap_or(Code::Internal),
        _ => UNCODED,
    }
}

/// The answer to a request that reached the schema.
pub(super) fn executed(media: MediaType, mut response: GraphqlResponse) -> Response {
    let (answer, is_request_error) = Answer::of(&mut response);
    let status = match media {
        MediaType::GraphqlResponse if is_request_error => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let mut body = Vec::with_capacity(SMALL);
    let written = answer.write(&mut body);
    json(status, media, written.map(|()| body))
}

/// One answer for each request of an array.
pub(super) fn executed_batch(media: MediaType, mut responses: Vec<GraphqlResponse>) -> Response {
    let mut body = vec![b'['];
    let mut written = Ok(());
    for (place, response) in responses.iter_mut().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        written = written.and_then(|()| Answer::of(response).0.write(&mut body));
    }
    body.push(b']');
    json(StatusCode::OK, media, written.map(|()| body))
}

/// What is told of one event of a stream; whether it is a request error; and the response again.
pub(super) fn event(
    mut response: GraphqlResponse,
) -> (serde_json::Result<String>, bool, GraphqlResponse) {
    let (answer, is_request_error) = Answer::of(&mut response);
    let mut text = Vec::new();
    let written = answer.write(&mut text);
    // Whatever is written is JSON, and so UTF-8.
    let text = written.map(|()| String::from_utf8(text).unwrap_or_default());
    (text, is_request_error, response)
}

/// The errors of a response alone.
pub(super) fn errors(mut response: GraphqlResponse) -> serde_json::Result<String> {
    serde_json::to_string(Answer::of(&mut response).0.errors)
}

/// The response that a failure is, where it goes out as one.
pub(super) fn failed(error: ApiError) -> GraphqlResponse {
    let error = async_graphql::Error::from(error);
    let mut server_error = ServerError::new(error.message, None);
    server_error.extensions = error.extensions;
    GraphqlResponse::from_errors(vec![server_error])
}

/// A request that is turned away before it reaches the schema.
pub(super) struct Refusal {
    status: StatusCode,
    error: ApiError,
    header: Option<(HeaderName, HeaderValue)>,
    /// It is an answer of GraphQL's own: in plain JSON its status is 200.
    is_request_error: bool,
}

/// What Retry-After says where the cause gives no better guess, in seconds.
const RETRY_AFTER: u64 = 1;

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let status = status(error.code());
        let refusal = Self::new(status, error);
        match status {
            StatusCode::SERVICE_UNAVAILABLE => refusal.retry_after(RETRY_AFTER),
            _ => refusal,
        }
    }
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: ApiError) -> Self {
        Self {
            status,
            error,
            header: None,
            is_request_error: false,
        }
    }

    /// A request that GraphQL refuses to execute: well-formed, and wrong in itself.
    pub(super) fn request_error(error: ApiError) -> Self {
        Self {
            is_request_error: true,
            ..Self::new(StatusCode::BAD_REQUEST, error)
        }
    }

    /// Tells when to come back.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header, in place of another that was added.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(super) fn code(&self) -> Code {
        self.error.code()
    }

    /// What it says, where it goes out as one event among others.
    pub(super) fn into_error(self) -> ApiError {
        self.error
    }

    pub(super) fn answer(self, media: MediaType) -> Response {
        let mut response = failed(self.error);
        let status = match media {
            MediaType::Json if self.is_request_error => StatusCode::OK,
            _ => self.status,
        };
        let mut body = Vec::new();
        let written = Answer::of(&mut response).0.write(&mut body);
        let mut response = json(status, media, written.map(|()| body));
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// The status that a failure before execution has.
fn status(code: Code) -> StatusCode {
    match code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::BadUserInput | Code::QueryTooComplex | Code::PersistedQueryNotFound => {
            StatusCode::BAD_REQUEST
        }
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::SiriusUnavailable | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Bytes that most answers fit into.
const SMALL: usize = 1024;

fn json(status: StatusCode, media: MediaType, body: serde_json::Result<Vec<u8>>) -> Response {
    let (status, body) = match body {
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
