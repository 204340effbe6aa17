//! GraphQL over WebSocket: the subprotocol `graphql-transport-ws`.
//!
//! A browser opens a WebSocket from any page and sends cookies along, but no headers of the page's own.
//! So the origin must be listed, and the token that a mutation repeats in a header comes with
//! `connection_init`: `{"X-XSRF-TOKEN": "…"}`; a bearer token too: `{"Authorization": "Bearer …"}`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};
use tracing::{Instrument as _, Span};

use super::admission::Kept;
use super::caller::{XSRF_HEADER, identify};
use super::execute::arrive;
use super::negotiation::MediaType;
use super::record::{Record, Transport};
use super::request_metrics::Open;
use super::respond::Refusal;
use super::router::Served;
use super::websocket_operation::{Outgoing, run};
use super::websocket_protocol::{ClientMessage, SUBPROTOCOL, ServerMessage};
use super::websocket_running::Running;
use crate::graphql::{ApiError, Code};

/// A request for a WebSocket, or not.
pub(super) type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// How often a silent peer is asked whether it is there.
const PING: Duration = Duration::from_secs(15);
/// How long it may stay silent.
const SILENCE: Duration = Duration::from_secs(45);
/// How long a message may take to be written: a peer that reads nothing is gone.
const WRITING: Duration = Duration::from_secs(10);
/// How long the peer may take to close its side.
const CLOSING: Duration = Duration::from_secs(1);
/// Messages that wait to be sent.
const WAITING: usize = 16;
/// Bytes of a message at most, whatever a body may have.
const MESSAGE: usize = 256 * 1024;
/// Operations of one connection at once.
const OPERATIONS: usize = 100;

/// Accepts a WebSocket of a page that may call. Who sends cookies or a token along is known at once; others
/// have few places until they have said who they are.
pub(super) async fn accept(
    served: Arc<Served>,
    record: Arc<Record>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let refused = |refusal: Refusal| {
        record.failed(refusal.code());
        refusal.answer(MediaType::Json)
    };
    let standing = match standing(&served, &record, &headers).await {
        Ok(standing) => standing,
        Err(refusal) => return refused(refusal),
    };
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let error = ApiError::bad_input("Offer the subprotocol graphql-transport-ws.");
        return refused(Refusal::new(StatusCode::BAD_REQUEST, error));
    }
    let most = served.app.bounds.body.min(MESSAGE);
    upgrade
        .max_message_size(most)
        .max_frame_size(most)
        .on_upgrade(move |socket| {
            let span = record.span().clone();
            // The record is that of the handshake alone.
            drop(record);
            let tasks = served.app.tasks.clone();
            let connection = Connection::new(served, headers, socket, standing, span.clone());
            tasks.track_future(connection.serve().instrument(span))
        })
}

/// What a connection stands on.
enum Standing {
    Stranger(#[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit),
    Caller(#[expect(dead_code, reason = "held until it is dropped")] Kept),
}

async fn standing(
    served: &Served,
    record: &Record,
    headers: &HeaderMap,
) -> Result<Standing, Refusal> {
    if !served.app.origins.admits(headers) {
        let text = "The page's origin is not on the list of this service (ALLOWED_ORIGINS).";
        return Err(ApiError::new(Code::Forbidden, text).into());
    }
    let says_who = [header::AUTHORIZATION, header::COOKIE];
    if !says_who.iter().any(|name| headers.contains_key(name)) {
        return Ok(Standing::Stranger(served.admission.stranger()?));
    }
    let deadline = Instant::now() + served.app.deadline;
    let arrived = arrive(served, headers, record, deadline).await?;
    let kept = served.admission.socket(&arrived.identified.caller)?;
    Ok(Standing::Caller(kept))
}

/// Why a connection is closed: code and reason.
struct Close(u16, String);

impl Close {
    fn because(code: u16, reason: &str) -> Self {
        Self(code, reason.to_owned())
    }
}

struct Connection {
    served: Arc<Served>,
    headers: HeaderMap,
    socket: WebSocket,
    standing: Standing,
    span: Span,
    running: Running<AbortHandle>,
    tasks: JoinSet<()>,
    sender: mpsc::Sender<Outgoing>,
    outgoing: mpsc::Receiver<Outgoing>,
    is_acknowledged: bool,
}

impl Connection {
    fn new(
        served: Arc<Served>,
        headers: HeaderMap,
        socket: WebSocket,
        standing: Standing,
        span: Span,
    ) -> Self {
        let (sender, outgoing) = mpsc::channel(WAITING);
        Self {
            served,
            headers,
            socket,
            standing,
            span,
            running: Running::default(),
            tasks: JoinSet::new(),
            sender,
            outgoing,
            is_acknowledged: false,
        }
    }

    async fn serve(mut self) {
        let _open = Open::one_more(&self.served.metrics.sockets);
        self.serve_open().await;
    }

    async fn serve_open(&mut self) {
        let Err(close) = self.talk().await;
        if let Some(Close(code, reason)) = close {
            let reason = reason.into();
            let frame = Message::Close(Some(CloseFrame { code, reason }));
            if self.write(frame).await.is_ok() {
                // What the peer has sent meanwhile would else tear the connection down before it has read why.
                let answer = async { while let Some(Ok(_)) = self.socket.recv().await {} };
                let _ = timeout_at(Instant::now() + CLOSING, answer).await;
            }
        }
    }

    /// Ends with why it is closed; none if the peer is gone.
    async fn talk(&mut self) -> Result<std::convert::Infallible, Option<Close>> {
        let served = Arc::clone(&self.served);
        let mut stopped = std::pin::pin!(served.stopped());
        let init_by = Instant::now() + self.served.app.bounds.head_timeout;
        let mut ping = interval_at(Instant::now() + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let mut is_ending = false;
        loop {
            if is_ending && self.running.len() == 0 {
                return Err(Some(Close::because(close_code::AWAY, "The service stops.")));
            }
            tokio::select! {
                // What runs is told to its end, and subscriptions end by themselves.
                () = &mut stopped, if !is_ending => is_ending = true,
                () = tokio::time::sleep_until(init_by), if !self.is_acknowledged => {
                    return Err(Some(Close::because(4408, "Connection initialisation timeout")));
                }
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Err(None);
                    }
                    self.write(Message::Ping(Default::default())).await?;
                    self.recheck().await?;
                }
                Some(outgoing) = self.outgoing.recv() => self.forward(outgoing).await?,
                Some(_) = self.tasks.join_next() => {}
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(_))) if is_ending => {}
                        Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await?,
                        Some(Ok(Message::Binary(_))) => return Err(Some(malformed())),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
                    }
                }
            }
        }
    }

    async fn write(&mut self, message: Message) -> Result<(), Option<Close>> {
        match timeout_at(Instant::now() + WRITING, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }

    async fn send(&mut self, message: &ServerMessage<'_>) -> Result<(), Option<Close>> {
        match serde_json::to_string(message) {
            Ok(text) => self.write(Message::text(text)).await,
            Err(_) => Err(Some(Close::because(close_code::ERROR, "Internal error"))),
        }
    }

    /// Passes on what an operation tells, if the peer still wants it.
    async fn forward(&mut self, outgoing: Outgoing) -> Result<(), Option<Close>> {
        let Outgoing {
            id,
            number,
            text,
            is_last,
            has_ended,
        } = outgoing;
        if !self.running.hears(&id, number, is_last) {
            return Ok(());
        }
        self.write(Message::text(text)).await?;
        if has_ended {
            return Err(Some(Close::because(4401, "Unauthorized")));
        }
        Ok(())
    }

    async fn hear(&mut self, text: &str) -> Result<(), Option<Close>> {
        let message: ClientMessage = serde_json::from_str(text).map_err(|_| Some(malformed()))?;
        match message {
            ClientMessage::ConnectionInit { payload } => self.begin(payload).await,
            ClientMessage::Ping { .. } => self.send(&ServerMessage::Pong).await,
            ClientMessage::Pong { .. } => Ok(()),
            ClientMessage::Complete { id } => {
                if let Some(task) = self.running.end(&id) {
                    task.abort();
                }
                Ok(())
            }
            ClientMessage::Subscribe { id, payload } => {
                if !self.is_acknowledged {
                    return Err(Some(Close::because(4401, "Unauthorized")));
                }
                if self.running.has(&id) {
                    // A reason has 123 bytes at most.
                    let id = id.get(..id.floor_char_boundary(64)).unwrap_or_default();
                    let reason = format!("Subscriber for {id} already exists");
                    return Err(Some(Close(4409, reason)));
                }
                if self.running.len() >= OPERATIONS {
                    return Err(Some(Close::because(4429, "Too many operations")));
                }
                let (served, headers) = (Arc::clone(&self.served), self.headers.clone());
                let (sender, tasks) = (self.sender.clone(), &mut self.tasks);
                let span = self.span.clone();
                let record = Record::begin(&served.metrics, span.clone(), Transport::WebSocket);
                self.running.begin(id.clone(), |number| {
                    let operation = run(served, headers, record, (id, number), payload, sender);
                    tasks.spawn(operation.instrument(span))
                });
                Ok(())
            }
        }
    }

    /// Ends with the caller's session, whether anything is asked or not.
    async fn recheck(&mut self) -> Result<(), Option<Close>> {
        if !self.is_acknowledged {
            return Ok(());
        }
        match identify(&self.served.app, &self.headers).await {
            Err(error) if error.code() == Code::Unauthenticated => {
                Err(Some(Close::because(4401, "Unauthorized")))
            }
            _ => Ok(()),
        }
    }

    /// Who asks, once and for all operations of the connection; each is checked again.
    async fn begin(&mut self, payload: Option<Map<String, Value>>) -> Result<(), Option<Close>> {
        if self.is_acknowledged {
            return Err(Some(Close::because(
                4429,
                "Too many initialisation requests",
            )));
        }
        take_over(&mut self.headers, &payload.unwrap_or_default());
        let by = Instant::now() + self.served.app.deadline;
        let record = Record::begin(
            &self.served.metrics,
            self.span.clone(),
            Transport::WebSocket,
        );
        let arrived = arrive(&self.served, &self.headers, &record, by).await;
        let checked = arrived.and_then(|arrived| {
            let identified = &arrived.identified;
            identified.may_change(&self.headers)?;
            if matches!(self.standing, Standing::Stranger(_)) {
                let kept = self.served.admission.socket(&identified.caller)?;
                self.standing = Standing::Caller(kept);
            }
            Ok(())
        });
        match &checked {
            Ok(()) => record.is_told_by_its_parts(),
            Err(refusal) => {
                record.is_for_the_schema();
                record.failed(refusal.code());
            }
        }
        checked.map_err(|refusal| {
            Some(match refusal.code() {
                Code::Unauthenticated => Close::because(4401, "Unauthorized"),
                Code::Forbidden => Close::because(4403, "Forbidden"),
                _ => Close::because(close_code::AGAIN, "Try again later."),
            })
        })?;
        self.is_acknowledged = true;
        self.send(&ServerMessage::ConnectionAck).await
    }
}

/// What `connection_init` says in place of headers, which a page cannot set here. A header that did
/// come is not replaced.
fn take_over(headers: &mut HeaderMap, payload: &Map<String, Value>) {
    for name in [header::AUTHORIZATION, HeaderName::from_static(XSRF_HEADER)] {
        let given = payload
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name.as_str()))
            .and_then(|(_, value)| HeaderValue::from_str(value.as_str()?).ok());
        if let (Some(mut value), false) = (given, headers.contains_key(&name)) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
}

fn malformed() -> Close {
    Close::because(4400, "No message of graphql-transport-ws")
}
