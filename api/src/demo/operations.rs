//! The operations that GraphiQL offers in the demo: its main stories, ready to run one after the other.

use serde_json::{Value, json};

use super::stories::Practice;
use crate::graphql::NodeType;
use crate::http::Tab;
use crate::server::FIRST_QUERY;

/// What each shows of its client.
const AFTER_THE_CHANGE: &str = include_str!("operations/after_the_change.graphql");

/// A tab for each, the first query in front.
pub(super) fn tabs(practice: Practice) -> Vec<Tab> {
    let adjustment = |later: i32| NodeType::InvoiceAdjustment.id(practice.next_adjustment + later);
    let invoice = NodeType::Invoice.id(practice.unpaid_invoice);
    let refund = NodeType::Refund.id(practice.next_refund);
    let tab = |query: &str, input: Value| Tab {
        query: format!("{query}{AFTER_THE_CHANGE}"),
        variables: format!("{:#}", json!({ "input": input })),
    };
    vec![
        Tab::of(FIRST_QUERY),
        tab(
            include_str!("operations/award_remission.graphql"),
            json!({ "clientId": 1013, "type": "REMISSION", "startYear": 2024, "lengthInYears": 1,
                "dateReceived": "2024-09-01", "notes": "On a low income" }),
        ),
        tab(
            include_str!("operations/raise_write_off.graphql"),
            json!({ "clientId": 1014, "invoiceId": *invoice, "type": "CREDIT_WRITE_OFF",
                "notes": "Not to be recovered" }),
        ),
        tab(
            include_str!("operations/approve_write_off.graphql"),
            json!({ "clientId": 1014, "adjustmentId": *adjustment(0), "decision": "APPROVE" }),
        ),
        tab(
            include_str!("operations/raise_reversal.graphql"),
            json!({ "clientId": 1014, "invoiceId": *invoice, "type": "WRITE_OFF_REVERSAL",
                "amount": 10_000, "notes": "The deputy will pay after all" }),
        ),
        tab(
            include_str!("operations/approve_reversal.graphql"),
            json!({ "clientId": 1014, "adjustmentId": *adjustment(1), "decision": "APPROVE" }),
        ),
        tab(
            include_str!("operations/request_refund.graphql"),
            json!({ "clientId": 1015, "accountName": "Reginald Deputy", "accountNumber": "12345678",
                "sortCode": "20-30-40", "notes": "Asked for by letter" }),
        ),
        tab(
            include_str!("operations/approve_refund.graphql"),
            json!({ "clientId": 1015, "refundId": *refund, "decision": "APPROVE" }),
        ),
        Tab::of(include_str!("operations/follow_account.graphql")),
    ]
}
