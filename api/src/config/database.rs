//! Settings of the database, which every command that uses one has.

use std::fmt;
use std::time::Duration;

use clap::Args;
use migration::connection;

use super::check::Check;

/// Unchecked.
#[derive(Debug, Args)]
pub(super) struct DatabaseArguments {
    /// The database: postgres://USER@HOST/DATABASE (or sqlite://FILE).
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// The longest wait for a connection.
    #[arg(long, env = "DATABASE_TIMEOUT", default_value = "3s")]
    database_timeout: String,
}

/// Where the database is, and how long it is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// Its URL.
    pub url: DatabaseUrl,
    /// The longest wait for a connection.
    pub timeout: Duration,
}

/// A database URL, which may carry a password and so is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

impl DatabaseArguments {
    pub(super) fn read(&self, check: &mut Check) -> Option<DatabaseSettings> {
        let url = check.required(
            "DATABASE_URL",
            self.database_url.as_deref(),
            "postgres://USER@HOST/DATABASE",
            |url| {
                connection::check(url)
                    .ok()
                    .map(|()| DatabaseUrl(url.to_owned()))
            },
        );
        let timeout = check.duration("DATABASE_TIMEOUT", &self.database_timeout);
        Some(DatabaseSettings {
            url: url?,
            timeout: timeout?,
        })
    }
}
