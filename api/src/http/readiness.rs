//! Whether this instance can serve. Anybody may ask, and oftener than it is worth asking the database: an
//! answer is remembered for a second.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use migration::state::schema_state;
use sea_orm::DatabaseConnection;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::dispatch::Pulse;

/// How long an answer is remembered.
const REMEMBERED: Duration = Duration::from_secs(1);
/// How long the database may take to answer.
const LIMIT: Duration = Duration::from_secs(4);

/// What keeps an instance from serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub(super) enum Hindrance {
    /// It was told to stop.
    #[strum(to_string = "the service stops")]
    Stopping,
    /// No answer of the database.
    #[strum(to_string = "the database does not answer")]
    Database,
    /// Migrations are missing.
    #[strum(to_string = "the schema lacks migrations of this program: run `migration up`")]
    SchemaBehind,
    /// Whoever sends the events of this instance does nothing any more.
    #[strum(to_string = "no events are sent any more: restart this instance")]
    OutboxStuck,
}

/// What is odd, and keeps nobody from serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub(super) enum Oddity {
    #[strum(to_string = "the schema has migrations that this program lacks")]
    SchemaAhead,
    #[strum(to_string = "the connected role may change the schema")]
    MayAlter,
    #[strum(to_string = "events wait for long: the sink does not take them")]
    EventsWait,
}

/// How an instance stands.
pub(super) type Standing = Result<Vec<Oddity>, Hindrance>;

/// See the module. Clones share what is remembered.
#[derive(Clone)]
pub struct Readiness {
    db: DatabaseConnection,
    pulse: Option<Pulse>,
    stopping: watch::Receiver<bool>,
    last: Arc<std::sync::Mutex<Option<(Instant, Standing)>>>,
    /// Who asks the database.
    asking: Arc<Mutex<()>>,
}

impl Readiness {
    /// Of an instance on that database. `pulse` is that of who sends its events, `stopping` tells when it
    /// was told to stop.
    pub fn new(
        db: DatabaseConnection,
        pulse: Option<Pulse>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            db,
            pulse,
            stopping,
            last: Arc::default(),
            asking: Arc::default(),
        }
    }

    /// How the instance stands. Who asks while another asks is given the same answer.
    pub(super) async fn check(&self) -> Standing {
        if *self.stopping.borrow() {
            return Err(Hindrance::Stopping);
        }
        let _asking = self.asking.lock().await;
        if let Some(standing) = self.known(REMEMBERED) {
            return standing;
        }
        let standing = self.ask().await;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Instant::now(), standing.clone()));
        standing
    }

    /// How it stood, if that was asked so recently. Waits for nothing.
    pub(super) fn known(&self, age: Duration) -> Option<Standing> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = last.as_ref().filter(|(when, _)| when.elapsed() < age);
        recent.map(|(_, standing)| standing.clone())
    }

    async fn ask(&self) -> Standing {
        let state = match tokio::time::timeout(LIMIT, schema_state(&self.db)).await {
            Ok(Ok(state)) => state,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database does not answer the readiness check");
                return Err(Hindrance::Database);
            }
            Err(_) => {
                tracing::warn!("the database does not answer the readiness check in time");
                return Err(Hindrance::Database);
            }
        };
        if !state.behind.is_empty() {
            return Err(Hindrance::SchemaBehind);
        }
        let pulse = self.pulse.as_ref();
        if pulse.is_some_and(Pulse::is_stuck) {
            return Err(Hindrance::OutboxStuck);
        }
        let odd = [
            (!state.ahead.is_empty(), Oddity::SchemaAhead),
            (state.may_alter, Oddity::MayAlter),
            (
                pulse.is_some_and(Pulse::has_events_that_wait_long),
                Oddity::EventsWait,
            ),
        ];
        Ok(odd.into_iter().filter(|it| it.0).map(|it| it.1).collect())
    }
}
