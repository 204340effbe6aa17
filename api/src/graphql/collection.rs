//! Pending collections.

use std::sync::Arc;

use async_graphql::{Context, Object};

use super::enums::PendingCollectionStatus;
use super::scalars::{Date, DateTime, Pence};
use super::user::{User, user};
use crate::finance::collection;

/// A direct debit that is scheduled, or was.
#[derive(Clone)]
pub struct PendingCollection(pub(super) Arc<collection::PendingCollection>);

/// A direct debit that is scheduled, or was.
#[Object]
impl PendingCollection {
    /// What is taken.
    async fn amount(&self) -> Pence {
        self.0.amount.into()
    }

    /// The day the money is taken.
    async fn collection_date(&self) -> Date {
        Date(self.0.collection_date)
    }

    /// Where it stands.
    async fn status(&self) -> PendingCollectionStatus {
        (&self.0.status).into()
    }

    /// Where it stands, as it is stored; matters only where `status` is `UNKNOWN`.
    async fn status_raw(&self) -> &str {
        self.0.status.raw()
    }

    /// When it was scheduled.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Who scheduled it.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, Some(self.0.created_by)).await
    }
}
