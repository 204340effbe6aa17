//! The directory of Sirius's users: id to display name, in memory (ADR 12).
//!
//! One list serves all callers. It is fresh for a while, then stale but served while one refresh
//! runs behind, then too old. Whoever needs a newer list waits for the one refresh under way, or
//! starts it; the refresh runs by itself, so that a caller who goes away does not end it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mini_moka::sync::Cache;

use super::single_flight::{Flight, SingleFlight};
use super::{Session, SiriusClient, SiriusError};
use crate::clock::SharedClock;

/// Far above any list, so that nothing is ever pushed out.
const MOST_USERS: u64 = 1_000_000;
const MOST_UNKNOWN: u64 = 100_000;

/// Makes a wait a little shorter, so that instances do not all try at once.
pub type Jitter = Arc<dyn Fn(Duration) -> Duration + Send + Sync>;

/// How long what is kept and tried.
#[derive(Clone)]
pub struct UserCacheSettings {
    /// Age from which a list is served but refreshed.
    pub fresh: Duration,
    /// Age from which a list is not served.
    pub stale: Duration,
    /// The longest that a caller waits for a refresh.
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

/// What the directory knows of an id.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// The user's display name.
    Name(Arc<str>),
    /// Sirius does not know the id.
    Unknown,
    /// It could not be found out.
    Failed(Arc<SiriusError>),
}

/// See the module. Clones share one directory.
#[derive(Clone)]
pub struct UserDirectory(Arc<Inner>);

struct Inner {
    client: SiriusClient,
    clock: SharedClock,
    settings: UserCacheSettings,
    names: Cache<i32, Arc<Name>>,
    /// Ids that a list lacked, and when that list was asked for.
    unknown: Cache<i32, Duration>,
    state: Mutex<State>,
    refreshes: SingleFlight<(), Landed>,
}

struct Name {
    text: Arc<str>,
    list: u64,
}

#[derive(Default)]
struct State {
    /// Number of the list that is served; 0 before the first.
    list: u64,
    /// When that list was asked for.
    listed_at: Duration,
    /// When a refresh last began whose outcome says something about Sirius.
    tried_at: Option<Duration>,
    failures: u32,
    retry_at: Duration,
}

/// How a refresh ended, and whose session it used.
#[derive(Clone)]
struct Landed {
    session: Session,
    result: Result<(), Arc<SiriusError>>,
}

/// How old the list is.
enum Age {
    None,
    Fresh,
    Stale,
}

impl UserDirectory {
    /// An empty directory.
    pub fn new(client: SiriusClient, clock: SharedClock, settings: UserCacheSettings) -> Self {
        Self(Arc::new(Inner {
            client,
            clock,
            settings,
            names: Cache::new(MOST_USERS),
            unknown: Cache::new(MOST_UNKNOWN),
            state: Mutex::default(),
            refreshes: SingleFlight::default(),
        }))
    }

    /// What is known of each id. With `session`, the list is fetched when it must be; the caller
    /// waits no longer than `patience` for it.
    pub async fn lookup(
        &self,
        ids: &[i32],
        session: Option<&Session>,
        patience: Duration,
    ) -> HashMap<i32, Lookup> {
        let inner = &self.0;
        let asked_at = inner.clock.monotonic();
        let mut found = HashMap::with_capacity(ids.len());
        let age = inner.age(asked_at);
        let mut missing = match age {
            Age::None => ids.to_vec(),
            Age::Fresh | Age::Stale => inner.read(ids, asked_at, &mut found),
        };
        if matches!(age, Age::Stale) {
            // Served at once; the refresh runs behind.
            let _ = session.map(|session| self.refresh(session, asked_at));
        }
        if missing.is_empty() {
            return found;
        }
        let outcome = match age {
            Age::Fresh | Age::Stale if inner.tried_lately(asked_at) => Ok(()),
            _ => self.newer(session, asked_at, patience).await,
        };
        match outcome {
            Ok(()) => {
                missing = inner.read(&missing, asked_at, &mut found);
                inner.remember_unknown(&missing, asked_at);
                found.extend(missing.into_iter().map(|id| (id, Lookup::Unknown)));
            }
            Err(error) => {
                let failed = |id| (id, Lookup::Failed(Arc::clone(&error)));
                found.extend(missing.into_iter().map(failed));
            }
        }
        found
    }

    /// Waits for a list newer than what there is.
    async fn newer(
        &self,
        session: Option<&Session>,
        asked_at: Duration,
        patience: Duration,
    ) -> Result<(), Arc<SiriusError>> {
        let session = session.ok_or(SiriusError::NoSession)?;
        let wait = async {
            loop {
                let landed = self.refresh(session, asked_at)?.landed().await;
                let Some(Landed {
                    session: used,
                    result,
                }) = landed
                else {
                    return Err(Arc::new(SiriusError::Lost));
                };
                match result {
                    // Another caller's session has ended: ours may serve.
                    Err(error)
                        if matches!(*error, SiriusError::SessionEnded) && used != *session => {}
                    result => return result,
                }
            }
        };
        let timed_out = Err(Arc::new(SiriusError::TimedOut));
        let patience = patience.min(self.0.settings.timeout);
        tokio::time::timeout(patience, wait)
            .await
            .unwrap_or(timed_out)
    }

    /// The refresh under way, started if there is none.
    fn refresh(
        &self,
        session: &Session,
        now: Duration,
    ) -> Result<Flight<Landed>, Arc<SiriusError>> {
        if let Some(flight) = self.0.refreshes.current(&()) {
            return Ok(flight);
        }
        if now < self.0.state().retry_at {
            return Err(Arc::new(SiriusError::BackingOff));
        }
        let inner = Arc::clone(&self.0);
        let session = session.clone();
        Ok(self.0.refreshes.join((), async move {
            let result = inner.fetch(&session, now).await;
            Landed { session, result }
        }))
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn age(&self, now: Duration) -> Age {
        let state = self.state();
        let age = now.saturating_sub(state.listed_at);
        match state.list {
            0 => Age::None,
            _ if age >= self.settings.stale => Age::None,
            _ if age >= self.settings.fresh => Age::Stale,
            _ => Age::Fresh,
        }
    }

    /// Puts what the list knows into `found`, and gives what it lacks.
    fn read(&self, ids: &[i32], now: Duration, found: &mut HashMap<i32, Lookup>) -> Vec<i32> {
        let list = self.state().list;
        let mut missing = Vec::new();
        for &id in ids {
            let name = self.names.get(&id).filter(|name| name.list >= list);
            let is_unknown = || {
                self.unknown
                    .get(&id)
                    .is_some_and(|since| now.saturating_sub(since) < self.settings.unknown)
            };
            match name {
                Some(name) => {
                    found.insert(id, Lookup::Name(Arc::clone(&name.text)));
                }
                None if is_unknown() => {
                    found.insert(id, Lookup::Unknown);
                }
                None => missing.push(id),
            }
        }
        missing
    }

    /// Whether a refresh for the sake of a missing id must wait: one succeeded a moment ago.
    fn tried_lately(&self, now: Duration) -> bool {
        let state = self.state();
        let lately = state
            .tried_at
            .is_some_and(|tried| now.saturating_sub(tried) < self.settings.unknown_retry);
        lately && state.failures == 0 && self.refreshes.current(&()).is_none()
    }

    /// Ids that a list lacks which was asked for no earlier than the question.
    fn remember_unknown(&self, ids: &[i32], asked_at: Duration) {
        let listed_at = self.state().listed_at;
        if listed_at >= asked_at {
            ids.iter()
                .for_each(|&id| self.unknown.insert(id, listed_at));
        }
    }

    async fn fetch(&self, session: &Session, began: Duration) -> Result<(), Arc<SiriusError>> {
        match self.client.users(session).await {
            Ok(users) => {
                self.succeeded(users, began);
                Ok(())
            }
            Err(error) => {
                self.failed(&error, began);
                Err(Arc::new(error))
            }
        }
    }

    fn succeeded(&self, users: Vec<(i32, String)>, began: Duration) {
        let next = self.state().list.saturating_add(1);
        for (id, name) in users {
            self.unknown.invalidate(&id);
            self.names.insert(
                id,
                Arc::new(Name {
                    text: name.into(),
                    list: next,
                }),
            );
        }
        let mut state = self.state();
        state.list = next;
        state.listed_at = began;
        state.tried_at = Some(began);
        if state.failures > 0 {
            tracing::info!("Sirius's user list is back");
        }
        state.failures = 0;
        state.retry_at = Duration::ZERO;
    }

    fn failed(&self, error: &SiriusError, began: Duration) {
        if matches!(error, SiriusError::SessionEnded) {
            return;
        }
        let mut state = self.state();
        if state.failures == 0 {
            tracing::warn!(%error, "Sirius's user list cannot be fetched");
        }
        state.tried_at = Some(began);
        let settings = &self.settings;
        let doublings = 2_u32.saturating_pow(state.failures);
        let wait = settings
            .back_off
            .saturating_mul(doublings)
            .min(settings.back_off_most);
        state.failures = state.failures.saturating_add(1);
        state.retry_at = self
            .clock
            .monotonic()
            .saturating_add((settings.jitter)(wait));
    }
}
