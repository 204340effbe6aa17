//! A clock that stands still until it is moved.

use std::sync::Mutex;
use std::time::Duration;

use api::clock::Clock;
use chrono::{DateTime, TimeZone, Utc};

/// See the module. It starts at noon on 1 September 2025.
#[derive(Debug, Default)]
pub struct TestClock(Mutex<Duration>);

impl TestClock {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2025, 9, 1, 12, 0, 0).unwrap() + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}
