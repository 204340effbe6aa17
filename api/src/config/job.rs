//! Settings of commands that run once and end.

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::check::{Check, Faults};
use super::database::{DatabaseArguments, DatabaseSettings};
use super::keys::system_user;

/// Settings of a job, unchecked.
#[derive(Debug, Args)]
pub struct JobArguments {
    #[command(flatten)]
    database: DatabaseArguments,
    /// Sirius's number of the user that jobs act as.
    #[arg(long, env = "SYSTEM_USER_ID")]
    system_user_id: Option<String>,
}

/// Settings of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct JobSettings {
    pub database: DatabaseSettings,
    pub system_user: i32,
}

impl JobArguments {
    /// The settings.
    ///
    /// # Errors
    /// With every fault there is.
    pub fn check(&self) -> Result<JobSettings, Faults> {
        let mut check = Check::default();
        let database = self.database.read(&mut check);
        let id = self.system_user_id.as_deref();
        let system_user =
            check.required("SYSTEM_USER_ID", id, system_user::WANTED, system_user::read);
        let settings = database.zip(system_user);
        check.end(settings.map(|(database, system_user)| JobSettings {
            database,
            system_user,
        }))
    }
}

/// Settings of the audit, unchecked.
#[derive(Debug, Args)]
pub struct AuditArguments {
    #[command(flatten)]
    database: DatabaseArguments,
    /// The day this service took over, UTC, such as 2026-11-22: what was made before does not count.
    #[arg(long)]
    takeover: Option<String>,
}

/// Settings of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct AuditSettings {
    pub database: DatabaseSettings,
    pub takeover: Option<NaiveDate>,
}

impl AuditArguments {
    /// The settings.
    ///
    /// # Errors
    /// With every fault there is.
    pub fn check(&self) -> Result<AuditSettings, Faults> {
        let mut check = Check::default();
        let database = self.database.read(&mut check);
        let takeover = check.optional(
            "--takeover",
            self.takeover.as_deref(),
            "a day such as 2026-11-22",
            |text| text.parse().ok(),
        );
        check.end(database.map(|database| AuditSettings { database, takeover }))
    }
}

/// Settings of the commands about events, unchecked.
#[derive(Debug, Args)]
pub struct EventsArguments {
    #[command(flatten)]
    database: DatabaseArguments,
    /// What to do.
    #[command(subcommand)]
    command: EventsCommand,
}

/// What to do about events.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum EventsCommand {
    /// Say how many wait, since when, and list those that were given up, at most 1,000.
    List,
    /// Have events that were given up sent again. Prints how many.
    Resend {
        /// Their ids, as `list` shows them.
        #[arg(required_unless_present = "all", value_name = "EVENT_ID")]
        ids: Vec<String>,
        /// All that were given up.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

/// Settings of the commands about events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct EventsSettings {
    pub database: DatabaseSettings,
    pub command: EventsCommand,
}

impl EventsArguments {
    /// The settings.
    ///
    /// # Errors
    /// With every fault there is.
    pub fn check(&self) -> Result<EventsSettings, Faults> {
        let mut check = Check::default();
        let database = self.database.read(&mut check);
        check.end(database.map(|database| EventsSettings {
            database,
            command: self.command.clone(),
        }))
    }
}
