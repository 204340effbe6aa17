//! Manual invoices.

use chrono::{Datelike, NaiveDate};
use entity::stored::{FeeType, SupervisionLevel};
use entity::{counter, invoice as table, invoice_fee_range};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter,
};

use super::fault::{FaultCode, Faults, Refusal};
use super::fee_reduction::{YEARS, apply, covering, financial_year};
use super::frame::{Actor, Begun, Change, Changed};
use super::idempotency::Key;
use crate::finance::account::word;
use crate::finance::invoice::{FeeRange, Invoice};
use crate::finance::ledger::next_id;
use crate::finance::money::{Overflow, Pence};

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
    key: Option<&String>,
) -> Result<Changed, Refusal> {
    let key = Key::of(key, "addManualInvoice", &format!("{input:?}"))?;
    let mut change = match Change::begin(db, actor, input.client_id, key).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    let terms = terms(input, change.today)?;
    let account = change.account().await?;
    let (invoice, ranges) = insert(&change, input, terms).await?;
    let mut account = account;
    account.add_invoice(invoice.clone())?;
    if let Some(reduction) = covering(&change, &invoice).await? {
        apply(&mut account, &reduction, &invoice, ranges.iter())?;
    }
    change.settle(account).await?;
    change.commit(invoice.id).await
}

/// What the type decides, and whether the rest goes with it.
fn terms(input: &ManualInvoice, today: NaiveDate) -> Result<Terms, Refusal> {
    use FeeType::{Ad, B2, B3, Ga, S2, S3, Se, Sf, So};
    let mut faults = Faults::default();
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
    let amount = decided(&mut faults, "amount", fixed, input.amount);
    if fixed.is_none()
        && amount.is_some_and(|amount| amount <= AMOUNT_ABOVE || amount > AMOUNT_MOST)
    {
        let text = format!("It is above {AMOUNT_ABOVE} and at most {AMOUNT_MOST}.");
        faults.add("amount", FaultCode::OutOfRange, text);
    }
    let is_one_day = matches!(input.fee_type, Ad | Ga);
    let start = is_one_day.then_some(raised);
    let start = decided(&mut faults, "startDate", start, input.start_date);
    let ends_raised = is_one_day || matches!(input.fee_type, S2 | S3 | B2 | B3);
    let end = decided(
        &mut faults,
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
    let ((amount, start), end) = faults.unless(amount.zip(start).zip(end))?;
    Ok(Terms {
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

async fn insert(
    change: &Change<'_>,
    input: &ManualInvoice,
    terms: Terms,
) -> Result<(Invoice, Vec<FeeRange>), Refusal> {
    let db = &change.transaction;
    let id = next_id(db, "invoice").await?;
    let row = table::ActiveModel {
        id: Set(id),
        person_id: Set(Some(input.client_id)),
        finance_client_id: Set(Some(change.client.id)),
        feetype: Set(input.fee_type.into()),
        reference: Set(next_reference(db, input.fee_type, terms.start).await?),
        startdate: Set(terms.start),
        enddate: Set(terms.end),
        amount: Set(terms.amount.small()?),
        supervisionlevel: Set(terms.level.map(Into::into)),
        confirmeddate: Set(Some(change.today)),
        raiseddate: Set(Some(input.raised_date)),
        source: Set(Some("Created manually".to_owned())),
        created_at: Set(Some(change.now)),
        created_by: Set(Some(change.actor.user_id)),
        ..Default::default()
    }
    .insert(db)
    .await?;
    let mut ranges = Vec::new();
    if let Some(level) = terms.level {
        let row_id = next_id(db, "invoice_fee_range").await?;
        let row = invoice_fee_range::ActiveModel {
            id: Set(row_id),
            invoice_id: Set(Some(id)),
            supervisionlevel: Set(level.into()),
            fromdate: Set(terms.start),
            todate: Set(terms.end),
            amount: Set(terms.amount.small()?),
        }
        .insert(db)
        .await?;
        ranges.push(row.into());
    }
    Ok((row.into(), ranges))
}

/// The next reference of a financial year: `S2000123/24`. Its counter is locked until the end of the
/// change, so that a change that fails leaves no gap.
async fn next_reference(
    db: &impl ConnectionTrait,
    fee_type: FeeType,
    start: NaiveDate,
) -> Result<String, Refusal> {
    let year = financial_year(start);
    let key = format!("{year}InvoiceNumber");
    let row = counter::ActiveModel {
        id: Set(next_id(db, "counter").await?),
        key: Set(key.clone()),
        counter: Set(0),
    };
    counter::Entity::insert_many([row])
        .on_conflict_do_nothing_on([counter::Column::Key])
        .exec_without_returning(db)
        .await?;
    let rows = counter::Entity::update_many()
        .col_expr(
            counter::Column::Counter,
            Expr::col(counter::Column::Counter).add(1),
        )
        .filter(counter::Column::Key.eq(key))
        .exec_with_returning(db)
        .await?;
    let number = rows.first().map(|row| row.counter).ok_or(Overflow)?;
    if number > 999_999 {
        return Err(Overflow.into());
    }
    let two_digits = start_of(year).map_or(0, |day| day.year().rem_euclid(100));
    Ok(format!("{}{number:06}/{two_digits:02}", word(fee_type)))
}

fn start_of(year: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, 4, 1)
}
