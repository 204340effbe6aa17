//! Commands that run once and end.

use std::io::Write;

use chrono::{NaiveDateTime, NaiveTime};
use sea_orm::DatabaseConnection;

use crate::clock::SystemClock;
use crate::config::{AuditSettings, DatabaseSettings, EventsCommand, EventsSettings, JobSettings};
use crate::database::{ConnectError, Pool, Purpose, When, connect};
use crate::finance::audit::audit;
use crate::finance::change::{Actor, Refusal, expire_refunds};
use crate::finance::outbox;
use crate::finance::{ChangedClients, FinanceError};

/// A command's own connections. Its statements take as long as they take.
fn pool(settings: &DatabaseSettings, purpose: Purpose) -> Pool {
    Pool {
        size: 2,
        timeout: settings.timeout,
        when: When::Now,
        purpose,
        statement_limit: None,
    }
}

async fn open(
    settings: &DatabaseSettings,
    purpose: Purpose,
) -> Result<DatabaseConnection, ConnectError> {
    connect(&settings.url, pool(settings, purpose)).await
}

/// Why a job did not end well.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is no database to work on.
    #[error(transparent)]
    Connect(#[from] ConnectError),
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
    // A replica will do.
    let db = open(&settings.database, Purpose::Read).await?;
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

/// `finance-api expire-refunds`. Gives how many were ended.
///
/// # Errors
/// When the database fails.
pub async fn expire(settings: &JobSettings) -> Result<usize, JobError> {
    let db = open(&settings.database, Purpose::Write).await?;
    let actor = Actor {
        user_id: settings.system_user,
        is_manager: false,
        caller: "job:expire-refunds".to_owned(),
        clock: SystemClock::shared(),
        four_eyes: false,
        // Who watches, watches a server.
        changed_clients: ChangedClients::default(),
    };
    Ok(expire_refunds(&db, &actor).await?)
}

/// The most events that a list shows.
const LISTED: u64 = 1_000;

/// `finance-api events`: lists what waits and what was given up, or has that sent again.
///
/// # Errors
/// When the database fails, or standard output does.
pub async fn events(settings: &EventsSettings) -> Result<(), JobError> {
    let db = open(&settings.database, Purpose::Write).await?;
    let now = SystemClock::shared().now().naive_utc();
    let mut out = std::io::stdout().lock();
    match &settings.command {
        EventsCommand::List => {
            let state = outbox::state(&db).await?;
            let since = state.oldest.map(|it| format!(", the oldest since {it}"));
            let since = since.unwrap_or_default();
            writeln!(out, "{} wait{since}", state.waiting)?;
            writeln!(out, "{} given up", state.parked)?;
            for event in outbox::parked(&db, LISTED).await? {
                writeln!(
                    out,
                    "{}  {}  client {}  of {}  tried {} times  {}",
                    event.event_id,
                    event.detail_type,
                    event.client_id,
                    event.created_at,
                    event.attempts,
                    event.last_error.as_deref().unwrap_or_default()
                )?;
            }
        }
        EventsCommand::Resend { ids, all } => {
            let ids = (!all).then_some(ids.as_slice());
            let count = outbox::resend(&db, ids, now).await?;
            writeln!(out, "{count} will be sent again")?;
        }
    }
    Ok(())
}
