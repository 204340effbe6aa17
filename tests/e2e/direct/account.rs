//! Clients to ask for.

use api::demo::books::*;
use entity::stored::*;
use tests::Harness;

/// 1001, to whom everything has happened; 1002, of whom there are old rows alone; 1003, to whom nothing has.
pub(super) async fn clients(t: &Harness) {
    let mut books = Books::default();
    everything(&mut books);
    before_the_service(&mut books);
    books.client(1003, "10030003", PaymentMethod::Demanded);
    t.write(books).await;
    t.database
        .execute(
            "INSERT INTO bank_details (id, refund_id, name, account, sort_code)
             VALUES (1, 4, 'Reginald \"Reg\" Deputy', '12345678', '20-30-40');
             INSERT INTO invoice_fee_range
                 (id, invoice_id, supervisionlevel, fromdate, todate, amount)
             VALUES (1, 2, 'GENERAL', '2024-04-01', '2025-03-31', 32000)",
        )
        .await;
}

/// By users whom Sirius knows, by one whom it does not, and by nobody.
fn everything(books: &mut Books) {
    let mut story = books.client(1001, "10010001", PaymentMethod::DirectDebit);
    story.by(3);
    let first = story.invoice(FeeType::Ad, "AD000001/24", 10_000, "2024-04-02 09:00:00");
    story.by(99);
    let second = story.invoice(FeeType::S2, "S2000002/24", 32_000, "2024-04-03 09:00:00");
    story.by_nobody();
    story.old_invoice(FeeType::S3, "S3000003/19", 1_000, "2020-03-31");
    reductions(&mut story, first, second);
    adjustments(&mut story, second);
    payments(&mut story, second);
    refunds(&mut story);
    story.by(3);
    story.mandate(PaymentMethod::DirectDebit, "2025-03-03 13:10:00.5");
    story.mandate(PaymentMethod::Demanded, "2025-06-10 09:00:00");
    let pending = PendingCollectionStatus::Pending;
    story.collection(500, "2025-04-24", pending, "2025-03-31 02:00:00");
    let cancelled = PendingCollectionStatus::Cancelled;
    story.collection(500, "2025-05-24", cancelled, "2025-03-31 02:00:00");
}

fn reductions(story: &mut Story<'_>, first: i32, second: i32) {
    story.by(12);
    let paid = [allocated(first, 8_000)];
    let card = LedgerType::MotoCardPayment;
    story.payment(card, "2024-04-10", "2024-04-11 08:30:00", &paid);
    story.by(3);
    let (from, to) = ("2024-04-01", "2025-03-31");
    let exemption = FeeReductionType::Exemption;
    let exemption = story.fee_reduction(exemption, from, to, "2024-05-01 10:00:00");
    // Texts that have to be escaped.
    story.fee_reduction_row(exemption, |row| {
        row.notes = "\"Quoted\" \\ and\n\tbroken; £5 \u{2028}\u{1f4b7}\u{7f}".to_owned();
    });
    let applied = [allocated(first, 10_000), unapplied(first, 8_000)];
    story.apply_fee_reduction(exemption, "2024-05-01 10:00:00", &applied);
    let used = [reapplied(second, 8_000)];
    story.ledger(LedgerType::CreditReapply, "2024-05-01 10:00:00", &used);
    let hardship = FeeReductionType::Hardship;
    let hardship = story.fee_reduction(hardship, from, to, "2024-06-01 10:00:00");
    story.by(7);
    story.cancel_fee_reduction(hardship, "2024-06-03 10:00:00", "Awarded \"wrongly\"");
}

fn adjustments(story: &mut Story<'_>, invoice: i32) {
    story.by(99);
    let credit = AdjustmentType::CreditMemo;
    let credit = story.adjustment(credit, invoice, 2_000, "2024-07-01 10:00:00");
    let debit = AdjustmentType::DebitMemo;
    let debit = story.adjustment(debit, invoice, -1_000, "2024-07-02 10:00:00");
    story.by(7);
    let credited = [allocated(invoice, 2_000)];
    let ledger = story.ledger(LedgerType::CreditMemo, "2024-07-03 10:00:00", &credited);
    story.decide_adjustment(credit, "2024-07-03 10:00:00", Some(ledger));
    story.decide_adjustment(debit, "2024-07-04 10:00:00", None);
    story.by(3);
    let write_off = AdjustmentType::CreditWriteOff;
    story.adjustment(write_off, invoice, 20_000, "2024-07-05 10:00:00");
}

fn payments(story: &mut Story<'_>, invoice: i32) {
    story.by(12);
    for month in 1..=12 {
        let received = format!("2024-{month:02}-20");
        let made = format!("2024-{month:02}-21 08:30:00");
        let paid = [allocated(invoice, 100)];
        story.payment(LedgerType::OpgBacsPayment, &received, &made, &paid);
    }
    let more = [allocated(invoice, 20_800), overpaid(5_000)];
    let cheque = LedgerType::SupervisionChequePayment;
    story.payment(cheque, "2025-01-10", "2025-01-11 08:30:00", &more);
    story.by_nobody();
    story.ledger_row(&[allocated(invoice, -400)], |row| {
        row.kind = Stored::read("UNKNOWN CREDIT");
        row.amount = -400;
        row.datetime = at("2025-01-12 00:00:00");
    });
}

/// One paid, one rejected, one called off, one that waits.
fn refunds(story: &mut Story<'_>) {
    story.by(3);
    let paid = story.refund(1_000, "2025-02-01 10:00:00");
    let rejected = story.refund(4_000, "2025-02-05 10:00:00");
    let cancelled = story.refund(4_000, "2025-02-10 10:00:00");
    story.refund(4_000, "2025-02-20 10:00:00");
    story.by(7);
    story.decide_refund(paid, RefundDecision::Approved, "2025-02-02 10:00:00");
    story.refund_row(paid, |row| {
        row.processed_at = Some(at("2025-02-03 07:00:00.25"));
        row.fulfilled_at = Some(at("2025-02-04 08:30:00"));
    });
    story.decide_refund(rejected, RefundDecision::Rejected, "2025-02-06 10:00:00");
    story.decide_refund(cancelled, RefundDecision::Approved, "2025-02-11 10:00:00");
    story.refund_row(cancelled, |row| {
        row.cancelled_at = Some(at("2025-02-12 10:00:00"));
        row.cancelled_by = Some(99);
    });
    story.by(12);
    story.ledger_row(&[refunded(1_000)], |row| {
        row.kind = LedgerType::Refund.into();
        row.amount = -1_000;
        row.datetime = at("2025-02-03 00:00:00");
        row.created_at = Some(at("2025-02-04 08:30:00"));
    });
}

fn before_the_service(books: &mut Books) {
    let mut story = books.client(1002, "10020002", PaymentMethod::Demanded);
    let invoice = story.old_invoice(FeeType::S2, "S2000017/19", 32_000, "2020-03-31");
    story.ledger_row(&[allocated(invoice, 32_000)], |row| {
        row.kind = LedgerType::BacsTransfer.into();
        row.amount = 32_000;
        row.datetime = at("2020-05-04 00:00:00");
    });
}
