//! Commands that run once and end.

use migration::connection::{Missing, UrlError, options};
use sea_orm::{Database, DbErr};

use crate::clock::SystemClock;
use crate::config::JobSettings;
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
    /// A change could not be made.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// `finance-api expire-refunds`. Gives how many were ended.
///
/// # Errors
/// When the database fails.
pub async fn expire(settings: &JobSettings) -> Result<usize, JobError> {
    let mut options = options(settings.database_url.reveal(), Missing::Refuse)?;
    options
        .max_connections(2)
        .acquire_timeout(settings.database_timeout)
        .connect_timeout(settings.database_timeout)
        .set_application_name("finance-api");
    let db = Database::connect(options).await?;
    let actor = Actor {
        user_id: settings.system_user,
        is_manager: false,
        caller: "job:expire-refunds".to_owned(),
        now: SystemClock::shared().now().naive_utc(),
        four_eyes: false,
    };
    Ok(expire_refunds(&db, &actor).await?)
}
