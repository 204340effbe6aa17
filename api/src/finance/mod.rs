//! The rules: what a client owes, has paid, and who did what. Plain functions over data where
//! possible. Knows neither GraphQL nor HTTP nor Sirius.

#![warn(clippy::arithmetic_side_effects)]

pub mod account;
pub mod adjustment;
pub mod allocation;
pub mod audit;
pub mod billing_history;
pub mod change;
pub mod changed_clients;
pub mod collection;
mod error;
pub mod fee_reduction;
pub mod invoice;
pub mod ledger;
pub mod money;
pub mod notifications;
pub mod outbox;
pub mod refund;
pub mod standing;
pub mod transaction_kind;
pub mod worklist;
mod writing;

pub use changed_clients::{ChangedClients, ClientWatch};
pub use error::FinanceError;
