//! The pool of connections to the database.

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

/// A pool of so many connections.
///
/// # Errors
/// When the URL is of no use, or the database is down and wanted now.
pub async fn connect(
    settings: &DatabaseSettings,
    size: u32,
    when: When,
) -> Result<DatabaseConnection, ConnectError> {
    let mut options = options(settings.url.reveal(), Missing::Refuse)?;
    options
        .max_connections(size)
        .acquire_timeout(settings.timeout)
        .connect_timeout(settings.timeout)
        .connect_lazy(when == When::Used)
        .set_application_name("finance-api");
    Ok(Database::connect(options).await?)
}
