//! The ledger engine: the only place that makes ledgers and allocations (`domain.md` section 4).
//!
//! [`Account`] is a client's position as data. Crediting and reapplying are plain functions on it that
//! note what is to be written; [`write`] writes it. Every change goes through both, under the lock of
//! the client's row (`finance::change`).

mod account;
mod entry;
#[cfg(test)]
mod properties;
mod read;
mod write;

pub use account::{Account, InvoiceAccount};
pub use entry::{Entry, Part};
pub(super) use read::read;
pub(super) use write::{ROWS, next_id, next_ids, write};
