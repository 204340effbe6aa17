//! What can be asked.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::client::FinanceClient;
use super::context::{Caller, data, query};
use super::error::{ApiError, or_null};
use super::guard::READ;
use super::int::WideInt;
use super::invoice::Invoice;
use super::node::{Node, NodeType};
use super::refund::Refund;
use super::viewer::Viewer;
use crate::finance::{account, invoice, refund};

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
            let row = query(ctx, |db| account::by_client_id(db, client_id)).await?;
            Ok(row.map(FinanceClient::new))
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

async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>, ApiError> {
    READ.check(ctx)?;
    let Some((kind, row)) = NodeType::read(id) else {
        return Ok(None);
    };
    Ok(match kind {
        NodeType::FinanceClient => query(ctx, |db| account::by_id(db, row))
            .await?
            .map(|row| Node::FinanceClient(FinanceClient::new(row))),
        NodeType::Invoice => query(ctx, |db| invoice::by_id(db, row))
            .await?
            .map(|row| Node::Invoice(Invoice(Arc::new(row)))),
        NodeType::Refund => query(ctx, |db| refund::by_id(db, row))
            .await?
            .map(|row| Node::Refund(Refund(Arc::new(row)))),
    })
}
