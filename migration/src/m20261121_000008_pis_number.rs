//! The paying-in slip of a cheque.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::integer_null;

use crate::columns::{add_columns, drop_columns};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "ledger", [integer_null("pis_number")]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, "ledger", &["pis_number"]).await
    }
}
