//! Refunds.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::client::{FinanceClient, client};
use super::direct::written_objects;
use super::enums::RefundStatus;
use super::error::or_null;
use super::guard::BANK_DETAILS;
use super::node::NodeType;
use super::page::connection;
use super::rows::{BankDetailsOf, load};
use super::scalars::{Date, DateTime, Pence};
use super::user::{User, user};
use crate::finance::refund;

/// A request to pay a client's credit back.
#[derive(Clone)]
pub struct Refund(pub(super) Arc<refund::Refund>);

connection! {
    /// A page of refunds, oldest first.
    RefundConnection of
    /// A refund and where it stands.
    RefundEdge { Refund }
}

/// Where a refund is to be paid.
pub struct BankDetails(Arc<refund::BankDetails>);

/// Where a refund is to be paid.
#[Object]
impl BankDetails {
    /// Account holder.
    async fn account_name(&self) -> &str {
        &self.0.name
    }

    /// Account number, 8 digits.
    async fn account_number(&self) -> &str {
        &self.0.account
    }

    /// Sort code, `NN-NN-NN`.
    async fn sort_code(&self) -> &str {
        &self.0.sort_code
    }
}

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

    /// Where it is to be paid, for a Finance User or Finance Manager; null once the refund is
    /// settled, when the details are deleted.
    async fn bank_details(&self, ctx: &Context<'_>) -> Option<BankDetails> {
        let details = async {
            BANK_DETAILS.check(ctx)?;
            let details = load(ctx, BankDetailsOf(self.0.id)).await?;
            Ok(details.map(BankDetails))
        };
        or_null(ctx, details.await)
    }

    /// The client.
    async fn finance_client(&self, ctx: &Context<'_>) -> Option<FinanceClient> {
        client(ctx, Some(self.0.finance_client_id)).await
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

written_objects!(Refund);
