//! Table `transaction_type`.

use sea_orm::entity::prelude::*;

/// How each kind of transaction is posted to the general ledger: reference data.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transaction_type")]
pub struct Model {
    /// Primary key, an identity.
    #[sea_orm(primary_key)]
    pub id: i32,
    /// Fee type or posting code.
    pub fee_type: String,
    /// Level or fee type it applies to; may be empty.
    pub supervision_level: String,
    /// Ledger type it posts.
    pub ledger_type: Option<String>,
    /// Account it posts to.
    pub account_code: Option<i64>,
    /// What it is.
    pub description: Option<String>,
    /// Text of its journal line.
    pub line_description: Option<String>,
    /// Whether it is money received.
    pub is_receipt: Option<bool>,
}

impl ActiveModelBehavior for ActiveModel {}
