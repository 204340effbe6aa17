//! Refunds: asking for one, deciding on it, calling it off.

use std::collections::HashSet;

use chrono::NaiveDateTime;
use entity::stored::RefundDecision;
use entity::{bank_details, refund};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter,
};
use serde_json::json;

use super::events::EventKind;
use super::fault::{FaultCode, Faults, Refusal};
use super::frame::Actor;
use super::idempotency::{Key, RequestKey};
use super::single::{Begun, Change, Changed};
use crate::finance::account::{self, word};
use crate::finance::ledger::next_id;
use crate::finance::money::Pence;
use crate::finance::refund::{self as refunds, Refund, RefundStatus};

/// The input of a new refund.
#[derive(Clone)]
pub struct RefundRequest {
    /// Sirius's person id.
    pub client_id: i32,
    /// Account holder.
    pub account_name: String,
    /// Account number, 8 digits.
    pub account_number: String,
    /// Sort code, `NN-NN-NN`.
    pub sort_code: String,
    /// Why.
    pub notes: String,
}

/// The input of a decision.
#[derive(Clone, Debug)]
pub struct RefundDecisionInput {
    /// Sirius's person id.
    pub client_id: i32,
    /// The refund; none if the input names no refund at all.
    pub refund_id: Option<i32>,
    /// Whether it is approved, or else rejected.
    pub is_approved: bool,
}

/// The input of a cancellation.
#[derive(Clone, Debug)]
pub struct RefundCancellation {
    /// Sirius's person id.
    pub client_id: i32,
    /// The refund; none if the input names no refund at all.
    pub refund_id: Option<i32>,
}

/// Asks for the whole credit back.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn request_refund(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &RefundRequest,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "requestRefund");
    faults.text("accountName", &input.account_name);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = input.account_number.len() == 8 && digits(&input.account_number);
    faults.require(
        is_number,
        "accountNumber",
        FaultCode::Invalid,
        "It has 8 digits.",
    );
    let parts = input.sort_code.split('-').collect::<Vec<_>>();
    let is_code = parts.len() == 3 && parts.iter().all(|part| part.len() == 2 && digits(part));
    let text = "It is written NN-NN-NN, in digits.";
    faults.require(is_code, "sortCode", FaultCode::Invalid, text);
    faults.text("notes", &input.notes);
    let mut change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    let credit = credit(&change).await?;
    if credit <= Pence::ZERO {
        faults.add(
            "clientId",
            FaultCode::NotPermitted,
            "The client has no credit.",
        );
    }
    let all = refunds::of_clients(&change.transaction, &[change.client.id]).await?;
    if all.iter().any(Refund::is_open) {
        let text = "The client has a refund that is not settled yet.";
        faults.add("clientId", FaultCode::NotPermitted, text);
    }
    faults.check()?;
    let id = next_id(&change.transaction, "refund").await?;
    refund::ActiveModel {
        id: Set(id),
        finance_client_id: Set(change.client.id),
        raised_date: Set(change.today),
        amount: Set(credit.small()?),
        decision: Set(RefundDecision::Pending.into()),
        notes: Set(input.notes.clone()),
        created_by: Set(actor.user_id),
        created_at: Set(change.now),
        ..Default::default()
    }
    .insert(&change.transaction)
    .await?;
    let row_id = next_id(&change.transaction, "bank_details").await?;
    bank_details::ActiveModel {
        id: Set(row_id),
        refund_id: Set(id),
        name: Set(input.account_name.clone()),
        account: Set(input.account_number.clone()),
        sort_code: Set(input.sort_code.clone()),
    }
    .insert(&change.transaction)
    .await?;
    change.tell(
        EventKind::RefundAdded,
        json!({ "clientId": input.client_id }),
    );
    change.commit(id).await
}

/// Approves or rejects a refund that is pending.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn decide_refund(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &RefundDecisionInput,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "decideRefund");
    let change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    faults.check()?;
    let refund = find(&change, input.refund_id).await?;
    if refund.status() != Some(RefundStatus::Pending) {
        let text = "Only a pending refund is decided on.";
        return Err(Refusal::of("refundId", FaultCode::AlreadyDecided, text));
    }
    if actor.four_eyes && refund.created_by == actor.user_id {
        let text = "Who asked for it cannot decide on it.";
        return Err(Refusal::of("decision", FaultCode::FourEyes, text));
    }
    let decision = match input.is_approved {
        true => {
            let credit = credit(&change).await?;
            if credit < refund.amount {
                let text = format!("The credit has fallen to {credit}; reject it and ask anew.");
                return Err(Refusal::of("decision", FaultCode::NotPermitted, text));
            }
            RefundDecision::Approved
        }
        false => {
            forget_bank_details(&change.transaction, refund.id).await?;
            RefundDecision::Rejected
        }
    };
    refund::ActiveModel {
        id: Set(refund.id),
        decision: Set(decision.into()),
        decision_at: Set(Some(change.now)),
        decision_by: Set(Some(actor.user_id)),
        ..Default::default()
    }
    .update(&change.transaction)
    .await?;
    change.commit(refund.id).await
}

/// Calls an approved or processing refund off.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn cancel_refund(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &RefundCancellation,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "cancelRefund");
    let change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    faults.check()?;
    let refund = find(&change, input.refund_id).await?;
    match refund.status() {
        Some(RefundStatus::Approved | RefundStatus::Processing) => {}
        Some(RefundStatus::Pending) => {
            let text = "A pending refund is not cancelled: reject it.";
            return Err(Refusal::of("refundId", FaultCode::NotPermitted, text));
        }
        _ => {
            let text = "It is settled, rejected or cancelled already.";
            return Err(Refusal::of("refundId", FaultCode::AlreadyDecided, text));
        }
    }
    forget_bank_details(&change.transaction, refund.id).await?;
    refund::ActiveModel {
        id: Set(refund.id),
        cancelled_at: Set(Some(change.now)),
        cancelled_by: Set(Some(actor.user_id)),
        ..Default::default()
    }
    .update(&change.transaction)
    .await?;
    change.commit(refund.id).await
}

/// Ends what was left for more than 14 days: a pending refund is rejected, an approved or processing one
/// cancelled; bank details are deleted. Safe to repeat. Gives how many were ended.
///
/// # Errors
/// When the database fails; those ended before stay so.
pub async fn expire_refunds(db: &DatabaseConnection, actor: &Actor) -> Result<usize, Refusal> {
    let today = actor.clock.now().date_naive();
    let mut ended = 0_usize;
    for (id, client_id) in refunds::all_expired(db, today).await? {
        let mut faults = Faults::default();
        let begun = Change::begin(db, actor, client_id, None, &mut faults).await?;
        let Begun::Change(change) = begun else {
            continue;
        };
        // Under the lock it may have gone on.
        let found = refunds::by_id_if_expired(&change.transaction, id, today).await?;
        let Some(refund) = found else {
            continue;
        };
        let mut row = refund::ActiveModel {
            id: Set(refund.id),
            ..Default::default()
        };
        if refund.status() == Some(RefundStatus::Pending) {
            row.decision = Set(RefundDecision::Rejected.into());
            row.decision_at = Set(Some(change.now));
            row.decision_by = Set(Some(actor.user_id));
        } else {
            row.cancelled_at = Set(Some(change.now));
            row.cancelled_by = Set(Some(actor.user_id));
        }
        row.update(&change.transaction).await?;
        forget_bank_details(&change.transaction, refund.id).await?;
        change.commit(refund.id).await?;
        ended = ended.saturating_add(1);
    }
    Ok(ended)
}

/// Approved refunds of these clients go back to pending, since the credit may have changed. Gives the
/// clients of which any did.
pub(super) async fn reset_approved(
    db: &impl ConnectionTrait,
    clients: &[i32],
    now: NaiveDateTime,
) -> Result<HashSet<i32>, Refusal> {
    use refund::Column;
    let reset = refund::Entity::update_many()
        .col_expr(Column::Decision, Expr::value(word(RefundDecision::Pending)))
        .col_expr(Column::DecisionAt, Expr::value(None::<NaiveDateTime>))
        .col_expr(Column::DecisionBy, Expr::value(None::<i32>))
        .col_expr(Column::ResetAt, Expr::value(now))
        .filter(Column::FinanceClientId.is_in(clients.iter().copied()))
        .filter(refunds::has_status(RefundStatus::Approved))
        .exec_with_returning(db)
        .await?;
    Ok(reset.into_iter().map(|row| row.finance_client_id).collect())
}

async fn find(change: &Change<'_>, id: Option<i32>) -> Result<Refund, Refusal> {
    let found = match id {
        Some(id) => refunds::by_id(&change.transaction, id).await?,
        None => None,
    };
    found
        .filter(|refund| refund.finance_client_id == change.client.id)
        .ok_or_else(|| {
            let text = "The client has no such refund.";
            Refusal::of("refundId", FaultCode::NotFound, text)
        })
}

async fn credit(change: &Change<'_>) -> Result<Pence, Refusal> {
    let id = change.client.id;
    let balances = account::balances(&change.transaction, &[id]).await?;
    Ok(balances.get(&id).copied().unwrap_or_default().credit)
}

async fn forget_bank_details(db: &impl ConnectionTrait, refund: i32) -> Result<(), Refusal> {
    bank_details::Entity::delete_many()
        .filter(bank_details::Column::RefundId.eq(refund))
        .exec(db)
        .await?;
    Ok(())
}
