//! Users of Sirius: who did what.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, SimpleObject};

use super::context::data;
use super::error::{ApiError, or_null};
use super::loaders::UserLoader;
use crate::sirius::Lookup;

/// A user of Sirius. Nothing but number and name of a user ever leaves this API.
#[derive(Clone, Debug, SimpleObject)]
pub struct User {
    /// Sirius's number of the user.
    id: ID,
    /// Name to show; `Unknown User` when Sirius does not know the number.
    pub(super) display_name: String,
}

/// The user of that number, for a nullable field.
pub(super) async fn user(ctx: &Context<'_>, id: Option<i32>) -> Option<User> {
    let id = id?;
    or_null(ctx, load(ctx, id).await)
}

async fn load(ctx: &Context<'_>, id: i32) -> Result<Option<User>, ApiError> {
    let loader = data::<DataLoader<UserLoader>>(ctx)?;
    let lookup = match loader.load_one(id).await {
        Ok(lookup) => lookup.unwrap_or(Lookup::Unknown),
        Err(never) => match never {},
    };
    let display_name = match lookup {
        Lookup::Name(name) => name.to_string(),
        Lookup::Unknown => "Unknown User".to_owned(),
        Lookup::Failed(error) => return Err(error.as_ref().into()),
    };
    Ok(Some(User {
        id: id.into(),
        display_name,
    }))
}
