//! A client's account: who the client is, and the two balances of `domain.md` section 4.

use entity::stored::{AllocationStatus, LedgerStatus, PaymentMethod, Stored};
use entity::{finance_client, invoice, ledger, ledger_allocation};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter};

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

/// The client of that id of ours, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn by_id(
    db: &impl ConnectionTrait,
    id: i32,
) -> Result<Option<FinanceClient>, FinanceError> {
    Ok(finance_client::Entity::find_by_id(id)
        .one(db)
        .await?
        .map(Into::into))
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

/// What a client owes, and what is held for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    /// What is owed on invoices; negative when they are overpaid.
    pub outstanding: Pence,
    /// What is held for the client and can be used or refunded.
    pub credit: Pence,
}

#[derive(FromQueryResult)]
struct Sums {
    invoiced: i64,
    received: i64,
    held: i64,
}

/// The balances of a client: one statement, summed by the database.
///
/// # Errors
/// When the database fails or a sum does not fit.
pub async fn balances(
    db: &impl ConnectionTrait,
    finance_client_id: i32,
) -> Result<Balances, FinanceError> {
    let invoiced = Query::select()
        .expr(total(Expr::col(invoice::Column::Amount)))
        .from(invoice::Entity)
        .and_where(invoice::Column::FinanceClientId.eq(finance_client_id))
        .to_owned();

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

    let statement = Query::select()
        .expr_as(Expr::SubQuery(None, Box::new(invoiced.into())), "invoiced")
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
        .and_where(ledger::Column::FinanceClientId.eq(finance_client_id))
        .and_where(ledger::Column::Status.eq(word(LedgerStatus::Confirmed)))
        .to_owned();

    let sums = Sums::find_by_statement(db.get_database_backend().build(&statement))
        .one(db)
        .await?
        .unwrap_or(Sums {
            invoiced: 0,
            received: 0,
            held: 0,
        });
    Ok(Balances {
        outstanding: Pence::new(sums.invoiced).minus(Pence::new(sums.received))?,
        credit: Pence::new(sums.held),
    })
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
