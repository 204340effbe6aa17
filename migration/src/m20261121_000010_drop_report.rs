//! Table `report` is no longer used: dropped if it is empty, kept and said so if not.

use sea_orm_migration::prelude::*;

use crate::columns::{drop_table, on_postgres, sequence};
use crate::report;

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_table("report").await? {
            return Ok(());
        }
        // Nobody may put a row in between looking and dropping.
        on_postgres(manager, "LOCK TABLE report IN ACCESS EXCLUSIVE MODE").await?;
        let any = Query::select()
            .expr(Expr::val(1))
            .from("report")
            .limit(1)
            .to_owned();
        if manager.get_connection().query_one(&any).await?.is_some() {
            tracing::warn!("table report has rows and is kept; nothing here reads it any more");
            return Ok(());
        }
        drop_table(manager, "report").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_table("report").await? {
            return Ok(());
        }
        report::create(manager).await?;
        sequence(manager, "report").await
    }
}
