//! The rows that a history is made of, read in one statement.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use entity::stored::{AllocationStatus, LedgerType, PaymentMethod, Stored};
use sea_orm::{ConnectionTrait, DbBackend};

use super::decode::Wide;
use super::statement;
use crate::finance::FinanceError;
use crate::finance::account::{self, FinanceClient};
use crate::finance::adjustment::Adjustment;
use crate::finance::fee_reduction::FeeReduction;
use crate::finance::invoice::Invoice;
use crate::finance::refund::Refund;

/// All rows of one client that make events, each table's in no particular order.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the rows of that table")]
pub struct Rows {
    pub invoices: Vec<Invoice>,
    pub fee_reductions: Vec<FeeReduction>,
    pub adjustments: Vec<Adjustment>,
    pub ledgers: Vec<LedgerRow>,
    pub allocations: Vec<AllocationRow>,
    pub refunds: Vec<Refund>,
    pub payment_methods: Vec<PaymentMethodRow>,
    pub collections: Vec<CollectionRow>,
}

/// A CONFIRMED row of `ledger`. It may be there once for each of its allocations.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the column of that name")]
pub struct LedgerRow {
    pub id: i32,
    pub fee_reduction_id: Option<i32>,
    pub kind: Stored<LedgerType>,
    pub amount: i32,
    pub datetime: NaiveDateTime,
    pub created_at: Option<NaiveDateTime>,
    pub created_by: Option<i32>,
}

/// A counted row of `ledger_allocation`, of a CONFIRMED ledger.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the column of that name")]
pub struct AllocationRow {
    pub id: i32,
    pub ledger_id: i32,
    pub invoice_id: Option<i32>,
    pub amount: i32,
    pub status: AllocationStatus,
}

/// A row of `payment_method`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the column of that name")]
pub struct PaymentMethodRow {
    pub id: i32,
    pub kind: Stored<PaymentMethod>,
    pub created_at: NaiveDateTime,
    pub created_by: i32,
}

/// A row of `pending_collection` that was not cancelled.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the column of that name")]
pub struct CollectionRow {
    pub id: i32,
    pub amount: i32,
    pub date: NaiveDate,
    pub created_at: NaiveDateTime,
    pub created_by: i32,
}

/// Reads the rows of these clients, in one statement. A client without rows has none.
///
/// # Errors
/// When the database fails.
pub async fn load(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<HashMap<i32, Rows>, FinanceError> {
    let statement = statement::of_clients(db.get_database_backend(), clients);
    let mut rows = HashMap::<i32, Rows>::with_capacity(clients.len());
    for row in db.query_all_raw(statement).await? {
        let row = Wide::of(&row)?;
        rows.entry(row.client).or_default().push(&row)?;
    }
    Ok(rows)
}

/// Reads the client of that person id of Sirius's, and the rows; in one statement on PostgreSQL.
///
/// # Errors
/// When the database fails.
pub async fn load_person(
    db: &impl ConnectionTrait,
    client_id: i32,
) -> Result<Option<(FinanceClient, Rows)>, FinanceError> {
    if db.get_database_backend() != DbBackend::Postgres {
        let Some(client) = account::by_client_id(db, client_id).await? else {
            return Ok(None);
        };
        let rows = load(db, &[client.id]).await?.remove(&client.id);
        return Ok(Some((client, rows.unwrap_or_default())));
    }
    let (mut client, mut rows) = (None, Rows::default());
    for row in db.query_all_raw(statement::of_person(client_id)).await? {
        let row = Wide::of(&row)?;
        match row.finance_client()? {
            Some(found) => client = Some(found),
            None => rows.push(&row)?,
        }
    }
    Ok(client.map(|client| (client, rows)))
}
