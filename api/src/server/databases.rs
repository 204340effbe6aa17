//! The connections of a server: the primary, a replica that is read from, and those over which both are
//! watched. Those of requests may all be in use, which says nothing of the database.

use std::time::Duration;

use migration::state::schema_state;
use sea_orm::{DatabaseConnection, DbBackend};

use super::ServeError;
use crate::config::ServeSettings;
use crate::database::{ConnectError, Pool, Purpose, When, connect};
use crate::graphql::DATABASE_LIMIT;
use crate::reads::{Reads, ReplicaConnections};

/// See the module.
pub(super) struct Databases {
    /// For requests.
    pub(super) primary: DatabaseConnection,
    /// The same, for those who watch it.
    pub(super) watched: DatabaseConnection,
    replica: Option<ReplicaConnections>,
    size: u32,
}

/// The longest that one statement runs: no longer than anybody waits for it. What a caller has given up
/// is then ended by PostgreSQL too.
fn statement_limit(request_timeout: Duration) -> Duration {
    request_timeout.min(DATABASE_LIMIT)
}

impl Databases {
    /// Opens them; each connects when it is first used.
    ///
    /// # Errors
    /// When a URL is of no use.
    pub(super) async fn open(settings: &ServeSettings) -> Result<Self, ConnectError> {
        let url = &settings.database.url;
        let pool = Pool {
            size: settings.pool.size,
            timeout: settings.database.timeout,
            when: When::Used,
            purpose: Purpose::Write,
            statement_limit: Some(statement_limit(settings.request_timeout)),
        };
        let watched = connect(url, Pool { size: 2, ..pool }).await?;
        let reading = Pool {
            purpose: Purpose::Read,
            ..pool
        };
        let replica = match &settings.pool.read_url {
            Some(url) => Some(ReplicaConnections {
                replica: connect(url, reading).await?,
                watched_primary: watched.clone(),
                watched_replica: connect(url, Pool { size: 1, ..reading }).await?,
            }),
            None => None,
        };
        Ok(Self {
            primary: connect(url, pool).await?,
            watched,
            replica,
            size: pool.size,
        })
    }

    /// Where queries are read from.
    pub(super) fn reads(&self) -> Reads {
        match &self.replica {
            Some(replica) => Reads::with_replica(self.primary.clone(), replica.clone()),
            None => Reads::from_primary(self.primary.clone()),
        }
    }

    /// The pools of requests, by what they are for, each with the most connections that it may have.
    pub(super) fn pools(&self) -> Vec<(&'static str, DatabaseConnection, u32)> {
        let primary = ("primary", self.primary.clone(), self.size);
        let replica = self.replica.as_ref();
        let replica = replica.map(|it| ("replica", it.replica.clone(), self.size));
        [primary].into_iter().chain(replica).collect()
    }

    /// Where changes are listened for; nowhere on SQLite, where there is one process.
    pub(super) fn listen_url(&self, settings: &ServeSettings) -> Option<String> {
        let is_postgres = self.primary.get_database_backend() == DbBackend::Postgres;
        let url = settings.pool.listen_url.as_ref();
        let url = url.unwrap_or(&settings.database.url);
        is_postgres.then(|| url.reveal().to_owned())
    }

    /// Refuses a schema that lacks migrations of this program, unless told otherwise; warns of one that
    /// is ahead, and of a role that may change the schema. A database that is down is not checked:
    /// `/health/ready` says so until it is back.
    ///
    /// # Errors
    /// [`ServeError::Behind`].
    pub(super) async fn check_schema(&self, allow_behind: bool) -> Result<(), ServeError> {
        let state = match schema_state(&self.primary).await {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(%error, "the schema could not be checked");
                return Ok(());
            }
        };
        if state.may_alter {
            tracing::warn!("the connected role may change the schema; serve as one that may not");
        }
        if !state.ahead.is_empty() {
            tracing::warn!(ahead = ?state.ahead, "the schema has migrations that this program lacks");
        }
        if state.behind.is_empty() {
            return Ok(());
        }
        if !allow_behind {
            return Err(ServeError::Behind(state.behind));
        }
        tracing::warn!(behind = ?state.behind, "the schema lacks migrations of this program");
        Ok(())
    }
}
