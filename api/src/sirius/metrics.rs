//! What is counted at this boundary. The handles belong to the recorder that was current when they
//! were made; without one they count nothing.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use super::SiriusError;
use crate::metrics::ByOutcome;

/// Outcomes of a call to Sirius that failed, see [`SiriusError::kind`].
const FAILURES: [&str; 7] = [
    "session_ended",
    "status",
    "timed_out",
    "unreachable",
    "too_large",
    "nonsense",
    "lost",
];

/// Counts of the user directory.
pub(super) struct DirectoryMetrics {
    /// Names served from a fresh list.
    pub(super) hits: Counter,
    /// Names served from a stale list.
    pub(super) stale_hits: Counter,
    /// Ids that needed a newer list than there was.
    pub(super) misses: Counter,
    /// Ids answered as unknown to Sirius.
    pub(super) unknown: Counter,
    users: Gauge,
    age: Gauge,
    refreshes: ByOutcome,
    refresh_time: Histogram,
}

impl DirectoryMetrics {
    pub(super) fn register() -> Self {
        const LOOKUPS: &str = "finance_user_cache_lookups_total";
        const USERS: &str = "finance_user_cache_users";
        const AGE: &str = "finance_user_cache_age_seconds";
        const REFRESHES: &str = "finance_user_list_refreshes_total";
        const TIME: &str = "finance_user_list_refresh_seconds";
        describe_counter!(LOOKUPS, "Users looked up, by outcome.");
        describe_gauge!(USERS, "Users in the list that is served; 0 without one.");
        describe_gauge!(AGE, Unit::Seconds, "Age of the list that is served.");
        describe_counter!(REFRESHES, "Refreshes of the user list, by outcome.");
        describe_histogram!(TIME, Unit::Seconds, "Time that a refresh took.");
        let lookups = |outcome: &'static str| counter!(LOOKUPS, "outcome" => outcome);
        Self {
            hits: lookups("hit"),
            stale_hits: lookups("stale_hit"),
            misses: lookups("miss"),
            unknown: lookups("unknown"),
            users: gauge!(USERS),
            age: gauge!(AGE),
            refreshes: ByOutcome::register(REFRESHES, ["listed", "shared"].iter().chain(&FAILURES)),
            refresh_time: histogram!(TIME),
        }
    }

    /// Tells the state of the list that is served.
    pub(super) fn list(&self, users: usize, age: Duration) {
        self.users.set(u32::try_from(users).unwrap_or(u32::MAX));
        self.age.set(age.as_secs_f64());
    }

    /// Counts a refresh: `listed` by Sirius, `shared` by another instance, or a kind of failure.
    pub(super) fn refreshed(&self, outcome: &str, took: Duration) {
        self.refreshes.count(outcome);
        self.refresh_time.record(took.as_secs_f64());
    }
}

/// Counts of the shared tier.
pub(super) struct SharedMetrics {
    reads: ByOutcome,
    locks: ByOutcome,
    writes: ByOutcome,
}

impl SharedMetrics {
    pub(super) fn register() -> Self {
        const READS: &str = "finance_user_cache_shared_reads_total";
        const LOCKS: &str = "finance_user_cache_shared_locks_total";
        const WRITES: &str = "finance_user_cache_shared_writes_total";
        describe_counter!(READS, "Lists asked of the shared tier, by outcome.");
        describe_counter!(
            LOCKS,
            "Tries to be the instance that refreshes, by outcome."
        );
        describe_counter!(WRITES, "Lists given to the shared tier, by outcome.");
        Self {
            reads: ByOutcome::register(READS, &["found", "absent", "rubbish", "failed"]),
            locks: ByOutcome::register(LOCKS, &["taken", "held_by_another", "failed"]),
            writes: ByOutcome::register(WRITES, &["written", "failed"]),
        }
    }

    pub(super) fn read(&self, outcome: &str) {
        self.reads.count(outcome);
    }

    pub(super) fn lock(&self, outcome: &str) {
        self.locks.count(outcome);
    }

    pub(super) fn written(&self, outcome: &str) {
        self.writes.count(outcome);
    }
}

/// Counts of session checks.
pub(super) struct SessionMetrics {
    checks: ByOutcome,
    check_time: Histogram,
}

impl SessionMetrics {
    pub(super) fn register() -> Self {
        const CHECKS: &str = "finance_session_checks_total";
        const TIME: &str = "finance_session_check_seconds";
        describe_counter!(
            CHECKS,
            "Sessions checked, by outcome; `remembered` asked nobody."
        );
        describe_histogram!(TIME, Unit::Seconds, "Time that a check at Sirius took.");
        let others = [
            "remembered",
            "remembered_refused",
            "verified",
            "backing_off",
        ];
        Self {
            checks: ByOutcome::register(CHECKS, others.iter().chain(&FAILURES)),
            check_time: histogram!(TIME),
        }
    }

    /// Counts an answer from memory.
    pub(super) fn remembered(&self, is_verified: bool) {
        self.checks.count(if is_verified {
            "remembered"
        } else {
            "remembered_refused"
        });
    }

    /// Counts a check at Sirius, or why there was none.
    pub(super) fn checked<T>(&self, result: Result<&T, &SiriusError>) {
        let outcome = result.map_or_else(SiriusError::kind, |_| "verified");
        self.checks.count(outcome);
    }

    /// Measures a call.
    pub(super) fn took(&self, took: Duration) {
        self.check_time.record(took.as_secs_f64());
    }
}
