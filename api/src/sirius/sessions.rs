//! Whose sessions are: asked of Sirius, and remembered for a little while, so that a page of ten
//! requests costs one check. A session that has ended is gone at the latest then.

use std::sync::Arc;
use std::time::Duration;

use mini_moka::sync::Cache;

use super::client::{CurrentUser, SiriusClient};
use super::session::Digest;
use super::single_flight::SingleFlight;
use super::{Session, SiriusError};
use crate::clock::SharedClock;

/// How long an answer is remembered, from when it was asked for.
const REMEMBERED: Duration = Duration::from_secs(30);
/// The most sessions remembered, of either kind: made-up cookies push out no more than each other.
const MOST: u64 = 10_000;

type Checked = Result<Arc<CurrentUser>, Arc<SiriusError>>;

/// See the module. Clones share one memory.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    client: SiriusClient,
    clock: SharedClock,
    verified: Cache<Digest, Arc<Verified>>,
    refused: Cache<Digest, Duration>,
    checks: SingleFlight<Digest, Checked>,
}

struct Verified {
    user: Arc<CurrentUser>,
    asked_at: Duration,
}

impl Sessions {
    /// An empty memory.
    pub fn new(client: SiriusClient, clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            client,
            clock,
            verified: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(REMEMBERED)
                .build(),
            refused: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(REMEMBERED)
                .build(),
            checks: SingleFlight::default(),
        }))
    }

    /// The session's user.
    ///
    /// # Errors
    /// [`SiriusError::SessionEnded`] if Sirius refuses it, which is remembered; any other failure
    /// of the check, which is not.
    pub async fn user(&self, session: &Session) -> Checked {
        let now = self.0.clock.monotonic();
        let key = session.digest();
        let is_recent = |at: Duration| now.saturating_sub(at) < REMEMBERED;
        if let Some(known) = self
            .0
            .verified
            .get(&key)
            .filter(|known| is_recent(known.asked_at))
        {
            return Ok(Arc::clone(&known.user));
        }
        if self.0.refused.get(&key).is_some_and(is_recent) {
            return Err(Arc::new(SiriusError::SessionEnded));
        }
        let check = Arc::clone(&self.0).check(session.clone(), key, now);
        let outcome = self.0.checks.join(key, check).landed().await;
        outcome.unwrap_or_else(|| Err(Arc::new(SiriusError::Lost)))
    }
}

impl Inner {
    async fn check(self: Arc<Self>, session: Session, key: Digest, asked_at: Duration) -> Checked {
        match self.client.current_user(&session).await {
            Ok(user) => {
                let user = Arc::new(user);
                let known = Verified {
                    user: Arc::clone(&user),
                    asked_at,
                };
                self.verified.insert(key, Arc::new(known));
                Ok(user)
            }
            Err(error) => {
                if matches!(error, SiriusError::SessionEnded) {
                    self.verified.invalidate(&key);
                    self.refused.insert(key, asked_at);
                } else {
                    tracing::warn!(%error, "a Sirius session could not be checked");
                }
                Err(Arc::new(error))
            }
        }
    }
}
