//! Table `finance_client`.

use sea_orm::entity::prelude::*;

use crate::stored::{PaymentMethod, Stored};

/// A client's finance account: one row a client of Sirius (`domain.md` section 2).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "finance_client")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Sirius's person id.
    #[sea_orm(unique)]
    pub client_id: i32,
    /// Number of the account in the older finance system.
    #[sea_orm(column_type = "Text")]
    pub sop_number: String,
    /// How the client pays.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub payment_method: Stored<PaymentMethod>,
    /// Batch that Sirius last exported the row in.
    pub batchnumber: Option<i32>,
    /// Court reference, by which payments name the client.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub court_ref: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
