//! PostgreSQL's codes, as far as they make a difference here.

use sea_orm_migration::prelude::DbErr;
use sea_orm_migration::sea_orm::{RuntimeErr, sqlx};

/// A lock was not had in time.
pub(crate) const LOCK_NOT_AVAILABLE: &str = "55P03";
/// The role may not.
pub(crate) const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// The code of an error that the database gave.
pub(crate) fn sqlstate(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))
    | DbErr::Conn(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    match inner.as_ref() {
        sqlx::Error::Database(database) => database.code().map(|code| code.into_owned()),
        _ => None,
    }
}
