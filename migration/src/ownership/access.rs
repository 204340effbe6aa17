//! Who may do what on the schema, and bringing a role to a stage.

use std::collections::BTreeSet;
use std::fmt;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseTransaction, TransactionTrait};
use serde::Serialize;

use super::catalog::BOOKKEEPING;
use super::grants::{Relations, no_access, read_only, read_write};
use super::{
    OwnershipError, any, execute, guard, ident, needs_postgres, needs_schema, rows, texts, watch,
};
use crate::connection::SCHEMA;
use crate::runner::Runner;
use crate::sqlstate::{INSUFFICIENT_PRIVILEGE, sqlstate};

/// How far a role is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Stage {
    /// Not at all.
    None,
    /// Reads.
    ReadOnly,
    /// Reads and writes rows.
    ReadWrite,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
        })
    }
}

/// What a role may do on a table, and by what.
#[derive(Debug, Serialize)]
pub struct Grant {
    /// The role.
    pub role: String,
    /// Table or sequence; `future tables` and `future sequences` for default privileges.
    pub object: String,
    /// Privileges, such as `SELECT, INSERT`.
    pub privileges: String,
    /// `owner`, `superuser`, `granted`, `inherited`, `public`. A right on some columns counts.
    pub by: String,
}

/// Everything that any role may do on the schema.
///
/// # Errors
/// When the database fails.
pub async fn show(runner: &Runner) -> Result<Vec<Grant>, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    needs_schema(db).await?;
    let mut grants = Vec::new();
    for row in rows(db, SHOW, &[SCHEMA]).await? {
        grants.push(Grant {
            role: row.try_get_by_index(0)?,
            object: row.try_get_by_index(1)?,
            privileges: row.try_get_by_index(2)?,
            by: row.try_get_by_index(3)?,
        });
    }
    Ok(grants)
}

const SHOW: &str = "
    WITH objects AS (
        SELECT c.oid, c.relname::text AS name, c.relkind, c.relowner, c.relacl FROM pg_class c
        WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    ), roles AS (
        SELECT oid, rolname::text AS role, rolsuper FROM pg_roles WHERE rolname !~ '^pg_'
    ), held AS (
        SELECT r.role, r.oid AS role_oid, r.rolsuper, o.*, p.privilege
        FROM roles r CROSS JOIN objects o
        CROSS JOIN unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE','REFERENCES',
            'TRIGGER','USAGE']) p(privilege)
        WHERE CASE WHEN o.relkind = 'S'
            THEN p.privilege IN ('SELECT', 'UPDATE', 'USAGE')
                AND has_sequence_privilege(r.oid, o.oid, p.privilege)
            WHEN p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
            THEN has_any_column_privilege(r.oid, o.oid, p.privilege)
            ELSE p.privilege <> 'USAGE' AND has_table_privilege(r.oid, o.oid, p.privilege) END
    )
    SELECT role, name, string_agg(privilege, ', ' ORDER BY privilege), min(CASE
        WHEN rolsuper THEN 'superuser'
        WHEN role_oid = relowner THEN 'owner'
        WHEN EXISTS (SELECT 1 FROM aclexplode(relacl) a WHERE a.grantee = role_oid) THEN 'granted'
        WHEN EXISTS (SELECT 1 FROM aclexplode(relacl) a WHERE a.grantee = 0) THEN 'public'
        ELSE 'inherited' END)
    FROM held GROUP BY role, name
    UNION ALL
    SELECT r.role, 'the schema itself', string_agg(p.privilege, ', ' ORDER BY p.privilege),
        min(CASE WHEN r.rolsuper THEN 'superuser' WHEN r.oid = n.nspowner THEN 'owner'
            WHEN EXISTS (SELECT 1 FROM aclexplode(n.nspacl) a WHERE a.grantee = r.oid) THEN 'granted'
            ELSE 'inherited' END)
    FROM roles r CROSS JOIN pg_namespace n CROSS JOIN unnest(ARRAY['USAGE', 'CREATE']) p(privilege)
    WHERE n.nspname = $1 AND has_schema_privilege(r.oid, n.oid, p.privilege) GROUP BY r.role
    UNION ALL
    SELECT CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END,
        CASE d.defaclobjtype WHEN 'r' THEN 'future tables' WHEN 'S' THEN 'future sequences'
            ELSE 'future ' || d.defaclobjtype::text END || ' of ' || pg_get_userbyid(d.defaclrole),
        string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), 'granted'
    FROM pg_default_acl d CROSS JOIN aclexplode(d.defaclacl) a
    WHERE d.defaclnamespace IN (to_regnamespace($1), 0)
    GROUP BY 1, 2
    ORDER BY 1, 2";

/// Brings a role to a stage in one transaction and proves it by trying as that role. Gives the
/// statements.
///
/// # Errors
/// When the role cannot be brought there, wrote lately and `force` is not given, or the proof
/// fails; in each case nothing was done.
pub async fn set(
    runner: &Runner,
    role: &str,
    stage: Stage,
    force: bool,
    dry_run: bool,
) -> Result<Vec<String>, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    let transaction = db.begin().await?;
    let owner = refuse_unfit(&transaction, role).await?;
    let is_lowered = stage < Stage::ReadWrite && may_write(&transaction, role).await?;
    if is_lowered && !force {
        refuse_writer(&transaction, role, stage).await?;
    }
    let may_try = "SELECT 1 FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'MEMBER')";
    if !dry_run && !any(&transaction, may_try, &[role]).await? {
        return Err(OwnershipError::Refused(format!(
            "to try as {role}, the connected role must be a member of it: GRANT {role} TO it first, \
             or run this as a superuser"
        )));
    }
    let relations = Relations::read(&transaction).await?;
    let mut statements = match stage {
        Stage::None => no_access(&relations, role, &owner),
        Stage::ReadOnly => read_only(&relations, role, &owner),
        Stage::ReadWrite => read_write(&relations, role, &owner),
    };
    let is_held = stage < Stage::ReadWrite;
    statements.extend(guard::hold_lowered(&transaction, role, is_held).await?);
    if dry_run {
        transaction.rollback().await?;
        return Ok(statements);
    }
    execute(&transaction, &statements).await?;
    prove(&transaction, role, stage).await?;
    transaction.commit().await?;
    Ok(statements)
}

/// The schema's owner; refuses roles that no grant can hold back.
pub(super) async fn refuse_unfit(
    transaction: &DatabaseTransaction,
    role: &str,
) -> Result<String, OwnershipError> {
    let refuse = |text: String| Err(OwnershipError::Refused(text));
    let found = rows(
        transaction,
        "SELECT r.rolsuper, pg_get_userbyid(n.nspowner)::text, EXISTS (
            SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relowner = r.oid
            AND c.relname NOT LIKE 'goose\\_db\\_version%')
         FROM pg_roles r LEFT JOIN pg_namespace n ON n.nspname = $2 WHERE r.rolname = $1",
        &[role, SCHEMA],
    )
    .await?;
    let Some(row) = found.first() else {
        return refuse(format!("there is no role {role}"));
    };
    let owner: Option<String> = row.try_get_by_index(1)?;
    let Some(owner) = owner else {
        return refuse(format!("there is no schema {SCHEMA} in this database"));
    };
    if row.try_get_by_index::<bool>(0)? {
        return refuse(format!("{role} is a superuser: no grant holds it back"));
    }
    if owner == role || row.try_get_by_index::<bool>(2)? {
        return refuse(format!(
            "{role} owns the schema or a table of it: no grant holds an owner back; \
             `migration adopt --owner` gives them to another role"
        ));
    }
    Ok(owner)
}

async fn may_write(transaction: &DatabaseTransaction, role: &str) -> Result<bool, DbErr> {
    let sql = "SELECT 1 FROM pg_class c WHERE c.relnamespace = to_regnamespace($2)
        AND c.relkind IN ('r', 'p')
        AND has_table_privilege($1, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') LIMIT 1";
    any(transaction, sql, &[role, SCHEMA]).await
}

async fn refuse_writer(
    transaction: &DatabaseTransaction,
    role: &str,
    stage: Stage,
) -> Result<(), OwnershipError> {
    if let Some(gap) = watch::gap(transaction, 7).await? {
        return Err(OwnershipError::Refused(format!(
            "it is not known what {role} wrote in the last 7 days: {gap}. Wait, or add --force to \
             set it to {stage} all the same"
        )));
    }
    let written = watch::writes_of(transaction, role, 7).await?;
    if written.is_empty() {
        return Ok(());
    }
    let tables = written
        .iter()
        .map(|it| it.table_name.as_str())
        .collect::<BTreeSet<_>>();
    let tables = tables.into_iter().collect::<Vec<_>>().join(", ");
    Err(OwnershipError::Refused(format!(
        "{role} wrote to {tables} in the last 7 days; add --force to set it to {stage} all the same"
    )))
}

/// Tries, as the role, one of each kind on each table; nothing of it stays.
async fn prove(
    transaction: &DatabaseTransaction,
    role: &str,
    stage: Stage,
) -> Result<(), OwnershipError> {
    // An identity is refused for what it is, before anybody asks for the right.
    let columns = "SELECT DISTINCT ON (c.oid) c.relname::text, a.attname::text
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p')
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
        ORDER BY c.oid, a.attnum";
    let tables = rows(transaction, columns, &[SCHEMA]).await?;
    let trial = transaction.begin().await?;
    trial
        .execute_unprepared(&format!("SET LOCAL ROLE {}", ident(role)))
        .await?;
    let mut wrong = Vec::new();
    for row in tables {
        let (table, column): (String, String) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        if BOOKKEEPING.contains(&table.as_str()) {
            continue;
        }
        for (kind, probe, from) in probes(&table, &column) {
            let attempt = trial.begin().await?;
            // A trigger's refusal, say, is not about access.
            let may = match attempt.execute_unprepared(&probe).await {
                Ok(_) => true,
                Err(error) => sqlstate(&error).as_deref() != Some(INSUFFICIENT_PRIVILEGE),
            };
            attempt.rollback().await?;
            if may != (stage >= from) {
                let verb = if may { "still may" } else { "may not" };
                wrong.push(format!("{verb} {kind} {table}"));
            }
        }
    }
    trial.rollback().await?;
    if stage < Stage::ReadWrite {
        let left = texts(transaction, LEFT_OVER, &[role, SCHEMA]).await?;
        wrong.extend(left.into_iter().map(|right| format!("still may {right}")));
        wrong.sort();
        wrong.dedup();
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(OwnershipError::Refused(format!(
        "tried as {role} after setting it to {stage}, it {}; a membership in another role or a \
         grant to PUBLIC does that (see `access show`). Nothing was changed",
        wrong.join(", ")
    )))
}

/// Rights to write that a role below read-write must not have, on any column, sequence or the
/// schema itself. Trying `nextval` would use a number up, so these are asked for.
const LEFT_OVER: &str = "
    SELECT p.privilege || ' ' || c.relname FROM pg_class c
    CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) p(privilege)
    WHERE c.relnamespace = to_regnamespace($2) AND c.relkind IN ('r', 'p', 'v')
    AND c.relname NOT LIKE 'goose\\_db\\_version%'
    AND CASE WHEN p.privilege IN ('INSERT', 'UPDATE')
        THEN has_any_column_privilege($1, c.oid, p.privilege)
        ELSE has_table_privilege($1, c.oid, p.privilege) END
    UNION ALL
    SELECT p.privilege || ' ' || c.relname FROM pg_class c
    CROSS JOIN unnest(ARRAY['USAGE', 'UPDATE']) p(privilege)
    WHERE c.relnamespace = to_regnamespace($2) AND c.relkind = 'S'
    AND c.relname NOT LIKE 'goose\\_db\\_version%'
    AND has_sequence_privilege($1, c.oid, p.privilege)
    UNION ALL
    SELECT 'CREATE in the schema' WHERE has_schema_privilege($1, to_regnamespace($2), 'CREATE')
    ORDER BY 1";

/// One statement of each kind that changes nothing, and the stage that allows it.
fn probes(table: &str, column: &str) -> [(&'static str, String, Stage); 4] {
    let (name, column) = (format!("{SCHEMA}.{}", ident(table)), ident(column));
    let insert = format!("INSERT INTO {name} ({column}) SELECT NULL WHERE false");
    let update = format!("UPDATE {name} SET {column} = {column} WHERE false");
    [
        (
            "SELECT",
            format!("SELECT 1 FROM {name} LIMIT 0"),
            Stage::ReadOnly,
        ),
        ("INSERT", insert, Stage::ReadWrite),
        ("UPDATE", update, Stage::ReadWrite),
        (
            "DELETE",
            format!("DELETE FROM {name} WHERE false"),
            Stage::ReadWrite,
        ),
    ]
}

/// What stands between a role and a lower stage.
#[derive(Debug, Serialize)]
pub struct Readiness {
    /// The role.
    pub role: String,
    /// Why not all of the last 30 days is known; none if it is.
    pub gap: Option<String>,
    /// What it wrote in the last 30 days.
    pub written: Vec<Written>,
}

/// What a role wrote to a table, and what replaces it.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The table.
    pub table: String,
    /// INSERT, UPDATE, DELETE or TRUNCATE.
    pub operation: String,
    /// How many statements.
    pub statements: i64,
    /// The mutation to call instead.
    pub instead: &'static str,
}

/// Whether a role may be lowered.
///
/// # Errors
/// When there is no such role, or the database fails.
pub async fn readiness(runner: &Runner, role: &str) -> Result<Readiness, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    if !any(db, "SELECT 1 FROM pg_roles WHERE rolname = $1", &[role]).await? {
        return Err(OwnershipError::Refused(format!("there is no role {role}")));
    }
    let gap = watch::gap(db, 30).await?;
    let watched = watch::status(runner).await?.mode.is_some();
    let written = if watched {
        watch::writes_of(db, role, 30).await?
    } else {
        Vec::new()
    };
    let written = written.into_iter().map(|it| Written {
        instead: replacement(&it.table_name),
        table: it.table_name,
        operation: it.operation,
        statements: it.statements,
    });
    Ok(Readiness {
        role: role.to_owned(),
        gap,
        written: written.collect(),
    })
}

/// The mutation that takes the place of direct writes to a table (`domain.md` sections 6 and 7).
fn replacement(table: &str) -> &'static str {
    match table {
        "finance_client" => "createFinanceClient, updateCourtReference, changePaymentMethod",
        "invoice" | "invoice_fee_range" | "counter" => "createGeneratedInvoices, addManualInvoice",
        "fee_reduction" => "addFeeReduction, cancelFeeReduction",
        "ledger" | "ledger_allocation" => {
            "none of its own: written by each change that moves money"
        }
        "invoice_adjustment" => "raiseInvoiceAdjustment, decideInvoiceAdjustment",
        "refund" | "bank_details" => "requestRefund, decideRefund, cancelRefund",
        _ => "none yet",
    }
}
