//! What can go wrong between a rule and its rows.

use sea_orm::{DbErr, RuntimeErr, sqlx};

use super::money::Overflow;

/// Why there is no answer. The texts are for operators: they hold no row and no SQL, but the
/// sources may.
#[derive(Debug, thiserror::Error)]
pub enum FinanceError {
    /// The database cannot be reached, or cannot serve now; trying again may succeed.
    #[error("the database is unavailable")]
    Unavailable(#[source] DbErr),
    /// The database answered with something that should not happen.
    #[error("the database failed")]
    Database(#[source] DbErr),
    /// Too many changes wait already; trying again may succeed.
    #[error("too many changes at once")]
    Busy,
    /// The change ended without telling how.
    #[error("a change was lost")]
    Lost,
    /// A sum does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl FinanceError {
    /// What an operator may read of the cause. PostgreSQL's own text is left out where it may hold what
    /// somebody has entered: data exceptions, violated constraints, faults that a trigger raises.
    pub fn cause(&self) -> Option<String> {
        let (Self::Unavailable(error) | Self::Database(error)) = self else {
            return None;
        };
        let (DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
        else {
            return Some(error.to_string());
        };
        let sqlx::Error::Database(database) = &**inner else {
            return Some(inner.to_string());
        };
        let code = database.code().unwrap_or_default();
        let may_hold_values = ["22", "23", "P0"]
            .iter()
            .any(|class| code.starts_with(class));
        Some(match (may_hold_values, database.constraint()) {
            (false, _) => format!("{code}: {}", database.message()),
            (true, Some(constraint)) => format!("{code}: {constraint}"),
            (true, None) => code.into_owned(),
        })
    }
}

impl From<DbErr> for FinanceError {
    fn from(error: DbErr) -> Self {
        if is_unavailable(&error) {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

fn is_unavailable(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
            is_driver_unavailable(inner)
        }
        _ => false,
    }
}

fn is_driver_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database
            .code()
            .is_some_and(|code| is_code_unavailable(&code)),
        _ => false,
    }
}

/// PostgreSQL: connection exceptions (class 08), a deadlock or conflict that another try resolves, a
/// lock not had in time, a resource that has run out (class 53: connections, memory, the disk), a disk
/// that fails, a statement that took too long, shutting down or starting up, a standby. SQLite: busy,
/// full, cannot open.
fn is_code_unavailable(code: &str) -> bool {
    code.starts_with("08")
        || code.starts_with("53")
        || matches!(
            code,
            "40001"
                | "40P01"
                | "55P03"
                | "57014"
                | "57P01"
                | "57P02"
                | "57P03"
                | "25006"
                | "58030"
                | "5"
                | "13"
                | "14"
        )
}
