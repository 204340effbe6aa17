//! The shared tier: one list for several instances, in Redis. A new instance starts with it, and one
//! instance refreshes it for all.
//!
//! It is a help and never a need: slow, down or holding rubbish, it is left aside for the refresh at
//! hand, which then goes on as if there were none. It holds ids and display names, nothing else of
//! a user.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, cmd};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::sirius::client::Names;
use crate::sirius::health::Health;
use crate::sirius::metrics::SharedMetrics;

/// The format is part of the keys: instances of two versions do not read each other's.
const LIST: &str = "supervision-finance:users:1";
const LOCK: &str = "supervision-finance:users:1:refreshing";

/// The longest that one step waits for Redis.
const STEP: Duration = Duration::from_millis(250);
/// The most bytes that are read of a list.
const LIST_LIMIT: usize = 32 * 1024 * 1024;
/// How far ahead another instance's clock may be.
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// Ends a lock if it is still that of its holder.
const UNLOCK: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then \
    return redis.call('del', KEYS[1]) else return 0 end";

/// The tier; see the module.
pub struct SharedTier(Inner);

struct Inner {
    client: Client,
    health: Health,
    content: Health,
    metrics: SharedMetrics,
}

/// Where the tier is. It may carry a password and so is never shown.
#[derive(Clone)]
pub struct SharedTierUrl(Client);

impl SharedTierUrl {
    /// The URL of a Redis.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(url: &str) -> Result<Self, NoRedisUrl> {
        if !url.starts_with("redis://") && !url.starts_with("rediss://") {
            return Err(NoRedisUrl);
        }
        Client::open(url).map(Self).map_err(|_| NoRedisUrl)
    }
}

impl fmt::Debug for SharedTierUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTierUrl(..)")
    }
}

/// The URL is no `redis://` or `rediss://` URL.
#[derive(Debug, thiserror::Error)]
#[error("want redis://HOST:PORT or rediss://HOST:PORT")]
pub struct NoRedisUrl;

/// A list as the tier holds it.
pub(super) struct SharedList {
    pub(super) names: Names,
    /// How long ago it was asked of Sirius.
    pub(super) age: Duration,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    /// When Sirius was asked, UTC, in milliseconds since 1970.
    asked_at: i64,
    users: Vec<(i32, Arc<str>)>,
}

/// Who refreshes.
pub(super) enum Turn {
    /// This instance; the tier knows it.
    Ours,
    /// Another instance does it already.
    Anothers,
    /// The tier cannot tell.
    Untold,
}

/// One refresh's use of the tier. What fails once is not tried again.
pub(super) struct Visit<'a> {
    tier: &'a Inner,
    connection: Option<MultiplexedConnection>,
    is_given_up: bool,
    token: String,
}

impl SharedTier {
    /// The tier at that URL. No connection is tried yet.
    pub fn new(url: &SharedTierUrl) -> Self {
        Self(Inner {
            client: url.0.clone(),
            health: Health::of("the shared user cache"),
            content: Health::of("the list in the shared user cache"),
            metrics: SharedMetrics::register(),
        })
    }

    pub(super) fn visit(&self) -> Visit<'_> {
        Visit {
            tier: &self.0,
            connection: None,
            is_given_up: false,
            token: Uuid::new_v4().to_string(),
        }
    }
}

impl Visit<'_> {
    /// The list that the tier holds, if it holds one that makes sense.
    pub(super) async fn read(&mut self, now: DateTime<Utc>) -> Option<SharedList> {
        let mut range = cmd("GETRANGE");
        range.arg(LIST).arg(0).arg(LIST_LIMIT);
        let bytes: Result<Vec<u8>, Fault> = self
            .step(|mut redis| async move { range.query_async(&mut redis).await })
            .await;
        let metrics = &self.tier.metrics;
        let bytes = match bytes {
            Ok(bytes) => bytes,
            // Redis answers, but not with a list: another type stands there.
            Err(Fault::Refused) => b"refused".to_vec(),
            Err(Fault::Gone) => {
                metrics.read("failed");
                return None;
            }
        };
        if bytes.is_empty() {
            metrics.read("absent");
            return None;
        }
        let list = understand(&bytes, now);
        match list {
            Some(_) => {
                metrics.read("found");
                self.tier.content.is_well();
            }
            None => {
                metrics.read("rubbish");
                self.tier.content.is_failing(&"makes no sense");
            }
        }
        list
    }

    /// Asks to be the instance that refreshes, for so long.
    pub(super) async fn take_turn(&mut self, lasting: Duration) -> Turn {
        let mut set = cmd("SET");
        let lasting = u64::try_from(lasting.as_millis()).unwrap_or(u64::MAX);
        set.arg(LOCK)
            .arg(&self.token)
            .arg("NX")
            .arg("PX")
            .arg(lasting);
        let answer: Result<Option<String>, Fault> = self
            .step(|mut redis| async move { set.query_async(&mut redis).await })
            .await;
        let (outcome, turn) = match answer {
            Ok(Some(_)) => ("taken", Turn::Ours),
            Ok(None) => ("held_by_another", Turn::Anothers),
            Err(_) => ("failed", Turn::Untold),
        };
        self.tier.metrics.lock(outcome);
        turn
    }

    /// Gives the tier a list that was asked of Sirius then, to be kept for so long.
    pub(super) async fn write(&mut self, names: &Names, asked_at: DateTime<Utc>, kept: Duration) {
        let stored = Stored {
            asked_at: asked_at.timestamp_millis(),
            users: names
                .iter()
                .map(|(id, name)| (*id, Arc::clone(name)))
                .collect(),
        };
        let Ok(bytes) = serde_json::to_vec(&stored) else {
            return;
        };
        let mut set = cmd("SET");
        set.arg(LIST)
            .arg(bytes)
            .arg("EX")
            .arg(kept.as_secs().max(1));
        let written: Result<(), Fault> = self
            .step(|mut redis| async move { set.query_async(&mut redis).await })
            .await;
        self.tier.metrics.written(match written {
            Ok(()) => "written",
            Err(_) => "failed",
        });
    }

    /// Lets others have their turn.
    pub(super) async fn end_turn(&mut self) {
        let mut unlock = cmd("EVAL");
        unlock.arg(UNLOCK).arg(1).arg(LOCK).arg(&self.token);
        let _: Result<i64, Fault> = self
            .step(|mut redis| async move { unlock.query_async(&mut redis).await })
            .await;
    }

    /// One step, in time. After one that Redis did not answer, none is tried.
    async fn step<T, F>(
        &mut self,
        work: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = RedisResult<T>>,
    {
        if self.is_given_up {
            return Err(Fault::Gone);
        }
        let whole = async {
            let connection = match self.connection.take() {
                Some(connection) => connection,
                None => {
                    let config = AsyncConnectionConfig::new()
                        .set_connection_timeout(Some(STEP))
                        .set_response_timeout(Some(STEP));
                    self.tier
                        .client
                        .get_multiplexed_async_connection_with_config(&config)
                        .await?
                }
            };
            let result = work(connection.clone()).await;
            RedisResult::Ok((connection, result))
        };
        let cause = match tokio::time::timeout(STEP, whole).await {
            Ok(Ok((connection, Ok(value)))) => {
                self.connection = Some(connection);
                self.tier.health.is_well();
                return Ok(value);
            }
            Ok(Ok((connection, Err(error))))
                if !error.is_unrecoverable_error() && !error.is_timeout() =>
            {
                // The kind alone: the text may have what Redis holds.
                self.tier
                    .health
                    .is_failing(&format!("refused: {:?}", error.kind()));
                self.connection = Some(connection);
                return Err(Fault::Refused);
            }
            Ok(Ok((_, Err(error))) | Err(error)) => format!("{:?}", error.kind()),
            Err(_) => "no answer in time".to_owned(),
        };
        self.tier.health.is_failing(&cause);
        self.is_given_up = true;
        Err(Fault::Gone)
    }
}

/// Why a step gave nothing.
enum Fault {
    /// Redis did not answer.
    Gone,
    /// Redis answered that it will not do this.
    Refused,
}

/// The list in what the tier holds.
fn understand(bytes: &[u8], now: DateTime<Utc>) -> Option<SharedList> {
    if bytes.len() > LIST_LIMIT {
        return None;
    }
    let stored: Stored = serde_json::from_slice(bytes).ok()?;
    let asked_at = DateTime::from_timestamp_millis(stored.asked_at)?;
    let age = now.signed_duration_since(asked_at);
    let age = match age.to_std() {
        Ok(age) => age,
        // It comes from the future: a little is a matter of clocks.
        Err(_) if age.abs().to_std().is_ok_and(|ahead| ahead <= CLOCKS_APART) => Duration::ZERO,
        Err(_) => return None,
    };
    let names = stored
        .users
        .into_iter()
        .filter(|(_, name)| !name.trim().is_empty())
        .collect::<Names>();
    (!names.is_empty()).then_some(SharedList { names, age })
}
