//! The history of the schema: a merged migration keeps its text and its meaning, and `up` keeps
//! every row from whichever version it starts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use migration::Migrator;
use migration::connection::SCHEMA;
use migration::ownership::catalog::Catalog;
use sea_orm_migration::MigratorTrait;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Live, SIRIUS, on_postgres};

fn names() -> Vec<String> {
    Migrator::migrations()
        .iter()
        .map(|it| it.name().to_owned())
        .collect()
}

fn sha256(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// For each migration, in order: a hash of its file, and one of the schema and reference rows that
/// stand when it has run.
#[test]
fn no_merged_migration_is_ever_edited_in_text_or_in_meaning() {
    on_postgres(async || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migration");
        let merged = fs::read_to_string(folder.join("migrations.lock")).unwrap();
        let live = Live::empty().await;
        let runner = live.runner().await;
        let mut found = String::new();
        for name in names() {
            runner.up(Some(1)).await.unwrap();
            let file = fs::read_to_string(folder.join(format!("src/{name}.rs"))).unwrap();
            let catalog = Catalog::read(&live.db, SCHEMA).await.unwrap();
            let meaning = sha256(&format!("{:?}", catalog.0));
            found.push_str(&format!("{name} {} {meaning}\n", sha256(&file)));
        }
        runner.close().await.unwrap();
        for line in merged.lines() {
            assert!(
                found.lines().any(|it| it == line),
                "a merged migration was edited; write a new one instead. Merged: {line}"
            );
        }
        assert!(
            found == merged,
            "migrations.lock lacks a migration. Add, at its end:\n{}",
            found
                .lines()
                .filter(|it| !merged.contains(it))
                .collect::<Vec<_>>()
                .join("\n")
        );
        live.drop().await;
    });
}

/// Rows for tables that came after the baseline.
const LATER_ROWS: [(&str, &str); 5] = [
    (
        "invoice_adjustment",
        "(1, 1, 1, '2025-01-01', 'CREDIT MEMO', 5, 'n', 'PENDING', '2025-01-01 10:00:00', 3)",
    ),
    (
        "refund",
        "(1, 1, '2025-01-01', 5, 'PENDING', 'n', 3, '2025-01-01 10:00:00.5')",
    ),
    ("bank_details", "(1, 1, 'Holder', '12345678', '01-02-03')"),
    (
        "pending_collection",
        "(1, 1, '2025-01-01', 5, 'PENDING', NULL, '2025-01-01 10:00:00', 3)",
    ),
    (
        "payment_method",
        "(1, 1, 'DEMANDED', '2025-01-01 10:00:00', 3)",
    ),
];

async fn rows_of_all(live: &Live) -> BTreeMap<String, Vec<Value>> {
    let catalog = Catalog::read(&live.db, SCHEMA).await.unwrap();
    let mut rows = BTreeMap::new();
    for table in catalog.tables() {
        let sql = format!("SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1");
        let texts = live.texts(&sql).await;
        let values = texts
            .iter()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect();
        rows.insert(table.to_owned(), values);
    }
    rows
}

/// Whether each field of the old row stands in the new one.
fn keeps(new: &Value, old: &Value) -> bool {
    old.as_object()
        .unwrap()
        .iter()
        .all(|(key, value)| new.get(key) == Some(value))
}

#[test]
fn up_from_each_earlier_version_keeps_every_row() {
    on_postgres(async || {
        let (_, rows) = SIRIUS
            .split_once("-- Rows in every table, old words among them.")
            .unwrap();
        let (rows, _) = rows.split_once("-- One sequence").unwrap();
        // Statements that name no columns name all there were.
        for version in 1..u32::try_from(names().len()).unwrap() {
            let live = Live::empty().await;
            let runner = live.runner().await;
            runner.up(Some(1)).await.unwrap();
            live.run(rows).await;
            runner.up(Some(version - 1)).await.unwrap();
            let tables = rows_of_all(&live).await;
            for (table, values) in LATER_ROWS {
                if tables.contains_key(table) {
                    live.run(&format!("INSERT INTO {table} VALUES {values}"))
                        .await;
                }
            }
            let before = rows_of_all(&live).await;
            runner.up(None).await.unwrap();
            let after = rows_of_all(&live).await;
            for (table, old) in before {
                let new = after
                    .get(&table)
                    .unwrap_or_else(|| panic!("{table} is gone"));
                assert!(new.len() >= old.len(), "{table} from version {version}");
                for row in old {
                    let kept = new.iter().any(|it| keeps(it, &row));
                    assert!(kept, "{table} from version {version}: {row}");
                }
            }
            runner.close().await.unwrap();
            live.drop().await;
        }
    });
}
