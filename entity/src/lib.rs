//! The tables of schema `supervision_finance` as SeaORM entities, and the closed sets of words
//! that their columns hold.
//!
//! Entities name no schema: the connection's search path does (`docs/adr/0003`). Facts of tables
//! and words: `domain.md` sections 2 and 3.

pub mod account;
pub mod bank_details;
pub mod billing_period;
pub mod cost_centre;
pub mod counter;
pub mod fee_reduction;
pub mod finance_client;
pub mod idempotency_key;
pub mod invoice;
pub mod invoice_adjustment;
pub mod invoice_email_status;
pub mod invoice_fee_range;
pub mod ledger;
pub mod ledger_allocation;
pub mod outgoing_event;
pub mod payment_method;
pub mod pending_collection;
pub mod property;
pub mod rate;
pub mod refund;
pub mod stored;
pub mod transaction_type;
