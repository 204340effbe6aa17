//! A client's billing history: every event, newest first, each with the user who caused it and
//! the balances after it (`domain.md` section 5).
//!
//! One statement ([`statement`]) reads the rows ([`rows`]), a plain function makes events of them ([`assemble`]),
//! another takes a page ([`page`]).

mod assemble;
mod decode;
mod event;
mod page;
#[cfg(test)]
mod properties;
mod rows;
mod statement;

use sea_orm::ConnectionTrait;

use super::FinanceError;
use super::account::FinanceClient;

pub use assemble::assemble;
pub use event::{
    AdjustmentRaised, AllocationLine, Detail, Event, EventType, FeeReductionDetail, History,
    Position, Source, Transaction,
};
pub use page::{Filter, Page, Range, Slice};
pub use rows::{
    AllocationRow, CollectionRow, LedgerRow, PaymentMethodRow, Rows, load, load_person,
};

/// The histories of these clients, in one statement. A client without events has none here.
///
/// # Errors
/// When the database fails or a sum does not fit.
pub async fn of_clients(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<Vec<History>, FinanceError> {
    let rows = load(db, clients).await?;
    let histories = rows.into_iter();
    Ok(histories
        .map(|(client, rows)| assemble(client, rows))
        .collect::<Result<_, _>>()?)
}

/// The client of that person id of Sirius's, if there is one, with its history; in one statement on
/// PostgreSQL. Where a sum does not fit there is the client alone; [`of_clients`] says so.
///
/// # Errors
/// When the database fails.
pub async fn of_person(
    db: &impl ConnectionTrait,
    client_id: i32,
) -> Result<Option<(FinanceClient, Option<History>)>, FinanceError> {
    let Some((client, rows)) = load_person(db, client_id).await? else {
        return Ok(None);
    };
    let history = assemble(client.id, rows).ok();
    Ok(Some((client, history)))
}
