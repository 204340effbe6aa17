//! Refunds: credit paid back to a client.

use chrono::{NaiveDate, NaiveDateTime};
use entity::refund;
use entity::stored::{RefundDecision, Stored};
use sea_orm::{ConnectionTrait, EntityTrait};

use super::FinanceError;
use super::money::Pence;

/// A request to pay a client's credit back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Primary key.
    pub id: i32,
    /// Day it was asked for.
    pub raised_date: NaiveDate,
    /// What is to be paid.
    pub amount: Pence,
    /// Where the decision stands.
    pub decision: Stored<RefundDecision>,
    /// Why.
    pub notes: String,
    /// When it was asked for, UTC.
    pub created_at: NaiveDateTime,
    /// Sirius user who asked.
    pub created_by: i32,
    /// When it was decided, UTC.
    pub decision_at: Option<NaiveDateTime>,
    /// Sirius user who decided.
    pub decision_by: Option<i32>,
    /// When it went to the bank, UTC.
    pub processed_at: Option<NaiveDateTime>,
    /// When it was cancelled, UTC.
    pub cancelled_at: Option<NaiveDateTime>,
    /// Sirius user who cancelled it.
    pub cancelled_by: Option<i32>,
    /// When it was paid, UTC.
    pub fulfilled_at: Option<NaiveDateTime>,
}

/// Where a refund stands (`domain.md` section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStatus {
    /// Waits for a manager.
    Pending,
    /// Approved, not yet sent to the bank.
    Approved,
    /// Rejected.
    Rejected,
    /// Sent to the bank.
    Processing,
    /// Called off after approval.
    Cancelled,
    /// Paid.
    Fulfilled,
}

impl Refund {
    /// Where it stands; none if its decision is a word outside the set.
    pub fn status(&self) -> Option<RefundStatus> {
        if self.fulfilled_at.is_some() {
            return Some(RefundStatus::Fulfilled);
        }
        if self.cancelled_at.is_some() {
            return Some(RefundStatus::Cancelled);
        }
        if self.processed_at.is_some() {
            return Some(RefundStatus::Processing);
        }
        self.decision.known().map(|decision| match decision {
            RefundDecision::Pending => RefundStatus::Pending,
            RefundDecision::Approved => RefundStatus::Approved,
            RefundDecision::Rejected => RefundStatus::Rejected,
        })
    }
}

impl From<refund::Model> for Refund {
    fn from(row: refund::Model) -> Self {
        Self {
            id: row.id,
            raised_date: row.raised_date,
            amount: row.amount.into(),
            decision: row.decision,
            notes: row.notes,
            created_at: row.created_at,
            created_by: row.created_by,
            decision_at: row.decision_at,
            decision_by: row.decision_by,
            processed_at: row.processed_at,
            cancelled_at: row.cancelled_at,
            cancelled_by: row.cancelled_by,
            fulfilled_at: row.fulfilled_at,
        }
    }
}

/// The refund of that id, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &impl ConnectionTrait, id: i32) -> Result<Option<Refund>, FinanceError> {
    Ok(refund::Entity::find_by_id(id)
        .one(db)
        .await?
        .map(Into::into))
}
