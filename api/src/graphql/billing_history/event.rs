//! The events of a billing history.

use std::sync::Arc;

use async_graphql::{Context, ContextSelectionSet, Enum, ID, Interface, Object, SimpleObject};
use chrono::NaiveDate;

use crate::finance::account::Balances;
use crate::finance::billing_history::{
    AdjustmentRaised, AllocationLine, Detail, Event, EventType, FeeReductionDetail, Position,
    Transaction,
};
use crate::finance::money;
use crate::finance::{invoice, refund};
use crate::graphql::direct::{Direct, Waits, Written, written_objects};
use crate::graphql::enums::{
    AdjustmentType, AllocationStatus, FeeReductionType, PaymentMethod, TransactionType,
};
use crate::graphql::invoice::Invoice;
use crate::graphql::node::encode;
use crate::graphql::refund::Refund;
use crate::graphql::scalars::{Date, DateTime, Pence};
use crate::graphql::user::{User, user};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "EventType")]
pub enum BillingEventType {
    /// An invoice was made (`InvoiceGenerated`). Raises what is owed.
    InvoiceGenerated,
    /// A fee reduction was awarded (`FeeReductionAwarded`).
    FeeReductionAwarded,
    /// A fee reduction was cancelled (`FeeReductionCancelled`). What was credited stays.
    FeeReductionCancelled,
    /// An adjustment was raised and waits for a manager (`InvoiceAdjustmentEvent`).
    InvoiceAdjustmentPending,
    /// An adjustment was rejected (`InvoiceAdjustmentEvent`).
    InvoiceAdjustmentRejected,
    /// A fee reduction was applied to an invoice (`TransactionEvent`).
    FeeReductionApplied,
    /// An adjustment was approved and applied to its invoice (`TransactionEvent`).
    InvoiceAdjustmentApplied,
    /// Credit was used on an invoice (`TransactionEvent`).
    ReappliedCredit,
    /// A payment came in, or one was reversed (`TransactionEvent`).
    PaymentProcessed,
    /// A refund was paid out (`TransactionEvent`).
    RefundProcessed,
    /// A transaction of an old type that is not known here (`TransactionEvent`).
    Unknown,
    /// A refund was asked for (`RefundEvent`).
    RefundCreated,
    /// A refund was approved (`RefundEvent`).
    RefundApproved,
    /// A refund was rejected (`RefundEvent`).
    RefundRejected,
    /// A refund was sent to the bank (`RefundEvent`).
    RefundProcessing,
    /// A refund was called off (`RefundEvent`).
    RefundCancelled,
    /// A direct debit mandate was made (`PaymentMethodChanged`).
    DirectDebitCreated,
    /// A direct debit mandate was ended (`PaymentMethodChanged`).
    DirectDebitCancelled,
    /// A collection was scheduled (`DirectDebitCollectionScheduled`).
    DirectDebitCollectionScheduled,
}

/// One event of a client's billing history.
#[derive(Interface)]
#[allow(
    clippy::duplicated_attributes,
    reason = "fields of one type repeat its name"
)]
#[graphql(
    field(
        name = "id",
        ty = "ID",
        desc = "Stays the same between calls; for caches."
    ),
    field(
        name = "type",
        method = "kind",
        ty = "BillingEventType",
        desc = "What happened."
    ),
    field(
        name = "date",
        ty = "DateTime",
        desc = "When it happened, to the second."
    ),
    field(
        name = "created_by",
        ty = "Option<Direct<User>>",
        desc = "Who caused it; null if nobody was recorded. Null with the error \
                `SIRIUS_UNAVAILABLE` when the name cannot be found out now."
    ),
    field(
        name = "outstanding_balance",
        ty = "Pence",
        desc = "What the client owed after this event."
    ),
    field(
        name = "credit_balance",
        ty = "Pence",
        desc = "What was held for the client after this event."
    )
)]
pub enum BillingEvent {
    /// An invoice was made.
    InvoiceGenerated(InvoiceGenerated),
    /// A fee reduction was awarded.
    FeeReductionAwarded(FeeReductionAwarded),
    /// A fee reduction was cancelled.
    FeeReductionCancelled(FeeReductionCancelled),
    /// An adjustment was raised or rejected.
    InvoiceAdjustment(InvoiceAdjustmentEvent),
    /// Money moved.
    Transaction(TransactionEvent),
    /// A refund took a step.
    Refund(RefundEvent),
    /// A direct debit collection was scheduled.
    Collection(DirectDebitCollectionScheduled),
    /// A direct debit mandate was made or ended.
    PaymentMethod(PaymentMethodChanged),
}

/// What all events have.
struct Base {
    position: Position,
    created_by: Option<i32>,
    balances: Balances,
}

impl Base {
    fn id(&self) -> ID {
        let kind: &str = self.position.kind().into();
        encode(&format!("BillingEvent:{kind}:{}", self.position.id())).into()
    }

    fn date(&self) -> DateTime {
        let second = self.position.second();
        DateTime(chrono::DateTime::from_timestamp(second, 0).unwrap_or_default())
    }
}

/// An event's own type: the fields of the interface, then its own.
macro_rules! event_object {
    ($(#[$doc:meta])* $name:ident($detail:ty) { $($fields:tt)* }) => {
        $(#[$doc])*
        pub struct $name {
            base: Base,
            detail: $detail,
        }

        $(#[$doc])*
        #[Object]
        impl $name {
            /// Stays the same between calls; for caches.
            pub(super) async fn id(&self) -> ID {
                self.base.id()
            }

            /// What happened.
            #[graphql(name = "type")]
            pub(super) async fn kind(&self) -> BillingEventType {
                self.base.position.kind().into()
            }

            /// When it happened, to the second.
            pub(super) async fn date(&self) -> DateTime {
                self.base.date()
            }

            /// Who caused it; null if nobody was recorded. Null with the error
            /// `SIRIUS_UNAVAILABLE` when the name cannot be found out now.
            pub(super) async fn created_by(&self, ctx: &Context<'_>) -> Option<Direct<User>> {
                user(ctx, self.base.created_by).await.map(Direct)
            }

            /// What the client owed after this event.
            pub(super) async fn outstanding_balance(&self) -> Pence {
                self.base.balances.outstanding.into()
            }

            /// What was held for the client after this event.
            pub(super) async fn credit_balance(&self) -> Pence {
                self.base.balances.credit.into()
            }

            $($fields)*
        }
    };
}

event_object! {
    /// An invoice was made.
    InvoiceGenerated(Arc<invoice::Invoice>) {
        /// The invoice.
        async fn invoice(&self) -> Direct<Invoice> {
            Direct(Invoice::new(Arc::clone(&self.detail)))
        }

        /// What was charged.
        async fn amount(&self) -> Pence {
            self.detail.amount.into()
        }
    }
}

event_object! {
    /// A fee reduction was awarded.
    FeeReductionAwarded(Arc<FeeReductionDetail>) {
        /// Kind of reduction.
        async fn fee_reduction_type(&self) -> FeeReductionType {
            (&self.detail.kind).into()
        }

        /// Kind of reduction, as it is stored.
        async fn fee_reduction_type_raw(&self) -> &str {
            self.detail.kind.raw()
        }

        /// The first day it covers.
        async fn start_date(&self) -> Date {
            Date(self.detail.start_date)
        }

        /// The last day it covers.
        async fn end_date(&self) -> Date {
            Date(self.detail.end_date)
        }

        /// The day the application was received; null in some rows older than the service.
        async fn date_received(&self) -> Option<Date> {
            self.detail.date_received.map(Date)
        }

        /// Why it was awarded.
        async fn notes(&self) -> &str {
            &self.detail.notes
        }
    }
}

event_object! {
    /// A fee reduction was cancelled. What it had credited stays.
    FeeReductionCancelled(Arc<FeeReductionDetail>) {
        /// Kind of reduction.
        async fn fee_reduction_type(&self) -> FeeReductionType {
            (&self.detail.kind).into()
        }

        /// Kind of reduction, as it is stored.
        async fn fee_reduction_type_raw(&self) -> &str {
            self.detail.kind.raw()
        }

        /// Why it was cancelled; null if no reason was recorded.
        async fn cancellation_reason(&self) -> Option<&str> {
            self.detail.cancellation_reason.as_deref()
        }
    }
}

event_object! {
    /// An adjustment to an invoice was raised and waits for a manager, or was rejected. Once
    /// applied it shows as a `TransactionEvent`.
    InvoiceAdjustmentEvent(Arc<AdjustmentRaised>) {
        /// What was asked for.
        async fn adjustment_type(&self) -> AdjustmentType {
            (&self.detail.kind).into()
        }

        /// What was asked for, as it is stored.
        async fn adjustment_type_raw(&self) -> &str {
            self.detail.kind.raw()
        }

        /// Why.
        async fn notes(&self) -> &str {
            &self.detail.notes
        }

        /// By how much; negative where it raises what is owed.
        async fn amount(&self) -> Pence {
            self.detail.amount.into()
        }

        /// The invoice to be adjusted; null only where an old row names an invoice of another
        /// client.
        async fn invoice(&self) -> Option<Direct<Invoice>> {
            self.detail.invoice.clone().map(Invoice::new).map(Direct)
        }
    }
}

event_object! {
    /// Money moved: a reduction or adjustment was applied, credit was used, a payment came in, a
    /// refund was paid.
    TransactionEvent(Arc<Transaction>) {
        /// What kind of transaction.
        async fn transaction_type(&self) -> TransactionType {
            (&self.detail.kind).into()
        }

        /// What kind of transaction, as it is stored.
        async fn transaction_type_raw(&self) -> &str {
            self.detail.kind.raw()
        }

        /// What triggered it: an exemption of 10,000 on an invoice that owed 2,000 reads 10,000.
        /// Negative for reversals and refunds.
        async fn amount(&self) -> Pence {
            self.detail.amount.into()
        }

        /// Where the money went, oldest allocation first.
        async fn breakdown(&self) -> Direct<Vec<TransactionAllocation>> {
            Direct(self.detail.breakdown.iter().map(Into::into).collect())
        }
    }
}

event_object! {
    /// A refund took a step: asked for, approved, rejected, sent to the bank, called off. When it
    /// is paid, that shows as a `TransactionEvent`.
    RefundEvent(Arc<refund::Refund>) {
        /// The refund as it stands now.
        async fn refund(&self) -> Direct<Refund> {
            Direct(Refund(Arc::clone(&self.detail)))
        }

        /// What is to be paid.
        async fn amount(&self) -> Pence {
            self.detail.amount.into()
        }

        /// Why it was asked for.
        async fn notes(&self) -> &str {
            &self.detail.notes
        }
    }
}

event_object! {
    /// A direct debit collection was scheduled and not called off since.
    DirectDebitCollectionScheduled(Collection) {
        /// What is to be collected.
        async fn amount(&self) -> Pence {
            self.detail.amount.into()
        }

        /// The day it is taken.
        async fn collection_date(&self) -> Date {
            Date(self.detail.date)
        }
    }
}

event_object! {
    /// A direct debit mandate was made or ended.
    PaymentMethodChanged(PaymentMethod) {
        /// How the client pays from then on.
        async fn payment_method(&self) -> PaymentMethod {
            self.detail
        }
    }
}

written_objects! {
    InvoiceGenerated,
    FeeReductionAwarded,
    FeeReductionCancelled,
    InvoiceAdjustmentEvent,
    TransactionEvent,
    RefundEvent,
    DirectDebitCollectionScheduled,
    PaymentMethodChanged,
    TransactionAllocation,
}

impl Written for BillingEvent {
    fn write(&self, ctx: &ContextSelectionSet<'_>, out: &mut Vec<u8>) -> Result<(), Waits> {
        match self {
            Self::InvoiceGenerated(event) => event.write(ctx, out),
            Self::FeeReductionAwarded(event) => event.write(ctx, out),
            Self::FeeReductionCancelled(event) => event.write(ctx, out),
            Self::InvoiceAdjustment(event) => event.write(ctx, out),
            Self::Transaction(event) => event.write(ctx, out),
            Self::Refund(event) => event.write(ctx, out),
            Self::Collection(event) => event.write(ctx, out),
            Self::PaymentMethod(event) => event.write(ctx, out),
        }
    }
}

struct Collection {
    amount: money::Pence,
    date: NaiveDate,
}

/// Where a part of a transaction's money went.
#[derive(SimpleObject)]
pub struct TransactionAllocation {
    /// The invoice; null for overpayments and refunds.
    invoice: Option<Direct<Invoice>>,
    /// How much, without a sign.
    amount: Pence,
    /// What the money did.
    status: AllocationStatus,
}

impl From<&AllocationLine> for TransactionAllocation {
    fn from(line: &AllocationLine) -> Self {
        Self {
            invoice: line.invoice.clone().map(Invoice::new).map(Direct),
            amount: line.amount.into(),
            status: line.status.into(),
        }
    }
}

impl From<Event> for BillingEvent {
    fn from(event: Event) -> Self {
        let Event {
            position,
            created_by,
            balances,
            detail,
        } = event;
        let base = Base {
            position,
            created_by,
            balances,
        };
        match detail {
            Detail::Invoice(detail) => Self::InvoiceGenerated(InvoiceGenerated { base, detail }),
            Detail::FeeReductionAwarded(detail) => {
                Self::FeeReductionAwarded(FeeReductionAwarded { base, detail })
            }
            Detail::FeeReductionCancelled(detail) => {
                Self::FeeReductionCancelled(FeeReductionCancelled { base, detail })
            }
            Detail::Adjustment(detail) => {
                Self::InvoiceAdjustment(InvoiceAdjustmentEvent { base, detail })
            }
            Detail::Transaction(detail) => Self::Transaction(TransactionEvent { base, detail }),
            Detail::Refund(detail) => Self::Refund(RefundEvent { base, detail }),
            Detail::Collection { amount, date } => {
                let detail = Collection { amount, date };
                Self::Collection(DirectDebitCollectionScheduled { base, detail })
            }
            Detail::PaymentMethod(method) => {
                let detail = Some(method).into();
                Self::PaymentMethod(PaymentMethodChanged { base, detail })
            }
        }
    }
}
