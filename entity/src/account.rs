//! Table `account`.

use sea_orm::entity::prelude::*;

/// Accounts of the general ledger: reference data.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    /// Code.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: i64,
    /// Description.
    pub account_code_description: String,
    /// Cost centre it belongs to.
    pub cost_centre: Option<i32>,
}

impl ActiveModelBehavior for ActiveModel {}
