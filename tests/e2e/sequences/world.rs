//! Some clients, what is known of them, and what happens to them.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use api::clock::Clock;
use api::finance::ChangedClients;
use api::finance::account::balances;
use api::finance::audit;
use api::finance::change::*;
use api::finance::money::Pence;
use chrono::{Days, NaiveDate};
use entity::stored::*;
use entity::{finance_client, invoice_adjustment, refund};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Statement};
use tests::Harness;

use super::facts::{Facts, InvoiceFacts, Reduction};
use super::step::{Sent, Step};

/// Asks and raises.
const OFFICER: i32 = 3;
/// Decides.
const MANAGER: i32 = 7;

static CLIENTS: AtomicI32 = AtomicI32::new(100_000);

pub(super) struct World<'a> {
    t: &'a Harness,
    clients: Vec<Client>,
    keys: usize,
}

struct Client {
    id: i32,
    client_id: i32,
    facts: Facts,
}

/// What a step came to, if it was not refused.
type Made<T = Changed> = Result<Option<T>, String>;

fn made<T>(result: Result<T, Refusal>) -> Made<T> {
    match result {
        Ok(made) => Ok(Some(made)),
        Err(Refusal::Faults(faults)) if !faults.is_empty() => Ok(None),
        Err(other) => Err(format!("{other:?}")),
    }
}

/// Sends a change, and again with the same key if it is to be sent twice.
macro_rules! send {
    ($world:expr, $twice:expr, $actor:expr, $change:path, $input:expr) => {{
        $world.keys += 1;
        let key = format!("{}-{}", $world.clients[0].client_id, $world.keys);
        let key = $twice.then(|| RequestKey {
            key,
            content: format!("{}", $world.keys),
        });
        let first = made($change(&$world.t.db, &$actor, $input, key.as_ref()).await)?;
        if $twice {
            let again = made($change(&$world.t.db, &$actor, $input, key.as_ref()).await)?;
            if first.is_some() && first != again {
                return Err(format!("{first:?} came again as {again:?}"));
            }
        }
        first
    }};
}

impl<'a> World<'a> {
    pub(super) async fn new(t: &'a Harness) -> Self {
        let mut world = Self {
            t,
            clients: Vec::new(),
            keys: 0,
        };
        for _ in 0..3 {
            let client_id = CLIENTS.fetch_add(1, Ordering::SeqCst);
            let input = NewFinanceClient {
                client_id,
                sop_number: client_id.to_string(),
                court_reference: None,
                payment_method: PaymentMethod::Demanded,
            };
            let made = create_finance_client(&t.db, &world.actor(OFFICER), &input, None).await;
            let id = made.unwrap().id;
            world.clients.push(Client {
                id,
                client_id,
                facts: Facts::default(),
            });
        }
        world
    }

    fn actor(&self, user_id: i32) -> Actor {
        Actor {
            user_id,
            is_manager: user_id == MANAGER,
            caller: format!("user:{user_id}"),
            clock: self.t.clock.clone(),
            four_eyes: true,
            changed_clients: ChangedClients::default(),
        }
    }

    fn today(&self) -> NaiveDate {
        self.t.clock.now().date_naive()
    }

    fn ago(&self, days: u64) -> NaiveDate {
        self.today() - Days::new(days)
    }

    /// Every step, and after each whether the books are right.
    pub(super) async fn run(&mut self, sequence: &[Sent]) -> Result<(), String> {
        for (place, (client, step, twice)) in sequence.iter().enumerate() {
            let checked = match self.step(*client, step, *twice).await {
                Ok(()) => self.check().await,
                Err(why) => Err(why),
            };
            checked.map_err(|why| format!("step {place}: {why}"))?;
        }
        Ok(())
    }

    async fn check(&self) -> Result<(), String> {
        let ids = self.clients.iter().map(|it| it.id).collect::<Vec<_>>();
        let takeover = self.t.clock.now().naive_utc() - Days::new(36_500);
        let breaches = audit::of_clients(&self.t.db, &ids, takeover).await.unwrap();
        if !breaches.is_empty() {
            return Err(format!("{breaches:?}"));
        }
        let balances = balances(&self.t.db, &ids).await.unwrap();
        for client in &self.clients {
            let found = balances[&client.id];
            let found = (found.outstanding.get(), found.credit.get());
            let expected = client.facts.balances();
            if found != expected {
                return Err(format!(
                    "client {} has {found:?}, expected {expected:?}",
                    client.client_id
                ));
            }
        }
        Ok(())
    }

    async fn step(&mut self, place: usize, step: &Step, twice: bool) -> Result<(), String> {
        let (id, client_id) = (self.clients[place].id, self.clients[place].client_id);
        match step {
            Step::ManualInvoice {
                fee_type,
                amount,
                raised,
                level,
            } => {
                let raised = self.ago(*raised);
                let is_fixed = matches!(fee_type, FeeType::Ad | FeeType::Ga);
                let is_final = matches!(fee_type, FeeType::Sf | FeeType::Se | FeeType::So);
                let input = ManualInvoice {
                    client_id,
                    fee_type: *fee_type,
                    amount: (!is_fixed).then_some(Pence::new(*amount)),
                    raised_date: raised,
                    start_date: (!is_fixed).then_some(raised),
                    end_date: is_final.then_some(raised),
                    supervision_level: level.filter(|_| is_fixed || is_final),
                };
                let made = send!(self, twice, self.actor(MANAGER), add_manual_invoice, &input);
                let amount = match fee_type {
                    FeeType::Ad => 10_000,
                    FeeType::Ga => 20_000,
                    _ => *amount,
                };
                let is_general = match fee_type {
                    FeeType::S2 | FeeType::B2 => true,
                    FeeType::S3 | FeeType::B3 => false,
                    _ => *level == Some(SupervisionLevel::General),
                };
                let made = made.ok_or("an invoice was refused")?;
                let general = if is_general { amount } else { 0 };
                let invoice = InvoiceFacts::new(made.id, *fee_type, amount, general, Some(raised));
                self.clients[place].facts.invoice(invoice);
            }
            Step::GeneratedInvoices(batch) => self.generated(batch, twice).await?,
            Step::AddReduction {
                kind,
                start_year,
                years,
                received,
            } => {
                let received = self.ago(*received);
                let input = FeeReductionRequest {
                    client_id,
                    kind: *kind,
                    start_year: *start_year,
                    length_in_years: *years,
                    date_received: received,
                    notes: "As the deputy asked".to_owned(),
                };
                let made = send!(self, twice, self.actor(OFFICER), add_fee_reduction, &input);
                let day = |year: i64, month, day| {
                    NaiveDate::from_ymd_opt(year as i32, month, day).unwrap()
                };
                if let Some(made) = made {
                    let end = day(start_year + years, 3, 31);
                    let start = day(*start_year, 4, 1);
                    let reductions = &self.clients[place].facts.reductions;
                    if reductions
                        .iter()
                        .any(|it| !it.is_cancelled && it.start <= end && it.end >= start)
                    {
                        return Err("two reductions overlap".to_owned());
                    }
                    let reduction = Reduction {
                        id: made.id,
                        kind: *kind,
                        start,
                        end,
                        received,
                        is_cancelled: false,
                    };
                    self.clients[place].facts.reduction(reduction);
                }
            }
            Step::CancelReduction(pick) => {
                let reductions = &self.clients[place].facts.reductions;
                let Some(which) = picked(reductions.len(), *pick) else {
                    return Ok(());
                };
                let input = FeeReductionCancellation {
                    client_id,
                    fee_reduction_id: Some(reductions[which].id),
                    reason: "Awarded by mistake".to_owned(),
                };
                let was = reductions[which].is_cancelled;
                let made = send!(
                    self,
                    twice,
                    self.actor(MANAGER),
                    cancel_fee_reduction,
                    &input
                );
                if made.is_some() == was {
                    return Err("a reduction is cancelled once".to_owned());
                }
                self.clients[place].facts.reductions[which].is_cancelled = true;
            }
            Step::Raise {
                invoice,
                kind,
                amount,
                by_manager,
            } => {
                let invoices = &self.clients[place].facts.invoices;
                let Some(which) = picked(invoices.len(), *invoice) else {
                    return Ok(());
                };
                let input = AdjustmentRequest {
                    client_id,
                    invoice_id: Some(invoices[which].id),
                    kind: *kind,
                    amount: amount.map(Pence::new),
                    notes: "As the deputy asked".to_owned(),
                };
                // A second manager, who does not decide.
                let mut actor = self.actor(OFFICER);
                actor.is_manager = *by_manager;
                send!(self, twice, actor, raise_adjustment, &input);
            }
            Step::Decide {
                adjustment,
                is_approved,
            } => {
                let pending = invoice_adjustment::Entity::find()
                    .filter(invoice_adjustment::Column::FinanceClientId.eq(id))
                    .filter(invoice_adjustment::Column::Status.eq("PENDING"))
                    .order_by_asc(invoice_adjustment::Column::Id)
                    .all(&self.t.db)
                    .await
                    .unwrap();
                let Some(which) = picked(pending.len(), *adjustment) else {
                    return Ok(());
                };
                let row = &pending[which];
                let input = AdjustmentDecision {
                    client_id,
                    adjustment_id: Some(row.id),
                    is_approved: *is_approved,
                };
                let made = send!(self, twice, self.actor(MANAGER), decide_adjustment, &input);
                if made.is_some() && *is_approved {
                    let kind = row.adjustment_type.known().unwrap();
                    let facts = &mut self.clients[place].facts;
                    facts.adjustment(row.invoice_id, kind, row.amount.into());
                }
            }
            Step::RequestRefund => {
                let input = RefundRequest {
                    client_id,
                    account_name: "Reginald Deputy".to_owned(),
                    account_number: "12345678".to_owned(),
                    sort_code: "20-30-40".to_owned(),
                    notes: "Asked for by letter".to_owned(),
                };
                let made = send!(self, twice, self.actor(OFFICER), request_refund, &input);
                if made.is_some() && self.clients[place].facts.balances().1 == 0 {
                    return Err("a refund without credit".to_owned());
                }
            }
            Step::DecideRefund { is_approved } => {
                let Some(row) = self.open_refund(id).await else {
                    return Ok(());
                };
                let input = RefundDecisionInput {
                    client_id,
                    refund_id: Some(row.id),
                    is_approved: *is_approved,
                };
                let made = send!(self, twice, self.actor(MANAGER), decide_refund, &input);
                let credit = self.clients[place].facts.balances().1;
                if made.is_some() && *is_approved && i64::from(row.amount) > credit {
                    return Err("more is refunded than there is".to_owned());
                }
            }
            Step::CancelRefund => {
                let Some(row) = self.open_refund(id).await else {
                    return Ok(());
                };
                let input = RefundCancellation {
                    client_id,
                    refund_id: Some(row.id),
                };
                send!(self, twice, self.actor(MANAGER), cancel_refund, &input);
            }
            Step::FulfilRefund => {
                let Some(row) = self.open_refund(id).await else {
                    return Ok(());
                };
                if row.decision.is(RefundDecision::Approved) {
                    self.execute(&format!("UPDATE refund SET processed_at = decision_at, fulfilled_at = decision_at WHERE id = {}", row.id)).await;
                    self.ledger(
                        id,
                        "REFUND",
                        -row.amount,
                        &[(None, row.amount, "REAPPLIED")],
                    )
                    .await;
                    self.clients[place].facts.cash -= i64::from(row.amount);
                }
            }
            Step::Payment(amount) => {
                self.payment(id, *amount as i32).await;
                self.clients[place].facts.cash += amount;
            }
            Step::PaymentReversal(amount) => {
                let amount = (*amount).min(self.clients[place].facts.balances().1);
                if amount > 0 {
                    let taken = amount as i32;
                    self.ledger(
                        id,
                        "MOTO CARD PAYMENT",
                        -taken,
                        &[(None, taken, "UNAPPLIED")],
                    )
                    .await;
                    self.clients[place].facts.cash -= amount;
                }
            }
            Step::PaymentMethod(by_debit) => {
                let payment_method = if *by_debit {
                    PaymentMethod::DirectDebit
                } else {
                    PaymentMethod::Demanded
                };
                let input = PaymentMethodChange {
                    client_id,
                    payment_method,
                };
                let before = finance_client::Entity::find_by_id(id)
                    .one(&self.t.db)
                    .await
                    .unwrap()
                    .unwrap();
                let made = send!(
                    self,
                    twice,
                    self.actor(OFFICER),
                    change_payment_method,
                    &input
                );
                if made.is_some() == before.payment_method.is(payment_method) {
                    return Err("a method is changed to another".to_owned());
                }
            }
            Step::Days(days) => self
                .t
                .clock
                .advance(Duration::from_secs(days * 24 * 60 * 60)),
            Step::Expire => {
                expire_refunds(&self.t.db, &self.actor(12))
                    .await
                    .map_err(|error| format!("{error:?}"))?;
            }
        }
        Ok(())
    }

    async fn generated(
        &mut self,
        batch: &[(usize, FeeType, i64, i64, Option<u64>)],
        twice: bool,
    ) -> Result<(), String> {
        let input = batch
            .iter()
            .map(|(client, fee_type, amount, general, raised)| {
                let raised = raised.map(|days| self.ago(days));
                let start = raised.unwrap_or(self.ago(200));
                let general = amount * general / 100;
                let range = |level, amount| GeneratedFeeRange {
                    level,
                    from: start,
                    to: start,
                    amount: Pence::new(amount),
                };
                GeneratedInvoice {
                    client_id: self.clients[*client].client_id,
                    person_id: None,
                    fee_type: *fee_type,
                    amount: Pence::new(*amount),
                    start_date: start,
                    end_date: start,
                    raised_date: raised,
                    confirmed_date: None,
                    supervision_level: None,
                    fee_ranges: Some(vec![
                        range(SupervisionLevel::General, general),
                        range(SupervisionLevel::Minimal, amount - general),
                    ]),
                    batch_number: None,
                    source: None,
                    scheduled_fn14_date: None,
                    created_by: None,
                }
            });
        let input = input.collect::<Vec<_>>();
        let sent = input.iter().cloned().map(Ok).collect::<Vec<_>>();
        self.keys += 1;
        let key = format!("{}-{}", self.clients[0].client_id, self.keys);
        let key = RequestKey {
            key,
            content: String::new(),
        };
        let actor = self.actor(12);
        let results = made(create_generated_invoices(&self.t.db, &actor, &sent, Some(&key)).await)?;
        if twice {
            let again =
                made(create_generated_invoices(&self.t.db, &actor, &sent, Some(&key)).await)?;
            if results != again {
                return Err(format!("{results:?} came again as {again:?}"));
            }
        }
        for (result, (invoice, (client, ..))) in results
            .unwrap_or_default()
            .iter()
            .zip(input.iter().zip(batch))
        {
            let Generated::Invoice(id) = result else {
                return Err(format!("an invoice was refused: {result:?}"));
            };
            let (amount, general) = (
                invoice.amount.get(),
                invoice.fee_ranges.as_ref().unwrap()[0].amount.get(),
            );
            let facts =
                InvoiceFacts::new(*id, invoice.fee_type, amount, general, invoice.raised_date);
            self.clients[*client].facts.invoice(facts);
        }
        Ok(())
    }

    async fn open_refund(&self, client: i32) -> Option<refund::Model> {
        refund::Entity::find()
            .filter(refund::Column::FinanceClientId.eq(client))
            .filter(refund::Column::Decision.ne("REJECTED"))
            .filter(refund::Column::CancelledAt.is_null())
            .filter(refund::Column::FulfilledAt.is_null())
            .one(&self.t.db)
            .await
            .unwrap()
    }

    /// Pays what is owed, oldest raised first; the rest is overpaid.
    async fn payment(&self, client: i32, amount: i32) {
        let sql = format!(
            "SELECT i.id, CAST(i.amount - coalesce(sum(CASE WHEN l.status = 'CONFIRMED' THEN a.amount END), 0) AS integer) AS owed
             FROM invoice i LEFT JOIN ledger_allocation a ON a.invoice_id = i.id LEFT JOIN ledger l ON l.id = a.ledger_id
             WHERE i.finance_client_id = {client} GROUP BY i.id, i.amount, i.raiseddate, i.startdate
             ORDER BY coalesce(i.raiseddate, i.startdate), i.id"
        );
        let statement = Statement::from_string(self.t.db.get_database_backend(), sql);
        let mut left = amount;
        let mut parts = Vec::new();
        for row in self.t.db.query_all_raw(statement).await.unwrap() {
            let (invoice, owed): (i32, i32) = (
                row.try_get("", "id").unwrap(),
                row.try_get("", "owed").unwrap(),
            );
            let paid = owed.min(left).max(0);
            if paid > 0 {
                parts.push((Some(invoice), paid, "ALLOCATED"));
                left -= paid;
                self.execute(&format!(
                    "UPDATE invoice SET cacheddebtamount = {} WHERE id = {invoice}",
                    owed - paid
                ))
                .await;
            }
        }
        if left > 0 {
            parts.push((None, -left, "UNAPPLIED"));
        }
        self.ledger(client, "MOTO CARD PAYMENT", amount, &parts)
            .await;
    }

    /// A ledger with its allocations (invoice, amount, status), as the files will write them.
    async fn ledger(
        &self,
        client: i32,
        kind: &str,
        amount: i32,
        parts: &[(Option<i32>, i32, &str)],
    ) {
        let now = self.t.clock.now().format("%Y-%m-%d %H:%M:%S");
        let reference = CLIENTS.fetch_add(1, Ordering::SeqCst);
        let next = async |table: &str| {
            let backend = self.t.db.get_database_backend();
            let sql = match backend {
                sea_orm::DbBackend::Postgres => {
                    format!("SELECT CAST(nextval('{table}_id_seq') AS integer) AS id")
                }
                _ => format!("SELECT CAST(coalesce(max(id), 0) + 1 AS integer) AS id FROM {table}"),
            };
            let row = self
                .t
                .db
                .query_one_raw(Statement::from_string(backend, sql))
                .await
                .unwrap()
                .unwrap();
            row.try_get::<i32>("", "id").unwrap()
        };
        let id = next("ledger").await;
        self.execute(&format!(
            "INSERT INTO ledger (id, reference, datetime, method, amount, type, status, finance_client_id, created_at, created_by)
             VALUES ({id}, 'file {reference}', '{now}', '', {amount}, '{kind}', 'CONFIRMED', {client}, '{now}', 12)"
        ))
        .await;
        for (invoice, amount, status) in parts {
            let part = next("ledger_allocation").await;
            let invoice = invoice.map_or("NULL".to_owned(), |it| it.to_string());
            self.execute(&format!(
                "INSERT INTO ledger_allocation (id, ledger_id, invoice_id, datetime, amount, status)
                 VALUES ({part}, {id}, {invoice}, '{now}', {amount}, '{status}')"
            ))
            .await;
        }
    }

    async fn execute(&self, sql: &str) {
        self.t.db.execute_unprepared(sql).await.unwrap();
    }
}

fn picked(count: usize, pick: usize) -> Option<usize> {
    (count > 0).then(|| pick % count)
}
