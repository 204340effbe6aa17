//! Every change, sent five times at once with one idempotency key and once more later, happens once, and
//! each time gives the same answer.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{Harness, MANAGER, both_databases};

use super::mutations::*;

/// Sends it as said above; gives the answer.
async fn send_again(
    t: &Harness,
    cookie: Option<&str>,
    name: &str,
    mut input: Value,
    fields: &str,
) -> Value {
    input["idempotencyKey"] = json!(format!("key of {name}"));
    let once = async || {
        let answer = match cookie {
            Some(cookie) => send(t, cookie, name, input.clone(), fields).await,
            None => by_sirius(t, name, input.clone(), fields).await,
        };
        answer.data(&format!("/{name}")).clone()
    };
    let mut answers = join_all((0..5).map(|_| once())).await;
    answers.push(once().await);
    assert_eq!(answers[0]["userErrors"], json!([]), "{name}");
    for answer in &answers {
        assert_eq!(answer, &answers[0], "{name}");
    }
    answers.swap_remove(0)
}

both_databases! {
    async fn every_change_sent_again_with_its_key_happens_once(t) {
        a_client(t).await;
        let officer = Some("sirius=officer");
        let manager = Some(MANAGER);

        let input = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": "2025-08-01" });
        let invoice = send_again(t, manager, "addManualInvoice", input, "invoice { id }").await["invoice"]["id"].clone();
        assert_eq!(count(t, "invoice").await, 1);

        let input = json!({ "clientId": 1001, "type": "REMISSION", "startYear": 2025, "lengthInYears": 1,
            "dateReceived": "2025-08-15", "notes": "Low income" });
        let reduction = send_again(t, officer, "addFeeReduction", input, "feeReduction { id }").await["feeReduction"]["id"].clone();
        assert_eq!((count(t, "fee_reduction").await, count(t, "ledger").await), (1, 1));

        let input = json!({ "clientId": 1001, "feeReductionId": reduction, "reason": "Awarded by mistake" });
        send_again(t, manager, "cancelFeeReduction", input, "feeReduction { status }").await;
        assert_eq!(count(t, "fee_reduction WHERE deleted").await, 1);

        let input = json!({ "clientId": 1001, "invoiceId": invoice, "type": "CREDIT_MEMO", "amount": 7_000,
            "notes": "As the deputy asked" });
        let raised = send_again(t, officer, "raiseInvoiceAdjustment", input, "invoiceAdjustment { id }").await;
        assert_eq!(count(t, "invoice_adjustment").await, 1);

        let input = json!({ "clientId": 1001, "adjustmentId": raised["invoiceAdjustment"]["id"], "decision": "APPROVE" });
        send_again(t, manager, "decideInvoiceAdjustment", input, "invoiceAdjustment { status }").await;
        assert_eq!((count(t, "ledger").await, count(t, "ledger_allocation").await), (2, 3));

        let input = json!({ "clientId": 1001, "accountName": "Reginald Deputy", "accountNumber": "12345678",
            "sortCode": "20-30-40", "notes": "Asked for by letter" });
        let refund = send_again(t, officer, "requestRefund", input, "refund { id amount }").await["refund"]["id"].clone();
        assert_eq!((count(t, "refund").await, count(t, "bank_details").await), (1, 1));

        let input = json!({ "clientId": 1001, "refundId": refund, "decision": "APPROVE" });
        send_again(t, manager, "decideRefund", input, "refund { status decisionAt }").await;
        let input = json!({ "clientId": 1001, "refundId": refund });
        send_again(t, manager, "cancelRefund", input, "refund { status cancelledAt }").await;
        assert_eq!(count(t, "refund WHERE cancelled_at IS NOT NULL").await, 1);

        let input = json!({ "clientId": 1001, "paymentMethod": "DIRECT_DEBIT" });
        send_again(t, officer, "changePaymentMethod", input, "").await;
        assert_eq!(count(t, "outgoing_event WHERE detail_type = 'payment-method-changed'").await, 1);

        let input = json!({ "clientId": 2001, "sopNumber": "1", "paymentMethod": "DEMANDED" });
        send_again(t, None, "createFinanceClient", input, "financeClient { clientId }").await;
        assert_eq!(count(t, "finance_client WHERE client_id = 2001").await, 1);

        let input = json!({ "clientId": 2001, "courtReference": "T2001" });
        send_again(t, None, "updateCourtReference", input, "financeClient { courtReference }").await;

        let invoice = json!({ "clientId": 2001, "feeType": "S2", "amount": 32_000, "startDate": "2024-04-01",
            "endDate": "2025-03-31", "raisedDate": "2025-03-31" });
        let input = json!({ "invoices": [invoice, { "clientId": 9, "feeType": "S2", "amount": 1,
            "startDate": "2024-04-01", "endDate": "2025-03-31" }] });
        let results = "results { invoice { reference } userErrors { field code } }";
        send_again(t, None, "createGeneratedInvoices", input, results).await;
        assert_eq!(count(t, "invoice").await, 2);
        assert_eq!(count(t, "idempotency_key").await, 12);
        assert_eq!(count(t, "outgoing_event").await, 4, "memo raised, credit, refund, payment method");
    }
}
