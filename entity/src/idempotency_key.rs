//! Table `idempotency_key`.

use sea_orm::entity::prelude::*;

/// A request that was answered, by the key that its caller gave it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Who asked.
    #[sea_orm(column_type = "String(StringLen::N(100))")]
    pub caller: String,
    /// The key.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub key: String,
    /// What was asked for.
    #[sea_orm(column_type = "String(StringLen::N(100))")]
    pub operation: String,
    /// SHA-256 of all that was asked, in hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub content_hash: String,
    /// Id of the row that the change made or changed.
    pub result_id: i32,
    /// The result of a batch: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub result: Option<String>,
    /// When it was answered, UTC.
    pub created_at: DateTime,
}

impl ActiveModelBehavior for ActiveModel {}
