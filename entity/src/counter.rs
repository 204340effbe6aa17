//! Table `counter`.

use sea_orm::entity::prelude::*;

/// Running numbers, such as those of invoice references.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "counter")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// What is counted, such as `2024InvoiceNumber`.
    #[sea_orm(column_type = "String(StringLen::N(50))", unique)]
    pub key: String,
    /// The last number given out.
    pub counter: i32,
}

impl ActiveModelBehavior for ActiveModel {}
