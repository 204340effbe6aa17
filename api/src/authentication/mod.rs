//! Who a bearer token stands for: a user, by a signed token of another service (`domain.md` section
//! 9), or a service, by its key. Why a token is refused is told to the log alone.

mod keys;
mod service;
mod token;

use std::sync::Arc;

pub use keys::{KeyFault, KeySources, Source, Sources};
pub use service::Service;
pub use token::Refusal;

use crate::clock::SharedClock;

/// The longest bearer token that is looked at.
const TOKEN_LIMIT: usize = 8 * 1024;

/// Whom a bearer token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A user of Sirius.
    User {
        /// Sirius's number.
        id: i32,
        /// All roles, those that mean nothing here included.
        roles: Vec<String>,
    },
    /// A service.
    Service {
        /// Which.
        service: Service,
        /// The user as whom it acts.
        user_id: i32,
    },
}

/// Tells whom bearer tokens stand for. Clones share their keys.
#[derive(Clone)]
pub struct Authenticator {
    keys: Arc<KeySources>,
    system_user: Option<i32>,
    clock: SharedClock,
}

impl Authenticator {
    /// An authenticator with these keys. Services act as `system_user`; without one, theirs is no
    /// way in.
    pub fn new(keys: KeySources, system_user: Option<i32>, clock: SharedClock) -> Self {
        Self {
            keys: Arc::new(keys),
            system_user,
            clock,
        }
    }

    /// Whom the token stands for.
    ///
    /// # Errors
    /// [`Refusal`], for the log: a caller is never told which part was wrong.
    pub async fn principal(&self, token: &str) -> Result<Principal, Refusal> {
        if token.len() > TOKEN_LIMIT {
            return Err(Refusal::TooLong);
        }
        let keys = self.keys.current(self.clock.monotonic()).await;
        if let Some(service) = keys.service(token) {
            let user_id = self.system_user.ok_or(Refusal::Closed)?;
            return Ok(Principal::Service { service, user_id });
        }
        let user = token::verify(token, keys.secrets(), self.clock.now())?;
        Ok(Principal::User {
            id: user.id,
            roles: user.roles,
        })
    }
}
