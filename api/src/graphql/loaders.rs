//! DataLoaders. Those that carry the caller's session are made for each request.

use std::collections::HashMap;
use std::convert::Infallible;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::runtime::{TokioSpawner, TokioTimer};

use crate::sirius::{Lookup, Session, UserDirectory};

/// Gathers the user ids of a request and asks the directory once.
pub struct UserLoader {
    directory: UserDirectory,
    session: Option<Session>,
}

/// The loader of one request.
pub fn users(directory: UserDirectory, session: Option<Session>) -> DataLoader<UserLoader> {
    let loader = UserLoader { directory, session };
    DataLoader::new(loader, TokioSpawner::current(), TokioTimer::default())
}

impl Loader<i32> for UserLoader {
    type Value = Lookup;
    /// What fails for an id is its [`Lookup::Failed`].
    type Error = Infallible;

    async fn load(&self, ids: &[i32]) -> Result<HashMap<i32, Lookup>, Infallible> {
        Ok(self.directory.lookup(ids, self.session.as_ref()).await)
    }
}
