//! Rules of `domain.md` section 6, one by one, by their words.

use serde_json::{Value, json};
use tests::{Harness, both_databases};

use super::mutations::*;

async fn reduce(t: &Harness, kind: &str, start_year: i64, years: i64) -> tests::Answer {
    let input = json!({ "clientId": 1001, "type": kind, "startYear": start_year, "lengthInYears": years,
        "dateReceived": "2025-08-15", "notes": "As the deputy asked" });
    by_officer(
        t,
        "addFeeReduction",
        input,
        "feeReduction { id startDate endDate }",
    )
    .await
}

/// A general annual fee of 2025/26, by the manager.
async fn annual(t: &Harness, fee_type: &str, amount: i64) -> Value {
    let input = json!({ "clientId": 1001, "feeType": fee_type, "amount": amount, "raisedDate": "2025-08-20",
        "startDate": "2025-04-01" });
    let answer = by_manager(t, "addManualInvoice", input, "invoice { id }").await;
    answer.data("/addManualInvoice/invoice/id").clone()
}

async fn permitted(t: &Harness, id: &Value) -> Value {
    let query = format!("{{ node(id: {id}) {{ ... on Invoice {{ permittedAdjustments }} }} }}");
    t.ask(&query)
        .await
        .data("/node/permittedAdjustments")
        .clone()
}

#[track_caller]
fn code(answer: &tests::Answer, name: &str) -> String {
    let faults = faults_of(answer, name);
    assert_eq!(faults.len(), 1, "{faults:?}");
    format!("{} {}", faults[0].0, faults[0].1)
}

both_databases! {
    async fn a_reduction_may_not_overlap_another_that_is_not_cancelled(t) {
        a_client(t).await;
        let first = reduce(t, "EXEMPTION", 2024, 2).await;
        let first = first.data("/addFeeReduction/feeReduction");
        assert_eq!((&first["startDate"], &first["endDate"]), (&json!("2024-04-01"), &json!("2026-03-31")));
        assert_eq!(code(&reduce(t, "HARDSHIP", 2025, 1).await, "addFeeReduction"), "startYear NOT_PERMITTED");
        assert_eq!(code(&reduce(t, "HARDSHIP", 2022, 3).await, "addFeeReduction"), "startYear NOT_PERMITTED");
        balances(&reduce(t, "HARDSHIP", 2026, 1).await, "addFeeReduction");
        balances(&reduce(t, "HARDSHIP", 2023, 1).await, "addFeeReduction");
        let cancel = json!({ "clientId": 1001, "feeReductionId": first["id"], "reason": "Awarded by mistake" });
        balances(&by_manager(t, "cancelFeeReduction", cancel, "feeReduction { id }").await, "cancelFeeReduction");
        balances(&reduce(t, "REMISSION", 2024, 2).await, "addFeeReduction");
    }

    async fn exemption_and_hardship_credit_the_whole_amount_and_a_remission_half_rounded_down(t) {
        a_client(t).await;
        let owed = async || {
            let answer = t.ask("{ financeClient(clientId: 1001) { outstandingBalance } }").await;
            answer.data("/financeClient/outstandingBalance").as_i64().unwrap()
        };
        for (kind, start_year, raised, left) in [("EXEMPTION", 2023, "2024-03-31", 0), ("HARDSHIP", 2024, "2024-04-01", 0),
            ("REMISSION", 2025, "2025-08-01", 16_000)] {
            let input = json!({ "clientId": 1001, "type": kind, "startYear": start_year, "lengthInYears": 1,
                "dateReceived": raised, "notes": "As the deputy asked" });
            balances(&by_officer(t, "addFeeReduction", input, "feeReduction { id }").await, "addFeeReduction");
            let before = owed().await;
            let input = json!({ "clientId": 1001, "feeType": "S2", "amount": 31_999, "raisedDate": raised, "startDate": raised });
            balances(&by_manager(t, "addManualInvoice", input, "invoice { id }").await, "addManualInvoice");
            assert_eq!(owed().await, before + left, "{kind}");
        }
    }

    async fn a_remission_of_a_minimal_fee_is_of_nothing_and_writes_nothing(t) {
        a_client(t).await;
        balances(&reduce(t, "REMISSION", 2025, 1).await, "addFeeReduction");
        annual(t, "S3", 1_000).await;
        assert_eq!(count(t, "ledger").await, 0);
    }

    async fn one_adjustment_of_a_type_waits_on_an_invoice_at_a_time(t) {
        a_client(t).await;
        let invoice = annual(t, "S2", 20_000).await;
        let first = raise(t, &invoice, "CREDIT_MEMO", Some(100)).await;
        assert_eq!(code(&raise(t, &invoice, "CREDIT_MEMO", Some(200)).await, "raiseInvoiceAdjustment"), "type NOT_PERMITTED");
        balances(&raise(t, &invoice, "DEBIT_MEMO", Some(100)).await, "raiseInvoiceAdjustment");
        let other = an_invoice(t, "2025-08-02").await;
        balances(&raise(t, &other, "CREDIT_MEMO", Some(100)).await, "raiseInvoiceAdjustment");
        let id = first.data("/raiseInvoiceAdjustment/invoiceAdjustment/id");
        decide(t, id, "REJECT").await;
        balances(&raise(t, &invoice, "CREDIT_MEMO", Some(200)).await, "raiseInvoiceAdjustment");
    }

    async fn a_debit_memo_reaches_up_to_100_pounds_of_an_assessment_and_320_of_others(t) {
        a_client(t).await;
        let invoice = annual(t, "S2", 30_000).await;
        assert_eq!(code(&raise(t, &invoice, "DEBIT_MEMO", Some(2_001)).await, "raiseInvoiceAdjustment"), "amount OUT_OF_RANGE");
        assert_eq!(adjusted(t, &invoice, "DEBIT_MEMO", Some(2_000)).await, (32_000, 0));
        assert_eq!(permitted(t, &invoice).await, json!(["CREDIT_MEMO", "CREDIT_WRITE_OFF"]));
        let assessment = an_invoice(t, "2025-08-01").await;
        adjusted(t, &assessment, "CREDIT_MEMO", Some(1)).await;
        assert_eq!(code(&raise(t, &assessment, "DEBIT_MEMO", Some(2)).await, "raiseInvoiceAdjustment"), "amount OUT_OF_RANGE");
        balances(&raise(t, &assessment, "DEBIT_MEMO", Some(1)).await, "raiseInvoiceAdjustment");
    }

    async fn a_fee_reductions_reversal_takes_back_no_more_than_is_left_of_it(t) {
        a_client(t).await;
        balances(&reduce(t, "REMISSION", 2025, 1).await, "addFeeReduction");
        let invoice = annual(t, "S2", 32_000).await;
        assert_eq!(code(&raise(t, &invoice, "FEE_REDUCTION_REVERSAL", Some(16_001)).await, "raiseInvoiceAdjustment"), "amount OUT_OF_RANGE");
        assert_eq!(adjusted(t, &invoice, "FEE_REDUCTION_REVERSAL", Some(10_000)).await, (26_000, 0));
        assert_eq!(code(&raise(t, &invoice, "FEE_REDUCTION_REVERSAL", Some(6_001)).await, "raiseInvoiceAdjustment"), "amount OUT_OF_RANGE");
        assert_eq!(adjusted(t, &invoice, "FEE_REDUCTION_REVERSAL", Some(6_000)).await, (32_000, 0));
        assert_eq!(code(&raise(t, &invoice, "FEE_REDUCTION_REVERSAL", Some(1)).await, "raiseInvoiceAdjustment"), "type NOT_PERMITTED");
    }

    async fn what_may_be_adjusted_follows_what_has_happened_to_the_invoice(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        assert_eq!(permitted(t, &invoice).await, json!(["CREDIT_MEMO", "CREDIT_WRITE_OFF"]));
        adjusted(t, &invoice, "CREDIT_MEMO", Some(1_000)).await;
        assert_eq!(permitted(t, &invoice).await, json!(["CREDIT_MEMO", "DEBIT_MEMO", "CREDIT_WRITE_OFF"]));
        adjusted(t, &invoice, "CREDIT_WRITE_OFF", None).await;
        assert_eq!(permitted(t, &invoice).await, json!(["WRITE_OFF_REVERSAL"]));
        let reduced = annual(t, "S2", 32_000).await;
        balances(&reduce(t, "REMISSION", 2025, 1).await, "addFeeReduction");
        assert_eq!(permitted(t, &reduced).await,
            json!(["CREDIT_MEMO", "DEBIT_MEMO", "CREDIT_WRITE_OFF", "FEE_REDUCTION_REVERSAL"]));
    }

    async fn a_refund_is_not_approved_once_the_credit_has_fallen_below_it(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        adjusted(t, &invoice, "CREDIT_MEMO", Some(12_000)).await;
        let asked = refund(t).await;
        let id = asked.data("/requestRefund/refund/id");
        // The credit goes into another invoice.
        an_invoice(t, "2025-08-02").await;
        let input = json!({ "clientId": 1001, "refundId": id, "decision": "APPROVE" });
        let refused = by_manager(t, "decideRefund", input, "refund { status }").await;
        assert_eq!(code(&refused, "decideRefund"), "decision NOT_PERMITTED");
        let input = json!({ "clientId": 1001, "refundId": id, "decision": "REJECT" });
        let rejected = by_manager(t, "decideRefund", input, "refund { status bankDetails { accountName } }").await;
        assert_eq!(rejected.data("/decideRefund/refund"), &json!({ "status": "REJECTED", "bankDetails": null }));
    }

    async fn an_amount_is_above_50_pence_and_at_most_320_pounds(t) {
        a_client(t).await;
        for (amount, is_taken) in [(50, false), (51, true), (32_000, true), (32_001, false)] {
            let input = json!({ "clientId": 1001, "feeType": "S2", "amount": amount, "raisedDate": "2025-08-20",
                "startDate": "2025-04-01" });
            let answer = by_manager(t, "addManualInvoice", input, "invoice { id }").await;
            assert_eq!(faults_of(&answer, "addManualInvoice").is_empty(), is_taken, "{amount}");
        }
        let input = json!({ "clientId": 1001, "feeType": "GA", "raisedDate": "2025-08-01" });
        let answer = by_manager(t, "addManualInvoice", input, "invoice { amount }").await;
        assert_eq!(answer.data("/addManualInvoice/invoice/amount"), 20_000);
    }

    async fn a_final_fee_starts_and_ends_in_one_financial_year(t) {
        a_client(t).await;
        for fee_type in ["SF", "SE", "SO"] {
            for (end, is_taken) in [("2025-03-31", true), ("2025-04-01", false)] {
                let input = json!({ "clientId": 1001, "feeType": fee_type, "amount": 1_000, "raisedDate": "2025-08-01",
                    "startDate": "2024-04-01", "endDate": end });
                let answer = by_manager(t, "addManualInvoice", input, "invoice { id }").await;
                assert_eq!(faults_of(&answer, "addManualInvoice").is_empty(), is_taken, "{fee_type} to {end}");
            }
        }
    }

    async fn a_raised_date_may_be_today_and_not_tomorrow(t) {
        a_client(t).await;
        for (raised, is_taken) in [("2025-09-01", true), ("2025-09-02", false)] {
            let input = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": raised });
            let answer = by_manager(t, "addManualInvoice", input, "invoice { id }").await;
            assert_eq!(faults_of(&answer, "addManualInvoice").is_empty(), is_taken, "{raised}");
        }
    }
}
