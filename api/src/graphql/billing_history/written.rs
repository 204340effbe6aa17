//! Events that are written at once.

use async_graphql::parser::types::Field;
use async_graphql::{ContextSelectionSet, Positioned};

use super::event::{
    BillingEvent, DirectDebitCollectionScheduled, FeeReductionAwarded, FeeReductionCancelled,
    InvoiceAdjustmentEvent, InvoiceGenerated, PaymentMethodChanged, RefundEvent,
    TransactionAllocation, TransactionEvent,
};
use crate::graphql::direct::{Waits, Written, WrittenObject, written_objects};

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

/// The event of whichever type.
macro_rules! of_event {
    ($event:expr, $of:ident => $give:expr) => {
        match $event {
            BillingEvent::InvoiceGenerated($of) => $give,
            BillingEvent::FeeReductionAwarded($of) => $give,
            BillingEvent::FeeReductionCancelled($of) => $give,
            BillingEvent::InvoiceAdjustment($of) => $give,
            BillingEvent::Transaction($of) => $give,
            BillingEvent::Refund($of) => $give,
            BillingEvent::Collection($of) => $give,
            BillingEvent::PaymentMethod($of) => $give,
        }
    };
}

impl Written for BillingEvent {
    fn write(&self, ctx: &ContextSelectionSet<'_>, out: &mut Vec<u8>) -> Result<(), Waits> {
        of_event!(self, event => event.write(ctx, out))
    }
}

impl WrittenObject for BillingEvent {
    fn write_fields(
        &self,
        ctx: &ContextSelectionSet<'_>,
        fields: &[&Positioned<Field>],
        out: &mut Vec<u8>,
    ) -> Result<(), Waits> {
        of_event!(self, event => event.write_fields(ctx, fields, out))
    }
}
