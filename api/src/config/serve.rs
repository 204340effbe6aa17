//! Settings of `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::check::{Check, Faults};
use super::database::{DatabaseArguments, DatabaseSettings};
use super::keys::{KeyArguments, KeySettings};
use super::limits::{LimitArguments, LimitSettings};
use super::sink::SinkArguments;
use super::sirius::SiriusArguments;
use super::{CommonArguments, DemoSettings};
use crate::dispatch::SinkSettings;
use crate::logging::LogFormat;
use crate::sirius::SiriusSettings;

/// Settings of `serve`, unchecked.
#[derive(Debug, Args)]
pub struct ServeArguments {
    #[command(flatten)]
    database: DatabaseArguments,
    /// Connections to the database.
    #[arg(long, env = "DATABASE_POOL_SIZE", default_value = "10")]
    database_pool_size: String,
    /// One deadline for a request, shared by all it waits for.
    #[arg(long, env = "REQUEST_TIMEOUT", default_value = "10s")]
    request_timeout: String,
    #[command(flatten)]
    sirius: SiriusArguments,
    #[command(flatten)]
    keys: KeyArguments,
    #[command(flatten)]
    sink: SinkArguments,
    /// Address and port of the metrics, for Prometheus. They are off without it.
    #[arg(long, env = "METRICS_ADDR")]
    metrics_addr: Option<String>,
    /// A decision is not taken by who asked for it: on or off.
    #[arg(long, env = "FOUR_EYES", default_value = "on")]
    four_eyes: String,
    /// Serve although the schema lacks migrations of this program: on or off.
    #[arg(long, env = "ALLOW_SCHEMA_BEHIND", default_value = "off")]
    allow_schema_behind: String,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    common: CommonArguments,
}

/// Settings of `serve`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct ServeSettings {
    pub database: DatabaseSettings,
    pub sirius: SiriusSettings,
    pub keys: KeySettings,
    pub sink: Option<SinkSettings>,
    pub limits: LimitSettings,
    pub metrics_addr: Option<SocketAddr>,
    pub database_pool_size: u32,
    pub request_timeout: Duration,
    pub four_eyes: bool,
    pub allow_schema_behind: bool,
    pub listen_addr: SocketAddr,
    pub log_format: LogFormat,
    pub graphiql_dir: PathBuf,
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
        let database = self.database.read(check);
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
        let request_timeout = check.duration("REQUEST_TIMEOUT", &self.request_timeout);
        let sirius = self.sirius.read(check);
        let is_too_long = |sirius: &SiriusSettings| {
            request_timeout.is_some_and(|request| sirius.users.timeout >= request)
        };
        if sirius.as_ref().is_some_and(is_too_long) {
            check
                .faults
                .push("SIRIUS_TIMEOUT is not shorter than REQUEST_TIMEOUT".to_owned());
        }
        let keys = self.keys.read(check);
        let sink = self.sink.read(check);
        let limits = self.limits.read(check);
        let metrics_addr = check.optional(
            "METRICS_ADDR",
            self.metrics_addr.as_deref(),
            "an address and port, such as 127.0.0.1:9090",
            |it| it.parse().ok(),
        );
        let four_eyes = check.switch("FOUR_EYES", &self.four_eyes);
        let allow_schema_behind = check.switch("ALLOW_SCHEMA_BEHIND", &self.allow_schema_behind);
        let common = check.common(&self.common);
        let DemoSettings {
            listen_addr,
            log_format,
            graphiql_dir,
        } = common?;
        Some(ServeSettings {
            database: database?,
            sirius: sirius?,
            keys,
            sink,
            limits: limits?,
            metrics_addr,
            database_pool_size: database_pool_size?,
            request_timeout: request_timeout?,
            four_eyes: four_eyes?,
            allow_schema_behind: allow_schema_behind?,
            listen_addr,
            log_format,
            graphiql_dir,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;
    use crate::graphql::Limits;
    use crate::http::{AllowedOrigins, HttpLimits};

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
            "--user-cache-url=http://:secret@cache",
            "--jwt-secret=secret, but short",
            "--service-keys=sirius=secret",
            "--metrics-addr=9090",
            "--event-sink-url=https://user:secret@bus.example/",
            "--event-sink-attempts=0",
            "--event-sink-key=a secret of two words",
            "--max-depth=0",
            "--max-aliases=-1",
            "--max-body-size=1MiB",
            "--head-timeout=never",
            "--introspection=yes",
            "--allowed-origins=*",
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
            "USER_CACHE_URL",
            "JWT_SECRET",
            "SYSTEM_USER_ID",
            "METRICS_ADDR",
            "EVENT_SINK_URL",
            "EVENT_SINK_ATTEMPTS",
            "EVENT_SINK_KEY",
            "MAX_DEPTH",
            "MAX_ALIASES",
            "MAX_BODY_SIZE",
            "HEAD_TIMEOUT",
            "INTROSPECTION",
            "ALLOWED_ORIGINS",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn the_limits_by_default_are_those_that_the_code_names() {
        let settings = serve(&[
            "--database-url=sqlite://x",
            "--sirius-url=http://sirius.example",
        ]);
        let limits = settings.unwrap().limits;
        assert_eq!(limits.document, Limits::default());
        assert_eq!(limits.http, HttpLimits::default());
        assert_eq!(limits.origins, AllowedOrigins::default());
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
}
