//! Enums over stored words. Each has `UNKNOWN` for words outside the set, which old rows may hold;
//! a sibling field `…Raw` gives the stored word.

use async_graphql::Enum;
use entity::stored::{self, Stored};

use crate::finance::refund;

macro_rules! api_enum {
    (
        $(#[$doc:meta])* $name:ident of $stored:path {
            $($(#[$value_doc:meta])* $variant:ident,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        pub enum $name {
            $($(#[$value_doc])* $variant,)+
            /// A stored word outside this set, as old rows may hold. The `…Raw` field beside
            /// gives it.
            Unknown,
        }

        impl $name {
            /// The word that is stored for it; none for `UNKNOWN`.
            #[allow(dead_code, reason = "not each is asked for")]
            pub(super) fn stored(self) -> Option<$stored> {
                match self {
                    $(Self::$variant => Some(<$stored>::$variant),)+
                    Self::Unknown => None,
                }
            }
        }

        impl From<Option<$stored>> for $name {
            fn from(word: Option<$stored>) -> Self {
                match word {
                    $(Some(<$stored>::$variant) => Self::$variant,)+
                    None => Self::Unknown,
                }
            }
        }
    };
}

api_enum! {
    /// How a client pays.
    PaymentMethod of stored::PaymentMethod {
        /// By invoice, on demand.
        Demanded,
        /// By direct debit.
        DirectDebit,
    }
}

api_enum! {
    /// What an invoice is for.
    FeeType of stored::FeeType {
        /// Assessment of a deputy.
        Ad,
        /// General annual fee, demanded.
        S2,
        /// Minimal annual fee, demanded.
        S3,
        /// General annual fee, paid by direct debit.
        B2,
        /// Minimal annual fee, paid by direct debit.
        B3,
        /// Final fee: the client has died.
        Sf,
        /// Final fee: the order has expired.
        Se,
        /// Final fee: the client has regained capacity.
        So,
        /// Guardianship assessment.
        Ga,
        /// Guardianship supervision.
        Gs,
        /// Guardianship termination.
        Gt,
    }
}

api_enum! {
    /// Kind of fee reduction.
    FeeReductionType of stored::FeeReductionType {
        /// The whole fee is waived.
        Exemption,
        /// The whole fee is waived for hardship.
        Hardship,
        /// Half of the fee is waived.
        Remission,
    }
}

api_enum! {
    /// What an invoice adjustment does.
    AdjustmentType of stored::AdjustmentType {
        /// Lowers what is owed.
        CreditMemo,
        /// Raises what is owed.
        DebitMemo,
        /// Gives up what is owed.
        CreditWriteOff,
        /// Takes a write-off back.
        WriteOffReversal,
        /// Takes a fee reduction's credit back.
        FeeReductionReversal,
    }
}

api_enum! {
    /// What kind of transaction a ledger is.
    TransactionType of stored::LedgerType {
        /// Card payment by telephone.
        MotoCardPayment,
        /// Card payment online.
        OnlineCardPayment,
        /// Bank transfer to the supervision account.
        SupervisionBacsPayment,
        /// Bank transfer to the OPG account.
        OpgBacsPayment,
        /// Direct debit collection.
        DirectDebitPayment,
        /// Cheque.
        SupervisionChequePayment,
        /// Credit carried over from the older finance system.
        SopUnallocated,
        /// Card payment, in rows older than the service.
        CardPayment,
        /// Bank transfer, in rows older than the service.
        BacsTransfer,
        /// Exemption applied to an invoice.
        CreditExemption,
        /// Hardship applied to an invoice.
        CreditHardship,
        /// Remission applied to an invoice.
        CreditRemission,
        /// Approved credit memo.
        CreditMemo,
        /// Approved debit memo.
        DebitMemo,
        /// Approved write-off.
        CreditWriteOff,
        /// Approved reversal of a write-off.
        WriteOffReversal,
        /// Approved reversal of a fee reduction.
        FeeReductionReversal,
        /// Credit used on an invoice.
        CreditReapply,
        /// Refund paid out.
        Refund,
    }
}

api_enum! {
    /// Where a refund stands.
    RefundStatus of refund::RefundStatus {
        /// Waits for a manager.
        Pending,
        /// Approved, not yet sent to the bank.
        Approved,
        /// Rejected, by a manager or because it was left too long.
        Rejected,
        /// Sent to the bank.
        Processing,
        /// Called off after approval.
        Cancelled,
        /// Paid.
        Fulfilled,
    }
}

api_enum! {
    /// Where the decision on an adjustment stands.
    AdjustmentStatus of stored::AdjustmentStatus {
        /// Waits for a manager.
        Pending,
        /// Approved, and applied to its invoice.
        Approved,
        /// Rejected.
        Rejected,
    }
}

api_enum! {
    /// Where a scheduled direct debit stands.
    PendingCollectionStatus of stored::PendingCollectionStatus {
        /// Scheduled.
        Pending,
        /// Taken: a payment came of it.
        Collected,
        /// Called off.
        Cancelled,
    }
}

api_enum! {
    /// How closely a client's deputy is supervised, which decides the fee.
    SupervisionLevel of stored::SupervisionLevel {
        /// General supervision.
        General,
        /// Minimal supervision.
        Minimal,
    }
}

macro_rules! from_stored {
    ($($word:ident,)+) => {$(
        impl From<&Stored<stored::$word>> for $word {
            fn from(word: &Stored<stored::$word>) -> Self {
                word.known().into()
            }
        }
    )+};
}

from_stored! {
    PaymentMethod, FeeType, FeeReductionType, AdjustmentType, AdjustmentStatus,
    PendingCollectionStatus, SupervisionLevel,
}

impl From<&Stored<stored::LedgerType>> for TransactionType {
    fn from(word: &Stored<stored::LedgerType>) -> Self {
        word.known().into()
    }
}

/// What the money of an allocation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::stored::AllocationStatus")]
pub enum AllocationStatus {
    /// Put on an invoice, or taken back from it by a reversal or debit.
    Allocated,
    /// Left an invoice because it owed less, or came when nothing was owed.
    Unapplied,
    /// Credit used on an invoice, or refunded.
    Reapplied,
}

/// Whether an invoice is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::finance::standing::InvoiceStatus")]
pub enum InvoiceStatus {
    /// Something is owed.
    Unpaid,
    /// More came in than was charged.
    Overpaid,
    /// Nothing is owed, and money came in for it.
    Paid,
    /// Nothing is owed, and no money came in for it: it was reduced, adjusted or written off.
    Closed,
}

/// What explains an invoice's status, as in `CLOSED` by an `EXEMPTION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::finance::standing::StatusContext")]
pub enum InvoiceStatusContext {
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

/// Where a fee reduction stands today, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::finance::fee_reduction::FeeReductionStatus")]
pub enum FeeReductionStatus {
    /// It begins after today.
    Pending,
    /// It runs.
    Active,
    /// It ended before today.
    Expired,
    /// It was cancelled. What it credited stays.
    Cancelled,
}
