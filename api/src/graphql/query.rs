//! What can be asked.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::adjustment::{InvoiceAdjustment, InvoiceAdjustmentConnection, InvoiceAdjustmentEdge};
use super::client::FinanceClient;
use super::context::{Caller, data, query};
use super::enums::{AdjustmentStatus, RefundStatus};
use super::error::{ApiError, Code, or_null};
use super::fee_reduction::FeeReduction;
use super::guard::READ;
use super::int::WideInt;
use super::invoice::Invoice;
use super::node::{Node, NodeType};
use super::page::{ask, place_cursor};
use super::refund::{Refund, RefundConnection, RefundEdge};
use super::rows::{ClientKey, InvoiceKey, load};
use super::viewer::Viewer;
use crate::finance::{account, adjustment, billing_history, fee_reduction, invoice, refund};

/// What can be asked.
pub struct Query;

/// What can be asked.
#[Object]
impl Query {
    /// Who is asking.
    async fn viewer<'a>(&self, ctx: &Context<'a>) -> Result<Viewer<'a>, ApiError> {
        data::<Caller>(ctx).map(Viewer)
    }

    /// A client by Sirius's person id; null if there is none.
    async fn finance_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Sirius's person id.")] client_id: WideInt,
    ) -> Option<FinanceClient> {
        let find = async {
            READ.check(ctx)?;
            // No client has a number beyond the column's range.
            let Ok(client_id) = i32::try_from(client_id.0) else {
                return Ok(None);
            };
            if ctx.look_ahead().field("billingHistory").exists() {
                // Both in one statement. If it fails although the database is there, it may be the history alone.
                let found = query(ctx, |db| billing_history::of_person(db, client_id)).await;
                match found {
                    Err(error) if error.code() != Code::Unavailable => {}
                    found => {
                        let with = |(row, history)| FinanceClient::with_history(row, history);
                        return Ok(found?.map(with));
                    }
                }
            }
            let row = query(ctx, |db| account::by_client_id(db, client_id)).await?;
            Ok(row.map(FinanceClient::new))
        };
        or_null(ctx, find.await)
    }

    /// A client by court reference, such as payments give; null if there is none.
    async fn finance_client_by_court_reference(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The whole court reference.")] court_reference: String,
    ) -> Option<FinanceClient> {
        let find = async {
            READ.check(ctx)?;
            if court_reference.contains('\0') {
                return Ok(None);
            }
            let row = query(ctx, |db| {
                let reference = court_reference;
                async move { account::by_court_reference(db, &reference).await }
            });
            Ok(row.await?.map(FinanceClient::new))
        };
        or_null(ctx, find.await)
    }

    /// An invoice by its reference, such as `S2000123/24`; null if there is none.
    async fn invoice_by_reference(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The whole reference.")] reference: String,
    ) -> Option<Invoice> {
        let find = async {
            READ.check(ctx)?;
            // No reference has it, and PostgreSQL takes no text with it.
            if reference.contains('\0') {
                return Ok(None);
            }
            let row = query(ctx, |db| async move {
                invoice::by_reference(db, &reference).await
            });
            Ok(row.await?.map(|row| Invoice::new(Arc::new(row))))
        };
        or_null(ctx, find.await)
    }

    /// The adjustments of all clients, oldest first: what waits for a manager, with
    /// `status: PENDING`.
    ///
    /// Null, with the error `BAD_USER_INPUT`, when an argument is wrong.
    async fn invoice_adjustments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this status. `UNKNOWN` is not asked for.")] status: Option<
            AdjustmentStatus,
        >,
        #[graphql(
            desc = "The oldest so many: 1 to 1000, 50 if neither `first` nor `last` is given."
        )]
        first: Option<WideInt>,
        #[graphql(desc = "Only adjustments after the one of this cursor.")] after: Option<String>,
        #[graphql(desc = "The newest so many: 1 to 1000. Not together with `first`.")] last: Option<
            WideInt,
        >,
        #[graphql(desc = "Only adjustments before the one of this cursor.")] before: Option<String>,
    ) -> Option<InvoiceAdjustmentConnection> {
        let find = async {
            READ.check(ctx)?;
            let status = match status {
                None => None,
                Some(status) => Some(status.stored().ok_or_else(unknown_status)?),
            };
            const LIST: &str = "invoiceAdjustments";
            let ask = ask(ctx, LIST, first, after, last, before)?;
            let page = query(ctx, |db| adjustment::page(db, status, ask)).await?;
            let edges = page.rows.into_iter().map(|row| {
                InvoiceAdjustmentEdge::new(
                    place_cursor(LIST, (row.created_at, row.id)),
                    InvoiceAdjustment(Arc::new(row)),
                )
            });
            Ok(Some(InvoiceAdjustmentConnection::new(
                edges.collect(),
                page.has_previous,
                page.has_next,
                usize::try_from(page.total).unwrap_or(usize::MAX),
            )))
        };
        or_null(ctx, find.await)
    }

    /// The refunds of all clients, oldest first: what waits for a manager, with `status: PENDING`.
    ///
    /// Null, with the error `BAD_USER_INPUT`, when an argument is wrong.
    async fn refunds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this status. `UNKNOWN` is not asked for.")] status: Option<
            RefundStatus,
        >,
        #[graphql(
            desc = "The oldest so many: 1 to 1000, 50 if neither `first` nor `last` is given."
        )]
        first: Option<WideInt>,
        #[graphql(desc = "Only refunds after the one of this cursor.")] after: Option<String>,
        #[graphql(desc = "The newest so many: 1 to 1000. Not together with `first`.")] last: Option<
            WideInt,
        >,
        #[graphql(desc = "Only refunds before the one of this cursor.")] before: Option<String>,
    ) -> Option<RefundConnection> {
        let find = async {
            READ.check(ctx)?;
            let status = match status {
                None => None,
                Some(status) => Some(status.stored().ok_or_else(unknown_status)?),
            };
            const LIST: &str = "refunds";
            let ask = ask(ctx, LIST, first, after, last, before)?;
            let page = query(ctx, |db| refund::page(db, status, ask)).await?;
            let edges = page.rows.into_iter().map(|row| {
                RefundEdge::new(
                    place_cursor(LIST, (row.created_at, row.id)),
                    Refund(Arc::new(row)),
                )
            });
            Ok(Some(RefundConnection::new(
                edges.collect(),
                page.has_previous,
                page.has_next,
                usize::try_from(page.total).unwrap_or(usize::MAX),
            )))
        };
        or_null(ctx, find.await)
    }

    /// The object of an opaque id; null if there is none.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `id` of an object that this API gave.")] id: ID,
    ) -> Option<Node> {
        or_null(ctx, find(ctx, &id).await)
    }
}

fn unknown_status() -> ApiError {
    ApiError::bad_input("`status: UNKNOWN` cannot be asked for; leave `status` out for all.")
}

async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>, ApiError> {
    READ.check(ctx)?;
    let Some((kind, row)) = NodeType::read(id) else {
        return Ok(None);
    };
    Ok(match kind {
        NodeType::FinanceClient => load(ctx, ClientKey(row))
            .await?
            .map(|row| Node::FinanceClient(FinanceClient::of(row))),
        NodeType::Invoice => load(ctx, InvoiceKey(row))
            .await?
            .map(|row| Node::Invoice(Invoice::new(row))),
        NodeType::Refund => query(ctx, |db| refund::by_id(db, row))
            .await?
            .map(|row| Node::Refund(Refund(Arc::new(row)))),
        NodeType::FeeReduction => query(ctx, |db| fee_reduction::by_id(db, row))
            .await?
            .map(|row| Node::FeeReduction(FeeReduction(Arc::new(row)))),
        NodeType::InvoiceAdjustment => query(ctx, |db| adjustment::by_id(db, row))
            .await?
            .map(|row| Node::InvoiceAdjustment(InvoiceAdjustment(Arc::new(row)))),
    })
}
