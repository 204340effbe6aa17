//! How a subscription is carried out: its resolver says what it watches, and each change executes the
//! operation anew, like a request of its own, with its own deadline, loaders and caller.

use std::sync::{Mutex, PoisonError};

use crate::finance::ClientWatch;

/// What an execution of a subscription is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It begins: it is checked, and what it watches is noted.
    Begins,
    /// What it watches has changed.
    Changed,
}

/// Goes with each execution of a subscription.
pub struct Interest {
    event: Event,
    watch: Mutex<Option<ClientWatch>>,
}

impl Interest {
    /// For an execution of that kind.
    pub fn new(event: Event) -> Self {
        Self {
            event,
            watch: Mutex::default(),
        }
    }

    /// What the execution is for.
    pub(super) fn event(&self) -> Event {
        self.event
    }

    /// Notes what is watched.
    pub(super) fn note(&self, watch: ClientWatch) {
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
    }

    /// What is watched, if the execution has noted it.
    pub fn take(&self) -> Option<ClientWatch> {
        self.watch
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}
