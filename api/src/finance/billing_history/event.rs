//! Events and their order.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use entity::stored::{
    AdjustmentType, AllocationStatus, FeeReductionType, LedgerType, PaymentMethod, Stored,
};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::finance::account::Balances;
use crate::finance::invoice::Invoice;
use crate::finance::money::Pence;
use crate::finance::refund::Refund;

/// What happened. The names are the API's.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(
    missing_docs,
    reason = "the table of domain.md section 5 is the description"
)]
pub enum EventType {
    InvoiceGenerated,
    FeeReductionAwarded,
    FeeReductionCancelled,
    InvoiceAdjustmentPending,
    InvoiceAdjustmentRejected,
    FeeReductionApplied,
    InvoiceAdjustmentApplied,
    ReappliedCredit,
    PaymentProcessed,
    RefundProcessed,
    Unknown,
    RefundCreated,
    RefundApproved,
    RefundRejected,
    RefundProcessing,
    RefundCancelled,
    DirectDebitCreated,
    DirectDebitCancelled,
    DirectDebitCollectionScheduled,
}

/// The table an event comes from, in the order of the names: the last but one criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the table of that name")]
pub enum Source {
    FeeReduction,
    Invoice,
    InvoiceAdjustment,
    Ledger,
    PaymentMethod,
    PendingCollection,
    Refund,
}

impl EventType {
    /// The place within one second: causes before effects.
    pub fn rank(self) -> u8 {
        match self {
            Self::InvoiceGenerated => 1,
            Self::FeeReductionAwarded => 2,
            Self::InvoiceAdjustmentPending | Self::RefundCreated => 3,
            Self::RefundApproved
            | Self::RefundRejected
            | Self::InvoiceAdjustmentRejected
            | Self::FeeReductionCancelled
            | Self::DirectDebitCreated
            | Self::DirectDebitCancelled => 4,
            Self::DirectDebitCollectionScheduled => 5,
            Self::FeeReductionApplied
            | Self::InvoiceAdjustmentApplied
            | Self::PaymentProcessed
            | Self::Unknown => 6,
            Self::ReappliedCredit => 7,
            Self::RefundProcessing | Self::RefundCancelled | Self::RefundProcessed => 8,
        }
    }

    /// The table that events of this type come from.
    pub fn source(self) -> Source {
        match self {
            Self::InvoiceGenerated => Source::Invoice,
            Self::FeeReductionAwarded | Self::FeeReductionCancelled => Source::FeeReduction,
            Self::InvoiceAdjustmentPending | Self::InvoiceAdjustmentRejected => {
                Source::InvoiceAdjustment
            }
            Self::FeeReductionApplied
            | Self::InvoiceAdjustmentApplied
            | Self::ReappliedCredit
            | Self::PaymentProcessed
            | Self::RefundProcessed
            | Self::Unknown => Source::Ledger,
            Self::RefundCreated
            | Self::RefundApproved
            | Self::RefundRejected
            | Self::RefundProcessing
            | Self::RefundCancelled => Source::Refund,
            Self::DirectDebitCreated | Self::DirectDebitCancelled => Source::PaymentMethod,
            Self::DirectDebitCollectionScheduled => Source::PendingCollection,
        }
    }
}

/// Where an event stands in its client's history: a total order, the same on every call, oldest
/// first. It is what a cursor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    second: i64,
    rank: u8,
    source: Source,
    id: i32,
    // A refund can be sent and cancelled within one second, both of rank 8.
    kind: EventType,
}

impl Position {
    /// The place of an event of that type, made by that row, in that second of the Unix epoch.
    pub fn new(second: i64, kind: EventType, id: i32) -> Self {
        Self {
            second,
            rank: kind.rank(),
            source: kind.source(),
            id,
            kind,
        }
    }

    /// Second of the Unix epoch.
    pub fn second(&self) -> i64 {
        self.second
    }

    /// What happened.
    pub fn kind(&self) -> EventType {
        self.kind
    }

    /// Primary key of the row, in the table of [`EventType::source`].
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The day it happened, UTC.
    pub fn day(&self) -> Option<NaiveDate> {
        DateTime::from_timestamp(self.second, 0).map(|at| at.date_naive())
    }
}

/// One event of a client's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, what, and from which row.
    pub position: Position,
    /// Sirius user who caused it, if one was recorded.
    pub created_by: Option<i32>,
    /// The client's balances after it.
    pub balances: Balances,
    /// What else there is to say of it.
    pub detail: Detail,
}

/// What an event tells beside time, user and balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// An invoice was made.
    Invoice(Arc<Invoice>),
    /// A fee reduction was awarded.
    FeeReductionAwarded(Arc<FeeReductionDetail>),
    /// A fee reduction was cancelled.
    FeeReductionCancelled(Arc<FeeReductionDetail>),
    /// An adjustment was raised or rejected.
    Adjustment(Arc<AdjustmentRaised>),
    /// Money moved.
    Transaction(Arc<Transaction>),
    /// A refund took a step.
    Refund(Arc<Refund>),
    /// A direct debit collection was scheduled.
    Collection {
        /// What is to be collected.
        amount: Pence,
        /// Day it is taken.
        date: NaiveDate,
    },
    /// A direct debit mandate was made or ended.
    PaymentMethod(PaymentMethod),
}

/// A fee reduction as its events tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeReductionDetail {
    /// Kind of reduction.
    pub kind: Stored<FeeReductionType>,
    /// First day.
    pub start_date: NaiveDate,
    /// Last day.
    pub end_date: NaiveDate,
    /// Day the application was received.
    pub date_received: Option<NaiveDate>,
    /// Why it was awarded.
    pub notes: String,
    /// Why it was cancelled.
    pub cancellation_reason: Option<String>,
}

/// An invoice adjustment as its events tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdjustmentRaised {
    /// What was asked for.
    pub kind: Stored<AdjustmentType>,
    /// Pence; negative where it raises what is owed.
    pub amount: Pence,
    /// Why.
    pub notes: String,
    /// The invoice; none only if the row points to another client's.
    pub invoice: Option<Arc<Invoice>>,
}

/// A ledger and where its money went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// What kind of transaction.
    pub kind: Stored<LedgerType>,
    /// What triggered it: an exemption of 10,000 on an invoice owing 2,000 reads 10,000.
    pub amount: Pence,
    /// Its counted allocations, oldest first.
    pub breakdown: Vec<AllocationLine>,
}

/// Where a part of a ledger's money went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocationLine {
    /// The invoice; none for overpayments and refunds.
    pub invoice: Option<Arc<Invoice>>,
    /// Without its sign.
    pub amount: Pence,
    /// What the money did.
    pub status: AllocationStatus,
}

/// All events of one client, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Our id of the client.
    pub finance_client_id: i32,
    /// Newest first.
    pub events: Vec<Event>,
}

impl History {
    /// The history of a client of whom nothing is recorded.
    pub fn empty(finance_client_id: i32) -> Self {
        Self {
            finance_client_id,
            events: Vec::new(),
        }
    }
}

/// The second that an instant falls in: fractions are cut, not rounded.
pub(super) fn second_of(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp()
}
