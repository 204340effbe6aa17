//! The frame of every change: one transaction under the client's lock.

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use entity::finance_client;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait,
    QueryFilter, QuerySelect, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use serde_json::json;

use super::events::{self, EventKind};
use super::fault::{FaultCode, Refusal};
use super::idempotency::{self, Key};
use crate::clock::SharedClock;
use crate::finance::account::FinanceClient;
use crate::finance::ledger::{Account, write};
use crate::finance::money::Pence;
use crate::finance::{allocation, invoice};

/// Whoever waits longer for a client's row is told to try again, and gives its connection back.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '3s'";

/// Who changes something, when, and by which rules.
#[derive(Clone)]
pub struct Actor {
    /// Sirius's number of the user.
    pub user_id: i32,
    /// Whether the user is a Finance Manager.
    pub is_manager: bool,
    /// Whose idempotency keys are told apart from others'.
    pub caller: String,
    /// Tells the instant, once the change has its lock.
    pub clock: SharedClock,
    /// Whether a decision is not taken by who asked for it.
    pub four_eyes: bool,
}

/// What a change made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Our id of the client.
    pub finance_client_id: i32,
    /// Id of the row.
    pub id: i32,
}

/// A change under way. Dropped, it is undone.
pub(super) struct Change<'a> {
    pub(super) transaction: DatabaseTransaction,
    pub(super) client: FinanceClient,
    pub(super) actor: &'a Actor,
    /// The instant as ledgers keep it, to the second.
    pub(super) now: NaiveDateTime,
    pub(super) today: NaiveDate,
    key: Option<Key>,
    events: Vec<(EventKind, serde_json::Value)>,
}

/// A change has begun, or was made before.
pub(super) enum Begun<'a> {
    Change(Box<Change<'a>>),
    /// By the same key: its result.
    Before(Changed),
}

impl<'a> Change<'a> {
    /// Begins a change and locks the client of that person id.
    pub(super) async fn begin(
        db: &DatabaseConnection,
        actor: &'a Actor,
        client_id: i32,
        key: Option<Key>,
    ) -> Result<Begun<'a>, Refusal> {
        let transaction = db
            .begin_with_options(TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..Default::default()
            })
            .await?;
        let mut client =
            finance_client::Entity::find().filter(finance_client::Column::ClientId.eq(client_id));
        if transaction.get_database_backend() == DbBackend::Postgres {
            // Foreign keys to the row may be checked meanwhile: Sirius writes too, and locks in another
            // order.
            transaction.execute_unprepared(LOCK_TIMEOUT).await?;
            client = client.lock(LockType::NoKeyUpdate);
        }
        let Some(client) = client.one(&transaction).await? else {
            let text = format!("There is no client {client_id}.");
            return Err(Refusal::of("clientId", FaultCode::NotFound, text));
        };
        let now = actor.clock.now();
        let now = now.with_nanosecond(0).unwrap_or(now).naive_utc();
        if let Some(key) = &key
            && let Some(id) = idempotency::find(&transaction, &actor.caller, key, now).await?
        {
            return Ok(Begun::Before(Changed {
                finance_client_id: client.id,
                id,
            }));
        }
        Ok(Begun::Change(Box::new(Self {
            transaction,
            client: client.into(),
            actor,
            now,
            today: now.date(),
            key,
            events: Vec::new(),
        })))
    }

    /// The client's position.
    pub(super) async fn account(&self) -> Result<Account, Refusal> {
        let invoices = invoice::of_clients(&self.transaction, &[self.client.id]).await?;
        let allocations = allocation::of_clients(&self.transaction, &[self.client.id]).await?;
        // By the invoice: what reading shows of it, whoever's ledger an old row belongs to.
        let ids = invoices.iter().map(|it| it.id).collect::<Vec<_>>();
        let on_invoices = allocation::of_invoices(&self.transaction, &ids).await?;
        Ok(Account::of(invoices, on_invoices, &allocations)?)
    }

    /// An event goes out if the change is made.
    pub(super) fn tell(&mut self, kind: EventKind, detail: serde_json::Value) {
        self.events.push((kind, detail));
    }

    /// The step after every change of a client's position: credit is used on what is owed, the
    /// entries are written, approved refunds go back to pending. Gives the ledgers' ids.
    pub(super) async fn settle(&mut self, mut account: Account) -> Result<Vec<i32>, Refusal> {
        account.reapply()?;
        let by = self.actor.user_id;
        let ids = write(&self.transaction, self.client.id, &account, self.now, by).await?;
        let client_id = self.client.client_id;
        if account.credit() > Pence::ZERO {
            let remaining = account.credit().get();
            self.tell(
                EventKind::CreditOnAccount,
                json!({ "clientId": client_id, "creditRemaining": remaining }),
            );
        }
        if super::refund::reset_approved(&self.transaction, self.client.id, self.now).await? {
            self.tell(EventKind::RefundReset, json!({ "clientId": client_id }));
        }
        Ok(ids)
    }

    /// Records what goes out and the key, and commits.
    pub(super) async fn commit(self, id: i32) -> Result<Changed, Refusal> {
        events::record(&self.transaction, self.client.id, self.now, self.events).await?;
        if let Some(key) = &self.key {
            idempotency::keep(&self.transaction, &self.actor.caller, key, id, self.now).await?;
        }
        self.transaction.commit().await?;
        Ok(Changed {
            finance_client_id: self.client.id,
            id,
        })
    }
}
