//! The history of direct debit mandates.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{date_time, integer, string};

use crate::columns::{drop_table, id, references, sequence};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("payment_method")
                    .col(id())
                    .col(integer("finance_client_id"))
                    .col(string("type"))
                    .col(date_time("created_at"))
                    .col(integer("created_by"))
                    .foreign_key(&mut references(
                        "payment_method",
                        "finance_client_id",
                        "finance_client",
                    ))
                    .to_owned(),
            )
            .await?;
        sequence(manager, "payment_method").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "payment_method").await
    }
}
