//! Table `fee_reduction`.

use sea_orm::entity::prelude::*;

use crate::stored::{FeeReductionType, Stored};

/// An exemption, hardship or remission awarded to a client.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fee_reduction")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The client.
    pub finance_client_id: Option<i32>,
    /// Kind of reduction.
    #[sea_orm(column_name = "type", column_type = "String(StringLen::N(255))")]
    pub kind: Stored<FeeReductionType>,
    /// What was shown in evidence.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub evidencetype: Option<String>,
    /// First day.
    pub startdate: Date,
    /// Last day.
    pub enddate: Date,
    /// Why it was awarded.
    #[sea_orm(column_type = "Text")]
    pub notes: String,
    /// Whether it was cancelled.
    #[sea_orm(default_value = false)]
    pub deleted: bool,
    /// Day the application was received.
    pub datereceived: Option<Date>,
    /// When it was awarded here, UTC; none for rows older than the service.
    #[sea_orm(column_type = "custom(\"timestamp(0)\")")]
    pub created_at: Option<DateTime>,
    /// Sirius user who awarded it.
    pub created_by: Option<i32>,
    /// When it was cancelled here, UTC.
    #[sea_orm(column_type = "custom(\"timestamp(0)\")")]
    pub cancelled_at: Option<DateTime>,
    /// Sirius user who cancelled it.
    pub cancelled_by: Option<i32>,
    /// Why it was cancelled.
    #[sea_orm(column_type = "Text")]
    pub cancellation_reason: Option<String>,
    /// The row that `finance_client_id` points to.
    #[sea_orm(belongs_to, from = "finance_client_id", to = "id")]
    pub finance_client: BelongsTo<Option<super::finance_client::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
