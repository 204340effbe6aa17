//! Table `ledger`.

use sea_orm::entity::prelude::*;

use crate::stored::{LedgerStatus, LedgerType, Stored};

/// One transaction of a client. Immutable: nothing updates or deletes a row (`domain.md` section 4).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Random UUID.
    #[sea_orm(column_type = "String(StringLen::N(50))", unique)]
    pub reference: String,
    /// When it happened, UTC; for payments the day received.
    #[sea_orm(column_type = "custom(\"timestamp(0)\")")]
    pub datetime: DateTime,
    /// Empty in rows written here.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub method: String,
    /// Pence, signed.
    pub amount: i32,
    /// Free text.
    #[sea_orm(column_type = "Text")]
    pub notes: Option<String>,
    /// What kind of transaction.
    #[sea_orm(column_name = "type", column_type = "String(StringLen::N(255))")]
    pub kind: Stored<LedgerType>,
    /// Only CONFIRMED counts.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub status: Stored<LedgerStatus>,
    /// The client.
    pub finance_client_id: Option<i32>,
    /// Ledger it belongs under, in old rows.
    pub parent_id: Option<i32>,
    /// Reduction that it applies.
    pub fee_reduction_id: Option<i32>,
    /// Day it was confirmed.
    pub confirmeddate: Option<Date>,
    /// Day at the bank.
    pub bankdate: Option<Date>,
    /// Batch that Sirius exported it in.
    pub batchnumber: Option<i32>,
    /// Bank account paid into.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub bankaccount: Option<String>,
    /// Where it came from.
    #[sea_orm(column_type = "String(StringLen::N(20))")]
    pub source: Option<String>,
    /// Line of the file it came from.
    pub line: Option<i32>,
    /// When it was written here, UTC; none for rows older than the service.
    #[sea_orm(column_type = "custom(\"timestamp(0)\")")]
    pub created_at: Option<DateTime>,
    /// Sirius user who caused it.
    pub created_by: Option<i32>,
    /// Paying-in slip of a cheque.
    pub pis_number: Option<i32>,
    /// The row that `finance_client_id` points to.
    #[sea_orm(belongs_to, from = "finance_client_id", to = "id")]
    pub finance_client: BelongsTo<Option<super::finance_client::Entity>>,
    /// The row that `fee_reduction_id` points to.
    #[sea_orm(belongs_to, from = "fee_reduction_id", to = "id")]
    pub fee_reduction: BelongsTo<Option<super::fee_reduction::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
