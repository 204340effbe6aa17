//! The boundary to Sirius: its API, callers' sessions, and the directory of its users
//! (ADR 12, `domain.md` section 8). Knows no tables.

mod client;
mod error;
mod session;
mod sessions;
mod single_flight;
mod users;

pub use client::{CurrentUser, SiriusClient};
pub use error::SiriusError;
pub use session::Session;
pub use sessions::Sessions;
pub use users::{Jitter, Lookup, UserCacheSettings, UserDirectory};
