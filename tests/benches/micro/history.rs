//! A history of any number of events, for benchmarks, and a schema that answers with it.

use std::sync::Arc;

use api::finance::billing_history::{
    AllocationRow, Filter, History, LedgerRow, Page, Range, Rows, assemble,
};
use api::finance::invoice::Invoice;
use api::graphql::{BillingEventConnection, MayBeDirect, connection, json};
use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Response, Schema};
use chrono::{Days, NaiveDate, NaiveTime};
use entity::stored::{AllocationStatus, FeeType, LedgerType};

/// Rows of so many events: invoices, and a payment for each.
pub(crate) fn rows(events: i32) -> Rows {
    let first = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
    let mut rows = Rows::default();
    for id in 1..=events / 2 {
        let day = first + Days::new(u64::try_from(id).unwrap());
        let created_by = Some(id % 1_000 + 1);
        rows.invoices.push(Invoice {
            id,
            finance_client_id: Some(1),
            reference: format!("S2{id:06}/24"),
            fee_type: FeeType::S2.into(),
            amount: 32_000.into(),
            raised_date: Some(day),
            start_date: day,
            end_date: day,
            created_at: Some(day.and_time(NaiveTime::MIN)),
            created_by,
        });
        rows.ledgers.push(LedgerRow {
            id,
            fee_reduction_id: None,
            kind: LedgerType::OpgBacsPayment.into(),
            amount: 32_000,
            datetime: day.and_time(NaiveTime::MIN),
            created_at: Some(day.and_time(NaiveTime::MIN)),
            created_by,
        });
        rows.allocations.push(AllocationRow {
            id,
            ledger_id: id,
            invoice_id: Some(id),
            amount: 32_000,
            status: AllocationStatus::Allocated,
        });
    }
    rows
}

/// A query root that has a history and nothing else.
pub(crate) struct Query(Arc<History>);

#[Object]
impl Query {
    async fn billing_history(&self) -> BillingEventConnection {
        let (filter, range) = (Filter::default(), Range::default());
        connection(&self.0, &filter, range, Page::First(usize::MAX))
    }
}

/// What a page of the history shows, but for the names of users.
pub(crate) const DOCUMENT: &str = "{
  billingHistory {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id type date outstandingBalance creditBalance
      ... on InvoiceGenerated { amount invoice { id reference feeType } }
      ... on TransactionEvent {
        transactionType amount breakdown { amount status invoice { id reference } }
      }
    }
  }
}";

/// Values of each event in an answer to [`DOCUMENT`].
pub(crate) const FIELDS: usize = 12;

pub(crate) type Histories = Schema<Query, EmptyMutation, EmptySubscription>;

/// A schema over a history of so many events.
pub(crate) fn schema(events: i32) -> Histories {
    Schema::new(root(events), EmptyMutation, EmptySubscription)
}

/// The root of such a schema.
pub(crate) fn root(events: i32) -> Query {
    Query(Arc::new(assemble(1, rows(events)).unwrap()))
}

/// The request for it.
pub(crate) fn request(is_direct: bool) -> Request {
    Request::new(DOCUMENT).data(MayBeDirect(is_direct))
}

/// The answer as text.
pub(crate) fn text(response: &Response) -> Vec<u8> {
    assert!(response.is_ok(), "{:?}", response.errors);
    let mut text = Vec::new();
    json::write(&response.data, &mut text);
    text
}
