//! DataLoaders. Those that carry the caller's session are made for each request.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::runtime::{TokioSpawner, TokioTimer};
use tokio::time::Instant;

use crate::sirius::{Lookup, Session, UserDirectory};

/// Gathers the user ids of a request and asks the directory once.
pub struct UserLoader {
    directory: UserDirectory,
    session: Option<Session>,
    deadline: Instant,
}

/// Time kept back from a request's deadline, in which the answer is written without the names.
const RESERVE: Duration = Duration::from_millis(250);

/// The loader of one request, which ends at that deadline.
pub fn users(
    directory: UserDirectory,
    session: Option<Session>,
    deadline: Instant,
) -> DataLoader<UserLoader> {
    let loader = UserLoader {
        directory,
        session,
        deadline,
    };
    DataLoader::new(loader, TokioSpawner::current(), TokioTimer::default())
}

impl Loader<i32> for UserLoader {
    type Value = Lookup;
    /// What fails for an id is its [`Lookup::Failed`].
    type Error = Infallible;

    async fn load(&self, ids: &[i32]) -> Result<HashMap<i32, Lookup>, Infallible> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = left.saturating_sub(RESERVE);
        Ok(self
            .directory
            .lookup(ids, self.session.as_ref(), patience)
            .await)
    }
}
