//! Table `outgoing_event`.

use sea_orm::entity::prelude::*;

/// An event that a change has caused, to be sent to others.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outgoing_event")]
pub struct Model {
    /// Primary key; later events have higher ones.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Random UUID that stays the same however often it is sent.
    #[sea_orm(column_type = "String(StringLen::N(36))", unique)]
    pub event_id: String,
    /// The client.
    pub finance_client_id: i32,
    /// What happened, such as `refund-added`.
    #[sea_orm(column_type = "String(StringLen::N(100))")]
    pub detail_type: String,
    /// What is told of it: a JSON object.
    #[sea_orm(column_type = "Text")]
    pub detail: String,
    /// When it happened, UTC.
    pub created_at: DateTime,
    /// How often it was sent.
    #[sea_orm(default_value = 0)]
    pub attempts: i32,
    /// When it may be sent next, UTC.
    pub next_attempt_at: DateTime,
    /// When it was taken, UTC.
    pub delivered_at: Option<DateTime>,
    /// When it was given up, UTC.
    pub parked_at: Option<DateTime>,
    /// Why it was not taken the last time.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub last_error: Option<String>,
    /// The row that `finance_client_id` points to.
    #[sea_orm(belongs_to, from = "finance_client_id", to = "id")]
    pub finance_client: BelongsTo<super::finance_client::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
