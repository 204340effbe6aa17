//! Table `bank_details`.

use sea_orm::entity::prelude::*;

/// Where a refund is to be paid; deleted once it is settled.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bank_details")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The refund.
    pub refund_id: i32,
    /// Account holder.
    pub name: String,
    /// Account number, 8 digits.
    pub account: String,
    /// Sort code, `NN-NN-NN`.
    pub sort_code: String,
    /// The row that `refund_id` points to.
    #[sea_orm(belongs_to, from = "refund_id", to = "id")]
    pub refund: BelongsTo<super::refund::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
