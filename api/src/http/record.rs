//! What becomes of one request: one line in the log, one count. It is told when the last who holds the
//! record lets go of it: with the answer, or when a stream ends, or when the caller has gone away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_graphql::Response as GraphqlResponse;
use async_graphql::parser::types::OperationType;
use http::StatusCode;
use sea_orm::DatabaseConnection;
use tracing::Span;

use super::request_metrics::{Counted, Open, RequestMetrics};
use super::respond::error_code;
use crate::graphql::{Caller, Code, Databases};
use crate::reads::{ReadDatabase, Told};
use crate::traces;

/// The outcome of what was answered without an error.
const OK: &str = "OK";
/// The outcome of what nobody waited for any longer.
const ABANDONED: &str = "ABANDONED";

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Transport {
    /// One answer.
    Http,
    /// One of an array.
    Batch,
    /// Server-sent events.
    EventStream,
    /// One operation of a WebSocket.
    WebSocket,
}

/// See the module.
pub(super) struct Record {
    metrics: Arc<RequestMetrics>,
    /// Among the requests under way, as long as it is one.
    in_flight: Mutex<Option<Open>>,
    span: Span,
    began: Instant,
    sql: Arc<Sql>,
    seen: Mutex<Seen>,
}

/// SQL statements of a request; BEGIN and COMMIT are not among them.
#[derive(Default)]
struct Sql {
    statements: AtomicU64,
    microseconds: AtomicU64,
}

struct Seen {
    transport: Transport,
    /// Whether it is a request for the schema, and not for a page or a file.
    is_graphql: bool,
    /// Whether its line is only for those who look for it.
    is_quiet: bool,
    /// Whether it has no line: its parts have.
    is_silent: bool,
    caller: Option<(&'static str, i32)>,
    operation: Option<String>,
    kind: Option<OperationType>,
    status: Option<u16>,
    failure: Option<&'static str>,
    /// Whether it came to an end.
    is_done: bool,
    is_executed: bool,
    subscribed: Option<Open>,
    events: u64,
}

impl Record {
    /// Begins the record of a request; `span` is the request's own.
    pub(super) fn begin(
        metrics: &Arc<RequestMetrics>,
        span: Span,
        transport: Transport,
    ) -> Arc<Self> {
        Arc::new(Self {
            metrics: Arc::clone(metrics),
            in_flight: Mutex::new(Some(Open::one_more(&metrics.in_flight))),
            span,
            began: Instant::now(),
            sql: Arc::default(),
            seen: Mutex::new(Seen {
                transport,
                is_graphql: false,
                is_quiet: false,
                is_silent: false,
                caller: None,
                operation: None,
                kind: None,
                status: None,
                failure: None,
                is_done: false,
                is_executed: false,
                subscribed: None,
                events: 0,
            }),
        })
    }

    /// The record of one request of several that came as one.
    pub(super) fn part(&self, transport: Transport) -> Arc<Self> {
        let part = Self::begin(&self.metrics, self.span.clone(), transport);
        let caller = self.seen().caller;
        let mut seen = part.seen();
        seen.caller = caller;
        seen.is_graphql = true;
        drop(seen);
        part
    }

    /// The request's span.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// It asks the schema, and not for a page.
    pub(super) fn is_for_the_schema(&self) {
        self.seen().is_graphql = true;
    }

    /// It is a probe, of which there are many.
    pub(super) fn is_probe(&self) {
        self.seen().is_quiet = true;
    }

    /// Its parts tell all there is to tell.
    pub(super) fn is_told_by_its_parts(&self) {
        self.seen().is_silent = true;
    }

    /// It is answered as a stream.
    pub(super) fn is_streamed(&self) {
        self.seen().transport = Transport::EventStream;
    }

    pub(super) fn caller(&self, caller: &Caller) {
        let kind = caller.service.map_or("user", Into::into);
        self.seen().caller = Some((kind, caller.user_id));
        traces::attribute(
            &self.span,
            "enduser.id",
            format!("{kind}:{}", caller.user_id),
        );
    }

    pub(super) fn operation(&self, name: Option<&str>, kind: Option<OperationType>) {
        if let Some(name) = name {
            traces::attribute(&self.span, "graphql.operation.name", name.to_owned());
        }
        traces::attribute(&self.span, "graphql.operation.type", kind_name(kind));
        let mut seen = self.seen();
        seen.operation = name.map(str::to_owned);
        seen.kind = kind;
    }

    /// It was refused, or its execution failed. The first failure is its outcome.
    pub(super) fn failed(&self, code: Code) {
        let mut seen = self.seen();
        seen.is_done = true;
        seen.failure.get_or_insert(code.as_str());
    }

    /// The schema has answered. The first error of the answer is its outcome.
    pub(super) fn executed(&self, response: &GraphqlResponse) {
        let code = response
            .errors
            .first()
            .map(|error| error_code(error).as_str());
        let mut seen = self.seen();
        seen.is_done = true;
        // A name is believed when something of that name was found and run.
        seen.is_executed |= response.is_ok();
        if let Some(code) = code {
            seen.failure.get_or_insert(code);
        }
    }

    /// A subscription has begun.
    pub(super) fn subscribed(&self) {
        let open = Open::one_more(&self.metrics.subscriptions);
        let mut seen = self.seen();
        seen.is_executed = true;
        seen.subscribed = Some(open);
        drop(seen);
        *self
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A subscription has told an event.
    pub(super) fn told(&self) {
        self.metrics.events.increment(1);
        let mut seen = self.seen();
        seen.events = seen.events.saturating_add(1);
    }

    /// It came to its end, without being answered by a response of HTTP.
    pub(super) fn ended(&self) {
        self.seen().is_done = true;
    }

    /// It is answered with that status.
    pub(super) fn answered(&self, status: StatusCode) {
        let mut seen = self.seen();
        seen.status = Some(status.as_u16());
        // A stream has only begun.
        seen.is_done |= seen.transport == Transport::Http;
    }

    /// The same databases, of which each statement is counted here.
    pub(super) fn counting(
        &self,
        read: &ReadDatabase,
        write: Option<&DatabaseConnection>,
    ) -> Databases {
        let (sql, metrics) = (Arc::clone(&self.sql), Arc::clone(&self.metrics));
        let told: Told = Arc::new(move |took, has_failed| {
            sql.statements.fetch_add(1, Ordering::Relaxed);
            sql.microseconds
                .fetch_add(microseconds(took), Ordering::Relaxed);
            metrics.statement(took, has_failed);
        });
        let write = write.map(|db| {
            let (mut db, told) = (db.clone(), Arc::clone(&told));
            db.set_metric_callback(move |info| told(info.elapsed, info.failed));
            db
        });
        Databases {
            read: read.telling(told),
            write,
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let seen = self.seen.get_mut().unwrap_or_else(PoisonError::into_inner);
        let is_subscribed = seen.subscribed.is_some();
        if seen.is_silent {
            return;
        }
        let took = self.began.elapsed();
        let outcome = match seen.failure {
            Some(code) => code,
            // A subscription ends when its caller has heard enough.
            None if seen.is_done || is_subscribed => OK,
            None => ABANDONED,
        };
        let kind = kind_name(seen.kind);
        if seen.is_graphql {
            self.metrics.request(&Counted {
                operation: seen.operation.as_deref(),
                is_known: seen.is_executed,
                kind,
                outcome,
                took: (!is_subscribed).then_some(took),
            });
        }
        traces::outcome(&self.span, seen.status, outcome, seen.failure.is_some());
        let duration_us = microseconds(took);
        let sql_us = self.sql.microseconds.load(Ordering::Relaxed);
        let sql_count = self.sql.statements.load(Ordering::Relaxed);
        let operation = seen.operation.as_deref();
        let (caller, caller_id) = seen.caller.unzip();
        let (status, events) = (seen.status, is_subscribed.then_some(seen.events));
        let transport: &'static str = seen.transport.into();
        let span = &self.span;
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    operation,
                    kind,
                    caller,
                    caller_id,
                    outcome,
                    status,
                    duration_us,
                    sql_count,
                    sql_us,
                    events,
                    transport,
                    "request"
                )
            };
        }
        // The log shows the spans that are entered.
        span.in_scope(|| match seen.is_quiet {
            true => tell!(debug),
            false => tell!(info),
        });
    }
}

fn microseconds(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

fn kind_name(kind: Option<OperationType>) -> &'static str {
    match kind {
        Some(OperationType::Query) => "query",
        Some(OperationType::Mutation) => "mutation",
        Some(OperationType::Subscription) => "subscription",
        None => "none",
    }
}
