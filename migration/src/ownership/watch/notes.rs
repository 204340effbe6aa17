//! What was noted, and how far it tells.

use sea_orm_migration::prelude::*;
use serde::Serialize;

use super::{WATCH_SCHEMA, is_on, is_set_up};
use crate::connection::SCHEMA;
use crate::ownership::{OwnershipError, needs_postgres, rows, texts};
use crate::runner::Runner;

/// Why what was noted does not tell of so many days; none if it does.
pub(in crate::ownership) async fn gap(
    db: &impl ConnectionTrait,
    days: u32,
) -> Result<Option<String>, DbErr> {
    if !is_on(db).await? {
        return Ok(Some("watch is off".to_owned()));
    }
    let unwatched = "SELECT c.relname::text FROM pg_class c
        WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p')
        AND c.relname NOT IN ('seaql_migrations', 'schema_adoption', 'goose_db_version',
            'guarded_role')
        AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid
            AND t.tgenabled <> 'D' AND t.tgname LIKE 'zz\\_watch\\_%') ORDER BY 1";
    let unwatched = texts(db, unwatched, &[SCHEMA]).await?;
    if !unwatched.is_empty() {
        return Ok(Some(format!(
            "writes to {} are not noted",
            unwatched.join(", ")
        )));
    }
    let since = format!(
        "SELECT since::date::text FROM {WATCH_SCHEMA}.setting WHERE since > now() - $1::interval"
    );
    let since = texts(db, &since, &[&format!("{days} days")]).await?;
    Ok(since
        .first()
        .map(|since| format!("watch is on only since {since}")))
}

/// Writes of a role to a table on one day.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Writes {
    /// The day, `YYYY-MM-DD`, UTC.
    pub day: String,
    /// The role.
    pub role: String,
    /// The table.
    pub table_name: String,
    /// INSERT, UPDATE, DELETE or TRUNCATE.
    pub operation: String,
    /// How many statements.
    pub statements: i64,
}

/// A DDL statement that touched the schema.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Ddl {
    /// When, UTC.
    pub at: String,
    /// Who.
    pub role: String,
    /// By what program.
    pub application: String,
    /// What kind of statement, such as `ALTER TABLE`.
    pub command: String,
    /// What it touched.
    pub object: String,
    /// Its text.
    pub statement: String,
}

/// What others did.
#[derive(Debug, Serialize)]
pub struct Changes {
    /// DDL, oldest first.
    pub ddl: Vec<Ddl>,
    /// Writes, summed by day.
    pub writes: Vec<Writes>,
}

/// What was noted since an instant or for a span (`2026-11-01`, `7 days`).
///
/// # Errors
/// When nothing was ever noted, `since` is no time, or the database fails.
pub async fn changes(runner: &Runner, since: &str) -> Result<Changes, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    if !is_set_up(db).await? {
        return Err(OwnershipError::Refused(
            "nothing was noted yet: turn it on by `migration watch on`".to_owned(),
        ));
    }
    let since = instant(db, since).await?;
    let mut changes = Changes {
        ddl: Vec::new(),
        writes: Vec::new(),
    };
    let sql = format!(
        "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), role_name,
             application, command, object, statement
         FROM {WATCH_SCHEMA}.ddl WHERE at >= $1::timestamptz ORDER BY at"
    );
    for row in rows(db, &sql, &[&since]).await? {
        changes.ddl.push(Ddl {
            at: row.try_get_by_index(0)?,
            role: row.try_get_by_index(1)?,
            application: row.try_get_by_index(2)?,
            command: row.try_get_by_index(3)?,
            object: row.try_get_by_index(4)?,
            statement: row.try_get_by_index(5)?,
        });
    }
    changes.writes = summed(db, "at >= $1::timestamptz", &[&since]).await?;
    Ok(changes)
}

/// A span before now, or an instant, as PostgreSQL reads them.
async fn instant(db: &impl ConnectionTrait, since: &str) -> Result<String, OwnershipError> {
    for sql in [
        "SELECT (now() - $1::interval)::text",
        "SELECT $1::timestamptz::text",
    ] {
        if let Ok(texts) = texts(db, sql, &[since]).await {
            return Ok(texts.concat());
        }
    }
    Err(OwnershipError::Refused(format!(
        "{since} is neither a span, such as `7 days`, nor a time, such as 2026-11-01"
    )))
}

/// Writes of a role in the last days, summed over them.
pub(in crate::ownership) async fn writes_of(
    db: &impl ConnectionTrait,
    role: &str,
    days: u32,
) -> Result<Vec<Writes>, DbErr> {
    let days = format!("{days} days");
    // What members write, the role's rights let them write.
    let filter = "at >= now() - $2::interval AND (role_name = $1 OR EXISTS (
        SELECT 1 FROM pg_roles m, pg_roles r WHERE m.rolname = role_name AND r.rolname = $1
        AND NOT m.rolsuper AND pg_has_role(m.oid, r.oid, 'MEMBER')))";
    let mut sums: Vec<Writes> = Vec::new();
    for it in summed(db, filter, &[role, &days]).await? {
        let same =
            |sum: &&mut Writes| sum.table_name == it.table_name && sum.operation == it.operation;
        match sums.iter_mut().find(same) {
            Some(sum) => sum.statements = sum.statements.saturating_add(it.statements),
            None => sums.push(it),
        }
    }
    Ok(sums)
}

async fn summed(
    db: &impl ConnectionTrait,
    filter: &str,
    parameters: &[&str],
) -> Result<Vec<Writes>, DbErr> {
    let sql = format!(
        "SELECT (at AT TIME ZONE 'UTC')::date::text, role_name, table_name, operation, count(*)
         FROM {WATCH_SCHEMA}.foreign_write WHERE {filter} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    );
    let mut writes = Vec::new();
    for row in rows(db, &sql, parameters).await? {
        writes.push(Writes {
            day: row.try_get_by_index(0)?,
            role: row.try_get_by_index(1)?,
            table_name: row.try_get_by_index(2)?,
            operation: row.try_get_by_index(3)?,
            statements: row.try_get_by_index(4)?,
        });
    }
    Ok(writes)
}
