//! The result of a batch beside its key, who gave an adjustment its amount, and an index by which the
//! events that wait are found among those that were sent long ago.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean_null, text_null};

use crate::columns::{add_columns, drop_columns};

const WAITING: &str = "idx_outgoing_event_waiting";

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "idempotency_key", [text_null("result").take()]).await?;
        let given = boolean_null("amount_given").take();
        add_columns(manager, "invoice_adjustment", [given]).await?;
        manager
            .create_index(
                Index::create()
                    .name(WAITING)
                    .table("outgoing_event")
                    .col("finance_client_id")
                    .col("id")
                    .and_where(Expr::col("delivered_at").is_null())
                    .and_where(Expr::col("parked_at").is_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop()
            .name(WAITING)
            .table("outgoing_event")
            .to_owned();
        manager.drop_index(index).await?;
        drop_columns(manager, "invoice_adjustment", &["amount_given"]).await?;
        drop_columns(manager, "idempotency_key", &["result"]).await
    }
}
