//! Who awarded and who cancelled a fee reduction, when and why.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{integer_null, text_null};

use crate::columns::{add_columns, drop_columns, second_null};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            second_null(manager, "created_at"),
            integer_null("created_by"),
            second_null(manager, "cancelled_at"),
            integer_null("cancelled_by"),
            text_null("cancellation_reason"),
        ];
        add_columns(manager, "fee_reduction", columns).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            "cancellation_reason",
            "cancelled_by",
            "cancelled_at",
            "created_by",
            "created_at",
        ];
        drop_columns(manager, "fee_reduction", &columns).await
    }
}
