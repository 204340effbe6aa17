//! The rows that a history is made of, read in one statement.
//!
//! The branches of a `UNION ALL` share wide columns whose meaning depends on the branch. One
//! statement gives one snapshot: no change that commits meanwhile can show in part. The text is
//! built once for each database and then only bound, so that PostgreSQL keeps its plan.

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::{NaiveDate, NaiveDateTime};
use entity::stored::{
    AllocationStatus, LedgerStatus, LedgerType, PaymentMethod, PendingCollectionStatus, Stored,
};
use entity::{
    fee_reduction, invoice, invoice_adjustment, ledger, ledger_allocation, payment_method,
    pending_collection, refund,
};
use sea_orm::sea_query::{DynIden, Expr, ExprTrait, IntoIden, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, Statement, Value};
use strum::IntoEnumIterator;

use super::decode::Wide;
use crate::finance::FinanceError;
use crate::finance::account::word;
use crate::finance::adjustment::Adjustment;
use crate::finance::fee_reduction::FeeReduction;
use crate::finance::invoice::Invoice;
use crate::finance::refund::Refund;

/// All rows of one client that make events, each table's in no particular order.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "each is the rows of that table")]
pub struct Rows {
    pub invoices: Vec<Invoice>,
    pub fee_reductions: Vec<FeeReduction>,
    pub adjustments: Vec<Adjustment>,
    pub ledgers: Vec<LedgerRow>,
    pub allocations: Vec<AllocationRow>,
    pub refunds: Vec<Refund>,
    pub payment_methods: Vec<PaymentMethodRow>,
    pub collections: Vec<CollectionRow>,
}

/// A CONFIRMED row of `ledger`.
#[derive(Clone, Debug)]
pub struct LedgerRow {
    pub id: i32,
    pub fee_reduction_id: Option<i32>,
    pub kind: Stored<LedgerType>,
    pub amount: i32,
    pub datetime: NaiveDateTime,
    pub created_at: Option<NaiveDateTime>,
    pub created_by: Option<i32>,
}

/// A counted row of `ledger_allocation`, of a CONFIRMED ledger.
#[derive(Clone, Debug)]
pub struct AllocationRow {
    pub id: i32,
    pub ledger_id: i32,
    pub invoice_id: Option<i32>,
    pub amount: i32,
    pub status: AllocationStatus,
}

/// A row of `payment_method`.
#[derive(Clone, Debug)]
pub struct PaymentMethodRow {
    pub id: i32,
    pub kind: Stored<PaymentMethod>,
    pub created_at: NaiveDateTime,
    pub created_by: i32,
}

/// A row of `pending_collection` that was not cancelled.
#[derive(Debug)]
pub struct CollectionRow {
    pub id: i32,
    pub amount: i32,
    pub date: NaiveDate,
    pub created_at: NaiveDateTime,
    pub created_by: i32,
}

/// Reads the rows of these clients, in one statement. A client without rows has none.
///
/// # Errors
/// When the database fails.
pub async fn load(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<HashMap<i32, Rows>, FinanceError> {
    let backend = db.get_database_backend();
    let statement = match clients {
        [client] => single(backend).bind(backend, *client),
        clients => backend.build(&union(clients)),
    };
    let mut rows = HashMap::<i32, Rows>::with_capacity(clients.len());
    for row in db.query_all_raw(statement).await? {
        let row = Wide::of(&row)?;
        rows.entry(row.client).or_default().push(&row)?;
    }
    Ok(rows)
}

/// The statement for one client, built once.
fn single(backend: DbBackend) -> &'static Text {
    match backend {
        DbBackend::Postgres => {
            static POSTGRES: OnceLock<Text> = OnceLock::new();
            POSTGRES.get_or_init(|| Text::build(DbBackend::Postgres))
        }
        _ => {
            static SQLITE: OnceLock<Text> = OnceLock::new();
            SQLITE.get_or_init(|| Text::build(DbBackend::Sqlite))
        }
    }
}

/// The statement's text and its values, with [`CLIENT`] where the client's id belongs.
struct Text {
    sql: String,
    values: Vec<Value>,
}

/// Stands for the client's id until it is known.
const CLIENT: i32 = i32::MIN;

impl Text {
    fn build(backend: DbBackend) -> Self {
        let built = backend.build(&union(&[CLIENT]));
        Self {
            sql: built.sql,
            values: built.values.map(|it| it.0).unwrap_or_default(),
        }
    }

    fn bind(&self, backend: DbBackend, finance_client_id: i32) -> Statement {
        let values = self.values.iter().map(|value| match value {
            Value::Int(Some(CLIENT)) => finance_client_id.into(),
            other => other.clone(),
        });
        Statement::from_sql_and_values(backend, self.sql.clone(), values.collect::<Vec<_>>())
    }
}

/// Of these clients; the plan of a single one is kept.
fn of(column: impl ColumnTrait, clients: &[i32]) -> Expr {
    match clients {
        [client] => column.eq(*client),
        clients => column.is_in(clients.iter().copied()),
    }
}

/// The shared columns, in their order: name and type. The first branch gives them their types.
pub(super) const COLUMNS: [(&str, &str); 22] = [
    ("branch", "integer"),
    ("client", "integer"),
    ("id", "integer"),
    ("ref_a", "integer"),
    ("ref_b", "integer"),
    ("amount", "integer"),
    ("by_a", "integer"),
    ("by_b", "integer"),
    ("by_c", "integer"),
    ("at_a", "timestamp"),
    ("at_b", "timestamp"),
    ("at_c", "timestamp"),
    ("at_d", "timestamp"),
    ("at_e", "timestamp"),
    ("day_a", "date"),
    ("day_b", "date"),
    ("day_c", "date"),
    ("word_a", "text"),
    ("word_b", "text"),
    ("text_a", "text"),
    ("text_b", "text"),
    ("flag", "boolean"),
];

pub(super) const INVOICE: i32 = 1;
pub(super) const FEE_REDUCTION: i32 = 2;
pub(super) const ADJUSTMENT: i32 = 3;
pub(super) const LEDGER: i32 = 4;
pub(super) const ALLOCATION: i32 = 5;
pub(super) const REFUND: i32 = 6;
pub(super) const PAYMENT_METHOD: i32 = 7;
pub(super) const COLLECTION: i32 = 8;

fn union(clients: &[i32]) -> SelectStatement {
    let mut union = types();
    for branch in [
        invoices(clients),
        fee_reductions(clients),
        adjustments(clients),
        ledgers(clients),
        allocations(clients),
        refunds(clients),
        payment_methods(clients),
        collections(clients),
    ] {
        union.union(UnionType::All, branch);
    }
    union
}

/// A branch without rows that gives every column its type.
fn types() -> SelectStatement {
    let mut select = Query::select();
    for (name, kind) in COLUMNS {
        select.expr_as(Expr::null().cast_as(kind), name);
    }
    select.and_where(Expr::val(1).eq(0));
    select
}

/// A branch: the named shared columns from a table, the others null.
fn branch(
    number: i32,
    table: impl IntoIden,
    columns: impl IntoIterator<Item = (&'static str, DynIden)>,
) -> SelectStatement {
    let table = table.into_iden();
    let columns = columns.into_iter().collect::<Vec<_>>();
    let mut select = Query::select();
    for (name, _) in COLUMNS {
        let expr = if name == "branch" {
            // Written out, not bound: it belongs to the text.
            Expr::cust(number.to_string())
        } else if name == "client" && number == ALLOCATION {
            Expr::col((ledger::Entity, ledger::Column::FinanceClientId))
        } else if let Some((_, column)) = columns.iter().find(|(shared, _)| *shared == name) {
            Expr::col((table.clone(), column.clone()))
        } else {
            Expr::null()
        };
        select.expr_as(expr, name);
    }
    select.from(table).take()
}

fn invoices(clients: &[i32]) -> SelectStatement {
    use invoice::Column;
    branch(
        INVOICE,
        invoice::Entity,
        [
            ("id", Column::Id.into_iden()),
            ("client", Column::FinanceClientId.into_iden()),
            ("amount", Column::Amount.into_iden()),
            ("by_a", Column::CreatedBy.into_iden()),
            ("at_a", Column::CreatedAt.into_iden()),
            ("day_a", Column::Raiseddate.into_iden()),
            ("day_b", Column::Startdate.into_iden()),
            ("day_c", Column::Enddate.into_iden()),
            ("word_a", Column::Feetype.into_iden()),
            ("text_a", Column::Reference.into_iden()),
        ],
    )
    .and_where(of(Column::FinanceClientId, clients))
    .take()
}

fn fee_reductions(clients: &[i32]) -> SelectStatement {
    use fee_reduction::Column;
    branch(
        FEE_REDUCTION,
        fee_reduction::Entity,
        [
            ("id", Column::Id.into_iden()),
            ("client", Column::FinanceClientId.into_iden()),
            ("by_a", Column::CreatedBy.into_iden()),
            ("by_b", Column::CancelledBy.into_iden()),
            ("at_a", Column::CreatedAt.into_iden()),
            ("at_b", Column::CancelledAt.into_iden()),
            ("day_a", Column::Startdate.into_iden()),
            ("day_b", Column::Enddate.into_iden()),
            ("day_c", Column::Datereceived.into_iden()),
            ("word_a", Column::Kind.into_iden()),
            ("text_a", Column::Notes.into_iden()),
            ("text_b", Column::CancellationReason.into_iden()),
            ("flag", Column::Deleted.into_iden()),
        ],
    )
    .and_where(of(Column::FinanceClientId, clients))
    .take()
}

fn adjustments(clients: &[i32]) -> SelectStatement {
    use invoice_adjustment::Column;
    branch(
        ADJUSTMENT,
        invoice_adjustment::Entity,
        [
            ("id", Column::Id.into_iden()),
            ("client", Column::FinanceClientId.into_iden()),
            ("ref_a", Column::InvoiceId.into_iden()),
            ("ref_b", Column::LedgerId.into_iden()),
            ("day_a", Column::RaisedDate.into_iden()),
            ("amount", Column::Amount.into_iden()),
            ("by_a", Column::CreatedBy.into_iden()),
            ("by_b", Column::UpdatedBy.into_iden()),
            ("at_a", Column::CreatedAt.into_iden()),
            ("at_b", Column::UpdatedAt.into_iden()),
            ("word_a", Column::AdjustmentType.into_iden()),
            ("word_b", Column::Status.into_iden()),
            ("text_a", Column::Notes.into_iden()),
        ],
    )
    .and_where(of(Column::FinanceClientId, clients))
    .take()
}

fn ledgers(clients: &[i32]) -> SelectStatement {
    use ledger::Column;
    branch(
        LEDGER,
        ledger::Entity,
        [
            ("id", Column::Id.into_iden()),
            ("client", Column::FinanceClientId.into_iden()),
            ("ref_a", Column::FeeReductionId.into_iden()),
            ("amount", Column::Amount.into_iden()),
            ("by_a", Column::CreatedBy.into_iden()),
            ("at_a", Column::Datetime.into_iden()),
            ("at_b", Column::CreatedAt.into_iden()),
            ("word_a", Column::Kind.into_iden()),
        ],
    )
    .and_where(of(Column::FinanceClientId, clients))
    .and_where(Column::Status.eq(word(LedgerStatus::Confirmed)))
    .take()
}

fn allocations(clients: &[i32]) -> SelectStatement {
    use ledger_allocation::Column;
    let counted = AllocationStatus::iter().map(word);
    branch(
        ALLOCATION,
        ledger_allocation::Entity,
        [
            ("id", Column::Id.into_iden()),
            ("ref_a", Column::LedgerId.into_iden()),
            ("ref_b", Column::InvoiceId.into_iden()),
            ("amount", Column::Amount.into_iden()),
            ("word_a", Column::Status.into_iden()),
        ],
    )
    .inner_join(
        ledger::Entity,
        Expr::col((ledger::Entity, ledger::Column::Id))
            .equals((ledger_allocation::Entity, Column::LedgerId)),
    )
    .and_where(of(ledger::Column::FinanceClientId, clients))
    .and_where(ledger::Column::Status.eq(word(LedgerStatus::Confirmed)))
    .and_where(Column::Status.is_in(counted))
    .take()
}

fn refunds(clients: &[i32]) -> SelectStatement {
    use refund::Column;
    branch(
        REFUND,
        refund::Entity,
        [
            ("id", Column::Id.into_iden()),
            ("client", Column::FinanceClientId.into_iden()),
            ("amount", Column::Amount.into_iden()),
            ("by_a", Column::CreatedBy.into_iden()),
            ("by_b", Column::DecisionBy.into_iden()),
            ("by_c", Column::CancelledBy.into_iden()),
            ("at_a", Column::CreatedAt.into_iden()),
            ("at_b", Column::DecisionAt.into_iden()),
            ("at_c", Column::ProcessedAt.into_iden()),
            ("at_d", Column::CancelledAt.into_iden()),
            ("at_e", Column::FulfilledAt.into_iden()),
            ("day_a", Column::RaisedDate.into_iden()),
            ("word_a", Column::Decision.into_iden()),
            ("text_a", Column::Notes.into_iden()),
        ],
    )
    .and_where(of(Column::FinanceClientId, clients))
    .take()
}

fn payment_methods(clients: &[i32]) -> SelectStatement {
    use payment_method::Column;
    branch(
        PAYMENT_METHOD,
        payment_method::Entity,
        [
            ("id", Column::Id.into_iden()),
            ("client", Column::FinanceClientId.into_iden()),
            ("by_a", Column::CreatedBy.into_iden()),
            ("at_a", Column::CreatedAt.into_iden()),
            ("word_a", Column::Kind.into_iden()),
        ],
    )
    .and_where(of(Column::FinanceClientId, clients))
    .take()
}

fn collections(clients: &[i32]) -> SelectStatement {
    use pending_collection::Column;
    branch(
        COLLECTION,
        pending_collection::Entity,
        [
            ("id", Column::Id.into_iden()),
            ("client", Column::FinanceClientId.into_iden()),
            ("amount", Column::Amount.into_iden()),
            ("by_a", Column::CreatedBy.into_iden()),
            ("at_a", Column::CreatedAt.into_iden()),
            ("day_a", Column::CollectionDate.into_iden()),
        ],
    )
    .and_where(of(Column::FinanceClientId, clients))
    .and_where(Column::Status.ne(word(PendingCollectionStatus::Cancelled)))
    .take()
}
