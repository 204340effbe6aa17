//! Whose sessions are: asked of Sirius, and remembered for a little while, so that a page of ten
//! requests costs one check. A session that has ended is gone at the latest then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mini_moka::sync::Cache;
use tokio::sync::Semaphore;

use super::client::{CurrentUser, SiriusClient};
use super::health::Health;
use super::metrics::SessionMetrics;
use super::session::Digest;
use super::single_flight::SingleFlight;
use super::{Session, SiriusError, TraceContext};
use crate::clock::SharedClock;

/// How long an answer is remembered by default, from when it was asked for.
pub const REMEMBERED: Duration = Duration::from_secs(30);
/// The most sessions remembered, of either kind: made-up cookies push out no more than each other.
const MOST: u64 = 10_000;

/// The most checks at once: a flood of made-up cookies becomes a queue here, and no flood there. Who
/// stands in it for as long as a check may take is told that there was no answer.
const MOST_AT_ONCE: usize = 32;

type Checked = Result<Arc<CurrentUser>, Arc<SiriusError>>;

/// See the module. Clones share one memory.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    client: SiriusClient,
    clock: SharedClock,
    remembered: Duration,
    verified: Cache<Digest, Arc<Verified>>,
    refused: Cache<Digest, Duration>,
    checks: SingleFlight<Digest, Checked>,
    at_once: Semaphore,
    /// The last check had no answer in time. Until one has, there is one at a time, and nobody else
    /// waits.
    is_hanging: AtomicBool,
    probe: Semaphore,
    timeout: Duration,
    health: Health,
    metrics: SessionMetrics,
}

struct Verified {
    user: Arc<CurrentUser>,
    asked_at: Duration,
}

impl Sessions {
    /// An empty memory, which keeps an answer for so long. A check takes at most `timeout`, its
    /// waiting for other checks included.
    pub fn new(
        client: SiriusClient,
        clock: SharedClock,
        remembered: Duration,
        timeout: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            client,
            clock,
            remembered,
            verified: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(remembered)
                .build(),
            refused: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(remembered)
                .build(),
            checks: SingleFlight::default(),
            at_once: Semaphore::new(MOST_AT_ONCE),
            is_hanging: AtomicBool::new(false),
            probe: Semaphore::new(1),
            timeout,
            health: Health::of("Sirius's session check"),
            metrics: SessionMetrics::register(),
        }))
    }

    /// The session's user.
    ///
    /// # Errors
    /// [`SiriusError::SessionEnded`] if Sirius refuses it, which is remembered; any other failure
    /// of the check, which is not.
    pub async fn user(&self, session: &Session, trace: &TraceContext) -> Checked {
        let inner = &self.0;
        let now = inner.clock.monotonic();
        let key = session.digest();
        let is_recent = |at: Duration| now.saturating_sub(at) < inner.remembered;
        let verified = inner.verified.get(&key);
        if let Some(known) = verified.filter(|known| is_recent(known.asked_at)) {
            inner.metrics.remembered(true);
            return Ok(Arc::clone(&known.user));
        }
        if inner.refused.get(&key).is_some_and(is_recent) {
            inner.metrics.remembered(false);
            return Err(Arc::new(SiriusError::SessionEnded));
        }
        let check = Arc::clone(inner).check(session.clone(), trace.clone(), key);
        let outcome = inner.checks.join(key, check).landed().await;
        outcome.unwrap_or_else(|| Err(Arc::new(SiriusError::Lost)))
    }

    /// Forgets a session that Sirius has refused elsewhere, so that it is checked anew.
    pub fn forget(&self, session: &Session) {
        self.0.verified.invalidate(&session.digest());
    }
}

impl Inner {
    async fn check(self: Arc<Self>, session: Session, trace: TraceContext, key: Digest) -> Checked {
        let whole = async {
            let _probe = match self.is_hanging.load(Ordering::Relaxed) {
                true => Some(
                    self.probe
                        .try_acquire()
                        .map_err(|_| SiriusError::BackingOff)?,
                ),
                false => None,
            };
            // It is never closed; without a permit, no check.
            let permit = self.at_once.acquire().await;
            let _permit = permit.map_err(|_| SiriusError::Lost)?;
            let asked_at = self.clock.monotonic();
            let result = self.client.current_user(&session, &trace).await;
            let took = self.clock.monotonic().saturating_sub(asked_at);
            self.metrics.took(took);
            Ok((result?, asked_at))
        };
        let result = tokio::time::timeout(self.timeout, whole)
            .await
            .unwrap_or(Err(SiriusError::TimedOut));
        self.metrics.checked(result.as_ref());
        match result {
            Ok((user, asked_at)) => {
                self.answered();
                let user = Arc::new(user);
                let known = Verified {
                    user: Arc::clone(&user),
                    asked_at,
                };
                self.verified.insert(key, Arc::new(known));
                Ok(user)
            }
            Err(error) => {
                match &error {
                    SiriusError::SessionEnded => {
                        self.answered();
                        self.verified.invalidate(&key);
                        self.refused.insert(key, self.clock.monotonic());
                    }
                    SiriusError::BackingOff => {}
                    error => {
                        let is_hanging = matches!(error, SiriusError::TimedOut);
                        self.is_hanging.store(is_hanging, Ordering::Relaxed);
                        self.health.is_failing(error);
                    }
                }
                Err(Arc::new(error))
            }
        }
    }

    fn answered(&self) {
        self.is_hanging.store(false, Ordering::Relaxed);
        self.health.is_well();
    }
}
