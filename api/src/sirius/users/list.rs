//! The list that is served, and how old it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::quality::RandomState;
use mini_moka::sync::Cache;

use super::directory::Lookup;
use super::settings::UserCacheSettings;
use crate::sirius::client::Names;

/// Far above any list, so that nothing is ever pushed out.
const MOST_USERS: u64 = 1_000_000;
const MOST_UNKNOWN: u64 = 100_000;

/// See the module.
pub(super) struct List {
    names: Cache<i32, Name, RandomState>,
    /// Ids that a list lacked, and when that list was asked for.
    unknown: Cache<i32, Duration, RandomState>,
    served: Mutex<Served>,
}

#[derive(Clone)]
struct Name {
    text: Arc<str>,
    list: u64,
}

/// What is served. All of it changes at once.
#[derive(Default)]
struct Served {
    /// Number of the list; 0 before the first.
    list: u64,
    ids: Vec<i32>,
    /// When it was taken over, and its age then.
    taken_at: Duration,
    age_then: Duration,
}

impl Served {
    fn age(&self, now: Duration) -> Option<Duration> {
        (self.list > 0).then(|| {
            now.saturating_sub(self.taken_at)
                .saturating_add(self.age_then)
        })
    }
}

/// How old the list is, by the settings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// There is none, or it is too old to be served.
    None,
    Fresh,
    Stale,
}

impl List {
    pub(super) fn new() -> Self {
        Self {
            names: Cache::builder()
                .max_capacity(MOST_USERS)
                .build_with_hasher(RandomState::default()),
            unknown: Cache::builder()
                .max_capacity(MOST_UNKNOWN)
                .build_with_hasher(RandomState::default()),
            served: Mutex::default(),
        }
    }

    fn served(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the list that is served, and how old it is.
    pub(super) fn current(&self, now: Duration, settings: &UserCacheSettings) -> (u64, Age) {
        let served = self.served();
        let age = match served.age(now) {
            Some(age) if age < settings.fresh => Age::Fresh,
            Some(age) if age < settings.stale => Age::Stale,
            _ => Age::None,
        };
        (served.list, age)
    }

    /// How old the list is, and how many users it has.
    pub(super) fn size_and_age(&self, now: Duration) -> Option<(usize, Duration)> {
        let served = self.served();
        Some((served.ids.len(), served.age(now)?))
    }

    /// The name of an id in the list of that number, or a newer one.
    pub(super) fn name(&self, id: i32, list: u64) -> Option<Arc<str>> {
        let name = self.names.get(&id)?;
        (name.list >= list).then_some(name.text)
    }

    /// Puts what is known into `found`, and gives the ids that the list lacks.
    pub(super) fn read(
        &self,
        ids: &[i32],
        now: Duration,
        unknown_for: Duration,
        found: &mut HashMap<i32, Lookup>,
    ) -> Vec<i32> {
        let list = self.served().list;
        let mut missing = Vec::new();
        for &id in ids {
            let is_unknown = || {
                self.unknown
                    .get(&id)
                    .is_some_and(|since| now.saturating_sub(since) < unknown_for)
            };
            if let Some(name) = self.name(id, list) {
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
    pub(super) fn serve(&self, names: &Names, now: Duration, age: Duration) {
        let list = self.served().list.saturating_add(1);
        let mut ids = names.keys().copied().collect::<Vec<_>>();
        ids.sort_unstable();
        for (id, text) in names {
            let text = Arc::clone(text);
            self.unknown.invalidate(id);
            self.names.insert(*id, Name { text, list });
        }
        let before = {
            let mut served = self.served();
            let before = std::mem::replace(&mut served.ids, ids);
            served.list = list;
            served.taken_at = now;
            served.age_then = age;
            before
        };
        // Names that the new list lacks are served no more; now they are let go of too.
        for id in before {
            if self.names.get(&id).is_some_and(|name| name.list < list) {
                self.names.invalidate(&id);
            }
        }
    }

    /// Remembers ids as unknown, if the list that lacks them was asked for after the question.
    pub(super) fn remember_unknown(&self, ids: &[i32], asked_at: Duration, now: Duration) {
        let since_question = now.saturating_sub(asked_at);
        let age = self.served().age(now);
        if let Some(age) = age.filter(|age| *age <= since_question) {
            let listed_at = now.saturating_sub(age);
            ids.iter()
                .for_each(|&id| self.unknown.insert(id, listed_at));
        }
    }
}
