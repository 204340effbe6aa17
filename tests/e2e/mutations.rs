//! Sending mutations, and reading what came of them. The books are checked after each.

use api::demo::books::*;
use api::finance::audit::audit;
use entity::stored::*;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tests::token::SIRIUS_KEY;
use tests::{Answer, Harness, MANAGER};

/// The body of one mutation, which answers with these fields.
fn mutation(name: &str, input: Value, fields: &str) -> Value {
    let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let query = format!(
        "mutation Change($input: {kind}!) {{ {name}(input: $input) {{
            {fields} userErrors {{ field code message }} }} }}"
    );
    json!({ "query": query, "variables": { "input": input } })
}

/// Sends one mutation, as that session.
pub(crate) async fn send(
    t: &Harness,
    cookie: &str,
    name: &str,
    input: Value,
    fields: &str,
) -> Answer {
    let client = "financeClient { outstandingBalance creditBalance paymentMethod }";
    let request = t
        .post()
        .header("Cookie", format!("{cookie}; XSRF-TOKEN=x"))
        .header("X-XSRF-TOKEN", "x")
        .json(&mutation(name, input, &format!("{fields} {client}")));
    let answer = Answer::of(request).await;
    assert_books(t).await;
    answer
}

/// The books are right, whatever was sent.
pub(crate) async fn assert_books(t: &Harness) {
    let mut breaches = Vec::new();
    let all = audit(&t.db, at("2000-01-01 00:00:00"), |breach| {
        breaches.push(breach.clone())
    });
    all.await.unwrap();
    assert_eq!(breaches, []);
}

pub(crate) const OFFICE: &str = "sirius=officer";

pub(crate) async fn by_officer(t: &Harness, name: &str, input: Value, fields: &str) -> Answer {
    send(t, OFFICE, name, input, fields).await
}

pub(crate) async fn by_manager(t: &Harness, name: &str, input: Value, fields: &str) -> Answer {
    send(t, MANAGER, name, input, fields).await
}

/// Field and code of each fault, in their order; nothing was changed.
#[track_caller]
pub(crate) fn faults(answer: &Answer, name: &str) -> Vec<(String, String)> {
    assert_eq!(answer.data(&format!("/{name}/financeClient")), &Value::Null);
    let faults = faults_of(answer, name).into_iter();
    faults
        .map(|(field, code)| (field.to_owned(), code.to_owned()))
        .collect()
}

/// The change was made; the balances after it.
#[track_caller]
pub(crate) fn balances(answer: &Answer, name: &str) -> (i64, i64) {
    assert_eq!(answer.data(&format!("/{name}/userErrors")), &json!([]));
    let client = answer.data(&format!("/{name}/financeClient"));
    let pence = |field: &str| client[field].as_i64().unwrap();
    (pence("outstandingBalance"), pence("creditBalance"))
}

pub(crate) async fn a_client(t: &Harness) {
    let mut books = Books::default();
    books.client(1001, "10010001", PaymentMethod::Demanded);
    books.client(1002, "10020001", PaymentMethod::Demanded);
    t.write(books).await;
}

/// An assessment invoice made by the manager; gives its id.
pub(crate) async fn an_invoice(t: &Harness, raised: &str) -> Value {
    let input = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": raised });
    let answer = by_manager(t, "addManualInvoice", input, "invoice { id }").await;
    answer.data("/addManualInvoice/invoice/id").clone()
}

pub(crate) async fn raise(t: &Harness, invoice: &Value, kind: &str, amount: Option<i64>) -> Answer {
    let input = json!({ "clientId": 1001, "invoiceId": invoice, "type": kind, "amount": amount,
        "notes": "As the deputy asked" });
    by_officer(
        t,
        "raiseInvoiceAdjustment",
        input,
        "invoiceAdjustment { id amount status }",
    )
    .await
}

pub(crate) async fn decide(t: &Harness, adjustment: &Value, decision: &str) -> Answer {
    let input = json!({ "clientId": 1001, "adjustmentId": adjustment, "decision": decision });
    by_manager(
        t,
        "decideInvoiceAdjustment",
        input,
        "invoiceAdjustment { status }",
    )
    .await
}

pub(crate) async fn adjusted(
    t: &Harness,
    invoice: &Value,
    kind: &str,
    amount: Option<i64>,
) -> (i64, i64) {
    let raised = raise(t, invoice, kind, amount).await;
    let id = raised.data("/raiseInvoiceAdjustment/invoiceAdjustment/id");
    balances(&decide(t, id, "APPROVE").await, "decideInvoiceAdjustment")
}

pub(crate) async fn refund(t: &Harness) -> Answer {
    let input = json!({ "clientId": 1001, "accountName": "Reginald Deputy",
        "accountNumber": "12345678", "sortCode": "20-30-40", "notes": "Asked for by letter" });
    by_officer(
        t,
        "requestRefund",
        input,
        "refund { id amount status bankDetails { accountNumber } }",
    )
    .await
}

/// Kinds of the events that go out, in their order.
pub(crate) async fn events(t: &Harness) -> Vec<(String, Value)> {
    let backend = t.db.get_database_backend();
    let sql = "SELECT detail_type, detail FROM outgoing_event ORDER BY id";
    let rows =
        t.db.query_all_raw(Statement::from_string(backend, sql))
            .await
            .unwrap();
    let text = |row: &sea_orm::QueryResult, name: &str| row.try_get::<String>("", name).unwrap();
    rows.iter()
        .map(|row| {
            (
                text(row, "detail_type"),
                serde_json::from_str(&text(row, "detail")).unwrap(),
            )
        })
        .collect()
}

pub(crate) async fn count(t: &Harness, sql: &str) -> i64 {
    let backend = t.db.get_database_backend();
    let sql = format!("SELECT CAST(count(*) AS bigint) AS n FROM {sql}");
    let row =
        t.db.query_one_raw(Statement::from_string(backend, sql))
            .await
            .unwrap()
            .unwrap();
    row.try_get("", "n").unwrap()
}

pub(crate) async fn history(t: &Harness) -> Vec<Value> {
    let answer = t
        .ask("{ financeClient(clientId: 1001) { billingHistory { nodes { type } } } }")
        .await;
    answer.column("/financeClient/billingHistory/nodes", "type")
}

/// Sends one mutation with Sirius's service key.
pub(crate) async fn by_sirius(t: &Harness, name: &str, input: Value, fields: &str) -> Answer {
    let body = mutation(name, input, fields);
    let answer = Answer::of(t.post().bearer_auth(SIRIUS_KEY).json(&body)).await;
    assert_books(t).await;
    answer
}

/// Field and code of each fault, in their order.
#[track_caller]
pub(crate) fn faults_of<'a>(answer: &'a Answer, name: &str) -> Vec<(&'a str, &'a str)> {
    let faults = answer.data(&format!("/{name}/userErrors"));
    let faults = faults.as_array().unwrap().iter();
    faults
        .map(|it| {
            (
                it["field"][0].as_str().unwrap_or("none"),
                it["code"].as_str().unwrap(),
            )
        })
        .collect()
}
