//! Sirius's users: who did what. One list serves all callers (ADR 12, `docs/adr/0002`).

mod directory;
mod list;
mod settings;
mod shared;

pub use directory::{AtHand, Lookup, UserDirectory};
pub use settings::{Jitter, UserCacheSettings};
pub use shared::{NoRedisUrl, SharedTier, SharedTierUrl};
