//! Table `pending_collection`.

use sea_orm::entity::prelude::*;

use crate::stored::{PendingCollectionStatus, Stored};

/// A direct debit collection asked of the bureau.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_collection")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The client.
    pub finance_client_id: Option<i32>,
    /// Day the money is taken.
    pub collection_date: Date,
    /// Pence.
    pub amount: i32,
    /// Where it stands.
    pub status: Stored<PendingCollectionStatus>,
    /// The payment that it became.
    pub ledger_id: Option<i32>,
    /// When it was scheduled, UTC.
    pub created_at: DateTime,
    /// Sirius user who scheduled it.
    pub created_by: i32,
    /// The row that `finance_client_id` points to.
    #[sea_orm(belongs_to, from = "finance_client_id", to = "id")]
    pub finance_client: BelongsTo<Option<super::finance_client::Entity>>,
    /// The row that `ledger_id` points to.
    #[sea_orm(belongs_to, from = "ledger_id", to = "id")]
    pub ledger: BelongsTo<Option<super::ledger::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
