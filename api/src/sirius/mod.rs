//! The boundary to Sirius: its API, the caller's session, and the directory of its users
//! (ADR 12, `domain.md` section 8). Knows no tables.

mod client;
mod error;
mod session;
mod users;

pub use client::{CurrentUser, SiriusClient};
pub use error::SiriusError;
pub use session::Session;
pub use users::{Jitter, Lookup, UserCacheSettings, UserDirectory};
