//! Reads clients' positions.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;

use super::account::Account;
use crate::finance::FinanceError;
use crate::finance::invoice::Invoice;
use crate::finance::{allocation, invoice};

/// Invoices that are named in one statement: below what one can bind.
const INVOICES: usize = 10_000;

/// The positions of these clients, by their id; of one without rows, nothing. Three statements,
/// however many clients.
pub(in crate::finance) async fn read(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<HashMap<i32, Account>, FinanceError> {
    let invoices = invoice::of_clients(db, clients).await?;
    let allocations = allocation::of_clients(db, clients).await?;
    // By the invoice: what reading shows of it, whoever's ledger an old row belongs to.
    let ids = invoices.iter().map(|it| it.id).collect::<Vec<_>>();
    let mut on_invoices = Vec::new();
    for ids in ids.chunks(INVOICES) {
        on_invoices.extend(allocation::of_invoices(db, ids).await?);
    }

    let owner = invoices
        .iter()
        .filter_map(|it| Some((it.id, it.finance_client_id?)))
        .collect::<HashMap<_, _>>();
    let mut invoices = grouped(invoices, |it: &Invoice| it.finance_client_id);
    let mut allocations = grouped(allocations, |it| it.finance_client_id);
    let mut on_invoices = grouped(on_invoices, |it| owner.get(&it.invoice_id?).copied());
    let mut accounts = HashMap::new();
    for client in clients {
        let invoices = invoices.remove(client).unwrap_or_default();
        let on_invoices = on_invoices.remove(client).unwrap_or_default();
        let allocations = allocations.remove(client).unwrap_or_default();
        accounts.insert(*client, Account::of(invoices, on_invoices, &allocations)?);
    }
    Ok(accounts)
}

/// Rows by what they belong to, in their order.
fn grouped<T>(rows: Vec<T>, by: impl Fn(&T) -> Option<i32>) -> HashMap<i32, Vec<T>> {
    let mut groups = HashMap::<i32, Vec<T>>::new();
    for row in rows {
        if let Some(group) = by(&row) {
            groups.entry(group).or_default().push(row);
        }
    }
    groups
}
