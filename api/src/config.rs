//! The command line and its settings: flags or environment, all checked before anything starts,
//! all faults named at once.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use migration::connection;
use url::Url;

use crate::logging::{self, LogFormat};

/// The Supervision Finance API: what a client owes, has paid, and who did what, over GraphQL.
#[derive(Debug, Parser)]
#[command(name = "finance-api", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API over a PostgreSQL database and a Sirius.
    ///
    /// The schema must be there: `migration up` makes it. Logs go to standard error.
    Serve(Box<ServeArguments>),
    /// Try it: sample data, a stand-in Sirius and GraphiQL, with nothing to set up.
    ///
    /// All of it is made anew at each start and gone afterwards.
    Demo(DemoArguments),
    /// Print the GraphQL schema.
    Schema,
}

/// Settings of `serve`, unchecked.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The database: postgres://USER@HOST/DATABASE (or sqlite://FILE).
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Sirius's origin, such as https://sirius.example.
    #[arg(long, env = "SIRIUS_URL")]
    sirius_url: Option<String>,
    /// Connections to the database.
    #[arg(long, env = "DATABASE_POOL_SIZE", default_value = "10")]
    database_pool_size: String,
    /// The longest wait for a connection.
    #[arg(long, env = "DATABASE_TIMEOUT", default_value = "3s")]
    database_timeout: String,
    /// One deadline for a request, shared by all it waits for.
    #[arg(long, env = "REQUEST_TIMEOUT", default_value = "10s")]
    request_timeout: String,
    /// The longest wait for an answer of Sirius.
    #[arg(long, env = "SIRIUS_TIMEOUT", default_value = "5s")]
    sirius_timeout: String,
    /// Age from which the list of users is refreshed, while it is still served.
    #[arg(long, env = "USER_CACHE_FRESH", default_value = "12h")]
    user_cache_fresh: String,
    /// Age from which the list of users is not served any more.
    #[arg(long, env = "USER_CACHE_STALE", default_value = "48h")]
    user_cache_stale: String,
    /// Serve although the schema lacks migrations of this program: on or off.
    #[arg(long, env = "ALLOW_SCHEMA_BEHIND", default_value = "off")]
    allow_schema_behind: String,
    #[command(flatten)]
    common: CommonArguments,
}

/// Settings of `demo`, unchecked.
#[derive(Debug, Args)]
pub struct DemoArguments {
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, Args)]
struct CommonArguments {
    /// Address and port of the API.
    #[arg(long, env = "LISTEN_ADDR", default_value = "127.0.0.1:8080")]
    listen_addr: String,
    /// How the log is written: text or json.
    #[arg(long, env = "LOG_FORMAT", default_value = "text")]
    log_format: String,
    /// Folder of GraphiQL's own files; where they are not there, the page takes them from a CDN.
    #[arg(long, env = "GRAPHIQL_DIR", default_value = "api/graphiql/dist")]
    graphiql_dir: String,
}

/// Settings of `serve`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct ServeSettings {
    pub database_url: DatabaseUrl,
    pub sirius_url: Url,
    pub database_pool_size: u32,
    pub database_timeout: Duration,
    pub request_timeout: Duration,
    pub sirius_timeout: Duration,
    pub user_cache_fresh: Duration,
    pub user_cache_stale: Duration,
    pub allow_schema_behind: bool,
    pub listen_addr: SocketAddr,
    pub log_format: LogFormat,
    pub graphiql_dir: PathBuf,
}

/// Settings of `demo`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct DemoSettings {
    pub listen_addr: SocketAddr,
    pub log_format: LogFormat,
    pub graphiql_dir: PathBuf,
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

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are wrong, and nothing was started:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// Gathers faults while settings are read.
#[derive(Default)]
struct Check {
    faults: Vec<String>,
}

impl Check {
    /// What `read` makes of the value; else a fault that says what is wanted.
    fn value<T>(
        &mut self,
        name: &str,
        value: &str,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let result = read(value);
        if result.is_none() {
            self.faults.push(format!("{name} is wrong: want {wanted}"));
        }
        result
    }

    fn required<T>(
        &mut self,
        name: &str,
        value: Option<&str>,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            self.faults
                .push(format!("{name} is missing: want {wanted}"));
            return None;
        };
        self.value(name, value, wanted, read)
    }

    fn parsed<T: FromStr>(&mut self, name: &str, value: &str, wanted: &str) -> Option<T> {
        self.value(name, value, wanted, |value| value.parse().ok())
    }

    fn duration(&mut self, name: &str, value: &str) -> Option<Duration> {
        self.value(
            name,
            value,
            "a duration above 0, such as 5s or 12h",
            |value| {
                humantime::parse_duration(value)
                    .ok()
                    .filter(|it| !it.is_zero())
            },
        )
    }

    fn switch(&mut self, name: &str, value: &str) -> Option<bool> {
        self.value(name, value, "on or off", |value| match value {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        })
    }

    fn log_filter(&mut self) {
        if let Err(fault) = logging::filter() {
            self.faults.push(fault.to_string());
        }
    }

    fn common(&mut self, common: &CommonArguments) -> Option<DemoSettings> {
        let listen_addr = self.parsed(
            "LISTEN_ADDR",
            &common.listen_addr,
            "an address and port, such as 127.0.0.1:8080",
        );
        self.log_filter();
        let log_format = self.value(
            "LOG_FORMAT",
            &common.log_format,
            "text or json",
            |it| match it {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            },
        );
        Some(DemoSettings {
            listen_addr: listen_addr?,
            log_format: log_format?,
            graphiql_dir: PathBuf::from(&common.graphiql_dir),
        })
    }

    /// The settings, if nothing is wrong.
    fn end<T>(self, settings: Option<T>) -> Result<T, Faults> {
        match settings {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(Faults(self.faults)),
        }
    }
}

impl DemoArguments {
    /// The settings.
    ///
    /// # Errors
    /// With every fault there is.
    pub fn check(&self) -> Result<DemoSettings, Faults> {
        let mut check = Check::default();
        let settings = check.common(&self.common);
        check.end(settings)
    }
}

impl ServeArguments {
    /// The settings.
    ///
    /// # Errors
    /// With every fault there is.
    pub fn check(&self) -> Result<ServeSettings, Faults> {
        let mut check = Check::default();
        let settings = self.read(&mut check);
        check.end(settings)
    }

    fn read(&self, check: &mut Check) -> Option<ServeSettings> {
        let database_url = check.required(
            "DATABASE_URL",
            self.database_url.as_deref(),
            "postgres://USER@HOST/DATABASE",
            |url| {
                connection::check(url)
                    .ok()
                    .map(|()| DatabaseUrl(url.to_owned()))
            },
        );
        let sirius_url = check.required(
            "SIRIUS_URL",
            self.sirius_url.as_deref(),
            "an origin, such as https://sirius.example",
            origin,
        );
        let database_pool_size = check.value(
            "DATABASE_POOL_SIZE",
            &self.database_pool_size,
            "1 to 1000",
            |it| {
                it.parse::<u32>()
                    .ok()
                    .filter(|size| (1..=1000).contains(size))
            },
        );
        let database_timeout = check.duration("DATABASE_TIMEOUT", &self.database_timeout);
        let request_timeout = check.duration("REQUEST_TIMEOUT", &self.request_timeout);
        let sirius_timeout = check.duration("SIRIUS_TIMEOUT", &self.sirius_timeout);
        let user_cache_fresh = check.duration("USER_CACHE_FRESH", &self.user_cache_fresh);
        let user_cache_stale = check.duration("USER_CACHE_STALE", &self.user_cache_stale);
        if user_cache_fresh
            .zip(user_cache_stale)
            .is_some_and(|(fresh, stale)| fresh > stale)
        {
            check
                .faults
                .push("USER_CACHE_FRESH is longer than USER_CACHE_STALE".to_owned());
        }
        if sirius_timeout
            .zip(request_timeout)
            .is_some_and(|(sirius, request)| sirius >= request)
        {
            check
                .faults
                .push("SIRIUS_TIMEOUT is not shorter than REQUEST_TIMEOUT".to_owned());
        }
        let allow_schema_behind = check.switch("ALLOW_SCHEMA_BEHIND", &self.allow_schema_behind);
        let common = check.common(&self.common);
        let DemoSettings {
            listen_addr,
            log_format,
            graphiql_dir,
        } = common?;
        Some(ServeSettings {
            database_url: database_url?,
            sirius_url: sirius_url?,
            database_pool_size: database_pool_size?,
            database_timeout: database_timeout?,
            request_timeout: request_timeout?,
            sirius_timeout: sirius_timeout?,
            user_cache_fresh: user_cache_fresh?,
            user_cache_stale: user_cache_stale?,
            allow_schema_behind: allow_schema_behind?,
            listen_addr,
            log_format,
            graphiql_dir,
        })
    }
}

/// An http or https URL with nothing but an origin.
fn origin(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_origin = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    is_origin.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(arguments: &[&str]) -> Result<ServeSettings, Faults> {
        let words = ["finance-api", "serve"].iter().chain(arguments);
        match Cli::parse_from(words).command {
            Command::Serve(arguments) => arguments.check(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let faults = serve(&[
            "--database-url=mysql://root:secret@host/db",
            "--sirius-url=sirius.example",
            "--listen-addr=8080",
            "--database-pool-size=0",
            "--request-timeout=soon",
            "--user-cache-fresh=3d",
            "--log-format=xml",
        ])
        .unwrap_err();
        let text = faults.to_string();
        for name in [
            "DATABASE_URL",
            "SIRIUS_URL",
            "LISTEN_ADDR",
            "DATABASE_POOL_SIZE",
            "REQUEST_TIMEOUT",
            "USER_CACHE_FRESH",
            "LOG_FORMAT",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn a_missing_setting_says_what_is_wanted() {
        let text = serve(&["--database-url=", "--sirius-url="])
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("DATABASE_URL is missing: want postgres://"),
            "{text}"
        );
        assert!(text.contains("SIRIUS_URL is missing"), "{text}");
    }

    #[test]
    fn a_sirius_url_is_an_origin_and_no_more() {
        for wrong in [
            "ftp://host",
            "http://",
            "http://host/path",
            "http://user@host",
            "host:80",
        ] {
            assert_eq!(origin(wrong), None, "{wrong}");
        }
        assert!(origin("https://sirius.example:8443").is_some());
    }
}
