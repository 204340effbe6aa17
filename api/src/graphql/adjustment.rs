//! Invoice adjustments, and the managers' worklist of them.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::client::{FinanceClient, client};
use super::direct::written_objects;
use super::enums::{AdjustmentStatus, AdjustmentType};
use super::invoice::{Invoice, invoice};
use super::node::NodeType;
use super::page::connection;
use super::scalars::{Date, DateTime, Pence};
use super::user::{User, user};
use crate::finance::adjustment;

/// A request to adjust what an invoice owes.
#[derive(Clone)]
pub struct InvoiceAdjustment(pub(super) Arc<adjustment::Adjustment>);

connection! {
    /// A page of invoice adjustments, oldest first.
    InvoiceAdjustmentConnection of
    /// An adjustment and where it stands.
    InvoiceAdjustmentEdge { InvoiceAdjustment }
}

/// A request to adjust what an invoice owes.
#[Object]
impl InvoiceAdjustment {
    /// Opaque id, for `node(id:)` and for caches.
    pub(super) async fn id(&self) -> ID {
        NodeType::InvoiceAdjustment.id(self.0.id)
    }

    /// What is asked for.
    #[graphql(name = "type")]
    async fn kind(&self) -> AdjustmentType {
        (&self.0.kind).into()
    }

    /// What is asked for, as it is stored; matters only where `type` is `UNKNOWN`.
    async fn type_raw(&self) -> &str {
        self.0.kind.raw()
    }

    /// Where the decision stands.
    async fn status(&self) -> AdjustmentStatus {
        (&self.0.status).into()
    }

    /// Where the decision stands, as it is stored; matters only where `status` is `UNKNOWN`.
    async fn status_raw(&self) -> &str {
        self.0.status.raw()
    }

    /// By how much: negative where it raises what is owed.
    async fn amount(&self) -> Pence {
        self.0.amount.into()
    }

    /// The day it was asked for.
    async fn raised_date(&self) -> Date {
        Date(self.0.raised_date)
    }

    /// Why.
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

    /// When it was decided.
    async fn decided_at(&self) -> Option<DateTime> {
        self.0.updated_at.map(Into::into)
    }

    /// Who decided it.
    async fn decided_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, self.0.updated_by).await
    }

    /// The invoice.
    async fn invoice(&self, ctx: &Context<'_>) -> Option<Invoice> {
        invoice(ctx, self.0.invoice_id).await
    }

    /// The client.
    async fn finance_client(&self, ctx: &Context<'_>) -> Option<FinanceClient> {
        client(ctx, Some(self.0.finance_client_id)).await
    }
}

written_objects!(InvoiceAdjustment);
