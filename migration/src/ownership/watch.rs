//! Seeing what others do to the schema: every DDL statement, and every write by a role that is not
//! the service's own. It lives in a schema of its own, so that it is no drift.
//!
//! Notes are appended, never counted up in place, and a note that fails is dropped: a foreign write
//! is never blocked, failed or made to wait for another.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseTransaction, TransactionTrait};
use serde::Serialize;

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

/// Why what was noted does not tell of so many days; none if it does.
pub(super) async fn gap(db: &impl ConnectionTrait, days: u32) -> Result<Option<String>, DbErr> {
    if !is_on(db).await? {
        return Ok(Some("watch is off".to_owned()));
    }
    let unwatched = "SELECT c.relname::text FROM pg_class c
        WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p')
        AND c.relname NOT IN ('seaql_migrations', 'schema_adoption', 'goose_db_version')
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
pub(super) async fn writes_of(
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

/// Tables without keys: appending to them makes nobody wait. Functions run as their owner, with a
/// search path of their own, and nobody else may call them. `member` remembers what belongs to the
/// schema, so that what is moved or renamed away is still known.
const SET_UP: &str = r#"
CREATE SCHEMA IF NOT EXISTS supervision_finance_watch;
CREATE TABLE IF NOT EXISTS supervision_finance_watch.setting (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mode text NOT NULL DEFAULT 'observe',
    since timestamptz NOT NULL DEFAULT now(),
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
CREATE TABLE IF NOT EXISTS supervision_finance_watch.member (object oid NOT NULL);
TRUNCATE supervision_finance_watch.member;
INSERT INTO supervision_finance_watch.member
    SELECT oid FROM pg_namespace WHERE nspname = 'supervision_finance'
    UNION ALL SELECT oid FROM pg_class WHERE relnamespace = 'supervision_finance'::regnamespace;
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
CREATE OR REPLACE FUNCTION supervision_finance_watch.note_ddl(
    command text, object text, may_refuse boolean)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    is_refused boolean := false;
BEGIN
    BEGIN
        SELECT may_refuse AND s.mode = 'enforce'
            AND NOT pg_has_role(supervision_finance_watch.actor(), n.nspowner, 'MEMBER')
        INTO is_refused
        FROM supervision_finance_watch.setting s
        JOIN pg_namespace n ON n.nspname = 'supervision_finance';
        INSERT INTO supervision_finance_watch.ddl (role_name, application, command, object, statement)
        VALUES (supervision_finance_watch.actor(), current_setting('application_name'), command,
            object, current_query());
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    IF is_refused THEN
        RAISE EXCEPTION 'schema supervision_finance is changed by its owner''s migrations only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.on_ddl() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    done record;
    is_member boolean;
BEGIN
    FOR done IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
        BEGIN
            is_member := EXISTS (
                SELECT 1 FROM supervision_finance_watch.member m WHERE m.object = done.objid);
        EXCEPTION WHEN OTHERS THEN
            is_member := false;
        END;
        IF is_member OR done.schema_name = 'supervision_finance'
            OR done.object_identity ~ '(^| on )"?supervision_finance"?(\.|$)'
        THEN
            PERFORM supervision_finance_watch.note_ddl(
                done.command_tag, coalesce(done.object_identity, 'supervision_finance'), true);
            BEGIN
                INSERT INTO supervision_finance_watch.member
                SELECT done.objid WHERE NOT is_member AND done.classid = 'pg_class'::regclass;
            EXCEPTION WHEN OTHERS THEN
                NULL;
            END;
        -- PostgreSQL does not say on what: known by its text, so noted and never refused.
        ELSIF done.command_tag IN ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES')
            AND (current_query() ~ 'supervision_finance([^_]|$)'
                OR 'supervision_finance' = ANY (current_schemas(false)))
        THEN
            PERFORM supervision_finance_watch.note_ddl(done.command_tag, 'supervision_finance', false);
        END IF;
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.on_drop() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    dropped record;
BEGIN
    FOR dropped IN SELECT * FROM pg_event_trigger_dropped_objects() LOOP
        IF (dropped.original OR dropped.normal) AND (dropped.schema_name = 'supervision_finance'
            OR dropped.object_identity ~ '(^| on )"?supervision_finance"?(\.|$)')
        THEN
            PERFORM supervision_finance_watch.note_ddl(TG_TAG, dropped.object_identity, true);
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON SCHEMA supervision_finance_watch FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA supervision_finance_watch FROM PUBLIC;
DO $$ DECLARE owner text;
BEGIN
    SELECT quote_ident(pg_get_userbyid(nspowner)) INTO owner FROM pg_namespace
    WHERE nspname = 'supervision_finance';
    EXECUTE 'GRANT USAGE ON SCHEMA supervision_finance_watch TO ' || owner;
    EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA supervision_finance_watch TO ' || owner;
END $$;
"#;

const EVENT_TRIGGERS: &str = "
DROP EVENT TRIGGER IF EXISTS supervision_finance_watch_ddl;
DROP EVENT TRIGGER IF EXISTS supervision_finance_watch_drop;
CREATE EVENT TRIGGER supervision_finance_watch_ddl ON ddl_command_end
    EXECUTE FUNCTION supervision_finance_watch.on_ddl();
CREATE EVENT TRIGGER supervision_finance_watch_drop ON sql_drop
    EXECUTE FUNCTION supervision_finance_watch.on_drop();
";
