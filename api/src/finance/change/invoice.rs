//! Manual invoices.

use chrono::NaiveDate;
use entity::stored::{FeeType, SupervisionLevel};
use sea_orm::DatabaseConnection;

use super::fault::{FaultCode, Faults, Refusal};
use super::fee_reduction::{YEARS, financial_year};
use super::frame::Actor;
use super::idempotency::{Key, RequestKey};
use super::issue::{NewInvoice, NewRange, charge, issue};
use super::single::{Begun, Change, Changed};
use crate::finance::FinanceError;
use crate::finance::fee_reduction;
use crate::finance::money::Pence;

/// The input.
#[derive(Clone, Debug)]
pub struct ManualInvoice {
    /// Sirius's person id.
    pub client_id: i32,
    /// What the fee is for.
    pub fee_type: FeeType,
    /// What is charged; `AD` and `GA` have their fixed fee.
    pub amount: Option<Pence>,
    /// Day it is raised.
    pub raised_date: NaiveDate,
    /// First day the fee covers; of `AD` and `GA` the raised date.
    pub start_date: Option<NaiveDate>,
    /// Last day the fee covers; of `AD`, `GA` and annual fees the raised date.
    pub end_date: Option<NaiveDate>,
    /// Level charged for; of annual fees that of their type.
    pub supervision_level: Option<SupervisionLevel>,
}

const ASSESSMENT_FEE: Pence = Pence::new(10_000);
const GUARDIANSHIP_FEE: Pence = Pence::new(20_000);
/// An amount is above the first and at most the second.
const AMOUNT_ABOVE: Pence = Pence::new(50);
const AMOUNT_MOST: Pence = Pence::new(32_000);

/// The input with all that its type decides.
#[derive(Clone, Copy)]
struct Terms {
    amount: Pence,
    start: NaiveDate,
    end: NaiveDate,
    level: Option<SupervisionLevel>,
}

/// Makes an invoice, applies the reduction that covers it, and uses credit on it.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn add_manual_invoice(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &ManualInvoice,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "addManualInvoice");
    let terms = terms(&mut faults, input, actor.today());
    let mut change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    let terms = faults.unless(terms)?;
    let ranges = terms.level.map(|level| NewRange {
        level,
        from: terms.start,
        to: terms.end,
        amount: terms.amount,
    });
    let invoice = NewInvoice {
        finance_client_id: change.client.id,
        person_id: input.client_id,
        fee_type: input.fee_type,
        amount: terms.amount,
        start: terms.start,
        end: terms.end,
        raised: Some(input.raised_date),
        confirmed: Some(change.today),
        level: terms.level,
        ranges: ranges.into_iter().collect(),
        source: Some("Created manually".to_owned()),
        batch_number: None,
        scheduled: None,
        created_by: actor.user_id,
    };
    let mut account = change.account().await?;
    let issued = issue(&change, &[invoice]).await?.pop();
    let issued = issued.ok_or(FinanceError::Lost)?;
    let reductions = fee_reduction::of_clients(&change.transaction, &[change.client.id]).await?;
    charge(&mut account, &issued, &reductions)?;
    change.settle(account).await?;
    change.commit(issued.invoice.id).await
}

/// What the type decides, and whether the rest goes with it.
fn terms(faults: &mut Faults, input: &ManualInvoice, today: NaiveDate) -> Option<Terms> {
    use FeeType::{Ad, B2, B3, Ga, S2, S3, Se, Sf, So};
    let raised = input.raised_date;
    let is_past = raised <= today;
    faults.require(
        is_past,
        "raisedDate",
        FaultCode::OutOfRange,
        "It is today or earlier.",
    );

    let given = [
        ("raisedDate", Some(raised)),
        ("startDate", input.start_date),
        ("endDate", input.end_date),
    ];
    for (field, day) in given {
        let is_sane = day.is_none_or(|day| YEARS.contains(&financial_year(day)));
        let text = "It is a day of the years 1990 to 2088.";
        faults.require(is_sane, field, FaultCode::OutOfRange, text);
    }
    let fixed = match input.fee_type {
        Ad => Some(ASSESSMENT_FEE),
        Ga => Some(GUARDIANSHIP_FEE),
        _ => None,
    };
    let amount = decided(faults, "amount", fixed, input.amount);
    if fixed.is_none()
        && amount.is_some_and(|amount| amount <= AMOUNT_ABOVE || amount > AMOUNT_MOST)
    {
        let text = format!("It is above {AMOUNT_ABOVE} and at most {AMOUNT_MOST}.");
        faults.add("amount", FaultCode::OutOfRange, text);
    }
    let is_one_day = matches!(input.fee_type, Ad | Ga);
    let start = is_one_day.then_some(raised);
    let start = decided(faults, "startDate", start, input.start_date);
    let ends_raised = is_one_day || matches!(input.fee_type, S2 | S3 | B2 | B3);
    let end = decided(
        faults,
        "endDate",
        ends_raised.then_some(raised),
        input.end_date,
    );
    let level = match input.fee_type {
        S2 | B2 => Some(SupervisionLevel::General),
        S3 | B3 => Some(SupervisionLevel::Minimal),
        _ => None,
    };
    let is_level = input
        .supervision_level
        .is_none_or(|given| level.is_none_or(|it| it == given));
    let text = "The type has another level; leave it out.";
    faults.require(is_level, "supervisionLevel", FaultCode::Invalid, text);
    if let (Some(start), Some(end)) = (start, end) {
        if start > end {
            let field = if ends_raised { "startDate" } else { "endDate" };
            faults.add(
                field,
                FaultCode::Invalid,
                "The start date is not after the end date.",
            );
        }
        let is_final = matches!(input.fee_type, Sf | Se | So);
        if is_final && financial_year(start) != financial_year(end) {
            let text = "A final fee starts and ends in the same financial year.";
            faults.add("endDate", FaultCode::Invalid, text);
        }
    }
    let terms = amount.zip(start).zip(end);
    terms.map(|((amount, start), end)| Terms {
        amount,
        start,
        end,
        level: level.or(input.supervision_level),
    })
}

/// What the type decides, else what is given. Giving something else is a fault, and so is nothing.
fn decided<T: Copy + PartialEq + std::fmt::Display>(
    faults: &mut Faults,
    field: &'static str,
    by_type: Option<T>,
    given: Option<T>,
) -> Option<T> {
    match (by_type, given) {
        (Some(by_type), Some(given)) if by_type != given => {
            let text = format!("Of this type it is {by_type}; leave it out.");
            faults.add(field, FaultCode::Invalid, text);
            Some(by_type)
        }
        (None, None) => {
            faults.add(field, FaultCode::Required, "It is required for this type.");
            None
        }
        (by_type, given) => by_type.or(given),
    }
}
