//! The statement that reads a history's rows.
//!
//! The branches of a `UNION ALL` share wide columns whose meaning depends on the branch. One
//! statement gives one snapshot: no change that commits meanwhile can show in part. A text is
//! built once for each database and then only bound, so that PostgreSQL keeps its plan.

use std::sync::OnceLock;

use entity::stored::{AllocationStatus, LedgerStatus, PendingCollectionStatus};
use entity::{
    fee_reduction, finance_client, invoice, invoice_adjustment, ledger, ledger_allocation,
    payment_method, pending_collection, refund,
};
use sea_orm::sea_query::{
    DynIden, Expr, ExprTrait, IntoIden, JoinType, Query, SelectStatement, UnionType,
};
use sea_orm::{ColumnTrait, DbBackend, Statement, Value};
use strum::IntoEnumIterator;

use crate::finance::account::word;

/// Whose rows are read.
#[derive(Clone, Copy)]
enum Whose<'a> {
    /// Of these clients, by our ids.
    Clients(&'a [i32]),
    /// Of the client of the row that stands outside: [`PERSON`].
    Outer,
}

/// The rows of these clients.
pub(super) fn of_clients(backend: DbBackend, clients: &[i32]) -> Statement {
    static POSTGRES: OnceLock<Text> = OnceLock::new();
    static SQLITE: OnceLock<Text> = OnceLock::new();
    let [client] = clients else {
        return backend.build(&union(Whose::Clients(clients)));
    };
    let text = match backend {
        DbBackend::Postgres => &POSTGRES,
        _ => &SQLITE,
    };
    let build = || Text::build(backend, &union(Whose::Clients(&[LATER])));
    text.get_or_init(build).bind(backend, *client)
}

/// The rows of the client of that person id of Sirius's, and the client's own. Only PostgreSQL reads
/// it: SQLite has no LATERAL.
pub(super) fn of_person(client_id: i32) -> Statement {
    static TEXT: OnceLock<Text> = OnceLock::new();
    const BACKEND: DbBackend = DbBackend::Postgres;
    let text = TEXT.get_or_init(|| Text::build(BACKEND, &person()));
    text.bind(BACKEND, client_id)
}

/// A statement's text and its values, with [`LATER`] where the client's id belongs.
struct Text {
    sql: String,
    values: Vec<Value>,
}

/// Stands for the client's id until it is known.
const LATER: i32 = i32::MIN;

impl Text {
    fn build(backend: DbBackend, select: &SelectStatement) -> Self {
        let built = backend.build(select);
        Self {
            sql: built.sql,
            values: built.values.map(|it| it.0).unwrap_or_default(),
        }
    }

    fn bind(&self, backend: DbBackend, id: i32) -> Statement {
        let values = self.values.iter().map(|value| match value {
            Value::Int(Some(LATER)) => id.into(),
            other => other.clone(),
        });
        Statement::from_sql_and_values(backend, self.sql.clone(), values.collect::<Vec<_>>())
    }
}

/// The name of the client's row that stands outside.
const PERSON: &str = "person";

/// Of those whose rows are read; the plan of a single one is kept.
fn of(column: impl ColumnTrait, whose: Whose<'_>) -> Expr {
    match whose {
        Whose::Clients([client]) => column.eq(*client),
        Whose::Clients(clients) => column.is_in(clients.iter().copied()),
        Whose::Outer => {
            Expr::col(column.as_column_ref()).equals((PERSON, finance_client::Column::Id))
        }
    }
}

/// The shared columns, in their order: name and type. The first branch gives them their types.
pub(super) const COLUMNS: [(&str, &str); 24] = [
    ("branch", "integer"),
    ("client", "integer"),
    ("id", "integer"),
    ("ref_a", "integer"),
    ("ref_b", "integer"),
    ("amount", "integer"),
    ("by_a", "integer"),
    ("by_b", "integer"),
    ("by_c", "integer"),
    ("ref_c", "integer"),
    ("whole", "integer"),
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

pub(super) const CLIENT: i32 = 0;
pub(super) const INVOICE: i32 = 1;
pub(super) const FEE_REDUCTION: i32 = 2;
pub(super) const ADJUSTMENT: i32 = 3;
pub(super) const ALLOCATION: i32 = 4;
pub(super) const REFUND: i32 = 6;
pub(super) const PAYMENT_METHOD: i32 = 7;
pub(super) const COLLECTION: i32 = 8;

fn union(whose: Whose<'_>) -> SelectStatement {
    let mut union = types();
    for branch in [
        invoices(whose),
        fee_reductions(whose),
        adjustments(whose),
        allocations(whose),
        refunds(whose),
        payment_methods(whose),
        collections(whose),
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

/// The client, and all of its rows.
fn person() -> SelectStatement {
    use finance_client::Column;
    let columns = [
        ("id", Column::Id),
        ("client", Column::Id),
        ("ref_a", Column::ClientId),
        ("word_a", Column::PaymentMethod),
        ("text_a", Column::CourtRef),
        ("text_b", Column::SopNumber),
    ];
    let columns = columns.map(|(name, column)| (name, Expr::col((PERSON, column))));
    let mut rows = union(Whose::Outer);
    rows.union(UnionType::All, branch(CLIENT, columns));
    const ROWS: &str = "rows";
    Query::select()
        .columns(COLUMNS.map(|(name, _)| (ROWS, name)))
        .from_as(finance_client::Entity, PERSON)
        .join_lateral(JoinType::InnerJoin, rows, ROWS, Expr::cust("TRUE"))
        .and_where(Expr::col((PERSON, Column::ClientId)).eq(LATER))
        .take()
}

/// A branch: the named shared columns, the others null.
fn branch(number: i32, columns: impl IntoIterator<Item = (&'static str, Expr)>) -> SelectStatement {
    let columns = columns.into_iter().collect::<Vec<_>>();
    let mut select = Query::select();
    for (name, _) in COLUMNS {
        let expr = match columns.iter().find(|(shared, _)| *shared == name) {
            // Written out, not bound: it belongs to the text.
            None if name == "branch" => Expr::cust(number.to_string()),
            None => Expr::null(),
            Some((_, expr)) => expr.clone(),
        };
        // The first branch has named them.
        select.expr(expr);
    }
    select
}

/// A branch from one table.
fn table(
    number: i32,
    table: impl IntoIden,
    columns: impl IntoIterator<Item = (&'static str, DynIden)>,
) -> SelectStatement {
    let table = table.into_iden();
    let column = |(name, column)| (name, Expr::col((table.clone(), column)));
    branch(number, columns.into_iter().map(column))
        .from(table.clone())
        .take()
}

fn invoices(whose: Whose<'_>) -> SelectStatement {
    use invoice::Column;
    table(
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
    .and_where(of(Column::FinanceClientId, whose))
    .take()
}

fn fee_reductions(whose: Whose<'_>) -> SelectStatement {
    use fee_reduction::Column;
    table(
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
    .and_where(of(Column::FinanceClientId, whose))
    .take()
}

fn adjustments(whose: Whose<'_>) -> SelectStatement {
    use invoice_adjustment::Column;
    table(
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
    .and_where(of(Column::FinanceClientId, whose))
    .take()
}

/// Each with its ledger's columns: a ledger without counted allocations makes no event.
fn allocations(whose: Whose<'_>) -> SelectStatement {
    use ledger::Column as Ledger;
    use ledger_allocation::Column;
    let counted = AllocationStatus::iter().map(word);
    let of_ledger = [
        ("client", Ledger::FinanceClientId),
        ("ref_c", Ledger::FeeReductionId),
        ("whole", Ledger::Amount),
        ("by_a", Ledger::CreatedBy),
        ("at_a", Ledger::Datetime),
        ("at_b", Ledger::CreatedAt),
        ("word_b", Ledger::Kind),
    ];
    let own = [
        ("id", Column::Id),
        ("ref_a", Column::LedgerId),
        ("ref_b", Column::InvoiceId),
        ("amount", Column::Amount),
        ("word_a", Column::Status),
    ];
    let own = own.map(|(name, column)| (name, Expr::col(column.as_column_ref())));
    let of_ledger = of_ledger.map(|(name, column)| (name, Expr::col(column.as_column_ref())));
    branch(ALLOCATION, own.into_iter().chain(of_ledger))
        .from(ledger_allocation::Entity)
        .inner_join(
            ledger::Entity,
            Expr::col((ledger::Entity, Ledger::Id))
                .equals((ledger_allocation::Entity, Column::LedgerId)),
        )
        .and_where(of(Ledger::FinanceClientId, whose))
        .and_where(Ledger::Status.eq(word(LedgerStatus::Confirmed)))
        .and_where(Column::Status.is_in(counted))
        .take()
}

fn refunds(whose: Whose<'_>) -> SelectStatement {
    use refund::Column;
    table(
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
    .and_where(of(Column::FinanceClientId, whose))
    .take()
}

fn payment_methods(whose: Whose<'_>) -> SelectStatement {
    use payment_method::Column;
    table(
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
    .and_where(of(Column::FinanceClientId, whose))
    .take()
}

fn collections(whose: Whose<'_>) -> SelectStatement {
    use pending_collection::Column;
    table(
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
    .and_where(of(Column::FinanceClientId, whose))
    .and_where(Column::Status.ne(word(PendingCollectionStatus::Cancelled)))
    .take()
}
