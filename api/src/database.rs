//! The pool of connections to the database.

use std::time::Duration;

use migration::connection::{Missing, UrlError, options};
use sea_orm::{Database, DatabaseConnection, DbErr};

use crate::config::DatabaseSettings;

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

/// What a pool is like.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// How many connections it has.
    pub size: u32,
    /// When it connects.
    pub when: When,
    /// The longest that PostgreSQL runs one statement; none for as long as it takes.
    pub statement_limit: Option<Duration>,
}

/// A pool of connections.
///
/// # Errors
/// When the URL is of no use, or the database is down and wanted now.
pub async fn connect(
    settings: &DatabaseSettings,
    pool: Pool,
) -> Result<DatabaseConnection, ConnectError> {
    let mut options = options(settings.url.reveal(), Missing::Refuse)?;
    options
        .max_connections(pool.size)
        .acquire_timeout(settings.timeout)
        .connect_timeout(settings.timeout)
        .connect_lazy(pool.when == When::Used)
        .set_application_name("finance-api");
    if let Some(limit) = pool.statement_limit {
        let limit = limit.as_millis().to_string();
        options.map_sqlx_postgres_opts(move |it| it.options([("statement_timeout", &limit)]));
    }
    Ok(Database::connect(options).await?)
}
