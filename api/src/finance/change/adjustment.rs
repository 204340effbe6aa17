//! Raising invoice adjustments, and deciding on them.

use entity::invoice_adjustment;
use entity::stored::{AdjustmentStatus, AdjustmentType, LedgerType};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter,
};
use serde_json::json;

use super::events::EventKind;
use super::fault::{Fault, FaultCode, Faults, Refusal};
use super::frame::Actor;
use super::idempotency::{Key, RequestKey};
use super::single::{Begun, Change, Changed};
use crate::finance::account::word;
use crate::finance::adjustment::{self, Adjustment};
use crate::finance::ledger::{Account, InvoiceAccount, next_id};
use crate::finance::money::Pence;

/// The input of a new adjustment.
#[derive(Clone, Debug)]
pub struct AdjustmentRequest {
    /// Sirius's person id.
    pub client_id: i32,
    /// The invoice; none if the input names no invoice at all.
    pub invoice_id: Option<i32>,
    /// What is asked for.
    pub kind: AdjustmentType,
    /// By how much, without a sign; a write-off is of what is owed, and a write-off's reversal is of
    /// what can be taken back, if none is given.
    pub amount: Option<Pence>,
    /// Why.
    pub notes: String,
}

/// The input of a decision.
#[derive(Clone, Debug)]
pub struct AdjustmentDecision {
    /// Sirius's person id.
    pub client_id: i32,
    /// The adjustment; none if the input names no adjustment at all.
    pub adjustment_id: Option<i32>,
    /// Whether it is approved, or else rejected.
    pub is_approved: bool,
}

/// Raises an adjustment, which waits for a decision.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn raise_adjustment(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &AdjustmentRequest,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "raiseInvoiceAdjustment");
    faults.text("notes", &input.notes);
    let is_amount = input.amount.is_none_or(|amount| amount > Pence::ZERO);
    let text = "It must be above 0.";
    faults.require(is_amount, "amount", FaultCode::OutOfRange, text);
    let mut change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    let account = change.account().await?;
    let invoice = input.invoice_id.and_then(|id| account.invoice(id));
    let amount = match invoice {
        None => {
            faults.add(
                "invoiceId",
                FaultCode::NotFound,
                "The client has no such invoice.",
            );
            None
        }
        Some(invoice) => {
            if has_pending(&change, invoice.invoice.id, input.kind).await? {
                let text = "One of this type waits for a decision on this invoice.";
                faults.add("type", FaultCode::NotPermitted, text);
            }
            let by_manager = actor.is_manager;
            match amount_of(&account, invoice, input.kind, input.amount, by_manager)? {
                Ok(amount) => Some((invoice, amount)),
                // Told already.
                Err(_) if !is_amount => None,
                Err(fault) => {
                    faults.push(fault);
                    None
                }
            }
        }
    };
    let (invoice, amount) = faults.unless(amount)?;
    let stored = match raises_debt(input.kind) {
        true => Pence::ZERO.minus(amount)?,
        false => amount,
    };
    let id = next_id(&change.transaction, "invoice_adjustment").await?;
    invoice_adjustment::ActiveModel {
        id: Set(id),
        finance_client_id: Set(change.client.id),
        invoice_id: Set(invoice.invoice.id),
        raised_date: Set(change.today),
        adjustment_type: Set(input.kind.into()),
        amount: Set(stored.small()?),
        amount_given: Set((input.kind == AdjustmentType::WriteOffReversal)
            .then_some(actor.is_manager && input.amount.is_some())),
        notes: Set(input.notes.clone()),
        status: Set(AdjustmentStatus::Pending.into()),
        created_at: Set(change.now),
        created_by: Set(actor.user_id),
        ..Default::default()
    }
    .insert(&change.transaction)
    .await?;
    let detail = json!({
        "clientId": input.client_id,
        "adjustmentType": word(input.kind),
        "invoiceReference": invoice.invoice.reference,
    });
    change.tell(EventKind::PendingInvoiceAdjustment, detail);
    change.commit(id).await
}

/// Approves an adjustment, which is then applied to its invoice, or rejects it.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn decide_adjustment(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &AdjustmentDecision,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "decideInvoiceAdjustment");
    let mut change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    faults.check()?;
    let found = match input.adjustment_id {
        Some(id) => adjustment::by_id(&change.transaction, id).await?,
        None => None,
    };
    let adjustment = found
        .filter(|it| it.finance_client_id == change.client.id)
        .ok_or_else(|| {
            let text = "The client has no such adjustment.";
            Refusal::of("adjustmentId", FaultCode::NotFound, text)
        })?;
    if !adjustment.status.is(AdjustmentStatus::Pending) {
        let text = format!("It is {} already.", adjustment.status.raw().to_lowercase());
        return Err(Refusal::of("adjustmentId", FaultCode::AlreadyDecided, text));
    }
    if actor.four_eyes && adjustment.created_by == actor.user_id {
        let text = "Who asked for it cannot decide on it.";
        return Err(Refusal::of("decision", FaultCode::FourEyes, text));
    }
    let (status, ledger_id) = match input.is_approved {
        true => (
            AdjustmentStatus::Approved,
            apply(&mut change, &adjustment).await?,
        ),
        false => (AdjustmentStatus::Rejected, None),
    };
    invoice_adjustment::ActiveModel {
        id: Set(adjustment.id),
        status: Set(status.into()),
        updated_at: Set(Some(change.now)),
        updated_by: Set(Some(actor.user_id)),
        ledger_id: Set(ledger_id),
        ..Default::default()
    }
    .update(&change.transaction)
    .await?;
    change.commit(adjustment.id).await
}

/// Checks the rule as if it were raised now, and credits the invoice. Gives the ledger's id.
async fn apply(change: &mut Change<'_>, adjustment: &Adjustment) -> Result<Option<i32>, Refusal> {
    let mut account = change.account().await?;
    let refused = |text: &str| Refusal::of("decision", FaultCode::NotPermitted, text);
    let kind = adjustment
        .kind
        .known()
        .ok_or_else(|| refused("It is of an old type, which can only be rejected."))?;
    let invoice = account
        .invoice(adjustment.invoice_id)
        .ok_or_else(|| refused("The client has no such invoice."))?;
    let amount = adjustment.amount.magnitude()?;
    let is_computed = !was_given(change, adjustment.id).await?;
    let given = (!is_computed).then_some(amount);
    let allowed = amount_of(&account, invoice, kind, given, true)?;
    let fault = match allowed {
        Err(fault) => Some(fault.message),
        Ok(allowed) if is_computed && allowed < amount => Some(format!(
            "The credit allows {allowed} now; reject it and ask anew."
        )),
        Ok(_) => None,
    };
    if let Some(fault) = fault {
        return Err(refused(&format!("It can no longer be approved. {fault}")));
    }
    let entry = account.credit_invoice(
        adjustment.invoice_id,
        adjustment.amount,
        ledger_type(kind),
        None,
    )?;
    if entry.is_none() {
        return Err(refused("It would change nothing; reject it."));
    }
    let ids = change.settle(account).await?;
    Ok(entry.and_then(|place| ids.get(place).copied()))
}

/// Whether whoever asked gave the amount, which a write-off's reversal goes without. Of old rows that
/// is not known, and they count as given.
async fn was_given(change: &Change<'_>, id: i32) -> Result<bool, Refusal> {
    let row = invoice_adjustment::Entity::find_by_id(id)
        .one(&change.transaction)
        .await?;
    Ok(row.is_none_or(|row| row.amount_given != Some(false)))
}

async fn has_pending(
    change: &Change<'_>,
    invoice: i32,
    kind: AdjustmentType,
) -> Result<bool, Refusal> {
    use invoice_adjustment::Column;
    let pending = invoice_adjustment::Entity::find()
        .filter(Column::InvoiceId.eq(invoice))
        .filter(Column::AdjustmentType.eq(word(kind)))
        .filter(Column::Status.eq(word(AdjustmentStatus::Pending)))
        .count(&change.transaction)
        .await?;
    Ok(pending > 0)
}

/// The amount of an adjustment, without a sign, if it may be raised now.
fn amount_of(
    account: &Account,
    invoice: &InvoiceAccount,
    kind: AdjustmentType,
    given: Option<Pence>,
    by_manager: bool,
) -> Result<Result<Pence, Fault>, Refusal> {
    let fault = |field: &'static str, code, message: String| {
        Ok(Err(Fault {
            within: Vec::new(),
            field: Some(field.into()),
            code,
            message,
        }))
    };
    let standing = &invoice.standing;
    if !standing.permitted().contains(&kind) {
        let text = "The invoice's `permittedAdjustments` do not list it.".to_owned();
        return fault("type", FaultCode::NotPermitted, text);
    }
    let outstanding = standing.outstanding;
    let (default, most) = match kind {
        AdjustmentType::CreditMemo => (None, standing.amount.plus(outstanding)?),
        AdjustmentType::DebitMemo => (None, standing.debit_limit().minus(outstanding)?),
        AdjustmentType::CreditWriteOff => {
            if given.is_some_and(|amount| amount != outstanding) {
                let text = format!("A write-off is of all that is owed, {outstanding}.");
                return fault("amount", FaultCode::Invalid, text);
            }
            (Some(outstanding), outstanding)
        }
        AdjustmentType::WriteOffReversal => {
            let usual = standing.written_off.min(account.credit());
            if given.is_none() && usual <= Pence::ZERO {
                let text = "There is no credit to take it back from.".to_owned();
                return fault("amount", FaultCode::NotPermitted, text);
            }
            if !by_manager && given.is_some_and(|amount| amount != usual) {
                let text =
                    format!("It is {usual}; another amount is for a Finance Manager to give.");
                return fault("amount", FaultCode::Invalid, text);
            }
            (Some(usual), standing.written_off)
        }
        AdjustmentType::FeeReductionReversal => {
            (None, standing.reduced.minus(standing.reduction_reversed)?)
        }
    };
    let Some(amount) = given.or(default) else {
        return fault("amount", FaultCode::Required, "It is required.".to_owned());
    };
    if amount > most {
        return fault(
            "amount",
            FaultCode::OutOfRange,
            format!("It can be {most} at most."),
        );
    }
    Ok(Ok(amount))
}

/// Whether it is stored as a negative amount.
fn raises_debt(kind: AdjustmentType) -> bool {
    match kind {
        AdjustmentType::CreditMemo | AdjustmentType::CreditWriteOff => false,
        AdjustmentType::DebitMemo
        | AdjustmentType::WriteOffReversal
        | AdjustmentType::FeeReductionReversal => true,
    }
}

fn ledger_type(kind: AdjustmentType) -> LedgerType {
    match kind {
        AdjustmentType::CreditMemo => LedgerType::CreditMemo,
        AdjustmentType::DebitMemo => LedgerType::DebitMemo,
        AdjustmentType::CreditWriteOff => LedgerType::CreditWriteOff,
        AdjustmentType::WriteOffReversal => LedgerType::WriteOffReversal,
        AdjustmentType::FeeReductionReversal => LedgerType::FeeReductionReversal,
    }
}
