//! References that two rows have. The database refuses them, unless a live one lacks the key.

use chrono::NaiveDateTime;
use entity::{finance_client, invoice, ledger, ledger_allocation};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{Breach, Rule};
use crate::finance::FinanceError;

#[derive(FromQueryResult)]
struct Taken {
    id: i32,
    reference: String,
    client_id: Option<i32>,
    made: Option<NaiveDateTime>,
}

/// Each reference that more than one row has, by the lowest of them.
pub(super) async fn taken(
    db: &impl ConnectionTrait,
    takeover: NaiveDateTime,
) -> Result<Vec<Breach>, FinanceError> {
    let of_invoices = Query::select()
        .expr_as(lowest(invoice::Column::Id), "id")
        .expr_as(Expr::col(invoice::Column::Reference), "reference")
        .expr_as(lowest(invoice::Column::FinanceClientId), "client")
        .expr_as(latest(invoice::Column::CreatedAt), "made")
        .from(invoice::Entity)
        .group_by_col(invoice::Column::Reference)
        .and_having(Expr::col(invoice::Column::Id).count().gt(1))
        .to_owned();
    let of_ledgers = Query::select()
        .expr_as(lowest(ledger::Column::Id), "id")
        .expr_as(Expr::col(ledger::Column::Reference), "reference")
        .expr_as(lowest(ledger::Column::FinanceClientId), "client")
        .expr_as(latest(ledger::Column::CreatedAt), "made")
        .from(ledger::Entity)
        .group_by_col(ledger::Column::Reference)
        .and_having(Expr::col(ledger::Column::Id).count().gt(1))
        .to_owned();
    let part = |column| Expr::col((ledger_allocation::Entity, column));
    let whole = |column| Expr::col((ledger::Entity, column));
    let of_allocations = Query::select()
        .expr_as(part(ledger_allocation::Column::Id).min(), "id")
        .expr_as(part(ledger_allocation::Column::Reference), "reference")
        .expr_as(whole(ledger::Column::FinanceClientId).min(), "client")
        .expr_as(whole(ledger::Column::CreatedAt).max(), "made")
        .from(ledger_allocation::Entity)
        .left_join(
            ledger::Entity,
            whole(ledger::Column::Id).equals((
                ledger_allocation::Entity,
                ledger_allocation::Column::LedgerId,
            )),
        )
        .and_where(part(ledger_allocation::Column::Reference).is_not_null())
        .add_group_by([part(ledger_allocation::Column::Reference)])
        .and_having(part(ledger_allocation::Column::Id).count().gt(1))
        .to_owned();
    let mut breaches = Vec::new();
    for (table, statement) in [
        ("invoice", of_invoices),
        ("ledger", of_ledgers),
        ("ledger_allocation", of_allocations),
    ] {
        for row in read(db, statement).await? {
            breaches.push(Breach {
                rule: Rule::ReferenceTaken,
                client_id: row.client_id.unwrap_or_default(),
                row: Some((table, row.id)),
                found: format!("{:?} is another row's too", row.reference),
                is_old: row.made.is_none_or(|made| made < takeover),
            });
        }
    }
    Ok(breaches)
}

fn lowest(column: impl sea_orm::sea_query::IntoColumnRef) -> Expr {
    Func::min(Expr::col(column)).into()
}

fn latest(column: impl sea_orm::sea_query::IntoColumnRef) -> Expr {
    Func::max(Expr::col(column)).into()
}

/// Sirius's person id of the client belongs to what is told.
async fn read(
    db: &impl ConnectionTrait,
    taken: SelectStatement,
) -> Result<Vec<Taken>, FinanceError> {
    let statement = Query::select()
        .columns([("taken", "id"), ("taken", "reference"), ("taken", "made")])
        .column((finance_client::Entity, finance_client::Column::ClientId))
        .from_subquery(taken, "taken")
        .left_join(
            finance_client::Entity,
            Expr::col((finance_client::Entity, finance_client::Column::Id))
                .equals(("taken", "client")),
        )
        .order_by(("taken", "id"), sea_orm::Order::Asc)
        .to_owned();
    let statement = db.get_database_backend().build(&statement);
    Ok(Taken::find_by_statement(statement).all(db).await?)
}
