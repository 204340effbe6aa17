//! Owning the schema, stage by stage (ADR 1): take it over ([`adopt`]), see drift ([`verify`]) and
//! foreign changes ([`watch`]), close it to others ([`access`]), make it stand alone
//! ([`isolation`]). PostgreSQL only: SQLite has neither roles nor other writers.

pub mod access;
pub mod adopt;
pub mod catalog;
pub mod compare;
mod grants;
mod guard;
pub mod isolation;
pub mod roles;
mod scratch;
pub mod verify;
pub mod watch;

use std::time::{Duration, Instant};

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, QueryResult, Statement, TransactionTrait,
};

use crate::connection::{SCHEMA, UrlError};
use crate::runner::RunError;
use crate::sqlstate::{INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE, sqlstate};

/// Why a command of ownership did nothing.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// The database is SQLite.
    #[error("this needs PostgreSQL: SQLite has neither roles nor other writers")]
    NeedsPostgres,
    /// The URL is of no use.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The connection or the lock could not be had.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The role may not do it.
    #[error("the connected role has no right to do this, and nothing was done: {0}")]
    NoRight(DbErr),
    /// Somebody uses a table.
    #[error("a table is in use and was not waited for any longer; nothing was done: {0}")]
    InUse(DbErr),
    /// The database refused or did not answer.
    #[error("the database: {0}")]
    Database(DbErr),
    /// No scratch database could be made.
    #[error(
        "no scratch database could be made to compare with (--scratch-url names another server): {0}"
    )]
    Scratch(DbErr),
    /// What is asked for makes no sense here.
    #[error("{0}")]
    Refused(String),
}

impl From<DbErr> for OwnershipError {
    fn from(error: DbErr) -> Self {
        match sqlstate(&error).as_deref() {
            Some(INSUFFICIENT_PRIVILEGE) => Self::NoRight(error),
            Some(LOCK_NOT_AVAILABLE) => Self::InUse(error),
            _ => Self::Database(error),
        }
    }
}

/// Refuses SQLite.
///
/// # Errors
/// [`OwnershipError::NeedsPostgres`].
pub fn needs_postgres(db: &DatabaseConnection) -> Result<(), OwnershipError> {
    match db.get_database_backend() {
        DbBackend::Postgres => Ok(()),
        _ => Err(OwnershipError::NeedsPostgres),
    }
}

/// Refuses a database without our schema: most likely the wrong one.
pub(crate) async fn needs_schema(db: &impl ConnectionTrait) -> Result<(), OwnershipError> {
    if any(
        db,
        "SELECT 1 FROM pg_namespace WHERE nspname = $1",
        &[SCHEMA],
    )
    .await?
    {
        return Ok(());
    }
    Err(OwnershipError::Refused(format!(
        "there is no schema {SCHEMA} in this database: is it the right one?"
    )))
}

/// A name as SQL has it.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL has it.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Rows of a query with text parameters.
pub(crate) async fn rows(
    db: &impl ConnectionTrait,
    sql: &str,
    parameters: &[&str],
) -> Result<Vec<QueryResult>, DbErr> {
    let values = parameters
        .iter()
        .map(|it| (*it).into())
        .collect::<Vec<Value>>();
    db.query_all_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        sql,
        values,
    ))
    .await
}

/// The first column of each row, as text.
pub(crate) async fn texts(
    db: &impl ConnectionTrait,
    sql: &str,
    parameters: &[&str],
) -> Result<Vec<String>, DbErr> {
    let rows = rows(db, sql, parameters).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Whether a query gives any row.
pub(crate) async fn any(
    db: &impl ConnectionTrait,
    sql: &str,
    parameters: &[&str],
) -> Result<bool, DbErr> {
    Ok(!rows(db, sql, parameters).await?.is_empty())
}

/// Runs statements one after another.
pub(crate) async fn execute(
    transaction: &DatabaseTransaction,
    statements: &[String],
) -> Result<(), DbErr> {
    for statement in statements {
        transaction.execute_unprepared(statement).await?;
    }
    Ok(())
}

/// A transaction that holds a lock on all of the tables. They are tried for together and without
/// waiting, again and again until the session's `lock_timeout` is over: whoever works on some of
/// them is never made to wait while others are still being had, so nobody can deadlock with us.
pub(crate) async fn lock_together(
    db: &DatabaseConnection,
    tables: &[String],
    mode: &str,
) -> Result<DatabaseTransaction, OwnershipError> {
    let patience = texts(
        db,
        "SELECT setting FROM pg_settings WHERE name = 'lock_timeout'",
        &[],
    );
    let patience = patience
        .await?
        .concat()
        .parse()
        .map_or(Duration::ZERO, Duration::from_millis);
    let names = tables
        .iter()
        .map(|it| format!("{SCHEMA}.{}", ident(it)))
        .collect::<Vec<_>>();
    let lock = format!("LOCK TABLE {} IN {mode} MODE NOWAIT", names.join(", "));
    let began = Instant::now();
    loop {
        let transaction = db.begin().await?;
        match transaction.execute_unprepared(&lock).await {
            Ok(_) => return Ok(transaction),
            Err(error) => {
                transaction.rollback().await?;
                let is_in_use = sqlstate(&error).as_deref() == Some(LOCK_NOT_AVAILABLE);
                if !is_in_use || began.elapsed() >= patience {
                    return Err(error.into());
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
