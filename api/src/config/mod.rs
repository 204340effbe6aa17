//! The command line and its settings: flags, environment or a file, all checked before anything starts,
//! all faults named at once.

mod check;
mod database;
mod file;
mod job;
mod keys;
mod limits;
mod page;
mod serve;
mod sink;
mod sirius;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use check::Faults;
pub use database::{DatabaseSettings, DatabaseUrl, PoolSettings};
pub use file::{FileFault, parse};
pub use job::{
    AuditArguments, AuditSettings, EventsArguments, EventsCommand, EventsSettings, JobArguments,
    JobSettings,
};
pub use keys::KeySettings;
pub use limits::LimitSettings;
pub use page::page;
pub use serve::{ServeArguments, ServeSettings};

use check::Check;

use crate::logging::{self, LogFormat};

/// The Supervision Finance API: what a client owes, has paid, and who did what, over GraphQL.
#[derive(Debug, Parser)]
#[command(name = "finance-api", version, disable_help_subcommand = true)]
pub struct Cli {
    /// A TOML file of settings, each by its flag's name: `listen-addr = "127.0.0.1:8080"`. What a flag or
    /// the environment says wins over it.
    #[arg(
        long,
        env = "CONFIG_FILE",
        global = true,
        help_heading = "Settings from a file"
    )]
    pub config: Option<PathBuf>,
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
    /// End refunds that nobody has dealt with for more than 14 days; for a nightly job.
    ///
    /// Pending ones are rejected, approved and processing ones cancelled, in the name of the system
    /// user. Prints how many. Safe to repeat.
    ExpireRefunds(Box<JobArguments>),
    /// Check the books: whether balances, ledgers and references are as they must be. Reads only.
    ///
    /// Prints each breach, and exits with 1 if there is one. Breaches by rows from before the takeover
    /// are told apart and do not count.
    Audit(Box<AuditArguments>),
    /// See the events that wait to be sent, and have those that were given up sent again.
    Events(Box<EventsArguments>),
    /// Print the GraphQL schema.
    Schema,
    /// Print all settings as a page of documentation: docs/configuration.md.
    Settings,
}

/// Settings of `demo`, unchecked.
#[derive(Debug, Args)]
pub struct DemoArguments {
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
struct CommonArguments {
    /// Address and port of the API.
    #[arg(long, env = "LISTEN_ADDR", default_value = "127.0.0.1:8080")]
    listen_addr: String,
    /// How the log, which goes to standard error, is written: text or json. What goes into it, RUST_LOG says.
    #[arg(long, env = "LOG_FORMAT", default_value = "text")]
    log_format: String,
    /// Folder of GraphiQL's own files; where they are not there, the page takes them from a CDN.
    #[arg(long, env = "GRAPHIQL_DIR", default_value = "api/graphiql/dist")]
    graphiql_dir: String,
}

/// Settings of `demo`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct DemoSettings {
    pub listen_addr: SocketAddr,
    pub log_format: LogFormat,
    pub graphiql_dir: PathBuf,
}

impl Check {
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
