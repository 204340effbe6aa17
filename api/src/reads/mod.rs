//! Where is read: on the primary, or on a streaming replica beside it (DATABASE_READ_URL), ADR 14.
//!
//! What was answered, every later request sees, whoever asks and whichever instance answers. Both sides keep
//! to one bound, [`BEHIND`]: an instance reads from the replica only what the replica has shown to be no
//! older than that, and a change is not answered before the replica has it, or the bound has passed. Then
//! whoever still reads from the replica has seen it catch up since the change.

mod connections;
mod database;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};
use sea_orm::{DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use connections::Part;
pub use database::{ReadDatabase, Told};

/// How far behind the primary a replica may be that is read from; the longest that a change waits for it.
pub const BEHIND: Duration = Duration::from_secs(1);
/// How often it is asked how far it is, where nobody waits for it.
const PROBE: Duration = Duration::from_millis(200);
/// How often it is asked whether it has come as far as that, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Where is read. Clones are the same.
#[derive(Clone)]
pub struct Reads {
    primary: ReadDatabase,
    of_changes: ReadDatabase,
    replica: Option<Arc<Replica>>,
    from_primary: Counter,
    from_replica: Counter,
}

/// A replica, and the connections over which it is watched: those of requests may all be in use.
#[derive(Clone)]
pub struct ReplicaConnections {
    /// The replica, for requests.
    pub replica: DatabaseConnection,
    /// The primary, for the watch.
    pub watched_primary: DatabaseConnection,
    /// The replica, for the watch.
    pub watched_replica: DatabaseConnection,
}

struct Replica {
    db: ReadDatabase,
    connections: ReplicaConnections,
    /// The replica has all that the primary had then.
    as_of: watch::Sender<Option<Instant>>,
    /// Since when it is no standby at all; a server that was promoted does not become one by itself.
    no_standby_since: Mutex<Option<Instant>>,
    /// Somebody waits.
    wanted: Notify,
    lag: Gauge,
}

/// Why it is not read from.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("it is no standby")]
    NoStandby,
    #[error("it is of another cluster than the primary")]
    OtherCluster,
    #[error("it is not on the primary's timeline")]
    OtherTimeline,
    #[error("it, or the primary, gives no answer: {0}")]
    NoAnswer(#[from] DbErr),
    #[error("it is behind, or gives no answer in time")]
    Behind,
}

/// The database for one request that only reads.
pub struct Reader {
    /// Where to read.
    pub db: ReadDatabase,
    /// Whether that is the replica. If it fails, the primary may still answer.
    pub is_replica: bool,
}

impl Reads {
    /// Everything is read from the primary.
    pub fn from_primary(primary: DatabaseConnection) -> Self {
        Self::new(primary, None)
    }

    /// The replica is read from as long as [`Reads::watch`] runs and finds it fresh.
    pub fn with_replica(primary: DatabaseConnection, replica: ReplicaConnections) -> Self {
        Self::new(primary, Some(replica))
    }

    fn new(primary: DatabaseConnection, replica: Option<ReplicaConnections>) -> Self {
        const READS: &str = "finance_reads_total";
        const LAG: &str = "finance_replica_lag_seconds";
        describe_counter!(READS, "Queries, by the database that they were read from.");
        let replica = replica.map(|connections| {
            describe_gauge!(
                LAG,
                Unit::Seconds,
                "How long ago the replica is known to have had all that the primary had."
            );
            Arc::new(Replica {
                db: ReadDatabase::over(connections.replica.clone(), Part::Whole),
                connections,
                as_of: watch::channel(None).0,
                no_standby_since: Mutex::default(),
                wanted: Notify::new(),
                lag: gauge!(LAG),
            })
        });
        Self {
            of_changes: ReadDatabase::plain(primary.clone()),
            primary: ReadDatabase::over(primary, Part::Half),
            replica,
            from_primary: counter!(READS, "database" => "primary"),
            from_replica: counter!(READS, "database" => "replica"),
        }
    }

    /// Where to read now.
    pub fn reader(&self) -> Reader {
        match &self.replica {
            Some(replica) if replica.is_fresh() => {
                self.from_replica.increment(1);
                Reader {
                    db: replica.db.clone(),
                    is_replica: true,
                }
            }
            _ => self.primary(),
        }
    }

    /// The primary, for what a change reads besides: by the half of the connections that readers leave.
    pub fn of_changes(&self) -> &ReadDatabase {
        &self.of_changes
    }

    /// The primary, for what is told of changes as they come.
    pub fn of_events(&self) -> &ReadDatabase {
        &self.primary
    }

    /// The primary, whatever the replica is like.
    pub fn primary(&self) -> Reader {
        self.from_primary.increment(1);
        Reader {
            db: self.primary.clone(),
            is_replica: false,
        }
    }

    /// It is not read from until it has shown that it is there.
    pub fn distrust_replica(&self) {
        if let Some(replica) = &self.replica {
            replica.as_of.send_replace(None);
        }
    }

    /// The databases of requests that only read, by what they are for.
    pub fn databases(&self) -> impl Iterator<Item = (&'static str, &ReadDatabase)> {
        let replica = self.replica.iter().map(|it| ("replica", &it.db));
        [("primary", &self.primary)].into_iter().chain(replica)
    }

    /// Waits until every instance shows what has been committed by now: [`BEHIND`] at most.
    pub async fn shown_everywhere(&self) {
        let Some(replica) = &self.replica else {
            return;
        };
        if replica.is_long_no_standby() {
            return;
        }
        let since = Instant::now();
        let mut as_of = replica.as_of.subscribe();
        replica.wanted.notify_one();
        let caught_up = as_of.wait_for(|as_of| as_of.is_some_and(|it| it >= since));
        // If it does not: once the bound has passed, nobody reads anything older.
        let _ = timeout_at(since + BEHIND, caught_up).await;
    }

    /// Asks again and again how far the replica is, until told to stop.
    pub async fn watch(self, mut stop: watch::Receiver<bool>) {
        let Some(replica) = &self.replica else {
            return;
        };
        tokio::select! {
            () = replica.watch() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

impl Replica {
    fn is_fresh(&self) -> bool {
        self.as_of.borrow().is_some_and(|it| it.elapsed() < BEHIND)
    }

    /// Whether all instances know by now that it is no standby, and none reads from it.
    fn is_long_no_standby(&self) -> bool {
        let since = *self
            .no_standby_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > BEHIND.saturating_mul(2))
    }

    async fn watch(&self) {
        let mut was_fresh = false;
        let mut known = Instant::now();
        loop {
            let asked = Instant::now();
            let probed = timeout(BEHIND, self.probe()).await;
            let probed = probed.unwrap_or(Err(Unfit::Behind));
            match &probed {
                Ok(()) => {
                    known = asked;
                    self.as_of.send_replace(Some(asked));
                }
                // What it has shown before, it may not show again.
                Err(Unfit::NoStandby | Unfit::OtherCluster | Unfit::OtherTimeline) => {
                    self.as_of.send_replace(None);
                }
                Err(Unfit::NoAnswer(_) | Unfit::Behind) => {}
            }
            self.note(matches!(probed, Err(Unfit::NoStandby)));
            let is_fresh = self.is_fresh();
            match probed {
                Ok(()) if !was_fresh => tracing::info!("the replica is read from"),
                Err(why) if was_fresh && !is_fresh => {
                    tracing::warn!(%why, "the replica is not read from");
                }
                Err(why) => tracing::debug!(%why, "the replica"),
                Ok(()) => {}
            }
            was_fresh = is_fresh;
            self.lag.set(known.elapsed().as_secs_f64());
            tokio::select! {
                () = sleep(PROBE) => {}
                () = self.wanted.notified(), if is_fresh => {}
            }
        }
    }

    fn note(&self, is_no_standby: bool) {
        let mut since = self
            .no_standby_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *since = match is_no_standby {
            true => since.or_else(|| Some(Instant::now())),
            false => None,
        };
    }

    /// Ends when the replica has all that the primary had when it was asked.
    async fn probe(&self) -> Result<(), Unfit> {
        // A commit that was answered is flushed. A position means nothing but on its own timeline.
        let sql = "SELECT pg_current_wal_flush_lsn()::text AS position, \
                   left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) AS timeline, \
                   system_identifier::text AS cluster FROM pg_control_system()";
        let asked = Statement::from_string(DbBackend::Postgres, sql);
        let primary = &self.connections.watched_primary;
        let primary = Primary::find_by_statement(asked).one(primary).await?;
        let missing = || DbErr::RecordNotFound("the position of the primary".to_owned());
        let primary = primary.ok_or_else(missing)?;
        let mut wait = FIRST_WAIT;
        while !self.has(&primary).await? {
            sleep(wait).await;
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
        }
        Ok(())
    }

    async fn has(&self, primary: &Primary) -> Result<bool, Unfit> {
        // Its timeline is that of its last restart point, or of what it has written since.
        let sql = "SELECT pg_is_in_recovery() AS is_standby, \
                   coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) AS has_it, \
                   system_identifier::text AS cluster, \
                   upper(lpad(to_hex(greatest(timeline_id, min_recovery_end_timeline)), 8, '0')) AS timeline \
                   FROM pg_control_system(), pg_control_checkpoint(), pg_control_recovery()";
        let values = [Value::from(primary.position.as_str())];
        let asked = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let replica = &self.connections.watched_replica;
        let standing = Standing::find_by_statement(asked).one(replica).await?;
        let missing = || DbErr::RecordNotFound("the position of the replica".to_owned());
        let standing = standing.ok_or_else(missing)?;
        match standing {
            _ if !standing.is_standby => Err(Unfit::NoStandby),
            _ if standing.cluster != primary.cluster => Err(Unfit::OtherCluster),
            _ if standing.timeline != primary.timeline => Err(Unfit::OtherTimeline),
            standing => Ok(standing.has_it),
        }
    }
}

/// How far the primary has written.
#[derive(FromQueryResult)]
struct Primary {
    position: String,
    timeline: String,
    cluster: String,
}

/// How far the replica is.
#[derive(FromQueryResult)]
struct Standing {
    is_standby: bool,
    has_it: bool,
    cluster: String,
    timeline: String,
}
