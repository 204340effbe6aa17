//! Connections: their arguments, and their types.

use async_graphql::Context;
use chrono::{DateTime, Datelike};

use super::error::ApiError;
use super::int::WideInt;
use super::node::{decode, encode};
use crate::finance::worklist::{Ask, Place};

/// Items on a page that names no size.
pub(super) const DEFAULT_SIZE: usize = 50;
/// Years that an instant of a cursor can be of.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;
/// The most items on a page.
pub(super) const MOST: usize = 1_000;

/// How many, and from which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    First(usize),
    Last(usize),
}

impl Size {
    /// The size that `first` and `last` ask for.
    pub(super) fn read(first: Option<WideInt>, last: Option<WideInt>) -> Result<Self, ApiError> {
        match (first, last) {
            (Some(_), Some(_)) => Err(ApiError::bad_input(
                "Give either `first` or `last`, not both.",
            )),
            (Some(first), None) => checked("first", first).map(Self::First),
            (None, Some(last)) => checked("last", last).map(Self::Last),
            (None, None) => Ok(Self::First(DEFAULT_SIZE)),
        }
    }
}

fn checked(name: &str, WideInt(count): WideInt) -> Result<usize, ApiError> {
    usize::try_from(count)
        .ok()
        .filter(|count| (1..=MOST).contains(count))
        .ok_or_else(|| {
            ApiError::bad_input(format!(
                "`{name}` is {count}; ask for 1 to {MOST} at a time."
            ))
        })
}

/// A list of one object's whose items are named by their ids.
pub(super) struct KeyedList {
    name: &'static str,
    of: i32,
}

/// The arguments of such a list.
pub(super) struct KeyedArguments {
    size: Size,
    after: Option<i32>,
    before: Option<i32>,
}

/// A part of a list.
pub(super) struct KeyedSlice<'a, T> {
    pub(super) rows: &'a [T],
    pub(super) has_previous: bool,
    pub(super) has_next: bool,
}

impl KeyedList {
    pub(super) fn of(name: &'static str, of: i32) -> Self {
        Self { name, of }
    }

    /// Where the item of that id stands.
    pub(super) fn cursor(&self, id: i32) -> String {
        encode(&format!("{}:{}:{id}", self.name, self.of))
    }

    fn read(&self, argument: &str, cursor: Option<String>) -> Result<Option<i32>, ApiError> {
        let Some(cursor) = cursor else {
            return Ok(None);
        };
        let text = decode(&cursor).unwrap_or_default();
        let id = text.rsplit(':').next().and_then(|id| id.parse().ok());
        let id = id.filter(|id| self.cursor(*id) == cursor);
        id.map(Some).ok_or_else(|| no_cursor(argument))
    }

    pub(super) fn arguments(
        &self,
        first: Option<WideInt>,
        after: Option<String>,
        last: Option<WideInt>,
        before: Option<String>,
    ) -> Result<KeyedArguments, ApiError> {
        Ok(KeyedArguments {
            size: Size::read(first, last)?,
            after: self.read("after", after)?,
            before: self.read("before", before)?,
        })
    }
}

impl KeyedArguments {
    /// The part of all items that is asked for. A cursor whose item is gone bounds nothing.
    pub(super) fn slice<'a, T>(&self, all: &'a [T], id: impl Fn(&T) -> i32) -> KeyedSlice<'a, T> {
        let place = |wanted: i32| all.iter().position(|item| id(item) == wanted);
        let start = self.after.and_then(place).map_or(0, |place| place + 1);
        let end = self.before.and_then(place).unwrap_or(all.len()).max(start);
        let (start, end) = match self.size {
            Size::First(count) => (start, end.min(start.saturating_add(count))),
            Size::Last(count) => (start.max(end.saturating_sub(count)), end),
        };
        KeyedSlice {
            rows: all.get(start..end).unwrap_or_default(),
            has_previous: start > 0,
            has_next: end < all.len(),
        }
    }
}

fn no_cursor(argument: &str) -> ApiError {
    ApiError::bad_input(format!(
        "`{argument}` is no cursor of this list; take one from its edges."
    ))
}

/// The arguments of a worklist over all clients.
pub(super) fn ask(
    ctx: &Context<'_>,
    list: &str,
    first: Option<WideInt>,
    after: Option<String>,
    last: Option<WideInt>,
    before: Option<String>,
) -> Result<Ask, ApiError> {
    let place = |argument: &str, cursor: Option<String>| match cursor {
        None => Ok(None),
        Some(cursor) => place(list, &cursor)
            .map(Some)
            .ok_or_else(|| no_cursor(argument)),
    };
    let (count, from_end) = match Size::read(first, last)? {
        Size::First(count) => (count, false),
        Size::Last(count) => (count, true),
    };
    Ok(Ask {
        after: place("after", after)?,
        before: place("before", before)?,
        count: u64::try_from(count).unwrap_or(u64::MAX),
        from_end,
        with_total: ctx.look_ahead().field("totalCount").exists(),
    })
}

/// The cursor of a row of a worklist.
pub(super) fn place_cursor(list: &str, (at, id): Place) -> String {
    encode(&format!("{list}:{}:{id}", at.and_utc().timestamp_micros()))
}

fn place(list: &str, cursor: &str) -> Option<Place> {
    let text = decode(cursor)?;
    let (at, id) = text
        .strip_prefix(list)?
        .strip_prefix(':')?
        .split_once(':')?;
    let at = DateTime::from_timestamp_micros(at.parse().ok()?)?.naive_utc();
    let place = (at, id.parse().ok()?);
    // Only what we have given: other instants are beyond what the database can compare.
    (place_cursor(list, place) == cursor && YEARS.contains(&at.year())).then_some(place)
}

/// Where a page stands in its list.
#[derive(async_graphql::SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether there are items before this page.
    pub(super) has_previous_page: bool,
    /// Whether there are items after this page.
    pub(super) has_next_page: bool,
    /// The cursor of the first item; null on an empty page. For `before`.
    pub(super) start_cursor: Option<String>,
    /// The cursor of the last item; null on an empty page. For `after`.
    pub(super) end_cursor: Option<String>,
}

/// A connection and its edge. The library's own have no descriptions of their own.
macro_rules! connection {
    ($(#[$doc:meta])* $connection:ident of $(#[$edge_doc:meta])* $edge:ident { $node:ty }) => {
        $crate::graphql::page::connection! {
            $(#[$doc])* $connection of $(#[$edge_doc])* $edge { $node, by String }
        }
    };
    (
        $(#[$doc:meta])* $connection:ident of
        $(#[$edge_doc:meta])* $edge:ident { $node:ty, by $cursor:ty }
    ) => {
        $(#[$edge_doc])*
        pub struct $edge {
            cursor: $cursor,
            node: $node,
        }

        $(#[$edge_doc])*
        #[async_graphql::Object]
        impl $edge {
            /// Where the item stands: for `after` and `before`.
            async fn cursor(&self) -> String {
                self.cursor.to_string()
            }

            /// The item.
            async fn node(&self) -> $crate::graphql::direct::Direct<&$node> {
                $crate::graphql::direct::Direct(&self.node)
            }
        }

        $crate::graphql::direct::written_objects!($edge);

        $(#[$doc])*
        pub struct $connection {
            edges: Vec<$edge>,
            has_previous: bool,
            has_next: bool,
            total: usize,
        }

        impl $edge {
            /// An item, and where it stands.
            pub(crate) fn new(cursor: $cursor, node: $node) -> Self {
                Self { cursor, node }
            }
        }

        impl $connection {
            /// A page of a list of so many.
            pub(crate) fn new(
                edges: Vec<$edge>,
                has_previous: bool,
                has_next: bool,
                total: usize,
            ) -> Self {
                Self {
                    edges,
                    has_previous,
                    has_next,
                    total,
                }
            }
        }

        $(#[$doc])*
        #[async_graphql::Object]
        impl $connection {
            /// The items of this page, each with its cursor.
            async fn edges(&self) -> $crate::graphql::direct::Direct<&[$edge]> {
                $crate::graphql::direct::Direct(&self.edges)
            }

            /// The items of this page, for those who need no cursors.
            async fn nodes(&self) -> $crate::graphql::direct::Direct<Vec<&$node>> {
                let nodes = self.edges.iter().map(|edge| &edge.node);
                $crate::graphql::direct::Direct(nodes.collect())
            }

            /// Where this page stands in the list.
            async fn page_info(&self) -> $crate::graphql::page::PageInfo {
                $crate::graphql::page::PageInfo {
                    has_previous_page: self.has_previous,
                    has_next_page: self.has_next,
                    start_cursor: self.edges.first().map(|edge| edge.cursor.to_string()),
                    end_cursor: self.edges.last().map(|edge| edge.cursor.to_string()),
                }
            }

            /// How many items there are on all pages together, as filtered.
            async fn total_count(&self) -> i32 {
                i32::try_from(self.total).unwrap_or(i32::MAX)
            }
        }
    };
}

pub(super) use connection;
