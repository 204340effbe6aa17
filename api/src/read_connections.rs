//! Connections that readers hand on to each other.
//!
//! The driver's pool asks the database whether it is still there whenever a connection comes back, and has
//! to: the last user may have given up half way. Behind a read of a third of a millisecond that is as much
//! work again, for both sides. Here a connection whose last statement came to its end is kept for the next
//! reader as it is. Any other goes back to the pool, which finds out.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, PgPool, Postgres, SqlSafeStr as _, SqlStr};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement,
};
use sea_query_sqlx::SqlxValues;
use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Instrument as _;

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
pub struct ReadConnections(Arc<Inner>);

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
struct Lent<'a> {
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
    fn of(pool: &PgPool, part: Part) -> Self {
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

    async fn lend(&self) -> Result<Lent<'_>, sqlx::Error> {
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
    async fn tried(&self) -> Result<Lent<'_>, sqlx::Error> {
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

/// Told of each statement: how long it took, and whether it failed.
pub type Told = Arc<dyn Fn(Duration, bool) + Send + Sync>;

/// A database to read from.
#[derive(Clone)]
pub struct ReadDatabase {
    db: DatabaseConnection,
    connections: Option<ReadConnections>,
    told: Option<Told>,
}

impl ReadDatabase {
    /// Over the connections of a pool: of PostgreSQL's, those that readers hand on.
    pub fn over(db: DatabaseConnection, part: Part) -> Self {
        let is_postgres = db.get_database_backend() == DbBackend::Postgres;
        let connections =
            is_postgres.then(|| ReadConnections::of(db.get_postgres_connection_pool(), part));
        Self {
            db,
            connections,
            told: None,
        }
    }

    /// The same, which tells of each statement.
    #[must_use]
    pub fn telling(&self, told: Told) -> Self {
        let mut db = self.db.clone();
        if self.connections.is_none() {
            let told = Arc::clone(&told);
            db.set_metric_callback(move |info| told(info.elapsed, info.failed));
        }
        Self {
            db,
            connections: self.connections.clone(),
            told: Some(told),
        }
    }

    /// How many readers there are now, and may be at once. None where they are not counted.
    pub fn readers(&self) -> Option<(usize, usize)> {
        let inner = &self.connections.as_ref()?.0;
        let free = inner.readers.available_permits();
        Some((inner.size.saturating_sub(free), inner.size))
    }

    /// Connections that are kept for the next reader, and so do nothing.
    pub fn kept(&self) -> usize {
        self.connections.as_ref().map_or(0, |connections| {
            let kept = connections.0.kept.lock();
            let kept = kept.unwrap_or_else(PoisonError::into_inner);
            kept.connections.len()
        })
    }

    async fn fetch<T>(
        &self,
        connections: &ReadConnections,
        statement: Statement,
        how: impl AsyncFn(Query<'_>, &mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, DbErr> {
        // What a trace is to know of a statement, where there is a trace: not its text.
        let span = tracing::debug_span!(
            "sql",
            otel.kind = "client",
            db.system = "postgresql",
            db.operation = "SELECT",
            otel.status_code = tracing::field::Empty,
        );
        let sql = AssertSqlSafe(Arc::<str>::from(statement.sql)).into_sql_str();
        let values = statement.values.unwrap_or(sea_orm::Values(Vec::new()));
        let run = async {
            let mut lent = connections.lend().await.map_err(no_connection)?;
            let mut fetched = self.told(&mut lent, &sql, &values, &how).await;
            // The server may have gone since that connection was last used. Reading again changes nothing. If
            // it is a replica, whoever asks has a better place to read again.
            let is_lost = matches!(&fetched, Err(error) if is_lost(error));
            if is_lost && connections.0.part == Part::Half {
                drop(lent);
                let mut tried = connections.tried().await.map_err(no_connection)?;
                fetched = self.told(&mut tried, &sql, &values, &how).await;
            }
            fetched.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))
        };
        let fetched = run.instrument(span.clone()).await;
        let status = if fetched.is_ok() { "OK" } else { "ERROR" };
        span.record("otel.status_code", status);
        fetched
    }

    /// Runs a statement over a connection, and tells of it.
    async fn told<T>(
        &self,
        lent: &mut Lent<'_>,
        sql: &SqlStr,
        values: &sea_orm::Values,
        how: &impl AsyncFn(Query<'_>, &mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let began = Instant::now();
        let query = sqlx::query_with(sql.clone(), SqlxValues(values.clone()));
        let fetched = match lent.connection.as_deref_mut() {
            Some(connection) => how(query, connection).await,
            None => Err(sqlx::Error::WorkerCrashed),
        };
        lent.is_clean = fetched.is_ok();
        if let Some(told) = &self.told {
            told(began.elapsed(), fetched.is_err());
        }
        fetched
    }
}

/// Whether there is no connection any more, or a server that goes down has taken it.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|it| it.starts_with("57P")),
        _ => false,
    }
}

/// As SeaORM has it of its own pools.
fn no_connection(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        other => DbErr::Conn(RuntimeErr::SqlxError(other.into())),
    }
}

type Query<'q> = sqlx::query::Query<'q, Postgres, SqlxValues>;

#[async_trait]
impl ConnectionTrait for ReadDatabase {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let Some(connections) = &self.connections else {
            return self.db.query_one_raw(statement).await;
        };
        let row = self.fetch(connections, statement, async |query, connection| {
            query.fetch_optional(connection).await
        });
        Ok(row.await?.map(Into::into))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Some(connections) = &self.connections else {
            return self.db.query_all_raw(statement).await;
        };
        let rows = self.fetch(connections, statement, async |query, connection| {
            query.fetch_all(connection).await
        });
        Ok(rows.await?.into_iter().map(Into::into).collect())
    }
}
