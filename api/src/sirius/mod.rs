//! The boundary to Sirius: its API, callers' sessions, and the directory of its users
//! (ADR 12, `domain.md` section 8). Knows no tables.

mod boundary;
mod client;
mod error;
mod forwarded;
mod health;
mod listing;
mod metrics;
mod session;
mod sessions;
mod single_flight;
mod users;

pub use boundary::{Sirius, SiriusSettings};
pub use client::{CurrentUser, Names, SiriusClient};
pub use error::SiriusError;
pub use forwarded::{Forwarded, TraceContext};
pub use session::Session;
pub use sessions::Sessions;
pub use users::{
    AtHand, Jitter, Lookup, NoRedisUrl, SharedTier, SharedTierUrl, UserCacheSettings, UserDirectory,
};
