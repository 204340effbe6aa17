//! Direct debit collections asked of the bureau.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{date, date_time, integer, integer_null, string};

use crate::columns::{drop_table, id, index, references, sequence};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("pending_collection")
                    .col(id())
                    .col(integer_null("finance_client_id"))
                    .col(date("collection_date"))
                    .col(integer("amount"))
                    .col(string("status"))
                    .col(integer_null("ledger_id"))
                    .col(date_time("created_at"))
                    .col(integer("created_by"))
                    .foreign_key(&mut references(
                        "pending_collection",
                        "finance_client_id",
                        "finance_client",
                    ))
                    .foreign_key(&mut references("pending_collection", "ledger_id", "ledger"))
                    .to_owned(),
            )
            .await?;
        index(manager, "pending_collection", &["finance_client_id"]).await?;
        index(manager, "pending_collection", &["status"]).await?;
        index(manager, "pending_collection", &["ledger_id"]).await?;
        sequence(manager, "pending_collection").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "pending_collection").await
    }
}
