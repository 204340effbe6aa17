//! Fee reductions: exemptions, hardships and remissions awarded to a client.

use chrono::{NaiveDate, NaiveDateTime};
use entity::fee_reduction;
use entity::stored::{FeeReductionType, Stored};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::FinanceError;

/// A reduction awarded to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeReduction {
    /// Primary key.
    pub id: i32,
    /// The client.
    pub finance_client_id: Option<i32>,
    /// Kind of reduction.
    pub kind: Stored<FeeReductionType>,
    /// First day.
    pub start_date: NaiveDate,
    /// Last day.
    pub end_date: NaiveDate,
    /// Day the application was received; none in some old rows.
    pub date_received: Option<NaiveDate>,
    /// Why it was awarded.
    pub notes: String,
    /// Whether it was cancelled.
    pub deleted: bool,
    /// When it was awarded here, UTC; none for rows older than the service.
    pub created_at: Option<NaiveDateTime>,
    /// Sirius user who awarded it.
    pub created_by: Option<i32>,
    /// When it was cancelled here, UTC.
    pub cancelled_at: Option<NaiveDateTime>,
    /// Sirius user who cancelled it.
    pub cancelled_by: Option<i32>,
    /// Why it was cancelled.
    pub cancellation_reason: Option<String>,
}

/// Where a reduction stands (`domain.md` section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeReductionStatus {
    /// It begins after today.
    Pending,
    /// It runs.
    Active,
    /// It ended before today.
    Expired,
    /// It was cancelled.
    Cancelled,
}

impl FeeReduction {
    /// Where it stands on that day, UTC.
    pub fn status(&self, today: NaiveDate) -> FeeReductionStatus {
        if self.deleted {
            FeeReductionStatus::Cancelled
        } else if self.start_date > today {
            FeeReductionStatus::Pending
        } else if self.end_date < today {
            FeeReductionStatus::Expired
        } else {
            FeeReductionStatus::Active
        }
    }
}

impl From<fee_reduction::Model> for FeeReduction {
    fn from(row: fee_reduction::Model) -> Self {
        Self {
            id: row.id,
            finance_client_id: row.finance_client_id,
            kind: row.kind,
            start_date: row.startdate,
            end_date: row.enddate,
            date_received: row.datereceived,
            notes: row.notes,
            deleted: row.deleted,
            created_at: row.created_at,
            created_by: row.created_by,
            cancelled_at: row.cancelled_at,
            cancelled_by: row.cancelled_by,
            cancellation_reason: row.cancellation_reason,
        }
    }
}

/// The reductions of these clients, latest start first.
///
/// # Errors
/// When the database fails.
pub async fn of_clients(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<Vec<FeeReduction>, FinanceError> {
    let rows = fee_reduction::Entity::find()
        .filter(fee_reduction::Column::FinanceClientId.is_in(clients.iter().copied()))
        .order_by_desc(fee_reduction::Column::Startdate)
        .order_by_desc(fee_reduction::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The reduction of that id, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn by_id(
    db: &impl ConnectionTrait,
    id: i32,
) -> Result<Option<FeeReduction>, FinanceError> {
    let row = fee_reduction::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(Into::into))
}
