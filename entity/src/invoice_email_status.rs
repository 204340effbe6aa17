//! Table `invoice_email_status`.

use sea_orm::entity::prelude::*;

/// What became of the e-mail that carried an invoice.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice_email_status")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The invoice.
    pub invoice_id: Option<i32>,
    /// State of the message.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub status: String,
    /// Template it was made from.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub templateid: String,
    /// Day it was made.
    pub createddate: Option<Date>,
    /// The row that `invoice_id` points to.
    #[sea_orm(belongs_to, from = "invoice_id", to = "id")]
    pub invoice: BelongsTo<Option<super::invoice::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
