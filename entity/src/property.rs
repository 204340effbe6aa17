//! Table `property`.

use sea_orm::entity::prelude::*;

/// Settings that Sirius keeps in the schema.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "property")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Name.
    #[sea_orm(column_type = "String(StringLen::N(100))", unique)]
    pub key: String,
    /// Value.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub value: String,
}

impl ActiveModelBehavior for ActiveModel {}
