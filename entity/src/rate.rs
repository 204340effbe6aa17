//! Table `rate`.

use sea_orm::entity::prelude::*;

/// What a fee costs in a span of time.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rate")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Fee or level it prices.
    #[sea_orm(column_name = "type", column_type = "String(StringLen::N(50))")]
    pub kind: String,
    /// First day.
    pub startdate: Option<Date>,
    /// Last day.
    pub enddate: Option<Date>,
    /// Pence.
    pub amount: i32,
}

impl ActiveModelBehavior for ActiveModel {}
