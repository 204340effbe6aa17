//! Fee reductions: awarding one, which is applied at once to what it covers, and cancelling it.

use std::ops::RangeInclusive;

use chrono::{Datelike, Months, NaiveDate};
use entity::fee_reduction as table;
use entity::stored::{FeeReductionType, FeeType, LedgerType, SupervisionLevel};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, DatabaseConnection};

use super::fault::{FaultCode, Faults, Refusal};
use super::frame::Actor;
use super::idempotency::{Key, RequestKey};
use super::single::{Begun, Change, Changed};
use crate::finance::fee_reduction::{self, FeeReduction};
use crate::finance::invoice::{self, FeeRange, Invoice};
use crate::finance::ledger::{Account, next_id};
use crate::finance::money::{Overflow, Pence};

/// The input of a new reduction.
#[derive(Clone, Debug)]
pub struct FeeReductionRequest {
    /// Sirius's person id.
    pub client_id: i32,
    /// Kind of reduction.
    pub kind: FeeReductionType,
    /// The financial year it starts with, by its first year.
    pub start_year: i64,
    /// How many years it runs: 1 to 3.
    pub length_in_years: i64,
    /// Day the application was received.
    pub date_received: NaiveDate,
    /// Why.
    pub notes: String,
}

/// The input of a cancellation.
#[derive(Clone, Debug)]
pub struct FeeReductionCancellation {
    /// Sirius's person id.
    pub client_id: i32,
    /// The reduction; none if the input names no reduction at all.
    pub fee_reduction_id: Option<i32>,
    /// Why.
    pub reason: String,
}

/// Awards a reduction, and applies it to each invoice that it covers.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn add_fee_reduction(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &FeeReductionRequest,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "addFeeReduction");
    faults.text("notes", &input.notes);
    let is_past = input.date_received <= actor.today();
    let text = "It is today or earlier.";
    faults.require(is_past, "dateReceived", FaultCode::OutOfRange, text);
    let is_length = (1..=3).contains(&input.length_in_years);
    let text = "It is 1 to 3 years.";
    faults.require(is_length, "lengthInYears", FaultCode::OutOfRange, text);
    let days = days(input.start_year, input.length_in_years.clamp(1, 3));
    if days.is_none() {
        let text = "It is a year such as 2024, for April 2024 to March 2025.";
        faults.add("startYear", FaultCode::OutOfRange, text);
    }
    let mut change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    let all = fee_reduction::of_clients(&change.transaction, &[change.client.id]).await?;
    if let Some((start, end)) = days {
        let overlaps =
            |it: &FeeReduction| !it.deleted && it.start_date <= end && it.end_date >= start;
        if let Some(other) = all.iter().find(|it| overlaps(it)) {
            let text = format!(
                "It overlaps the {} of {} to {}; cancel that first.",
                other.kind.raw().to_lowercase(),
                other.start_date,
                other.end_date
            );
            faults.add("startYear", FaultCode::NotPermitted, text);
        }
    }
    let (start, end) = faults.unless(days)?;
    let id = next_id(&change.transaction, "fee_reduction").await?;
    let row = table::ActiveModel {
        id: Set(id),
        finance_client_id: Set(Some(change.client.id)),
        kind: Set(input.kind.into()),
        startdate: Set(start),
        enddate: Set(end),
        notes: Set(input.notes.clone()),
        deleted: Set(false),
        datereceived: Set(Some(input.date_received)),
        created_at: Set(Some(change.now)),
        created_by: Set(Some(actor.user_id)),
        ..Default::default()
    }
    .insert(&change.transaction)
    .await?;
    let reduction = FeeReduction::from(row);
    let mut account = change.account().await?;
    let covered = account
        .invoices()
        .iter()
        .filter(|it| covers(&reduction, &it.invoice))
        .map(|it| it.invoice.clone())
        .collect::<Vec<_>>();
    let ids = covered.iter().map(|it| it.id).collect::<Vec<_>>();
    let ranges = invoice::fee_ranges(&change.transaction, &ids).await?;
    for invoice in covered {
        let of_invoice = ranges.iter().filter(|it| it.invoice_id == Some(invoice.id));
        apply(&mut account, &reduction, &invoice, of_invoice)?;
    }
    change.settle(account).await?;
    change.commit(id).await
}

/// Cancels a reduction. What it has credited stays.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn cancel_fee_reduction(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &FeeReductionCancellation,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "cancelFeeReduction");
    faults.text("reason", &input.reason);
    let change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    let found = match input.fee_reduction_id {
        Some(id) => fee_reduction::by_id(&change.transaction, id).await?,
        None => None,
    };
    let found = found.filter(|it| it.finance_client_id == Some(change.client.id));
    match &found {
        None => {
            let text = "The client has no such fee reduction.";
            faults.add("feeReductionId", FaultCode::NotFound, text);
        }
        Some(reduction) if reduction.deleted => {
            let text = "It is cancelled already.";
            faults.add("feeReductionId", FaultCode::AlreadyDecided, text);
        }
        Some(_) => {}
    }
    let id = faults.unless(found)?.id;
    table::ActiveModel {
        id: Set(id),
        deleted: Set(true),
        cancelled_at: Set(Some(change.now)),
        cancelled_by: Set(Some(actor.user_id)),
        cancellation_reason: Set(Some(input.reason.clone())),
        ..Default::default()
    }
    .update(&change.transaction)
    .await?;
    change.commit(id).await
}

/// Financial years that can be meant. They are fewer than a hundred: references have two digits.
pub(super) const YEARS: RangeInclusive<i32> = 1990..=2088;

/// 1 April of the first year to 31 March after the last.
fn days(start_year: i64, years: i64) -> Option<(NaiveDate, NaiveDate)> {
    let start_year = i32::try_from(start_year)
        .ok()
        .filter(|year| YEARS.contains(year))?;
    let end_year = start_year.checked_add(i32::try_from(years).ok()?)?;
    let start = NaiveDate::from_ymd_opt(start_year, 4, 1)?;
    Some((start, NaiveDate::from_ymd_opt(end_year, 3, 31)?))
}

/// Whether a reduction covers an invoice: raised within its days, and not earlier than six months
/// before the application was received. One without a day received covers nothing.
pub(super) fn covers(reduction: &FeeReduction, invoice: &Invoice) -> bool {
    let (Some(raised), Some(received)) = (invoice.raised_date, reduction.date_received) else {
        return false;
    };
    let earliest = received.checked_sub_months(Months::new(6));
    !reduction.deleted
        && (reduction.start_date..=reduction.end_date).contains(&raised)
        && earliest.is_some_and(|earliest| raised >= earliest)
}

/// Credits an invoice by a reduction: all of it, or for a remission half of what is charged at the
/// general level. Half a penny is rounded down.
pub(super) fn apply<'a>(
    account: &mut Account,
    reduction: &FeeReduction,
    invoice: &Invoice,
    ranges: impl Iterator<Item = &'a FeeRange>,
) -> Result<(), Overflow> {
    let Some(kind) = reduction.kind.known() else {
        return Ok(());
    };
    let (amount, ledger) = match kind {
        FeeReductionType::Exemption => (invoice.amount, LedgerType::CreditExemption),
        FeeReductionType::Hardship => (invoice.amount, LedgerType::CreditHardship),
        FeeReductionType::Remission => {
            let base = match invoice.fee_type.known() {
                Some(FeeType::Ad | FeeType::Ga | FeeType::Gs | FeeType::Gt) => invoice.amount,
                _ => ranges
                    .filter(|range| range.level.is(SupervisionLevel::General))
                    .try_fold(Pence::ZERO, |sum, range| sum.plus(range.amount))?,
            };
            (base.half(), LedgerType::CreditRemission)
        }
    };
    account.credit_invoice(invoice.id, amount, ledger, Some(reduction.id))?;
    Ok(())
}

/// The financial year of a day, by its first year.
pub(super) fn financial_year(day: NaiveDate) -> i32 {
    match day.month() >= 4 {
        true => day.year(),
        false => day.year().saturating_sub(1),
    }
}
