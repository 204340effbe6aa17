//! Fee reductions.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::client::{FinanceClient, client};
use super::context::today;
use super::enums::{FeeReductionStatus, FeeReductionType};
use super::error::ApiError;
use super::node::NodeType;
use super::scalars::{Date, DateTime};
use super::user::{User, user};
use crate::finance::fee_reduction;

/// An exemption, hardship or remission awarded to a client.
#[derive(Clone)]
pub struct FeeReduction(pub(super) Arc<fee_reduction::FeeReduction>);

/// An exemption, hardship or remission awarded to a client.
#[Object]
impl FeeReduction {
    /// Opaque id, for `node(id:)` and for caches.
    pub(super) async fn id(&self) -> ID {
        NodeType::FeeReduction.id(self.0.id)
    }

    /// Kind of reduction.
    #[graphql(name = "type")]
    async fn kind(&self) -> FeeReductionType {
        (&self.0.kind).into()
    }

    /// Kind of reduction, as it is stored; matters only where `type` is `UNKNOWN`.
    async fn type_raw(&self) -> &str {
        self.0.kind.raw()
    }

    /// Where it stands today, UTC.
    async fn status(&self, ctx: &Context<'_>) -> Result<FeeReductionStatus, ApiError> {
        Ok(self.0.status(today(ctx)?).into())
    }

    /// The first day that it covers.
    async fn start_date(&self) -> Date {
        Date(self.0.start_date)
    }

    /// The last day that it covers.
    async fn end_date(&self) -> Date {
        Date(self.0.end_date)
    }

    /// The day its application was received; null in some rows older than the service.
    async fn date_received(&self) -> Option<Date> {
        self.0.date_received.map(Date)
    }

    /// Why it was awarded.
    async fn notes(&self) -> &str {
        &self.0.notes
    }

    /// When it was awarded; null for rows older than the service.
    async fn created_at(&self) -> Option<DateTime> {
        self.0.created_at.map(Into::into)
    }

    /// Who awarded it; null if nobody was recorded.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, self.0.created_by).await
    }

    /// When it was cancelled.
    async fn cancelled_at(&self) -> Option<DateTime> {
        self.0.cancelled_at.map(Into::into)
    }

    /// Who cancelled it.
    async fn cancelled_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, self.0.cancelled_by).await
    }

    /// Why it was cancelled.
    async fn cancellation_reason(&self) -> Option<&str> {
        self.0.cancellation_reason.as_deref()
    }

    /// The client; null in a row that names none.
    async fn finance_client(&self, ctx: &Context<'_>) -> Option<FinanceClient> {
        client(ctx, self.0.finance_client_id).await
    }
}
