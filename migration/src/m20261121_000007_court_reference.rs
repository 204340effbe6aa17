//! The reference by which payments name a client.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len_null;

use crate::columns::{add_columns, drop_columns, drop_index, index};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(
            manager,
            "finance_client",
            [string_len_null("court_ref", 255)],
        )
        .await?;
        index(manager, "finance_client", &["court_ref"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "idx", "finance_client", &["court_ref"]).await?;
        drop_columns(manager, "finance_client", &["court_ref"]).await
    }
}
