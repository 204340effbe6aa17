//! SQL statements for one request: few, and the same however long the history.

use api::demo::books::*;
use entity::stored::*;
use sea_orm::DbBackend;
use tests::{Harness, both_databases};

async fn statements(t: &Harness, events: i32) -> (usize, usize) {
    let mut books = Books::default();
    let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
    story.by(3);
    for number in 0..events {
        let invoice = story.invoice(
            FeeType::Ad,
            &format!("AD{number:06}/24"),
            100,
            "2024-05-01 10:00:00",
        );
        let paid = [allocated(invoice, 100)];
        story.payment(
            LedgerType::OpgBacsPayment,
            "2024-05-02",
            "2024-05-02 08:30:00",
            &paid,
        );
    }
    t.write(books).await;
    t.take_statements();
    let history = "billingHistory(first: 1000) { totalCount pageInfo { endCursor } nodes {
        id createdBy { displayName }
        ... on InvoiceGenerated { invoice { reference createdBy { displayName } } }
        ... on TransactionEvent { breakdown { invoice { reference } } }
    } }";
    let plain = format!("{{ financeClient(clientId: 1001) {{ {history} }} }}");
    t.ask(&plain).await.data("/financeClient/billingHistory");
    let bare = t.take_statements();
    let balances = "outstandingBalance creditBalance";
    let whole = format!("{{ financeClient(clientId: 1001) {{ {balances} {history} }} }}");
    t.ask(&whole).await.data("/financeClient/billingHistory");
    (bare, t.take_statements())
}

/// PostgreSQL reads a client with its history; SQLite one after the other.
fn bare(t: &Harness) -> usize {
    match t.db.get_database_backend() {
        DbBackend::Postgres => 1,
        _ => 2,
    }
}

both_databases! {
    async fn a_short_history_takes_a_statement_or_two_and_its_balances_one(t) {
        assert_eq!(statements(t, 1).await, (bare(t), bare(t) + 1));
    }

    async fn a_long_history_takes_no_more(t) {
        assert_eq!(statements(t, 600).await, (bare(t), bare(t) + 1));
    }
}
