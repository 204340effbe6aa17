//! How transactions are posted to the general ledger: tables of reference data.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean_null, integer, integer_null, string, string_null,
};
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{index, references_column};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("cost_centre")
                    .col(integer("code").primary_key())
                    .col(string("cost_centre_description"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("account")
                    .col(big_integer("code").primary_key())
                    .col(string("account_code_description"))
                    .col(integer_null("cost_centre"))
                    .foreign_key(&mut references_column(
                        "account",
                        "cost_centre",
                        "cost_centre",
                        "code",
                    ))
                    .to_owned(),
            )
            .await?;
        let mut id = integer("id").primary_key().take();
        if manager.get_database_backend() == DbBackend::Postgres {
            id.extra("GENERATED ALWAYS AS IDENTITY");
        }
        manager
            .create_table(
                Table::create()
                    .table("transaction_type")
                    .col(id)
                    .col(string("fee_type"))
                    .col(string("supervision_level"))
                    .col(string_null("ledger_type"))
                    .col(big_integer_null("account_code"))
                    .col(string_null("description"))
                    .col(string_null("line_description"))
                    .col(boolean_null("is_receipt"))
                    .foreign_key(&mut references_column(
                        "transaction_type",
                        "account_code",
                        "account",
                        "code",
                    ))
                    .to_owned(),
            )
            .await?;
        index(
            manager,
            "transaction_type",
            &["fee_type", "supervision_level"],
        )
        .await?;
        index(
            manager,
            "transaction_type",
            &["ledger_type", "supervision_level"],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["transaction_type", "account", "cost_centre"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
