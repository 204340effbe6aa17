//! The rules: what a client owes, has paid, and who did what. Plain functions over data where
//! possible. Knows neither GraphQL nor HTTP nor Sirius.

#![warn(clippy::arithmetic_side_effects)]

pub mod account;
pub mod billing_history;
mod error;
pub mod invoice;
pub mod money;
pub mod refund;

pub use error::FinanceError;
