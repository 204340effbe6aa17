//! A page of a history: what is shown of it, and which part.

use std::collections::HashSet;

use chrono::NaiveDate;

use super::event::{Event, EventType, History, Position};

/// Which events are shown. Balances are still those of the whole history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these types; none of them shows nothing.
    pub types: Option<HashSet<EventType>>,
    /// From this day on, UTC.
    pub from: Option<NaiveDate>,
    /// Up to and including this day, UTC.
    pub to: Option<NaiveDate>,
}

impl Filter {
    fn shows(&self, event: &Event) -> bool {
        let position = &event.position;
        if self
            .types
            .as_ref()
            .is_some_and(|types| !types.contains(&position.kind()))
        {
            return false;
        }
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        position.day().is_some_and(|day| {
            self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
        })
    }
}

/// How many events, and from which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The newest so many.
    First(usize),
    /// The oldest so many.
    Last(usize),
}

/// Between which events, both excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Only older than this.
    pub after: Option<Position>,
    /// Only newer than this.
    pub before: Option<Position>,
}

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub struct Slice {
    /// Newest first.
    pub events: Vec<Event>,
    /// Whether the filter shows newer ones.
    pub has_previous: bool,
    /// Whether the filter shows older ones.
    pub has_next: bool,
    /// How many the filter shows in all.
    pub total: usize,
}

impl History {
    /// The page of what the filter shows.
    pub fn slice(&self, filter: &Filter, range: Range, page: Page) -> Slice {
        let shown = self.events.iter().filter(|event| filter.shows(event));
        let shown = shown.collect::<Vec<_>>();
        let total = shown.len();
        // Newest first, so positions fall.
        let start = range.after.map_or(0, |after| {
            shown.partition_point(|event| event.position >= after)
        });
        let end = range.before.map_or(total, |before| {
            shown.partition_point(|event| event.position > before)
        });
        let end = end.max(start);
        let (start, end) = match page {
            Page::First(count) => (start, end.min(start.saturating_add(count))),
            Page::Last(count) => (start.max(end.saturating_sub(count)), end),
        };
        let events = shown.get(start..end).unwrap_or_default();
        Slice {
            events: events.iter().map(|event| (*event).clone()).collect(),
            has_previous: start > 0,
            has_next: end < total,
            total,
        }
    }
}
