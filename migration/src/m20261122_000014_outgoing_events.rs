//! What changes leave behind for others: events to send, the keys of requests that were answered, and
//! the instant a refund went back to pending.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    date_time, date_time_null, integer, string_len, string_len_null, text,
};

use crate::columns::{
    add_columns, drop_columns, drop_table, id, index, references, sequence, unique_index,
};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "refund", [date_time_null("reset_at").take()]).await?;
        manager
            .create_table(
                Table::create()
                    .table("outgoing_event")
                    .col(id())
                    .col(string_len("event_id", 36).unique_key())
                    .col(integer("finance_client_id"))
                    .col(string_len("detail_type", 100))
                    .col(text("detail"))
                    .col(date_time("created_at"))
                    .col(integer("attempts").default(0))
                    .col(date_time("next_attempt_at"))
                    .col(date_time_null("delivered_at"))
                    .col(date_time_null("parked_at"))
                    .col(string_len_null("last_error", 255))
                    .foreign_key(&mut references(
                        "outgoing_event",
                        "finance_client_id",
                        "finance_client",
                    ))
                    .to_owned(),
            )
            .await?;
        sequence(manager, "outgoing_event").await?;
        index(manager, "outgoing_event", &["finance_client_id"]).await?;
        index(
            manager,
            "outgoing_event",
            &["delivered_at", "next_attempt_at"],
        )
        .await?;
        manager
            .create_table(
                Table::create()
                    .table("idempotency_key")
                    .col(id())
                    .col(string_len("caller", 100))
                    .col(string_len("key", 255))
                    .col(string_len("operation", 100))
                    .col(string_len("content_hash", 64))
                    .col(integer("result_id"))
                    .col(date_time("created_at"))
                    .to_owned(),
            )
            .await?;
        sequence(manager, "idempotency_key").await?;
        unique_index(manager, "idempotency_key", &["caller", "key"]).await?;
        index(manager, "idempotency_key", &["created_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "idempotency_key").await?;
        drop_table(manager, "outgoing_event").await?;
        drop_columns(manager, "refund", &["reset_at"]).await
    }
}
