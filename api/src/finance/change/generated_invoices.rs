//! Invoices that Sirius generates, many at a time (`domain.md` section 7).
//!
//! A batch is one transaction. In it each invoice is made or refused by itself: one that is refused
//! does not hold up the others. The first result stays with the batch's key.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use entity::stored::{FeeType, SupervisionLevel};
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, FaultCode, Faults, Refusal};
use super::fee_reduction::{YEARS, financial_year};
use super::frame::{Actor, Frame, Opened};
use super::idempotency::{Key, RequestKey};
use super::issue::{NewInvoice, NewRange, charge, issue};
use crate::finance::account::FinanceClient;
use crate::finance::money::Pence;
use crate::finance::{FinanceError, fee_reduction, ledger};

/// An invoice to be made.
#[derive(Clone, Debug)]
pub struct GeneratedInvoice {
    /// Sirius's person id.
    pub client_id: i32,
    /// What `person_id` is to hold, if not that.
    pub person_id: Option<i32>,
    /// What the fee is for.
    pub fee_type: FeeType,
    /// What is charged.
    pub amount: Pence,
    /// First day the fee covers.
    pub start_date: NaiveDate,
    /// Last day the fee covers.
    pub end_date: NaiveDate,
    /// Day it is raised.
    pub raised_date: Option<NaiveDate>,
    /// Day it was confirmed.
    pub confirmed_date: Option<NaiveDate>,
    /// Level charged for.
    pub supervision_level: Option<SupervisionLevel>,
    /// What each level is charged for; if they are not said, the whole at the level charged for.
    pub fee_ranges: Option<Vec<GeneratedFeeRange>>,
    /// Sirius's batch.
    pub batch_number: Option<i64>,
    /// Where it comes from.
    pub source: Option<String>,
    /// Sirius's `scheduledfn14date`.
    pub scheduled_fn14_date: Option<NaiveDate>,
    /// Sirius user who made it, if not the one that services act as.
    pub created_by: Option<i64>,
}

/// What a level is charged for.
#[derive(Clone, Debug)]
pub struct GeneratedFeeRange {
    /// The level.
    pub level: SupervisionLevel,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// What is charged for these days.
    pub amount: Pence,
}

/// What became of an invoice of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Generated {
    /// It was made: its id.
    Invoice(i32),
    /// It was refused; nothing of it was written.
    Refused(Vec<Fault>),
}

/// The most invoices of a batch.
pub const BATCH_LIMIT: usize = 1_000;

/// The most fee ranges of an invoice.
const RANGE_LIMIT: usize = 60;

/// The longest `source`, in characters.
const SOURCE_LIMIT: usize = 20;

/// Makes the invoices in one transaction; of one that could not even be read there is the fault. For each, in
/// their order, the reduction that covers it is applied and credit is used. Gives what became of each.
///
/// # Errors
/// When the batch as a whole is refused or cannot be done; then nothing was written.
pub async fn create_generated_invoices(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &[Result<GeneratedInvoice, Fault>],
    key: Option<&RequestKey>,
) -> Result<Vec<Generated>, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "createGeneratedInvoices");
    let is_size = (1..=BATCH_LIMIT).contains(&input.len());
    let text = format!(
        "It has {} invoices; 1 to {BATCH_LIMIT} are taken.",
        input.len()
    );
    faults.require(is_size, "invoices", FaultCode::OutOfRange, text);
    faults.check()?;
    let mut frame = match Frame::open(db, actor, key).await? {
        Opened::Frame(frame) => frame,
        Opened::Before(earlier) => return read_result(earlier.result.as_deref()),
    };
    let wanted = input.iter().flatten().map(|it| it.client_id);
    let wanted = wanted.collect::<Vec<_>>();
    let clients = frame.lock(&wanted).await?;
    let by_person = clients.iter().map(|it| (it.client_id, it));
    let by_person = by_person.collect::<HashMap<_, _>>();

    let mut results = Vec::with_capacity(input.len());
    let mut new = Vec::new();
    for (place, invoice) in input.iter().enumerate() {
        let mut faults = Faults::default();
        let checked = match invoice {
            Ok(invoice) => {
                let client = by_person.get(&invoice.client_id).copied();
                check(invoice, client, actor, &mut faults)
            }
            Err(fault) => {
                faults.push(fault.clone());
                None
            }
        };
        match checked {
            Some(invoice) => {
                new.push(invoice);
                // Known once it is written.
                results.push(Generated::Invoice(0));
            }
            None => {
                let mut within = Faults::default();
                within.add_all(&["invoices".to_owned(), place.to_string()], faults);
                results.push(Generated::Refused(within.into_vec()));
            }
        }
    }
    write(&mut frame, &clients, &new, &mut results).await?;
    let kept = serde_json::to_string(&results).map_err(|_| FinanceError::Lost)?;
    frame.commit(0, Some(kept)).await?;
    Ok(results)
}

/// Writes the invoices, and their ids into the results.
async fn write(
    frame: &mut Frame<'_>,
    clients: &[FinanceClient],
    new: &[NewInvoice],
    results: &mut [Generated],
) -> Result<(), Refusal> {
    let ids = clients.iter().map(|it| it.id).collect::<Vec<_>>();
    let mut accounts = ledger::read(&frame.transaction, &ids).await?;
    let issued = issue(frame, new).await?;
    let made = results
        .iter_mut()
        .filter(|it| matches!(it, Generated::Invoice(_)));
    for (result, issued) in made.zip(&issued) {
        *result = Generated::Invoice(issued.invoice.id);
    }
    let mut reductions = HashMap::<i32, Vec<_>>::new();
    for reduction in fee_reduction::of_clients(&frame.transaction, &ids).await? {
        if let Some(client) = reduction.finance_client_id {
            reductions.entry(client).or_default().push(reduction);
        }
    }
    for issued in &issued {
        let client = issued.invoice.finance_client_id.unwrap_or_default();
        let account = accounts.get_mut(&client).ok_or(FinanceError::Lost)?;
        let of_client = reductions.get(&client).map_or(&[][..], Vec::as_slice);
        charge(account, issued, of_client)?;
        account.reapply()?;
    }
    let charged = issued.iter().filter_map(|it| it.invoice.finance_client_id);
    let charged = charged.collect::<HashSet<_>>();
    let charged = clients.iter().filter(|client| charged.contains(&client.id));
    let positions = charged.filter_map(|client| Some((client, accounts.remove(&client.id)?)));
    frame.settle(positions.collect()).await?;
    Ok(())
}

/// The invoice with all that is decided, if nothing is wrong with it.
fn check(
    input: &GeneratedInvoice,
    client: Option<&FinanceClient>,
    actor: &Actor,
    faults: &mut Faults,
) -> Option<NewInvoice> {
    if client.is_none() {
        let text = format!("There is no client {}.", input.client_id);
        faults.add("clientId", FaultCode::NotFound, text);
    }
    faults.require(
        input.amount > Pence::ZERO && input.amount.small().is_ok(),
        "amount",
        FaultCode::OutOfRange,
        format!("It must be above 0 and at most {}.", i32::MAX),
    );
    let days = [
        ("startDate", Some(input.start_date)),
        ("endDate", Some(input.end_date)),
        ("raisedDate", input.raised_date),
        ("confirmedDate", input.confirmed_date),
        ("scheduledFn14Date", input.scheduled_fn14_date),
    ];
    for (field, day) in days {
        sane(field, day, faults);
    }
    let text = "The start date is not after the end date.";
    let is_forward = input.start_date <= input.end_date;
    faults.require(is_forward, "endDate", FaultCode::Invalid, text);
    let batch_number = small("batchNumber", input.batch_number, 0, faults);
    let created_by = small("createdBy", input.created_by, 1, faults);
    if let Some(source) = &input.source {
        let is_short = source.chars().count() <= SOURCE_LIMIT;
        let text = format!("It has at most {SOURCE_LIMIT} characters.");
        faults.require(is_short, "source", FaultCode::TooLong, text);
        let is_plain = !source.chars().any(char::is_control);
        faults.require(
            is_plain,
            "source",
            FaultCode::Invalid,
            "It has control characters.",
        );
    }
    let given = input.fee_ranges.as_deref().unwrap_or_default();
    let is_few = given.len() <= RANGE_LIMIT;
    let text = format!("It has more than {RANGE_LIMIT} ranges.");
    faults.require(is_few, "feeRanges", FaultCode::OutOfRange, text);
    let mut charged = 0_i64;
    for (place, range) in given.iter().enumerate().take(RANGE_LIMIT) {
        let mut of_range = Faults::default();
        sane("fromDate", Some(range.from), &mut of_range);
        sane("toDate", Some(range.to), &mut of_range);
        let text = "The first day is not after the last.";
        of_range.require(range.from <= range.to, "toDate", FaultCode::Invalid, text);
        let is_amount = range.amount >= Pence::ZERO && range.amount <= input.amount;
        let text = "It is 0 to the invoice's amount.";
        of_range.require(is_amount, "amount", FaultCode::OutOfRange, text);
        faults.add_all(&["feeRanges".to_owned(), place.to_string()], of_range);
        charged = charged.saturating_add(range.amount.get());
    }
    let text = "The ranges together are more than the invoice's amount.";
    let is_within = charged <= input.amount.get();
    faults.require(is_within, "feeRanges", FaultCode::OutOfRange, text);
    let client = client.filter(|_| faults.is_empty())?;
    let ranges = match (&input.fee_ranges, input.supervision_level) {
        (Some(ranges), _) => ranges.iter().map(NewRange::from).collect(),
        (None, Some(level)) => vec![NewRange {
            level,
            from: input.start_date,
            to: input.end_date,
            amount: input.amount,
        }],
        (None, None) => Vec::new(),
    };
    Some(NewInvoice {
        finance_client_id: client.id,
        person_id: input.person_id.unwrap_or(input.client_id),
        fee_type: input.fee_type,
        amount: input.amount,
        start: input.start_date,
        end: input.end_date,
        raised: input.raised_date,
        confirmed: input.confirmed_date,
        level: input.supervision_level,
        ranges,
        source: input.source.clone(),
        batch_number,
        scheduled: input.scheduled_fn14_date,
        created_by: created_by.unwrap_or(actor.user_id),
    })
}

impl From<&GeneratedFeeRange> for NewRange {
    fn from(range: &GeneratedFeeRange) -> Self {
        Self {
            level: range.level,
            from: range.from,
            to: range.to,
            amount: range.amount,
        }
    }
}

fn sane(field: &'static str, day: Option<NaiveDate>, faults: &mut Faults) {
    let is_sane = day.is_none_or(|day| YEARS.contains(&financial_year(day)));
    let text = "It is a day of the years 1990 to 2088.";
    faults.require(is_sane, field, FaultCode::OutOfRange, text);
}

fn small(field: &'static str, number: Option<i64>, least: i32, faults: &mut Faults) -> Option<i32> {
    let number = number?;
    let small = i32::try_from(number).ok().filter(|it| *it >= least);
    let text = format!("It is {least} to {}.", i32::MAX);
    faults.require(small.is_some(), field, FaultCode::OutOfRange, text);
    small
}

fn read_result(kept: Option<&str>) -> Result<Vec<Generated>, Refusal> {
    let kept = kept.ok_or(FinanceError::Lost)?;
    serde_json::from_str(kept).map_err(|_| FinanceError::Lost.into())
}
