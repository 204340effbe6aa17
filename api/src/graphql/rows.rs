//! Loaders over our own tables: of whatever many objects ask for at one time, one statement. They are
//! made for each request, which runs them itself ([`Batches`]).

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use tracing::Instrument as _;

use super::batches::Batches;
use super::context::{data, in_time};
use super::error::ApiError;
use crate::finance::account::{self, Balances, FinanceClient};
use crate::finance::adjustment::{self, Adjustment};
use crate::finance::allocation::{self, Allocation};
use crate::finance::billing_history::{self, History};
use crate::finance::collection::{self, PendingCollection};
use crate::finance::fee_reduction::{self, FeeReduction};
use crate::finance::invoice::{self, FeeRange, Invoice};
use crate::finance::refund::{self, BankDetails, Refund};
use crate::reads::ReadDatabase;

/// The loader of all keys below.
pub struct RowLoader {
    db: ReadDatabase,
}

/// A request's loaders over a database.
pub(super) fn rows(db: ReadDatabase, batches: Batches) -> DataLoader<RowLoader> {
    DataLoader::new(RowLoader { db }, batches.clone(), batches)
}

/// What belongs to a key, loaded with what belongs to others.
pub(super) async fn load<K>(ctx: &Context<'_>, key: K) -> Result<K::Rows, ApiError>
where
    K: Key,
    RowLoader: Loader<K, Value = K::Rows, Error = ApiError>,
{
    let rows = data::<DataLoader<RowLoader>>(ctx)?.load_one(key).await?;
    Ok(rows.unwrap_or_default())
}

/// A key, and what belongs to it.
pub(super) trait Key: Copy + Eq + std::hash::Hash + Send + Sync + 'static {
    /// Empty where nothing does.
    type Rows: Default + Clone + Send + Sync + 'static;
}

/// A key by an id of ours, loaded by one function over many.
macro_rules! key {
    ($(#[$doc:meta])* $key:ident => many $row:ty, by $of:expr, $load:path) => {
        key!($(#[$doc])* $key => Arc<Vec<Arc<$row>>>, |rows: Vec<$row>| {
            let mut grouped = HashMap::<i32, Vec<Arc<$row>>>::new();
            for row in rows {
                let of: Option<i32> = $of(&row);
                if let Some(of) = of {
                    grouped.entry(of).or_default().push(Arc::new(row));
                }
            }
            grouped.into_iter().map(|(of, rows)| ($key(of), Arc::new(rows))).collect()
        }, $load);
    };
    ($(#[$doc:meta])* $key:ident => one $row:ty, by $of:expr, $load:path) => {
        key!($(#[$doc])* $key => Option<Arc<$row>>, |rows: Vec<$row>| {
            rows.into_iter().map(|row| ($key($of(&row)), Some(Arc::new(row)))).collect()
        }, $load);
    };
    ($(#[$doc:meta])* $key:ident => $rows:ty, $index:expr, $load:path) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) struct $key(pub(super) i32);

        impl Key for $key {
            type Rows = $rows;
        }

        impl Loader<$key> for RowLoader {
            type Value = $rows;
            type Error = ApiError;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, $rows>, ApiError> {
                let ids = keys.iter().map(|key| key.0).collect::<Vec<_>>();
                let span = tracing::debug_span!("load", rows = stringify!($key), keys = ids.len());
                let rows = in_time($load(&self.db, &ids)).instrument(span).await?;
                Ok($index(rows))
            }
        }
    };
}

key! {
    /// A client of ours.
    ClientKey => one FinanceClient, by |row: &FinanceClient| row.id, account::by_ids
}
key! {
    /// A client's balances.
    BalancesOf => Balances, |rows: HashMap<i32, Balances>| {
        rows.into_iter().map(|(client, it)| (BalancesOf(client), it)).collect()
    }, account::balances
}
key! {
    /// An invoice.
    InvoiceKey => one Invoice, by |row: &Invoice| row.id, invoice::by_ids
}
key! {
    /// A client's billing history.
    HistoryOf => Option<Arc<History>>, |histories: Vec<History>| {
        let histories = histories.into_iter();
        histories.map(|it| (HistoryOf(it.finance_client_id), Some(Arc::new(it)))).collect()
    }, billing_history::of_clients
}
key! {
    /// A client's invoices.
    InvoicesOf => many Invoice, by |row: &Invoice| row.finance_client_id, invoice::of_clients
}
key! {
    /// A client's fee reductions.
    FeeReductionsOf => many FeeReduction, by |row: &FeeReduction| row.finance_client_id,
    fee_reduction::of_clients
}
key! {
    /// A client's adjustments.
    AdjustmentsOf => many Adjustment, by |row: &Adjustment| Some(row.finance_client_id),
    adjustment::of_clients
}
key! {
    /// A client's refunds.
    RefundsOf => many Refund, by |row: &Refund| Some(row.finance_client_id), refund::of_clients
}
key! {
    /// A client's pending collections.
    CollectionsOf => many PendingCollection, by |row: &PendingCollection| row.finance_client_id,
    collection::of_clients
}
key! {
    /// An invoice's counted allocations.
    AllocationsOf => many Allocation, by |row: &Allocation| row.invoice_id, allocation::of_invoices
}
key! {
    /// An invoice's parts by supervision level.
    FeeRangesOf => many FeeRange, by |row: &FeeRange| row.invoice_id, invoice::fee_ranges
}
key! {
    /// Whether a write-off of an invoice waits for a decision.
    WriteOffPending => bool, |invoices: Vec<i32>| {
        invoices.into_iter().map(|invoice| (WriteOffPending(invoice), true)).collect()
    }, adjustment::with_pending_write_off
}
key! {
    /// A refund's bank details, while they exist.
    BankDetailsOf => one BankDetails, by |row: &BankDetails| row.refund_id, refund::bank_details
}
