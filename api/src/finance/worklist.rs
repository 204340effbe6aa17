//! Pages of lists over all clients, oldest first: read by key, so that a page costs the same however
//! far back it lies.

use chrono::NaiveDateTime;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::FinanceError;

/// Where a row stands: when it was made, and its id.
pub type Place = (NaiveDateTime, i32);

/// Which rows of the list.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Only rows later than this one.
    pub after: Option<Place>,
    /// Only rows earlier than this one.
    pub before: Option<Place>,
    /// How many at most.
    pub count: u64,
    /// Whether they are the last of these rather than the first.
    pub from_end: bool,
    /// Whether all are to be counted.
    pub with_total: bool,
}

/// A page, oldest first.
#[derive(Debug)]
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Whether there are earlier ones.
    pub has_previous: bool,
    /// Whether there are later ones.
    pub has_next: bool,
    /// How many there are in all; 0 if they were not to be counted.
    pub total: u64,
}

/// The page of `all` that is asked for, in the order of `made` and `id`.
///
/// # Errors
/// When the database fails.
pub(super) async fn page<E>(
    db: &impl ConnectionTrait,
    all: Select<E>,
    made: E::Column,
    id: E::Column,
    ask: Ask,
) -> Result<Page<E::Model>, FinanceError>
where
    E: EntityTrait,
    E::Model: Send + Sync,
{
    let total = match ask.with_total {
        true => all.clone().count(db).await?,
        false => 0,
    };
    let column = |column: E::Column| Expr::col(column.as_column_ref());
    let later = |(at, row): Place| {
        column(made)
            .gt(at)
            .or(column(made).eq(at).and(column(id).gt(row)))
    };
    let earlier = |(at, row): Place| {
        column(made)
            .lt(at)
            .or(column(made).eq(at).and(column(id).lt(row)))
    };
    let mut some = all;
    if let Some(after) = ask.after {
        some = some.filter(later(after));
    }
    if let Some(before) = ask.before {
        some = some.filter(earlier(before));
    }
    some = match ask.from_end {
        false => some.order_by_asc(made).order_by_asc(id),
        true => some.order_by_desc(made).order_by_desc(id),
    };
    // One more than asked for tells whether there are more.
    let most = usize::try_from(ask.count).unwrap_or(usize::MAX);
    let mut rows = some.limit(ask.count.saturating_add(1)).all(db).await?;
    let has_more = rows.len() > most;
    rows.truncate(most);
    if ask.from_end {
        rows.reverse();
    }
    let (has_previous, has_next) = match ask.from_end {
        false => (ask.after.is_some(), has_more),
        true => (has_more, ask.before.is_some()),
    };
    Ok(Page {
        rows,
        has_previous,
        has_next,
        total,
    })
}

impl<T> Page<T> {
    pub(super) fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page {
            rows: self.rows.into_iter().map(make).collect(),
            has_previous: self.has_previous,
            has_next: self.has_next,
            total: self.total,
        }
    }
}
