//! Table `ledger_allocation`.

use sea_orm::entity::prelude::*;

use crate::stored::{AllocationStatus, Stored};

/// Where the money of a ledger went. Immutable: nothing updates or deletes a row (`domain.md` section 4).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_allocation")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The ledger.
    pub ledger_id: Option<i32>,
    /// The invoice; none for overpayments and refunds.
    pub invoice_id: Option<i32>,
    /// Its ledger's instant, UTC.
    #[sea_orm(column_type = "custom(\"timestamp(0)\")")]
    pub datetime: DateTime,
    /// Pence, signed by its status.
    pub amount: i32,
    /// What the money did.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub status: Stored<AllocationStatus>,
    /// Reference, in old rows.
    #[sea_orm(column_type = "String(StringLen::N(25))", unique)]
    pub reference: Option<String>,
    /// Free text.
    #[sea_orm(column_type = "Text")]
    pub notes: Option<String>,
    /// Day of allocation, in old rows.
    pub allocateddate: Option<Date>,
    /// Batch that Sirius exported it in.
    pub batchnumber: Option<i32>,
    /// Where it came from.
    #[sea_orm(column_type = "String(StringLen::N(20))")]
    pub source: Option<String>,
    /// The row that `ledger_id` points to.
    #[sea_orm(belongs_to, from = "ledger_id", to = "id")]
    pub ledger: BelongsTo<Option<super::ledger::Entity>>,
    /// The row that `invoice_id` points to.
    #[sea_orm(belongs_to, from = "invoice_id", to = "id")]
    pub invoice: BelongsTo<Option<super::invoice::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
