//! Refunds of credit, and where they are to be paid.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{date, date_time, date_time_null, integer, integer_null, string};

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
                    .table("refund")
                    .col(id())
                    .col(integer("finance_client_id"))
                    .col(date("raised_date"))
                    .col(integer("amount"))
                    .col(string("decision"))
                    .col(string("notes"))
                    .col(integer("created_by"))
                    .col(date_time("created_at"))
                    .col(integer_null("decision_by"))
                    .col(date_time_null("decision_at"))
                    .col(date_time_null("processed_at"))
                    .col(date_time_null("cancelled_at"))
                    .col(date_time_null("fulfilled_at"))
                    .col(integer_null("cancelled_by"))
                    .foreign_key(&mut references(
                        "refund",
                        "finance_client_id",
                        "finance_client",
                    ))
                    .to_owned(),
            )
            .await?;
        sequence(manager, "refund").await?;
        manager
            .create_table(
                Table::create()
                    .table("bank_details")
                    .col(id())
                    .col(integer("refund_id"))
                    .col(string("name"))
                    .col(string("account"))
                    .col(string("sort_code"))
                    .foreign_key(&mut references("bank_details", "refund_id", "refund"))
                    .to_owned(),
            )
            .await?;
        sequence(manager, "bank_details").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "bank_details").await?;
        drop_table(manager, "refund").await
    }
}
