//! References that two rows have. The database refuses them, unless a live one lacks the key.

use chrono::NaiveDateTime;
use entity::{finance_client, invoice, ledger, ledger_allocation};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
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
    use {invoice::Column as Invoice, ledger::Column as Ledger, ledger_allocation::Column as Part};
    let of_invoices = doubled(
        [
            Invoice::Id,
            Invoice::FinanceClientId,
            Invoice::CreatedAt,
            Invoice::Reference,
        ]
        .map(|column| Expr::col((invoice::Entity, column))),
    )
    .from(invoice::Entity)
    .to_owned();
    let whole = |column| Expr::col((ledger::Entity, column));
    let of_ledgers = doubled(
        [
            Ledger::Id,
            Ledger::FinanceClientId,
            Ledger::CreatedAt,
            Ledger::Reference,
        ]
        .map(whole),
    )
    .from(ledger::Entity)
    .to_owned();
    let part = |column| Expr::col((ledger_allocation::Entity, column));
    let of_allocations = doubled([
        part(Part::Id),
        whole(Ledger::FinanceClientId),
        whole(Ledger::CreatedAt),
        part(Part::Reference),
    ])
    .from(ledger_allocation::Entity)
    .left_join(
        ledger::Entity,
        whole(Ledger::Id).equals((ledger_allocation::Entity, Part::LedgerId)),
    )
    .and_where(part(Part::Reference).is_not_null())
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

/// References that more than one row has, with the lowest of their ids and clients, and when the latest of
/// them was made.
fn doubled([id, client, made, reference]: [Expr; 4]) -> SelectStatement {
    Query::select()
        .expr_as(id.clone().min(), "id")
        .expr_as(reference.clone(), "reference")
        .expr_as(client.min(), "client")
        .expr_as(made.max(), "made")
        .add_group_by([reference])
        .and_having(id.count().gt(1))
        .to_owned()
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
