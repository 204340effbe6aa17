//! Whether the live schema is what its recorded migrations build.

use sea_orm_migration::prelude::*;
use serde::Serialize;

use super::catalog::{Catalog, Kind};
use super::compare::{Difference, compare};
use super::scratch::Scratch;
use super::{OwnershipError, ident, needs_postgres, rows};
use crate::connection::SCHEMA;
use crate::runner::Runner;

/// What `verify` found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The migrations that are recorded.
    pub versions: Vec<String>,
    /// How many objects were compared.
    pub objects: usize,
    /// Every drift; none is good.
    pub drift: Vec<Difference>,
}

/// Compares the whole live schema with what the recorded migrations would build, in a scratch
/// database that is removed afterwards. Nothing else is changed.
///
/// # Errors
/// When it could not be checked.
pub async fn verify(
    runner: &Runner,
    url: &str,
    scratch_url: Option<&str>,
) -> Result<Report, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    let versions = runner.recorded().await?;
    if versions.is_empty() {
        return Err(OwnershipError::Refused(format!(
            "no migration is recorded in schema {SCHEMA} of this database, so there is nothing to \
             compare with: run `migration up`, or `migration adopt` where there are tables"
        )));
    }
    let live = Catalog::read(db, SCHEMA).await?;
    // A report with rows is kept by the step that drops an empty one: that is no drift.
    let has_report = live.tables().any(|table| table == "report");
    let report_has_rows = has_report
        && super::any(db, &format!("SELECT 1 FROM {SCHEMA}.report LIMIT 1"), &[]).await?;
    let scratch = Scratch::create(scratch_url.unwrap_or(url)).await?;
    let built = match scratch.apply(&versions, report_has_rows).await {
        Ok(()) => scratch.catalog().await,
        Err(error) => Err(error),
    };
    let removed = scratch.remove().await;
    let expected = built?;
    removed?;
    let mut drift = compare(&expected, &live);
    drift.extend(lagging(db, &live).await?);
    drift.extend(others(db).await?);
    Ok(Report {
        versions,
        objects: expected.0.len(),
        drift,
    })
}

/// Tables and sequences that do not belong to the schema's owner, so that its rights and default
/// privileges do not hold for them.
async fn others(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let sql = "SELECT c.relname::text, c.relkind = 'S', pg_get_userbyid(n.nspowner)::text,
            pg_get_userbyid(c.relowner)::text
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'S') AND c.relowner <> n.nspowner
        AND c.relname NOT LIKE 'goose\\_db\\_version%' ORDER BY 1";
    let mut others = Vec::new();
    for row in rows(db, sql, &[SCHEMA]).await? {
        let is_sequence: bool = row.try_get_by_index(1)?;
        others.push(Difference {
            kind: if is_sequence {
                Kind::Sequence
            } else {
                Kind::Table
            },
            object: row.try_get_by_index(0)?,
            attribute: Some("owner".to_owned()),
            expected: Some(row.try_get_by_index(2)?),
            found: Some(row.try_get_by_index(3)?),
        });
    }
    Ok(others)
}

/// Sequences behind the highest id of their table: the next row would collide.
async fn lagging(db: &impl ConnectionTrait, live: &Catalog) -> Result<Vec<Difference>, DbErr> {
    let mut lagging = Vec::new();
    for table in live.tables() {
        let sequence = format!("{table}_id_seq");
        let is_there = live.0.contains_key(&(Kind::Sequence, sequence.clone()));
        if !is_there || !live.has_column(table, "id") {
            continue;
        }
        let name = format!("{SCHEMA}.{}", ident(&sequence));
        let table = format!("{SCHEMA}.{}", ident(table));
        if let Some((last, highest)) = lag(db, &table, &name).await? {
            lagging.push(Difference {
                kind: Kind::Sequence,
                object: sequence,
                attribute: Some("last value".to_owned()),
                expected: Some(format!("at least {highest}")),
                found: Some(last.to_string()),
            });
        }
    }
    Ok(lagging)
}

/// A sequence's last value and its table's highest id, if it is behind.
pub(super) async fn lag(
    db: &impl ConnectionTrait,
    table: &str,
    sequence: &str,
) -> Result<Option<(i64, i64)>, DbErr> {
    let sql = format!(
        "SELECT CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END,
                coalesce((SELECT max(id) FROM {table}), 0)::bigint FROM {sequence} s"
    );
    let rows = rows(db, &sql, &[]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let (last, highest): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    Ok((last < highest).then_some((last, highest)))
}
