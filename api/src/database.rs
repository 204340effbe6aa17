//! The pool of connections to the database.

use std::time::Duration;

use migration::connection::{Missing, SCHEMA, UrlError, options};
use sea_orm::sqlx::{self, Connection as _, Row as _};
use sea_orm::{Database, DatabaseConnection, DbErr};

use crate::config::DatabaseUrl;

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The database URL is of no use.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The database cannot be reached, or its settings are of no use.
    #[error("the database: {0}")]
    Database(#[from] DbErr),
}

/// When a pool connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once: a database that is down is an error.
    Now,
    /// When it is first used: a database that is down is none.
    Used,
}

/// What is done over a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// All there is to do: a server that is a standby, or has become one, is not taken.
    Write,
    /// Queries alone.
    Read,
}

/// What a pool is like.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// How many connections it has.
    pub size: u32,
    /// How long one is waited for.
    pub timeout: Duration,
    /// When it connects.
    pub when: When,
    /// What it is for.
    pub purpose: Purpose,
    /// The longest that PostgreSQL runs one statement; none for as long as it takes.
    pub statement_limit: Option<Duration>,
}

/// A pool of connections.
///
/// # Errors
/// When the URL is of no use, or the database is down and wanted now.
pub async fn connect(url: &DatabaseUrl, pool: Pool) -> Result<DatabaseConnection, ConnectError> {
    let mut options = options(url.reveal(), Missing::Refuse)?;
    options
        .max_connections(pool.size)
        .acquire_timeout(pool.timeout)
        .connect_timeout(pool.timeout)
        .connect_lazy(pool.when == When::Used)
        .set_application_name("finance-api");
    if let Some(limit) = pool.statement_limit {
        let limit = limit.as_millis().to_string();
        options.map_sqlx_postgres_opts(move |it| it.options([("statement_timeout", &limit)]));
    }
    // What a statement has left behind is waited for when a connection comes back, and one that was idle is
    // tried before it is used: each for so long and no longer, since a line may be cut without a word.
    options
        .test_before_acquire(false)
        .map_sqlx_postgres_before_acquire(|connection, about| {
            Box::pin(async move { Ok(about.idle_for < IDLE || is_there(connection, BEFORE).await) })
        });
    options.map_sqlx_postgres_pool_opts(move |options| {
        let options = options.after_release(|connection, _| {
            Box::pin(async {
                match is_there(connection, AFTER).await {
                    true => Ok(true),
                    // Which is closed without waiting for it.
                    false => Err(sqlx::Error::PoolTimedOut),
                }
            })
        });
        match pool.purpose {
            // In the place of the library's own, which sets the search path alone.
            Purpose::Write => options.after_connect(|it, _| Box::pin(prepare(it))),
            Purpose::Read => options,
        }
    });
    Ok(Database::connect(options).await?)
}

/// A connection that has been idle for so long is tried before it is used.
const IDLE: Duration = Duration::from_secs(1);
/// How long it may then take to say that it is there: others are tried in the same wait for a connection.
pub(crate) const BEFORE: Duration = Duration::from_millis(500);
/// How long it may take when it comes back, what was given up included.
const AFTER: Duration = Duration::from_secs(5);

/// Whether a connection says so in time.
pub(crate) async fn is_there(connection: &mut sqlx::PgConnection, limit: Duration) -> bool {
    let asked = tokio::time::timeout(limit, connection.ping()).await;
    matches!(asked, Ok(Ok(())))
}

/// Sets the search path, has commits flushed before they are answered, and refuses a standby: after a
/// failover an address may still lead to one.
async fn prepare(connection: &mut sqlx::PgConnection) -> Result<(), sqlx::Error> {
    let sql = format!(
        "SET search_path = {SCHEMA}; \
         SELECT pg_is_in_recovery(), CASE current_setting('synchronous_commit') \
            WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END"
    );
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .fetch_one(connection)
        .await?;
    match row.try_get(0)? {
        false => Ok(()),
        true => Err(sqlx::Error::Configuration(
            "the database is a standby".into(),
        )),
    }
}
