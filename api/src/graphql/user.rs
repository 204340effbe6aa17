//! Users of Sirius: who did what.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::context::data;
use super::direct::written_objects;
use super::error::{ApiError, or_null};
use super::loaders::Users;
use crate::sirius::Lookup;

/// Shown for an id that Sirius does not know (`domain.md` section 8).
const UNKNOWN: &str = "Unknown User";

/// A user of Sirius.
#[derive(Clone, Debug)]
pub struct User {
    id: i32,
    name: Option<Arc<str>>,
}

/// A user of Sirius. Nothing but number and name of a user ever leaves this API.
#[Object]
impl User {
    /// Sirius's number of the user.
    async fn id(&self) -> ID {
        self.id.into()
    }

    /// Name to show; `Unknown User` when Sirius does not know the number.
    pub(super) async fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(UNKNOWN)
    }
}

written_objects!(User);

/// The user of that number, for a nullable field.
pub(super) async fn user(ctx: &Context<'_>, id: Option<i32>) -> Option<User> {
    let id = id?;
    or_null(ctx, load(ctx, id).await)
}

async fn load(ctx: &Context<'_>, id: i32) -> Result<Option<User>, ApiError> {
    let name = match data::<Users>(ctx)?.lookup(id).await {
        Lookup::Name(name) => Some(name),
        Lookup::Unknown => None,
        Lookup::Failed(error) => return Err(error.as_ref().into()),
    };
    Ok(Some(User { id, name }))
}

/// The name of that number's user, for a nullable field.
pub(super) async fn user_name(ctx: &Context<'_>, id: i32) -> Option<String> {
    let user = user(ctx, Some(id)).await?;
    Some(user.name.as_deref().unwrap_or(UNKNOWN).to_owned())
}
