//! Events that go out: recorded with the change that causes them, so that none is sent of a change
//! that was undone and none is lost of one that was made.

use chrono::NaiveDateTime;
use entity::outgoing_event;
use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::Value;
use strum::IntoStaticStr;
use uuid::Uuid;

use crate::finance::FinanceError;
use crate::finance::ledger::next_ids;

/// What is told to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum EventKind {
    /// Credit remains and nothing owes.
    CreditOnAccount,
    /// Approved refunds went back to pending.
    RefundReset,
    /// A refund was asked for.
    RefundAdded,
    /// An adjustment waits for a decision.
    PendingInvoiceAdjustment,
    /// The client pays otherwise.
    PaymentMethodChanged,
}

/// An event that goes out if the change is made.
pub(super) struct Told {
    pub(super) finance_client_id: i32,
    pub(super) kind: EventKind,
    pub(super) detail: Value,
}

pub(super) async fn record(
    db: &impl ConnectionTrait,
    now: NaiveDateTime,
    events: Vec<Told>,
) -> Result<(), FinanceError> {
    if events.is_empty() {
        return Ok(());
    }
    let ids = next_ids(db, "outgoing_event", events.len()).await?;
    let rows = ids.into_iter().zip(events).map(|(id, told)| {
        let kind: &str = told.kind.into();
        outgoing_event::ActiveModel {
            id: Set(id),
            event_id: Set(Uuid::new_v4().to_string()),
            finance_client_id: Set(told.finance_client_id),
            detail_type: Set(kind.to_owned()),
            detail: Set(told.detail.to_string()),
            created_at: Set(now),
            attempts: Set(0),
            next_attempt_at: Set(now),
            ..Default::default()
        }
    });
    outgoing_event::Entity::insert_many(rows)
        .exec_without_returning(db)
        .await?;
    Ok(())
}
