//! Columns and keys as the live schema has them, for either database.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::integer;
use sea_orm_migration::sea_orm::DbBackend;

/// The primary key `id`: an integer without a default (`domain.md` section 2).
pub(crate) fn id() -> ColumnDef {
    integer("id").primary_key().take()
}

/// An instant cut to the second: `timestamp(0)` on PostgreSQL.
pub(crate) fn second(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    second_null(manager, name).not_null().take()
}

/// An instant cut to the second, or none.
pub(crate) fn second_null(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    match manager.get_database_backend() {
        DbBackend::Postgres => ColumnDef::new(name).custom("timestamp(0)").take(),
        _ => ColumnDef::new(name).date_time().take(),
    }
}

/// A foreign key to another table's `id`.
pub(crate) fn references(
    table: &'static str,
    column: &'static str,
    target: &'static str,
) -> ForeignKeyCreateStatement {
    references_column(table, column, target, "id")
}

/// A foreign key to a column of another table.
pub(crate) fn references_column(
    table: &'static str,
    column: &'static str,
    target: &'static str,
    target_column: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, column)
        .to(target, target_column)
        .to_owned()
}

/// A foreign key whose rows go with the row they point to, as Sirius set it up.
pub(crate) fn references_cascading(
    table: &'static str,
    column: &'static str,
    target: &'static str,
) -> ForeignKeyCreateStatement {
    references(table, column, target)
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

/// Creates a plain index `idx_TABLE_COLUMNS`.
pub(crate) async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    manager
        .create_index(index_statement("idx", table, columns))
        .await
}

/// Creates a unique index `uniq_TABLE_COLUMNS`.
pub(crate) async fn unique_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    manager
        .create_index(index_statement("uniq", table, columns).unique().to_owned())
        .await
}

/// Drops an index made by [`index`] or, with prefix `uniq`, by [`unique_index`].
pub(crate) async fn drop_index(
    manager: &SchemaManager<'_>,
    prefix: &str,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let name = index_name(prefix, table, columns);
    manager
        .drop_index(Index::drop().name(name).table(table).to_owned())
        .await
}

fn index_name(prefix: &str, table: &str, columns: &[&str]) -> String {
    format!("{prefix}_{table}_{}", columns.join("_"))
}

fn index_statement(
    prefix: &str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut statement = Index::create()
        .name(index_name(prefix, table, columns))
        .table(table)
        .to_owned();
    for column in columns {
        statement.col(*column);
    }
    statement
}

/// Creates the sequence `TABLE_id_seq` that writers take ids from. SQLite has none: it gives ids
/// by itself.
pub(crate) async fn sequence(
    manager: &SchemaManager<'_>,
    table: &'static str,
) -> Result<(), DbErr> {
    on_postgres(manager, &format!("CREATE SEQUENCE {table}_id_seq")).await
}

/// Drops a table and, on PostgreSQL, the sequence of its ids.
pub(crate) async fn drop_table(
    manager: &SchemaManager<'_>,
    table: &'static str,
) -> Result<(), DbErr> {
    manager
        .drop_table(Table::drop().table(table).to_owned())
        .await?;
    on_postgres(manager, &format!("DROP SEQUENCE IF EXISTS {table}_id_seq")).await
}

/// Runs a statement that only PostgreSQL understands, there alone.
pub(crate) async fn on_postgres(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}

/// Adds columns, one statement each: SQLite takes no more at a time.
pub(crate) async fn add_columns(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: impl IntoIterator<Item = ColumnDef>,
) -> Result<(), DbErr> {
    for column in columns {
        manager
            .alter_table(Table::alter().table(table).add_column(column).to_owned())
            .await?;
    }
    Ok(())
}

/// Drops columns, one statement each.
pub(crate) async fn drop_columns(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    for column in columns {
        manager
            .alter_table(Table::alter().table(table).drop_column(*column).to_owned())
            .await?;
    }
    Ok(())
}
