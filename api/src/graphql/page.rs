//! The arguments of a connection.

use super::error::ApiError;

/// Items on a page that names no size.
pub(super) const DEFAULT_SIZE: i32 = 50;
/// The most items on a page.
pub(super) const MOST: i32 = 1_000;

/// How many, and from which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    First(usize),
    Last(usize),
}

impl Size {
    /// The size that `first` and `last` ask for.
    pub(super) fn read(first: Option<i32>, last: Option<i32>) -> Result<Self, ApiError> {
        match (first, last) {
            (Some(_), Some(_)) => Err(ApiError::bad_input(
                "Give either `first` or `last`, not both.",
            )),
            (first, None) => checked("first", first.unwrap_or(DEFAULT_SIZE)).map(Self::First),
            (None, Some(last)) => checked("last", last).map(Self::Last),
        }
    }
}

fn checked(name: &str, count: i32) -> Result<usize, ApiError> {
    usize::try_from(count)
        .ok()
        .filter(|_| (1..=MOST).contains(&count))
        .ok_or_else(|| {
            ApiError::bad_input(format!(
                "`{name}` is {count}; ask for 1 to {MOST} at a time."
            ))
        })
}
