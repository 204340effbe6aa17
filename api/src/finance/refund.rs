//! Refunds: credit paid back to a client.

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime};
use entity::stored::{RefundDecision, Stored};
use entity::{bank_details, finance_client, refund};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::FinanceError;
use super::account::word;
use super::money::Pence;
use super::worklist::{self, Ask, Page};

/// A request to pay a client's credit back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Primary key.
    pub id: i32,
    /// The client.
    pub finance_client_id: i32,
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

/// Days after its last step until a refund that is not settled expires.
const EXPIRES_AFTER: i64 = 14;

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
    /// Whether it is not settled, rejected or cancelled yet.
    pub fn is_open(&self) -> bool {
        matches!(
            self.status(),
            Some(RefundStatus::Pending | RefundStatus::Approved | RefundStatus::Processing)
        )
    }

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
            finance_client_id: row.finance_client_id,
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

/// Where a refund is to be paid. It is kept until the refund is settled.
#[derive(Clone, PartialEq, Eq)]
pub struct BankDetails {
    /// The refund.
    pub refund_id: i32,
    /// Account holder.
    pub name: String,
    /// Account number, 8 digits.
    pub account: String,
    /// Sort code, `NN-NN-NN`.
    pub sort_code: String,
}

/// Nothing of it is ever logged.
impl fmt::Debug for BankDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BankDetails(..)")
    }
}

/// The refunds of these clients, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_clients(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<Vec<Refund>, FinanceError> {
    let rows = refund::Entity::find()
        .filter(refund::Column::FinanceClientId.is_in(clients.iter().copied()))
        .order_by_desc(refund::Column::CreatedAt)
        .order_by_desc(refund::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The bank details of these refunds, as far as they still exist.
///
/// # Errors
/// When the database fails.
pub async fn bank_details(
    db: &impl ConnectionTrait,
    refunds: &[i32],
) -> Result<Vec<BankDetails>, FinanceError> {
    let rows = bank_details::Entity::find()
        .filter(bank_details::Column::RefundId.is_in(refunds.iter().copied()))
        .order_by_asc(bank_details::Column::Id)
        .all(db)
        .await?;
    let details = rows.into_iter().map(|row| BankDetails {
        refund_id: row.refund_id,
        name: row.name,
        account: row.account,
        sort_code: row.sort_code,
    });
    Ok(details.collect())
}

/// An open refund that nothing was done about for too long, as seen on that day, UTC.
fn expired(row: refund::Model, today: NaiveDate) -> Option<Refund> {
    let steps = [row.reset_at, row.decision_at, row.processed_at];
    let last = steps.into_iter().flatten().fold(row.created_at, Ord::max);
    let days = today.signed_duration_since(last.date()).num_days();
    let refund = Refund::from(row);
    (refund.is_open() && days > EXPIRES_AFTER).then_some(refund)
}

/// The refund of that id, if it has expired by that day, UTC.
///
/// # Errors
/// When the database fails.
pub async fn by_id_if_expired(
    db: &impl ConnectionTrait,
    id: i32,
    today: NaiveDate,
) -> Result<Option<Refund>, FinanceError> {
    let row = refund::Entity::find_by_id(id).one(db).await?;
    Ok(row.and_then(|row| expired(row, today)))
}

/// The refunds of all clients that have expired by that day, UTC: each one's id, and its client's
/// person id.
///
/// # Errors
/// When the database fails.
pub async fn all_expired(
    db: &impl ConnectionTrait,
    today: NaiveDate,
) -> Result<Vec<(i32, i32)>, FinanceError> {
    let rows = refund::Entity::find()
        .find_also_related(finance_client::Entity)
        .filter(refund::Column::FulfilledAt.is_null())
        .filter(refund::Column::CancelledAt.is_null())
        .filter(refund::Column::Decision.ne(word(RefundDecision::Rejected)))
        .order_by_asc(refund::Column::Id)
        .all(db)
        .await?;
    let expired = rows
        .into_iter()
        .filter_map(|(row, client)| Some((expired(row, today)?.id, client?.client_id)));
    Ok(expired.collect())
}

/// A page of the refunds of all clients, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn page(
    db: &impl ConnectionTrait,
    status: Option<RefundStatus>,
    ask: Ask,
) -> Result<Page<Refund>, FinanceError> {
    use refund::Column;
    let mut all = refund::Entity::find();
    if let Some(status) = status {
        all = all.filter(has_status(status));
    }
    let page = worklist::page(db, all, Column::CreatedAt, Column::Id, ask).await?;
    Ok(page.map(Into::into))
}

/// [`Refund::status`] as the database sees it.
pub(super) fn has_status(status: RefundStatus) -> Condition {
    use refund::Column;
    let decided = |decision| {
        Condition::all()
            .add(Column::FulfilledAt.is_null())
            .add(Column::CancelledAt.is_null())
            .add(Column::ProcessedAt.is_null())
            .add(Column::Decision.eq(word(decision)))
    };
    match status {
        RefundStatus::Fulfilled => Condition::all().add(Column::FulfilledAt.is_not_null()),
        RefundStatus::Cancelled => Condition::all()
            .add(Column::FulfilledAt.is_null())
            .add(Column::CancelledAt.is_not_null()),
        RefundStatus::Processing => Condition::all()
            .add(Column::FulfilledAt.is_null())
            .add(Column::CancelledAt.is_null())
            .add(Column::ProcessedAt.is_not_null()),
        RefundStatus::Pending => decided(RefundDecision::Pending),
        RefundStatus::Approved => decided(RefundDecision::Approved),
        RefundStatus::Rejected => decided(RefundDecision::Rejected),
    }
}
