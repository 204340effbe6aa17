//! Invoices: fees charged to a client.

use chrono::{NaiveDate, NaiveDateTime};
use entity::stored::{FeeType, Stored, SupervisionLevel};
use entity::{invoice, invoice_fee_range};
use sea_orm::sea_query::NullOrdering;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder};

use super::FinanceError;
use super::money::Pence;

/// A fee charged to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Primary key.
    pub id: i32,
    /// The client.
    pub finance_client_id: Option<i32>,
    /// Reference that people quote, such as `S2000123/24`.
    pub reference: String,
    /// What the fee is for.
    pub fee_type: Stored<FeeType>,
    /// What was charged.
    pub amount: Pence,
    /// Day it was raised; none in some old rows.
    pub raised_date: Option<NaiveDate>,
    /// First day the fee covers.
    pub start_date: NaiveDate,
    /// Last day the fee covers.
    pub end_date: NaiveDate,
    /// When it was made here, UTC; none for rows older than the service.
    pub created_at: Option<NaiveDateTime>,
    /// Sirius user who made it.
    pub created_by: Option<i32>,
}

impl From<invoice::Model> for Invoice {
    fn from(row: invoice::Model) -> Self {
        Self {
            id: row.id,
            finance_client_id: row.finance_client_id,
            reference: row.reference,
            fee_type: row.feetype,
            amount: row.amount.into(),
            raised_date: row.raiseddate,
            start_date: row.startdate,
            end_date: row.enddate,
            created_at: row.created_at,
            created_by: row.created_by,
        }
    }
}

/// A part of an invoice, charged at one supervision level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeRange {
    /// The invoice.
    pub invoice_id: Option<i32>,
    /// The level.
    pub level: Stored<SupervisionLevel>,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// What is charged for these days.
    pub amount: Pence,
}

impl From<invoice_fee_range::Model> for FeeRange {
    fn from(row: invoice_fee_range::Model) -> Self {
        Self {
            invoice_id: row.invoice_id,
            level: row.supervisionlevel,
            from: row.fromdate,
            to: row.todate,
            amount: row.amount.into(),
        }
    }
}

/// The invoices of these ids.
///
/// # Errors
/// When the database fails.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[i32]) -> Result<Vec<Invoice>, FinanceError> {
    let rows = invoice::Entity::find()
        .filter(invoice::Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The invoice of that reference, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn by_reference(
    db: &impl ConnectionTrait,
    reference: &str,
) -> Result<Option<Invoice>, FinanceError> {
    let row = invoice::Entity::find()
        .filter(invoice::Column::Reference.eq(reference))
        .one(db)
        .await?;
    Ok(row.map(Into::into))
}

/// The invoices of these clients, latest raised first; those without a raised date last.
///
/// # Errors
/// When the database fails.
pub async fn of_clients(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<Vec<Invoice>, FinanceError> {
    let rows = invoice::Entity::find()
        .filter(invoice::Column::FinanceClientId.is_in(clients.iter().copied()))
        .order_by_with_nulls(invoice::Column::Raiseddate, Order::Desc, NullOrdering::Last)
        .order_by_desc(invoice::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The parts of these invoices, in the order of their days.
///
/// # Errors
/// When the database fails.
pub async fn fee_ranges(
    db: &impl ConnectionTrait,
    invoices: &[i32],
) -> Result<Vec<FeeRange>, FinanceError> {
    let rows = invoice_fee_range::Entity::find()
        .filter(invoice_fee_range::Column::InvoiceId.is_in(invoices.iter().copied()))
        .order_by_asc(invoice_fee_range::Column::Fromdate)
        .order_by_asc(invoice_fee_range::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}
