//! A client and its account.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::adjustment::InvoiceAdjustment;
use super::billing_history::{self, BillingEventConnection, BillingEventType};
use super::collection::PendingCollection;
use super::enums::{AdjustmentStatus, PaymentMethod};
use super::error::{ApiError, or_null};
use super::fee_reduction::FeeReduction;
use super::int::WideInt;
use super::invoice::{Invoice, InvoiceConnection, InvoiceEdge};
use super::node::NodeType;
use super::page::KeyedList;
use super::refund::Refund;
use super::rows::{
    AdjustmentsOf, BalancesOf, ClientKey, CollectionsOf, FeeReductionsOf, InvoicesOf, RefundsOf,
    load,
};
use super::scalars::{Date, Pence};
use crate::finance::account::{self, Balances};
use crate::finance::billing_history::History;

/// A client whose affairs a deputy manages, as the finance service knows it.
#[derive(Clone)]
pub struct FinanceClient {
    pub(super) row: Arc<account::FinanceClient>,
    /// The history, where it was read along with the client.
    history: Option<Arc<History>>,
}

impl FinanceClient {
    pub(super) fn new(row: account::FinanceClient) -> Self {
        Self::of(Arc::new(row))
    }

    pub(super) fn of(row: Arc<account::FinanceClient>) -> Self {
        Self { row, history: None }
    }

    /// A client whose history is known, if it is.
    pub(super) fn with_history(row: account::FinanceClient, history: Option<History>) -> Self {
        Self {
            row: Arc::new(row),
            history: history.map(Arc::new),
        }
    }

    async fn balances(&self, ctx: &Context<'_>) -> Result<Balances, ApiError> {
        load(ctx, BalancesOf(self.row.id)).await
    }
}

/// The client of that id of ours, for a nullable field.
pub(super) async fn client(ctx: &Context<'_>, id: Option<i32>) -> Option<FinanceClient> {
    let row = load(ctx, ClientKey(id?)).await;
    or_null(ctx, row.map(|row| row.map(FinanceClient::of)))
}

/// A client whose affairs a deputy manages, as the finance service knows it.
#[Object]
impl FinanceClient {
    /// Opaque id, for `node(id:)` and for caches.
    pub(super) async fn id(&self) -> ID {
        NodeType::FinanceClient.id(self.row.id)
    }

    /// Sirius's person id, by which `financeClient(clientId:)` finds the client.
    async fn client_id(&self) -> i32 {
        self.row.client_id
    }

    /// The reference by which payments name the client.
    async fn court_reference(&self) -> Option<&str> {
        self.row.court_reference.as_deref()
    }

    /// Number of the account in the older finance system.
    async fn sop_number(&self) -> &str {
        &self.row.sop_number
    }

    /// How the client pays.
    async fn payment_method(&self) -> PaymentMethod {
        (&self.row.payment_method).into()
    }

    /// How the client pays, as it is stored; matters only where `paymentMethod` is `UNKNOWN`.
    async fn payment_method_raw(&self) -> &str {
        self.row.payment_method.raw()
    }

    /// What the client owes on all invoices together; negative when they are overpaid.
    async fn outstanding_balance(&self, ctx: &Context<'_>) -> Result<Pence, ApiError> {
        Ok(self.balances(ctx).await?.outstanding.into())
    }

    /// What is held for the client, to be used on invoices or refunded.
    async fn credit_balance(&self, ctx: &Context<'_>) -> Result<Pence, ApiError> {
        Ok(self.balances(ctx).await?.credit.into())
    }

    /// All that happened to the account, newest first, each event with the user who caused it and
    /// the balances after it. Filters choose what is shown and what `totalCount` counts; balances
    /// are still those of the whole history.
    ///
    /// Null, with the error `BAD_USER_INPUT`, when an argument is wrong; the rest of the client is
    /// served all the same.
    #[expect(
        clippy::too_many_arguments,
        reason = "the field's arguments by the contract"
    )]
    async fn billing_history(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The newest so many: 1 to 1000, 50 if neither `first` nor `last` is given."
        )]
        first: Option<WideInt>,
        #[graphql(desc = "Only events older than the one of this cursor.")] after: Option<String>,
        #[graphql(desc = "The oldest so many: 1 to 1000. Not together with `first`.")] last: Option<
            WideInt,
        >,
        #[graphql(desc = "Only events newer than the one of this cursor.")] before: Option<String>,
        #[graphql(desc = "Only events of these types. An empty list shows none.")] types: Option<
            Vec<BillingEventType>,
        >,
        #[graphql(desc = "Only events of this day, UTC, or later.")] from: Option<Date>,
        #[graphql(desc = "Only events of this day, UTC, or earlier.")] to: Option<Date>,
    ) -> Option<BillingEventConnection> {
        let arguments = billing_history::Arguments {
            first,
            after,
            last,
            before,
            types,
            from,
            to,
        };
        or_null(
            ctx,
            billing_history::resolve(ctx, self.row.id, self.history.clone(), arguments)
                .await
                .map(Some),
        )
    }

    /// The client's invoices, latest raised first.
    ///
    /// Null, with the error `BAD_USER_INPUT`, when an argument is wrong.
    async fn invoices(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The latest so many: 1 to 1000, 50 if neither `first` nor `last` is given."
        )]
        first: Option<WideInt>,
        #[graphql(desc = "Only invoices after the one of this cursor.")] after: Option<String>,
        #[graphql(desc = "The earliest so many: 1 to 1000. Not together with `first`.")]
        last: Option<WideInt>,
        #[graphql(desc = "Only invoices before the one of this cursor.")] before: Option<String>,
    ) -> Option<InvoiceConnection> {
        let page = async {
            let list = KeyedList::of("invoices", self.row.id);
            let arguments = list.arguments(first, after, last, before)?;
            let rows = load(ctx, InvoicesOf(self.row.id)).await?;
            let slice = arguments.slice(&rows, |row| row.id);
            let edges = slice
                .rows
                .iter()
                .map(|row| InvoiceEdge::new(list.cursor(row.id), Invoice::new(Arc::clone(row))));
            Ok(Some(InvoiceConnection::new(
                edges.collect(),
                slice.has_previous,
                slice.has_next,
                rows.len(),
            )))
        };
        or_null(ctx, page.await)
    }

    /// The fee reductions awarded to the client, latest start first.
    async fn fee_reductions(&self, ctx: &Context<'_>) -> Result<Vec<FeeReduction>, ApiError> {
        let rows = load(ctx, FeeReductionsOf(self.row.id)).await?;
        Ok(rows.iter().cloned().map(FeeReduction).collect())
    }

    /// What was asked for of the client's invoices, newest first.
    async fn invoice_adjustments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this status.")] status: Option<AdjustmentStatus>,
    ) -> Result<Vec<InvoiceAdjustment>, ApiError> {
        let rows = load(ctx, AdjustmentsOf(self.row.id)).await?;
        let all = rows.iter().cloned();
        let wanted = all.filter(|row| {
            status.is_none_or(|status| AdjustmentStatus::from(&row.status) == status)
        });
        Ok(wanted.map(InvoiceAdjustment).collect())
    }

    /// The client's refunds, newest first.
    async fn refunds(&self, ctx: &Context<'_>) -> Result<Vec<Refund>, ApiError> {
        let rows = load(ctx, RefundsOf(self.row.id)).await?;
        Ok(rows.iter().cloned().map(Refund).collect())
    }

    /// The direct debits that are or were scheduled, latest day first.
    async fn pending_collections(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Vec<PendingCollection>, ApiError> {
        let rows = load(ctx, CollectionsOf(self.row.id)).await?;
        Ok(rows.iter().cloned().map(PendingCollection).collect())
    }
}
