//! The rows of `cost_centre`, `account` and `transaction_type`, from the files in `data/`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, Statement, Value};

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in &TABLES {
            for row in table.rows()? {
                insert(manager, table, row).await?;
            }
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            manager
                .get_connection()
                .execute_unprepared(
                    "SELECT setval(pg_get_serial_sequence('transaction_type', 'id'), max(id)) \
                     FROM transaction_type",
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A row that somebody has changed since is not ours to delete.
        for table in TABLES.iter().rev() {
            for row in table.rows()? {
                let mut delete = Query::delete().from_table(table.name).to_owned();
                for ((column, _), value) in table.columns.iter().zip(row) {
                    delete.and_where(Expr::col(*column).eq(value));
                }
                manager.execute(delete).await?;
            }
        }
        Ok(())
    }
}

struct Table {
    name: &'static str,
    file: &'static str,
    columns: &'static [(&'static str, Kind)],
}

#[derive(Clone, Copy)]
enum Kind {
    Integer,
    BigInteger,
    Text,
    Flag,
}

const TABLES: [Table; 3] = [
    Table {
        name: "cost_centre",
        file: include_str!("../data/cost_centre.csv"),
        columns: &[
            ("code", Kind::Integer),
            ("cost_centre_description", Kind::Text),
        ],
    },
    Table {
        name: "account",
        file: include_str!("../data/account.csv"),
        columns: &[
            ("code", Kind::BigInteger),
            ("account_code_description", Kind::Text),
            ("cost_centre", Kind::Integer),
        ],
    },
    Table {
        name: "transaction_type",
        file: include_str!("../data/transaction_type.csv"),
        columns: &[
            ("id", Kind::Integer),
            ("fee_type", Kind::Text),
            ("supervision_level", Kind::Text),
            ("ledger_type", Kind::Text),
            ("account_code", Kind::BigInteger),
            ("description", Kind::Text),
            ("line_description", Kind::Text),
            ("is_receipt", Kind::Flag),
        ],
    },
];

impl Table {
    /// The rows of the file, in the order of `columns`; the file's header must agree with it.
    fn rows(&self) -> Result<Vec<Vec<Value>>, DbErr> {
        let fault = |what: String| DbErr::Custom(format!("data/{}.csv: {what}", self.name));
        let mut reader = csv::Reader::from_reader(self.file.as_bytes());
        let header = reader.headers().map_err(|error| fault(error.to_string()))?;
        if !header.iter().eq(self.columns.iter().map(|(name, _)| *name)) {
            return Err(fault("unexpected header".to_owned()));
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| fault(error.to_string()))?;
            let row = record
                .iter()
                .zip(self.columns)
                .map(|(field, (name, kind))| {
                    kind.value(field)
                        .ok_or_else(|| fault(format!("{name}: {field}")))
                })
                .collect::<Result<Vec<_>, _>>()?;
            rows.push(row);
        }
        Ok(rows)
    }
}

impl Kind {
    fn value(self, field: &str) -> Option<Value> {
        match self {
            Self::Integer => field.parse::<i32>().ok().map(Into::into),
            Self::BigInteger => field.parse::<i64>().ok().map(Into::into),
            Self::Text => Some(field.into()),
            Self::Flag => match field {
                "t" => Some(true.into()),
                "f" => Some(false.into()),
                _ => None,
            },
        }
    }
}

/// Written by hand because the identity of `transaction_type` must be overridden, which the query
/// builder cannot say.
async fn insert(manager: &SchemaManager<'_>, table: &Table, row: Vec<Value>) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    let columns = table
        .columns
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ");
    let marks = (1..=row.len())
        .map(|place| match backend {
            DbBackend::Postgres => format!("${place}"),
            _ => "?".to_owned(),
        })
        .collect::<Vec<_>>()
        .join(", ");
    let overriding = match backend {
        DbBackend::Postgres => "OVERRIDING SYSTEM VALUE ",
        _ => "",
    };
    let sql = format!(
        "INSERT INTO {} ({columns}) {overriding}VALUES ({marks})",
        table.name
    );
    let statement = Statement::from_sql_and_values(backend, sql, row);
    manager.get_connection().execute_raw(statement).await?;
    Ok(())
}
