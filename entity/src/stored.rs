//! Closed sets of stored words, and [`Stored`], which reads a column that may hold others.
//!
//! The words are fixed (`domain.md` section 3): live data and other systems use them.

use std::str::FromStr;

use sea_orm::sea_query::{ArrayType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, ColumnType, QueryResult, TryGetError, TryGetable, Value};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A set of words that writers keep to.
pub trait Word: Copy + FromStr + Into<&'static str> + Send + Sync + 'static {}

impl<W: Copy + FromStr + Into<&'static str> + Send + Sync + 'static> Word for W {}

/// The value of a column whose set is closed to writers.
///
/// Old rows may hold words outside the set. Those are read and kept; code that writes makes a value
/// from a word of the set, never from a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<W>(Repr<W>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Repr<W> {
    Known(W),
    Legacy(Box<str>),
}

impl<W: Word> Stored<W> {
    /// The word, if it is one of the set.
    pub fn known(&self) -> Option<W> {
        match self.0 {
            Repr::Known(word) => Some(word),
            Repr::Legacy(_) => None,
        }
    }

    /// Whether this is the given word.
    pub fn is(&self, word: W) -> bool
    where
        W: PartialEq,
    {
        self.known() == Some(word)
    }

    /// The word as it stands in the database.
    pub fn raw(&self) -> &str {
        match &self.0 {
            Repr::Known(word) => (*word).into(),
            Repr::Legacy(raw) => raw,
        }
    }

    /// The word that a column holds, in the set or not.
    pub fn read(raw: &str) -> Self {
        Self(
            raw.parse()
                .map_or_else(|_| Repr::Legacy(raw.into()), Repr::Known),
        )
    }
}

impl<W: Word> From<W> for Stored<W> {
    fn from(word: W) -> Self {
        Self(Repr::Known(word))
    }
}

impl<W: Word> From<Stored<W>> for Value {
    fn from(stored: Stored<W>) -> Self {
        stored.raw().into()
    }
}

impl<W: Word> TryGetable for Stored<W> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        String::try_get_by(row, index).map(|raw| Self::read(&raw))
    }
}

impl<W: Word> ValueType for Stored<W> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <String as ValueType>::try_from(value).map(|raw| Self::read(&raw))
    }

    fn type_name() -> String {
        "Stored".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::String
    }

    fn column_type() -> ColumnType {
        <String as ValueType>::column_type()
    }
}

impl<W: Word> Nullable for Stored<W> {
    fn null() -> Value {
        <String as Nullable>::null()
    }
}

impl<W: Word> sea_orm::IntoActiveValue<Stored<W>> for Stored<W> {
    fn into_active_value(self) -> sea_orm::ActiveValue<Stored<W>> {
        sea_orm::ActiveValue::Set(self)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $stored:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, EnumString, IntoStaticStr)]
        pub enum $name {
            $($(#[$word_doc])* #[strum(serialize = $stored)] $variant,)+
        }
    };
}

words! {
    /// How a client pays.
    PaymentMethod {
        /// By invoice, on demand.
        Demanded = "DEMANDED",
        /// By direct debit.
        DirectDebit = "DIRECT DEBIT",
    }
}

words! {
    /// What an invoice is for. Old rows may hold others (`N2`, `N3`).
    FeeType {
        /// Assessment of a deputy.
        Ad = "AD",
        /// General annual fee, demanded.
        S2 = "S2",
        /// Minimal annual fee, demanded.
        S3 = "S3",
        /// General annual fee, direct debit.
        B2 = "B2",
        /// Minimal annual fee, direct debit.
        B3 = "B3",
        /// Final fee: the client has died.
        Sf = "SF",
        /// Final fee: the order has expired.
        Se = "SE",
        /// Final fee: the client has regained capacity.
        So = "SO",
        /// Guardianship assessment.
        Ga = "GA",
        /// Guardianship supervision.
        Gs = "GS",
        /// Guardianship termination.
        Gt = "GT",
    }
}

words! {
    /// Level of supervision.
    SupervisionLevel {
        /// General supervision.
        General = "GENERAL",
        /// Minimal supervision.
        Minimal = "MINIMAL",
    }
}

words! {
    /// Kind of fee reduction.
    FeeReductionType {
        /// The whole fee is waived.
        Exemption = "EXEMPTION",
        /// The whole fee is waived for hardship.
        Hardship = "HARDSHIP",
        /// Half of the fee is waived.
        Remission = "REMISSION",
    }
}

words! {
    /// What an invoice adjustment does.
    AdjustmentType {
        /// Lowers what is owed.
        CreditMemo = "CREDIT MEMO",
        /// Raises what is owed.
        DebitMemo = "DEBIT MEMO",
        /// Gives up what is owed.
        CreditWriteOff = "CREDIT WRITE OFF",
        /// Takes a write-off back.
        WriteOffReversal = "WRITE OFF REVERSAL",
        /// Takes a fee reduction's credit back.
        FeeReductionReversal = "FEE REDUCTION REVERSAL",
    }
}

words! {
    /// Where the decision on an adjustment stands.
    AdjustmentStatus {
        /// Waits for a manager.
        Pending = "PENDING",
        /// Approved and applied.
        Approved = "APPROVED",
        /// Rejected.
        Rejected = "REJECTED",
    }
}

words! {
    /// Where the decision on a refund stands.
    RefundDecision {
        /// Waits for a manager.
        Pending = "PENDING",
        /// Approved.
        Approved = "APPROVED",
        /// Rejected.
        Rejected = "REJECTED",
    }
}

words! {
    /// Where a direct debit collection stands.
    PendingCollectionStatus {
        /// Asked for.
        Pending = "PENDING",
        /// The money has come.
        Collected = "COLLECTED",
        /// Called off.
        Cancelled = "CANCELLED",
    }
}

words! {
    /// What kind of transaction a ledger is. Old rows may hold others (`UNKNOWN CREDIT`).
    LedgerType {
        /// Card payment by telephone.
        MotoCardPayment = "MOTO CARD PAYMENT",
        /// Card payment online.
        OnlineCardPayment = "ONLINE CARD PAYMENT",
        /// Bank transfer to the supervision account.
        SupervisionBacsPayment = "SUPERVISION BACS PAYMENT",
        /// Bank transfer to the OPG account.
        OpgBacsPayment = "OPG BACS PAYMENT",
        /// Direct debit collection.
        DirectDebitPayment = "DIRECT DEBIT PAYMENT",
        /// Cheque.
        SupervisionChequePayment = "SUPERVISION CHEQUE PAYMENT",
        /// Credit carried over from the older finance system.
        SopUnallocated = "SOP UNALLOCATED",
        /// Card payment, in old rows.
        CardPayment = "CARD PAYMENT",
        /// Bank transfer, in old rows.
        BacsTransfer = "BACS TRANSFER",
        /// Exemption applied to an invoice.
        CreditExemption = "CREDIT EXEMPTION",
        /// Hardship applied to an invoice.
        CreditHardship = "CREDIT HARDSHIP",
        /// Remission applied to an invoice.
        CreditRemission = "CREDIT REMISSION",
        /// Approved credit memo.
        CreditMemo = "CREDIT MEMO",
        /// Approved debit memo.
        DebitMemo = "DEBIT MEMO",
        /// Approved write-off.
        CreditWriteOff = "CREDIT WRITE OFF",
        /// Approved reversal of a write-off.
        WriteOffReversal = "WRITE OFF REVERSAL",
        /// Approved reversal of a fee reduction.
        FeeReductionReversal = "FEE REDUCTION REVERSAL",
        /// Credit used on an invoice.
        CreditReapply = "CREDIT REAPPLY",
        /// Refund paid out.
        Refund = "REFUND",
    }
}

words! {
    /// Whether a ledger counts. Old rows may hold others, which never count.
    LedgerStatus {
        /// It counts.
        Confirmed = "CONFIRMED",
    }
}

words! {
    /// What an allocation did. Old rows may hold others, which never count.
    AllocationStatus {
        /// Money put on an invoice, or taken back from it.
        Allocated = "ALLOCATED",
        /// Money that left an invoice, or never reached one.
        Unapplied = "UNAPPLIED",
        /// Credit used on an invoice or refunded.
        Reapplied = "REAPPLIED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_set_reads_as_itself() {
        let stored = Stored::<PaymentMethod>::read("DIRECT DEBIT");
        assert_eq!(stored.known(), Some(PaymentMethod::DirectDebit));
        assert_eq!(stored.raw(), "DIRECT DEBIT");
    }

    #[test]
    fn a_word_outside_the_set_is_kept_and_known_to_be_outside() {
        let stored = Stored::<FeeType>::read("N2");
        assert_eq!(stored.known(), None);
        assert_eq!(stored.raw(), "N2");
    }
}
