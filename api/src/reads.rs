//! Where is read: on the primary, or on a streaming replica beside it (DATABASE_READ_URL).
//!
//! What was changed, every later request sees, whoever asks and whichever instance answers. Both sides keep
//! to one bound, [`BEHIND`]: an instance reads from the replica only what the replica has shown to be no
//! older than that, and a change is not answered before the replica has it, or the bound has passed. Then
//! whoever still reads from the replica has seen it catch up since the change.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How far behind the primary a replica may be that is read from; the longest that a change waits for it.
pub const BEHIND: Duration = Duration::from_secs(1);
/// How often it is asked how far it is.
const PROBE: Duration = Duration::from_millis(200);
/// How often it is asked whether it has come as far as that, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Where is read. Clones are the same.
#[derive(Clone)]
pub struct Reads {
    primary: DatabaseConnection,
    replica: Option<Arc<Replica>>,
    from_primary: Counter,
    from_replica: Counter,
}

struct Replica {
    db: DatabaseConnection,
    /// The replica has all that the primary had then.
    as_of: Mutex<Option<Instant>>,
    lag: Gauge,
}

/// The database for one request that only reads.
pub struct Reader {
    /// Where to read.
    pub db: DatabaseConnection,
    /// Whether that is the replica. If it fails, the primary may still answer.
    pub is_replica: bool,
}

impl Reads {
    /// Everything is read from the primary.
    pub fn from_primary(primary: DatabaseConnection) -> Self {
        Self::new(primary, None)
    }

    /// The replica is read from as long as [`Reads::watch`] runs and finds it fresh.
    pub fn with_replica(primary: DatabaseConnection, replica: DatabaseConnection) -> Self {
        Self::new(primary, Some(replica))
    }

    fn new(primary: DatabaseConnection, replica: Option<DatabaseConnection>) -> Self {
        const READS: &str = "finance_reads_total";
        const LAG: &str = "finance_replica_lag_seconds";
        describe_counter!(READS, "Queries, by the database that they were read from.");
        let replica = replica.map(|db| {
            describe_gauge!(
                LAG,
                Unit::Seconds,
                "How long ago the replica is known to have had all that the primary had."
            );
            Arc::new(Replica {
                db,
                as_of: Mutex::default(),
                lag: gauge!(LAG),
            })
        });
        Self {
            primary,
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
            replica.set(None);
        }
    }

    /// Waits until every instance shows what has been committed by now: [`BEHIND`] at most.
    pub async fn shown_everywhere(&self) {
        let Some(replica) = &self.replica else {
            return;
        };
        let by = Instant::now() + BEHIND;
        let caught_up = async {
            let position = position(&self.primary).await?;
            replica.reach(&position).await
        };
        // Whatever comes between: once the bound has passed, nobody reads anything older.
        if !matches!(timeout_at(by, caught_up).await, Ok(Ok(()))) {
            tokio::time::sleep_until(by).await;
        }
    }

    /// Asks again and again how far the replica is, until told to stop.
    pub async fn watch(self, mut stop: watch::Receiver<bool>) {
        let Some(replica) = &self.replica else {
            return;
        };
        let mut was_fresh = false;
        let watching = async {
            loop {
                let asked = Instant::now();
                let probe = async {
                    let position = position(&self.primary).await?;
                    replica.reach(&position).await
                };
                match timeout(BEHIND, probe).await {
                    Ok(Ok(())) => replica.set(Some(asked)),
                    Ok(Err(error)) => tracing::debug!(%error, "the replica could not be asked"),
                    Err(_) => tracing::debug!("the replica is behind, or gives no answer"),
                }
                let is_fresh = replica.is_fresh();
                if is_fresh != was_fresh {
                    was_fresh = is_fresh;
                    match is_fresh {
                        true => tracing::info!("the replica is read from"),
                        false => tracing::warn!(
                            "the replica is behind or away: the primary is read from"
                        ),
                    }
                }
                replica.lag.set(replica.age().as_secs_f64());
                sleep(PROBE).await;
            }
        };
        tokio::select! {
            () = watching => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

impl Replica {
    fn set(&self, as_of: Option<Instant>) {
        *self.as_of.lock().unwrap_or_else(PoisonError::into_inner) = as_of;
    }

    /// How old what it shows may be.
    fn age(&self) -> Duration {
        let as_of = *self.as_of.lock().unwrap_or_else(PoisonError::into_inner);
        as_of.map_or(Duration::MAX, |it| it.elapsed())
    }

    fn is_fresh(&self) -> bool {
        self.age() < BEHIND
    }

    /// Ends when it has come as far as that.
    async fn reach(&self, position: &str) -> Result<(), DbErr> {
        let mut wait = FIRST_WAIT;
        loop {
            let sql = "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, \
                       NOT pg_is_in_recovery()) AS has_it";
            let values = [Value::from(position)];
            let asked = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
            let row = self.db.query_one_raw(asked).await?;
            if row.is_some_and(|row| row.try_get("", "has_it").unwrap_or(false)) {
                return Ok(());
            }
            sleep(wait).await;
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
        }
    }
}

/// How far the primary has written.
async fn position(primary: &DatabaseConnection) -> Result<String, DbErr> {
    let sql = "SELECT pg_current_wal_insert_lsn()::text AS position";
    let asked = Statement::from_string(DbBackend::Postgres, sql);
    let row = primary.query_one_raw(asked).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the primary's position".to_owned()))?;
    row.try_get("", "position")
}
