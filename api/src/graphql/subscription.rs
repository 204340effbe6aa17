//! What can be watched.

use std::sync::Arc;

use async_graphql::{Context, Subscription as SubscriptionObject};
use futures_util::Stream;
use futures_util::stream;

use super::client::FinanceClient;
use super::context::{data, query};
use super::error::{ApiError, Code};
use super::guard::READ;
use super::int::WideInt;
use super::live::{Event, Interest};
use crate::finance::{ChangedClients, account};

/// What can be watched.
pub struct Subscription;

/// What can be watched: over WebSocket (subprotocol `graphql-transport-ws`), or as server-sent events
/// (`Accept: text/event-stream`).
#[SubscriptionObject]
impl Subscription {
    /// The client, after each change of its account: whoever made it, and whichever instance. Changes
    /// in quick succession may come as one. Ends with the caller's session.
    ///
    /// Subscribe first and query then, and nothing is missed. `NOT_FOUND` if there is no such client.
    async fn billing_history_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Sirius's person id.")] client_id: WideInt,
    ) -> Result<impl Stream<Item = FinanceClient> + use<>, ApiError> {
        READ.check(ctx)?;
        let interest = data::<Arc<Interest>>(ctx)?;
        let none = || ApiError::new(Code::NotFound, "There is no such client.");
        let client_id = i32::try_from(client_id.0).map_err(|_| none())?;
        if interest.event() == Event::Begins {
            // First of all: no change after this is missed.
            interest.note(data::<ChangedClients>(ctx)?.watch(client_id));
        }
        let row = query(ctx, |db| account::by_client_id(db, client_id)).await?;
        let client = FinanceClient::new(row.ok_or_else(none)?);
        let shown = (interest.event() == Event::Changed).then_some(client);
        Ok(stream::iter(shown))
    }
}
