//! Ledgers that are to be written.

use entity::stored::{AllocationStatus, LedgerType};

use crate::finance::money::{Overflow, Pence};

/// A ledger to be written, with its allocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What kind of transaction.
    pub kind: LedgerType,
    /// Why.
    pub notes: String,
    /// The reduction that it applies.
    pub fee_reduction_id: Option<i32>,
    /// Where the money goes.
    pub parts: Vec<Part>,
}

/// An allocation to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The invoice.
    pub invoice_id: i32,
    /// Signed by its status.
    pub amount: Pence,
    /// What the money does.
    pub status: AllocationStatus,
    /// Why, where it needs a word.
    pub notes: Option<String>,
}

impl Entry {
    /// The ledger's amount: the sum of its parts.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn amount(&self) -> Result<Pence, Overflow> {
        self.parts
            .iter()
            .try_fold(Pence::ZERO, |sum, part| sum.plus(part.amount))
    }
}
