//! Indexes that the service's own queries need and the live schema lacks (`domain.md` section 2).

use sea_orm_migration::prelude::*;

use crate::columns::{drop_index, index, unique_index};

const FOREIGN_KEYS: [(&str, &str); 6] = [
    ("invoice_adjustment", "finance_client_id"),
    ("invoice_adjustment", "invoice_id"),
    ("invoice_adjustment", "ledger_id"),
    ("refund", "finance_client_id"),
    ("bank_details", "refund_id"),
    ("payment_method", "finance_client_id"),
];

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unique_index(manager, "finance_client", &["client_id"]).await?;
        for (table, column) in FOREIGN_KEYS {
            index(manager, table, &[column]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in FOREIGN_KEYS.into_iter().rev() {
            drop_index(manager, "idx", table, &[column]).await?;
        }
        drop_index(manager, "uniq", "finance_client", &["client_id"]).await
    }
}
