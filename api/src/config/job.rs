//! Settings of jobs.

use std::time::Duration;

use chrono::NaiveDate;
use clap::Args;
use migration::connection;

use super::check::{Check, Faults};
use super::serve::DatabaseUrl;

/// Settings of a job, unchecked.
#[derive(Debug, Args)]
pub struct JobArguments {
    /// The database: postgres://USER@HOST/DATABASE (or sqlite://FILE).
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// The longest wait for a connection.
    #[arg(long, env = "DATABASE_TIMEOUT", default_value = "3s")]
    database_timeout: String,
    /// Sirius's number of the user that jobs act as.
    #[arg(long, env = "SYSTEM_USER_ID")]
    system_user_id: Option<String>,
}

/// Settings of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct JobSettings {
    pub database_url: DatabaseUrl,
    pub database_timeout: Duration,
    pub system_user: i32,
}

impl JobArguments {
    /// The settings.
    ///
    /// # Errors
    /// With every fault there is.
    pub fn check(&self) -> Result<JobSettings, Faults> {
        let mut check = Check::default();
        let database_url = check.required(
            "DATABASE_URL",
            self.database_url.as_deref(),
            "postgres://USER@HOST/DATABASE",
            |url| connection::check(url).ok().map(|()| DatabaseUrl::new(url)),
        );
        let database_timeout = check.duration("DATABASE_TIMEOUT", &self.database_timeout);
        let system_user = check.required(
            "SYSTEM_USER_ID",
            self.system_user_id.as_deref(),
            "the number of a Sirius user, 1 or above",
            |text| text.parse::<i32>().ok().filter(|id| *id > 0),
        );
        let settings = database_url.zip(database_timeout).zip(system_user);
        check.end(settings.map(
            |((database_url, database_timeout), system_user)| JobSettings {
                database_url,
                database_timeout,
                system_user,
            },
        ))
    }
}

/// Settings of the audit, unchecked.
#[derive(Debug, Args)]
pub struct AuditArguments {
    /// The database: postgres://USER@HOST/DATABASE (or sqlite://FILE).
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// The longest wait for a connection.
    #[arg(long, env = "DATABASE_TIMEOUT", default_value = "3s")]
    database_timeout: String,
    /// The day this service took over, UTC, such as 2026-11-22: what was made before does not count.
    #[arg(long)]
    takeover: Option<String>,
}

/// Settings of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct AuditSettings {
    pub database_url: DatabaseUrl,
    pub database_timeout: Duration,
    pub takeover: Option<NaiveDate>,
}

impl AuditArguments {
    /// The settings.
    ///
    /// # Errors
    /// With every fault there is.
    pub fn check(&self) -> Result<AuditSettings, Faults> {
        let mut check = Check::default();
        let database_url = check.required(
            "DATABASE_URL",
            self.database_url.as_deref(),
            "postgres://USER@HOST/DATABASE",
            |url| connection::check(url).ok().map(|()| DatabaseUrl::new(url)),
        );
        let database_timeout = check.duration("DATABASE_TIMEOUT", &self.database_timeout);
        let takeover = check.optional(
            "--takeover",
            self.takeover.as_deref(),
            "a day such as 2026-11-22",
            |text| text.parse().ok(),
        );
        let settings = database_url.zip(database_timeout);
        check.end(
            settings.map(|(database_url, database_timeout)| AuditSettings {
                database_url,
                database_timeout,
                takeover,
            }),
        )
    }
}
