//! A client's billing history: every event, newest first, each with the user who caused it and
//! the balances after it (`domain.md` section 5).
//!
//! One statement reads the rows ([`rows`]), a plain function makes events of them ([`assemble`]),
//! another takes a page ([`page`]).

mod assemble;
mod decode;
mod event;
mod page;
#[cfg(test)]
mod properties;
mod rows;

pub use assemble::assemble;
pub use event::{
    AdjustmentRaised, AllocationLine, Detail, Event, EventType, FeeReductionDetail, History,
    Position, Source, Transaction,
};
pub use page::{Filter, Page, Range, Slice};
pub use rows::{Rows, load};
