//! DataLoaders. Those that carry the caller's session are made for each request.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::OnceLock;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::runtime::{TokioSpawner, TokioTimer};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::sirius::{AtHand, Forwarded, Lookup, Sirius, SiriusError};

/// Time kept back from a request's deadline, in which the answer is written without the names.
const RESERVE: Duration = Duration::from_millis(250);

/// The users of one request.
pub struct Users {
    /// Looked for when the first user is asked for.
    at_hand: OnceLock<Option<AtHand>>,
    loader: DataLoader<UserLoader>,
}

/// Gathers the user ids of a request and asks the directory once.
struct UserLoader {
    sirius: Sirius,
    forwarded: Forwarded,
    deadline: Instant,
    /// The request's.
    span: Span,
}

impl Users {
    /// The users of a request that ends at that deadline.
    pub fn new(sirius: Sirius, forwarded: Forwarded, deadline: Instant) -> Self {
        let loader = UserLoader {
            sirius,
            forwarded,
            deadline,
            span: Span::current(),
        };
        Self {
            at_hand: OnceLock::new(),
            loader: DataLoader::new(loader, TokioSpawner::current(), TokioTimer::default()),
        }
    }

    /// What is known of an id. A name in the list is given at once; the loader's wait for more
    /// ids is for those that need more than a look.
    pub(super) async fn lookup(&self, id: i32) -> Lookup {
        let at_hand = self.at_hand.get_or_init(|| {
            let UserLoader {
                sirius, forwarded, ..
            } = self.loader.loader();
            sirius.users.at_hand(forwarded)
        });
        if let Some(name) = at_hand.as_ref().and_then(|list| list.name(id)) {
            return Lookup::Name(name);
        }
        match self.loader.load_one(id).await {
            Ok(lookup) => lookup.unwrap_or(Lookup::Unknown),
            Err(never) => match never {},
        }
    }
}

impl Loader<i32> for UserLoader {
    type Value = Lookup;
    /// What fails for an id is its [`Lookup::Failed`].
    type Error = Infallible;

    async fn load(&self, ids: &[i32]) -> Result<HashMap<i32, Lookup>, Infallible> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = left.saturating_sub(RESERVE);
        let users = &self.sirius.users;
        // The library loads in a task of its own.
        let found = users.lookup(ids, &self.forwarded, patience);
        let found = found.instrument(self.span.clone()).await;
        let is_ended = |lookup: &Lookup| match lookup {
            Lookup::Failed(error) => matches!(**error, SiriusError::SessionEnded),
            Lookup::Name(_) | Lookup::Unknown => false,
        };
        if let Some(session) = &self.forwarded.session
            && found.values().any(is_ended)
        {
            self.sirius.sessions.forget(session);
        }
        Ok(found)
    }
}
