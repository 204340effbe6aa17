//! Writes what an account has noted.

use chrono::NaiveDateTime;
use entity::stored::LedgerStatus;
use entity::{invoice, ledger, ledger_allocation};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, Statement,
};
use uuid::Uuid;

use super::account::Account;
use crate::finance::FinanceError;
use crate::finance::money::Overflow;

/// Writes the account's entries and what its touched invoices owe. Gives the ledgers' ids, in the
/// order of the entries.
pub(in crate::finance) async fn write(
    db: &impl ConnectionTrait,
    finance_client_id: i32,
    account: &Account,
    now: NaiveDateTime,
    by: i32,
) -> Result<Vec<i32>, FinanceError> {
    let entries = account.entries();
    let ids = next_ids(db, "ledger", entries.len()).await?;
    let parts = entries.iter().map(|entry| entry.parts.len()).sum();
    let mut part_ids = next_ids(db, "ledger_allocation", parts).await?.into_iter();
    let mut ledgers = Vec::with_capacity(entries.len());
    let mut allocations = Vec::with_capacity(parts);
    for (entry, &id) in entries.iter().zip(&ids) {
        ledgers.push(ledger::ActiveModel {
            id: Set(id),
            reference: Set(Uuid::new_v4().to_string()),
            datetime: Set(now),
            method: Set(String::new()),
            amount: Set(entry.amount()?.small()?),
            notes: Set(Some(entry.notes.clone())),
            kind: Set(entry.kind.into()),
            status: Set(LedgerStatus::Confirmed.into()),
            finance_client_id: Set(Some(finance_client_id)),
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
    if !ledgers.is_empty() {
        ledger::Entity::insert_many(ledgers)
            .exec_without_returning(db)
            .await?;
        ledger_allocation::Entity::insert_many(allocations)
            .exec_without_returning(db)
            .await?;
    }
    for (id, owed) in account.touched() {
        invoice::Entity::update_many()
            .col_expr(
                invoice::Column::Cacheddebtamount,
                Expr::value(owed.small()?),
            )
            .filter(invoice::Column::Id.eq(id))
            .exec(db)
            .await?;
    }
    Ok(ids)
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
