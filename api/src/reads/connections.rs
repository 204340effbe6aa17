//! Connections that readers hand on to each other.
//!
//! The driver's pool asks the database whether it is still there whenever a connection comes back, and has
//! to: the last user may have given up half way. Behind a read of a third of a millisecond that is as much
//! work again, for both sides. Here a connection whose last statement came to its end is kept for the next
//! reader as it is. Any other goes back to the pool, which finds out.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, PgConnection, PgPool, Postgres};
use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::database::{BEFORE, is_there};

/// For so long a connection may be kept without being used; the pool tries one that was idle for longer.
const FRESH: Duration = Duration::from_secs(1);
/// How long it usually takes at most to make a connection.
const CONNECTING: Duration = Duration::from_millis(50);
/// How long another connection is looked for when one was lost.
const AGAIN: Duration = Duration::from_secs(1);
/// After so long it goes back to the pool in any case, which ends those that are too old.
const TERM: Duration = Duration::from_secs(60);

/// A pool's connections for readers. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct ReadConnections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    this: Weak<Self>,
    pool: PgPool,
    /// As many readers as there are connections for them. The others wait here, first come, first served.
    readers: Arc<Semaphore>,
    size: usize,
    part: Part,
    /// Latest used last.
    kept: Mutex<Keeping>,
    /// The most that are kept.
    most: usize,
    /// Rings when one comes back.
    came_back: Notify,
}

#[derive(Debug, Default)]
struct Keeping {
    connections: Vec<Kept>,
    /// Somebody gives back what is not used.
    is_looked_after: bool,
}

#[derive(Debug)]
struct Kept {
    connection: PoolConnection<Postgres>,
    /// When it was taken from the pool.
    taken: Instant,
    since: Instant,
}

/// A connection for one statement.
pub(super) struct Lent<'a> {
    connection: Option<PoolConnection<Postgres>>,
    taken: Instant,
    /// Nothing of a statement is left in it.
    is_clean: bool,
    of: &'a Inner,
    place: Option<OwnedSemaphorePermit>,
}

/// Which part of a pool is for readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Half of it: the other half is for changes.
    Half,
    /// The whole pool.
    Whole,
}

impl ReadConnections {
    /// Those of a pool.
    pub(super) fn of(pool: &PgPool, part: Part) -> Self {
        let size = usize::try_from(pool.options().get_max_connections()).unwrap_or(1);
        // What is kept, nobody else can have: of a sole connection nothing.
        let most = match part {
            Part::Half => size / 2,
            Part::Whole => size,
        };
        Self(Arc::new_cyclic(|this| Inner {
            this: this.clone(),
            pool: pool.clone(),
            readers: Arc::new(Semaphore::new(most.max(1))),
            size: most.max(1),
            part,
            kept: Mutex::default(),
            most,
            came_back: Notify::new(),
        }))
    }

    /// One for a statement, when there is one.
    pub(super) async fn lend(&self) -> Result<Lent<'_>, sqlx::Error> {
        let inner = &*self.0;
        if let Ok(place) = Arc::clone(&inner.readers).try_acquire_owned()
            && let Some(kept) = inner.take()
        {
            return Ok(inner.lent(kept.connection, kept.taken, place));
        }
        let wait = async {
            let place = Arc::clone(&inner.readers).acquire_owned().await;
            let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
            let (connection, taken) = inner.wait().await?;
            Ok(inner.lent(connection, taken, place))
        };
        let longest = inner.pool.options().get_acquire_timeout();
        let waited = timeout(longest, wait).await;
        waited.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// One that has just said that it is there.
    pub(super) async fn tried(&self) -> Result<Lent<'_>, sqlx::Error> {
        let look = async {
            loop {
                let mut lent = self.lend().await?;
                if let Some(connection) = lent.connection.as_deref_mut()
                    && is_there(connection, BEFORE).await
                {
                    return Ok(lent);
                }
            }
        };
        let found = timeout(AGAIN, look).await;
        found.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    pub(super) fn part(&self) -> Part {
        self.0.part
    }

    /// How many readers there are now, and may be at once.
    pub(super) fn readers(&self) -> (usize, usize) {
        let inner = &self.0;
        let free = inner.readers.available_permits();
        (inner.size.saturating_sub(free), inner.size)
    }

    /// Those that are kept for the next reader, and so do nothing.
    pub(super) fn kept(&self) -> usize {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.connections.len()
    }
}

impl Lent<'_> {
    /// None once it is given back.
    pub(super) fn connection(&mut self) -> Option<&mut PgConnection> {
        self.connection.as_deref_mut()
    }

    /// Whether the last statement came to its end, so that nothing of it is left.
    pub(super) fn is_clean(&mut self, is_clean: bool) {
        self.is_clean = is_clean;
    }
}

impl Inner {
    fn lent(
        &self,
        connection: PoolConnection<Postgres>,
        taken: Instant,
        place: OwnedSemaphorePermit,
    ) -> Lent<'_> {
        Lent {
            connection: Some(connection),
            taken,
            is_clean: false,
            of: self,
            place: Some(place),
        }
    }

    /// One that comes back, or one of the pool's, whichever is first.
    async fn wait(&self) -> Result<(PoolConnection<Postgres>, Instant), sqlx::Error> {
        if let Some(kept) = self.take() {
            return Ok((kept.connection, kept.taken));
        }
        let mut acquired = pin!(self.pool.acquire());
        // A connection that is being made is not given up for one that comes back meanwhile: the next reader
        // would begin again.
        tokio::select! {
            acquired = &mut acquired => return Ok((acquired?, Instant::now())),
            () = tokio::time::sleep(CONNECTING) => {}
        }
        loop {
            if let Some(kept) = self.take() {
                return Ok((kept.connection, kept.taken));
            }
            tokio::select! {
                acquired = &mut acquired => return Ok((acquired?, Instant::now())),
                // It rings for one that came back since, too.
                () = self.came_back.notified() => {}
            }
        }
    }

    /// One that is kept and fresh. What is not goes back to the pool, and is tried there.
    fn take(&self) -> Option<Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = kept.connections.pop()?;
        (latest.since.elapsed() < FRESH && !self.pool.is_closed()).then_some(latest)
    }

    fn keep(&self, kept: Kept) {
        let mut keeping = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if keeping.connections.len() >= self.most {
            return;
        }
        keeping.connections.push(kept);
        self.came_back.notify_one();
        if !keeping.is_looked_after
            && let (Ok(runtime), Some(this)) = (Handle::try_current(), self.this.upgrade())
        {
            keeping.is_looked_after = true;
            runtime.spawn(this.look_after());
        }
    }

    /// Gives back what nobody uses, until nothing is kept.
    async fn look_after(self: Arc<Self>) {
        loop {
            tokio::time::sleep(FRESH).await;
            let mut keeping = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let is_over = self.pool.is_closed();
            let connections = &mut keeping.connections;
            connections.retain(|kept| kept.since.elapsed() < FRESH && !is_over);
            if connections.is_empty() {
                keeping.is_looked_after = false;
                return;
            }
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let (since, taken) = (Instant::now(), self.taken);
        if self.is_clean && since.saturating_duration_since(taken) < TERM {
            self.of.keep(Kept {
                connection,
                taken,
                since,
            });
        } else if let (Ok(runtime), Some(place)) = (Handle::try_current(), self.place.take()) {
            // Its place is free when it is: a statement that was given up may still run.
            let returning = connection.return_to_pool();
            runtime.spawn(async move {
                returning.await;
                drop(place);
            });
        }
    }
}
