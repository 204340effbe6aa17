//! Table `refund`.

use sea_orm::entity::prelude::*;

use crate::stored::{RefundDecision, Stored};

/// A request to pay a client's credit back.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The client.
    pub finance_client_id: i32,
    /// Day it was asked for.
    pub raised_date: Date,
    /// Pence.
    pub amount: i32,
    /// Where the decision stands; the refund's status is derived (`domain.md` section 3).
    pub decision: Stored<RefundDecision>,
    /// Why.
    pub notes: String,
    /// Sirius user who asked.
    pub created_by: i32,
    /// When it was asked for, UTC.
    pub created_at: DateTime,
    /// Sirius user who decided.
    pub decision_by: Option<i32>,
    /// When it was decided, UTC.
    pub decision_at: Option<DateTime>,
    /// When it went to the bank, UTC.
    pub processed_at: Option<DateTime>,
    /// When it was cancelled, UTC.
    pub cancelled_at: Option<DateTime>,
    /// When it was paid, UTC.
    pub fulfilled_at: Option<DateTime>,
    /// Sirius user who cancelled it.
    pub cancelled_by: Option<i32>,
    /// When it went back from approved to pending, UTC.
    pub reset_at: Option<DateTime>,
    /// The row that `finance_client_id` points to.
    #[sea_orm(belongs_to, from = "finance_client_id", to = "id")]
    pub finance_client: BelongsTo<super::finance_client::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
