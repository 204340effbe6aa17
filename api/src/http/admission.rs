//! Who is let in now: so many at once, of one caller no more than a share, and no oftener than a rate.
//! Nobody stands in a queue here: who is turned away is told when to come back.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::limits::HttpLimits;
use super::respond::Refusal;
use crate::authentication::Service;
use crate::graphql::{ApiError, Caller, Code};

/// When to come back to a server that has too much to do.
const SOON: Duration = Duration::from_secs(1);

/// WebSockets whose callers have not yet said who they are.
const STRANGERS: usize = 64;
/// Events of subscriptions that are told at once: a change that many watch keeps nobody else waiting.
const EVENTS_AT_ONCE: usize = 4;

/// How many documents of the greatest cost are executed at once: what they make of memory is then known.
const COSTLIEST_AT_ONCE: u64 = 4;
/// A document of less than this part of the greatest cost waits for nobody.
const CHEAP: u64 = 100;

/// Whom requests are counted for.
type CallerKey = (Option<Service>, i32);

/// The doors of a server.
pub(super) struct Admission {
    requests: Arc<Semaphore>,
    subscriptions: Arc<Semaphore>,
    sockets: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    events: Semaphore,
    requests_of: Shares,
    subscriptions_of: Shares,
    sockets_of: Shares,
    rate: DefaultKeyedRateLimiter<CallerKey>,
    clock: DefaultClock,
    /// One permit for each `CHEAP`th part of the greatest cost.
    costs: Semaphore,
    cheap: u64,
}

/// A place among the requests that are executed.
pub(super) type Place = OwnedSemaphorePermit;

/// A caller who is let in, until this is dropped.
pub(super) struct Admitted {
    _share: Share,
}

/// A place for a subscription or WebSocket, until it is dropped.
pub(super) struct Kept {
    _place: OwnedSemaphorePermit,
    _share: Share,
}

impl Admission {
    pub(super) fn new(limits: &HttpLimits, greatest_cost: u64) -> Self {
        let rate = NonZeroU32::new(limits.rate_per_caller).unwrap_or(NonZeroU32::MIN);
        Self {
            requests: Arc::new(Semaphore::new(limits.requests)),
            subscriptions: Arc::new(Semaphore::new(limits.subscriptions)),
            sockets: Arc::new(Semaphore::new(limits.subscriptions)),
            requests_of: Shares::of(limits.requests_per_caller),
            strangers: Arc::new(Semaphore::new(STRANGERS)),
            events: Semaphore::new(EVENTS_AT_ONCE),
            subscriptions_of: Shares::of(limits.subscriptions_per_caller),
            sockets_of: Shares::of(limits.subscriptions_per_caller),
            rate: RateLimiter::keyed(Quota::per_second(rate)),
            clock: DefaultClock::default(),
            costs: Semaphore::new(usize::try_from(COSTLIEST_AT_ONCE * CHEAP).unwrap_or(1)),
            cheap: greatest_cost.div_ceil(CHEAP).max(1),
        }
    }

    /// Waits until there is room for a document of that cost. The cheap ones, which are nearly all, have it
    /// at once.
    pub(super) async fn cost(&self, cost: u64) -> Option<SemaphorePermit<'_>> {
        let parts = cost / self.cheap;
        if parts == 0 {
            return None;
        }
        let parts = u32::try_from(parts.min(CHEAP)).unwrap_or(u32::MAX);
        self.costs.acquire_many(parts).await.ok()
    }

    /// Counts a request of a caller.
    pub(super) fn caller(&self, caller: &Caller) -> Result<Admitted, Refusal> {
        let key = key(caller);
        self.rate(key)?;
        let share = self.requests_of.take(key);
        let share = share.ok_or_else(|| too_often("You have too many requests open.", SOON))?;
        Ok(Admitted { _share: share })
    }

    /// Counts one more of a caller who is let in already.
    pub(super) fn again(&self, caller: &Caller) -> Result<(), Refusal> {
        self.rate(key(caller))
    }

    /// A place among the requests that are executed.
    pub(super) fn request(&self) -> Result<Place, Refusal> {
        let place = Arc::clone(&self.requests).try_acquire_owned();
        place.map_err(|_| shed("The service has too much to do. Try again in a moment."))
    }

    /// A turn among the events that are told; none is turned away.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.events.acquire().await.ok()
    }

    /// A place for a subscription of that caller.
    pub(super) fn subscription(&self, caller: &Caller) -> Result<Kept, Refusal> {
        self.keep(
            &self.subscriptions,
            &self.subscriptions_of,
            caller,
            "subscriptions",
        )
    }

    /// A place for a WebSocket of that caller.
    pub(super) fn socket(&self, caller: &Caller) -> Result<Kept, Refusal> {
        self.keep(&self.sockets, &self.sockets_of, caller, "WebSockets")
    }

    /// A place for the WebSocket of somebody who has not yet said who he is.
    pub(super) fn stranger(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = Arc::clone(&self.strangers).try_acquire_owned();
        place.map_err(|_| shed("There are too many WebSockets. Try again later."))
    }

    fn keep(
        &self,
        places: &Arc<Semaphore>,
        shares: &Shares,
        caller: &Caller,
        what: &str,
    ) -> Result<Kept, Refusal> {
        let share = shares.take(key(caller));
        let full = || too_often(&format!("You have too many {what}; end some."), SOON);
        let share = share.ok_or_else(full)?;
        let place = Arc::clone(places).try_acquire_owned();
        let full = |_| shed(&format!("There are too many {what}. Try again later."));
        Ok(Kept {
            _place: place.map_err(full)?,
            _share: share,
        })
    }

    fn rate(&self, key: CallerKey) -> Result<(), Refusal> {
        self.rate.check_key(&key).map_err(|early| {
            let wait = early.wait_time_from(self.clock.now());
            too_often("You ask too often.", wait)
        })
    }
}

fn key(caller: &Caller) -> CallerKey {
    (caller.service, caller.user_id)
}

fn shed(text: &str) -> Refusal {
    Refusal::from(ApiError::new(Code::Unavailable, text))
}

fn too_often(text: &str, wait: Duration) -> Refusal {
    let seconds = wait.as_secs().saturating_add(1);
    let text = format!("{text} Try again in {seconds} s.");
    Refusal::from(ApiError::new(Code::RateLimited, text)).retry_after(seconds)
}

/// How much each caller has of something, and how much each may have.
#[derive(Clone)]
struct Shares {
    most: usize,
    taken: Arc<Mutex<HashMap<CallerKey, usize>>>,
}

/// Given back when dropped.
struct Share {
    of: CallerKey,
    shares: Shares,
}

impl Shares {
    fn of(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    fn take(&self, of: CallerKey) -> Option<Share> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(of).or_default();
        if *count >= self.most {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Share {
            of,
            shares: self.clone(),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let taken = &self.shares.taken;
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken
            .get(&self.of)
            .map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => taken.remove(&self.of),
            left => taken.insert(self.of, left),
        };
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn caller(id: i32) -> Caller {
        Caller::user(id, None, &[])
    }

    fn admission(limits: HttpLimits) -> Admission {
        Admission::new(&limits, 1_000)
    }

    fn enter(admission: &Admission, id: i32) -> Result<(Admitted, Place), Refusal> {
        Ok((admission.caller(&caller(id))?, admission.request()?))
    }

    #[test]
    fn a_second_of_a_thousand_requests_and_64_at_once_pass_the_defaults() {
        let admission = admission(HttpLimits::default());
        let mut open = Vec::new();
        for _ in 0..1_000 {
            open.push(enter(&admission, 3));
            if open.len() == 64 {
                assert!(open.iter().all(Result::is_ok));
                open.clear();
            }
        }
        assert!(open.iter().all(Result::is_ok));
    }

    #[test]
    fn one_caller_has_a_share_and_others_have_the_rest() {
        let admission = admission(HttpLimits {
            requests: 3,
            requests_per_caller: 2,
            ..HttpLimits::default()
        });
        let enter = |id| enter(&admission, id);
        let open = [enter(3), enter(3)];
        assert!(open.iter().all(Result::is_ok));
        let refusal = enter(3).err().unwrap();
        assert_eq!(refusal.code(), Code::RateLimited);
        let other = enter(7);
        assert!(other.is_ok());
        assert_eq!(enter(8).err().unwrap().code(), Code::Unavailable);
        drop(open);
        assert!(enter(3).is_ok());
    }

    #[test]
    fn who_asks_oftener_than_the_rate_is_told_to_wait_and_others_are_not() {
        let admission = admission(HttpLimits {
            rate_per_caller: 5,
            ..HttpLimits::default()
        });
        let codes = |id| {
            let asked = (0..20).map(|_| enter(&admission, id).err());
            asked.flatten().map(|it| it.code()).collect::<Vec<_>>()
        };
        let refused = codes(3);
        assert!(refused.len() >= 14, "{}", refused.len());
        assert!(refused.iter().all(|code| *code == Code::RateLimited));
        assert!(codes(7).len() < 20);
    }

    #[tokio::test]
    async fn costly_documents_wait_for_each_other_and_cheap_ones_for_nobody() {
        let admission = admission(HttpLimits::default());
        let mut costly = Vec::new();
        for _ in 0..4 {
            costly.push(admission.cost(1_000).now_or_never().unwrap());
        }
        assert!(costly.iter().all(Option::is_some));
        assert!(admission.cost(1_000).now_or_never().is_none());
        assert!(admission.cost(10).now_or_never().is_none());
        assert!(admission.cost(9).now_or_never().is_some());
        costly.pop();
        assert!(admission.cost(1_000).now_or_never().is_some());
    }

    #[test]
    fn a_share_that_is_given_back_takes_no_room() {
        let shares = Shares::of(2);
        let one = shares.take((None, 3));
        let two = shares.take((None, 3));
        assert!(shares.take((None, 3)).is_none());
        drop((one, two));
        assert!(shares.taken.lock().unwrap().is_empty());
    }
}
