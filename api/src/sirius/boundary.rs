//! The boundary as a whole: what the rest of the service has of Sirius.

use std::time::Duration;

use url::Url;

use super::sessions::REMEMBERED;
use super::{
    Sessions, SharedTier, SharedTierUrl, SiriusClient, SiriusError, UserCacheSettings,
    UserDirectory,
};
use crate::clock::SharedClock;

/// Where Sirius is, and how long it is waited for and believed.
#[derive(Clone, Debug)]
pub struct SiriusSettings {
    /// Its origin.
    pub origin: Url,
    /// Of the user directory; `timeout` is that of each call.
    pub users: UserCacheSettings,
    /// How long the answer of a session check is remembered.
    pub session_remembered: Duration,
    /// Where instances share one list of users.
    pub shared: Option<SharedTierUrl>,
}

impl SiriusSettings {
    /// The defaults for a Sirius at that origin.
    pub fn at(origin: Url) -> Self {
        Self {
            origin,
            users: UserCacheSettings::default(),
            session_remembered: REMEMBERED,
            shared: None,
        }
    }
}

/// See the module. Clones share one memory.
#[derive(Clone)]
pub struct Sirius {
    /// Whose sessions are.
    pub sessions: Sessions,
    /// Who its users are.
    pub users: UserDirectory,
}

impl Sirius {
    /// The boundary to the Sirius that the settings describe. Nothing is called yet.
    ///
    /// # Errors
    /// When a client cannot be made.
    pub fn new(settings: SiriusSettings, clock: SharedClock) -> Result<Self, SiriusError> {
        let shared = settings.shared.as_ref().map(SharedTier::new);
        let client = SiriusClient::new(&settings.origin, settings.users.timeout)?;
        Ok(Self {
            sessions: Sessions::new(
                client.clone(),
                clock.clone(),
                settings.session_remembered,
                settings.users.timeout,
            ),
            users: UserDirectory::new(client, shared, clock, settings.users),
        })
    }
}
