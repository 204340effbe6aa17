//! Writes what an account has noted.

use chrono::NaiveDateTime;
use entity::stored::LedgerStatus;
use entity::{invoice, ledger, ledger_allocation};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, Statement,
};
use uuid::Uuid;

use super::account::Account;
use crate::finance::FinanceError;
use crate::finance::money::{Overflow, Pence};

/// Writes the accounts' entries, each with the client's id, and what their touched invoices owe. Gives
/// the ledgers' ids, in the order of the accounts and their entries.
pub(in crate::finance) async fn write(
    db: &impl ConnectionTrait,
    accounts: &[(i32, &Account)],
    now: NaiveDateTime,
    by: i32,
) -> Result<Vec<i32>, FinanceError> {
    let entries = accounts
        .iter()
        .flat_map(|(client, account)| account.entries().iter().map(move |it| (*client, it)))
        .collect::<Vec<_>>();
    let ids = next_ids(db, "ledger", entries.len()).await?;
    let parts = entries.iter().map(|(_, entry)| entry.parts.len()).sum();
    let mut part_ids = next_ids(db, "ledger_allocation", parts).await?.into_iter();
    let mut ledgers = Vec::with_capacity(entries.len());
    let mut allocations = Vec::with_capacity(parts);
    for (&(client, entry), &id) in entries.iter().zip(&ids) {
        ledgers.push(ledger::ActiveModel {
            id: Set(id),
            reference: Set(Uuid::new_v4().to_string()),
            datetime: Set(now),
            method: Set(String::new()),
            amount: Set(entry.amount()?.small()?),
            notes: Set(Some(entry.notes.clone())),
            kind: Set(entry.kind.into()),
            status: Set(LedgerStatus::Confirmed.into()),
            finance_client_id: Set(Some(client)),
            fee_reduction_id: Set(entry.fee_reduction_id),
            created_at: Set(Some(now)),
            created_by: Set(Some(by)),
            ..Default::default()
        });
        for part in &entry.parts {
            let Some(part_id) = part_ids.next() else {
                return Err(missing_id().into());
            };
            allocations.push(ledger_allocation::ActiveModel {
                id: Set(part_id),
                ledger_id: Set(Some(id)),
                invoice_id: Set(Some(part.invoice_id)),
                datetime: Set(now),
                amount: Set(part.amount.small()?),
                status: Set(part.status.into()),
                notes: Set(part.notes.clone()),
                ..Default::default()
            });
        }
    }
    for rows in ledgers.chunks(ROWS) {
        ledger::Entity::insert_many(rows.iter().cloned())
            .exec_without_returning(db)
            .await?;
    }
    for rows in allocations.chunks(ROWS) {
        ledger_allocation::Entity::insert_many(rows.iter().cloned())
            .exec_without_returning(db)
            .await?;
    }
    let touched = accounts.iter().flat_map(|(_, account)| account.touched());
    let touched = touched.collect::<Vec<_>>();
    for invoices in touched.chunks(ROWS) {
        note_debts(db, invoices).await?;
    }
    Ok(ids)
}

/// Rows of one statement: their values stay below what a statement can bind.
pub(in crate::finance) const ROWS: usize = 1_000;

/// Writes what invoices owe, in one statement.
async fn note_debts(
    db: &impl ConnectionTrait,
    invoices: &[(i32, Pence)],
) -> Result<(), FinanceError> {
    let mut owed = CaseStatement::new();
    for (id, amount) in invoices {
        owed = owed.case(invoice::Column::Id.eq(*id), Expr::value(amount.small()?));
    }
    invoice::Entity::update_many()
        .col_expr(invoice::Column::Cacheddebtamount, owed.into())
        .filter(invoice::Column::Id.is_in(invoices.iter().map(|(id, _)| *id)))
        .exec(db)
        .await?;
    Ok(())
}

/// The next id of a table, see [`next_ids`].
pub(in crate::finance) async fn next_id(
    db: &impl ConnectionTrait,
    table: &'static str,
) -> Result<i32, FinanceError> {
    let ids = next_ids(db, table, 1).await?;
    Ok(ids.first().copied().ok_or_else(missing_id)?)
}

/// The next ids of a table, from the sequence that all writers use; on SQLite, which has none, those
/// after the highest: a write transaction is alone there.
pub(in crate::finance) async fn next_ids(
    db: &impl ConnectionTrait,
    table: &'static str,
    count: usize,
) -> Result<Vec<i32>, FinanceError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let count = i32::try_from(count).map_err(|_| Overflow)?;
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => format!(
            "SELECT CAST(nextval('{table}_id_seq') AS integer) AS id FROM generate_series(1, {count})"
        ),
        _ => format!("SELECT CAST(coalesce(max(id), 0) + 1 AS integer) AS id FROM {table}"),
    };
    let rows = db
        .query_all_raw(Statement::from_string(backend, sql))
        .await?;
    let mut ids = rows
        .iter()
        .map(|row| row.try_get::<i32>("", "id"))
        .collect::<Result<Vec<_>, _>>()?;
    if backend != DbBackend::Postgres {
        let first = ids.first().copied().ok_or_else(missing_id)?;
        let end = first.checked_add(count).ok_or(Overflow)?;
        ids = (first..end).collect();
    }
    Ok(ids)
}

fn missing_id() -> DbErr {
    DbErr::Custom("fewer ids than rows".to_owned())
}
