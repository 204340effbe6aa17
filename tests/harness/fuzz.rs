//! Requests made of arbitrary bytes, and what must be true of every answer.
//!
//! The bytes choose: a valid document made from the schema; one with its text or JSON damaged; a request
//! that is like no other. Whatever they choose, nothing panics, and no answer is a fault of the service.

use std::time::Duration;

use api::demo::books::Books;
use api::http::HttpLimits;
use arbitrary::{Result, Unstructured};
use axum::Router;
use axum::body::Body;
use entity::stored::{FeeType, PaymentMethod};
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;

use crate::documents::{Document, Grammar};
use crate::token::SIRIUS_KEY;
use crate::{Harness, Kind, MANAGER, OFFICER, Options};

/// How long a stream is listened to.
const STREAM: Duration = Duration::from_millis(5);
/// The largest answer that is looked at.
const ANSWER: usize = 64 * 1024 * 1024;

/// How many inputs one service is given: what they change makes its histories longer and it slower.
pub const INPUTS: usize = 10_000;

/// A service to be fuzzed, on SQLite.
pub struct Target {
    harness: Harness,
    routes: Router,
    grammar: Grammar,
}

/// What came of a request.
#[derive(Debug)]
pub struct Outcome {
    pub status: StatusCode,
    /// Whether it was executed, and answered without errors.
    pub is_clean: bool,
    /// What is wrong with the answer; none if it is as it must be.
    pub fault: Option<String>,
    /// What was sent, for whoever wants to see it.
    pub sent: String,
}

impl Target {
    /// A service with three clients, which nobody asks too often.
    pub async fn start() -> Self {
        let options = Options {
            bounds: HttpLimits {
                rate_per_caller: 1_000_000_000,
                ..HttpLimits::default()
            },
            ..Options::default()
        };
        let harness = Harness::start(Kind::Sqlite, options).await;
        let mut books = Books::default();
        for client in [1001, 1003, 1012] {
            let mut story = books.client(client, &format!("{client}0001"), PaymentMethod::Demanded);
            for number in 0..5 {
                let made = format!("2024-05-01 10:00:{number:02}");
                let reference = format!("AD{number:02}{client}/24");
                story.by(3).invoice(FeeType::Ad, &reference, 100, &made);
            }
        }
        harness.write(books).await;
        Self {
            routes: harness.routes.clone(),
            grammar: Grammar::default(),
            harness,
        }
    }

    /// Ends it, and leaves nothing behind.
    pub async fn stop(self) {
        drop(self.routes);
        self.harness.stop().await;
    }

    /// Where it listens, for what is no request at all.
    pub fn harness(&self) -> &Harness {
        &self.harness
    }

    /// Sends the request that the bytes describe. None if there are too few.
    pub async fn send(&self, bytes: &[u8]) -> Option<Outcome> {
        let mut bytes = Unstructured::new(bytes);
        let (request, sent) = self.request(&mut bytes).ok()?;
        let has_body = request.method() != Method::HEAD;
        let response = self.routes.clone().oneshot(request).await;
        let response = response.unwrap_or_else(|never| match never {});
        let status = response.status();
        let kind = response.headers().get(header::CONTENT_TYPE).cloned();
        let kind = kind
            .and_then(|it| it.to_str().ok().map(str::to_owned))
            .unwrap_or_default();
        let retry = response.headers().contains_key(header::RETRY_AFTER);
        let mut fault = None;
        if status.is_server_error() && !(status == StatusCode::SERVICE_UNAVAILABLE && retry) {
            fault = Some(format!("the status is {status}"));
        }
        let mut is_clean = false;
        if kind.starts_with("text/event-stream") {
            // It may never end.
            let mut parts = response.into_body().into_data_stream();
            let _ = tokio::time::timeout(STREAM, parts.next()).await;
        } else {
            let body = axum::body::to_bytes(response.into_body(), ANSWER).await;
            let body = body.unwrap_or_default();
            if has_body && kind.contains("json") {
                match serde_json::from_slice::<Value>(&body) {
                    Ok(body) => {
                        is_clean = body.get("data").is_some() && body.get("errors").is_none();
                        fault = fault.or_else(|| fault_of(&body));
                    }
                    Err(error) => fault = Some(format!("the body is no JSON: {error}")),
                }
            }
        }
        Some(Outcome {
            status,
            is_clean,
            fault,
            sent,
        })
    }

    fn request(&self, bytes: &mut Unstructured<'_>) -> Result<(Request<Body>, String)> {
        let mut request = Request::new(Body::empty());
        headers(bytes, request.headers_mut())?;
        let (method, path, body) = match bytes.int_in_range(0..=9)? {
            0..=4 => {
                let document = self.grammar.document(bytes)?;
                envelope(bytes, &document)?
            }
            5 | 6 => {
                let mut document = self.grammar.document(bytes)?;
                document.query = damaged(bytes, document.query.into_bytes())?;
                envelope(bytes, &document)?
            }
            7 => {
                let document = self.grammar.document(bytes)?;
                let (method, path, body) = envelope(bytes, &document)?;
                (method, path, damaged(bytes, body.into_bytes())?)
            }
            8 => (
                Method::POST,
                "/graphql".to_owned(),
                junk(bytes, 4)?.to_string(),
            ),
            _ => {
                let methods = [
                    Method::GET,
                    Method::POST,
                    Method::PUT,
                    Method::HEAD,
                    Method::OPTIONS,
                    Method::PATCH,
                ];
                let method = bytes.choose(&methods)?.clone();
                let paths = [
                    "/graphql",
                    "/",
                    "/health/ready",
                    "/graphiql/start.js",
                    "/graphql/",
                    "/graphql?",
                ];
                let path = (*bytes.choose(&paths)?).to_owned();
                let text = String::from_utf8_lossy(bytes.peek_bytes(200).unwrap_or_default());
                let query =
                    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                (method, format!("{path}?query={query}"), text.into_owned())
            }
        };
        let sent = format!("{method} {path}\n{body}");
        *request.body_mut() = Body::from(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap_or_default();
        Ok((request, sent))
    }
}

/// A document as it goes over the wire.
fn envelope(bytes: &mut Unstructured<'_>, document: &Document) -> Result<(Method, String, String)> {
    let Document { query, variables } = document;
    if bytes.ratio(1_u8, 8_u8)? {
        let mut serializer = url::form_urlencoded::Serializer::new(String::new());
        serializer
            .append_pair("query", query)
            .append_pair("variables", &variables.to_string());
        let path = format!("/graphql?{}", serializer.finish());
        return Ok((Method::GET, path, String::new()));
    }
    let mut body = json!({ "query": query, "variables": variables });
    if bytes.ratio(1_u8, 8_u8)? {
        let hash = Sha256::digest(query);
        let hash = hash
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        body["extensions"] = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    }
    if bytes.ratio(1_u8, 16_u8)? {
        body["operationName"] = junk(bytes, 0)?;
    }
    if bytes.ratio(1_u8, 16_u8)? {
        body["variables"] = junk(bytes, 3)?;
    }
    Ok((Method::POST, "/graphql".to_owned(), body.to_string()))
}

/// A text with some of its bytes lost, doubled or changed.
fn damaged(bytes: &mut Unstructured<'_>, mut text: Vec<u8>) -> Result<String> {
    for _ in 0..bytes.int_in_range(1..=4)? {
        if text.is_empty() {
            break;
        }
        let at = bytes.int_in_range(0..=text.len() - 1)?;
        match bytes.int_in_range(0..=3)? {
            0 => {
                text.remove(at);
            }
            1 => text.insert(at, *bytes.choose(b"{}[]()\"\\$@!:,.#& \n\t0aZ_-\x00\xc3")?),
            2 => {
                let end = text.len().min(at + 30);
                let part = text.get(at..end).unwrap_or_default().to_vec();
                text.splice(at..at, part);
            }
            _ => text.truncate(at),
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Any JSON, of the words that mean something here.
fn junk(bytes: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    const WORDS: [&str; 12] = [
        "query",
        "variables",
        "operationName",
        "extensions",
        "persistedQuery",
        "documentId",
        "version",
        "sha256Hash",
        "{ viewer { id } }",
        "first",
        "",
        "\u{0}",
    ];
    Ok(
        match bytes.int_in_range(0..=if depth == 0 { 4 } else { 7 })? {
            0 => Value::Null,
            1 => json!(bytes.arbitrary::<bool>()?),
            2 => json!(bytes.arbitrary::<i64>()?),
            3 => json!(bytes.arbitrary::<f32>()?),
            4 => json!(bytes.choose(&WORDS)?),
            5 => {
                let count = bytes.int_in_range(0..=3)?;
                Value::Array(
                    (0..count)
                        .map(|_| junk(bytes, depth - 1))
                        .collect::<Result<_>>()?,
                )
            }
            _ => {
                let mut object = Map::new();
                for _ in 0..bytes.int_in_range(0..=4)? {
                    object.insert((*bytes.choose(&WORDS)?).to_owned(), junk(bytes, depth - 1)?);
                }
                Value::Object(object)
            }
        },
    )
}

/// Mostly those of somebody who is signed in, sometimes any.
fn headers(bytes: &mut Unstructured<'_>, headers: &mut http::HeaderMap) -> Result<()> {
    let mut add = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    };
    match bytes.int_in_range(0..=15)? {
        15 => {}
        1 => add("authorization", "Bearer no.such.token"),
        2 | 3 => add("authorization", &format!("Bearer {SIRIUS_KEY}")),
        4..=6 => add("cookie", &format!("{MANAGER}; XSRF-TOKEN=x")),
        _ => add("cookie", OFFICER),
    }
    if bytes.int_in_range(0..=15)? < 15 {
        add("content-type", "application/json");
        add("x-xsrf-token", bytes.choose(&["a+b c", "a+b c", "x"])?);
    }
    let accepted = [
        "application/graphql-response+json",
        "application/json",
        "*/*",
        "text/event-stream",
        "text/html",
        "application/json;q=0.5, text/event-stream;q=0.1",
    ];
    add("accept", bytes.choose(&accepted)?);
    if bytes.int_in_range(0..=7)? == 7 {
        let odd = [
            ("content-encoding", "gzip"),
            ("content-length", "7"),
            ("origin", "null"),
            ("x-request-id", "a\tb"),
            ("traceparent", "00-0-0-0"),
            ("expect", "100-continue"),
            ("upgrade", "websocket"),
            ("sec-fetch-site", "cross-site"),
            ("content-type", "text/plain"),
            ("authorization", "Basic eDp5"),
            ("cookie", "=;;=; XSRF-TOKEN=%"),
        ];
        let (name, value) = *bytes.choose(&odd)?;
        add(name, value);
    }
    Ok(())
}

/// What no answer may say: that something went wrong here, or an error without a code.
fn fault_of(body: &Value) -> Option<String> {
    let errors = body
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for error in errors {
        match error.pointer("/extensions/code").and_then(Value::as_str) {
            Some("INTERNAL") => return Some("an error is INTERNAL".to_owned()),
            None => return Some(format!("an error has no code: {error}")),
            Some(_) => {}
        }
    }
    None
}
