//! Adjustments to invoices that a manager decides on.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{date, integer, integer_null, string_len, text};

use crate::columns::{drop_table, id, references, second, second_null, sequence};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("invoice_adjustment")
                    .col(id())
                    .col(integer("finance_client_id"))
                    .col(integer("invoice_id"))
                    .col(date("raised_date"))
                    .col(string_len("adjustment_type", 255))
                    .col(integer("amount"))
                    .col(text("notes"))
                    .col(string_len("status", 50))
                    .col(second(manager, "created_at"))
                    .col(integer("created_by"))
                    .col(second_null(manager, "updated_at"))
                    .col(integer_null("updated_by"))
                    .col(integer_null("ledger_id"))
                    .foreign_key(&mut references(
                        "invoice_adjustment",
                        "finance_client_id",
                        "finance_client",
                    ))
                    .foreign_key(&mut references(
                        "invoice_adjustment",
                        "invoice_id",
                        "invoice",
                    ))
                    .foreign_key(&mut references("invoice_adjustment", "ledger_id", "ledger"))
                    .to_owned(),
            )
            .await?;
        sequence(manager, "invoice_adjustment").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "invoice_adjustment").await
    }
}
