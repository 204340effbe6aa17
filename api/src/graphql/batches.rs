//! The loads of one request, run by the request's own task.
//!
//! A loader in a task of its own would ask the database while the request is still asking it, and hand
//! its results out while the request is already going on with the first of them: how many statements a
//! query takes would be a matter of moments. Here both take turns. The request runs until it can go no
//! further; then its loads run, each with all that was asked for; then the request, with all results of
//! a load at once.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_graphql::runtime::Timer;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::FuturesUnordered;
use futures_util::task::{ArcWake, AtomicWaker, FutureObj, Spawn, SpawnError, waker_ref};
use futures_util::{FutureExt as _, StreamExt as _};

/// Loads that are about to run. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Batches(Arc<Mutex<Vec<FutureObj<'static, ()>>>>);

impl Batches {
    fn take(&self) -> Vec<FutureObj<'static, ()>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs a request and its loads. Dropped, it ends both.
    pub(super) async fn run<F: Future>(&self, request: F) -> F::Output {
        // What tokio counts against a task's time would end the request's turn half way.
        let mut request = pin!(tokio::task::unconstrained(request));
        let mut loads = FuturesUnordered::new();
        let bell = Arc::new(Bell::default());
        poll_fn(|context| {
            bell.task.register(context.waker());
            loop {
                bell.has_rung.store(false, Ordering::SeqCst);
                let waker = waker_ref(&bell);
                let mut own = Context::from_waker(&waker);
                if let Poll::Ready(output) = request.as_mut().poll(&mut own) {
                    return Poll::Ready(output);
                }
                // A long list of fields is not run to its end in one go; it rings for more.
                if bell.has_rung.load(Ordering::SeqCst) {
                    continue;
                }
                loads.extend(self.take());
                let mut is_done = false;
                while let Poll::Ready(Some(())) = loads.poll_next_unpin(context) {
                    is_done = true;
                }
                if !is_done {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Tells whether the request wants to go on, and wakes the task if it is not running.
#[derive(Default)]
struct Bell {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl ArcWake for Bell {
    fn wake_by_ref(bell: &Arc<Self>) {
        bell.has_rung.store(true, Ordering::SeqCst);
        bell.task.wake();
    }
}

impl Spawn for Batches {
    fn spawn_obj(&self, load: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let mut loads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loads.push(load);
        Ok(())
    }
}

impl Timer for Batches {
    /// A load does not run before the request can go no further: that is all the time it needs.
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::AtomicUsize;

    use async_graphql::dataloader::{DataLoader, Loader};
    use futures_util::future::join_all;

    use super::*;

    /// Counts how often it is asked, and takes its time.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Loader<usize> for Counting {
        type Value = usize;
        type Error = std::convert::Infallible;

        async fn load(&self, keys: &[usize]) -> Result<HashMap<usize, usize>, Self::Error> {
            self.0.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(keys.iter().map(|key| (*key, key + 1_000)).collect())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_many_ask_for_level_by_level_is_one_load_a_level() {
        for _ in 0..20 {
            let batches = Batches::default();
            let loader = DataLoader::new(Counting::default(), batches.clone(), batches.clone());
            let asked = (0..400).map(async |key| {
                // Several fields of one object, of which one asks for all.
                let cell = tokio::sync::OnceCell::new();
                let field =
                    || cell.get_or_init(async || loader.load_one(key).await.unwrap().unwrap());
                let (next, ..) = tokio::join!(field(), field(), field());
                let next = *next;
                loader.load_one(next).await.unwrap().unwrap()
            });
            let found = batches.run(join_all(asked)).await;
            assert_eq!(found[399], 2_399);
            assert_eq!(loader.loader().0.load(Ordering::SeqCst), 2);
        }
    }
}
