//! An independent model of accounts: plain arithmetic over a list of facts.
//!
//! Credit is always used on what is owed, so a client either owes or has credit: both balances follow
//! from one sum. What a fact is worth (a remission's half, the cap) is worked out here, and not asked of
//! the code under test.

use chrono::{Months, NaiveDate};
use entity::stored::{AdjustmentType, FeeReductionType, FeeType};

/// What is known of a client.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) invoices: Vec<InvoiceFacts>,
    pub(super) reductions: Vec<Reduction>,
    /// Paid in, less what was paid back.
    pub(super) cash: i64,
}

#[derive(Clone, Debug)]
pub(super) struct InvoiceFacts {
    pub(super) id: i32,
    pub(super) amount: i64,
    /// What a remission takes off.
    pub(super) half: i64,
    pub(super) raised: Option<NaiveDate>,
    /// Reductions and write-offs, less their reversals.
    pub(super) taken_off: i64,
    /// Memos.
    pub(super) memos: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Reduction {
    pub(super) id: i32,
    pub(super) kind: FeeReductionType,
    pub(super) start: NaiveDate,
    pub(super) end: NaiveDate,
    pub(super) received: NaiveDate,
    pub(super) is_cancelled: bool,
}

impl Reduction {
    fn covers(&self, raised: Option<NaiveDate>) -> bool {
        let earliest = self.received.checked_sub_months(Months::new(6)).unwrap();
        raised.is_some_and(|raised| {
            !self.is_cancelled && raised >= self.start && raised <= self.end && raised >= earliest
        })
    }
}

impl InvoiceFacts {
    pub(super) fn new(
        id: i32,
        fee_type: FeeType,
        amount: i64,
        general: i64,
        raised: Option<NaiveDate>,
    ) -> Self {
        let base = match fee_type {
            FeeType::Ad | FeeType::Ga | FeeType::Gs | FeeType::Gt => amount,
            _ => general,
        };
        Self {
            id,
            amount,
            half: base / 2,
            raised,
            taken_off: 0,
            memos: 0,
        }
    }

    /// A reduction or a write-off takes off no more than is left.
    fn take_off(&mut self, amount: i64) {
        self.taken_off += amount.min((self.amount - self.taken_off).max(0));
    }

    fn reduce(&mut self, kind: FeeReductionType) {
        self.take_off(match kind {
            FeeReductionType::Exemption | FeeReductionType::Hardship => self.amount,
            FeeReductionType::Remission => self.half,
        });
    }
}

impl Facts {
    /// An invoice is made; the reduction that covers it, of the lowest id, is applied.
    pub(super) fn invoice(&mut self, mut invoice: InvoiceFacts) {
        let covering = self
            .reductions
            .iter()
            .filter(|it| it.covers(invoice.raised));
        if let Some(reduction) = covering.min_by_key(|it| it.id) {
            invoice.reduce(reduction.kind);
        }
        self.invoices.push(invoice);
    }

    /// A reduction is awarded, and applied to what it covers.
    pub(super) fn reduction(&mut self, reduction: Reduction) {
        for invoice in &mut self.invoices {
            if reduction.covers(invoice.raised) {
                invoice.reduce(reduction.kind);
            }
        }
        self.reductions.push(reduction);
    }

    /// An adjustment is approved: `amount` as it is stored, with its sign.
    pub(super) fn adjustment(&mut self, invoice: i32, kind: AdjustmentType, amount: i64) {
        let invoice = self
            .invoices
            .iter_mut()
            .find(|it| it.id == invoice)
            .unwrap();
        match kind {
            AdjustmentType::CreditMemo | AdjustmentType::DebitMemo => invoice.memos += amount,
            AdjustmentType::CreditWriteOff => invoice.take_off(amount),
            AdjustmentType::WriteOffReversal | AdjustmentType::FeeReductionReversal => {
                invoice.taken_off += amount;
            }
        }
    }

    /// What is owed, and the credit.
    pub(super) fn balances(&self) -> (i64, i64) {
        let charged = self
            .invoices
            .iter()
            .map(|it| it.amount - it.taken_off - it.memos);
        let position = charged.sum::<i64>() - self.cash;
        (position.max(0), (-position).max(0))
    }
}
