//! Builds the rows of clients' accounts so that they read like a story. Demo and tests use it.
//!
//! It writes what it is told, sound or not: old rows and faults can be told too.

use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use entity::stored::{
    AdjustmentStatus, AdjustmentType, AllocationStatus, FeeReductionType, FeeType, LedgerStatus,
    LedgerType, PaymentMethod, PendingCollectionStatus, RefundDecision, Stored,
};
use entity::{
    fee_reduction, finance_client, invoice, invoice_adjustment, ledger, ledger_allocation,
    payment_method, pending_collection, refund,
};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait,
    IntoActiveModel, TransactionTrait,
};

/// Rows put in with one statement.
const BATCH: usize = 500;

/// The rows of any number of clients.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "each is the rows of that table")]
pub struct Books {
    pub finance_client: Vec<finance_client::Model>,
    pub invoice: Vec<invoice::Model>,
    pub fee_reduction: Vec<fee_reduction::Model>,
    pub ledger: Vec<ledger::Model>,
    pub ledger_allocation: Vec<ledger_allocation::Model>,
    pub invoice_adjustment: Vec<invoice_adjustment::Model>,
    pub refund: Vec<refund::Model>,
    pub payment_method: Vec<payment_method::Model>,
    pub pending_collection: Vec<pending_collection::Model>,
}

/// One part of a ledger's money: the invoice, if it touches one, the amount with its sign, and
/// what it did.
pub type Part = (Option<i32>, i32, AllocationStatus);

/// Money put on an invoice.
pub fn allocated(invoice: i32, amount: i32) -> Part {
    (Some(invoice), amount, AllocationStatus::Allocated)
}

/// Money that leaves an invoice because it owes less.
pub fn unapplied(invoice: i32, amount: i32) -> Part {
    (Some(invoice), -amount.abs(), AllocationStatus::Unapplied)
}

/// A payment larger than all debt.
pub fn overpaid(amount: i32) -> Part {
    (None, -amount, AllocationStatus::Unapplied)
}

/// Credit used on an invoice.
pub fn reapplied(invoice: i32, amount: i32) -> Part {
    (Some(invoice), amount, AllocationStatus::Reapplied)
}

/// Credit paid back.
pub fn refunded(amount: i32) -> Part {
    (None, amount, AllocationStatus::Reapplied)
}

/// An instant, `2024-04-02 09:30:00`, UTC; the seconds may have a fraction.
///
/// # Panics
/// When it is none: stories are part of the program.
pub fn at(text: &str) -> NaiveDateTime {
    told(
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"),
        text,
    )
}

/// A day, `2024-04-02`.
///
/// # Panics
/// When it is none: stories are part of the program.
pub fn day(text: &str) -> NaiveDate {
    told(NaiveDate::from_str(text), text)
}

#[expect(
    clippy::panic,
    reason = "a story that cannot be told is a fault of the program"
)]
fn told<T, E>(result: Result<T, E>, text: &str) -> T {
    result.unwrap_or_else(|_| panic!("{text} is no time"))
}

fn next_id<T>(rows: &[T]) -> i32 {
    i32::try_from(rows.len())
        .unwrap_or(i32::MAX)
        .saturating_add(1)
}

impl Books {
    /// How many clients.
    pub fn clients(&self) -> usize {
        self.finance_client.len()
    }

    /// How many ledgers.
    pub fn ledgers(&self) -> usize {
        self.ledger.len()
    }

    /// The id that the next adjustment will have.
    pub fn next_adjustment(&self) -> i32 {
        next_id(&self.invoice_adjustment)
    }

    /// The id that the next refund will have.
    pub fn next_refund(&self) -> i32 {
        next_id(&self.refund)
    }

    /// A client of Sirius's person id. Gives what tells its story.
    pub fn client(&mut self, client_id: i32, court_ref: &str, method: PaymentMethod) -> Story<'_> {
        let id = next_id(&self.finance_client);
        self.finance_client.push(finance_client::Model {
            id,
            client_id,
            sop_number: format!("SOP{client_id}"),
            payment_method: method.into(),
            batchnumber: None,
            court_ref: Some(court_ref.to_owned()),
        });
        Story {
            books: self,
            id,
            client_id,
            by: None,
        }
    }

    /// Writes all rows in one transaction, and on PostgreSQL brings the sequences up to them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn write(self, db: &DatabaseConnection) -> Result<(), DbErr> {
        let transaction = db.begin().await?;
        insert::<finance_client::ActiveModel, _>(self.finance_client, &transaction).await?;
        insert::<invoice::ActiveModel, _>(self.invoice, &transaction).await?;
        insert::<fee_reduction::ActiveModel, _>(self.fee_reduction, &transaction).await?;
        insert::<ledger::ActiveModel, _>(self.ledger, &transaction).await?;
        insert::<ledger_allocation::ActiveModel, _>(self.ledger_allocation, &transaction).await?;
        insert::<invoice_adjustment::ActiveModel, _>(self.invoice_adjustment, &transaction).await?;
        insert::<refund::ActiveModel, _>(self.refund, &transaction).await?;
        insert::<payment_method::ActiveModel, _>(self.payment_method, &transaction).await?;
        insert::<pending_collection::ActiveModel, _>(self.pending_collection, &transaction).await?;
        if db.get_database_backend() == DbBackend::Postgres {
            for table in TABLES {
                let sql = format!(
                    "SELECT setval('{table}_id_seq', (SELECT coalesce(max(id), 1) FROM {table}))"
                );
                transaction.execute_unprepared(&sql).await?;
            }
        }
        transaction.commit().await
    }
}

const TABLES: [&str; 9] = [
    "finance_client",
    "invoice",
    "fee_reduction",
    "ledger",
    "ledger_allocation",
    "invoice_adjustment",
    "refund",
    "payment_method",
    "pending_collection",
];

async fn insert<A, M>(rows: Vec<M>, db: &impl ConnectionTrait) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    M: IntoActiveModel<A>,
{
    let mut rows = rows
        .into_iter()
        .map(IntoActiveModel::into_active_model)
        .peekable();
    while rows.peek().is_some() {
        let batch = rows.by_ref().take(BATCH).collect::<Vec<A>>();
        A::Entity::insert_many(batch)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Tells what happens to one client.
#[derive(Debug)]
pub struct Story<'a> {
    books: &'a mut Books,
    id: i32,
    client_id: i32,
    by: Option<i32>,
}

impl Story<'_> {
    /// Our id of the client.
    pub fn finance_client_id(&self) -> i32 {
        self.id
    }

    /// Whoever acts from here on.
    pub fn by(&mut self, user: i32) -> &mut Self {
        self.by = Some(user);
        self
    }

    /// Nobody is recorded from here on.
    pub fn by_nobody(&mut self) -> &mut Self {
        self.by = None;
        self
    }

    fn actor(&self) -> i32 {
        self.by.unwrap_or_default()
    }

    /// An invoice raised and made at that instant. Gives its id.
    pub fn invoice(&mut self, fee: FeeType, reference: &str, amount: i32, made: &str) -> i32 {
        let made = at(made);
        self.invoice_row(|row| {
            row.feetype = fee.into();
            row.reference = reference.to_owned();
            row.amount = amount;
            row.startdate = made.date();
            row.enddate = made.date();
            row.raiseddate = Some(made.date());
            row.created_at = Some(made);
        })
    }

    /// An invoice from before the service: raised on that day, made by nobody knows whom or when.
    pub fn old_invoice(&mut self, fee: FeeType, reference: &str, amount: i32, raised: &str) -> i32 {
        let raised = day(raised);
        self.invoice_row(|row| {
            row.feetype = fee.into();
            row.reference = reference.to_owned();
            row.amount = amount;
            row.startdate = raised;
            row.enddate = raised;
            row.raiseddate = Some(raised);
            row.created_by = None;
        })
    }

    /// An invoice of which anything can be told. Gives its id.
    pub fn invoice_row(&mut self, tell: impl FnOnce(&mut invoice::Model)) -> i32 {
        let id = next_id(&self.books.invoice);
        let mut row = invoice::Model {
            id,
            person_id: Some(self.client_id),
            finance_client_id: Some(self.id),
            feetype: FeeType::Ad.into(),
            reference: format!("AD{id:06}/24"),
            startdate: NaiveDate::default(),
            enddate: NaiveDate::default(),
            amount: 0,
            supervisionlevel: None,
            confirmeddate: None,
            batchnumber: None,
            raiseddate: None,
            source: Some("Created manually".to_owned()),
            scheduledfn14date: None,
            cacheddebtamount: None,
            created_at: None,
            created_by: self.by,
        };
        tell(&mut row);
        self.books.invoice.push(row);
        id
    }

    /// A payment received on that day and entered at that instant. Gives the ledger's id.
    pub fn payment(&mut self, kind: LedgerType, received: &str, made: &str, parts: &[Part]) -> i32 {
        let amount = parts.iter().map(|(invoice, amount, _)| match invoice {
            Some(_) => *amount,
            None => -*amount,
        });
        let amount = amount.sum();
        let received = day(received).and_time(NaiveTime::MIN);
        let made = at(made);
        self.ledger_row(parts, |row| {
            row.kind = kind.into();
            row.amount = amount;
            row.datetime = received;
            row.created_at = Some(made);
            row.bankdate = Some(received.date());
        })
    }

    /// Any other transaction; its amount is the sum of its parts. Gives the ledger's id.
    pub fn ledger(&mut self, kind: LedgerType, made: &str, parts: &[Part]) -> i32 {
        let made = at(made);
        let amount = parts.iter().map(|(_, amount, _)| *amount).sum();
        self.ledger_row(parts, |row| {
            row.kind = kind.into();
            row.amount = amount;
            row.datetime = made;
            row.created_at = Some(made);
        })
    }

    /// A ledger of which anything can be told. Gives its id.
    pub fn ledger_row(&mut self, parts: &[Part], tell: impl FnOnce(&mut ledger::Model)) -> i32 {
        let id = next_id(&self.books.ledger);
        let mut row = ledger::Model {
            id,
            reference: format!("00000000-0000-4000-8000-{id:012}"),
            datetime: NaiveDateTime::default(),
            method: String::new(),
            amount: 0,
            notes: None,
            kind: LedgerType::CreditReapply.into(),
            status: LedgerStatus::Confirmed.into(),
            finance_client_id: Some(self.id),
            parent_id: None,
            fee_reduction_id: None,
            confirmeddate: None,
            bankdate: None,
            batchnumber: None,
            bankaccount: None,
            source: None,
            line: None,
            created_at: None,
            created_by: self.by,
            pis_number: None,
        };
        tell(&mut row);
        self.books.ledger.push(row);
        for (invoice, amount, status) in parts {
            self.allocation(id, *invoice, *amount, (*status).into());
        }
        id
    }

    /// One more allocation of a ledger, its status as it is stored: old words can be told.
    pub fn allocation_row(
        &mut self,
        ledger: i32,
        invoice: i32,
        amount: i32,
        status: &str,
    ) -> &mut Self {
        self.allocation(ledger, Some(invoice), amount, Stored::read(status))
    }

    fn allocation(
        &mut self,
        ledger: i32,
        invoice_id: Option<i32>,
        amount: i32,
        status: Stored<AllocationStatus>,
    ) -> &mut Self {
        let row = self.books.ledger.iter().find(|row| row.id == ledger);
        self.books.ledger_allocation.push(ledger_allocation::Model {
            id: next_id(&self.books.ledger_allocation),
            ledger_id: Some(ledger),
            invoice_id,
            datetime: row.map(|row| row.datetime).unwrap_or_default(),
            amount,
            status,
            reference: None,
            notes: None,
            allocateddate: None,
            batchnumber: None,
            source: None,
        });
        self
    }

    /// A fee reduction awarded at that instant for that span. Gives its id.
    pub fn fee_reduction(
        &mut self,
        kind: FeeReductionType,
        from: &str,
        to: &str,
        made: &str,
    ) -> i32 {
        let id = next_id(&self.books.fee_reduction);
        let made = at(made);
        self.books.fee_reduction.push(fee_reduction::Model {
            id,
            finance_client_id: Some(self.id),
            kind: kind.into(),
            evidencetype: None,
            startdate: day(from),
            enddate: day(to),
            notes: "Award letter seen".to_owned(),
            deleted: false,
            datereceived: Some(made.date()),
            created_at: Some(made),
            created_by: self.by,
            cancelled_at: None,
            cancelled_by: None,
            cancellation_reason: None,
        });
        id
    }

    /// Changes anything of a fee reduction.
    pub fn fee_reduction_row(
        &mut self,
        id: i32,
        tell: impl FnOnce(&mut fee_reduction::Model),
    ) -> &mut Self {
        if let Some(row) = self.books.fee_reduction.iter_mut().find(|row| row.id == id) {
            tell(row);
        }
        self
    }

    /// The fee reduction is cancelled.
    pub fn cancel_fee_reduction(&mut self, id: i32, made: &str, reason: &str) -> &mut Self {
        let by = self.by;
        self.fee_reduction_row(id, |row| {
            row.deleted = true;
            row.cancelled_at = Some(at(made));
            row.cancelled_by = by;
            row.cancellation_reason = Some(reason.to_owned());
        })
    }

    /// The fee reduction is applied: a ledger with those parts.
    pub fn apply_fee_reduction(&mut self, id: i32, made: &str, parts: &[Part]) -> i32 {
        let row = self.books.fee_reduction.iter().find(|row| row.id == id);
        let kind = match row.and_then(|row| row.kind.known()) {
            Some(FeeReductionType::Hardship) => LedgerType::CreditHardship,
            Some(FeeReductionType::Remission) => LedgerType::CreditRemission,
            _ => LedgerType::CreditExemption,
        };
        let ledger = self.ledger(kind, made, parts);
        if let Some(row) = self.books.ledger.iter_mut().find(|row| row.id == ledger) {
            row.fee_reduction_id = Some(id);
            row.notes = Some("Credit due to approved fee reduction".to_owned());
        }
        ledger
    }

    /// An adjustment is raised. Gives its id.
    pub fn adjustment(
        &mut self,
        kind: AdjustmentType,
        invoice: i32,
        amount: i32,
        made: &str,
    ) -> i32 {
        let id = next_id(&self.books.invoice_adjustment);
        let made = at(made);
        self.books
            .invoice_adjustment
            .push(invoice_adjustment::Model {
                id,
                finance_client_id: self.id,
                invoice_id: invoice,
                raised_date: made.date(),
                adjustment_type: kind.into(),
                amount,
                amount_given: None,
                notes: "Raised after a call from the deputy".to_owned(),
                status: AdjustmentStatus::Pending.into(),
                created_at: made,
                created_by: self.actor(),
                updated_at: None,
                updated_by: None,
                ledger_id: None,
            });
        id
    }

    /// The adjustment is decided on; an approval names its ledger.
    pub fn decide_adjustment(&mut self, id: i32, made: &str, ledger: Option<i32>) -> &mut Self {
        let by = self.by;
        if let Some(row) = self
            .books
            .invoice_adjustment
            .iter_mut()
            .find(|row| row.id == id)
        {
            let is_approved = ledger.is_some();
            let status = if is_approved {
                AdjustmentStatus::Approved
            } else {
                AdjustmentStatus::Rejected
            };
            row.status = status.into();
            row.updated_at = Some(at(made));
            row.updated_by = by;
            row.ledger_id = ledger;
        }
        self
    }

    /// A refund is asked for. Gives its id.
    pub fn refund(&mut self, amount: i32, made: &str) -> i32 {
        let id = next_id(&self.books.refund);
        let made = at(made);
        self.books.refund.push(refund::Model {
            id,
            finance_client_id: self.id,
            raised_date: made.date(),
            amount,
            decision: RefundDecision::Pending.into(),
            notes: "The deputy asks for the credit back".to_owned(),
            created_by: self.actor(),
            created_at: made,
            decision_by: None,
            decision_at: None,
            processed_at: None,
            cancelled_at: None,
            fulfilled_at: None,
            cancelled_by: None,
            reset_at: None,
        });
        id
    }

    /// Changes anything of a refund.
    pub fn refund_row(&mut self, id: i32, tell: impl FnOnce(&mut refund::Model)) -> &mut Self {
        if let Some(row) = self.books.refund.iter_mut().find(|row| row.id == id) {
            tell(row);
        }
        self
    }

    /// The refund is decided on.
    pub fn decide_refund(&mut self, id: i32, decision: RefundDecision, made: &str) -> &mut Self {
        let by = self.by;
        self.refund_row(id, |row| {
            row.decision = decision.into();
            row.decision_at = Some(at(made));
            row.decision_by = by;
        })
    }

    /// A direct debit mandate is made, or ended.
    pub fn mandate(&mut self, method: PaymentMethod, made: &str) -> &mut Self {
        self.books.payment_method.push(payment_method::Model {
            id: next_id(&self.books.payment_method),
            finance_client_id: self.id,
            kind: method.into(),
            created_at: at(made),
            created_by: self.actor(),
        });
        self
    }

    /// A collection is scheduled.
    pub fn collection(
        &mut self,
        amount: i32,
        on: &str,
        status: PendingCollectionStatus,
        made: &str,
    ) -> &mut Self {
        self.books
            .pending_collection
            .push(pending_collection::Model {
                id: next_id(&self.books.pending_collection),
                finance_client_id: Some(self.id),
                collection_date: day(on),
                amount,
                status: status.into(),
                ledger_id: None,
                created_at: at(made),
                created_by: self.actor(),
            });
        self
    }
}
