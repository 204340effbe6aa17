//! What is refused, and how it is told.

use serde_json::json;
use tests::both_databases;

use super::mutations::*;

both_databases! {
    async fn a_client_that_is_not_there_is_told_with_all_other_faults(t) {
        a_client(t).await;
        let reduction = json!({ "clientId": 9999, "type": "REMISSION", "startYear": 1, "lengthInYears": 9,
            "dateReceived": "2999-01-01", "notes": "", "idempotencyKey": "" });
        let answer = by_officer(t, "addFeeReduction", reduction, "feeReduction { id }").await;
        assert_eq!(faults_of(&answer, "addFeeReduction"), [("idempotencyKey", "INVALID"), ("notes", "REQUIRED"),
            ("dateReceived", "OUT_OF_RANGE"), ("lengthInYears", "OUT_OF_RANGE"), ("startYear", "OUT_OF_RANGE"),
            ("clientId", "NOT_FOUND")]);
        let invoice = json!({ "clientId": 9999, "feeType": "S2", "raisedDate": "2999-01-01" });
        let answer = by_manager(t, "addManualInvoice", invoice, "invoice { id }").await;
        let found = faults_of(&answer, "addManualInvoice");
        assert_eq!((found.first(), found.last()), (Some(&("raisedDate", "OUT_OF_RANGE")), Some(&("clientId", "NOT_FOUND"))));
        let adjustment = json!({ "clientId": 9999, "invoiceId": "none", "type": "CREDIT_MEMO", "amount": 0, "notes": " " });
        let answer = by_officer(t, "raiseInvoiceAdjustment", adjustment, "invoiceAdjustment { id }").await;
        assert_eq!(faults_of(&answer, "raiseInvoiceAdjustment"), [("notes", "REQUIRED"), ("amount", "OUT_OF_RANGE"), ("clientId", "NOT_FOUND")]);
        let refund = json!({ "clientId": 9999, "accountName": "", "accountNumber": "1", "sortCode": "1", "notes": "" });
        let answer = by_officer(t, "requestRefund", refund, "refund { id }").await;
        let fields = faults_of(&answer, "requestRefund").into_iter().map(|(field, _)| field);
        assert_eq!(fields.collect::<Vec<_>>(), ["accountName", "accountNumber", "sortCode", "notes", "clientId"]);
        assert_eq!(count(t, "idempotency_key").await, 0);
    }

    async fn a_reversal_without_a_given_amount_is_approved_only_while_the_credit_covers_it(t) {
        a_client(t).await;
        let written_off = an_invoice(t, "2025-08-01").await;
        adjusted(t, &written_off, "CREDIT_WRITE_OFF", None).await;
        let other = an_invoice(t, "2025-08-02").await;
        assert_eq!(adjusted(t, &other, "CREDIT_MEMO", Some(14_000)).await, (0, 4_000));
        let raised = raise(t, &written_off, "WRITE_OFF_REVERSAL", None).await;
        let raised = raised.data("/raiseInvoiceAdjustment/invoiceAdjustment").clone();
        assert_eq!(raised["amount"], -4_000);
        // The credit goes into another invoice.
        an_invoice(t, "2025-08-03").await;
        let refused = decide(t, &raised["id"], "APPROVE").await;
        assert_eq!(faults_of(&refused, "decideInvoiceAdjustment"), [("decision", "NOT_PERMITTED")]);
        balances(&decide(t, &raised["id"], "REJECT").await, "decideInvoiceAdjustment");
        // A manager gives the amount, credit or none.
        let input = json!({ "clientId": 1001, "invoiceId": written_off, "type": "WRITE_OFF_REVERSAL",
            "amount": 9_000, "notes": "By the court's order" });
        let given = by_manager(t, "raiseInvoiceAdjustment", input, "invoiceAdjustment { id }").await;
        let id = given.data("/raiseInvoiceAdjustment/invoiceAdjustment/id").clone();
        t.database.execute("UPDATE invoice_adjustment SET created_by = 3").await;
        assert_eq!(balances(&decide(t, &id, "APPROVE").await, "decideInvoiceAdjustment"), (15_000, 0));
    }

    async fn a_refund_to_another_account_is_another_refund_and_no_account_is_kept_by_its_key(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        adjusted(t, &invoice, "CREDIT_MEMO", Some(12_000)).await;
        let to = |account: &str| json!({ "clientId": 1001, "accountName": "Reginald Deputy",
            "accountNumber": account, "sortCode": "20-30-40", "notes": "Asked for by letter", "idempotencyKey": "r-1" });
        by_officer(t, "requestRefund", to("12345678"), "refund { id }").await.data("/requestRefund/refund/id");
        let answer = by_officer(t, "requestRefund", to("12345679"), "refund { id }").await;
        assert_eq!(faults_of(&answer, "requestRefund"), [("idempotencyKey", "KEY_REUSED")]);
    }
}
