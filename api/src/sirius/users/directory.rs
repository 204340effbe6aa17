//! The directory: id to display name, in memory.
//!
//! A list is fresh for a while, then stale but served while one refresh runs behind, then too old.
//! Whoever needs a newer list waits for the one refresh under way, or starts it; the refresh runs
//! by itself, so that a caller who goes away does not end it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::Counter;
use mini_moka::sync::Cache;
use tokio::time::Instant;

use super::list::{Age, List, Listed, Origin};
use super::settings::UserCacheSettings;
use super::shared::{SharedTier, Turn, Visit};
use crate::clock::SharedClock;
use crate::sirius::client::Names;
use crate::sirius::health::Health;
use crate::sirius::metrics::DirectoryMetrics;
use crate::sirius::session::Digest;
use crate::sirius::single_flight::{Flight, SingleFlight};
use crate::sirius::{Forwarded, Session, SiriusClient, SiriusError};

/// How often it is looked whether another instance has refreshed.
const POLL: Duration = Duration::from_millis(50);

/// The longest that another instance's refresh is waited for. Then this one asks Sirius too.
const OTHERS_TURN: Duration = Duration::from_millis(1_500);

/// How long a session that the list has refused is not tried again, and how many such are known.
const ENDED: Duration = Duration::from_secs(30);
const MOST_ENDED: u64 = 10_000;

/// Lists no further apart are as new as each other.
const AS_NEW: Duration = Duration::from_secs(1);

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
    shared: Option<SharedTier>,
    clock: SharedClock,
    settings: UserCacheSettings,
    list: List,
    tries: Mutex<Tries>,
    refreshes: SingleFlight<(), Landed>,
    /// Sessions that the list has refused, and when: they do not stand in others' way again.
    ended: Cache<Digest, Duration>,
    health: Health,
    metrics: DirectoryMetrics,
}

/// When the list was last tried, and when it may be again.
#[derive(Default)]
struct Tries {
    /// When a refresh last began whose outcome says something about Sirius.
    last: Option<Duration>,
    failures: u32,
    retry_at: Duration,
    /// When the shared tier was last asked by a caller without a session, who can do no more.
    shared_at: Option<Duration>,
}

/// Why a list is wanted.
#[derive(Clone, Copy)]
enum Want {
    /// There is none that is fresh.
    Fresh,
    /// An id is missing, which was asked for then.
    Since(Duration),
}

/// How a refresh ended, and whose session it used.
#[derive(Clone)]
struct Landed {
    session: Option<Session>,
    result: Result<(), Arc<SiriusError>>,
}

/// The list, for quick looks by one request.
pub struct AtHand {
    list: Arc<Listed>,
    hits: Counter,
}

impl AtHand {
    /// The name of an id, if the list has it.
    pub fn name(&self, id: i32) -> Option<Arc<str>> {
        let name = self.list.name(id)?;
        self.hits.increment(1);
        Some(name)
    }
}

impl UserDirectory {
    /// An empty directory.
    pub fn new(
        client: SiriusClient,
        shared: Option<SharedTier>,
        clock: SharedClock,
        settings: UserCacheSettings,
    ) -> Self {
        Self(Arc::new(Inner {
            client,
            shared,
            clock,
            settings,
            list: List::new(),
            tries: Mutex::default(),
            refreshes: SingleFlight::default(),
            ended: Cache::new(MOST_ENDED),
            health: Health::of("Sirius's user list"),
            metrics: DirectoryMetrics::register(),
        }))
    }

    /// Takes over the list of the shared tier, if there is a tier and it has one, so that the first
    /// caller finds it. Never takes long.
    pub async fn warm_up(&self) {
        let inner = &self.0;
        if let Some(shared) = &inner.shared {
            let taken = shared
                .visit()
                .read(inner.clock.now())
                .await
                .is_some_and(|list| inner.take_over(list.names, list.age));
            tracing::info!(taken, "looked for users in the shared user cache");
        }
    }

    /// The list as it is, if it may be served: what it has needs no loader and no waiting. Of a
    /// stale one the refresh runs behind.
    pub fn at_hand(&self, forwarded: &Forwarded) -> Option<AtHand> {
        let now = self.0.clock.monotonic();
        let metrics = &self.0.metrics;
        let (list, hits) = match self.0.list.current(now, &self.0.settings) {
            Age::Fresh(list) => (list, &metrics.hits),
            Age::Stale(list) => {
                let _ = self.refresh(forwarded, Want::Fresh);
                (list, &metrics.stale_hits)
            }
            Age::None => return None,
        };
        Some(AtHand {
            list,
            hits: hits.clone(),
        })
    }

    /// What is known of each id. With a session, the list is fetched when it must be; the caller
    /// waits no longer than `patience` for it.
    pub async fn lookup(
        &self,
        ids: &[i32],
        forwarded: &Forwarded,
        patience: Duration,
    ) -> HashMap<i32, Lookup> {
        let inner = &self.0;
        let asked_at = inner.clock.monotonic();
        let mut found = HashMap::with_capacity(ids.len());
        let age = inner.list.current(asked_at, &inner.settings);
        let missing = inner.read(&age, ids, &mut found);
        inner.count(&found, &age);
        if matches!(age, Age::Stale(_)) {
            // Served at once; the refresh runs behind.
            let _ = self.refresh(forwarded, Want::Fresh);
        }
        if missing.is_empty() {
            return found;
        }
        inner.metrics.misses.increment(missing.len() as u64);
        let outcome = match age {
            Age::Fresh(_) | Age::Stale(_) if inner.tried_lately(asked_at) => Ok(()),
            Age::Fresh(_) => self.newer(forwarded, Want::Since(asked_at), patience).await,
            Age::Stale(_) | Age::None => self.newer(forwarded, Want::Fresh, patience).await,
        };
        let now = inner.clock.monotonic();
        let age = inner.list.current(now, &inner.settings);
        let missing = inner.read(&age, &missing, &mut found);
        match outcome {
            Err(error) if matches!(age, Age::None) || error.is_about_the_session() => {
                let failed = |id| (id, Lookup::Failed(Arc::clone(&error)));
                found.extend(missing.into_iter().map(failed));
            }
            outcome => {
                // A list that may be served is believed in what it lacks too, if only for now.
                if outcome.is_ok() {
                    inner.list.remember_unknown(&missing, asked_at, now);
                }
                inner.metrics.unknown.increment(missing.len() as u64);
                found.extend(missing.into_iter().map(|id| (id, Lookup::Unknown)));
            }
        }
        found
    }

    /// Brings the gauges up to date: they are true when they are read.
    pub fn observe(&self) {
        let now = self.0.clock.monotonic();
        let (users, age) = match self.0.list.current(now, &self.0.settings) {
            Age::Fresh(list) | Age::Stale(list) => (list.len(), list.age(now)),
            Age::None => Default::default(),
        };
        self.0.metrics.list(users, age);
    }

    /// Waits for a list newer than what there is.
    async fn newer(
        &self,
        forwarded: &Forwarded,
        want: Want,
        patience: Duration,
    ) -> Result<(), Arc<SiriusError>> {
        let wait = async {
            loop {
                let session = forwarded.session.as_ref();
                if session.is_some_and(|session| self.0.is_ended(session)) {
                    return Err(Arc::new(SiriusError::SessionEnded));
                }
                let landed = self.refresh(forwarded, want)?.landed().await;
                let Some(Landed { session, result }) = landed else {
                    return Err(Arc::new(SiriusError::Lost));
                };
                match result {
                    // Another caller's session has ended, or was none: ours may serve.
                    Err(error) if error.is_about_the_session() && session != forwarded.session => {}
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
        forwarded: &Forwarded,
        want: Want,
    ) -> Result<Flight<Landed>, Arc<SiriusError>> {
        let inner = &self.0;
        if let Some(flight) = inner.refreshes.current(&()) {
            return Ok(flight);
        }
        let now = inner.clock.monotonic();
        {
            let mut tries = inner.tries();
            if now < tries.retry_at {
                return Err(Arc::new(SiriusError::BackingOff));
            }
            if forwarded.session.is_none() {
                let is_soon = tries
                    .shared_at
                    .is_some_and(|at| now.saturating_sub(at) < inner.settings.back_off);
                if inner.shared.is_none() || is_soon {
                    return Err(Arc::new(SiriusError::NoSession));
                }
                tries.shared_at = Some(now);
            }
        }
        let forwarded = forwarded.clone();
        let inner = Arc::clone(inner);
        Ok(self.0.refreshes.join((), async move {
            let result = inner.refresh(&forwarded, want).await.map_err(Arc::new);
            Landed {
                session: forwarded.session,
                result,
            }
        }))
    }
}

impl Inner {
    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the list knows goes into `found`; gives the ids that it lacks.
    fn read(&self, age: &Age, ids: &[i32], found: &mut HashMap<i32, Lookup>) -> Vec<i32> {
        let now = self.clock.monotonic();
        match age {
            Age::None => ids.to_vec(),
            Age::Fresh(list) | Age::Stale(list) => {
                self.list.read(list, ids, now, self.settings.unknown, found)
            }
        }
    }

    fn count(&self, found: &HashMap<i32, Lookup>, age: &Age) {
        let is_name = |lookup: &&Lookup| matches!(lookup, Lookup::Name(_));
        let names = found.values().filter(is_name).count();
        let unknown = found.len().saturating_sub(names);
        let hits = match age {
            Age::Stale(_) => &self.metrics.stale_hits,
            Age::Fresh(_) | Age::None => &self.metrics.hits,
        };
        hits.increment(names as u64);
        self.metrics.unknown.increment(unknown as u64);
    }

    /// Whether a refresh for the sake of a missing id must wait: one was tried a moment ago.
    fn tried_lately(&self, now: Duration) -> bool {
        let last = self.tries().last;
        let lately =
            last.is_some_and(|last| now.saturating_sub(last) < self.settings.unknown_retry);
        lately && self.refreshes.current(&()).is_none()
    }

    /// Whether the list has refused that session a moment ago.
    fn is_ended(&self, session: &Session) -> bool {
        let now = self.clock.monotonic();
        let ended_at = self.ended.get(&session.digest());
        ended_at.is_some_and(|at| now.saturating_sub(at) < ENDED)
    }

    /// One refresh, from wherever the list can be had.
    async fn refresh(&self, forwarded: &Forwarded, want: Want) -> Result<(), SiriusError> {
        let began = self.clock.monotonic();
        let result = self.renew(forwarded, want).await;
        let took = self.clock.monotonic().saturating_sub(began);
        match &result {
            Ok(Origin::Sirius) => self.metrics.refreshed("listed", took),
            Ok(Origin::Shared) => self.metrics.refreshed("shared", took),
            Err(SiriusError::NoSession) => {}
            Err(error) => self.metrics.refreshed(error.kind(), took),
        }
        match &result {
            Ok(_) => self.succeeded(began),
            Err(SiriusError::SessionEnded) => {
                if let Some(session) = &forwarded.session {
                    self.ended.insert(session.digest(), self.clock.monotonic());
                }
            }
            Err(SiriusError::NoSession) => {}
            Err(error) => self.failed(error, began),
        }
        result.map(|_| ())
    }

    /// The shared tier's list, if it is good enough; else Sirius's, unless another instance is
    /// fetching it already.
    async fn renew(&self, forwarded: &Forwarded, want: Want) -> Result<Origin, SiriusError> {
        let Some(shared) = &self.shared else {
            return self.fetch(forwarded).await.map(|_| Origin::Sirius);
        };
        let mut visit = shared.visit();
        if self.take_enough(&mut visit, want).await {
            return Ok(Origin::Shared);
        }
        if forwarded.session.is_none() {
            return Err(SiriusError::NoSession);
        }
        let mut turn = visit.take_turn(self.settings.timeout).await;
        if matches!(turn, Turn::Anothers) {
            turn = self.await_turn(&mut visit).await;
            // Whoever had it may have left a list.
            if self.take_enough(&mut visit, want).await {
                if matches!(turn, Turn::Ours) {
                    visit.end_turn().await;
                }
                return Ok(Origin::Shared);
            }
        }
        let asked_at = self.clock.now();
        let result = self.fetch(forwarded).await;
        if let Ok(names) = &result {
            visit.write(names, asked_at, self.settings.stale).await;
        }
        if matches!(turn, Turn::Ours) {
            visit.end_turn().await;
        }
        result.map(|_| Origin::Sirius)
    }

    /// Waits until another instance has refreshed, or for as long as it is worth.
    async fn await_turn(&self, visit: &mut Visit<'_>) -> Turn {
        let began = Instant::now();
        loop {
            tokio::time::sleep(POLL).await;
            match visit.take_turn(self.settings.timeout).await {
                Turn::Anothers if began.elapsed() < OTHERS_TURN => {}
                turn => return turn,
            }
        }
    }

    /// Takes over the shared tier's list if it is newer, and tells whether it is enough. Even one
    /// that is not may be better than what there is.
    async fn take_enough(&self, visit: &mut Visit<'_>, want: Want) -> bool {
        match visit.read(self.clock.now()).await {
            Some(list) => self.take_over(list.names, list.age) && self.is_enough(list.age, want),
            None => false,
        }
    }

    async fn fetch(&self, forwarded: &Forwarded) -> Result<Names, SiriusError> {
        let session = forwarded.session.as_ref().ok_or(SiriusError::NoSession)?;
        let asked_at = self.clock.monotonic();
        let names = tokio::time::timeout(
            self.settings.timeout,
            self.client.users(session, &forwarded.trace),
        )
        .await
        .unwrap_or(Err(SiriusError::TimedOut))?;
        let now = self.clock.monotonic();
        let age = now.saturating_sub(asked_at);
        self.list.serve(names.clone(), now, age, Origin::Sirius);
        Ok(names)
    }

    /// Whether a list of that age is what is wanted.
    fn is_enough(&self, age: Duration, want: Want) -> bool {
        match want {
            Want::Fresh => age < self.settings.fresh,
            // One that was fetched a moment ago counts as a try, whoever made it.
            Want::Since(asked_at) => {
                let since_question = self.clock.monotonic().saturating_sub(asked_at);
                age <= since_question || age < self.settings.unknown_retry
            }
        }
    }

    /// Serves a list of the shared tier, unless the one that is served is as new.
    fn take_over(&self, names: Names, age: Duration) -> bool {
        let now = self.clock.monotonic();
        let is_newer = self
            .list
            .any()
            .is_none_or(|ours| age.saturating_add(AS_NEW) < ours.age(now));
        let is_of_use = is_newer && age < self.settings.stale;
        if is_of_use {
            self.list.serve(names, now, age, Origin::Shared);
        }
        is_of_use
    }

    fn succeeded(&self, began: Duration) {
        self.health.is_well();
        let mut tries = self.tries();
        tries.last = Some(began);
        tries.failures = 0;
        tries.retry_at = Duration::ZERO;
    }

    fn failed(&self, error: &SiriusError, began: Duration) {
        self.health.is_failing(error);
        let settings = &self.settings;
        let mut tries = self.tries();
        tries.last = Some(began);
        let doublings = 2_u32.saturating_pow(tries.failures);
        let wait = settings
            .back_off
            .saturating_mul(doublings)
            .min(settings.back_off_most);
        tries.failures = tries.failures.saturating_add(1);
        tries.retry_at = self
            .clock
            .monotonic()
            .saturating_add((settings.jitter)(wait));
    }
}
