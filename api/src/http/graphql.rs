//! `/graphql` by the GraphQL over HTTP specification.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::parser::types::{DocumentOperations, OperationType};
use async_graphql::{Request, Variables};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::caller::identify;
use super::negotiation::{MediaType, wants_page};
use super::respond::{executed, refused, status};
use super::router::Served;
use crate::graphql::{self, ApiError, Code, Users};
use crate::sirius::Forwarded;

/// The parameters of a request, as the specification has them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default)]
    extensions: Option<Map<String, Value>>,
}

/// `POST /graphql`.
pub(super) async fn post(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(media) = MediaType::negotiate(&headers) else {
        return not_acceptable();
    };
    if !is_json(&headers) {
        let error = ApiError::bad_input("Send Content-Type: application/json, in UTF-8.");
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, media, error);
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            let error = ApiError::bad_input(
                "The body could not be read: send it whole, and of one megabyte at most.",
            );
            return refused(rejection.status(), media, error);
        }
    };
    match serde_json::from_slice::<Parameters>(&body) {
        Ok(parameters) => execute(&served, &headers, media, parameters, Method::Post).await,
        Err(_) => refused(
            StatusCode::BAD_REQUEST,
            media,
            ApiError::bad_input(
                "The body must be one JSON object with the string `query`, and may have the \
                 string `operationName` and the objects `variables` and `extensions`.",
            ),
        ),
    }
}

/// `GET /graphql`: GraphiQL for a browser, a query for `?query=`, never a mutation.
pub(super) async fn get(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let parameter = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let document = parameter("query");
    if document.is_none() && wants_page(&headers) {
        return served.app.graphiql.page();
    }
    let Some(media) = MediaType::negotiate(&headers) else {
        return not_acceptable();
    };
    let object = |name: &str| match parameter(name) {
        None => Ok(None),
        Some(text) => serde_json::from_str::<Option<Map<String, Value>>>(&text),
    };
    let parameters = match (document, object("variables"), object("extensions")) {
        (Some(query), Ok(variables), Ok(extensions)) => Parameters {
            query,
            operation_name: parameter("operationName"),
            variables,
            extensions,
        },
        _ => {
            let error = ApiError::bad_input(
                "The URL must have `query`, and may have `operationName` and the JSON objects \
                 `variables` and `extensions`.",
            );
            return refused(StatusCode::BAD_REQUEST, media, error);
        }
    };
    execute(&served, &headers, media, parameters, Method::Get).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Post,
}

async fn execute(
    served: &Served,
    headers: &HeaderMap,
    media: MediaType,
    parameters: Parameters,
    method: Method,
) -> Response {
    let mut request = Request::new(parameters.query);
    if let Some(name) = parameters.operation_name {
        request = request.operation_name(name);
    }
    if let Some(variables) = parameters.variables {
        request = request.variables(Variables::from_json(Value::Object(variables)));
    }
    // Nothing reads extensions yet; that they are an object is checked all the same.
    drop(parameters.extensions);
    let is_no_query = is_no_query(&mut request);
    if method == Method::Get && is_no_query {
        let error = ApiError::bad_input("GET is for queries; send anything else by POST.");
        let mut response = refused(StatusCode::METHOD_NOT_ALLOWED, media, error);
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }

    let app = &served.app;
    let deadline = Instant::now() + app.deadline;
    let run = async {
        let forwarded = Forwarded::from_headers(headers);
        let identified = identify(app, headers, &forwarded).await?;
        if is_no_query {
            identified.may_change(headers, &forwarded)?;
        }
        let users = Users::new(app.sirius.clone(), forwarded, deadline);
        let request = request.data(identified.caller).data(users);
        match AssertUnwindSafe(graphql::execute(&served.schema, &app.db, request))
            .catch_unwind()
            .await
        {
            Ok(response) => Ok(executed(media, response)),
            Err(_) => {
                tracing::error!("a resolver panicked");
                Err(ApiError::internal())
            }
        }
    };
    let answer = tokio::time::timeout_at(deadline, run)
        .await
        .unwrap_or_else(|_| {
            tracing::warn!("a request was given up at its deadline");
            Err(ApiError::unavailable())
        });
    answer.unwrap_or_else(|error| refused(status(error.code()), media, error))
}

/// Whether the request would execute something other than a query; if that is not sure, whether it
/// might. A document that does not parse is left to the schema to refuse.
fn is_no_query(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else {
        return false;
    };
    let is_no_query = |ty: OperationType| ty != OperationType::Query;
    match &document.operations {
        DocumentOperations::Single(operation) => is_no_query(operation.node.ty),
        DocumentOperations::Multiple(all) => {
            let named = name.and_then(|name| all.get(name.as_str()));
            match named {
                Some(operation) => is_no_query(operation.node.ty),
                // A sole operation is executed without being named, whatever its own name.
                None => all.values().any(|operation| is_no_query(operation.node.ty)),
            }
        }
    }
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
    refused(StatusCode::NOT_ACCEPTABLE, MediaType::Json, error).into_response()
}
