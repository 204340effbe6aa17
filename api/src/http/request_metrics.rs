//! What is counted of requests, for Prometheus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::graphql::Code;
use crate::metrics::Metrics;

/// Names of operations that are told apart: callers choose them, and each costs memory here and there.
const NAMES: usize = 100;
/// What the others are counted as.
const OTHER: &str = "other";

const REQUESTS: &str = "finance_requests_total";
const TIME: &str = "finance_request_seconds";

/// One request, as it is counted.
pub(super) struct Counted<'a> {
    /// The operation's name; none if it has none, or was not found out.
    pub(super) operation: Option<&'a str>,
    /// Whether that name may be remembered: what is refused may be called anything.
    pub(super) is_known: bool,
    pub(super) kind: &'static str,
    pub(super) outcome: &'static str,
    /// How long it took; none of a subscription, which lasts as long as its caller wants.
    pub(super) took: Option<Duration>,
}

/// See the module. Without a recorder nothing is counted.
pub(super) struct RequestMetrics {
    metrics: Option<Metrics>,
    /// Requests that are under way.
    pub(super) in_flight: Gauge,
    /// Subscriptions that are open.
    pub(super) subscriptions: Gauge,
    /// WebSockets that are open.
    pub(super) sockets: Gauge,
    /// Events that were told to subscribers.
    pub(super) events: Counter,
    statements: Counter,
    failed_statements: Counter,
    statement_time: Histogram,
    by_operation: Mutex<HashMap<String, Operation>>,
}

/// One of what a gauge counts, until this is dropped.
pub(super) struct Open(Gauge);

impl Open {
    pub(super) fn one_more(gauge: &Gauge) -> Self {
        gauge.increment(1);
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// Handles of one operation.
struct Operation {
    time: Histogram,
    requests: HashMap<(&'static str, &'static str), Counter>,
}

impl RequestMetrics {
    pub(super) fn new(metrics: Option<Metrics>) -> Arc<Self> {
        const IN_FLIGHT: &str = "finance_requests_in_flight";
        const SUBSCRIPTIONS: &str = "finance_subscriptions_open";
        const SOCKETS: &str = "finance_websockets_open";
        const EVENTS: &str = "finance_subscription_events_total";
        const STATEMENTS: &str = "finance_sql_statements_total";
        const STATEMENT_TIME: &str = "finance_sql_statement_seconds";
        let register = || {
            describe_counter!(REQUESTS, "Requests answered, by operation and outcome.");
            describe_histogram!(TIME, Unit::Seconds, "Time that requests took.");
            describe_gauge!(IN_FLIGHT, "Requests that are under way.");
            describe_gauge!(SUBSCRIPTIONS, "Subscriptions that are open.");
            describe_gauge!(SOCKETS, "WebSockets that are open.");
            describe_counter!(EVENTS, "Events that were told to subscribers.");
            describe_counter!(STATEMENTS, "SQL statements of requests, by outcome.");
            describe_histogram!(
                STATEMENT_TIME,
                Unit::Seconds,
                "Time that a statement took, without the wait for a connection."
            );
            Self {
                metrics: metrics.clone(),
                in_flight: gauge!(IN_FLIGHT),
                subscriptions: gauge!(SUBSCRIPTIONS),
                sockets: gauge!(SOCKETS),
                events: counter!(EVENTS),
                statements: counter!(STATEMENTS, "outcome" => "ok"),
                failed_statements: counter!(STATEMENTS, "outcome" => "failed"),
                statement_time: histogram!(STATEMENT_TIME),
                by_operation: Mutex::default(),
            }
        };
        Arc::new(match &metrics {
            Some(metrics) => metrics.counted(register),
            None => register(),
        })
    }

    /// Counts a statement.
    pub(super) fn statement(&self, took: Duration, has_failed: bool) {
        match has_failed {
            true => self.failed_statements.increment(1),
            false => self.statements.increment(1),
        }
        self.statement_time.record(took.as_secs_f64());
    }

    /// Counts a request.
    pub(super) fn request(&self, counted: &Counted<'_>) {
        let Some(metrics) = &self.metrics else {
            return;
        };
        let mut by_operation = self
            .by_operation
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let name = counted.operation.unwrap_or_default();
        let is_told_apart =
            by_operation.contains_key(name) || counted.is_known && by_operation.len() < NAMES;
        let name = if is_told_apart || name.is_empty() {
            name
        } else {
            OTHER
        };
        if !by_operation.contains_key(name) {
            let time = || histogram!(TIME, "operation" => name.to_owned());
            let mut operation = Operation {
                time: metrics.counted(time),
                requests: HashMap::new(),
            };
            // A rate is seen from the first failure on only if the series was there before it.
            for outcome in ["OK", Code::Internal.as_str(), Code::Unavailable.as_str()] {
                operation.counter(metrics, name, counted.kind, outcome);
            }
            by_operation.insert(name.to_owned(), operation);
        }
        let Some(operation) = by_operation.get_mut(name) else {
            return;
        };
        if let Some(took) = counted.took {
            operation.time.record(took.as_secs_f64());
        }
        let counter = operation.counter(metrics, name, counted.kind, counted.outcome);
        counter.increment(1);
    }
}

impl Operation {
    fn counter(
        &mut self,
        metrics: &Metrics,
        name: &str,
        kind: &'static str,
        outcome: &'static str,
    ) -> &Counter {
        let register = || {
            metrics.counted(|| {
                counter!(REQUESTS,
                    "operation" => name.to_owned(), "kind" => kind, "outcome" => outcome)
            })
        };
        self.requests
            .entry((kind, outcome))
            .or_insert_with(register)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(requests: &RequestMetrics, operation: Option<&str>, is_known: bool) {
        requests.request(&Counted {
            operation,
            is_known,
            kind: "query",
            outcome: "OK",
            took: Some(Duration::from_millis(2)),
        });
    }

    fn of(metrics: &Metrics, operation: &str) -> Option<String> {
        let name =
            format!("{REQUESTS}{{operation=\"{operation}\",kind=\"query\",outcome=\"OK\"}} ");
        let text = metrics.render();
        text.lines()
            .find_map(|line| line.strip_prefix(name.as_str()).map(str::to_owned))
    }

    #[test]
    fn so_many_names_are_told_apart_and_only_those_of_what_was_executed() {
        let metrics = Metrics::new().unwrap();
        let requests = RequestMetrics::new(Some(metrics.clone()));
        count(&requests, Some("Mischief"), false);
        for number in 0..NAMES * 2 {
            count(&requests, Some(&format!("Query{number}")), true);
        }
        count(&requests, Some("Query0"), false);
        count(&requests, None, true);
        assert_eq!(of(&metrics, "Mischief"), None);
        assert_eq!(of(&metrics, "Query0").as_deref(), Some("2"));
        assert_eq!(of(&metrics, "Query150"), None);
        assert_eq!(of(&metrics, "").as_deref(), Some("1"));
        let others = of(&metrics, OTHER).unwrap().parse::<usize>().unwrap();
        assert!((NAMES..NAMES + 3).contains(&others), "{others}");
    }
}
