//! Seeing what others do to the schema: every DDL statement, and every write by a role that is not
//! the service's own. It lives in a schema of its own, so that it is no drift.
//!
//! Notes are appended, never counted up in place, and a note that fails is dropped: a foreign write
//! is never blocked, failed or made to wait for another.

mod notes;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseTransaction, TransactionTrait};
use serde::Serialize;

pub use self::notes::{Changes, Ddl, Writes, changes};
pub(super) use self::notes::{gap, writes_of};
use super::catalog::{Catalog, WATCH_TRIGGER};
use super::{
    OwnershipError, any, execute, ident, literal, lock_together, needs_postgres, rows, texts,
};
use crate::connection::SCHEMA;
use crate::runner::Runner;
use crate::sqlstate::{INSUFFICIENT_PRIVILEGE, sqlstate};

/// Where notes are kept.
pub const WATCH_SCHEMA: &str = "supervision_finance_watch";

/// What is done about DDL by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// It is noted.
    Observe,
    /// It is refused, unless it comes from the schema's owner, a member of it, or a superuser.
    Enforce,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

/// What `watch on` has set up.
#[derive(Debug, PartialEq, Eq)]
pub struct TurnedOn {
    /// Tables whose writes are noted.
    pub tables: usize,
    /// Whether DDL is noted: not where the server keeps event triggers from this role.
    pub ddl: bool,
}

/// Turns it on, or brings it up to date: new tables, another mode, more roles of our own. What is
/// not given stays as it was.
///
/// # Errors
/// When the connected role may not, a table is in use for too long, or the database fails.
pub async fn turn_on(
    runner: &Runner,
    mode: Option<Mode>,
    own: &[String],
) -> Result<TurnedOn, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    let live = Catalog::read(db, SCHEMA).await?;
    let tables = live.tables().map(str::to_owned).collect::<Vec<_>>();
    if tables.is_empty() {
        return Err(OwnershipError::Refused(format!(
            "there is no table in schema {SCHEMA} of this database: is it the right one?"
        )));
    }
    let transaction = lock_together(db, &tables, "SHARE ROW EXCLUSIVE").await?;
    hold_the_watch(&transaction).await?;
    transaction.execute_unprepared(SET_UP).await?;
    let was_on = any(&transaction, TRIGGERS, &[SCHEMA]).await?;
    let own = own
        .iter()
        .map(|role| literal(role))
        .collect::<Vec<_>>()
        .join(", ");
    let mode = mode.map_or("mode".to_owned(), |mode| literal(mode.word()));
    let since = if was_on { "since" } else { "now()" };
    transaction
        .execute_unprepared(&format!(
            "UPDATE {WATCH_SCHEMA}.setting SET mode = {mode}, since = {since}, own_roles = (
                SELECT array_agg(DISTINCT role ORDER BY role) FROM (
                    SELECT unnest(own_roles || ARRAY[{own}]::text[]) AS role
                    UNION SELECT current_user::text
                    UNION SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace
                        WHERE nspname = '{SCHEMA}') named)"
        ))
        .await?;
    // Members log in under names of their own.
    let members = "SELECT r.rolname::text FROM pg_roles r, supervision_finance_watch.setting s
        WHERE r.rolname = ANY (s.own_roles) OR (NOT r.rolsuper AND EXISTS (
            SELECT 1 FROM pg_roles o WHERE o.rolname = ANY (s.own_roles) AND NOT o.rolsuper
            AND pg_has_role(r.oid, o.oid, 'MEMBER'))) ORDER BY 1";
    let members = texts(&transaction, members, &[]).await?;
    let members = members
        .iter()
        .map(|role| literal(role))
        .collect::<Vec<_>>()
        .join(", ");
    let statements = tables
        .iter()
        .flat_map(|table| watch_table(table, &members))
        .collect::<Vec<_>>();
    execute(&transaction, &statements).await?;
    let ddl = note_ddl(&transaction).await?;
    transaction.commit().await?;
    Ok(TurnedOn {
        tables: tables.len(),
        ddl,
    })
}

/// Makes the connected role the holder of the watch. Its functions run with their owner's rights,
/// and event triggers on everybody's behalf: they must belong to whoever sets them up, never to a
/// lesser role that could change them afterwards.
async fn hold_the_watch(transaction: &DatabaseTransaction) -> Result<(), OwnershipError> {
    let sql = "SELECT pg_get_userbyid(nspowner)::text, (SELECT rolsuper FROM pg_roles
            WHERE rolname = current_user), pg_get_userbyid(nspowner) = current_user
        FROM pg_namespace WHERE nspname = $1";
    let found = rows(transaction, sql, &[WATCH_SCHEMA]).await?;
    let Some(row) = found.first() else {
        return Ok(());
    };
    let (holder, is_super, is_ours): (String, bool, bool) = (
        row.try_get_by_index(0)?,
        row.try_get_by_index(1)?,
        row.try_get_by_index(2)?,
    );
    if is_ours {
        return Ok(());
    }
    if !is_super {
        return Err(OwnershipError::Refused(format!(
            "the watch belongs to {holder}, who set it up: run this as {holder}"
        )));
    }
    let owned = "SELECT format('ALTER %s %s OWNER TO CURRENT_USER', kind, name) FROM (
            SELECT 'SCHEMA' AS kind, quote_ident($1) AS name
            UNION ALL SELECT 'TABLE', oid::regclass::text FROM pg_class
                WHERE relnamespace = to_regnamespace($1) AND relkind = 'r'
            UNION ALL SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc
                WHERE pronamespace = to_regnamespace($1)) things";
    let statements = texts(transaction, owned, &[WATCH_SCHEMA]).await?;
    Ok(execute(transaction, &statements).await?)
}

/// The triggers of one table. The condition stands outside the function, so that the service's own
/// writes do not even call it. It asks for the session's role: what a foreign key's cascade does,
/// the table's owner does by name.
fn watch_table(table: &str, own: &str) -> Vec<String> {
    let name = format!("{SCHEMA}.{}", ident(table));
    let trigger = |what: &str, events: &str| {
        format!(
            "CREATE OR REPLACE TRIGGER {WATCH_TRIGGER}{what} AFTER {events} ON {name} \
             FOR EACH STATEMENT WHEN (NOT coalesce(nullif(current_setting('role', true), 'none'), \
             session_user::text) = ANY (ARRAY[{own}]::text[])) \
             EXECUTE FUNCTION {WATCH_SCHEMA}.note_write()"
        )
    };
    vec![
        trigger("write", "INSERT OR UPDATE OR DELETE"),
        trigger("truncate", "TRUNCATE"),
    ]
}

/// Event triggers want a superuser, or what a hosted server has in its place.
async fn note_ddl(transaction: &DatabaseTransaction) -> Result<bool, OwnershipError> {
    let attempt = transaction.begin().await?;
    match attempt.execute_unprepared(EVENT_TRIGGERS).await {
        Ok(_) => {
            attempt.commit().await?;
            Ok(true)
        }
        Err(error) if sqlstate(&error).as_deref() == Some(INSUFFICIENT_PRIVILEGE) => {
            attempt.rollback().await?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Turns it off. What was noted stays.
///
/// # Errors
/// When the connected role may not, a table is in use for too long, or the database fails.
pub async fn turn_off(runner: &Runner) -> Result<(), OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    let mut watched = Vec::new();
    for row in rows(db, TRIGGERS, &[SCHEMA]).await? {
        watched.push(row.try_get_by_index::<String>(0)?);
    }
    watched.dedup();
    let transaction = match watched.as_slice() {
        [] => db.begin().await?,
        // What dropping a trigger takes.
        tables => lock_together(db, tables, "ACCESS EXCLUSIVE").await?,
    };
    let mut statements = vec![
        "DROP EVENT TRIGGER IF EXISTS supervision_finance_watch_ddl".to_owned(),
        "DROP EVENT TRIGGER IF EXISTS supervision_finance_watch_drop".to_owned(),
    ];
    for row in rows(&transaction, TRIGGERS, &[SCHEMA]).await? {
        let (table, trigger): (String, String) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        statements.push(format!(
            "DROP TRIGGER {} ON {SCHEMA}.{}",
            ident(&trigger),
            ident(&table)
        ));
    }
    execute(&transaction, &statements).await?;
    transaction.commit().await?;
    Ok(())
}

const TRIGGERS: &str = "SELECT c.relname::text, t.tgname::text FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = to_regnamespace($1)
    AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgname LIKE 'zz\\_watch\\_%' ORDER BY 1";

/// How things stand.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Status {
    /// Whether writes are noted at all.
    pub is_on: bool,
    /// `observe` or `enforce`; none if it was never on.
    pub mode: Option<String>,
    /// Whether DDL is noted.
    pub ddl: bool,
    /// Since when writes have been noted without a break, UTC.
    pub since: Option<String>,
    /// Roles whose writes, and whose members' writes, are not noted.
    pub own_roles: Vec<String>,
    /// Tables made since, whose writes are not noted: `watch on` again takes them in.
    pub unwatched: Vec<String>,
}

/// How things stand.
///
/// # Errors
/// When the database fails.
pub async fn status(runner: &Runner) -> Result<Status, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    let mut status = Status {
        is_on: false,
        mode: None,
        ddl: false,
        since: None,
        own_roles: vec![],
        unwatched: vec![],
    };
    if !is_set_up(db).await? {
        return Ok(status);
    }
    status.is_on = is_on(db).await?;
    let ddl = "SELECT 1 FROM pg_event_trigger WHERE evtname = 'supervision_finance_watch_ddl'";
    status.ddl = any(db, ddl, &[]).await?;
    let setting = format!(
        "SELECT mode, array_to_json(own_roles), to_char(since AT TIME ZONE 'UTC', \
         'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM {WATCH_SCHEMA}.setting"
    );
    if let Some(row) = rows(db, &setting, &[]).await?.first() {
        status.mode = row.try_get_by_index(0)?;
        status.since = row.try_get_by_index(2)?;
        let own: serde_json::Value = row.try_get_by_index(1)?;
        let own = own.as_array().into_iter().flatten();
        status.own_roles = own
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect();
    }
    let mut watched = Vec::new();
    for row in rows(db, TRIGGERS, &[SCHEMA]).await? {
        watched.push(row.try_get_by_index::<String>(0)?);
    }
    let live = Catalog::read(db, SCHEMA).await?;
    let unwatched = live
        .tables()
        .filter(|table| !watched.iter().any(|it| it == table));
    status.unwatched = unwatched.map(str::to_owned).collect();
    Ok(status)
}

async fn is_set_up(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = "SELECT 1 FROM pg_class WHERE oid = to_regclass($1)";
    any(db, sql, &[&format!("{WATCH_SCHEMA}.foreign_write")]).await
}

/// Whether any writes are noted.
async fn is_on(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(is_set_up(db).await? && any(db, TRIGGERS, &[SCHEMA]).await?)
}

/// Tables, functions and rights of the watch; safe to repeat.
const SET_UP: &str = include_str!("set_up.sql");

/// What makes the database tell of DDL.
const EVENT_TRIGGERS: &str = include_str!("event_triggers.sql");
