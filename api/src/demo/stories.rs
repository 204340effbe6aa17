//! The demo's sample data: clients whose stories show every event, and some for the visitor to change.

use chrono::{Datelike, Days, Months, NaiveDate};
use entity::stored::{
    AdjustmentType, FeeReductionType, FeeType, LedgerType, PaymentMethod, PendingCollectionStatus,
    RefundDecision,
};

use super::SESSION;
use super::books::{Books, Part, allocated, at, day, overpaid, reapplied, refunded, unapplied};
use super::stand_in_sirius::StandIn;

const BILLING_OFFICER: i32 = 3;
const FINANCE_MANAGER: i32 = 7;
const CASH_CONTROL: i32 = 12;
const SIRIUS_BATCH: i32 = 21;
/// Has left: Sirius does not know the number any more.
const FORMER_OFFICER: i32 = 99;

/// The stand-in's users; the demo's visitor is the billing officer, who here may decide too.
pub(super) fn sirius() -> StandIn {
    StandIn::default()
        .user(
            BILLING_OFFICER,
            "Billing Officer",
            &["Case Manager", "Finance User", "Finance Manager"],
        )
        .user(
            FINANCE_MANAGER,
            "Finance Manager",
            &["Finance User", "Finance Manager"],
        )
        .user(CASH_CONTROL, "Cash Control Officer", &["Corporate Finance"])
        .user(SIRIUS_BATCH, "Sirius Nightly Batch", &["System User"])
        .session(SESSION, BILLING_OFFICER)
        .session("manager", FINANCE_MANAGER)
}

/// What the operations that GraphiQL offers begin with.
#[derive(Clone, Copy)]
pub(super) struct Practice {
    /// The invoice of 1014.
    pub(super) unpaid_invoice: i32,
    /// The id that the next adjustment will have.
    pub(super) next_adjustment: i32,
    /// The id that the next refund will have.
    pub(super) next_refund: i32,
}

/// All clients.
pub(super) fn all() -> (Books, Practice) {
    let mut books = Books::default();
    remission_and_reapply(&mut books);
    unpaid(&mut books);
    exemption_on_a_paid_invoice(&mut books);
    write_off_and_reversal(&mut books);
    refund_paid(&mut books);
    refund_called_off(&mut books);
    direct_debit(&mut books);
    adjustments(&mut books);
    reduction_cancelled(&mut books);
    before_the_service(&mut books);
    nothing_yet(&mut books);
    a_thousand_events(&mut books);
    to_be_halved(&mut books);
    let unpaid_invoice = to_be_written_off(&mut books);
    to_be_refunded(&mut books);
    let practice = Practice {
        unpaid_invoice,
        next_adjustment: books.next_adjustment(),
        next_refund: books.next_refund(),
    };
    (books, practice)
}

/// 1001: a payment, a remission that comes late, and credit that pays the next invoice.
fn remission_and_reapply(books: &mut Books) {
    let mut ada = books.client(1001, "10010001", PaymentMethod::Demanded);
    ada.by(SIRIUS_BATCH);
    let assessment = ada.invoice(FeeType::Ad, "AD001001/24", 10_000, "2024-05-02 02:00:10");
    ada.by(CASH_CONTROL);
    let paid = [allocated(assessment, 10_000)];
    ada.payment(
        LedgerType::OnlineCardPayment,
        "2024-05-20",
        "2024-05-21 08:30:00",
        &paid,
    );
    ada.by(BILLING_OFFICER);
    let remission = ada.fee_reduction(
        FeeReductionType::Remission,
        "2024-04-01",
        "2026-03-31",
        "2024-06-12 10:05:00",
    );
    let applied = [allocated(assessment, 5_000), unapplied(assessment, 5_000)];
    ada.apply_fee_reduction(remission, "2024-06-12 10:05:00", &applied);
    ada.by(SIRIUS_BATCH);
    let annual = ada.invoice(FeeType::S2, "S2001002/24", 32_000, "2025-03-31 02:00:00");
    ada.apply_fee_reduction(
        remission,
        "2025-03-31 02:00:00",
        &[allocated(annual, 16_000)],
    );
    ada.ledger(
        LedgerType::CreditReapply,
        "2025-03-31 02:00:00",
        &[reapplied(annual, 5_000)],
    );
    ada.by(CASH_CONTROL);
    let paid = [allocated(annual, 6_000)];
    ada.payment(
        LedgerType::SupervisionBacsPayment,
        "2025-04-22",
        "2025-04-23 08:30:00",
        &paid,
    );
}

/// 1002: two invoices, nothing paid.
fn unpaid(books: &mut Books) {
    let mut client = books.client(1002, "10020002", PaymentMethod::Demanded);
    client.by(SIRIUS_BATCH);
    client.invoice(FeeType::Ad, "AD001003/24", 10_000, "2024-09-03 02:00:00");
    client.invoice(FeeType::S3, "S3001004/24", 1_000, "2025-03-31 02:00:00");
}

/// 1003: an exemption of 100 pounds on an invoice that owed 20: the excess becomes credit.
fn exemption_on_a_paid_invoice(books: &mut Books) {
    let mut client = books.client(1003, "10030003", PaymentMethod::Demanded);
    client.by(BILLING_OFFICER);
    let invoice = client.invoice(FeeType::Ad, "AD001005/24", 10_000, "2024-07-01 11:00:00");
    client.by(CASH_CONTROL);
    let paid = [allocated(invoice, 8_000)];
    client.payment(
        LedgerType::MotoCardPayment,
        "2024-07-10",
        "2024-07-11 08:30:00",
        &paid,
    );
    client.by(BILLING_OFFICER);
    let exemption = client.fee_reduction(
        FeeReductionType::Exemption,
        "2024-04-01",
        "2025-03-31",
        "2024-08-01 14:20:00",
    );
    let applied = [allocated(invoice, 10_000), unapplied(invoice, 8_000)];
    client.apply_fee_reduction(exemption, "2024-08-01 14:20:00", &applied);
}

/// 1004: a debt is written off; then the money comes after all.
fn write_off_and_reversal(books: &mut Books) {
    let mut client = books.client(1004, "10040004", PaymentMethod::Demanded);
    client.by(SIRIUS_BATCH);
    let invoice = client.invoice(FeeType::Sf, "SF001006/23", 12_000, "2023-11-14 02:00:00");
    client.by(BILLING_OFFICER);
    let write_off = AdjustmentType::CreditWriteOff;
    let raised = client.adjustment(write_off, invoice, 12_000, "2024-02-06 09:15:00");
    client.by(FINANCE_MANAGER);
    let written_off = [allocated(invoice, 12_000)];
    let ledger = client.ledger(
        LedgerType::CreditWriteOff,
        "2024-02-07 16:40:00",
        &written_off,
    );
    client.decide_adjustment(raised, "2024-02-07 16:40:00", Some(ledger));
    client.by(CASH_CONTROL);
    let paid = [overpaid(12_000)];
    client.payment(
        LedgerType::SupervisionChequePayment,
        "2024-06-03",
        "2024-06-05 08:30:00",
        &paid,
    );
    client.by(BILLING_OFFICER);
    let reversal = AdjustmentType::WriteOffReversal;
    let raised = client.adjustment(reversal, invoice, -12_000, "2024-06-06 10:00:00");
    client.by(FINANCE_MANAGER);
    let reversed = [allocated(invoice, -12_000)];
    let ledger = client.ledger(
        LedgerType::WriteOffReversal,
        "2024-06-06 15:30:00",
        &reversed,
    );
    client.decide_adjustment(raised, "2024-06-06 15:30:00", Some(ledger));
    client.ledger(
        LedgerType::CreditReapply,
        "2024-06-06 15:30:00",
        &[reapplied(invoice, 12_000)],
    );
}

/// 1005: paid twice, and the second payment refunded.
fn refund_paid(books: &mut Books) {
    let mut client = books.client(1005, "10050005", PaymentMethod::Demanded);
    client.by(SIRIUS_BATCH);
    let invoice = client.invoice(FeeType::S2, "S2001007/23", 32_000, "2024-03-31 02:00:00");
    client.by(CASH_CONTROL);
    let paid = [allocated(invoice, 32_000)];
    client.payment(
        LedgerType::OpgBacsPayment,
        "2024-04-15",
        "2024-04-16 08:30:00",
        &paid,
    );
    let paid = [overpaid(32_000)];
    client.payment(
        LedgerType::SupervisionBacsPayment,
        "2024-04-17",
        "2024-04-18 08:30:00",
        &paid,
    );
    client.by(BILLING_OFFICER);
    let refund = client.refund(32_000, "2024-04-22 09:45:00");
    client.by(FINANCE_MANAGER);
    client.decide_refund(refund, RefundDecision::Approved, "2024-04-23 11:30:00");
    client.refund_row(refund, |row| {
        row.processed_at = Some(at("2024-04-24 07:00:00.25"));
        row.fulfilled_at = Some(at("2024-04-26 08:30:00"));
    });
    client.by(CASH_CONTROL);
    client.ledger_row(&[refunded(32_000)], |row| {
        row.kind = LedgerType::Refund.into();
        row.amount = -32_000;
        row.datetime = at("2024-04-25 00:00:00");
        row.created_at = Some(at("2024-04-26 08:30:00"));
    });
}

/// 1006: one refund rejected, another called off.
fn refund_called_off(books: &mut Books) {
    let mut client = books.client(1006, "10060006", PaymentMethod::Demanded);
    client.by(BILLING_OFFICER);
    let invoice = client.invoice(FeeType::Ga, "GA001008/24", 20_000, "2024-06-03 09:00:00");
    client.by(CASH_CONTROL);
    let paid = [allocated(invoice, 20_000), overpaid(5_000)];
    client.payment(
        LedgerType::OnlineCardPayment,
        "2024-06-17",
        "2024-06-18 08:30:00",
        &paid,
    );
    client.by(BILLING_OFFICER);
    let first = client.refund(5_000, "2024-06-20 10:00:00");
    client.by(FINANCE_MANAGER);
    client.decide_refund(first, RefundDecision::Rejected, "2024-06-21 10:00:00");
    client.by(BILLING_OFFICER);
    let second = client.refund(5_000, "2024-07-02 10:00:00");
    client.by(FINANCE_MANAGER);
    client.decide_refund(second, RefundDecision::Approved, "2024-07-03 10:00:00");
    client.refund_row(second, |row| {
        row.cancelled_at = Some(at("2024-07-04 10:00:00"));
        row.cancelled_by = Some(FINANCE_MANAGER);
    });
}

/// 1007: a direct debit mandate, its collections, and its end.
fn direct_debit(books: &mut Books) {
    let mut client = books.client(1007, "10070007", PaymentMethod::DirectDebit);
    client.by(BILLING_OFFICER);
    client.mandate(PaymentMethod::DirectDebit, "2025-03-03 13:10:00.5");
    client.by(SIRIUS_BATCH);
    let invoice = client.invoice(FeeType::B2, "B2001009/24", 32_000, "2025-03-31 02:00:00");
    let collected = PendingCollectionStatus::Collected;
    client.collection(32_000, "2025-04-24", collected, "2025-03-31 02:00:00.7");
    client.by(CASH_CONTROL);
    let paid = [allocated(invoice, 32_000)];
    client.payment(
        LedgerType::DirectDebitPayment,
        "2025-04-24",
        "2025-04-25 08:30:00",
        &paid,
    );
    client.by(BILLING_OFFICER);
    client.mandate(PaymentMethod::Demanded, "2025-06-10 09:00:00");
    client.mandate(PaymentMethod::DirectDebit, "2025-07-01 09:00:00");
}

/// 1008: a credit memo approved, a debit memo rejected, another waiting.
fn adjustments(books: &mut Books) {
    let mut client = books.client(1008, "10080008", PaymentMethod::Demanded);
    client.by(SIRIUS_BATCH);
    let invoice = client.invoice(FeeType::S2, "S2001010/24", 32_000, "2025-03-31 02:00:00");
    client.by(BILLING_OFFICER);
    let credit = AdjustmentType::CreditMemo;
    let raised = client.adjustment(credit, invoice, 8_000, "2025-04-08 10:00:00");
    client.by(FINANCE_MANAGER);
    let credited = [allocated(invoice, 8_000)];
    let ledger = client.ledger(LedgerType::CreditMemo, "2025-04-09 10:00:00", &credited);
    client.decide_adjustment(raised, "2025-04-09 10:00:00", Some(ledger));
    client.by(FORMER_OFFICER);
    let debit = AdjustmentType::DebitMemo;
    let raised = client.adjustment(debit, invoice, -2_000, "2025-04-14 10:00:00");
    client.by(FINANCE_MANAGER);
    client.decide_adjustment(raised, "2025-04-15 10:00:00", None);
    client.by(BILLING_OFFICER);
    client.adjustment(debit, invoice, -1_000, "2025-04-16 10:00:00");
}

/// 1009: a hardship awarded, applied, cancelled, and its credit reversed.
fn reduction_cancelled(books: &mut Books) {
    let mut client = books.client(1009, "10090009", PaymentMethod::Demanded);
    client.by(SIRIUS_BATCH);
    let invoice = client.invoice(FeeType::S3, "S3001011/24", 1_000, "2025-03-31 02:00:00");
    client.by(BILLING_OFFICER);
    let hardship = client.fee_reduction(
        FeeReductionType::Hardship,
        "2024-04-01",
        "2025-03-31",
        "2025-05-01 10:00:00",
    );
    client.apply_fee_reduction(
        hardship,
        "2025-05-01 10:00:00",
        &[allocated(invoice, 1_000)],
    );
    client.by(FINANCE_MANAGER);
    client.cancel_fee_reduction(
        hardship,
        "2025-05-20 10:00:00",
        "Awarded to the wrong client",
    );
    client.by(BILLING_OFFICER);
    let reversal = AdjustmentType::FeeReductionReversal;
    let raised = client.adjustment(reversal, invoice, -1_000, "2025-05-20 11:00:00");
    client.by(FINANCE_MANAGER);
    let reversed = [allocated(invoice, -1_000)];
    let ledger = client.ledger(
        LedgerType::FeeReductionReversal,
        "2025-05-21 10:00:00",
        &reversed,
    );
    client.decide_adjustment(raised, "2025-05-21 10:00:00", Some(ledger));
}

/// 1010: rows from before the service: no instant, no user, and old words.
fn before_the_service(books: &mut Books) {
    let mut client = books.client(1010, "10100010", PaymentMethod::Demanded);
    let first = client.old_invoice(FeeType::S2, "S2000017/19", 32_000, "2020-03-31");
    let second = client.old_invoice(FeeType::S3, "S3000018/20", 1_000, "2021-03-31");
    client.ledger_row(&[allocated(first, 32_000)], |row| {
        row.kind = LedgerType::BacsTransfer.into();
        row.amount = 32_000;
        row.datetime = at("2020-05-04 00:00:00");
    });
    client.ledger_row(&[allocated(second, 400)], |row| {
        row.kind = entity::stored::Stored::read("UNKNOWN CREDIT");
        row.amount = 400;
        row.datetime = at("2021-06-01 00:00:00");
    });
}

/// 1011: known to finance, nothing charged yet.
fn nothing_yet(books: &mut Books) {
    books.client(1011, "10110011", PaymentMethod::Demanded);
}

/// 1012: an invoice every month from 2007 on, each paid in weekly parts by card: over a thousand
/// events, for paging.
fn a_thousand_events(books: &mut Books) {
    let mut client = books.client(1012, "10120012", PaymentMethod::Demanded);
    let mut raised = day("2007-01-01");
    for number in 1..=210 {
        client.by(SIRIUS_BATCH);
        let made = format!("{raised} 02:00:00");
        let invoice = client.invoice(FeeType::S2, &reference(number, raised), 4_000, &made);
        client.by(CASH_CONTROL);
        for week in 1..=4 {
            let received = raised
                .checked_add_days(Days::new(week * 7))
                .unwrap_or(raised);
            let made = format!("{received} 18:00:00");
            let part: [Part; 1] = [allocated(invoice, 1_000)];
            client.payment(
                LedgerType::MotoCardPayment,
                &received.to_string(),
                &made,
                &part,
            );
        }
        raised = raised.checked_add_months(Months::new(1)).unwrap_or(raised);
    }
}

/// 1013, for the visitor: one fee paid, another owed.
fn to_be_halved(books: &mut Books) {
    let mut client = books.client(1013, "10130013", PaymentMethod::Demanded);
    client.by(SIRIUS_BATCH);
    let paid = client.invoice(FeeType::Ad, "AD001013/24", 10_000, "2024-05-01 02:00:00");
    client.by(CASH_CONTROL);
    client.payment(
        LedgerType::OnlineCardPayment,
        "2024-05-20",
        "2024-05-21 08:30:00",
        &[allocated(paid, 10_000)],
    );
    client.by(SIRIUS_BATCH);
    client.invoice(FeeType::Ad, "AD001014/25", 10_000, "2025-05-01 02:00:00");
}

/// 1014, for the visitor: a debt. Gives the invoice's id.
fn to_be_written_off(books: &mut Books) -> i32 {
    let mut client = books.client(1014, "10140014", PaymentMethod::Demanded);
    client.by(SIRIUS_BATCH);
    client.invoice(FeeType::Ad, "AD001015/24", 10_000, "2024-05-01 02:00:00")
}

/// 1015, for the visitor: more was paid than was owed.
fn to_be_refunded(books: &mut Books) {
    let mut client = books.client(1015, "10150015", PaymentMethod::Demanded);
    client.by(SIRIUS_BATCH);
    let invoice = client.invoice(FeeType::Ad, "AD001016/24", 10_000, "2024-05-01 02:00:00");
    client.by(CASH_CONTROL);
    client.payment(
        LedgerType::SupervisionBacsPayment,
        "2024-05-20",
        "2024-05-21 08:30:00",
        &[allocated(invoice, 10_000), overpaid(7_500)],
    );
}

/// The reference of a general annual fee, by the financial year of its day.
fn reference(number: i32, on: NaiveDate) -> String {
    let year = if on.month() < 4 {
        on.year() - 1
    } else {
        on.year()
    };
    format!("S2{:06}/{:02}", 2_000 + number, year % 100)
}
