//! What holds of every history, whatever the rows.

#![expect(clippy::arithmetic_side_effects, reason = "small made-up figures")]

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use entity::stored::{AllocationStatus, FeeType, LedgerType, PaymentMethod, RefundDecision};
use proptest::prelude::*;
use strum::IntoEnumIterator;

use super::rows::{AllocationRow, LedgerRow, PaymentMethodRow, Rows};
use super::{Filter, History, Page, Range, assemble};
use crate::finance::invoice::Invoice;
use crate::finance::money::Pence;
use crate::finance::refund::Refund;

/// A few seconds, so that many events fall into one.
fn instant() -> impl Strategy<Value = NaiveDateTime> {
    (0_i64..5, 0_u32..1_000_000_000).prop_map(|(second, nanos)| {
        DateTime::from_timestamp(1_700_000_000 + second, nanos)
            .unwrap()
            .naive_utc()
    })
}

fn an_invoice(id: i32, amount: i32, created_at: NaiveDateTime) -> Invoice {
    Invoice {
        id,
        finance_client_id: Some(1),
        reference: format!("AD{id:06}/24"),
        fee_type: FeeType::Ad.into(),
        amount: amount.into(),
        raised_date: None,
        start_date: NaiveDate::MIN,
        end_date: NaiveDate::MAX,
        created_at: Some(created_at),
        created_by: None,
    }
}

fn a_refund(id: i32, at: [Option<NaiveDateTime>; 3], created_at: NaiveDateTime) -> Refund {
    let [decision_at, processed_at, cancelled_at] = at;
    Refund {
        id,
        finance_client_id: 1,
        raised_date: created_at.date(),
        amount: Pence::new(1),
        decision: RefundDecision::Approved.into(),
        notes: String::new(),
        created_at,
        created_by: 3,
        decision_at,
        decision_by: None,
        processed_at,
        cancelled_at,
        cancelled_by: None,
        fulfilled_at: None,
    }
}

/// A ledger's kind, instant and allocations: which invoice, how much, to what end.
type Told = (
    LedgerType,
    NaiveDateTime,
    Vec<(Option<i32>, i32, AllocationStatus)>,
);

fn a_ledger() -> impl Strategy<Value = Told> {
    let kind = proptest::sample::select(LedgerType::iter().collect::<Vec<_>>());
    let status = proptest::sample::select(AllocationStatus::iter().collect::<Vec<_>>());
    let part = (proptest::option::of(1_i32..6), -50_000_i32..50_000, status);
    (kind, instant(), proptest::collection::vec(part, 0..4))
}

prop_compose! {
    fn rows()(
        invoices in proptest::collection::vec((0_i32..100_000, instant()), 0..6),
        ledgers in proptest::collection::vec(a_ledger(), 0..12),
        refunds in proptest::collection::vec(
            (proptest::array::uniform3(proptest::option::of(instant())), instant()), 0..4),
        mandates in proptest::collection::vec(instant(), 0..3),
    ) -> Rows {
        let mut rows = Rows::default();
        for (id, (amount, at)) in (1..).zip(invoices) {
            rows.invoices.push(an_invoice(id, amount, at));
        }
        for (id, (kind, datetime, parts)) in (1..).zip(ledgers) {
            let amount = parts.iter().map(|(_, amount, _)| amount).sum();
            let row = LedgerRow {
                id, fee_reduction_id: None, kind: kind.into(), amount, datetime,
                created_at: Some(datetime), created_by: None,
            };
            rows.ledgers.push(row);
            for (invoice_id, amount, status) in parts {
                let id = i32::try_from(rows.allocations.len()).unwrap();
                let ledger_id = rows.ledgers.last().unwrap().id;
                rows.allocations.push(AllocationRow { id, ledger_id, invoice_id, amount, status });
            }
        }
        for (id, (steps, at)) in (1..).zip(refunds) {
            rows.refunds.push(a_refund(id, steps, at));
        }
        for (id, created_at) in (1..).zip(mandates) {
            let kind = PaymentMethod::Demanded.into();
            rows.payment_methods.push(PaymentMethodRow { id, kind, created_at, created_by: 3 });
        }
        rows
    }
}

/// The same rows in the opposite order.
fn reversed(mut rows: Rows) -> Rows {
    rows.invoices.reverse();
    rows.ledgers.reverse();
    rows.allocations.reverse();
    rows.refunds.reverse();
    rows.payment_methods.reverse();
    rows
}

fn twin(rows: &Rows) -> Rows {
    Rows {
        invoices: rows.invoices.clone(),
        ledgers: rows.ledgers.clone(),
        allocations: rows.allocations.clone(),
        refunds: rows.refunds.clone(),
        payment_methods: rows.payment_methods.clone(),
        ..Rows::default()
    }
}

fn history(rows: Rows) -> History {
    assemble(1, rows).unwrap()
}

proptest! {
    #[test]
    fn the_newest_events_balances_are_the_sums_of_section_4(rows in rows()) {
        let invoiced: i64 = rows.invoices.iter().map(|it| it.amount.get()).sum();
        let sum = |counts: fn(&AllocationRow) -> bool| -> i64 {
            rows.allocations.iter().filter(|it| counts(it)).map(|it| i64::from(it.amount)).sum()
        };
        let received =
            sum(|it| it.status == AllocationStatus::Allocated || it.invoice_id.is_some());
        let held = -sum(|it| it.status != AllocationStatus::Allocated);
        let history = history(rows);
        if let Some(newest) = history.events.first() {
            prop_assert_eq!(newest.balances.outstanding.get(), invoiced - received);
            prop_assert_eq!(newest.balances.credit.get(), held);
        }
    }

    #[test]
    fn the_order_is_total_and_does_not_depend_on_the_rows(rows in rows()) {
        let other = history(reversed(twin(&rows)));
        let history = history(rows);
        let falls = history.events.windows(2).all(|pair| pair[0].position > pair[1].position);
        prop_assert!(falls, "no two events share a position");
        prop_assert_eq!(history, other);
    }

    #[test]
    fn pages_one_after_another_are_the_whole(rows in rows(), size in 1_usize..5) {
        let whole = history(twin(&rows)).events;
        let mut paged = Vec::new();
        let mut range = Range::default();
        loop {
            let slice = history(twin(&rows)).slice(&Filter::default(), range, Page::First(size));
            prop_assert_eq!(slice.total, whole.len());
            prop_assert_eq!(slice.has_previous, !paged.is_empty());
            paged.extend(slice.events);
            if !slice.has_next {
                break;
            }
            range.after = paged.last().map(|event| event.position);
        }
        prop_assert_eq!(paged, whole);
    }
}
