//! What the types of ledgers have in common (`domain.md` sections 3 and 5).

use entity::stored::LedgerType;

/// What kind of transaction a ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionKind {
    /// Money came in, or such a payment was reversed.
    Payment,
    /// A fee reduction was applied.
    FeeReduction,
    /// An adjustment was approved.
    Adjustment,
    /// Credit was used on an invoice.
    Reapply,
    /// Credit was paid back.
    Refund,
}

impl TransactionKind {
    /// The kind of a type.
    pub fn of(kind: LedgerType) -> Self {
        match kind {
            LedgerType::MotoCardPayment
            | LedgerType::OnlineCardPayment
            | LedgerType::SupervisionBacsPayment
            | LedgerType::OpgBacsPayment
            | LedgerType::DirectDebitPayment
            | LedgerType::SupervisionChequePayment
            | LedgerType::SopUnallocated
            | LedgerType::CardPayment
            | LedgerType::BacsTransfer => Self::Payment,
            LedgerType::CreditExemption
            | LedgerType::CreditHardship
            | LedgerType::CreditRemission => Self::FeeReduction,
            LedgerType::CreditMemo
            | LedgerType::DebitMemo
            | LedgerType::CreditWriteOff
            | LedgerType::WriteOffReversal
            | LedgerType::FeeReductionReversal => Self::Adjustment,
            LedgerType::CreditReapply => Self::Reapply,
            LedgerType::Refund => Self::Refund,
        }
    }
}

/// Whether a ledger of that type brings money in.
pub fn is_payment(kind: LedgerType) -> bool {
    TransactionKind::of(kind) == TransactionKind::Payment
}
