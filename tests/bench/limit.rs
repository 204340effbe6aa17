//! What PostgreSQL alone gives: the rows of a client's history, by pgbench, which only throws them away.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::OwnPostgres;

use crate::measured::{Measured, Round, per_request};

/// The tables of events: name, columns, and which rows count. `:client` is our id of the client.
const TABLES: [(&str, &str, &str); 8] = [
    (
        "invoice",
        "id, amount, created_by, created_at, raiseddate, startdate, enddate, feetype, reference",
        "finance_client_id = :client",
    ),
    (
        "fee_reduction",
        "id, created_by, cancelled_by, created_at, cancelled_at, startdate, enddate, datereceived, type, \
         deleted, notes, cancellation_reason",
        "finance_client_id = :client",
    ),
    (
        "invoice_adjustment",
        "id, invoice_id, amount, created_by, updated_by, created_at, updated_at, adjustment_type, status, notes",
        "finance_client_id = :client",
    ),
    (
        "ledger",
        "id, fee_reduction_id, amount, created_by, datetime, created_at, type",
        "finance_client_id = :client AND status = 'CONFIRMED'",
    ),
    (
        "ledger_allocation JOIN ledger ON ledger.id = ledger_id",
        "ledger_allocation.id, ledger_id, invoice_id, ledger_allocation.amount, ledger_allocation.status",
        "finance_client_id = :client AND ledger.status = 'CONFIRMED' \
         AND ledger_allocation.status IN ('ALLOCATED', 'UNAPPLIED', 'REAPPLIED')",
    ),
    (
        "refund",
        "id, amount, created_by, decision_by, cancelled_by, created_at, decision_at, processed_at, \
         cancelled_at, fulfilled_at, raised_date, decision, notes",
        "finance_client_id = :client",
    ),
    (
        "payment_method",
        "id, created_by, created_at, type",
        "finance_client_id = :client",
    ),
    (
        "pending_collection",
        "id, amount, created_by, created_at, collection_date",
        "finance_client_id = :client AND status <> 'CANCELLED'",
    ),
];

/// Allocations with their ledgers.
const JOINED: (&str, &str, &str) = (
    "ledger_allocation JOIN ledger ON ledger.id = ledger_id",
    "ledger_allocation.id, ledger_id, invoice_id, ledger_allocation.amount, ledger_allocation.status, \
     ledger.fee_reduction_id, ledger.amount, ledger.created_by, ledger.datetime, ledger.created_at, ledger.type",
    "finance_client_id = :client AND ledger.status = 'CONFIRMED' \
     AND ledger_allocation.status IN ('ALLOCATED', 'UNAPPLIED', 'REAPPLIED')",
);

/// How the rows are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statements {
    /// All rows in one: the limit that ratios are against.
    One,
    /// The same, where a ledger's columns come with each of its allocations, as this service reads them.
    OneOfFewerRows,
    /// One for each table, and one for the client.
    PerTable,
}

impl Statements {
    /// The script of one transaction of pgbench.
    pub(crate) fn script(self) -> String {
        match self {
            Self::One => format!("{};\n", union(&TABLES)),
            Self::OneOfFewerRows => {
                let fewer = TABLES.map(|it| {
                    if it.0.starts_with("ledger_allocation") {
                        JOINED
                    } else {
                        it
                    }
                });
                let fewer = fewer
                    .into_iter()
                    .filter(|it| it.0 != "ledger")
                    .collect::<Vec<_>>();
                format!("{};\n", union(&fewer))
            }
            Self::PerTable => {
                let plain = TABLES.map(|(table, columns, rows)| {
                    format!("SELECT {columns} FROM {table} WHERE {rows};\n")
                });
                let client = "SELECT id, client_id FROM finance_client WHERE id = :client;\n";
                format!("{client}{}", plain.concat())
            }
        }
    }
}

/// Columns of the same type share places: numbers, instants, days, words.
fn union(tables: &[(&str, &'static str, &str)]) -> String {
    let of = |columns: &'static str, wanted: &'static str| {
        let columns = columns.split(", ");
        columns.filter(move |column| kind(column) == wanted)
    };
    let tables = tables.iter().copied();
    // As many places of each type as the widest table needs.
    let places = ["int", "timestamp", "date", "text"].map(|wanted| {
        let counts = tables
            .clone()
            .map(|(_, columns, _)| of(columns, wanted).count());
        (wanted, counts.max().unwrap_or(0))
    });
    let branches = tables.enumerate().map(|(number, (table, columns, rows))| {
        let places = places.iter().flat_map(|&(wanted, count)| {
            let own = of(columns, wanted).map(move |column| match wanted {
                "text" => format!("{column}::text"),
                _ => column.to_owned(),
            });
            own.chain(std::iter::repeat(format!("NULL::{wanted}")))
                .take(count)
        });
        let places = places.collect::<Vec<_>>().join(", ");
        format!("SELECT {number}, {places} FROM {table} WHERE {rows}")
    });
    branches.collect::<Vec<_>>().join(" UNION ALL ")
}

/// The type of a column.
fn kind(column: &str) -> &'static str {
    match column.rsplit('.').next().unwrap_or(column) {
        "created_at" | "cancelled_at" | "updated_at" | "datetime" | "decision_at"
        | "processed_at" | "fulfilled_at" => "timestamp",
        "raiseddate" | "startdate" | "enddate" | "datereceived" | "raised_date"
        | "collection_date" => "date",
        "feetype"
        | "reference"
        | "type"
        | "deleted"
        | "notes"
        | "cancellation_reason"
        | "adjustment_type"
        | "status"
        | "decision" => "text",
        _ => "int",
    }
}

/// One round: our ids of the clients, connections, how long.
pub(crate) fn run(
    folder: &Path,
    postgres: &OwnPostgres,
    statements: Statements,
    round: Round,
) -> Measured {
    let Round {
        first,
        count,
        connections,
        length,
    } = round;
    let script = folder.join("limit.sql");
    let last = i64::from(first) + i64::from(count) - 1;
    let transaction = format!(
        "\\set client random({first}, {last})\n{}",
        statements.script()
    );
    fs::write(&script, transaction).expect("a script");
    let log = folder.join("pgbench");
    let before = postgres.processor();
    let output = Command::new("pgbench")
        .args([
            "--no-vacuum",
            "--protocol=prepared",
            "--jobs=1",
            "--random-seed=7",
            "--log",
        ])
        .arg(format!("--log-prefix={}", log.display()))
        .arg(format!("--client={connections}"))
        .arg(format!("--time={}", length.as_secs()))
        .arg(format!("--file={}", script.display()))
        .arg(postgres.url())
        .env("PGOPTIONS", "-c search_path=supervision_finance")
        .output()
        .expect("pgbench (Debian: postgresql-contrib)");
    let used = postgres.processor().saturating_sub(before);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let rate = text.lines().find_map(|line| {
        line.strip_prefix("tps = ")?
            .split(' ')
            .next()?
            .parse::<f64>()
            .ok()
    });
    let mut micros = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.file_name().to_string_lossy().starts_with("pgbench") {
            let lines = fs::read_to_string(entry.path()).expect("a log");
            micros.extend(
                lines
                    .lines()
                    .filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok()),
            );
            let _ = fs::remove_file(entry.path());
        }
    }
    micros.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| {
        micros
            .get((micros.len() as f64 * part) as usize)
            .copied()
            .unwrap_or_default()
    };
    Measured {
        rate: rate.unwrap_or_else(|| panic!("pgbench: {text}")),
        p50: at(0.5),
        p99: at(0.99),
        postgres: per_request(used, micros.len() as f64),
        ..Measured::default()
    }
}
