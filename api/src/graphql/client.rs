//! A client and its account.

use async_graphql::{Context, ID, Object};
use tokio::sync::OnceCell;

use super::billing_history::{self, BillingEventConnection, BillingEventType};
use super::context::query;
use super::enums::PaymentMethod;
use super::error::{ApiError, or_null};
use super::int::WideInt;
use super::node::NodeType;
use super::scalars::{Date, Pence};
use crate::finance::account;

/// A client whose affairs a deputy manages, as the finance service knows it.
pub struct FinanceClient {
    row: account::FinanceClient,
    /// Both balances come of one statement, whichever is asked for first.
    balances: OnceCell<account::Balances>,
}

impl FinanceClient {
    pub(super) fn new(row: account::FinanceClient) -> Self {
        Self {
            row,
            balances: OnceCell::new(),
        }
    }

    async fn balances(&self, ctx: &Context<'_>) -> Result<&account::Balances, ApiError> {
        let load = || query(ctx, |db| account::balances(db, self.row.id));
        self.balances.get_or_try_init(load).await
    }
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
            billing_history::resolve(ctx, self.row.id, arguments)
                .await
                .map(Some),
        )
    }
}
