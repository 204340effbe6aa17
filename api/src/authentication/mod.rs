//! Who a bearer token stands for: a user, by a signed token of another service (`domain.md` section
//! 9), or a service, by its key. Why a token is refused is told to the log alone.

mod keys;
mod service;
mod token;

use std::sync::Arc;

use metrics::describe_counter;

pub use keys::{KeyFault, KeySources, Sources};
pub use service::Service;
pub use token::Refusal;

use crate::clock::SharedClock;
use crate::metrics::ByOutcome;

const TOKENS: &str = "finance_bearer_tokens_total";
const MALFORMED: &str = "malformed";
const OUTCOMES: [&str; 8] = [
    "user", "service", "too_long", "closed", "unsigned", "odd", "untimely", MALFORMED,
];

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
    outcomes: Arc<ByOutcome>,
}

impl Authenticator {
    /// An authenticator with these keys. Services act as `system_user`; without one, theirs is no
    /// way in.
    pub fn new(keys: KeySources, system_user: Option<i32>, clock: SharedClock) -> Self {
        describe_counter!(
            TOKENS,
            "Authorization headers, by what they stood for or why not."
        );
        Self {
            keys: Arc::new(keys),
            system_user,
            clock,
            outcomes: Arc::new(ByOutcome::register(TOKENS, &OUTCOMES)),
        }
    }

    /// Whom the token stands for.
    ///
    /// # Errors
    /// [`Refusal`], for the log: a caller is never told which part was wrong.
    pub async fn principal(&self, token: &str) -> Result<Principal, Refusal> {
        let result = self.find(token).await;
        self.outcomes.count(match &result {
            Ok(Principal::User { .. }) => "user",
            Ok(Principal::Service { .. }) => "service",
            Err(refusal) => refusal.kind(),
        });
        result
    }

    /// Counts a header that holds no single bearer token.
    pub fn count_malformed(&self) {
        self.outcomes.count(MALFORMED);
    }

    async fn find(&self, token: &str) -> Result<Principal, Refusal> {
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
