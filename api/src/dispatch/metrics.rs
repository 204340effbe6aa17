//! What is counted of events. The handles belong to the recorder that was current when they were made.

use std::time::{Duration, Instant};

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use super::Round;
use crate::finance::outbox::OutboxState;

pub(super) struct DispatchMetrics {
    delivered: Counter,
    put_off: Counter,
    parked: Counter,
    took: Histogram,
    waiting: Gauge,
    oldest: Gauge,
    standing_aside: Gauge,
}

impl DispatchMetrics {
    pub(super) fn register() -> Self {
        const SENT: &str = "finance_events_sent_total";
        const TOOK: &str = "finance_event_send_seconds";
        const WAITING: &str = "finance_events_waiting";
        const OLDEST: &str = "finance_events_oldest_waiting_seconds";
        const PARKED: &str = "finance_events_parked";
        describe_counter!(SENT, "Attempts to send an event, by outcome.");
        describe_histogram!(TOOK, Unit::Seconds, "Time that the sink took to answer.");
        describe_gauge!(WAITING, "Events that wait to be sent, of all instances.");
        describe_gauge!(OLDEST, Unit::Seconds, "Age of the oldest of them.");
        describe_gauge!(
            PARKED,
            "Events that were given up and wait for an operator."
        );
        let sent = |outcome: &'static str| counter!(SENT, "outcome" => outcome);
        Self {
            delivered: sent("delivered"),
            put_off: sent("put_off"),
            parked: sent("parked"),
            took: histogram!(TOOK),
            waiting: gauge!(WAITING),
            oldest: gauge!(OLDEST),
            standing_aside: gauge!(PARKED),
        }
    }

    pub(super) async fn timed<T>(&self, sending: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let result = sending.await;
        self.took.record(began.elapsed().as_secs_f64());
        result
    }

    pub(super) fn count(&self, round: Round) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.delivered.increment(number(round.delivered));
        self.put_off.increment(number(round.put_off));
        self.parked.increment(number(round.parked));
    }

    pub(super) fn state(&self, state: OutboxState, age: Duration) {
        let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        self.waiting.set(number(state.waiting));
        self.oldest.set(age.as_secs_f64());
        self.standing_aside.set(number(state.parked));
    }
}
