//! Invoice adjustments: what was asked for of an invoice, and what was decided.

use chrono::{NaiveDate, NaiveDateTime};
use entity::invoice_adjustment;
use entity::stored::{AdjustmentStatus, AdjustmentType, Stored};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::FinanceError;
use super::account::word;
use super::money::Pence;
use super::worklist::{self, Ask, Page};

/// A request to adjust what an invoice owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// Primary key.
    pub id: i32,
    /// The client.
    pub finance_client_id: i32,
    /// The invoice.
    pub invoice_id: i32,
    /// Day it was asked for.
    pub raised_date: NaiveDate,
    /// What is asked for.
    pub kind: Stored<AdjustmentType>,
    /// Negative where it raises what is owed.
    pub amount: Pence,
    /// Why.
    pub notes: String,
    /// Where the decision stands.
    pub status: Stored<AdjustmentStatus>,
    /// When it was asked for, UTC.
    pub created_at: NaiveDateTime,
    /// Sirius user who asked.
    pub created_by: i32,
    /// When it was decided, UTC.
    pub updated_at: Option<NaiveDateTime>,
    /// Sirius user who decided.
    pub updated_by: Option<i32>,
    /// The ledger that an approval wrote.
    pub ledger_id: Option<i32>,
}

impl From<invoice_adjustment::Model> for Adjustment {
    fn from(row: invoice_adjustment::Model) -> Self {
        Self {
            id: row.id,
            finance_client_id: row.finance_client_id,
            invoice_id: row.invoice_id,
            raised_date: row.raised_date,
            kind: row.adjustment_type,
            amount: row.amount.into(),
            notes: row.notes,
            status: row.status,
            created_at: row.created_at,
            created_by: row.created_by,
            updated_at: row.updated_at,
            updated_by: row.updated_by,
            ledger_id: row.ledger_id,
        }
    }
}

/// The adjustments of these clients, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_clients(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<Vec<Adjustment>, FinanceError> {
    let rows = invoice_adjustment::Entity::find()
        .filter(invoice_adjustment::Column::FinanceClientId.is_in(clients.iter().copied()))
        .order_by_desc(invoice_adjustment::Column::CreatedAt)
        .order_by_desc(invoice_adjustment::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Those of these invoices of which a write-off is pending.
///
/// # Errors
/// When the database fails.
pub async fn with_pending_write_off(
    db: &impl ConnectionTrait,
    invoices: &[i32],
) -> Result<Vec<i32>, FinanceError> {
    use invoice_adjustment::Column;
    Ok(invoice_adjustment::Entity::find()
        .select_only()
        .column(Column::InvoiceId)
        .distinct()
        .filter(Column::InvoiceId.is_in(invoices.iter().copied()))
        .filter(Column::Status.eq(word(AdjustmentStatus::Pending)))
        .filter(Column::AdjustmentType.eq(word(AdjustmentType::CreditWriteOff)))
        .into_tuple()
        .all(db)
        .await?)
}

/// A page of the adjustments of all clients, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn page(
    db: &impl ConnectionTrait,
    status: Option<AdjustmentStatus>,
    ask: Ask,
) -> Result<Page<Adjustment>, FinanceError> {
    use invoice_adjustment::Column;
    let mut all = invoice_adjustment::Entity::find();
    if let Some(status) = status {
        all = all.filter(Column::Status.eq(word(status)));
    }
    let page = worklist::page(db, all, Column::CreatedAt, Column::Id, ask).await?;
    Ok(page.map(Into::into))
}

/// The adjustment of that id, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: i32) -> Result<Option<Adjustment>, FinanceError> {
    let row = invoice_adjustment::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(Into::into))
}
