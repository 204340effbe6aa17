//! Table `invoice`.

use sea_orm::entity::prelude::*;

use crate::stored::{FeeType, Stored, SupervisionLevel};

/// A fee charged to a client.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Sirius's person id.
    pub person_id: Option<i32>,
    /// The client.
    pub finance_client_id: Option<i32>,
    /// What the fee is for.
    #[sea_orm(column_type = "Text")]
    pub feetype: Stored<FeeType>,
    /// Reference that people quote, such as `S2000123/24`.
    #[sea_orm(column_type = "String(StringLen::N(50))", unique)]
    pub reference: String,
    /// First day the fee covers.
    pub startdate: Date,
    /// Last day the fee covers.
    pub enddate: Date,
    /// Pence.
    pub amount: i32,
    /// Level of supervision charged for.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub supervisionlevel: Option<Stored<SupervisionLevel>>,
    /// Day it was confirmed.
    pub confirmeddate: Option<Date>,
    /// Batch that Sirius exported it in.
    pub batchnumber: Option<i32>,
    /// Day it was raised.
    pub raiseddate: Option<Date>,
    /// Where it came from.
    #[sea_orm(column_type = "String(StringLen::N(20))")]
    pub source: Option<String>,
    /// Day its FN14 letter is due.
    pub scheduledfn14date: Option<Date>,
    /// Outstanding pence as of the last change made here; Sirius reads it.
    pub cacheddebtamount: Option<i32>,
    /// When it was made here, UTC; none for rows older than the service.
    #[sea_orm(column_type = "custom(\"timestamp(0)\")")]
    pub created_at: Option<DateTime>,
    /// Sirius user who made it.
    pub created_by: Option<i32>,
    /// The row that `finance_client_id` points to.
    #[sea_orm(belongs_to, from = "finance_client_id", to = "id")]
    pub finance_client: BelongsTo<Option<super::finance_client::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
