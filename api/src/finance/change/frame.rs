//! The frame of every change: one transaction, begun, committed and remembered by its key.

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use entity::finance_client;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::{Value, json};

use super::events::{self, EventKind, Told};
use super::fault::Refusal;
use super::idempotency::{Earlier, Key, Reserved};
use crate::clock::SharedClock;
use crate::finance::account::FinanceClient;
use crate::finance::changed_clients::{self, ChangedClients};
use crate::finance::ledger::{Account, write};
use crate::finance::money::Pence;
use crate::finance::writing;

/// Whoever waits longer for a row is told to try again, and gives its connection back; and what a
/// server held that is no more is free again soon.
const PATIENCE: &str = "SET LOCAL lock_timeout = '3s'; \
     SET LOCAL idle_in_transaction_session_timeout = '10s'";

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
    /// Who watches, in this process.
    pub changed_clients: ChangedClients,
}

impl Actor {
    /// The day before any lock is had: what was today or earlier then is so later on too.
    pub(super) fn today(&self) -> NaiveDate {
        self.clock.now().date_naive()
    }

    /// The instant as ledgers keep it, to the second.
    fn second(&self) -> NaiveDateTime {
        let now = self.clock.now();
        now.with_nanosecond(0).unwrap_or(now).naive_utc()
    }
}

/// A transaction of changes. Dropped, it is undone.
///
/// Locks are taken in one order, so that no two wait for each other: the key, clients by their id,
/// counters by their year.
pub(super) struct Frame<'a> {
    pub(super) transaction: DatabaseTransaction,
    pub(super) actor: &'a Actor,
    /// The instant as ledgers keep it, to the second; since the last lock was had.
    pub(super) now: NaiveDateTime,
    pub(super) today: NaiveDate,
    key: Option<Reserved>,
    events: Vec<Told>,
    /// Sirius's person ids of those that are locked, and so may be changed.
    client_ids: Vec<i32>,
}

/// A frame is open, or what it is for was done before.
pub(super) enum Opened<'a> {
    Frame(Frame<'a>),
    /// By the same key: its result.
    Before(Earlier),
}

impl<'a> Frame<'a> {
    /// Begins a transaction and reserves the key.
    pub(super) async fn open(
        db: &DatabaseConnection,
        actor: &'a Actor,
        key: Option<Key>,
    ) -> Result<Opened<'a>, Refusal> {
        let transaction = writing::begin(db).await?;
        if transaction.get_database_backend() == DbBackend::Postgres {
            transaction.execute_unprepared(PATIENCE).await?;
        }
        let now = actor.second();
        let key = match key {
            None => None,
            Some(key) => match key.reserve(&transaction, &actor.caller, now).await? {
                Ok(reserved) => Some(reserved),
                Err(earlier) => return Ok(Opened::Before(earlier)),
            },
        };
        Ok(Opened::Frame(Self {
            transaction,
            actor,
            now,
            today: now.date(),
            key,
            events: Vec::new(),
            client_ids: Vec::new(),
        }))
    }

    /// Locks the clients of these person ids, those there are, in the order of their ids.
    pub(super) async fn lock(&mut self, client_ids: &[i32]) -> Result<Vec<FinanceClient>, Refusal> {
        use finance_client::Column;
        let mut clients = finance_client::Entity::find().filter(match client_ids {
            // The plan of a single one is kept.
            [one] => Column::ClientId.eq(*one),
            all => Column::ClientId.is_in(all.iter().copied()),
        });
        if self.transaction.get_database_backend() == DbBackend::Postgres {
            // Foreign keys to the row may be checked meanwhile: Sirius writes too, and locks in
            // another order.
            clients = clients.lock(LockType::NoKeyUpdate);
        }
        let clients = clients
            .order_by_asc(Column::Id)
            .all(&self.transaction)
            .await?;
        self.now = self.actor.second();
        self.today = self.now.date();
        self.client_ids
            .extend(clients.iter().map(|row| row.client_id));
        Ok(clients.into_iter().map(Into::into).collect())
    }

    /// An event of a client goes out if the change is made.
    pub(super) fn tell(&mut self, client: &FinanceClient, kind: EventKind, detail: Value) {
        self.events.push(Told {
            finance_client_id: client.id,
            kind,
            detail,
        });
    }

    /// The step after every change of clients' positions: credit is used on what is owed, the
    /// entries are written, approved refunds go back to pending. Gives the ledgers' ids, in the order
    /// of the clients and their entries.
    pub(super) async fn settle(
        &mut self,
        mut positions: Vec<(&FinanceClient, Account)>,
    ) -> Result<Vec<i32>, Refusal> {
        for (_, account) in &mut positions {
            account.reapply()?;
        }
        let accounts = positions.iter().map(|(client, it)| (client.id, it));
        let accounts = accounts.collect::<Vec<_>>();
        let by = self.actor.user_id;
        let ids = write(&self.transaction, &accounts, self.now, by).await?;
        let clients = positions.iter().map(|(client, _)| client.id);
        let clients = clients.collect::<Vec<_>>();
        let reset = super::refund::reset_approved(&self.transaction, &clients, self.now).await?;
        for (client, account) in positions {
            let client_id = client.client_id;
            let remaining = account.credit().get();
            if account.credit() > Pence::ZERO {
                let detail = json!({ "clientId": client_id, "creditRemaining": remaining });
                self.tell(client, EventKind::CreditOnAccount, detail);
            }
            if reset.contains(&client.id) {
                let detail = json!({ "clientId": client_id });
                self.tell(client, EventKind::RefundReset, detail);
            }
        }
        Ok(ids)
    }

    /// Records what goes out and what came of the key, commits, and tells who watches.
    pub(super) async fn commit(self, id: i32, result: Option<String>) -> Result<(), Refusal> {
        events::record(&self.transaction, self.now, self.events).await?;
        if let Some(key) = self.key {
            key.keep(&self.transaction, id, result).await?;
        }
        changed_clients::announce(&self.transaction, &self.client_ids).await?;
        let is_alone = self.transaction.get_database_backend() != DbBackend::Postgres;
        self.transaction.commit().await?;
        if is_alone {
            for client_id in self.client_ids {
                self.actor.changed_clients.tell(client_id);
            }
        }
        Ok(())
    }
}
