//! Table `payment_method`.

use sea_orm::entity::prelude::*;

use crate::stored::{PaymentMethod, Stored};

/// The history of direct debit mandates: made (`DIRECT DEBIT`) or ended (`DEMANDED`).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_method")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The client.
    pub finance_client_id: i32,
    /// The method from then on.
    #[sea_orm(column_name = "type")]
    pub kind: Stored<PaymentMethod>,
    /// When, UTC.
    pub created_at: DateTime,
    /// Sirius user who did it.
    pub created_by: i32,
    /// The row that `finance_client_id` points to.
    #[sea_orm(belongs_to, from = "finance_client_id", to = "id")]
    pub finance_client: BelongsTo<super::finance_client::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
