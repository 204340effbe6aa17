//! Issuing invoices: their references, their rows, and the reduction that covers them.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use entity::stored::{FeeType, SupervisionLevel};
use entity::{counter, invoice as table, invoice_fee_range};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::fault::Refusal;
use super::fee_reduction::{apply, covers, financial_year};
use super::frame::Frame;
use crate::finance::account::word;
use crate::finance::fee_reduction::FeeReduction;
use crate::finance::invoice::{FeeRange, Invoice};
use crate::finance::ledger::{Account, ROWS, next_id, next_ids};
use crate::finance::money::{Overflow, Pence};

/// An invoice to be issued.
pub(super) struct NewInvoice {
    pub(super) finance_client_id: i32,
    pub(super) person_id: i32,
    pub(super) fee_type: FeeType,
    pub(super) amount: Pence,
    pub(super) start: NaiveDate,
    pub(super) end: NaiveDate,
    pub(super) raised: Option<NaiveDate>,
    pub(super) confirmed: Option<NaiveDate>,
    pub(super) level: Option<SupervisionLevel>,
    pub(super) ranges: Vec<NewRange>,
    pub(super) source: Option<String>,
    pub(super) batch_number: Option<i32>,
    /// Day that `scheduledfn14date` names.
    pub(super) scheduled: Option<NaiveDate>,
    pub(super) created_by: i32,
}

/// A part of it.
pub(super) struct NewRange {
    pub(super) level: SupervisionLevel,
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) amount: Pence,
}

/// An invoice that was issued.
pub(super) struct Issued {
    pub(super) invoice: Invoice,
    pub(super) ranges: Vec<FeeRange>,
}

/// Writes the invoices, each with the next reference, and gives them in their order.
pub(super) async fn issue(
    frame: &Frame<'_>,
    invoices: &[NewInvoice],
) -> Result<Vec<Issued>, Refusal> {
    let db = &frame.transaction;
    let references = references(db, invoices).await?;
    let ids = next_ids(db, "invoice", invoices.len()).await?;
    let count = invoices.iter().map(|it| it.ranges.len()).sum();
    let mut range_ids = next_ids(db, "invoice_fee_range", count).await?.into_iter();
    let mut rows = Vec::with_capacity(invoices.len());
    let mut ranges = Vec::with_capacity(count);
    let mut issued = Vec::with_capacity(invoices.len());
    for ((new, reference), &id) in invoices.iter().zip(references).zip(&ids) {
        rows.push(table::ActiveModel {
            id: Set(id),
            person_id: Set(Some(new.person_id)),
            finance_client_id: Set(Some(new.finance_client_id)),
            feetype: Set(new.fee_type.into()),
            reference: Set(reference.clone()),
            startdate: Set(new.start),
            enddate: Set(new.end),
            amount: Set(new.amount.small()?),
            supervisionlevel: Set(new.level.map(Into::into)),
            confirmeddate: Set(new.confirmed),
            batchnumber: Set(new.batch_number),
            raiseddate: Set(new.raised),
            source: Set(new.source.clone()),
            scheduledfn14date: Set(new.scheduled),
            cacheddebtamount: Set(None),
            created_at: Set(Some(frame.now)),
            created_by: Set(Some(new.created_by)),
        });
        for (range, range_id) in new.ranges.iter().zip(range_ids.by_ref()) {
            ranges.push(invoice_fee_range::ActiveModel {
                id: Set(range_id),
                invoice_id: Set(Some(id)),
                supervisionlevel: Set(range.level.into()),
                fromdate: Set(range.from),
                todate: Set(range.to),
                amount: Set(range.amount.small()?),
            });
        }
        let of_invoice = new.ranges.iter().map(|range| FeeRange {
            invoice_id: Some(id),
            level: range.level.into(),
            from: range.from,
            to: range.to,
            amount: range.amount,
        });
        issued.push(Issued {
            ranges: of_invoice.collect(),
            invoice: Invoice {
                id,
                finance_client_id: Some(new.finance_client_id),
                reference,
                fee_type: new.fee_type.into(),
                amount: new.amount,
                raised_date: new.raised,
                start_date: new.start,
                end_date: new.end,
                created_at: Some(frame.now),
                created_by: Some(new.created_by),
            },
        });
    }
    for rows in rows.chunks(ROWS) {
        let insert = table::Entity::insert_many(rows.iter().cloned());
        insert.exec_without_returning(db).await?;
    }
    for rows in ranges.chunks(ROWS) {
        let insert = invoice_fee_range::Entity::insert_many(rows.iter().cloned());
        insert.exec_without_returning(db).await?;
    }
    Ok(issued)
}

/// Takes an invoice into its client's position, and applies the reduction that covers it: the lowest
/// id, should old rows overlap.
pub(super) fn charge(
    account: &mut Account,
    issued: &Issued,
    reductions: &[FeeReduction],
) -> Result<(), Overflow> {
    account.add_invoice(issued.invoice.clone())?;
    let covering = reductions.iter().filter(|it| covers(it, &issued.invoice));
    if let Some(reduction) = covering.min_by_key(|it| it.id) {
        apply(account, reduction, &issued.invoice, issued.ranges.iter())?;
    }
    Ok(())
}

/// The next references: `S2000123/24`. Counters are locked until the end of the change, so that a change
/// that fails leaves no gap, and always in the order of their years.
async fn references(
    db: &impl ConnectionTrait,
    invoices: &[NewInvoice],
) -> Result<Vec<String>, Refusal> {
    let mut references = vec![String::new(); invoices.len()];
    let mut by_year = BTreeMap::<i32, Vec<usize>>::new();
    for (place, invoice) in invoices.iter().enumerate() {
        let year = financial_year(invoice.start);
        by_year.entry(year).or_default().push(place);
    }
    for (year, mut places) in by_year {
        let counter = Counter::of(db, year).await?;
        while !places.is_empty() {
            let mut number = counter.take(db, places.len()).await?;
            for place in &places {
                if let (Some(invoice), Some(reference)) =
                    (invoices.get(*place), references.get_mut(*place))
                {
                    number = number.checked_add(1).ok_or(Overflow)?;
                    *reference = counter.reference(invoice.fee_type, number)?;
                }
            }
            // Another program may have numbered by itself.
            let taken = taken(db, &places, &references).await?;
            places.retain(|place| references.get(*place).is_some_and(|it| taken.contains(it)));
            if !places.is_empty() {
                tracing::warn!(year, "invoice numbers were taken without their counter");
                counter.catch_up(db).await?;
            }
        }
    }
    Ok(references)
}

async fn taken(
    db: &impl ConnectionTrait,
    places: &[usize],
    references: &[String],
) -> Result<HashSet<String>, Refusal> {
    let wanted = places.iter().filter_map(|place| references.get(*place));
    let taken = table::Entity::find()
        .select_only()
        .column(table::Column::Reference)
        .filter(table::Column::Reference.is_in(wanted.map(String::as_str)))
        .into_tuple::<String>()
        .all(db)
        .await?;
    Ok(taken.into_iter().collect())
}

/// The counter of a financial year's invoices.
struct Counter {
    key: String,
    two_digits: i32,
}

impl Counter {
    async fn of(db: &impl ConnectionTrait, year: i32) -> Result<Self, Refusal> {
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
        Ok(Self {
            key,
            two_digits: year.rem_euclid(100),
        })
    }

    /// Takes so many numbers; gives the one before the first.
    async fn take(&self, db: &impl ConnectionTrait, count: usize) -> Result<i32, Refusal> {
        let count = i32::try_from(count).map_err(|_| Overflow)?;
        let rows = counter::Entity::update_many()
            .col_expr(
                counter::Column::Counter,
                Expr::col(counter::Column::Counter).add(count),
            )
            .filter(counter::Column::Key.eq(self.key.as_str()))
            .exec_with_returning(db)
            .await?;
        let last = rows.first().map(|row| row.counter).ok_or(Overflow)?;
        Ok(last.checked_sub(count).ok_or(Overflow)?)
    }

    fn reference(&self, fee_type: FeeType, number: i32) -> Result<String, Overflow> {
        if !(0..=999_999).contains(&number) {
            return Err(Overflow);
        }
        let two_digits = self.two_digits;
        Ok(format!("{}{number:06}/{two_digits:02}", word(fee_type)))
    }

    /// Sets the counter to the highest number there is: all rows are looked through.
    async fn catch_up(&self, db: &impl ConnectionTrait) -> Result<(), Refusal> {
        let year = format!("__%/{:02}", self.two_digits);
        let all = table::Entity::find()
            .select_only()
            .column(table::Column::Reference)
            .filter(table::Column::Reference.like(year))
            .into_tuple::<String>()
            .all(db)
            .await?;
        let numbers = all
            .iter()
            .filter_map(|it| it.get(2..8)?.parse::<i32>().ok());
        let highest = numbers.max().unwrap_or(0);
        counter::Entity::update_many()
            .col_expr(counter::Column::Counter, Expr::value(highest))
            .filter(counter::Column::Key.eq(self.key.as_str()))
            .filter(counter::Column::Counter.lt(highest))
            .exec(db)
            .await?;
        Ok(())
    }
}
