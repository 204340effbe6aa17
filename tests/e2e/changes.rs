//! What users change, by the rules of `domain.md` section 6, from the outside.

use std::time::Duration;

use api::clock::Clock;
use api::demo::books::*;
use api::finance::ChangedClients;
use api::finance::audit::{Rule, audit};
use api::finance::change::{Actor, expire_refunds};
use entity::stored::*;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;
use tests::token::{SECRET, claims, sign};
use tests::{Answer, OFFICER, Options, any_database, both_databases, postgres_only};

use super::mutations::*;

both_databases! {
    async fn a_manual_assessment_has_its_fee_its_days_and_the_next_reference(t) {
        a_client(t).await;
        let fields = "invoice { reference amount raisedDate startDate endDate status createdBy { displayName } }";
        let input = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": "2025-08-01" });
        let first = by_manager(t, "addManualInvoice", input.clone(), fields).await;
        assert_eq!(first.data("/addManualInvoice/invoice"), &json!({
            "reference": "AD000001/25", "amount": 10_000, "raisedDate": "2025-08-01",
            "startDate": "2025-08-01", "endDate": "2025-08-01", "status": "UNPAID",
            "createdBy": { "displayName": "Finance Manager" },
        }));
        assert_eq!(balances(&first, "addManualInvoice"), (10_000, 0));
        let second = by_manager(t, "addManualInvoice", input, fields).await;
        assert_eq!(second.data("/addManualInvoice/invoice/reference"), "AD000002/25");
        let annual = json!({ "clientId": 1001, "feeType": "S2", "amount": 32_000,
            "raisedDate": "2025-03-31", "startDate": "2024-04-01" });
        let annual = by_manager(t, "addManualInvoice", annual,
            "invoice { reference endDate supervisionLevels { supervisionLevel amount } }").await;
        assert_eq!(annual.data("/addManualInvoice/invoice"), &json!({
            "reference": "S2000001/24", "endDate": "2025-03-31",
            "supervisionLevels": [{ "supervisionLevel": "GENERAL", "amount": 32_000 }],
        }));
        assert_eq!(balances(&annual, "addManualInvoice"), (52_000, 0));
        let cached = count(t, "invoice WHERE cacheddebtamount = amount AND source = 'Created manually' \
            AND person_id = 1001 AND confirmeddate = '2025-09-01'").await;
        assert_eq!(cached, 3);
    }

    async fn all_faults_of_an_invoice_are_told_at_once_and_leave_no_gap(t) {
        a_client(t).await;
        let wrong = json!({ "clientId": 1001, "feeType": "SF", "amount": 50, "raisedDate": "2025-09-02",
            "startDate": "2025-04-01", "endDate": "2025-03-31" });
        let answer = by_manager(t, "addManualInvoice", wrong, "invoice { id }").await;
        let expected = [("raisedDate", "OUT_OF_RANGE"), ("amount", "OUT_OF_RANGE"),
            ("endDate", "INVALID"), ("endDate", "INVALID")];
        let expected = expected.map(|(field, code)| (field.to_owned(), code.to_owned()));
        assert_eq!(faults(&answer, "addManualInvoice"), expected);
        for (input, fault) in [
            (json!({ "feeType": "AD", "amount": 9_999 }), ("amount", "INVALID")),
            (json!({ "feeType": "GA", "endDate": "2025-08-02" }), ("endDate", "INVALID")),
            (json!({ "feeType": "S3", "amount": 100, "startDate": "2025-04-01", "supervisionLevel": "GENERAL" }),
                ("supervisionLevel", "INVALID")),
            (json!({ "feeType": "GS", "amount": 32_001, "startDate": "2025-04-01", "endDate": "2025-04-01" }),
                ("amount", "OUT_OF_RANGE")),
            (json!({ "feeType": "S2", "amount": 100 }), ("startDate", "REQUIRED")),
            (json!({ "feeType": "UNKNOWN" }), ("feeType", "INVALID")),
            (json!({ "feeType": "AD", "clientId": 9999 }), ("clientId", "NOT_FOUND")),
        ] {
            let mut whole = json!({ "clientId": 1001, "raisedDate": "2025-08-01" });
            whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
            let answer = by_manager(t, "addManualInvoice", whole, "invoice { id }").await;
            let expected = [(fault.0.to_owned(), fault.1.to_owned())];
            assert_eq!(faults(&answer, "addManualInvoice"), expected, "{input}");
        }
        assert_eq!(count(t, "invoice").await, 0);
        an_invoice(t, "2025-08-01").await;
        assert_eq!(count(t, "invoice WHERE reference = 'AD000001/25'").await, 1, "no gap");
    }

    async fn a_remission_halves_what_it_covers_and_its_excess_is_used_on_the_next(t) {
        a_client(t).await;
        let first = an_invoice(t, "2025-06-01").await;
        an_invoice(t, "2025-07-01").await;
        an_invoice(t, "2025-01-01").await;
        assert_eq!(adjusted(t, &first, "CREDIT_MEMO", Some(8_000)).await, (22_000, 0));
        let input = json!({ "clientId": 1001, "type": "REMISSION", "startYear": 2025, "lengthInYears": 1,
            "dateReceived": "2025-08-15", "notes": "Benefits" });
        let fields = "feeReduction { type status startDate endDate createdBy { displayName } }";
        let answer = by_officer(t, "addFeeReduction", input.clone(), fields).await;
        assert_eq!(answer.data("/addFeeReduction/feeReduction"), &json!({
            "type": "REMISSION", "status": "ACTIVE", "startDate": "2025-04-01", "endDate": "2026-03-31",
            "createdBy": { "displayName": "Billing Officer" },
        }));
        // 50 off each of the two within it; 30 of the first go to the oldest, which is before it.
        assert_eq!(balances(&answer, "addFeeReduction"), (12_000, 0));
        let owed = t.ask("{ financeClient(clientId: 1001) { invoices { nodes {
            raisedDate outstandingBalance statusContext } } } }").await;
        assert_eq!(owed.data("/financeClient/invoices/nodes"), &json!([
            { "raisedDate": "2025-07-01", "outstandingBalance": 5_000, "statusContext": "REMISSION" },
            { "raisedDate": "2025-06-01", "outstandingBalance": 0, "statusContext": "REMISSION" },
            { "raisedDate": "2025-01-01", "outstandingBalance": 7_000, "statusContext": null },
        ]));
        assert_eq!(history(t).await[..3], ["REAPPLIED_CREDIT", "FEE_REDUCTION_APPLIED", "FEE_REDUCTION_APPLIED"]);
        let again = by_officer(t, "addFeeReduction", input, fields).await;
        assert_eq!(faults(&again, "addFeeReduction"), [("startYear".to_owned(), "NOT_PERMITTED".to_owned())]);
    }

    async fn a_reduction_covers_new_invoices_too_until_it_is_cancelled(t) {
        a_client(t).await;
        let input = json!({ "clientId": 1001, "type": "EXEMPTION", "startYear": 2025, "lengthInYears": 3,
            "dateReceived": "2025-08-15", "notes": "Benefits" });
        let answer = by_officer(t, "addFeeReduction", input, "feeReduction { id }").await;
        let id = answer.data("/addFeeReduction/feeReduction/id").clone();
        an_invoice(t, "2025-08-20").await;
        let cancel = json!({ "clientId": 1001, "feeReductionId": id, "reason": "Awarded in error" });
        let answer = by_manager(t, "cancelFeeReduction", cancel.clone(), "feeReduction { status cancellationReason }").await;
        assert_eq!(answer.data("/cancelFeeReduction/feeReduction"), &json!({
            "status": "CANCELLED", "cancellationReason": "Awarded in error" }));
        assert_eq!(balances(&answer, "cancelFeeReduction"), (0, 0), "what was credited stays");
        let again = by_manager(t, "cancelFeeReduction", cancel, "feeReduction { id }").await;
        assert_eq!(faults(&again, "cancelFeeReduction"), [("feeReductionId".to_owned(), "ALREADY_DECIDED".to_owned())]);
        an_invoice(t, "2025-08-21").await;
        let answer = t.ask("{ financeClient(clientId: 1001) { outstandingBalance } }").await;
        assert_eq!(answer.data("/financeClient/outstandingBalance"), 10_000, "it covers nothing more");
    }

    async fn a_write_off_is_raised_approved_and_reversed(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        let raised = raise(t, &invoice, "CREDIT_WRITE_OFF", None).await;
        assert_eq!(raised.data("/raiseInvoiceAdjustment/invoiceAdjustment/amount"), 10_000);
        assert_eq!(balances(&raised, "raiseInvoiceAdjustment"), (10_000, 0), "nothing yet");
        let twice = raise(t, &invoice, "CREDIT_WRITE_OFF", None).await;
        assert_eq!(faults(&twice, "raiseInvoiceAdjustment"), [("type".to_owned(), "NOT_PERMITTED".to_owned())]);
        let id = raised.data("/raiseInvoiceAdjustment/invoiceAdjustment/id");
        let approved = decide(t, id, "APPROVE").await;
        assert_eq!(approved.data("/decideInvoiceAdjustment/invoiceAdjustment/status"), "APPROVED");
        assert_eq!(balances(&approved, "decideInvoiceAdjustment"), (0, 0));
        for decision in ["APPROVE", "REJECT"] {
            let fault = faults(&decide(t, id, decision).await, "decideInvoiceAdjustment");
            assert_eq!(fault, [("adjustmentId".to_owned(), "ALREADY_DECIDED".to_owned())]);
        }
        // Without credit, only a manager's amount can reverse it.
        let refused = raise(t, &invoice, "WRITE_OFF_REVERSAL", None).await;
        assert_eq!(faults(&refused, "raiseInvoiceAdjustment"), [("amount".to_owned(), "NOT_PERMITTED".to_owned())]);
        let other = an_invoice(t, "2025-08-02").await;
        assert_eq!(adjusted(t, &other, "CREDIT_MEMO", Some(14_000)).await, (0, 4_000));
        assert_eq!(adjusted(t, &invoice, "WRITE_OFF_REVERSAL", None).await, (0, 0));
        assert_eq!(history(t).await[..2], ["REAPPLIED_CREDIT", "INVOICE_ADJUSTMENT_APPLIED"]);
    }

    async fn an_adjustment_keeps_to_its_bounds(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        let raised = async |kind: &str, amount: Option<i64>| {
            let answer = raise(t, &invoice, kind, amount).await;
            let code = answer.data("/raiseInvoiceAdjustment/userErrors/0/code");
            code.as_str().unwrap().to_owned()
        };
        assert_eq!(raised("CREDIT_MEMO", Some(20_001)).await, "OUT_OF_RANGE");
        assert_eq!(raised("CREDIT_MEMO", Some(0)).await, "OUT_OF_RANGE");
        assert_eq!(raised("CREDIT_MEMO", None).await, "REQUIRED");
        assert_eq!(raised("DEBIT_MEMO", Some(1)).await, "NOT_PERMITTED", "it owes the limit");
        assert_eq!(raised("CREDIT_WRITE_OFF", Some(9_999)).await, "INVALID");
        assert_eq!(raised("WRITE_OFF_REVERSAL", None).await, "NOT_PERMITTED");
        assert_eq!(raised("FEE_REDUCTION_REVERSAL", Some(1)).await, "NOT_PERMITTED");
        assert_eq!(adjusted(t, &invoice, "CREDIT_MEMO", Some(4_000)).await, (6_000, 0));
        assert_eq!(raised("DEBIT_MEMO", Some(4_001)).await, "OUT_OF_RANGE");
        assert_eq!(adjusted(t, &invoice, "DEBIT_MEMO", Some(4_000)).await, (10_000, 0));
        let stored = count(t, "invoice_adjustment WHERE amount = -4000").await;
        assert_eq!(stored, 1, "stored negative");
    }

    async fn an_approval_is_checked_as_if_it_were_raised_now(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        let raised = raise(t, &invoice, "CREDIT_WRITE_OFF", None).await;
        let id = raised.data("/raiseInvoiceAdjustment/invoiceAdjustment/id");
        adjusted(t, &invoice, "CREDIT_MEMO", Some(1_000)).await;
        let refused = decide(t, id, "APPROVE").await;
        assert_eq!(faults(&refused, "decideInvoiceAdjustment"), [("decision".to_owned(), "NOT_PERMITTED".to_owned())]);
        assert_eq!(balances(&decide(t, id, "REJECT").await, "decideInvoiceAdjustment"), (9_000, 0));
    }

    async fn who_asked_does_not_decide(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        let input = json!({ "clientId": 1001, "invoiceId": invoice, "type": "CREDIT_MEMO", "amount": 12_000,
            "notes": "As the deputy asked" });
        let raised = by_manager(t, "raiseInvoiceAdjustment", input, "invoiceAdjustment { id }").await;
        let id = raised.data("/raiseInvoiceAdjustment/invoiceAdjustment/id");
        let refused = decide(t, id, "APPROVE").await;
        assert_eq!(faults(&refused, "decideInvoiceAdjustment"), [("decision".to_owned(), "FOUR_EYES".to_owned())]);
    }

    async fn who_asked_for_a_refund_does_not_decide_on_it(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        adjusted(t, &invoice, "CREDIT_MEMO", Some(17_000)).await;
        let input = json!({ "clientId": 1001, "accountName": "Reginald Deputy",
            "accountNumber": "12345678", "sortCode": "20-30-40", "notes": "Asked for by letter" });
        let asked = by_manager(t, "requestRefund", input, "refund { id }").await;
        let id = asked.data("/requestRefund/refund/id");
        for decision in ["APPROVE", "REJECT"] {
            let input = json!({ "clientId": 1001, "refundId": id, "decision": decision });
            let refused = by_manager(t, "decideRefund", input, "refund { id }").await;
            let expected = [("decision".to_owned(), "FOUR_EYES".to_owned())];
            assert_eq!(faults(&refused, "decideRefund"), expected);
        }
    }

    async fn a_reduction_reaches_six_months_back_from_the_day_received(t) {
        a_client(t).await;
        an_invoice(t, "2025-02-14").await;
        an_invoice(t, "2025-02-15").await;
        let input = json!({ "clientId": 1001, "type": "EXEMPTION", "startYear": 2024, "lengthInYears": 1,
            "dateReceived": "2025-08-15", "notes": "Benefits" });
        let answer = by_officer(t, "addFeeReduction", input, "feeReduction { id }").await;
        assert_eq!(balances(&answer, "addFeeReduction"), (10_000, 0));
        let owed = t.ask("{ financeClient(clientId: 1001) { invoices { nodes { outstandingBalance } } } }").await;
        assert_eq!(owed.column("/financeClient/invoices/nodes", "outstandingBalance"), [0, 10_000]);
    }

    async fn two_reductions_never_credit_more_than_was_charged(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-03-31").await;
        for (kind, year) in [("REMISSION", 2023), ("EXEMPTION", 2024)] {
            let input = json!({ "clientId": 1001, "type": kind, "startYear": year, "lengthInYears": 2,
                "dateReceived": "2025-08-15", "notes": "Benefits" });
            let answer = by_officer(t, "addFeeReduction", input, "feeReduction { id }").await;
            let id = answer.data("/addFeeReduction/feeReduction/id");
            let cancel = json!({ "clientId": 1001, "feeReductionId": id, "reason": "Replaced" });
            by_manager(t, "cancelFeeReduction", cancel, "feeReduction { id }").await.data("/cancelFeeReduction");
        }
        let query = format!("{{ node(id: {invoice}) {{ ... on Invoice {{ outstandingBalance received
            ledgerAllocations {{ amount }} financeClient {{ creditBalance }} }} }} }}");
        assert_eq!(t.ask(&query).await.data("/node"), &json!({
            "outstandingBalance": 0, "received": 10_000,
            "ledgerAllocations": [{ "amount": 5_000 }, { "amount": 5_000 }],
            "financeClient": { "creditBalance": 0 },
        }));
    }

    async fn roles_decide_who_may_change_what_and_none_includes_another(t) {
        a_client(t).await;
        let officer = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": "2025-08-01" });
        let answer = by_officer(t, "addManualInvoice", officer, "invoice { id }").await;
        assert_eq!(answer.errors(), [("FORBIDDEN".to_owned(), "addManualInvoice".to_owned())]);
        assert_eq!(count(t, "invoice").await, 0);
    }

    async fn another_clients_objects_are_not_found(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        let input = json!({ "clientId": 1002, "invoiceId": invoice, "type": "CREDIT_MEMO", "amount": 100, "notes": "n" });
        let answer = by_officer(t, "raiseInvoiceAdjustment", input, "invoiceAdjustment { id }").await;
        assert_eq!(faults(&answer, "raiseInvoiceAdjustment"), [("invoiceId".to_owned(), "NOT_FOUND".to_owned())]);
        let input = json!({ "clientId": 1001, "refundId": invoice, "decision": "APPROVE" });
        let answer = by_manager(t, "decideRefund", input, "refund { id }").await;
        assert_eq!(faults(&answer, "decideRefund"), [("refundId".to_owned(), "NOT_FOUND".to_owned())]);
    }

    async fn a_refund_is_of_the_whole_credit_and_approved_by_another(t) {
        a_client(t).await;
        assert_eq!(faults(&refund(t).await, "requestRefund"), [("clientId".to_owned(), "NOT_PERMITTED".to_owned())]);
        let invoice = an_invoice(t, "2025-08-01").await;
        assert_eq!(adjusted(t, &invoice, "CREDIT_MEMO", Some(17_000)).await, (0, 7_000));
        let asked = refund(t).await;
        assert_eq!(asked.data("/requestRefund/refund/amount"), 7_000);
        assert_eq!(asked.data("/requestRefund/refund/bankDetails/accountNumber"), "12345678");
        assert_eq!(faults(&refund(t).await, "requestRefund"), [("clientId".to_owned(), "NOT_PERMITTED".to_owned())]);
        let id = asked.data("/requestRefund/refund/id").clone();
        let input = json!({ "clientId": 1001, "refundId": id, "decision": "APPROVE" });
        let fields = "refund { status decisionBy { displayName } }";
        let approved = by_manager(t, "decideRefund", input.clone(), fields).await;
        assert_eq!(approved.data("/decideRefund/refund"), &json!({
            "status": "APPROVED", "decisionBy": { "displayName": "Finance Manager" } }));
        let again = by_manager(t, "decideRefund", input, fields).await;
        assert_eq!(faults(&again, "decideRefund"), [("refundId".to_owned(), "ALREADY_DECIDED".to_owned())]);
        // A new invoice takes of the credit: the approval does not stand.
        t.clock.advance(Duration::from_secs(60));
        an_invoice(t, "2025-08-02").await;
        let status = t.ask("{ financeClient(clientId: 1001) { creditBalance refunds { status } } }").await;
        assert_eq!(status.data("/financeClient"), &json!({ "creditBalance": 0, "refunds": [{ "status": "PENDING" }] }));
        let input = json!({ "clientId": 1001, "refundId": id, "decision": "APPROVE" });
        let refused = by_manager(t, "decideRefund", input, fields).await;
        assert_eq!(faults(&refused, "decideRefund"), [("decision".to_owned(), "NOT_PERMITTED".to_owned())]);
        let input = json!({ "clientId": 1001, "refundId": id, "decision": "REJECT" });
        balances(&by_manager(t, "decideRefund", input, fields).await, "decideRefund");
        assert_eq!(count(t, "bank_details").await, 0, "settled: they are deleted");
        let kinds = events(t).await.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kinds, ["pending-invoice-adjustment", "credit-on-account", "refund-added", "refund-reset"]);
    }

    async fn an_approved_refund_is_cancelled_and_a_pending_one_is_not(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        adjusted(t, &invoice, "CREDIT_MEMO", Some(17_000)).await;
        let asked = refund(t).await;
        let id = asked.data("/requestRefund/refund/id").clone();
        let cancel = json!({ "clientId": 1001, "refundId": id });
        let pending = by_manager(t, "cancelRefund", cancel.clone(), "refund { status }").await;
        assert_eq!(faults(&pending, "cancelRefund"), [("refundId".to_owned(), "NOT_PERMITTED".to_owned())]);
        let input = json!({ "clientId": 1001, "refundId": id, "decision": "APPROVE" });
        by_manager(t, "decideRefund", input, "refund { id }").await.data("/decideRefund/refund");
        let cancelled = by_manager(t, "cancelRefund", cancel.clone(), "refund { status cancelledBy { displayName } }").await;
        assert_eq!(cancelled.data("/cancelRefund/refund"), &json!({
            "status": "CANCELLED", "cancelledBy": { "displayName": "Finance Manager" } }));
        assert_eq!(count(t, "bank_details").await, 0);
        let again = by_manager(t, "cancelRefund", cancel, "refund { status }").await;
        assert_eq!(faults(&again, "cancelRefund"), [("refundId".to_owned(), "ALREADY_DECIDED".to_owned())]);
    }

    async fn what_is_left_for_more_than_fourteen_days_expires(t) {
        let mut books = Books::default();
        for client in 1..=6 {
            let mut story = books.client(1000 + client, &format!("{client}"), PaymentMethod::Demanded);
            let refund = story.by(3).refund(100, "2025-08-01 10:00:00");
            story.by(7);
            match client {
                2 => { story.decide_refund(refund, RefundDecision::Approved, "2025-08-02 10:00:00"); }
                3 => { story.decide_refund(refund, RefundDecision::Approved, "2025-08-18 23:59:59"); }
                4 => { story.refund_row(refund, |row| row.reset_at = Some(at("2025-08-19 00:00:00"))); }
                5 => { story.decide_refund(refund, RefundDecision::Rejected, "2025-08-02 10:00:00"); }
                6 => {
                    story.decide_refund(refund, RefundDecision::Approved, "2025-08-02 10:00:00");
                    story.refund_row(refund, |row| row.processed_at = Some(at("2025-08-03 10:00:00")));
                }
                _ => {}
            }
        }
        t.write(books).await;
        t.database.execute("INSERT INTO bank_details (id, refund_id, name, account, sort_code)
            SELECT id, id, 'Reginald Deputy', '12345678', '20-30-40' FROM refund").await;
        t.clock.advance(Duration::from_secs(15 * 60 * 60));
        let actor = Actor {
            user_id: 12,
            is_manager: false,
            caller: "job".to_owned(),
            clock: t.clock.clone(),
            four_eyes: false,
            changed_clients: ChangedClients::default(),
        };
        assert_eq!(expire_refunds(&t.db, &actor).await.unwrap(), 4);
        assert_eq!(expire_refunds(&t.db, &actor).await.unwrap(), 0, "safe to repeat");
        let answer = t.ask("{ refunds { nodes { status decisionBy { displayName } cancelledBy { displayName } } } }").await;
        let told = answer.data("/refunds/nodes").as_array().unwrap().iter();
        let told = told.map(|it| (it["status"].as_str().unwrap().to_owned(),
            it["decisionBy"]["displayName"] == "Cash Control Officer",
            it["cancelledBy"]["displayName"] == "Cash Control Officer"));
        let expected = [("REJECTED", true, false), ("CANCELLED", false, true), ("CANCELLED", false, true),
            ("PENDING", false, false), ("REJECTED", false, false), ("CANCELLED", false, true)];
        let expected = expected.map(|(status, decided, cancelled)| (status.to_owned(), decided, cancelled));
        assert_eq!(told.collect::<Vec<_>>(), expected);
        assert_eq!(count(t, "bank_details").await, 2);
    }

    async fn the_audit_finds_what_is_wrong_and_tells_the_old_apart(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        adjusted(t, &invoice, "CREDIT_MEMO", Some(12_000)).await;
        t.unguard().await;
        for sql in [
            "UPDATE ledger SET amount = 1 WHERE type = 'CREDIT MEMO'",
            "UPDATE invoice SET cacheddebtamount = 7, reference = 'AD1/25'",
            "INSERT INTO ledger (id, reference, datetime, method, amount, type, status, finance_client_id)
                VALUES (900, 'old', '2020-01-01 00:00:00', '', -5000, 'REFUND', 'CONFIRMED', 2)",
            "INSERT INTO ledger_allocation (id, ledger_id, datetime, amount, status)
                VALUES (900, 900, '2020-01-01 00:00:00', 5000, 'REAPPLIED')",
        ] {
            t.database.execute(sql).await;
        }
        let mut found = Vec::new();
        let audited = audit(&t.db, at("2025-01-01 00:00:00"), |breach| {
            found.push((breach.rule, breach.client_id, breach.is_old));
        });
        let audited = audited.await.unwrap();
        assert_eq!(found, [
            (Rule::LedgerAmount, 1001, false), (Rule::Reference, 1001, false),
            (Rule::CachedDebt, 1001, false), (Rule::CreditNotNegative, 1002, true),
        ]);
        assert_eq!((audited.clients, audited.breaches, audited.old), (2, 3, 1));
    }

    async fn all_faults_of_a_refund_are_told_at_once(t) {
        a_client(t).await;
        let input = json!({ "clientId": 1001, "accountName": " ", "accountNumber": "1234567a",
            "sortCode": "203040", "notes": "n".repeat(1_001) });
        let answer = by_officer(t, "requestRefund", input, "refund { id }").await;
        let found = faults(&answer, "requestRefund").into_iter().map(|(field, _)| field);
        assert_eq!(found.collect::<Vec<_>>(), ["accountName", "accountNumber", "sortCode", "notes", "clientId"]);
    }

    async fn the_payment_method_is_changed_and_told_and_no_mandate_is_made(t) {
        a_client(t).await;
        let input = json!({ "clientId": 1001, "paymentMethod": "DIRECT_DEBIT" });
        let answer = by_officer(t, "changePaymentMethod", input.clone(), "").await;
        assert_eq!(answer.data("/changePaymentMethod/financeClient/paymentMethod"), "DIRECT_DEBIT");
        let told = json!({ "clientId": 1001, "paymentMethod": "DIRECT DEBIT" });
        assert_eq!(events(t).await, [("payment-method-changed".to_owned(), told)]);
        let again = by_officer(t, "changePaymentMethod", input, "").await;
        assert_eq!(faults(&again, "changePaymentMethod"), [("paymentMethod".to_owned(), "NOT_PERMITTED".to_owned())]);
        assert_eq!(count(t, "payment_method").await, 0);
    }

    async fn a_change_sent_twice_with_one_key_happens_once(t) {
        a_client(t).await;
        let input = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": "2025-08-01", "idempotencyKey": "k-1" });
        let sent = (0..8).map(|_| by_manager(t, "addManualInvoice", input.clone(), "invoice { reference }"));
        for answer in join_all(sent).await {
            assert_eq!(answer.data("/addManualInvoice/invoice/reference"), "AD000001/25");
        }
        assert_eq!(count(t, "invoice").await, 1);
        let other = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": "2025-08-02", "idempotencyKey": "k-1" });
        let answer = by_manager(t, "addManualInvoice", other, "invoice { id }").await;
        assert_eq!(faults(&answer, "addManualInvoice"), [("idempotencyKey".to_owned(), "KEY_REUSED".to_owned())]);
        let elsewhere = json!({ "clientId": 1002, "feeType": "AD", "raisedDate": "2025-08-01", "idempotencyKey": "k-1" });
        let answer = by_manager(t, "addManualInvoice", elsewhere, "invoice { id }").await;
        assert_eq!(faults(&answer, "addManualInvoice"), [("idempotencyKey".to_owned(), "KEY_REUSED".to_owned())]);
        assert_eq!(count(t, "counter WHERE counter = 1").await, 1);
        t.clock.advance(Duration::from_secs(29 * 24 * 60 * 60));
        by_manager(t, "addManualInvoice", input.clone(), "invoice { id }").await.data("/addManualInvoice/invoice");
        assert_eq!(count(t, "invoice").await, 1, "kept for thirty days");
        t.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
        by_manager(t, "addManualInvoice", input.clone(), "invoice { id }").await.data("/addManualInvoice/invoice");
        assert_eq!(count(t, "invoice").await, 2, "and no longer");
        assert_eq!(count(t, "idempotency_key").await, 1);
    }
}

any_database! {
    async fn each_change_is_for_its_one_role(t) {
        a_client(t).await;
        let id = "none";
        let changes = [
            ("addManualInvoice", "Finance Manager", json!({ "feeType": "UNKNOWN", "raisedDate": "2025-08-01" })),
            ("addFeeReduction", "Finance User", json!({ "type": "REMISSION", "startYear": 1, "lengthInYears": 1,
                "dateReceived": "2025-08-01", "notes": "" })),
            ("cancelFeeReduction", "Finance Manager", json!({ "feeReductionId": id, "reason": "" })),
            ("raiseInvoiceAdjustment", "Finance User", json!({ "invoiceId": id, "type": "CREDIT_MEMO", "notes": "" })),
            ("decideInvoiceAdjustment", "Finance Manager", json!({ "adjustmentId": id, "decision": "REJECT" })),
            ("requestRefund", "Finance User", json!({ "accountName": "", "accountNumber": "", "sortCode": "", "notes": "" })),
            ("decideRefund", "Finance Manager", json!({ "refundId": id, "decision": "REJECT" })),
            ("cancelRefund", "Finance Manager", json!({ "refundId": id })),
            ("changePaymentMethod", "Finance User", json!({ "paymentMethod": "UNKNOWN" })),
        ];
        for (name, allowed, mut input) in changes {
            input["clientId"] = json!(1001);
            for role in ["Finance User", "Finance Manager", "Finance Reporting", "Corporate Finance"] {
                let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
                let query = format!("mutation Change($input: {kind}!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}");
                let token = sign(&claims(41, &[role], t.clock.now().timestamp()), SECRET);
                let body = json!({ "query": query, "variables": { "input": input } });
                let answer = Answer::of(t.post().bearer_auth(token).json(&body)).await;
                let forbidden = [("FORBIDDEN".to_owned(), name.to_owned())];
                let is_forbidden = answer.errors() == forbidden;
                assert_eq!(is_forbidden, role != allowed, "{name} as {role}: {:#}", answer.body);
            }
        }
    }

    async fn what_no_database_keeps_is_a_fault_and_no_failure(t) {
        a_client(t).await;
        let input = json!({ "clientId": 1001, "accountName": "Reginald\u{0}", "accountNumber": "12345678",
            "sortCode": "20-30-40", "notes": "a\u{7}" });
        let answer = by_officer(t, "requestRefund", input, "refund { id }").await;
        let found = faults(&answer, "requestRefund").into_iter().map(|(field, _)| field);
        assert_eq!(found.collect::<Vec<_>>(), ["accountName", "notes", "clientId"]);
        let answer = t.ask("{ a: invoiceByReference(reference: \"\\u0000\") { id }
            b: financeClientByCourtReference(courtReference: \"\\u0000\") { id } }").await;
        assert_eq!(answer.data(""), &json!({ "a": null, "b": null }));
    }

    async fn a_day_of_another_century_is_refused(t) {
        a_client(t).await;
        for raised in ["1925-05-01", "0000-01-01", "1990-03-31"] {
            let input = json!({ "clientId": 1001, "feeType": "AD", "raisedDate": raised });
            let answer = by_manager(t, "addManualInvoice", input, "invoice { id }").await;
            let found = faults(&answer, "addManualInvoice");
            assert_eq!(found, [("raisedDate".to_owned(), "OUT_OF_RANGE".to_owned())], "{raised}");
        }
    }

    async fn only_a_manager_gives_the_amount_of_a_write_offs_reversal(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        adjusted(t, &invoice, "CREDIT_WRITE_OFF", None).await;
        let other = an_invoice(t, "2025-08-02").await;
        adjusted(t, &other, "CREDIT_MEMO", Some(14_000)).await;
        let refused = raise(t, &invoice, "WRITE_OFF_REVERSAL", Some(1)).await;
        assert_eq!(faults(&refused, "raiseInvoiceAdjustment"), [("amount".to_owned(), "INVALID".to_owned())]);
        let input = json!({ "clientId": 1001, "invoiceId": invoice, "type": "WRITE_OFF_REVERSAL",
            "amount": 9_000, "notes": "By the court's order" });
        let raised = by_manager(t, "raiseInvoiceAdjustment", input, "invoiceAdjustment { amount }").await;
        assert_eq!(raised.data("/raiseInvoiceAdjustment/invoiceAdjustment/amount"), -9_000);
    }

    async fn an_invoice_that_cannot_be_reduced_further_is_not_written_off(t) {
        a_client(t).await;
        let input = json!({ "clientId": 1001, "type": "EXEMPTION", "startYear": 2025, "lengthInYears": 1,
            "dateReceived": "2025-08-15", "notes": "Benefits" });
        by_officer(t, "addFeeReduction", input, "feeReduction { id }").await.data("/addFeeReduction/feeReduction");
        let invoice = an_invoice(t, "2025-08-20").await;
        assert_eq!(adjusted(t, &invoice, "DEBIT_MEMO", Some(5_000)).await, (5_000, 0));
        let refused = raise(t, &invoice, "CREDIT_WRITE_OFF", None).await;
        assert_eq!(faults(&refused, "raiseInvoiceAdjustment"), [("type".to_owned(), "NOT_PERMITTED".to_owned())]);
    }

    async fn a_change_needs_who_asks_and_the_xsrf_token(t) {
        a_client(t).await;
        let query = "mutation { changePaymentMethod(input: { clientId: 1001, paymentMethod: DIRECT_DEBIT }) {
            userErrors { code } } }";
        let bare = t.post().header("Cookie", OFFICER).json(&json!({ "query": query }));
        assert_eq!(Answer::of(bare).await.code(), "FORBIDDEN");
        assert_eq!(count(t, "finance_client WHERE payment_method = 'DIRECT DEBIT'").await, 0);
    }
}

any_database! {
    options: Options { four_eyes: false, ..Options::default() };

    async fn with_four_eyes_off_who_asked_may_decide(t) {
        a_client(t).await;
        let invoice = an_invoice(t, "2025-08-01").await;
        let input = json!({ "clientId": 1001, "invoiceId": invoice, "type": "CREDIT_MEMO", "amount": 1_000,
            "notes": "As the deputy asked" });
        let raised = by_manager(t, "raiseInvoiceAdjustment", input, "invoiceAdjustment { id }").await;
        let id = raised.data("/raiseInvoiceAdjustment/invoiceAdjustment/id");
        assert_eq!(balances(&decide(t, id, "APPROVE").await, "decideInvoiceAdjustment"), (9_000, 0));
    }
}

postgres_only! {
    async fn two_rows_with_one_reference_are_found_where_the_key_is_missing(t) {
        a_client(t).await;
        an_invoice(t, "2025-08-01").await;
        for table in ["invoice", "ledger", "ledger_allocation"] {
            t.database.execute(&format!("DROP INDEX uniq_{table}_reference")).await;
        }
        t.database.execute("INSERT INTO invoice (id, finance_client_id, feetype, reference, startdate, enddate, amount)
            VALUES (900, 1, 'AD', 'AD000001/25', '2025-08-01', '2025-08-01', 100)").await;
        t.database.execute("INSERT INTO ledger (id, reference, datetime, method, amount, type, status, finance_client_id)
            SELECT n, 'one', '2020-01-01 00:00:00', '', 0, 'REFUND', 'CONFIRMED', 2 FROM generate_series(900, 901) n").await;
        t.database.execute("INSERT INTO ledger_allocation (id, ledger_id, datetime, amount, status, reference)
            SELECT n, n, '2020-01-01 00:00:00', 0, 'ALLOCATED', 'one' FROM generate_series(900, 901) n").await;
        let mut found = Vec::new();
        let takeover = at("2025-01-01 00:00:00");
        audit(&t.db, takeover, |breach| found.push((breach.rule, breach.client_id, breach.row, breach.is_old))).await.unwrap();
        let first = found.iter().find_map(|(_, _, row, _)| row.filter(|(table, _)| *table == "invoice")).unwrap();
        assert_eq!(found, [
            (Rule::ReferenceTaken, 1001, Some(first), false),
            (Rule::ReferenceTaken, 1002, Some(("ledger", 900)), true),
            (Rule::ReferenceTaken, 1002, Some(("ledger_allocation", 900)), true),
        ]);
        assert_ne!(first.1, 900, "the lowest of them is named");
    }

    async fn a_client_that_another_program_has_locked_is_unavailable_and_others_are_not(t) {
        a_client(t).await;
        let held = t.db.begin().await.unwrap();
        held.execute_unprepared("SELECT 1 FROM finance_client WHERE client_id = 1001 FOR UPDATE").await.unwrap();
        let input = json!({ "clientId": 1001, "paymentMethod": "DIRECT_DEBIT" });
        let query = "mutation Change($input: ChangePaymentMethodInput!) {
            changePaymentMethod(input: $input) { userErrors { code } } }";
        let body = json!({ "query": query, "variables": { "input": input } });
        let token = sign(&claims(41, &["Finance User"], t.clock.now().timestamp()), SECRET);
        let waiting = join_all((0..20).map(|_| Answer::of(t.post().bearer_auth(&token).json(&body))));
        let others = async {
            tokio::time::sleep(Duration::from_millis(1_000)).await;
            t.ask("{ financeClient(clientId: 1002) { clientId outstandingBalance } }").await
        };
        let (waiting, others) = tokio::join!(waiting, others);
        assert_eq!(others.data("/financeClient/clientId"), 1002, "reading goes on");
        assert!(waiting.iter().all(|it| it.errors()[0].0 == "UNAVAILABLE"), "{:#}", waiting[0].body);
        held.rollback().await.unwrap();
        // Now it is made, by this one or by one whose caller was told to try again.
        Answer::of(t.post().bearer_auth(&token).json(&body)).await.data("/changePaymentMethod");
        assert_eq!(count(t, "finance_client WHERE payment_method = 'DIRECT DEBIT'").await, 1);
    }

    async fn a_row_that_points_to_the_client_can_be_written_meanwhile(t) {
        a_client(t).await;
        // As Sirius does: first the counter, then an invoice, whose foreign key looks at the client.
        t.database.execute("INSERT INTO counter (id, key, counter) VALUES (nextval('counter_id_seq'), '2025InvoiceNumber', 0)").await;
        let sirius = t.db.begin().await.unwrap();
        sirius.execute_unprepared("UPDATE counter SET counter = counter + 1").await.unwrap();
        let ours = async { an_invoice(t, "2025-08-01").await };
        let theirs = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            sirius.execute_unprepared("INSERT INTO invoice (id, finance_client_id, feetype, reference, startdate, enddate, amount)
                VALUES (nextval('invoice_id_seq'), 1, 'AD', 'AD000001/25', '2025-08-01', '2025-08-01', 100)").await.unwrap();
            sirius.commit().await.unwrap();
        };
        tokio::join!(ours, theirs);
        assert_eq!(count(t, "invoice WHERE reference = 'AD000002/25'").await, 1);
    }

    async fn many_at_once_on_one_client_spend_no_credit_twice_and_leave_no_gap(t) {
        a_client(t).await;
        let first = an_invoice(t, "2025-08-01").await;
        adjusted(t, &first, "CREDIT_MEMO", Some(20_000)).await;
        let raised = raise(t, &first, "CREDIT_MEMO", Some(5_000)).await;
        let id = raised.data("/raiseInvoiceAdjustment/invoiceAdjustment/id").clone();
        let remission = json!({ "clientId": 1001, "type": "REMISSION", "startYear": 2025, "lengthInYears": 1,
            "dateReceived": "2025-08-15", "notes": "Low income" });
        let invoices = join_all((0..12).map(|_| an_invoice(t, "2025-08-02")));
        let decisions = join_all((0..13).map(|_| decide(t, &id, "APPROVE")));
        let refunds = join_all((0..12).map(|_| refund(t)));
        let reductions = join_all((0..13).map(|_| by_officer(t, "addFeeReduction", remission.clone(), "feeReduction { id }")));
        let (invoices, decisions, refunds, reductions) = tokio::join!(invoices, decisions, refunds, reductions);
        assert_eq!(invoices.len(), 12);
        let done = |answers: &[Answer], name: &str| {
            answers.iter().filter(|it| it.data(&format!("/{name}/userErrors")) == &json!([])).count()
        };
        assert_eq!(done(&decisions, "decideInvoiceAdjustment"), 1);
        assert_eq!(done(&reductions, "addFeeReduction"), 1);
        assert!(done(&refunds, "requestRefund") <= 1);
        let references = count(t, "(SELECT DISTINCT reference FROM invoice) r").await;
        assert_eq!((references, count(t, "counter WHERE counter = 13").await), (13, 1));
        let answer = t.ask("{ financeClient(clientId: 1001) { creditBalance outstandingBalance
            billingHistory(first: 1) { nodes { creditBalance outstandingBalance } } } }").await;
        let client = answer.data("/financeClient");
        // 13 invoices of £100, each halved, less £250 credited: whatever came first.
        assert_eq!((&client["outstandingBalance"], &client["creditBalance"]), (&json!(40_000), &json!(0)));
        assert_eq!(client["billingHistory"]["nodes"][0]["outstandingBalance"], client["outstandingBalance"]);
    }
}
