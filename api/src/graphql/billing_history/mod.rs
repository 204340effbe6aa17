//! A client's billing history as a connection.

mod cursor;
mod event;

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::Context;

use self::cursor::Cursor;
pub use self::event::BillingEvent;
pub(super) use self::event::BillingEventType;
use super::error::ApiError;
use super::int::WideInt;
use super::page::{Size, connection};
use super::rows::{HistoryOf, load};
use super::scalars::Date;
use crate::finance::billing_history::{Filter, History, Page, Position, Range};

connection! {
    /// A page of a billing history, newest event first.
    BillingEventConnection of
    /// An event and where it stands.
    BillingEventEdge { BillingEvent, by Cursor }
}

/// The arguments of the field.
pub(super) struct Arguments {
    pub(super) first: Option<WideInt>,
    pub(super) after: Option<String>,
    pub(super) last: Option<WideInt>,
    pub(super) before: Option<String>,
    pub(super) types: Option<Vec<BillingEventType>>,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
}

impl Arguments {
    fn page(&self) -> Result<Page, ApiError> {
        Ok(match Size::read(self.first, self.last)? {
            Size::First(count) => Page::First(count),
            Size::Last(count) => Page::Last(count),
        })
    }

    fn range(&self, finance_client_id: i32) -> Result<Range, ApiError> {
        let position =
            |name: &str, cursor: &Option<String>| -> Result<Option<Position>, ApiError> {
                let Some(cursor) = cursor else {
                    return Ok(None);
                };
                Cursor::read(cursor, finance_client_id).map(Some).ok_or_else(|| {
                ApiError::bad_input(format!(
                    "`{name}` is no cursor of this client's history; take one from its edges."
                ))
            })
            };
        Ok(Range {
            after: position("after", &self.after)?,
            before: position("before", &self.before)?,
        })
    }

    fn filter(&self) -> Result<Filter, ApiError> {
        let (from, to) = (self.from.map(|it| it.0), self.to.map(|it| it.0));
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(ApiError::bad_input("`from` is later than `to`."));
        }
        let types = self.types.as_ref();
        let types = types.map(|types| types.iter().map(|&it| it.into()).collect::<HashSet<_>>());
        Ok(Filter { types, from, to })
    }
}

/// The page that the arguments ask for; of the history, if it is known already.
pub(super) async fn resolve(
    ctx: &Context<'_>,
    finance_client_id: i32,
    known: Option<Arc<History>>,
    arguments: Arguments,
) -> Result<BillingEventConnection, ApiError> {
    let page = arguments.page()?;
    let range = arguments.range(finance_client_id)?;
    let filter = arguments.filter()?;

    let history = match known {
        Some(history) => Some(history),
        None => load(ctx, HistoryOf(finance_client_id)).await?,
    };
    let history = history.unwrap_or_else(|| Arc::new(History::empty(finance_client_id)));
    Ok(connection(&history, &filter, range, page))
}

/// A page of a history.
pub fn connection(
    history: &History,
    filter: &Filter,
    range: Range,
    page: Page,
) -> BillingEventConnection {
    let finance_client_id = history.finance_client_id;
    let slice = history.slice(filter, range, page);
    let edges = slice.events.into_iter().map(|event| {
        let cursor = Cursor {
            finance_client_id,
            position: event.position,
        };
        BillingEventEdge::new(cursor, event.into())
    });
    BillingEventConnection::new(
        edges.collect(),
        slice.has_previous,
        slice.has_next,
        slice.total,
    )
}
