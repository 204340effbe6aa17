//! Where an invoice stands, and what may be raised against it: plain functions over its amount and
//! its allocations (`domain.md` sections 4 and 6).

use entity::stored::{
    AdjustmentType, AllocationStatus, FeeReductionType, FeeType, LedgerType, Stored,
};

use super::allocation::Allocation;
use super::money::{Overflow, Pence};
use super::transaction_kind::is_payment;

/// What an invoice may owe at most after a debit memo, by its type.
const DEBIT_LIMIT_ASSESSMENT: Pence = Pence::new(10_000);
const DEBIT_LIMIT: Pence = Pence::new(32_000);

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What was charged.
    pub amount: Pence,
    /// What came in for it, in whatever way.
    pub received: Pence,
    /// What is still owed; negative when it is overpaid.
    pub outstanding: Pence,
    /// Write-offs less their reversals.
    pub written_off: Pence,
    /// Fee reductions applied.
    pub reduced: Pence,
    /// Fee reductions taken back.
    pub reduction_reversed: Pence,
    /// Payments and reapplied credit.
    paid: Pence,
    /// The latest reduction that is not fully reversed.
    reduction: Option<FeeReductionType>,
    is_assessment: bool,
}

/// The status of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceStatus {
    /// Something is owed.
    Unpaid,
    /// More came in than was charged.
    Overpaid,
    /// Nothing is owed, and money came in for it.
    Paid,
    /// Nothing is owed, and no money came in for it.
    Closed,
}

/// What explains a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusContext {
    /// It is written off.
    WriteOff,
    /// A write-off waits for a decision.
    WriteOffPending,
    /// It was reduced for an exemption.
    Exemption,
    /// It was reduced for hardship.
    Hardship,
    /// It was reduced for a remission.
    Remission,
}

impl Standing {
    /// The standing of an invoice of that amount and type, with these counted allocations, oldest
    /// first; those of other invoices must not be among them.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn of<'a>(
        amount: Pence,
        fee_type: &Stored<FeeType>,
        allocations: impl IntoIterator<Item = &'a Allocation>,
    ) -> Result<Self, Overflow> {
        let mut standing = Self {
            amount,
            received: Pence::ZERO,
            outstanding: amount,
            written_off: Pence::ZERO,
            reduced: Pence::ZERO,
            reduction_reversed: Pence::ZERO,
            paid: Pence::ZERO,
            reduction: None,
            is_assessment: fee_type.is(FeeType::Ad),
        };
        let mut reductions = Vec::new();
        for allocation in allocations {
            standing.count(allocation, &mut reductions)?;
        }
        standing.outstanding = amount.minus(standing.received)?;
        standing.reduction = latest_unreversed(&reductions, standing.reduction_reversed)?;
        Ok(standing)
    }

    fn count(
        &mut self,
        allocation: &Allocation,
        reductions: &mut Vec<(FeeReductionType, Pence)>,
    ) -> Result<(), Overflow> {
        let amount = allocation.pence();
        let status = allocation.status.known();
        self.received = self.received.plus(amount)?;
        let kind = allocation.kind.known();
        if status == Some(AllocationStatus::Reapplied) || kind.is_some_and(is_payment) {
            self.paid = self.paid.plus(amount)?;
        }
        if status != Some(AllocationStatus::Allocated) {
            return Ok(());
        }
        if let Some(reduction) = kind.and_then(reduction_of) {
            self.reduced = self.reduced.plus(amount)?;
            reductions.push((reduction, amount));
            return Ok(());
        }
        match kind {
            // A reversal's amount is negative.
            Some(LedgerType::CreditWriteOff | LedgerType::WriteOffReversal) => {
                self.written_off = self.written_off.plus(amount)?;
            }
            Some(LedgerType::FeeReductionReversal) => {
                self.reduction_reversed = self.reduction_reversed.minus(amount)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The status.
    pub fn status(&self) -> InvoiceStatus {
        match self.outstanding {
            owed if owed > Pence::ZERO => InvoiceStatus::Unpaid,
            owed if owed < Pence::ZERO => InvoiceStatus::Overpaid,
            _ if self.paid > Pence::ZERO => InvoiceStatus::Paid,
            _ => InvoiceStatus::Closed,
        }
    }

    /// What explains the status, if anything does.
    pub fn context(&self, is_write_off_pending: bool) -> Option<StatusContext> {
        if self.written_off > Pence::ZERO {
            return Some(StatusContext::WriteOff);
        }
        if is_write_off_pending {
            return Some(StatusContext::WriteOffPending);
        }
        self.reduction.map(|reduction| match reduction {
            FeeReductionType::Exemption => StatusContext::Exemption,
            FeeReductionType::Hardship => StatusContext::Hardship,
            FeeReductionType::Remission => StatusContext::Remission,
        })
    }

    /// The adjustments that can be raised against it.
    pub fn permitted(&self) -> Vec<AdjustmentType> {
        let mut permitted = Vec::new();
        if self.written_off > Pence::ZERO {
            permitted.push(AdjustmentType::WriteOffReversal);
        } else {
            permitted.push(AdjustmentType::CreditMemo);
            if self.outstanding < self.debit_limit() {
                permitted.push(AdjustmentType::DebitMemo);
            }
            let is_reducible = self.reducible().is_ok_and(|left| left > Pence::ZERO);
            if self.outstanding > Pence::ZERO && is_reducible {
                permitted.push(AdjustmentType::CreditWriteOff);
            }
        }
        if self.reduced > self.reduction_reversed {
            permitted.push(AdjustmentType::FeeReductionReversal);
        }
        permitted
    }

    /// What it may owe at most after a debit memo.
    pub fn debit_limit(&self) -> Pence {
        match self.is_assessment {
            true => DEBIT_LIMIT_ASSESSMENT,
            false => DEBIT_LIMIT,
        }
    }

    /// What reductions and write-offs may still credit: together, less their reversals, never more
    /// than was charged.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn reducible(&self) -> Result<Pence, Overflow> {
        let credited = self.reduced.minus(self.reduction_reversed)?;
        let left = self.amount.minus(credited)?.minus(self.written_off)?;
        Ok(left.max(Pence::ZERO))
    }
}

fn reduction_of(kind: LedgerType) -> Option<FeeReductionType> {
    match kind {
        LedgerType::CreditExemption => Some(FeeReductionType::Exemption),
        LedgerType::CreditHardship => Some(FeeReductionType::Hardship),
        LedgerType::CreditRemission => Some(FeeReductionType::Remission),
        _ => None,
    }
}

/// Reversals name no reduction: they take back the latest first.
fn latest_unreversed(
    reductions: &[(FeeReductionType, Pence)],
    mut reversed: Pence,
) -> Result<Option<FeeReductionType>, Overflow> {
    for (kind, amount) in reductions.iter().rev() {
        if reversed < *amount {
            return Ok(Some(*kind));
        }
        reversed = reversed.minus(*amount)?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;

    use super::*;

    fn part(kind: LedgerType, status: AllocationStatus, amount: i32) -> Allocation {
        Allocation {
            id: 1,
            ledger_id: 1,
            finance_client_id: None,
            invoice_id: Some(1),
            amount,
            status: status.into(),
            kind: kind.into(),
            fee_reduction_id: None,
            datetime: NaiveDateTime::default(),
            created_by: None,
        }
    }

    fn allocated(kind: LedgerType, amount: i32) -> Allocation {
        part(kind, AllocationStatus::Allocated, amount)
    }

    fn standing(amount: i64, parts: &[Allocation]) -> Standing {
        Standing::of(Pence::new(amount), &FeeType::S2.into(), parts).unwrap()
    }

    fn shown(amount: i64, parts: &[Allocation]) -> (InvoiceStatus, Option<StatusContext>) {
        let standing = standing(amount, parts);
        (standing.status(), standing.context(false))
    }

    #[test]
    fn what_is_owed_decides_the_status_first() {
        use InvoiceStatus::{Overpaid, Unpaid};
        assert_eq!(shown(100, &[]), (Unpaid, None));
        let paid = |amount| [allocated(LedgerType::MotoCardPayment, amount)];
        assert_eq!(shown(100, &paid(99)), (Unpaid, None));
        assert_eq!(shown(100, &paid(101)), (Overpaid, None));
    }

    #[test]
    fn at_nothing_owed_money_makes_it_paid_and_anything_else_closed() {
        use InvoiceStatus::{Closed, Paid};
        for kind in [
            LedgerType::MotoCardPayment,
            LedgerType::SupervisionChequePayment,
            LedgerType::BacsTransfer,
        ] {
            assert_eq!(
                shown(100, &[allocated(kind, 100)]),
                (Paid, None),
                "{kind:?}"
            );
        }
        let reapplied = part(LedgerType::CreditReapply, AllocationStatus::Reapplied, 100);
        assert_eq!(shown(100, &[reapplied]), (Paid, None));
        let memo = allocated(LedgerType::CreditMemo, 100);
        assert_eq!(shown(100, &[memo]), (Closed, None));
        let taken_back = [
            allocated(LedgerType::MotoCardPayment, 100),
            allocated(LedgerType::MotoCardPayment, -100),
            allocated(LedgerType::CreditMemo, 100),
        ];
        assert_eq!(shown(100, &taken_back), (Closed, None));
    }

    #[test]
    fn a_write_off_is_the_context_until_it_is_reversed() {
        let off = allocated(LedgerType::CreditWriteOff, 60);
        let exemption = allocated(LedgerType::CreditExemption, 40);
        let back = allocated(LedgerType::WriteOffReversal, -60);
        let parts = [exemption, off, back];
        let (both, all) = (&parts[..2], &parts[..]);
        assert_eq!(
            standing(100, both).context(true),
            Some(StatusContext::WriteOff)
        );
        assert_eq!(
            standing(100, all).context(true),
            Some(StatusContext::WriteOffPending)
        );
        assert_eq!(
            standing(100, all).context(false),
            Some(StatusContext::Exemption)
        );
    }

    #[test]
    fn reversals_take_back_the_latest_reduction_first() {
        let applied = [
            allocated(LedgerType::CreditRemission, 50),
            allocated(LedgerType::CreditHardship, 30),
        ];
        let reversed = |amount: i32| allocated(LedgerType::FeeReductionReversal, -amount);
        for (amount, expected) in [
            (0, Some(StatusContext::Hardship)),
            (29, Some(StatusContext::Hardship)),
            (30, Some(StatusContext::Remission)),
            (79, Some(StatusContext::Remission)),
            (80, None),
        ] {
            let mut parts = applied.to_vec();
            parts.push(reversed(amount));
            assert_eq!(standing(100, &parts).context(false), expected, "{amount}");
        }
    }

    #[test]
    fn what_is_written_off_permits_its_reversal_alone() {
        use AdjustmentType::{
            CreditMemo, CreditWriteOff, DebitMemo, FeeReductionReversal, WriteOffReversal,
        };
        let permitted = |amount, parts: &[Allocation]| standing(amount, parts).permitted();
        assert_eq!(
            permitted(10_000, &[]),
            [CreditMemo, DebitMemo, CreditWriteOff]
        );
        assert_eq!(permitted(32_000, &[]), [CreditMemo, CreditWriteOff]);
        let paid = allocated(LedgerType::MotoCardPayment, 100);
        assert_eq!(permitted(100, &[paid]), [CreditMemo, DebitMemo]);
        let off = allocated(LedgerType::CreditWriteOff, 50);
        let reduced = allocated(LedgerType::CreditRemission, 50);
        let parts = [reduced, off];
        assert_eq!(
            permitted(100, &parts),
            [WriteOffReversal, FeeReductionReversal]
        );
    }

    #[test]
    fn reductions_and_write_offs_never_credit_more_than_was_charged() {
        let parts = [
            allocated(LedgerType::CreditRemission, 50),
            allocated(LedgerType::CreditWriteOff, 30),
        ];
        assert_eq!(standing(100, &parts).reducible().unwrap(), Pence::new(20));
        let memo = allocated(LedgerType::CreditMemo, 90);
        assert_eq!(standing(100, &[memo]).reducible().unwrap(), Pence::new(100));
    }

    #[test]
    fn unapplied_excess_leaves_what_was_received() {
        let parts = [
            allocated(LedgerType::CreditExemption, 100),
            part(
                LedgerType::CreditExemption,
                AllocationStatus::Unapplied,
                -80,
            ),
        ];
        let standing = standing(20, &parts);
        assert_eq!(
            (standing.received, standing.outstanding),
            (Pence::new(20), Pence::ZERO)
        );
    }
}
