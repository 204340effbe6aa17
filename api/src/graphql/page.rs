//! Connections: their arguments, and their types.

use super::error::ApiError;
use super::int::WideInt;

/// Items on a page that names no size.
const DEFAULT_SIZE: WideInt = WideInt(50);
/// The most items on a page.
const MOST: i64 = 1_000;

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
            (first, None) => checked("first", first.unwrap_or(DEFAULT_SIZE)).map(Self::First),
            (None, Some(last)) => checked("last", last).map(Self::Last),
        }
    }
}

fn checked(name: &str, WideInt(count): WideInt) -> Result<usize, ApiError> {
    usize::try_from(count)
        .ok()
        .filter(|_| (1..=MOST).contains(&count))
        .ok_or_else(|| {
            ApiError::bad_input(format!(
                "`{name}` is {count}; ask for 1 to {MOST} at a time."
            ))
        })
}

/// A connection and its edge. The library's own have no descriptions of their own.
macro_rules! connection {
    ($(#[$doc:meta])* $connection:ident of $(#[$edge_doc:meta])* $edge:ident { $node:ty }) => {
        $(#[$edge_doc])*
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $edge {
            /// Where the item stands: for `after` and `before`.
            cursor: String,
            /// The item.
            node: $node,
        }

        $(#[$doc])*
        pub(crate) struct $connection {
            edges: Vec<$edge>,
            has_previous: bool,
            has_next: bool,
            total: usize,
        }

        $(#[$doc])*
        #[async_graphql::Object]
        impl $connection {
            /// The items of this page, each with its cursor.
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// The items of this page, for those who need no cursors.
            async fn nodes(&self) -> Vec<&$node> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }

            /// Where this page stands in the list.
            async fn page_info(&self) -> async_graphql::connection::PageInfo {
                async_graphql::connection::PageInfo {
                    has_previous_page: self.has_previous,
                    has_next_page: self.has_next,
                    start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
                    end_cursor: self.edges.last().map(|edge| edge.cursor.clone()),
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
