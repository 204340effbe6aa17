//! Settings of `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::check::{Check, Faults};
use super::database::{DatabaseArguments, DatabaseSettings, PoolArguments, PoolSettings};
use super::keys::{KeyArguments, KeySettings};
use super::limits::{LimitArguments, LimitSettings};
use super::sink::SinkArguments;
use super::sirius::{SiriusArguments, origin};
use super::{CommonArguments, DemoSettings};
use crate::dispatch::SinkSettings;
use crate::logging::LogFormat;
use crate::sirius::SiriusSettings;
use crate::traces::TraceSettings;

/// The longest that a stop may be put off.
const LONGEST_STOP_DELAY: Duration = Duration::from_secs(10 * 60);

/// Settings of `serve`, unchecked.
#[derive(Debug, Args)]
pub struct ServeArguments {
    #[command(flatten)]
    common: CommonArguments,
    #[command(flatten)]
    server: ServerArguments,
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    pool: PoolArguments,
    #[command(flatten)]
    sirius: SiriusArguments,
    #[command(flatten)]
    keys: KeyArguments,
    #[command(flatten)]
    sink: SinkArguments,
    #[command(flatten)]
    sight: SightArguments,
    #[command(flatten)]
    limits: LimitArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
struct ServerArguments {
    /// One deadline for a request, shared by all it waits for. PostgreSQL too ends a statement after it, and
    /// after 4.5 s at most.
    #[arg(long, env = "REQUEST_TIMEOUT", default_value = "10s")]
    request_timeout: String,
    /// How long it goes on taking requests after it was told to stop, while /health/ready already says no:
    /// as long as a load balancer takes to notice. Then it ends what it has accepted, in 30 s at most.
    #[arg(long, env = "STOP_DELAY", default_value = "0s")]
    stop_delay: String,
    /// A decision on an adjustment or a refund is not taken by who asked for it: on or off.
    #[arg(long, env = "FOUR_EYES", default_value = "on")]
    four_eyes: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Metrics and traces")]
struct SightArguments {
    /// Address and port of the metrics, for Prometheus. They are off without it.
    #[arg(long, env = "METRICS_ADDR")]
    metrics_addr: Option<String>,
    /// Where traces go by OTLP over HTTP, such as http://collector:4318. They are off without it.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otel_exporter_otlp_endpoint: Option<String>,
    /// The part of requests that is traced, 0 to 1, where their callers have not decided.
    #[arg(long, env = "TRACE_RATIO", default_value = "1")]
    trace_ratio: String,
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
    pub traces: Option<TraceSettings>,
    pub pool: PoolSettings,
    pub request_timeout: Duration,
    pub stop_delay: Duration,
    pub four_eyes: bool,
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
        let pool = self.pool.read(check);
        let server = &self.server;
        let request_timeout = check.duration("REQUEST_TIMEOUT", &server.request_timeout);
        let stop_delay = check.value("STOP_DELAY", &server.stop_delay, "0s to 10m", |value| {
            let delay = humantime::parse_duration(value).ok();
            delay.filter(|it| *it <= LONGEST_STOP_DELAY)
        });
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
            self.sight.metrics_addr.as_deref(),
            "an address and port, such as 127.0.0.1:9090",
            |it| it.parse().ok(),
        );
        let endpoint = check.optional(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            self.sight.otel_exporter_otlp_endpoint.as_deref(),
            "the collector's origin, such as http://collector:4318",
            origin,
        );
        let ratio = check.value("TRACE_RATIO", &self.sight.trace_ratio, "0 to 1", |it| {
            it.parse::<f64>().ok().filter(|it| (0.0..=1.0).contains(it))
        });
        let traces = endpoint
            .zip(ratio)
            .map(|(endpoint, ratio)| TraceSettings { endpoint, ratio });
        let four_eyes = check.switch("FOUR_EYES", &server.four_eyes);
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
            traces,
            pool: pool?,
            request_timeout: request_timeout?,
            stop_delay: stop_delay?,
            four_eyes: four_eyes?,
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
            "--stop-delay=1d",
            "--database-read-url=sqlite://secret",
            "--user-cache-fresh=3d",
            "--log-format=xml",
            "--user-cache-url=http://:secret@cache",
            "--jwt-secret=secret, but short",
            "--service-keys=sirius=secret",
            "--metrics-addr=9090",
            "--otel-exporter-otlp-endpoint=http://user:secret@collector",
            "--trace-ratio=2",
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
            "STOP_DELAY",
            "DATABASE_READ_URL",
            "USER_CACHE_FRESH",
            "LOG_FORMAT",
            "USER_CACHE_URL",
            "JWT_SECRET",
            "SYSTEM_USER_ID",
            "METRICS_ADDR",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "TRACE_RATIO",
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
