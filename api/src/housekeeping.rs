//! What grows and is not needed for ever is forgotten, a little at a time.

use std::time::Duration;

use chrono::Days;
use sea_orm::DatabaseConnection;
use tokio::sync::watch;

use crate::clock::SharedClock;
use crate::finance::FinanceError;
use crate::finance::change::forget_keys;
use crate::finance::outbox;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// How long it may take.
const LIMIT: Duration = Duration::from_secs(20);
/// Rows of a table at a time.
const ROWS: u64 = 1_000;
/// How long an event is kept that was delivered.
const EVENTS_KEPT: Days = Days::new(90);

/// Forgets idempotency keys that are over, and events that were delivered long ago.
///
/// # Errors
/// When the database fails.
pub async fn tidy(db: &DatabaseConnection, clock: &SharedClock) -> Result<(), FinanceError> {
    let now = clock.now().naive_utc();
    forget_keys(db, now, ROWS).await?;
    let before = now.checked_sub_days(EVENTS_KEPT).unwrap_or(now);
    outbox::forget(db, before, ROWS).await?;
    Ok(())
}

/// Does so now and then, until told to stop.
pub async fn run(db: DatabaseConnection, clock: SharedClock, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => return,
        }
        match tokio::time::timeout(LIMIT, tidy(&db, &clock)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "old rows could not be forgotten"),
            Err(_) => tracing::warn!("old rows could not be forgotten in time"),
        }
    }
}
