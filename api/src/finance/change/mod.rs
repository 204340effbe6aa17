//! Changes: what users do to a client's account (`domain.md` section 6).
//!
//! Each goes one way: begin, reserve the idempotency key, lock the client, check, write, reapply, record
//! events, commit. Nothing is written of a change that is refused.

mod adjustment;
mod events;
mod fault;
mod fee_reduction;
mod finance_client;
mod frame;
mod generated_invoices;
mod idempotency;
mod invoice;
mod issue;
mod payment_method;
mod refund;
mod single;

pub use adjustment::{AdjustmentDecision, AdjustmentRequest, decide_adjustment, raise_adjustment};
pub use fault::{Fault, FaultCode, Refusal};
pub use fee_reduction::{
    FeeReductionCancellation, FeeReductionRequest, add_fee_reduction, cancel_fee_reduction,
};
pub use finance_client::{
    CourtReferenceChange, NewFinanceClient, create_finance_client, update_court_reference,
};
pub use frame::Actor;
pub use generated_invoices::{
    Generated, GeneratedFeeRange, GeneratedInvoice, create_generated_invoices,
};
pub use idempotency::{RequestKey, forget_keys};
pub use invoice::{ManualInvoice, add_manual_invoice};
pub use payment_method::{PaymentMethodChange, change_payment_method};
pub use refund::{
    RefundCancellation, RefundDecisionInput, RefundRequest, cancel_refund, decide_refund,
    expire_refunds, request_refund,
};
pub use single::Changed;
