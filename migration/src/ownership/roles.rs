//! The roles: one that owns and migrates, one that serves, one that only reads.

use sea_orm_migration::sea_orm::TransactionTrait;

use super::{OwnershipError, access, any, execute, grants, guard, ident, needs_postgres, texts};
use crate::connection::SCHEMA;
use crate::runner::Runner;

/// Their names.
#[derive(Clone, Debug)]
pub struct Names {
    /// Owns the schema and runs migrations.
    pub owner: String,
    /// The server: reads and writes rows, no DDL.
    pub service: String,
    /// Reports: reads.
    pub read_only: String,
}

/// Creates the roles that are missing, without log-in: members are added by whoever hands out
/// log-ins. If the schema is there, gives each new one its rights on it, and with `grant` the others
/// too. Gives the statements.
///
/// # Errors
/// When the connected role may not, or the database fails.
pub async fn create(
    runner: &Runner,
    names: &Names,
    grant: bool,
    dry_run: bool,
) -> Result<Vec<String>, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    let transaction = db.begin().await?;
    let mut statements = Vec::new();
    let mut made = Vec::new();
    for role in [&names.owner, &names.service, &names.read_only] {
        if !any(
            &transaction,
            "SELECT 1 FROM pg_roles WHERE rolname = $1",
            &[role],
        )
        .await?
        {
            statements.push(format!("CREATE ROLE {} NOLOGIN", ident(role)));
            made.push(role);
        }
    }
    let holder = texts(
        &transaction,
        "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = $1",
        &[SCHEMA],
    )
    .await?;
    if let Some(holder) = holder.first() {
        let relations = grants::Relations::read(&transaction).await?;
        // A role that was there may have been lowered on purpose.
        if made.contains(&&names.service) {
            statements.extend(grants::read_write(&relations, &names.service, holder));
        } else if grant {
            access::refuse_unfit(&transaction, &names.service).await?;
            statements.extend(grants::read_write(&relations, &names.service, holder));
        }
        if made.contains(&&names.read_only) {
            statements.extend(grants::read_only(&relations, &names.read_only, holder));
        } else if grant {
            access::refuse_unfit(&transaction, &names.read_only).await?;
            statements.extend(grants::read_only(&relations, &names.read_only, holder));
        }
    }
    statements.extend(guard::hold_own(&transaction, &[&names.owner, &names.service]).await?);
    if dry_run {
        transaction.rollback().await?;
    } else {
        execute(&transaction, &statements).await?;
        transaction.commit().await?;
    }
    Ok(statements)
}
