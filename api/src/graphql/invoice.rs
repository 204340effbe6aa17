//! Invoices.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use tokio::sync::OnceCell;

use super::client::{FinanceClient, client};
use super::direct::written_objects;
use super::enums::{
    AdjustmentType, AllocationStatus, FeeType, InvoiceStatus, InvoiceStatusContext,
    SupervisionLevel, TransactionType,
};
use super::error::{ApiError, or_null};
use super::node::NodeType;
use super::page::connection;
use super::rows::{AllocationsOf, FeeRangesOf, InvoiceKey, WriteOffPending, load};
use super::scalars::{Date, DateTime, Pence};
use super::user::{User, user};
use crate::finance::FinanceError;
use crate::finance::allocation::Allocation;
use crate::finance::invoice::{self, FeeRange};
use crate::finance::standing::Standing;

/// A fee charged to a client.
#[derive(Clone)]
pub struct Invoice {
    row: Arc<invoice::Invoice>,
    /// Worked out once, whichever field is asked for first.
    standing: Arc<OnceCell<Standing>>,
}

connection! {
    /// A page of invoices, latest raised first.
    InvoiceConnection of
    /// An invoice and where it stands.
    InvoiceEdge { Invoice }
}

impl Invoice {
    pub(super) fn new(row: Arc<invoice::Invoice>) -> Self {
        Self {
            row,
            standing: Arc::default(),
        }
    }

    /// Our id of its client; old rows may have none.
    pub(super) fn finance_client_id(&self) -> Option<i32> {
        self.row.finance_client_id
    }

    async fn standing(&self, ctx: &Context<'_>) -> Result<&Standing, ApiError> {
        let work_out = async || {
            let allocations = load(ctx, AllocationsOf(self.row.id)).await?;
            let allocations = allocations.iter().map(Arc::as_ref);
            let standing = Standing::of(self.row.amount, &self.row.fee_type, allocations);
            Ok(standing.map_err(FinanceError::from)?)
        };
        self.standing.get_or_try_init(work_out).await
    }
}

/// The invoice of that id of ours, for a nullable field.
pub(super) async fn invoice(ctx: &Context<'_>, id: i32) -> Option<Invoice> {
    let row = load(ctx, InvoiceKey(id)).await;
    or_null(ctx, row.map(|row| row.map(Invoice::new)))
}

/// A part of an invoice, charged at one supervision level.
#[derive(Clone, Debug)]
pub struct InvoiceFeeRange(Arc<FeeRange>);

/// A part of an invoice, charged at one supervision level.
#[Object]
impl InvoiceFeeRange {
    /// The level.
    async fn supervision_level(&self) -> SupervisionLevel {
        (&self.0.level).into()
    }

    /// The level as it is stored; matters only where `supervisionLevel` is `UNKNOWN`.
    async fn supervision_level_raw(&self) -> &str {
        self.0.level.raw()
    }

    /// The first day at that level.
    async fn from_date(&self) -> Date {
        Date(self.0.from)
    }

    /// The last day at that level.
    async fn to_date(&self) -> Date {
        Date(self.0.to)
    }

    /// What is charged for these days.
    async fn amount(&self) -> Pence {
        self.0.amount.into()
    }
}

/// Money that a transaction put on an invoice, or took from it.
#[derive(Clone, Debug)]
pub struct LedgerAllocation(Arc<Allocation>);

/// Money that a transaction put on an invoice, or took from it.
#[Object]
impl LedgerAllocation {
    /// How much: negative where it left the invoice. The amounts of all add up to `received`.
    async fn amount(&self) -> Pence {
        self.0.pence().into()
    }

    /// What the money did.
    async fn status(&self) -> Result<AllocationStatus, ApiError> {
        // Only the words of the set are counted, and none else is loaded.
        let status = self.0.status.known().ok_or_else(ApiError::internal)?;
        Ok(status.into())
    }

    /// What kind of transaction it belongs to.
    async fn transaction_type(&self) -> TransactionType {
        (&self.0.kind).into()
    }

    /// The kind of transaction as it is stored: tells old types that `transactionType` shows as
    /// `UNKNOWN`.
    async fn transaction_type_raw(&self) -> &str {
        self.0.kind.raw()
    }

    /// When it happened; for payments the day they were received.
    async fn date(&self) -> DateTime {
        self.0.datetime.into()
    }

    /// Who caused it; null if nobody was recorded.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, self.0.created_by).await
    }
}

/// A fee charged to a client.
#[Object]
impl Invoice {
    /// Opaque id, for `node(id:)` and for caches.
    pub(super) async fn id(&self) -> ID {
        NodeType::Invoice.id(self.row.id)
    }

    /// The reference that people quote, such as `S2000123/24`.
    async fn reference(&self) -> &str {
        &self.row.reference
    }

    /// What the fee is for.
    async fn fee_type(&self) -> FeeType {
        (&self.row.fee_type).into()
    }

    /// What the fee is for, as it is stored: tells old types that `feeType` shows as `UNKNOWN`.
    async fn fee_type_raw(&self) -> &str {
        self.row.fee_type.raw()
    }

    /// What was charged.
    async fn amount(&self) -> Pence {
        self.row.amount.into()
    }

    /// The day it was raised; null in some rows older than the service.
    async fn raised_date(&self) -> Option<Date> {
        self.row.raised_date.map(Date)
    }

    /// The first day that the fee covers.
    async fn start_date(&self) -> Date {
        Date(self.row.start_date)
    }

    /// The last day that the fee covers.
    async fn end_date(&self) -> Date {
        Date(self.row.end_date)
    }

    /// What came in for it in whatever way: payments, credit, reductions, adjustments.
    async fn received(&self, ctx: &Context<'_>) -> Result<Pence, ApiError> {
        Ok(self.standing(ctx).await?.received.into())
    }

    /// What is still owed on it; negative when it is overpaid.
    async fn outstanding_balance(&self, ctx: &Context<'_>) -> Result<Pence, ApiError> {
        Ok(self.standing(ctx).await?.outstanding.into())
    }

    /// Whether it is settled.
    async fn status(&self, ctx: &Context<'_>) -> Result<InvoiceStatus, ApiError> {
        Ok(self.standing(ctx).await?.status().into())
    }

    /// What explains the status; null if nothing does.
    async fn status_context(&self, ctx: &Context<'_>) -> Option<InvoiceStatusContext> {
        let context = async {
            let standing = self.standing(ctx).await?;
            let is_pending = load(ctx, WriteOffPending(self.row.id)).await?;
            Ok(standing.context(is_pending).map(Into::into))
        };
        or_null(ctx, context.await)
    }

    /// Its parts by supervision level.
    async fn supervision_levels(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Vec<InvoiceFeeRange>, ApiError> {
        let ranges = load(ctx, FeeRangesOf(self.row.id)).await?;
        Ok(ranges.iter().cloned().map(InvoiceFeeRange).collect())
    }

    /// Where the money on it came from, oldest first.
    async fn ledger_allocations(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Vec<LedgerAllocation>, ApiError> {
        let allocations = load(ctx, AllocationsOf(self.row.id)).await?;
        Ok(allocations.iter().cloned().map(LedgerAllocation).collect())
    }

    /// The adjustments that can be raised against it.
    async fn permitted_adjustments(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Vec<AdjustmentType>, ApiError> {
        let permitted = self.standing(ctx).await?.permitted();
        Ok(permitted
            .into_iter()
            .map(|kind| Some(kind).into())
            .collect())
    }

    /// The client; null in a row that names none.
    async fn finance_client(&self, ctx: &Context<'_>) -> Option<FinanceClient> {
        client(ctx, self.row.finance_client_id).await
    }

    /// When it was made; null for rows older than the service.
    async fn created_at(&self) -> Option<DateTime> {
        self.row.created_at.map(Into::into)
    }

    /// Who made it; null if nobody was recorded.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<User> {
        user(ctx, self.row.created_by).await
    }
}

written_objects!(Invoice);
