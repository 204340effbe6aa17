//! What taking a migration back would lose: seen by trying, not declared.

use std::collections::BTreeSet;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseTransaction, DbBackend, Statement, TransactionTrait};

use crate::Migrator;
use crate::ownership::catalog::BOOKKEEPING;

type Columns = BTreeSet<(String, String)>;

/// Takes the latest migration back within a savepoint, compares, and undoes it. Gives each table
/// that would go although it has rows (`ledger`) and each column that would go although it has
/// values (`ledger.pis_number`).
pub(crate) async fn of_next_down(transaction: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    let before = columns(transaction).await?;
    let trial = transaction.begin().await?;
    Migrator::down(&trial, Some(1)).await?;
    let after = columns(&trial).await?;
    trial.rollback().await?;

    // Nobody may put anything in between looking and dropping: locks of the trial went with it.
    if transaction.get_database_backend() == DbBackend::Postgres {
        for table in before
            .difference(&after)
            .map(|(table, _)| table)
            .collect::<BTreeSet<_>>()
        {
            let lock = format!("LOCK TABLE \"{table}\" IN ACCESS EXCLUSIVE MODE");
            transaction.execute_unprepared(&lock).await?;
        }
    }
    let kept = after
        .iter()
        .map(|(table, _)| table.as_str())
        .collect::<BTreeSet<_>>();
    let mut lost = BTreeSet::new();
    for (table, column) in before.difference(&after) {
        let mut any = Query::select()
            .expr(Expr::val(1))
            .from(table.clone())
            .limit(1)
            .to_owned();
        let name = if kept.contains(table.as_str()) {
            any.and_where(Expr::col(column.clone()).is_not_null());
            format!("{table}.{column}")
        } else {
            table.clone()
        };
        // Its rows come with the step itself.
        let is_ours = BOOKKEEPING.contains(&table.as_str());
        if !is_ours && !lost.contains(&name) && transaction.query_one(&any).await?.is_some() {
            lost.insert(name);
        }
    }
    Ok(lost.into_iter().collect())
}

async fn columns(transaction: &DatabaseTransaction) -> Result<Columns, DbErr> {
    let backend = transaction.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT c.relname::text AS table_name, a.attname::text AS column_name \
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
             AND a.attnum > 0 AND NOT a.attisdropped"
        }
        _ => {
            "SELECT m.name AS table_name, p.name AS column_name \
             FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'"
        }
    };
    transaction
        .query_all_raw(Statement::from_string(backend, sql))
        .await?
        .into_iter()
        .map(|row| {
            Ok((
                row.try_get("", "table_name")?,
                row.try_get("", "column_name")?,
            ))
        })
        .collect()
}
