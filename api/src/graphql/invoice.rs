//! Invoices.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::enums::FeeType;
use super::node::NodeType;
use super::scalars::{Date, DateTime, Pence};
use super::user::{User, user};
use crate::finance::invoice;

/// A fee charged to a client.
#[derive(Clone)]
pub struct Invoice(pub(super) Arc<invoice::Invoice>);

/// A fee charged to a client.
#[Object]
impl Invoice {
    /// Opaque id, for `node(id:)` and for caches.
    pub(super) async fn id(&self) -> ID {
        NodeType::Invoice.id(self.0.id)
    }

    /// The reference that people quote, such as `S2000123/24`.
    async fn reference(&self) -> &str {
        &self.0.reference
    }

    /// What the fee is for.
    async fn fee_type(&self) -> FeeType {
        (&self.0.fee_type).into()
    }

    /// What the fee is for, as it is stored: tells old types that `feeType` shows as `UNKNOWN`.
    async fn fee_type_raw(&self) -> &str {
        self.0.fee_type.raw()
    }

    /// What was charged.
    async fn amount(&self) -> Pence {
        self.0.amount.into()
    }

    /// The day it was raised; null in some rows older than the service.
    async fn raised_date(&self) -> Option<Date> {
        self.0.raised_date.map(Date)
    }

    /// The first day that the fee covers.
    async fn start_date(&self) -> Date {
        Date(self.0.start_date)
    }

    /// The last day that the fee covers.
    async fn end_date(&self) -> Date {
        Date(self.0.end_date)
    }

    /// When it was made; null for rows older than the service.
    async fn created_at(&self) -> Option<DateTime> {
        self.0.created_at.map(Into::into)
    }

    /// Who made it; null if nobody was recorded.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, self.0.created_by).await
    }
}
