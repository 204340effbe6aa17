//! Payloads of mutations: the changed object, its client, and what was wrong.

use std::sync::Arc;

use async_graphql::{Context, Enum, Object, SimpleObject};

use crate::finance::change::{Changed, Fault, FaultCode, Generated};
use crate::finance::{adjustment, fee_reduction, refund};
use crate::graphql::adjustment::InvoiceAdjustment;
use crate::graphql::client::{FinanceClient, client};
use crate::graphql::context::query;
use crate::graphql::error::or_null;
use crate::graphql::fee_reduction::FeeReduction;
use crate::graphql::invoice::{Invoice, invoice};
use crate::graphql::refund::Refund;

/// What became of a change.
pub(super) enum Outcome<T = Changed> {
    Changed(T),
    Faults(Vec<Fault>),
}

impl Outcome {
    fn changed(&self) -> Option<Changed> {
        match self {
            Self::Changed(changed) => Some(*changed),
            Self::Faults(_) => None,
        }
    }

    fn errors(&self) -> Vec<UserError> {
        match self {
            Self::Changed(_) => Vec::new(),
            Self::Faults(faults) => faults.iter().map(Into::into).collect(),
        }
    }
}

/// The kinds of faults of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "FaultCode")]
pub enum UserErrorCode {
    /// It is missing or empty.
    Required,
    /// It is longer than it may be.
    TooLong,
    /// It is not within its bounds.
    OutOfRange,
    /// It is not written as it must be, or does not go with the rest.
    Invalid,
    /// There is no such object, or it is another client's.
    NotFound,
    /// The state of the account does not allow it.
    NotPermitted,
    /// It was decided or cancelled already.
    AlreadyDecided,
    /// Who asked for it may not decide on it.
    FourEyes,
    /// The idempotency key was used for something else.
    KeyReused,
    /// Another has it already.
    Taken,
}

/// A fault of a change's input.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserError {
    /// The path of the field within `input`; null if the fault is about the whole.
    field: Option<Vec<String>>,
    /// The kind of fault, for programs.
    code: UserErrorCode,
    /// What is wrong and what to do, for people.
    message: String,
}

impl From<&Fault> for UserError {
    fn from(fault: &Fault) -> Self {
        Self {
            field: fault.path(),
            code: fault.code.into(),
            message: fault.message.clone(),
        }
    }
}

async fn find_invoice(ctx: &Context<'_>, changed: Changed) -> Option<Invoice> {
    invoice(ctx, changed.id).await
}

async fn find_fee_reduction(ctx: &Context<'_>, changed: Changed) -> Option<FeeReduction> {
    let row = query(ctx, |db| fee_reduction::by_id(db, changed.id)).await;
    or_null(
        ctx,
        row.map(|row| row.map(|row| FeeReduction(Arc::new(row)))),
    )
}

async fn find_adjustment(ctx: &Context<'_>, changed: Changed) -> Option<InvoiceAdjustment> {
    let row = query(ctx, |db| adjustment::by_id(db, changed.id)).await;
    or_null(
        ctx,
        row.map(|row| row.map(|row| InvoiceAdjustment(Arc::new(row)))),
    )
}

async fn find_refund(ctx: &Context<'_>, changed: Changed) -> Option<Refund> {
    let row = query(ctx, |db| refund::by_id(db, changed.id)).await;
    or_null(ctx, row.map(|row| row.map(|row| Refund(Arc::new(row)))))
}

/// A payload with the object that a change made or changed.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident, $field:ident: $object:ty, $find:path) => {
        $(#[$doc])*
        pub struct $name(pub(super) Outcome);

        $(#[$doc])*
        #[Object]
        impl $name {
            /// The object as it is after the change; null if nothing was changed.
            async fn $field(&self, ctx: &Context<'_>) -> Option<$object> {
                $find(ctx, self.0.changed()?).await
            }

            /// The client with the balances after the change; null if nothing was changed.
            async fn finance_client(&self, ctx: &Context<'_>) -> Option<FinanceClient> {
                client(ctx, Some(self.0.changed()?.finance_client_id)).await
            }

            /// What is wrong with the input, all of it; empty if the change was made.
            async fn user_errors(&self) -> Vec<UserError> {
                self.0.errors()
            }
        }
    };
}

payload! {
    /// A new invoice.
    AddManualInvoicePayload, invoice: Invoice, find_invoice
}
payload! {
    /// A new fee reduction.
    AddFeeReductionPayload, fee_reduction: FeeReduction, find_fee_reduction
}
payload! {
    /// A cancelled fee reduction.
    CancelFeeReductionPayload, fee_reduction: FeeReduction, find_fee_reduction
}
payload! {
    /// A new adjustment.
    RaiseInvoiceAdjustmentPayload, invoice_adjustment: InvoiceAdjustment, find_adjustment
}
payload! {
    /// A decided adjustment.
    DecideInvoiceAdjustmentPayload, invoice_adjustment: InvoiceAdjustment, find_adjustment
}
payload! {
    /// A new refund.
    RequestRefundPayload, refund: Refund, find_refund
}
payload! {
    /// A decided refund.
    DecideRefundPayload, refund: Refund, find_refund
}
payload! {
    /// A cancelled refund.
    CancelRefundPayload, refund: Refund, find_refund
}

/// A payload whose changed object is the client.
macro_rules! client_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(pub(super) Outcome);

        $(#[$doc])*
        #[Object]
        impl $name {
            /// The client as it is after the change; null if nothing was changed.
            async fn finance_client(&self, ctx: &Context<'_>) -> Option<FinanceClient> {
                client(ctx, Some(self.0.changed()?.finance_client_id)).await
            }

            /// What is wrong with the input, all of it; empty if the change was made.
            async fn user_errors(&self) -> Vec<UserError> {
                self.0.errors()
            }
        }
    };
}

client_payload! {
    /// A client who pays otherwise.
    ChangePaymentMethodPayload
}
client_payload! {
    /// A new client.
    CreateFinanceClientPayload
}
client_payload! {
    /// A client with another court reference.
    UpdateCourtReferencePayload
}

/// What became of a batch of invoices.
#[derive(SimpleObject)]
pub struct CreateGeneratedInvoicesPayload {
    /// What became of each invoice, in the order of the input; empty if the batch as a whole was
    /// refused.
    results: Vec<GeneratedInvoiceResult>,
    /// What is wrong with the batch as a whole, which then was not made.
    user_errors: Vec<UserError>,
}

impl CreateGeneratedInvoicesPayload {
    pub(super) fn of(outcome: Outcome<Vec<Generated>>) -> Self {
        match outcome {
            Outcome::Changed(results) => Self {
                results: results.into_iter().map(GeneratedInvoiceResult).collect(),
                user_errors: Vec::new(),
            },
            Outcome::Faults(faults) => Self {
                results: Vec::new(),
                user_errors: faults.iter().map(Into::into).collect(),
            },
        }
    }
}

/// What became of an invoice of a batch.
pub struct GeneratedInvoiceResult(Generated);

/// What became of an invoice of a batch.
#[Object]
impl GeneratedInvoiceResult {
    /// The invoice as it is now; null if it was refused.
    async fn invoice(&self, ctx: &Context<'_>) -> Option<Invoice> {
        match &self.0 {
            Generated::Invoice(id) => invoice(ctx, *id).await,
            Generated::Refused(_) => None,
        }
    }

    /// The client with the balances after the batch; null if the invoice was refused.
    async fn finance_client(&self, ctx: &Context<'_>) -> Option<FinanceClient> {
        let Generated::Invoice(id) = &self.0 else {
            return None;
        };
        client(ctx, invoice(ctx, *id).await?.finance_client_id()).await
    }

    /// What is wrong with the invoice, all of it; empty if it was made.
    async fn user_errors(&self) -> Vec<UserError> {
        match &self.0 {
            Generated::Invoice(_) => Vec::new(),
            Generated::Refused(faults) => faults.iter().map(Into::into).collect(),
        }
    }
}
