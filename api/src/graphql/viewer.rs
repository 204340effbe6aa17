//! Who is asking.

use async_graphql::{Context, Enum, ID, Object};

use super::context::{Caller, Role};
use super::user::user_name;
use crate::authentication::Service;

/// A service that calls by a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ServiceName {
    /// Sirius itself.
    Sirius,
    /// The bus that delivers events.
    Events,
}

impl From<Service> for ServiceName {
    fn from(service: Service) -> Self {
        match service {
            Service::Sirius => Self::Sirius,
            Service::Events => Self::Events,
        }
    }
}

/// Who is asking.
pub struct Viewer<'a>(pub(super) &'a Caller);

/// Who is asking.
#[Object]
impl Viewer<'_> {
    /// Sirius's number of the user; for a service, of the user as whom it acts.
    async fn id(&self) -> ID {
        self.0.user_id.into()
    }

    /// The user's name; null when it is not known now.
    async fn display_name(&self, ctx: &Context<'_>) -> Option<String> {
        match &self.0.display_name {
            Some(name) => Some(name.clone()),
            None => user_name(ctx, self.0.user_id).await,
        }
    }

    /// The service that asks by a key of its own; null for a person.
    async fn service(&self) -> Option<ServiceName> {
        self.0.service.map(Into::into)
    }

    /// The roles that mean something here. None includes another; a service has none.
    async fn roles(&self) -> &[Role] {
        &self.0.roles
    }
}
