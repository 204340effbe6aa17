//! Seeing what others do to the schema: every DDL statement, and every write by a role that is not
//! the service's own. It lives in a schema of its own, so that it is no drift.
//!
//! Notes are appended, never counted up in place, and a note that fails is dropped: a foreign write
//! is never blocked, failed or made to wait for another.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseTransaction, TransactionTrait};
use serde::Serialize;

use super::catalog::{Catalog, WATCH_TRIGGER};
use super::{OwnershipError, any, execute, ident, literal, needs_postgres, rows, texts};
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
    /// It is refused, unless it comes from the schema's owner.
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

/// Turns it on, or brings it up to date: new tables, another mode, other roles of our own.
///
/// # Errors
/// When the connected role may not, a table is in use for too long, or the database fails.
pub async fn turn_on(
    runner: &Runner,
    mode: Mode,
    own: &[String],
) -> Result<TurnedOn, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    let transaction = db.begin().await?;
    let live = Catalog::read(&transaction, SCHEMA).await?;
    let tables = live.tables().map(str::to_owned).collect::<Vec<_>>();
    if tables.is_empty() {
        return Err(OwnershipError::Refused(format!(
            "there is no table in schema {SCHEMA} of this database: is it the right one?"
        )));
    }
    transaction.execute_unprepared(SET_UP).await?;
    let mut own = own.to_vec();
    own.extend(texts(&transaction, "SELECT current_user::text", &[]).await?);
    let owner = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = $1";
    own.extend(texts(&transaction, owner, &[SCHEMA]).await?);
    own.sort();
    own.dedup();
    let own = own
        .iter()
        .map(|role| literal(role))
        .collect::<Vec<_>>()
        .join(", ");
    let mut statements = vec![format!(
        "UPDATE {WATCH_SCHEMA}.setting SET mode = '{}', own_roles = ARRAY[{own}]::text[]",
        mode.word()
    )];
    for table in &tables {
        statements.extend(watch_table(table, &own));
    }
    execute(&transaction, &statements).await?;
    let ddl = note_ddl(&transaction).await?;
    transaction.commit().await?;
    Ok(TurnedOn {
        tables: tables.len(),
        ddl,
    })
}

/// The triggers of one table. The condition stands outside the function, so that the service's own
/// writes do not even call it.
fn watch_table(table: &str, own: &str) -> Vec<String> {
    let name = format!("{SCHEMA}.{}", ident(table));
    let trigger = |what: &str, events: &str| {
        format!(
            "CREATE OR REPLACE TRIGGER {WATCH_TRIGGER}{what} AFTER {events} ON {name} \
             FOR EACH STATEMENT WHEN (NOT current_user = ANY (ARRAY[{own}]::name[])) \
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
    let transaction = db.begin().await?;
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
    AND NOT t.tgisinternal AND t.tgname LIKE 'zz\\_watch\\_%'";

/// How things stand.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Status {
    /// Whether writes are noted at all.
    pub is_on: bool,
    /// `observe` or `enforce`; none if it was never on.
    pub mode: Option<String>,
    /// Whether DDL is noted.
    pub ddl: bool,
    /// Roles whose writes are not noted.
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
        own_roles: vec![],
        unwatched: vec![],
    };
    if !is_set_up(db).await? {
        return Ok(status);
    }
    status.is_on = is_on(db).await?;
    let ddl = "SELECT 1 FROM pg_event_trigger WHERE evtname = 'supervision_finance_watch_ddl'";
    status.ddl = any(db, ddl, &[]).await?;
    let setting = format!("SELECT mode, array_to_json(own_roles) FROM {WATCH_SCHEMA}.setting");
    if let Some(row) = rows(db, &setting, &[]).await?.first() {
        status.mode = row.try_get_by_index(0)?;
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

/// Whether writes are noted.
pub(super) async fn is_on(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(is_set_up(db).await? && any(db, TRIGGERS, &[SCHEMA]).await?)
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
pub(super) async fn writes_of(
    db: &impl ConnectionTrait,
    role: &str,
    days: u32,
) -> Result<Vec<Writes>, DbErr> {
    let days = format!("{days} days");
    let filter = "role_name = $1 AND at >= now() - $2::interval";
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

/// Tables without keys: appending to them makes nobody wait. Functions run as their owner, with a
/// search path of their own.
const SET_UP: &str = r#"
CREATE SCHEMA IF NOT EXISTS supervision_finance_watch;
CREATE TABLE IF NOT EXISTS supervision_finance_watch.setting (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mode text NOT NULL DEFAULT 'observe',
    own_roles text[] NOT NULL DEFAULT '{}'
);
INSERT INTO supervision_finance_watch.setting DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS supervision_finance_watch.foreign_write (
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role_name text NOT NULL,
    table_name text NOT NULL,
    operation text NOT NULL
);
CREATE TABLE IF NOT EXISTS supervision_finance_watch.ddl (
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role_name text NOT NULL,
    application text NOT NULL,
    command text NOT NULL,
    object text NOT NULL,
    statement text NOT NULL
);
CREATE OR REPLACE FUNCTION supervision_finance_watch.actor() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog AS
    $$ SELECT coalesce(nullif(current_setting('role', true), 'none'), session_user)::text $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.note_write() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO supervision_finance_watch.foreign_write (role_name, table_name, operation)
    VALUES (supervision_finance_watch.actor(), TG_TABLE_NAME, TG_OP);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.note_ddl(command text, object text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    is_enforced boolean := false;
    is_owner boolean := true;
BEGIN
    SELECT s.mode = 'enforce', pg_has_role(supervision_finance_watch.actor(), n.nspowner, 'MEMBER')
    INTO is_enforced, is_owner
    FROM supervision_finance_watch.setting s
    LEFT JOIN pg_namespace n ON n.nspname = 'supervision_finance';
    IF is_enforced AND NOT is_owner THEN
        RAISE EXCEPTION 'schema supervision_finance is changed by its owner''s migrations only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    BEGIN
        INSERT INTO supervision_finance_watch.ddl (role_name, application, command, object, statement)
        VALUES (supervision_finance_watch.actor(), current_setting('application_name'), command,
            object, current_query());
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
END $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.on_ddl() RETURNS event_trigger
    LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    done record;
BEGIN
    FOR done IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
        IF done.object_identity ~ '^"?supervision_finance"?(\.|$)'
            OR done.schema_name = 'supervision_finance'
            OR (done.command_tag IN ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES')
                AND current_query() ~ 'supervision_finance([^_]|$)')
        THEN
            PERFORM supervision_finance_watch.note_ddl(done.command_tag,
                coalesce(done.object_identity, 'supervision_finance'));
        END IF;
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.on_drop() RETURNS event_trigger
    LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    dropped record;
BEGIN
    FOR dropped IN SELECT * FROM pg_event_trigger_dropped_objects() LOOP
        IF (dropped.original OR dropped.normal) AND (dropped.schema_name = 'supervision_finance'
            OR dropped.object_identity ~ '^"?supervision_finance"?(\.|$)')
        THEN
            PERFORM supervision_finance_watch.note_ddl(TG_TAG, dropped.object_identity);
        END IF;
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA supervision_finance_watch TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA supervision_finance_watch TO PUBLIC;
"#;

const EVENT_TRIGGERS: &str = "
DROP EVENT TRIGGER IF EXISTS supervision_finance_watch_ddl;
DROP EVENT TRIGGER IF EXISTS supervision_finance_watch_drop;
CREATE EVENT TRIGGER supervision_finance_watch_ddl ON ddl_command_end
    EXECUTE FUNCTION supervision_finance_watch.on_ddl();
CREATE EVENT TRIGGER supervision_finance_watch_drop ON sql_drop
    EXECUTE FUNCTION supervision_finance_watch.on_drop();
";
