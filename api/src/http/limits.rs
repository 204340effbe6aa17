//! What one server takes on at once.

use std::time::Duration;

/// The bounds of a server, whatever is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Requests that are executed at once. One more is turned away.
    pub requests: usize,
    /// Requests of one caller that are executed at once.
    pub requests_per_caller: usize,
    /// Requests of one caller in a second.
    pub rate_per_caller: u32,
    /// Operations in one request, which is then a JSON array; 1 is none but single ones.
    pub batch: usize,
    /// Texts that are remembered by their hash (automatic persisted queries); 0 is none.
    pub persisted_queries: u64,
    /// Subscriptions that run at once.
    pub subscriptions: usize,
    /// Subscriptions of one caller that run at once.
    pub subscriptions_per_caller: usize,
    /// Connections that are open at once. One more waits until one ends.
    pub connections: usize,
    /// How long a connection may take to send the head of its next request.
    pub head_timeout: Duration,
}

impl Default for HttpLimits {
    /// Reasons: `docs/configuration.md`, "Limits".
    fn default() -> Self {
        Self {
            body: 1024 * 1024,
            requests: 256,
            requests_per_caller: 128,
            rate_per_caller: 2_000,
            batch: 1,
            persisted_queries: 1_000,
            subscriptions: 1_000,
            subscriptions_per_caller: 50,
            connections: 4_096,
            head_timeout: Duration::from_secs(10),
        }
    }
}
