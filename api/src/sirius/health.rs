//! Whether an outside part answers, so that the log tells each change and no more.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most causes of one outage that are told.
const MOST_CAUSES: usize = 8;

/// The last known state of an outside part.
pub(super) struct Health {
    part: &'static str,
    /// The causes told since it began to fail; none while it is well.
    causes: Mutex<Vec<String>>,
}

impl Health {
    /// A part that is thought to be well.
    pub(super) fn of(part: &'static str) -> Self {
        Self {
            part,
            causes: Mutex::default(),
        }
    }

    /// It answered.
    pub(super) fn is_well(&self) {
        if !std::mem::take(&mut *self.causes()).is_empty() {
            tracing::info!(part = self.part, "answers again");
        }
    }

    /// It failed, for a cause that holds nothing secret. Each cause of an outage is told once.
    pub(super) fn is_failing(&self, cause: &impl ToString) {
        let cause = cause.to_string();
        let mut causes = self.causes();
        if causes.len() < MOST_CAUSES && !causes.contains(&cause) {
            tracing::warn!(part = self.part, cause, "fails");
            causes.push(cause);
        }
    }

    fn causes(&self) -> MutexGuard<'_, Vec<String>> {
        self.causes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
