//! A client's billing history: what is an event, its order and its balances (`domain.md`
//! section 5).

use api::demo::books::*;
use entity::stored::*;
use serde_json::{Value, json};
use tests::{Answer, Harness, both_databases};

const NODES: &str = "/financeClient/billingHistory/nodes";

/// The history of client 1001, with those fields of each event.
async fn history(t: &Harness, fields: &str) -> Answer {
    t.ask(&format!(
        "{{ financeClient(clientId: 1001) {{
            outstandingBalance creditBalance
            billingHistory(first: 1000) {{ nodes {{
                type date outstandingBalance creditBalance createdBy {{ id }} {fields}
            }} }}
        }} }}"
    ))
    .await
}

fn types(answer: &Answer) -> Vec<Value> {
    answer.column(NODES, "type")
}

/// Outstanding and credit after each event, newest first.
fn balances(answer: &Answer) -> Vec<(i64, i64)> {
    let outstanding = answer.column(NODES, "outstandingBalance");
    let credit = answer.column(NODES, "creditBalance");
    outstanding
        .iter()
        .zip(&credit)
        .map(|(outstanding, credit)| (outstanding.as_i64().unwrap(), credit.as_i64().unwrap()))
        .collect()
}

/// A client 1001 whose story is told by `tell`.
fn client(tell: impl FnOnce(&mut Story<'_>)) -> Books {
    let mut books = Books::default();
    let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
    story.by(3);
    tell(&mut story);
    books
}

both_databases! {
    async fn a_client_that_is_not_there_is_null_and_no_error(t) {
        let answer = t.ask("{ financeClient(clientId: 404) { id } }").await;
        assert_eq!(answer.data("/financeClient"), &Value::Null);
    }

    async fn a_client_without_events_has_an_empty_history_and_no_debt(t) {
        t.write(client(|_| {})).await;
        let answer = history(t, "").await;
        assert_eq!(answer.data(NODES), &json!([]));
        assert_eq!(answer.data("/financeClient/outstandingBalance"), 0);
        assert_eq!(answer.data("/financeClient/creditBalance"), 0);
    }

    async fn the_client_tells_its_own_fields(t) {
        let mut books = Books::default();
        books.client(1001, "10010001", PaymentMethod::DirectDebit);
        t.write(books).await;
        let answer = t
            .ask("{ financeClient(clientId: 1001) {
                clientId courtReference sopNumber paymentMethod paymentMethodRaw
            } }")
            .await;
        let expected = json!({
            "clientId": 1001,
            "courtReference": "10010001",
            "sopNumber": "SOP1001",
            "paymentMethod": "DIRECT_DEBIT",
            "paymentMethodRaw": "DIRECT DEBIT",
        });
        assert_eq!(answer.data("/financeClient"), &expected);
    }

    async fn an_invoice_raises_what_is_owed_and_tells_its_own_fields(t) {
        t.write(client(|story| {
            story.invoice(FeeType::S2, "S2000123/24", 32_000, "2025-03-31 02:00:00");
        }))
        .await;
        let answer = history(
            t,
            "... on InvoiceGenerated { amount invoice {
                reference feeType feeTypeRaw amount raisedDate startDate endDate createdAt
                createdBy { displayName }
            } }",
        )
        .await;
        let expected = json!([{
            "type": "INVOICE_GENERATED",
            "date": "2025-03-31T02:00:00Z",
            "outstandingBalance": 32_000,
            "creditBalance": 0,
            "createdBy": { "id": "3" },
            "amount": 32_000,
            "invoice": {
                "reference": "S2000123/24",
                "feeType": "S2",
                "feeTypeRaw": "S2",
                "amount": 32_000,
                "raisedDate": "2025-03-31",
                "startDate": "2025-03-31",
                "endDate": "2025-03-31",
                "createdAt": "2025-03-31T02:00:00Z",
                "createdBy": { "displayName": "Billing Officer" },
            },
        }]);
        assert_eq!(answer.data(NODES), &expected);
    }

    async fn an_exemption_larger_than_the_debt_reads_in_full_and_leaves_credit(t) {
        t.write(client(|story| {
            let invoice = story.invoice(FeeType::Ad, "AD000001/24", 10_000, "2024-07-01 11:00:00");
            story.by(12);
            let paid = [allocated(invoice, 8_000)];
            story.payment(LedgerType::MotoCardPayment, "2024-07-10", "2024-07-11 08:30:00", &paid);
            story.by(3);
            let exemption = story.fee_reduction(
                FeeReductionType::Exemption, "2024-04-01", "2025-03-31", "2024-08-01 14:20:00",
            );
            let applied = [allocated(invoice, 10_000), unapplied(invoice, 8_000)];
            story.apply_fee_reduction(exemption, "2024-08-01 14:20:00", &applied);
        }))
        .await;
        let answer = history(
            t,
            "... on TransactionEvent { transactionType amount
                breakdown { amount status invoice { reference } } }",
        )
        .await;
        assert_eq!(
            types(&answer),
            ["FEE_REDUCTION_APPLIED", "FEE_REDUCTION_AWARDED", "PAYMENT_PROCESSED", "INVOICE_GENERATED"],
        );
        assert_eq!(balances(&answer), [(0, 8_000), (2_000, 0), (2_000, 0), (10_000, 0)]);
        let applied = answer.data(&format!("{NODES}/0"));
        assert_eq!(applied["amount"], 10_000);
        assert_eq!(applied["transactionType"], "CREDIT_EXEMPTION");
        let invoice = json!({ "reference": "AD000001/24" });
        assert_eq!(applied["breakdown"], json!([
            { "amount": 10_000, "status": "ALLOCATED", "invoice": invoice },
            { "amount": 8_000, "status": "UNAPPLIED", "invoice": invoice },
        ]));
        assert_eq!(answer.data("/financeClient/creditBalance"), 8_000);
    }

    async fn an_overpayment_reads_as_paid_and_its_refund_as_negative(t) {
        t.write(client(|story| {
            let invoice = story.invoice(FeeType::Ad, "AD000001/24", 10_000, "2024-07-01 11:00:00");
            let paid = [allocated(invoice, 10_000), overpaid(5_000)];
            story.payment(LedgerType::OpgBacsPayment, "2024-07-10", "2024-07-11 08:30:00", &paid);
            story.ledger_row(&[refunded(5_000)], |row| {
                row.kind = LedgerType::Refund.into();
                row.amount = -5_000;
                row.datetime = at("2024-07-20 00:00:00");
                row.created_at = Some(at("2024-07-22 09:00:00"));
            });
        }))
        .await;
        let answer =
            history(t, "... on TransactionEvent { amount breakdown { amount status invoice { id } } }").await;
        assert_eq!(types(&answer), ["REFUND_PROCESSED", "PAYMENT_PROCESSED", "INVOICE_GENERATED"]);
        assert_eq!(balances(&answer), [(0, 0), (0, 5_000), (10_000, 0)]);
        let refund = answer.data(&format!("{NODES}/0"));
        assert_eq!(refund["amount"], -5_000);
        let part = json!({ "amount": 5_000, "status": "REAPPLIED", "invoice": null });
        assert_eq!(refund["breakdown"], json!([part]));
        assert_eq!(answer.data(&format!("{NODES}/1"))["amount"], 15_000);
    }

    async fn payments_and_refunds_stand_at_the_instant_they_were_entered(t) {
        t.write(client(|story| {
            let invoice = story.invoice(FeeType::Ad, "AD000001/24", 10_000, "2024-07-15 11:00:00");
            let paid = [allocated(invoice, 10_000)];
            // Received before the invoice was made, entered after it.
            story.payment(LedgerType::OpgBacsPayment, "2024-07-10", "2024-07-16 08:30:00", &paid);
        }))
        .await;
        let answer = history(t, "").await;
        assert_eq!(types(&answer), ["PAYMENT_PROCESSED", "INVOICE_GENERATED"]);
        assert_eq!(answer.column(NODES, "date")[0], "2024-07-16T08:30:00Z");
    }

    async fn other_transactions_stand_at_their_datetime(t) {
        t.write(client(|story| {
            let invoice = story.invoice(FeeType::Ad, "AD000001/24", 10_000, "2024-07-15 11:00:00");
            story.ledger_row(&[allocated(invoice, 1_000)], |row| {
                row.kind = LedgerType::CreditMemo.into();
                row.amount = 1_000;
                row.datetime = at("2024-07-20 10:00:00");
                row.created_at = Some(at("2024-08-20 10:00:00"));
            });
        }))
        .await;
        assert_eq!(history(t, "").await.column(NODES, "date")[0], "2024-07-20T10:00:00Z");
    }

    async fn each_ledger_type_has_its_event(t) {
        let kinds = [
            ("MOTO CARD PAYMENT", "PAYMENT_PROCESSED"),
            ("ONLINE CARD PAYMENT", "PAYMENT_PROCESSED"),
            ("SUPERVISION BACS PAYMENT", "PAYMENT_PROCESSED"),
            ("OPG BACS PAYMENT", "PAYMENT_PROCESSED"),
            ("DIRECT DEBIT PAYMENT", "PAYMENT_PROCESSED"),
            ("SUPERVISION CHEQUE PAYMENT", "PAYMENT_PROCESSED"),
            ("SOP UNALLOCATED", "PAYMENT_PROCESSED"),
            ("CARD PAYMENT", "PAYMENT_PROCESSED"),
            ("BACS TRANSFER", "PAYMENT_PROCESSED"),
            ("CREDIT EXEMPTION", "FEE_REDUCTION_APPLIED"),
            ("CREDIT HARDSHIP", "FEE_REDUCTION_APPLIED"),
            ("CREDIT REMISSION", "FEE_REDUCTION_APPLIED"),
            ("CREDIT MEMO", "INVOICE_ADJUSTMENT_APPLIED"),
            ("DEBIT MEMO", "INVOICE_ADJUSTMENT_APPLIED"),
            ("CREDIT WRITE OFF", "INVOICE_ADJUSTMENT_APPLIED"),
            ("WRITE OFF REVERSAL", "INVOICE_ADJUSTMENT_APPLIED"),
            ("FEE REDUCTION REVERSAL", "INVOICE_ADJUSTMENT_APPLIED"),
            ("CREDIT REAPPLY", "REAPPLIED_CREDIT"),
            ("REFUND", "REFUND_PROCESSED"),
            ("UNKNOWN CREDIT", "UNKNOWN"),
        ];
        t.write(client(|story| {
            let invoice = story.invoice(FeeType::S2, "S2000001/24", 32_000, "2024-01-01 00:00:00");
            for (minute, (kind, _)) in kinds.iter().enumerate() {
                story.ledger_row(&[allocated(invoice, 100)], |row| {
                    row.kind = Stored::read(kind);
                    row.amount = 100;
                    row.datetime = at(&format!("2024-02-01 00:{minute:02}:00"));
                });
            }
        }))
        .await;
        let answer =
            history(t, "... on TransactionEvent { transactionType transactionTypeRaw }").await;
        let mut shown = types(&answer);
        shown.reverse();
        let expected = std::iter::once("INVOICE_GENERATED").chain(kinds.map(|(_, event)| event));
        assert_eq!(shown, expected.collect::<Vec<_>>());
        let newest = answer.data(&format!("{NODES}/0"));
        assert_eq!(newest["transactionTypeRaw"], "UNKNOWN CREDIT");
        assert_eq!(newest["transactionType"], "UNKNOWN");
    }

    async fn a_fee_reduction_id_decides_whatever_the_ledgers_type(t) {
        t.write(client(|story| {
            let invoice = story.invoice(FeeType::Ad, "AD000001/24", 10_000, "2024-07-01 11:00:00");
            let reduction = story.fee_reduction(
                FeeReductionType::Remission, "2024-04-01", "2025-03-31", "2024-08-01 14:20:00",
            );
            story.ledger_row(&[allocated(invoice, 5_000)], |row| {
                row.kind = Stored::read("UNKNOWN CREDIT");
                row.fee_reduction_id = Some(reduction);
                row.datetime = at("2024-08-01 14:20:00");
            });
        }))
        .await;
        assert_eq!(types(&history(t, "").await)[0], "FEE_REDUCTION_APPLIED");
    }

    async fn only_confirmed_ledgers_and_counted_allocations_count(t) {
        t.write(client(|story| {
            let invoice = story.invoice(FeeType::Ad, "AD000001/24", 10_000, "2024-07-01 11:00:00");
            story.ledger_row(&[allocated(invoice, 1_000)], |row| {
                row.kind = LedgerType::CardPayment.into();
                row.status = Stored::read("APPROVED");
                row.datetime = at("2024-07-02 00:00:00");
            });
            let ledger = story.ledger_row(&[allocated(invoice, 3_000)], |row| {
                row.kind = LedgerType::CardPayment.into();
                row.amount = 3_000;
                row.datetime = at("2024-07-03 00:00:00");
            });
            story.allocation_row(ledger, invoice, 2_000, "PENDING");
            // A confirmed ledger whose allocations do not count is no event.
            let silent = story.ledger_row(&[], |row| row.datetime = at("2024-07-04 00:00:00"));
            story.allocation_row(silent, invoice, 500, "UN ALLOCATED");
        }))
        .await;
        let answer = history(t, "").await;
        assert_eq!(types(&answer), ["PAYMENT_PROCESSED", "INVOICE_GENERATED"]);
        assert_eq!(balances(&answer), [(7_000, 0), (10_000, 0)]);
        assert_eq!(answer.data("/financeClient/outstandingBalance"), 7_000);
    }

    async fn rows_from_before_the_service_fall_in_by_their_own_day_without_user(t) {
        t.write(client(|story| {
            story.by_nobody();
            let invoice = story.old_invoice(FeeType::S2, "S2000001/19", 32_000, "2020-03-31");
            story.ledger_row(&[allocated(invoice, 32_000)], |row| {
                row.kind = LedgerType::BacsTransfer.into();
                row.amount = 32_000;
                row.datetime = at("2020-05-04 00:00:00");
            });
            story.invoice_row(|row| {
                row.feetype = Stored::read("N2");
                row.amount = 100;
                row.startdate = day("2020-04-15");
            });
        }))
        .await;
        let answer = history(t, "... on InvoiceGenerated { invoice { feeType feeTypeRaw raisedDate } }").await;
        assert_eq!(
            answer.column(NODES, "date"),
            ["2020-05-04T00:00:00Z", "2020-04-15T00:00:00Z", "2020-03-31T00:00:00Z"],
        );
        assert_eq!(answer.column(NODES, "createdBy"), vec![Value::Null; 3]);
        let old = json!({ "feeType": "UNKNOWN", "feeTypeRaw": "N2", "raisedDate": null });
        assert_eq!(answer.data(&format!("{NODES}/1"))["invoice"], old);
    }

    async fn a_fee_reduction_is_an_event_only_where_it_has_an_instant(t) {
        t.write(client(|story| {
            let remission = story.fee_reduction(
                FeeReductionType::Remission, "2024-04-01", "2026-03-31", "2024-08-01 14:20:00",
            );
            story.by(7);
            story.cancel_fee_reduction(remission, "2024-09-01 10:00:00", "Withdrawn");
            let old = story.fee_reduction(
                FeeReductionType::Hardship, "2018-04-01", "2019-03-31", "2018-08-01 14:20:00",
            );
            story.fee_reduction_row(old, |row| {
                row.created_at = None;
                row.deleted = true;
            });
        }))
        .await;
        let answer = history(
            t,
            "... on FeeReductionAwarded {
                feeReductionType feeReductionTypeRaw startDate endDate dateReceived notes
            }
            ... on FeeReductionCancelled { kind: feeReductionType cancellationReason }",
        )
        .await;
        let common = json!({ "outstandingBalance": 0, "creditBalance": 0 });
        let with = |mut event: Value| {
            event.as_object_mut().unwrap().extend(common.as_object().unwrap().clone());
            event
        };
        assert_eq!(answer.data(NODES), &json!([
            with(json!({
                "type": "FEE_REDUCTION_CANCELLED", "date": "2024-09-01T10:00:00Z",
                "createdBy": { "id": "7" }, "kind": "REMISSION", "cancellationReason": "Withdrawn",
            })),
            with(json!({
                "type": "FEE_REDUCTION_AWARDED", "date": "2024-08-01T14:20:00Z",
                "createdBy": { "id": "3" }, "feeReductionType": "REMISSION",
                "feeReductionTypeRaw": "REMISSION", "startDate": "2024-04-01",
                "endDate": "2026-03-31", "dateReceived": "2024-08-01", "notes": "Award letter seen",
            })),
        ]));
    }

    async fn an_adjustment_is_pending_then_rejected_or_applied(t) {
        t.write(client(|story| {
            let invoice = story.invoice(FeeType::S2, "S2000001/24", 32_000, "2025-03-31 02:00:00");
            let credit = story.adjustment(AdjustmentType::CreditMemo, invoice, 8_000, "2025-04-08 10:00:00");
            let debit = story.adjustment(AdjustmentType::DebitMemo, invoice, -2_000, "2025-04-09 10:00:00");
            story.by(7);
            let ledger = story.ledger(LedgerType::CreditMemo, "2025-04-10 10:00:00", &[allocated(invoice, 8_000)]);
            story.decide_adjustment(credit, "2025-04-10 10:00:00", Some(ledger));
            story.decide_adjustment(debit, "2025-04-11 10:00:00", None);
        }))
        .await;
        let answer = history(
            t,
            "... on InvoiceAdjustmentEvent {
                adjustmentType adjustmentTypeRaw notes amount invoice { reference }
            }",
        )
        .await;
        assert_eq!(types(&answer), [
            "INVOICE_ADJUSTMENT_REJECTED",
            "INVOICE_ADJUSTMENT_APPLIED",
            "INVOICE_ADJUSTMENT_PENDING",
            "INVOICE_ADJUSTMENT_PENDING",
            "INVOICE_GENERATED",
        ]);
        let rejected = answer.data(&format!("{NODES}/0"));
        assert_eq!(rejected["createdBy"]["id"], "7");
        assert_eq!(rejected["adjustmentType"], "DEBIT_MEMO");
        assert_eq!(rejected["adjustmentTypeRaw"], "DEBIT MEMO");
        assert_eq!(rejected["amount"], -2_000);
        assert_eq!(rejected["invoice"]["reference"], "S2000001/24");
        assert_eq!(answer.data("/financeClient/outstandingBalance"), 24_000);
    }

    async fn a_refund_shows_each_step_it_took(t) {
        t.write(client(|story| {
            let paid = story.refund(5_000, "2024-06-20 10:00:00");
            story.by(7);
            story.decide_refund(paid, RefundDecision::Approved, "2024-06-21 10:00:00");
            story.refund_row(paid, |row| row.processed_at = Some(at("2024-06-22 07:00:00.9")));
            story.by(3);
            let rejected = story.refund(5_000, "2024-07-20 10:00:00");
            story.by(7);
            story.decide_refund(rejected, RefundDecision::Rejected, "2024-07-21 10:00:00");
            story.by(3);
            let cancelled = story.refund(5_000, "2024-08-20 10:00:00");
            story.by(7);
            story.decide_refund(cancelled, RefundDecision::Approved, "2024-08-21 10:00:00");
            story.refund_row(cancelled, |row| {
                row.cancelled_at = Some(at("2024-08-22 10:00:00"));
                row.cancelled_by = Some(12);
            });
        }))
        .await;
        let answer = history(t, "... on RefundEvent { amount notes refund { status amount createdBy { id } } }").await;
        assert_eq!(types(&answer), [
            "REFUND_CANCELLED", "REFUND_APPROVED", "REFUND_CREATED",
            "REFUND_REJECTED", "REFUND_CREATED",
            "REFUND_PROCESSING", "REFUND_APPROVED", "REFUND_CREATED",
        ]);
        let by = answer.column(NODES, "createdBy/id");
        assert_eq!(by, ["12", "7", "3", "7", "3", "7", "7", "3"]);
        let status = answer.column(NODES, "refund/status");
        assert_eq!(status[0], "CANCELLED");
        assert_eq!(status[3], "REJECTED");
        assert_eq!(status[5], "PROCESSING");
        assert_eq!(answer.column(NODES, "date")[5], "2024-06-22T07:00:00Z");
    }

    async fn direct_debits_show_mandates_and_collections_not_called_off(t) {
        t.write(client(|story| {
            story.mandate(PaymentMethod::DirectDebit, "2025-03-03 13:10:00");
            story.collection(32_000, "2025-04-24", PendingCollectionStatus::Pending, "2025-03-31 02:00:00");
            story.collection(1_000, "2025-05-24", PendingCollectionStatus::Cancelled, "2025-04-01 02:00:00");
            story.collection(2_000, "2025-06-24", PendingCollectionStatus::Collected, "2025-04-02 02:00:00");
            story.mandate(PaymentMethod::Demanded, "2025-06-10 09:00:00");
        }))
        .await;
        let answer = history(
            t,
            "... on DirectDebitCollectionScheduled { amount collectionDate }
             ... on PaymentMethodChanged { paymentMethod }",
        )
        .await;
        assert_eq!(types(&answer), [
            "DIRECT_DEBIT_CANCELLED",
            "DIRECT_DEBIT_COLLECTION_SCHEDULED",
            "DIRECT_DEBIT_COLLECTION_SCHEDULED",
            "DIRECT_DEBIT_CREATED",
        ]);
        let scheduled = answer.data(&format!("{NODES}/2"));
        assert_eq!(scheduled["amount"], 32_000);
        assert_eq!(scheduled["collectionDate"], "2025-04-24");
        assert_eq!(answer.data(&format!("{NODES}/0"))["paymentMethod"], "DEMANDED");
    }

    async fn within_one_second_causes_come_before_effects(t) {
        let now = "2025-04-01 10:00:00";
        t.write(client(|story| {
            // Written in the opposite order, with fractions that must not count.
            let refund = story.refund(100, "2025-04-01 10:00:00.2");
            story.decide_refund(refund, RefundDecision::Approved, "2025-04-01 10:00:00.1");
            story.refund_row(refund, |row| {
                row.processed_at = Some(at("2025-04-01 10:00:00.05"));
                row.cancelled_at = Some(at("2025-04-01 10:00:00.01"));
            });
            story.collection(1, "2025-04-24", PendingCollectionStatus::Pending, "2025-04-01 10:00:00.9");
            story.mandate(PaymentMethod::DirectDebit, "2025-04-01 10:00:00.8");
            let invoice = story.invoice(FeeType::S2, "S2000001/24", 32_000, now);
            story.ledger(LedgerType::CreditReapply, now, &[reapplied(invoice, 1)]);
            story.payment(LedgerType::MotoCardPayment, "2025-04-01", now, &[allocated(invoice, 1)]);
            story.adjustment(AdjustmentType::CreditMemo, invoice, 1, now);
            let reduction = story.fee_reduction(FeeReductionType::Remission, "2024-04-01", "2025-03-31", now);
            story.cancel_fee_reduction(reduction, now, "Withdrawn");
        }))
        .await;
        let mut shown = types(&history(t, "").await);
        shown.reverse();
        assert_eq!(shown, [
            "INVOICE_GENERATED",
            "FEE_REDUCTION_AWARDED",
            "INVOICE_ADJUSTMENT_PENDING",
            "REFUND_CREATED",
            "FEE_REDUCTION_CANCELLED",
            "DIRECT_DEBIT_CREATED",
            "REFUND_APPROVED",
            "DIRECT_DEBIT_COLLECTION_SCHEDULED",
            "PAYMENT_PROCESSED",
            "REAPPLIED_CREDIT",
            "REFUND_PROCESSING",
            "REFUND_CANCELLED",
        ]);
    }

    async fn another_clients_rows_never_show(t) {
        let mut books = Books::default();
        let mut other = books.client(1002, "10020002", PaymentMethod::Demanded);
        other.by(12);
        let invoice = other.invoice(FeeType::Ad, "AD000009/24", 10_000, "2024-07-01 11:00:00");
        other.payment(LedgerType::MotoCardPayment, "2024-07-02", "2024-07-02 11:00:00", &[overpaid(700)]);
        other.adjustment(AdjustmentType::CreditMemo, invoice, 100, "2024-07-03 11:00:00");
        other.fee_reduction(FeeReductionType::Remission, "2024-04-01", "2025-03-31", "2024-07-04 11:00:00");
        other.refund(100, "2024-07-05 11:00:00");
        other.mandate(PaymentMethod::DirectDebit, "2024-07-06 11:00:00");
        other.collection(1, "2025-04-24", PendingCollectionStatus::Pending, "2025-04-01 10:00:00");
        let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
        story.by(3);
        story.invoice(FeeType::Ad, "AD000010/24", 2_000, "2024-07-01 11:00:00");
        t.write(books).await;
        let answer = history(t, "").await;
        assert_eq!(types(&answer), ["INVOICE_GENERATED"]);
        assert_eq!(answer.data("/financeClient/outstandingBalance"), 2_000);
        assert_eq!(answer.data("/financeClient/creditBalance"), 0);
    }

    async fn the_newest_events_balances_are_the_accounts(t) {
        t.write(client(|story| {
            let first = story.invoice(FeeType::Ad, "AD000001/24", 10_000, "2024-07-01 11:00:00");
            let second = story.invoice(FeeType::S2, "S2000002/24", 32_000, "2024-08-01 11:00:00");
            let paid = [allocated(first, 10_000), allocated(second, 32_000), overpaid(1_234)];
            story.payment(LedgerType::OpgBacsPayment, "2024-08-10", "2024-08-11 08:30:00", &paid);
            let credited = [allocated(second, 4_000), unapplied(second, 4_000)];
            story.ledger(LedgerType::CreditMemo, "2024-08-12 10:00:00", &credited);
            let third = story.invoice(FeeType::S3, "S3000003/24", 1_000, "2024-08-13 11:00:00");
            story.ledger(LedgerType::CreditReapply, "2024-08-13 11:00:00", &[reapplied(third, 1_000)]);
            story.ledger(LedgerType::Refund, "2024-08-14 11:00:00", &[refunded(34)]);
        }))
        .await;
        let answer = history(t, "").await;
        let account = answer.data("/financeClient");
        let (outstanding, credit) = balances(&answer)[0];
        assert_eq!(account["outstandingBalance"], outstanding);
        assert_eq!(account["creditBalance"], credit);
        assert_eq!((outstanding, credit), (0, 1_234 + 4_000 - 1_000 - 34));
    }

    async fn a_payments_amount_is_the_ledgers_whatever_left_an_invoice(t) {
        t.write(client(|story| {
            let invoice = story.invoice(FeeType::Ad, "AD000001/24", 10_000, "2024-07-01 11:00:00");
            story.ledger_row(&[allocated(invoice, 10_000), unapplied(invoice, 3_000)], |row| {
                row.kind = LedgerType::OpgBacsPayment.into();
                row.amount = 7_000;
                row.datetime = at("2024-07-02 00:00:00");
            });
        }))
        .await;
        let answer = history(t, "... on TransactionEvent { amount }").await;
        assert_eq!(answer.data(&format!("{NODES}/0"))["amount"], 7_000);
        assert_eq!(balances(&answer)[0], (3_000, 3_000));
    }

    async fn a_reduction_that_is_not_cancelled_has_no_such_event(t) {
        t.write(client(|story| {
            let remission = story.fee_reduction(
                FeeReductionType::Remission, "2024-04-01", "2026-03-31", "2024-08-01 14:20:00",
            );
            story.fee_reduction_row(remission, |row| {
                row.cancelled_at = Some(at("2024-09-01 10:00:00"));
            });
        }))
        .await;
        assert_eq!(types(&history(t, "").await), ["FEE_REDUCTION_AWARDED"]);
    }
}
