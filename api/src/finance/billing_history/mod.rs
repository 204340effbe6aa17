//! A client's billing history: every event, newest first, each with the user who caused it and
//! the balances after it (`domain.md` section 5).
//!
//! One statement reads the rows ([`rows`]), a plain function makes events of them ([`assemble`]),
//! another takes a page ([`page`]).

mod assemble;
mod decode;
mod event;
mod page;
#[cfg(test)]
mod properties;
mod rows;

use sea_orm::ConnectionTrait;

use super::FinanceError;

pub use assemble::assemble;
pub use event::{
    AdjustmentRaised, AllocationLine, Detail, Event, EventType, FeeReductionDetail, History,
    Position, Source, Transaction,
};
pub use page::{Filter, Page, Range, Slice};
pub use rows::{Rows, load};

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
