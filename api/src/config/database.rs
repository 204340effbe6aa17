//! Settings of the database, which every command that uses one has.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use migration::connection;

use super::check::Check;

/// Unchecked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub(super) struct DatabaseArguments {
    /// The database: postgres://USER@HOST/DATABASE (or sqlite://FILE). TLS is asked for by
    /// ?sslmode=verify-full&sslrootcert=FILE.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// A file that holds it, read at start.
    #[arg(long, env = "DATABASE_URL_FILE")]
    database_url_file: Option<PathBuf>,
    /// The longest wait for a connection to the database.
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

/// What such a URL must be.
const WANTED: &str = "postgres://USER@HOST/DATABASE";

impl DatabaseUrl {
    fn read(url: &str) -> Option<Self> {
        connection::check(url).ok().map(|()| Self(url.to_owned()))
    }

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
        let url = match check.secret(
            "DATABASE_URL",
            self.database_url.as_ref(),
            self.database_url_file.as_ref(),
        ) {
            Ok(url) => check.required("DATABASE_URL", url.as_deref(), WANTED, DatabaseUrl::read),
            Err(()) => None,
        };
        let timeout = check.duration("DATABASE_TIMEOUT", &self.database_timeout);
        Some(DatabaseSettings {
            url: url?,
            timeout: timeout?,
        })
    }
}

/// Settings of what a server has beside that: unchecked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub(super) struct PoolArguments {
    /// Connections to the database, half of them for queries and half for changes; to the replica as many
    /// again, where there is one, all for queries.
    #[arg(long, env = "DATABASE_POOL_SIZE", default_value = "10")]
    database_pool_size: String,
    /// A streaming replica that queries are read from, as long as it is no more than a second behind.
    #[arg(long, env = "DATABASE_READ_URL", hide_env_values = true)]
    database_read_url: Option<String>,
    /// A file that holds it, read at start.
    #[arg(long, env = "DATABASE_READ_URL_FILE")]
    database_read_url_file: Option<PathBuf>,
    /// The database for LISTEN, where DATABASE_URL leads to a pooler in transaction mode, which cannot carry
    /// it. By default that of DATABASE_URL.
    #[arg(long, env = "DATABASE_LISTEN_URL", hide_env_values = true)]
    database_listen_url: Option<String>,
    /// A file that holds it, read at start.
    #[arg(long, env = "DATABASE_LISTEN_URL_FILE")]
    database_listen_url_file: Option<PathBuf>,
    /// Serve although the schema lacks migrations of this program: on or off.
    #[arg(long, env = "ALLOW_SCHEMA_BEHIND", default_value = "off")]
    allow_schema_behind: String,
}

/// How a server uses its database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct PoolSettings {
    pub size: u32,
    pub read_url: Option<DatabaseUrl>,
    pub listen_url: Option<DatabaseUrl>,
    pub allow_schema_behind: bool,
}

impl PoolArguments {
    pub(super) fn read(&self, check: &mut Check) -> Option<PoolSettings> {
        let size = check.value(
            "DATABASE_POOL_SIZE",
            &self.database_pool_size,
            "1 to 1000",
            |it| {
                it.parse::<u32>()
                    .ok()
                    .filter(|size| (1..=1000).contains(size))
            },
        );
        let mut url = |name: &str, value: Option<&String>, file: Option<&PathBuf>| {
            let url = check.secret(name, value, file).ok()?;
            check.optional(name, url.as_deref(), WANTED, |url| {
                connection::is_postgres(url).then(|| DatabaseUrl::read(url))?
            })
        };
        let read_url = url(
            "DATABASE_READ_URL",
            self.database_read_url.as_ref(),
            self.database_read_url_file.as_ref(),
        );
        let listen_url = url(
            "DATABASE_LISTEN_URL",
            self.database_listen_url.as_ref(),
            self.database_listen_url_file.as_ref(),
        );
        let allow_schema_behind = check.switch("ALLOW_SCHEMA_BEHIND", &self.allow_schema_behind);
        Some(PoolSettings {
            size: size?,
            read_url,
            listen_url,
            allow_schema_behind: allow_schema_behind?,
        })
    }
}
