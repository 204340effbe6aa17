//! Table `billing_period`.

use sea_orm::entity::prelude::*;

/// A span of time that an order is billed for.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "billing_period")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The client.
    pub finance_client_id: Option<i32>,
    /// Sirius's order id.
    pub order_id: Option<i32>,
    /// First day.
    pub start_date: Date,
    /// Last day; none while it runs.
    pub end_date: Option<Date>,
    /// The row that `finance_client_id` points to.
    #[sea_orm(belongs_to, from = "finance_client_id", to = "id")]
    pub finance_client: BelongsTo<Option<super::finance_client::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
