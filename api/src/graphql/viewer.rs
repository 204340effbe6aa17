//! Who is asking.

use async_graphql::{Context, ID, Object};

use super::context::{Caller, Role};
use super::user::user;

/// Who is asking.
pub struct Viewer<'a>(pub(super) &'a Caller);

/// Who is asking.
#[Object]
impl Viewer<'_> {
    /// Sirius's number of the user.
    async fn id(&self) -> ID {
        self.0.user_id.into()
    }

    /// The user's name; null when it is not known now.
    async fn display_name(&self, ctx: &Context<'_>) -> Option<String> {
        match &self.0.display_name {
            Some(name) => Some(name.clone()),
            None => user(ctx, Some(self.0.user_id))
                .await
                .map(|user| user.display_name),
        }
    }

    /// The roles that mean something here. None includes another.
    async fn roles(&self) -> &[Role] {
        &self.0.roles
    }
}
