//! How long what is kept and tried.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Makes a wait a little shorter, so that instances do not all try at once.
pub type Jitter = Arc<dyn Fn(Duration) -> Duration + Send + Sync>;

/// Settings of the user directory; the defaults are those of `docs/configuration.md`.
#[derive(Clone)]
pub struct UserCacheSettings {
    /// Age from which a list is served but refreshed.
    pub fresh: Duration,
    /// Age from which a list is not served.
    pub stale: Duration,
    /// The longest that a refresh takes, and that a caller waits for one.
    pub timeout: Duration,
    /// How long an id that a new list lacks is remembered as unknown.
    pub unknown: Duration,
    /// The shortest time between two refreshes for the sake of an id that the list lacks.
    pub unknown_retry: Duration,
    /// Wait after a first failure; doubled by each further one.
    pub back_off: Duration,
    /// The longest wait after a failure.
    pub back_off_most: Duration,
    /// See [`Jitter`].
    pub jitter: Jitter,
}

impl Default for UserCacheSettings {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(12 * 60 * 60),
            stale: Duration::from_secs(48 * 60 * 60),
            timeout: Duration::from_secs(5),
            unknown: Duration::from_secs(10 * 60),
            unknown_retry: Duration::from_secs(60),
            back_off: Duration::from_secs(1),
            back_off_most: Duration::from_secs(60),
            jitter: Arc::new(|wait| wait.mul_f64(rand::random_range(0.75..=1.0))),
        }
    }
}

impl fmt::Debug for UserCacheSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserCacheSettings")
            .field("fresh", &self.fresh)
            .field("stale", &self.stale)
            .field("timeout", &self.timeout)
            .field("unknown", &self.unknown)
            .field("unknown_retry", &self.unknown_retry)
            .field("back_off", &self.back_off)
            .field("back_off_most", &self.back_off_most)
            .finish_non_exhaustive()
    }
}
