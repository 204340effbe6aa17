//! A clock that stands still until it is moved.

use std::sync::Mutex;
use std::time::Duration;

use api::clock::Clock;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};

/// See the module. It starts at noon on 1 September 2025.
#[derive(Debug, Default)]
pub struct TestClock(Mutex<(Duration, TimeDelta)>);

impl TestClock {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.0.lock().unwrap().0 += by;
    }

    /// Sets the wall clock forward or back, as an operator or a time server does.
    pub fn jump(&self, by: TimeDelta) {
        self.0.lock().unwrap().1 += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        let (passed, jumped) = *self.0.lock().unwrap();
        Utc.with_ymd_and_hms(2025, 9, 1, 12, 0, 0).unwrap() + passed + jumped
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().0
    }
}
