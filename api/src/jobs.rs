//! Commands that run once and end.

use std::io::Write;
use std::time::Duration;

use chrono::{NaiveDateTime, NaiveTime};
use migration::connection::{Missing, UrlError, options};
use sea_orm::{Database, DatabaseConnection, DbErr};

use crate::clock::SystemClock;
use crate::config::{AuditSettings, DatabaseUrl, JobSettings};
use crate::finance::FinanceError;
use crate::finance::audit::audit;
use crate::finance::change::{Actor, Refusal, expire_refunds};

/// Why a job did not end well.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The database URL is of no use.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The database cannot be reached.
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    /// The books could not be read.
    #[error("{0}")]
    Finance(#[from] FinanceError),
    /// What was found could not be printed.
    #[error("{0}")]
    Output(#[from] std::io::Error),
    /// A change could not be made.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// `finance-api audit`: prints each breach and what was looked at. Tells whether the books are right.
///
/// # Errors
/// When the database fails, or standard output does.
pub async fn check_books(settings: &AuditSettings) -> Result<bool, JobError> {
    let db = connect(&settings.database_url, settings.database_timeout).await?;
    let takeover = settings
        .takeover
        .map_or(NaiveDateTime::MIN, |day| day.and_time(NaiveTime::MIN));
    let mut out = std::io::stdout().lock();
    let mut written = Ok(());
    let audited = audit(&db, takeover, |breach| {
        let rule: &str = breach.rule.into();
        let of = match breach.row {
            Some((table, id)) => format!("{table} {id}"),
            None => "account".to_owned(),
        };
        let old = if breach.is_old { "old  " } else { "" };
        let line = writeln!(
            out,
            "{old}{rule}  client {}  {of}  {}",
            breach.client_id, breach.found
        );
        if written.is_ok() {
            written = line;
        }
    })
    .await?;
    written?;
    writeln!(
        out,
        "{} clients, {} breaches, {} by rows from before the takeover",
        audited.clients, audited.breaches, audited.old
    )?;
    Ok(audited.breaches == 0)
}

async fn connect(url: &DatabaseUrl, timeout: Duration) -> Result<DatabaseConnection, JobError> {
    let mut options = options(url.reveal(), Missing::Refuse)?;
    options
        .max_connections(2)
        .acquire_timeout(timeout)
        .connect_timeout(timeout)
        .set_application_name("finance-api");
    Ok(Database::connect(options).await?)
}

/// `finance-api expire-refunds`. Gives how many were ended.
///
/// # Errors
/// When the database fails.
pub async fn expire(settings: &JobSettings) -> Result<usize, JobError> {
    let db = connect(&settings.database_url, settings.database_timeout).await?;
    let actor = Actor {
        user_id: settings.system_user,
        is_manager: false,
        caller: "job:expire-refunds".to_owned(),
        clock: SystemClock::shared(),
        four_eyes: false,
    };
    Ok(expire_refunds(&db, &actor).await?)
}
