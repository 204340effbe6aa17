//! Table `invoice_fee_range`.

use sea_orm::entity::prelude::*;

use crate::stored::{Stored, SupervisionLevel};

/// The part of an invoice that is charged at one supervision level.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice_fee_range")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The invoice.
    pub invoice_id: Option<i32>,
    /// Level charged for.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub supervisionlevel: Stored<SupervisionLevel>,
    /// First day.
    pub fromdate: Date,
    /// Last day.
    pub todate: Date,
    /// Pence.
    pub amount: i32,
    /// The row that `invoice_id` points to.
    #[sea_orm(belongs_to, from = "invoice_id", to = "id")]
    pub invoice: BelongsTo<Option<super::invoice::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
