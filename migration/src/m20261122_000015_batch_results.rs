//! The result of a batch beside its key, who gave an adjustment its amount, and indexes by which the
//! events that wait are found among those that were sent long ago.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean_null, text_null};

use crate::columns::{add_columns, drop_columns};

/// Of events that wait: a client's in their order, and those that are due.
const INDEXES: [(&str, [&str; 2]); 2] = [
    ("idx_outgoing_event_waiting", ["finance_client_id", "id"]),
    ("idx_outgoing_event_due", ["next_attempt_at", "id"]),
];

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "idempotency_key", [text_null("result").take()]).await?;
        let given = boolean_null("amount_given").take();
        add_columns(manager, "invoice_adjustment", [given]).await?;
        for (name, columns) in INDEXES {
            let mut index = Index::create()
                .name(name)
                .table("outgoing_event")
                .and_where(Expr::col("delivered_at").is_null())
                .and_where(Expr::col("parked_at").is_null())
                .to_owned();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in INDEXES {
            let index = Index::drop().name(name).table("outgoing_event").to_owned();
            manager.drop_index(index).await?;
        }
        drop_columns(manager, "invoice_adjustment", &["amount_given"]).await?;
        drop_columns(manager, "idempotency_key", &["result"]).await
    }
}
