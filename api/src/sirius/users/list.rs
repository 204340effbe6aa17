//! The list that is served, and how old it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mini_moka::sync::Cache;

use super::directory::Lookup;
use super::settings::UserCacheSettings;
use crate::sirius::client::Names;

/// The most ids that are remembered as unknown.
const MOST_UNKNOWN: u64 = 100_000;

/// See the module.
pub(super) struct List {
    /// One entry: a list is whole or not there, and one request sees one list. Its age is ours to
    /// tell, and nothing else is in the cache that could push it out.
    served: Cache<(), Arc<Listed>>,
    /// Ids that a list lacked, and when that list was asked for.
    unknown: Cache<i32, Duration>,
}

/// One list.
pub(super) struct Listed {
    names: Names,
    /// When it was taken over, and its age then.
    taken_at: Duration,
    age_then: Duration,
    origin: Origin,
}

/// Where a list came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This instance asked Sirius.
    Sirius,
    /// Another instance did, by its own clock.
    Shared,
}

impl Listed {
    /// The name of an id, if the list has it.
    pub(super) fn name(&self, id: i32) -> Option<Arc<str>> {
        self.names.get(&id).map(Arc::clone)
    }

    /// How many users it has.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// How long ago Sirius was asked for it.
    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.taken_at)
            .saturating_add(self.age_then)
    }
}

/// How old the list is, by the settings.
#[derive(Clone)]
pub(super) enum Age {
    /// There is none, or it is too old to be served.
    None,
    Fresh(Arc<Listed>),
    Stale(Arc<Listed>),
}

impl List {
    pub(super) fn new() -> Self {
        Self {
            served: Cache::new(1),
            unknown: Cache::new(MOST_UNKNOWN),
        }
    }

    /// The list, however old.
    pub(super) fn any(&self) -> Option<Arc<Listed>> {
        self.served.get(&())
    }

    /// The list, if it may be served.
    pub(super) fn current(&self, now: Duration, settings: &UserCacheSettings) -> Age {
        match self.any() {
            Some(list) if list.age(now) < settings.fresh => Age::Fresh(list),
            Some(list) if list.age(now) < settings.stale => Age::Stale(list),
            _ => Age::None,
        }
    }

    /// Puts what is known into `found`, and gives the ids that the list lacks.
    pub(super) fn read(
        &self,
        list: &Listed,
        ids: &[i32],
        now: Duration,
        unknown_for: Duration,
        found: &mut HashMap<i32, Lookup>,
    ) -> Vec<i32> {
        let mut missing = Vec::new();
        for &id in ids {
            let is_unknown = || {
                self.unknown
                    .get(&id)
                    .is_some_and(|since| now.saturating_sub(since) < unknown_for)
            };
            if let Some(name) = list.name(id) {
                found.insert(id, Lookup::Name(name));
            } else if is_unknown() {
                found.insert(id, Lookup::Unknown);
            } else {
                missing.push(id);
            }
        }
        missing
    }

    /// Serves these names from now on; Sirius was asked for them so long ago.
    pub(super) fn serve(&self, names: Names, now: Duration, age: Duration, origin: Origin) {
        self.served.insert(
            (),
            Arc::new(Listed {
                names,
                taken_at: now,
                age_then: age,
                origin,
            }),
        );
    }

    /// Remembers ids as unknown, if the list that lacks them was asked for after the question, by
    /// this instance: of another's, the clocks cannot tell.
    pub(super) fn remember_unknown(&self, ids: &[i32], asked_at: Duration, now: Duration) {
        let since_question = now.saturating_sub(asked_at);
        let ours = self.any().filter(|list| list.origin == Origin::Sirius);
        let age = ours.map(|list| list.age(now));
        if let Some(age) = age.filter(|age| *age <= since_question) {
            let listed_at = now.saturating_sub(age);
            ids.iter()
                .for_each(|&id| self.unknown.insert(id, listed_at));
        }
    }
}
