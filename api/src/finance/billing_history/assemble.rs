//! Rows into events: what happened, in what order, and what the balances were after each.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{NaiveDateTime, NaiveTime};
use entity::stored::{AdjustmentStatus, AllocationStatus, PaymentMethod, RefundDecision};
use foldhash::fast::RandomState;

use super::event::{
    AdjustmentRaised, AllocationLine, Detail, Event, EventType, FeeReductionDetail, History,
    Position, Transaction, second_of,
};
use super::rows::{AllocationRow, CollectionRow, LedgerRow, PaymentMethodRow, Rows};
use crate::finance::account::Balances;
use crate::finance::adjustment::Adjustment;
use crate::finance::fee_reduction::FeeReduction;
use crate::finance::invoice::Invoice;
use crate::finance::money::{Overflow, Pence};
use crate::finance::refund::Refund;
use crate::finance::transaction_kind::TransactionKind;

/// By ids of rows, which nobody outside chooses.
type ById<T> = HashMap<i32, T, RandomState>;
type Invoices = ById<Arc<Invoice>>;

/// The history that a client's rows tell, newest event first. The newest event's balances are the
/// account's (`domain.md` sections 4 and 5).
///
/// # Errors
/// When a sum does not fit.
pub fn assemble(finance_client_id: i32, rows: Rows) -> Result<History, Overflow> {
    let invoices = rows
        .invoices
        .into_iter()
        .map(|it| (it.id, Arc::new(it)))
        .collect::<Invoices>();
    let mut allocations = ById::<Vec<AllocationRow>>::default();
    for allocation in rows.allocations {
        allocations
            .entry(allocation.ledger_id)
            .or_default()
            .push(allocation);
    }

    let mut drafts = Vec::new();
    drafts.extend(invoices.values().map(invoice));
    rows.fee_reductions
        .into_iter()
        .for_each(|row| fee_reduction(row, &mut drafts));
    rows.adjustments
        .into_iter()
        .for_each(|row| adjustment(row, &invoices, &mut drafts));
    for row in rows.ledgers {
        if let Some(lines) = allocations.remove(&row.id) {
            drafts.push(ledger(row, lines, &invoices)?);
        }
    }
    rows.refunds
        .into_iter()
        .for_each(|row| refund(row, &mut drafts));
    drafts.extend(rows.payment_methods.into_iter().filter_map(payment_method));
    drafts.extend(rows.collections.into_iter().map(collection));

    drafts.sort_unstable_by_key(|draft| draft.position);
    let mut events = run(drafts)?;
    events.reverse();
    Ok(History {
        finance_client_id,
        events,
    })
}

/// An event before the balances after it are known.
struct Draft {
    position: Position,
    created_by: Option<i32>,
    detail: Detail,
    outstanding: Pence,
    credit: Pence,
}

impl Draft {
    fn new(
        kind: EventType,
        id: i32,
        at: NaiveDateTime,
        created_by: Option<i32>,
        detail: Detail,
    ) -> Self {
        Self {
            position: Position::new(second_of(at), kind, id),
            created_by,
            detail,
            outstanding: Pence::ZERO,
            credit: Pence::ZERO,
        }
    }
}

/// Sums the balances up, oldest event first.
fn run(drafts: Vec<Draft>) -> Result<Vec<Event>, Overflow> {
    let mut balances = Balances {
        outstanding: Pence::ZERO,
        credit: Pence::ZERO,
    };
    drafts
        .into_iter()
        .map(|draft| {
            balances.outstanding = balances.outstanding.plus(draft.outstanding)?;
            balances.credit = balances.credit.plus(draft.credit)?;
            let Draft {
                position,
                created_by,
                detail,
                ..
            } = draft;
            Ok(Event {
                position,
                created_by,
                balances,
                detail,
            })
        })
        .collect()
}

fn invoice(invoice: &Arc<Invoice>) -> Draft {
    // Rows from before the service have no created_at.
    let day = invoice.raised_date.unwrap_or(invoice.start_date);
    let at = invoice.created_at.unwrap_or(day.and_time(NaiveTime::MIN));
    let detail = Detail::Invoice(Arc::clone(invoice));
    Draft {
        outstanding: invoice.amount,
        ..Draft::new(
            EventType::InvoiceGenerated,
            invoice.id,
            at,
            invoice.created_by,
            detail,
        )
    }
}

fn fee_reduction(row: FeeReduction, drafts: &mut Vec<Draft>) {
    let detail = Arc::new(FeeReductionDetail {
        kind: row.kind,
        start_date: row.start_date,
        end_date: row.end_date,
        date_received: row.date_received,
        notes: row.notes,
        cancellation_reason: row.cancellation_reason,
    });
    drafts.extend(row.created_at.map(|at| {
        let detail = Detail::FeeReductionAwarded(Arc::clone(&detail));
        Draft::new(
            EventType::FeeReductionAwarded,
            row.id,
            at,
            row.created_by,
            detail,
        )
    }));
    drafts.extend(row.cancelled_at.filter(|_| row.deleted).map(|at| {
        let detail = Detail::FeeReductionCancelled(detail);
        Draft::new(
            EventType::FeeReductionCancelled,
            row.id,
            at,
            row.cancelled_by,
            detail,
        )
    }));
}

fn adjustment(row: Adjustment, invoices: &Invoices, drafts: &mut Vec<Draft>) {
    let raised = Arc::new(AdjustmentRaised {
        kind: row.kind,
        amount: row.amount,
        notes: row.notes,
        invoice: invoices.get(&row.invoice_id).cloned(),
    });
    let pending = EventType::InvoiceAdjustmentPending;
    let detail = Detail::Adjustment(Arc::clone(&raised));
    drafts.push(Draft::new(
        pending,
        row.id,
        row.created_at,
        Some(row.created_by),
        detail,
    ));
    let rejected_at = row
        .updated_at
        .filter(|_| row.status.is(AdjustmentStatus::Rejected));
    drafts.extend(rejected_at.map(|at| {
        let rejected = EventType::InvoiceAdjustmentRejected;
        Draft::new(
            rejected,
            row.id,
            at,
            row.updated_by,
            Detail::Adjustment(raised),
        )
    }));
}

fn ledger(
    row: LedgerRow,
    mut lines: Vec<AllocationRow>,
    invoices: &Invoices,
) -> Result<Draft, Overflow> {
    lines.sort_unstable_by_key(|line| line.id);
    let event = ledger_event(&row);
    let is_money = matches!(
        event,
        EventType::PaymentProcessed | EventType::RefundProcessed
    );

    let mut outstanding = Pence::ZERO;
    let mut credit = Pence::ZERO;
    let mut amount = Pence::from(row.amount);
    let mut breakdown = Vec::with_capacity(lines.len());
    for line in lines {
        let money = Pence::from(line.amount);
        if touches_invoice(&line) {
            outstanding = outstanding.minus(money)?;
        }
        if line.status != AllocationStatus::Allocated {
            credit = credit.minus(money)?;
        }
        let is_excess = line.status == AllocationStatus::Unapplied && line.invoice_id.is_some();
        if is_excess && !is_money {
            amount = amount.plus(money.magnitude()?)?;
        }
        breakdown.push(AllocationLine {
            invoice: line.invoice_id.and_then(|id| invoices.get(&id).cloned()),
            amount: money.magnitude()?,
            status: line.status,
        });
    }

    let at = if is_money {
        row.created_at.unwrap_or(row.datetime)
    } else {
        row.datetime
    };
    let detail = Detail::Transaction(Arc::new(Transaction {
        kind: row.kind,
        amount,
        breakdown,
    }));
    let draft = Draft::new(event, row.id, at, row.created_by, detail);
    Ok(Draft {
        outstanding,
        credit,
        ..draft
    })
}

/// Whether an allocation changes what an invoice owes.
fn touches_invoice(line: &AllocationRow) -> bool {
    line.status == AllocationStatus::Allocated || line.invoice_id.is_some()
}

fn ledger_event(row: &LedgerRow) -> EventType {
    if row.fee_reduction_id.is_some() {
        return EventType::FeeReductionApplied;
    }
    let Some(kind) = row.kind.known() else {
        return EventType::Unknown;
    };
    match TransactionKind::of(kind) {
        TransactionKind::Payment => EventType::PaymentProcessed,
        TransactionKind::FeeReduction => EventType::FeeReductionApplied,
        TransactionKind::Adjustment => EventType::InvoiceAdjustmentApplied,
        TransactionKind::Reapply => EventType::ReappliedCredit,
        TransactionKind::Refund => EventType::RefundProcessed,
    }
}

fn refund(row: Refund, drafts: &mut Vec<Draft>) {
    let refund = Arc::new(row);
    let mut step = |kind, at: Option<NaiveDateTime>, by: Option<i32>| {
        drafts.extend(
            at.map(|at| Draft::new(kind, refund.id, at, by, Detail::Refund(Arc::clone(&refund)))),
        );
    };
    step(
        EventType::RefundCreated,
        Some(refund.created_at),
        Some(refund.created_by),
    );
    match refund.decision.known() {
        Some(RefundDecision::Approved) => {
            step(
                EventType::RefundApproved,
                refund.decision_at,
                refund.decision_by,
            );
        }
        Some(RefundDecision::Rejected) => {
            step(
                EventType::RefundRejected,
                refund.decision_at,
                refund.decision_by,
            );
        }
        Some(RefundDecision::Pending) | None => {}
    }
    step(
        EventType::RefundProcessing,
        refund.processed_at,
        refund.decision_by,
    );
    step(
        EventType::RefundCancelled,
        refund.cancelled_at,
        refund.cancelled_by,
    );
}

/// None for a word that tells of no mandate.
fn payment_method(row: PaymentMethodRow) -> Option<Draft> {
    let method = row.kind.known()?;
    let kind = match method {
        PaymentMethod::DirectDebit => EventType::DirectDebitCreated,
        PaymentMethod::Demanded => EventType::DirectDebitCancelled,
    };
    let detail = Detail::PaymentMethod(method);
    Some(Draft::new(
        kind,
        row.id,
        row.created_at,
        Some(row.created_by),
        detail,
    ))
}

fn collection(row: CollectionRow) -> Draft {
    let detail = Detail::Collection {
        amount: row.amount.into(),
        date: row.date,
    };
    let kind = EventType::DirectDebitCollectionScheduled;
    Draft::new(kind, row.id, row.created_at, Some(row.created_by), detail)
}
