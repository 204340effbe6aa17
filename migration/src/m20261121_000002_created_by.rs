//! Who made an invoice or a ledger, and when.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::integer_null;

use crate::columns::{add_columns, drop_columns, second_null};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["invoice", "ledger"] {
            let columns = [
                second_null(manager, "created_at"),
                integer_null("created_by"),
            ];
            add_columns(manager, table, columns).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["ledger", "invoice"] {
            drop_columns(manager, table, &["created_by", "created_at"]).await?;
        }
        Ok(())
    }
}
