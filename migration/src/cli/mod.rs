//! The command line of binary `migration`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

mod ownership;

use self::ownership::OwnershipCommand;
use crate::connection::Missing;
use crate::ownership::OwnershipError;
use crate::runner::{RunError, Runner};

/// Migrations of the schema supervision_finance.
///
/// Each migration runs in a transaction of its own, and one runner at a time is at work on a
/// database. What a command reports goes to standard output, everything else to standard error.
#[derive(Debug, Parser)]
#[command(name = "migration", disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct ConnectionArgs {
    /// The database: postgres://USER@HOST/DATABASE or sqlite://FILE.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    /// A file that holds it.
    #[arg(long, env = "DATABASE_URL_FILE", global = true)]
    database_url_file: Option<PathBuf>,
    /// How long to wait for another runner, or for a table that is in use.
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration, global = true)]
    lock_timeout: Duration,
}

impl ConnectionArgs {
    fn url(&self) -> Result<String, CliError> {
        let url = self.database_url.as_ref().filter(|it| !it.is_empty());
        let file = self.database_url_file.as_ref();
        match (url, file.filter(|it| !it.as_os_str().is_empty())) {
            (Some(url), None) => Ok(url.clone()),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| CliError::UrlFile(error.kind()))?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            (None, None) => Err(CliError::NoDatabase),
            (Some(_), Some(_)) => Err(CliError::TwoDatabases),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply what is pending, oldest first.
    Up {
        /// At most so many.
        #[arg(long, short = 'n')]
        steps: Option<u32>,
    },
    /// Take the latest migrations back.
    ///
    /// Never below a version that was adopted. A step that would drop a table with rows, or a
    /// column with values, is refused without --destroy.
    Down {
        /// So many.
        #[arg(long, short = 'n', default_value_t = 1)]
        steps: u32,
        /// Lose data all the same; names the database, as a check.
        #[arg(long, value_name = "DATABASE_NAME")]
        destroy: Option<String>,
    },
    /// Say which migrations are applied and which are pending. Changes nothing.
    Status,
    /// Drop everything that the service keeps in the database, then apply all migrations.
    Fresh {
        /// The database's name (of a SQLite database, its file's name), as a check.
        #[arg(long, value_name = "DATABASE_NAME")]
        destroy: Option<String>,
    },
    #[command(flatten)]
    Ownership(OwnershipCommand),
}

/// Exit status of a check that found something.
const FOUND: u8 = 1;
/// Exit status of a check that could not be made.
const NOT_CHECKED: u8 = 2;

/// Why the program ends with a status other than 0.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// No database was named.
    #[error("no database: set DATABASE_URL, or DATABASE_URL_FILE to a file that holds it")]
    NoDatabase,
    /// Two databases were named.
    #[error("DATABASE_URL and DATABASE_URL_FILE are both given: want one")]
    TwoDatabases,
    /// The file of the URL cannot be read.
    #[error("DATABASE_URL_FILE cannot be read: {0}")]
    UrlFile(io::ErrorKind),
    /// The command failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The command failed.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// A report could not be made.
    #[error("the report: {0}")]
    Report(#[from] serde_json::Error),
    /// The report could not be written.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// Whether the reader of standard output went away, as `head` does: no fault of the command.
    pub fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl Cli {
    /// The exit status of an error: a check that could not be made is told from one that found
    /// something.
    pub fn status_of_error(&self) -> ExitCode {
        match &self.command {
            Command::Ownership(OwnershipCommand::Verify { .. }) => ExitCode::from(NOT_CHECKED),
            _ => ExitCode::FAILURE,
        }
    }

    /// Runs the command and reports on standard output.
    ///
    /// # Errors
    /// See [`CliError`].
    pub async fn run(self) -> Result<ExitCode, CliError> {
        let url = self.connection.url()?;
        let lock_timeout = self.connection.lock_timeout;
        let missing = match self.command {
            Command::Up { .. } | Command::Fresh { .. } => Missing::Create,
            Command::Down { .. } | Command::Status | Command::Ownership(_) => Missing::Refuse,
        };
        let runner = Runner::connect(&url, missing).await?;
        let mut out = io::stdout().lock();
        match self.command {
            Command::Status => {
                for (name, applied) in runner.status().await? {
                    writeln!(
                        out,
                        "{}  {name}",
                        if applied { "applied" } else { "pending" }
                    )?;
                }
            }
            Command::Up { steps } => {
                runner.lock(lock_timeout).await?;
                report(
                    &mut out,
                    "applied",
                    "nothing to apply",
                    &runner.up(steps).await?,
                )?;
            }
            Command::Down { steps, destroy } => {
                runner.lock(lock_timeout).await?;
                let names = runner.down(steps, destroy.as_deref()).await?;
                report(&mut out, "taken back", "nothing to take back", &names)?;
            }
            Command::Fresh { destroy } => {
                runner.lock(lock_timeout).await?;
                let names = runner.fresh(destroy.as_deref()).await?;
                report(&mut out, "applied", "nothing to apply", &names)?;
            }
            Command::Ownership(command) => {
                // Before the lock, so that SQLite is told what it lacks.
                runner.needs_postgres()?;
                runner.lock(lock_timeout).await?;
                return command.run(&runner, &url, &mut out).await;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn report(out: &mut impl Write, done: &str, nothing: &str, names: &[String]) -> io::Result<()> {
    if names.is_empty() {
        return writeln!(out, "{nothing}");
    }
    names
        .iter()
        .try_for_each(|name| writeln!(out, "{done}  {name}"))
}
