//! Refunds.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::enums::RefundStatus;
use super::node::NodeType;
use super::scalars::{Date, DateTime, Pence};
use super::user::{User, user};
use crate::finance::refund;

/// A request to pay a client's credit back.
#[derive(Clone)]
pub struct Refund(pub(super) Arc<refund::Refund>);

/// A request to pay a client's credit back.
#[Object]
impl Refund {
    /// Opaque id, for `node(id:)` and for caches.
    pub(super) async fn id(&self) -> ID {
        NodeType::Refund.id(self.0.id)
    }

    /// What is to be paid.
    async fn amount(&self) -> Pence {
        self.0.amount.into()
    }

    /// The day it was asked for.
    async fn raised_date(&self) -> Date {
        Date(self.0.raised_date)
    }

    /// Where it stands.
    async fn status(&self) -> RefundStatus {
        self.0.status().into()
    }

    /// The decision as it is stored; matters only where `status` is `UNKNOWN`.
    async fn decision_raw(&self) -> &str {
        self.0.decision.raw()
    }

    /// Why it was asked for.
    async fn notes(&self) -> &str {
        &self.0.notes
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Who asked for it.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, Some(self.0.created_by)).await
    }

    /// When it was approved or rejected.
    async fn decision_at(&self) -> Option<DateTime> {
        self.0.decision_at.map(Into::into)
    }

    /// Who approved or rejected it.
    async fn decision_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, self.0.decision_by).await
    }

    /// When it was sent to the bank.
    async fn processed_at(&self) -> Option<DateTime> {
        self.0.processed_at.map(Into::into)
    }

    /// When it was called off.
    async fn cancelled_at(&self) -> Option<DateTime> {
        self.0.cancelled_at.map(Into::into)
    }

    /// Who called it off.
    async fn cancelled_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, self.0.cancelled_by).await
    }

    /// When it was paid.
    async fn fulfilled_at(&self) -> Option<DateTime> {
        self.0.fulfilled_at.map(Into::into)
    }
}
