//! Invoices: fees charged to a client.

use chrono::{NaiveDate, NaiveDateTime};
use entity::invoice;
use entity::stored::{FeeType, Stored};
use sea_orm::{ConnectionTrait, EntityTrait};

use super::FinanceError;
use super::money::Pence;

/// A fee charged to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Primary key.
    pub id: i32,
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

/// The invoice of that id, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: i32) -> Result<Option<Invoice>, FinanceError> {
    Ok(invoice::Entity::find_by_id(id)
        .one(db)
        .await?
        .map(Into::into))
}
