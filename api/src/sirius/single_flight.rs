//! One call at a time for each key, however many wait for it. The call runs by itself: a caller who
//! goes away does not end it for the rest.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::Instrument as _;

type UnderWay<K, T> = HashMap<K, watch::Receiver<Option<T>>>;

/// See the module.
pub(super) struct SingleFlight<K, T> {
    under_way: Arc<Mutex<UnderWay<K, T>>>,
}

/// A call under way.
pub(super) struct Flight<T>(watch::Receiver<Option<T>>);

impl<T: Clone> Flight<T> {
    /// What it gave; none if it was lost, as by a panic.
    pub(super) async fn landed(mut self) -> Option<T> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl<K, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        Self {
            under_way: Arc::default(),
        }
    }
}

impl<K, T> SingleFlight<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The call under way, if there is one.
    pub(super) fn current(&self, key: &K) -> Option<Flight<T>> {
        lock(&self.under_way).get(key).cloned().map(Flight)
    }

    /// The call under way, begun with `work` if there is none.
    pub(super) fn join(&self, key: K, work: impl Future<Output = T> + Send + 'static) -> Flight<T> {
        let mut under_way = lock(&self.under_way);
        if let Some(flight) = under_way.get(&key) {
            return Flight(flight.clone());
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), receiver.clone());
        drop(under_way);
        let landing = Landing {
            under_way: Arc::clone(&self.under_way),
            key,
        };
        let flight = async move {
            let landing = landing;
            let outcome = work.await;
            // First cease to be the one under way: who is told may begin the next at once.
            drop(landing);
            // Nobody may be waiting.
            let _ = sender.send(Some(outcome));
        };
        // It belongs to the request that has begun it.
        tokio::spawn(flight.in_current_span());
        Flight(receiver)
    }
}

/// However a call ends, it ceases to be the one under way.
struct Landing<K: Eq + Hash, T> {
    under_way: Arc<Mutex<UnderWay<K, T>>>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Landing<K, T> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

fn lock<K, T>(under_way: &Mutex<UnderWay<K, T>>) -> MutexGuard<'_, UnderWay<K, T>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_comes_meanwhile_gets_the_same_answer() {
        let flights = SingleFlight::<u8, u8>::default();
        let first = flights.join(1, async {
            tokio::task::yield_now().await;
            7
        });
        let second = flights.join(1, async { 8 });
        assert_eq!(
            (first.landed().await, second.landed().await),
            (Some(7), Some(7))
        );
        assert_eq!(
            flights.join(1, async { 9 }).landed().await,
            Some(9),
            "the next is a new one"
        );
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_does_not_end_it() {
        let flights = SingleFlight::<u8, u8>::default();
        drop(flights.join(1, async {
            tokio::task::yield_now().await;
            7
        }));
        let flight = flights.current(&1).unwrap();
        assert_eq!(flight.landed().await, Some(7));
    }

    #[tokio::test]
    async fn one_that_is_lost_is_told_and_is_not_under_way_any_more() {
        let flights = SingleFlight::<u8, u8>::default();
        let lost = flights.join(1, async { panic!("as a fault would") });
        assert_eq!(lost.landed().await, None);
        assert_eq!(flights.join(1, async { 7 }).landed().await, Some(7));
    }
}
