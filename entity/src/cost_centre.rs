//! Table `cost_centre`.

use sea_orm::entity::prelude::*;

/// Cost centres of the general ledger: reference data.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cost_centre")]
pub struct Model {
    /// Code.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: i32,
    /// Description.
    pub cost_centre_description: String,
}

impl ActiveModelBehavior for ActiveModel {}
