//! Whether a dispatcher still does its work: for those who ask whether an instance can serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::SharedClock;

/// How long a dispatcher may need for a round, beside what its lease allows.
const SILENCE: Duration = Duration::from_secs(5 * 60);
/// An event that has waited for so long is worth a word. Retries are five minutes apart at most.
const LONG: Duration = Duration::from_secs(15 * 60);

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Pulse {
    clock: SharedClock,
    lease: Duration,
    /// Milliseconds of the monotonic clock.
    last: Arc<AtomicU64>,
    /// Milliseconds that the oldest event has waited, as it was when last looked at.
    oldest: Arc<AtomicU64>,
}

impl Pulse {
    pub(super) fn new(clock: SharedClock, lease: Duration) -> Self {
        let pulse = Self {
            clock,
            lease,
            last: Arc::default(),
            oldest: Arc::default(),
        };
        pulse.beat();
        pulse
    }

    /// A round is over, whatever came of it.
    pub(super) fn beat(&self) {
        self.last.store(self.now(), Ordering::Relaxed);
    }

    /// The oldest event has waited for so long.
    pub(super) fn waits(&self, age: Duration) {
        self.oldest.store(milliseconds(age), Ordering::Relaxed);
    }

    /// Whether the dispatcher has ended, or hangs. A sink that is away is no reason: then it goes on trying.
    pub fn is_stuck(&self) -> bool {
        let silent = self.now().saturating_sub(self.last.load(Ordering::Relaxed));
        silent > milliseconds(self.lease.saturating_mul(3).saturating_add(SILENCE))
    }

    /// Whether there are events that the sink has not taken for long.
    pub fn has_events_that_wait_long(&self) -> bool {
        self.oldest.load(Ordering::Relaxed) > milliseconds(LONG)
    }

    fn now(&self) -> u64 {
        milliseconds(self.clock.monotonic())
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
