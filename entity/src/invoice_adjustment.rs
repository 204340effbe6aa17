//! Table `invoice_adjustment`.

use sea_orm::entity::prelude::*;

use crate::stored::{AdjustmentStatus, AdjustmentType, Stored};

/// A change to an invoice that a manager must decide on.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice_adjustment")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The client.
    pub finance_client_id: i32,
    /// The invoice.
    pub invoice_id: i32,
    /// Day it was asked for.
    pub raised_date: Date,
    /// What is asked for.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub adjustment_type: Stored<AdjustmentType>,
    /// Pence; negative where it raises what is owed.
    pub amount: i32,
    /// Whether whoever asked gave the amount, of a type that goes without; none in old rows.
    pub amount_given: Option<bool>,
    /// Why.
    #[sea_orm(column_type = "Text")]
    pub notes: String,
    /// Where the decision stands.
    #[sea_orm(column_type = "String(StringLen::N(50))")]
    pub status: Stored<AdjustmentStatus>,
    /// When it was asked for, UTC.
    #[sea_orm(column_type = "custom(\"timestamp(0)\")")]
    pub created_at: DateTime,
    /// Sirius user who asked.
    pub created_by: i32,
    /// When it was decided, UTC.
    #[sea_orm(column_type = "custom(\"timestamp(0)\")")]
    pub updated_at: Option<DateTime>,
    /// Sirius user who decided.
    pub updated_by: Option<i32>,
    /// The ledger that an approval wrote.
    pub ledger_id: Option<i32>,
    /// The row that `finance_client_id` points to.
    #[sea_orm(belongs_to, from = "finance_client_id", to = "id")]
    pub finance_client: BelongsTo<super::finance_client::Entity>,
    /// The row that `invoice_id` points to.
    #[sea_orm(belongs_to, from = "invoice_id", to = "id")]
    pub invoice: BelongsTo<super::invoice::Entity>,
    /// The row that `ledger_id` points to.
    #[sea_orm(belongs_to, from = "ledger_id", to = "id")]
    pub ledger: BelongsTo<Option<super::ledger::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
