//! A client's account: who the client is, and the two balances of `domain.md` section 4.

use std::collections::HashMap;

use entity::stored::{AllocationStatus, LedgerStatus, PaymentMethod, Stored};
use entity::{finance_client, invoice, ledger, ledger_allocation};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query, UnionType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
};

use super::FinanceError;
use super::money::Pence;

/// A client as the finance schema knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinanceClient {
    /// Primary key.
    pub id: i32,
    /// Sirius's person id.
    pub client_id: i32,
    /// Reference by which payments name the client.
    pub court_reference: Option<String>,
    /// Number of the account in the older finance system.
    pub sop_number: String,
    /// How the client pays.
    pub payment_method: Stored<PaymentMethod>,
}

impl From<finance_client::Model> for FinanceClient {
    fn from(row: finance_client::Model) -> Self {
        Self {
            id: row.id,
            client_id: row.client_id,
            court_reference: row.court_ref,
            sop_number: row.sop_number,
            payment_method: row.payment_method,
        }
    }
}

/// The client of that person id of Sirius's, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn by_client_id(
    db: &impl ConnectionTrait,
    client_id: i32,
) -> Result<Option<FinanceClient>, FinanceError> {
    Ok(finance_client::Entity::find()
        .filter(finance_client::Column::ClientId.eq(client_id))
        .one(db)
        .await?
        .map(Into::into))
}

/// The client of that court reference, if there is one; of several in old rows, the latest.
///
/// # Errors
/// When the database fails.
pub async fn by_court_reference(
    db: &impl ConnectionTrait,
    court_reference: &str,
) -> Result<Option<FinanceClient>, FinanceError> {
    let row = finance_client::Entity::find()
        .filter(finance_client::Column::CourtRef.eq(court_reference))
        .order_by_desc(finance_client::Column::Id)
        .one(db)
        .await?;
    Ok(row.map(Into::into))
}

/// The clients of these ids of ours.
///
/// # Errors
/// When the database fails.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    ids: &[i32],
) -> Result<Vec<FinanceClient>, FinanceError> {
    let rows = finance_client::Entity::find()
        .filter(finance_client::Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// What a client owes, and what is held for the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    /// What is owed on invoices; negative when they are overpaid.
    pub outstanding: Pence,
    /// What is held for the client and can be used or refunded.
    pub credit: Pence,
}

#[derive(FromQueryResult)]
struct Sums {
    client: i32,
    invoiced: i64,
    received: i64,
    held: i64,
}

/// The balances of these clients: one statement, summed by the database. A client without a row has
/// none.
///
/// # Errors
/// When the database fails or a sum does not fit.
pub async fn balances(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<HashMap<i32, Balances>, FinanceError> {
    let of_clients = |column: Expr| match clients {
        // The plan of a single one is kept.
        [client] => column.eq(*client),
        clients => column.is_in(clients.iter().copied()),
    };
    let nothing = || Expr::val(0).cast_as("bigint");
    let client = || Expr::col((invoice::Entity, invoice::Column::FinanceClientId));
    let mut statement = Query::select();
    statement
        .expr_as(client(), "client")
        .expr_as(total(Expr::col(invoice::Column::Amount)), "invoiced")
        .expr_as(nothing(), "received")
        .expr_as(nothing(), "held")
        .from(invoice::Entity)
        .and_where(of_clients(client()))
        .add_group_by([client()]);

    let amount = || Expr::col((ledger_allocation::Entity, ledger_allocation::Column::Amount));
    let allocated = || ledger_allocation::Column::Status.eq(word(AllocationStatus::Allocated));
    let moved = || {
        ledger_allocation::Column::Status.is_in([
            word(AllocationStatus::Unapplied),
            word(AllocationStatus::Reapplied),
        ])
    };
    let on_invoice = || {
        Expr::col((
            ledger_allocation::Entity,
            ledger_allocation::Column::InvoiceId,
        ))
        .is_not_null()
    };
    let received = Expr::case(allocated().or(moved().and(on_invoice())), amount()).finally(0);
    let held = Expr::case(moved(), Expr::val(0).sub(amount())).finally(0);
    let client = || Expr::col((ledger::Entity, ledger::Column::FinanceClientId));
    let allocations = Query::select()
        .expr_as(client(), "client")
        .expr_as(nothing(), "invoiced")
        .expr_as(total(received.into()), "received")
        .expr_as(total(held.into()), "held")
        .from(ledger_allocation::Entity)
        .inner_join(
            ledger::Entity,
            Expr::col((ledger::Entity, ledger::Column::Id)).equals((
                ledger_allocation::Entity,
                ledger_allocation::Column::LedgerId,
            )),
        )
        .and_where(of_clients(client()))
        .and_where(ledger::Column::Status.eq(word(LedgerStatus::Confirmed)))
        .add_group_by([client()])
        .to_owned();
    statement.union(UnionType::All, allocations);

    let statement = db.get_database_backend().build(&statement);
    let rows = Sums::find_by_statement(statement).all(db).await?;
    let mut balances = clients
        .iter()
        .map(|client| (*client, Balances::default()))
        .collect::<HashMap<_, _>>();
    for sums in rows {
        let balance = balances.entry(sums.client).or_default();
        let owed = Pence::new(sums.invoiced).minus(Pence::new(sums.received))?;
        balance.outstanding = balance.outstanding.plus(owed)?;
        balance.credit = balance.credit.plus(Pence::new(sums.held))?;
    }
    Ok(balances)
}

/// A sum as 64 bits, 0 over no rows.
fn total(expr: Expr) -> Expr {
    let sum: Expr = Func::sum(expr).into();
    Expr::from(Func::coalesce([sum, Expr::val(0)])).cast_as("bigint")
}

/// A stored word as text.
pub(crate) fn word(word: impl Into<&'static str>) -> &'static str {
    word.into()
}
