//! Allocations: where the money of the CONFIRMED ledgers went (`domain.md` section 4).

use chrono::NaiveDateTime;
use entity::stored::{AllocationStatus, LedgerStatus, LedgerType, Stored};
use entity::{ledger, ledger_allocation};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, FromQueryResult};

use super::FinanceError;
use super::account::word;
use super::money::Pence;

/// A counted allocation, with what its ledger says of it.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Allocation {
    /// Primary key.
    pub id: i32,
    /// The transaction it belongs to.
    pub ledger_id: i32,
    /// The client whose transaction it is.
    pub finance_client_id: Option<i32>,
    /// The invoice; none for overpayments and refunds.
    pub invoice_id: Option<i32>,
    /// Pence, signed by its status.
    pub amount: i32,
    /// What the money did.
    pub status: Stored<AllocationStatus>,
    /// What kind of transaction.
    pub kind: Stored<LedgerType>,
    /// The reduction that the transaction applies.
    pub fee_reduction_id: Option<i32>,
    /// When it happened, UTC.
    pub datetime: NaiveDateTime,
    /// Sirius user who caused it.
    pub created_by: Option<i32>,
}

impl Allocation {
    /// Its amount.
    pub fn pence(&self) -> Pence {
        self.amount.into()
    }
}

/// The counted allocations of these invoices, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_invoices(
    db: &impl ConnectionTrait,
    invoices: &[i32],
) -> Result<Vec<Allocation>, FinanceError> {
    let of_invoices = ledger_allocation::Column::InvoiceId.is_in(invoices.iter().copied());
    read(db, counted().and_where(of_invoices).to_owned()).await
}

/// All counted allocations of these clients, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_clients(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<Vec<Allocation>, FinanceError> {
    let of_clients = match clients {
        // The plan of a single one is kept.
        [client] => ledger::Column::FinanceClientId.eq(*client),
        clients => ledger::Column::FinanceClientId.is_in(clients.iter().copied()),
    };
    read(db, counted().and_where(of_clients).to_owned()).await
}

async fn read(
    db: &impl ConnectionTrait,
    statement: SelectStatement,
) -> Result<Vec<Allocation>, FinanceError> {
    let statement = db.get_database_backend().build(&statement);
    Ok(Allocation::find_by_statement(statement).all(db).await?)
}

fn counted() -> SelectStatement {
    let part = |column| Expr::col((ledger_allocation::Entity, column));
    let whole = |column| Expr::col((ledger::Entity, column));
    let counted = [
        AllocationStatus::Allocated,
        AllocationStatus::Unapplied,
        AllocationStatus::Reapplied,
    ];
    Query::select()
        .expr_as(part(ledger_allocation::Column::Id), "id")
        .expr_as(part(ledger_allocation::Column::LedgerId), "ledger_id")
        .expr_as(part(ledger_allocation::Column::InvoiceId), "invoice_id")
        .expr_as(part(ledger_allocation::Column::Amount), "amount")
        .expr_as(part(ledger_allocation::Column::Status), "status")
        .expr_as(whole(ledger::Column::FinanceClientId), "finance_client_id")
        .expr_as(whole(ledger::Column::Kind), "kind")
        .expr_as(whole(ledger::Column::FeeReductionId), "fee_reduction_id")
        .expr_as(whole(ledger::Column::Datetime), "datetime")
        .expr_as(whole(ledger::Column::CreatedBy), "created_by")
        .from(ledger_allocation::Entity)
        .inner_join(
            ledger::Entity,
            whole(ledger::Column::Id).equals((
                ledger_allocation::Entity,
                ledger_allocation::Column::LedgerId,
            )),
        )
        .and_where(ledger::Column::Status.eq(word(LedgerStatus::Confirmed)))
        .and_where(ledger_allocation::Column::Status.is_in(counted.map(word)))
        .order_by(
            (ledger::Entity, ledger::Column::Datetime),
            sea_orm::Order::Asc,
        )
        .order_by(
            (ledger_allocation::Entity, ledger_allocation::Column::Id),
            sea_orm::Order::Asc,
        )
        .to_owned()
}
