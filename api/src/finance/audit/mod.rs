//! A check of the books: walks all clients and tells each breach of what must always hold
//! (`domain.md` section 4). It reads only.

mod books;
mod references;

use std::collections::HashMap;

use chrono::NaiveDateTime;
use entity::stored::LedgerStatus;
use entity::{finance_client, invoice, ledger};
use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait,
    IsolationLevel, QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};

use self::books::Books;
use super::FinanceError;
use super::account::{self, word};
use super::{allocation, billing_history};

/// Clients that are read at a time.
const BATCH: u64 = 500;

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The rule.
    pub rule: Rule,
    /// Sirius's person id of the client.
    pub client_id: i32,
    /// Table and id of the row, where it is about one.
    pub row: Option<(&'static str, i32)>,
    /// What was found.
    pub found: String,
    /// Whether all rows that make it are older than the takeover.
    pub is_old: bool,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Rule {
    /// A client's credit is not negative.
    CreditNotNegative,
    /// A ledger's amount is what its allocations say.
    LedgerAmount,
    /// `cacheddebtamount` is what the last change of ours wrote.
    CachedDebt,
    /// An invoice's reference is well formed.
    Reference,
    /// Two rows have one reference.
    ReferenceTaken,
    /// The newest billing event's balances are the account's.
    NewestEvent,
    /// Credit does not lie idle while something is owed, after a change of ours.
    IdleCredit,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// Clients.
    pub clients: usize,
    /// Breaches that count.
    pub breaches: usize,
    /// Breaches by rows older than the takeover.
    pub old: usize,
}

impl Audited {
    fn count(&mut self, breach: &Breach) {
        match breach.is_old {
            true => self.old = self.old.saturating_add(1),
            false => self.breaches = self.breaches.saturating_add(1),
        }
    }
}

/// Walks all clients, as they are at one moment. What was made before `takeover` does not count.
///
/// # Errors
/// When the database fails.
pub async fn audit(
    db: &DatabaseConnection,
    takeover: NaiveDateTime,
    mut tell: impl FnMut(&Breach),
) -> Result<Audited, FinanceError> {
    // On SQLite a transaction sees one moment as it is.
    let db = match db.get_database_backend() {
        DbBackend::Postgres => {
            let (moment, access) = (IsolationLevel::RepeatableRead, AccessMode::ReadOnly);
            db.begin_with_config(Some(moment), Some(access)).await?
        }
        _ => db.begin().await?,
    };
    let mut audited = Audited::default();
    for breach in references::taken(&db, takeover).await? {
        audited.count(&breach);
        tell(&breach);
    }
    let mut after = i32::MIN;
    loop {
        let clients = finance_client::Entity::find()
            .filter(finance_client::Column::Id.gt(after))
            .order_by_asc(finance_client::Column::Id)
            .limit(BATCH)
            .all(&db)
            .await?;
        let Some(last) = clients.last() else {
            return Ok(audited);
        };
        after = last.id;
        for breach in batch(&db, &clients, takeover).await? {
            audited.count(&breach);
            tell(&breach);
        }
        audited.clients = audited.clients.saturating_add(clients.len());
    }
}

/// Checks the clients of these ids of ours alone. What was made before `takeover` counts as old.
///
/// # Errors
/// When the database fails.
pub async fn of_clients(
    db: &impl ConnectionTrait,
    clients: &[i32],
    takeover: NaiveDateTime,
) -> Result<Vec<Breach>, FinanceError> {
    let clients = finance_client::Entity::find()
        .filter(finance_client::Column::Id.is_in(clients.iter().copied()))
        .order_by_asc(finance_client::Column::Id)
        .all(db)
        .await?;
    batch(db, &clients, takeover).await
}

async fn batch(
    db: &impl ConnectionTrait,
    clients: &[finance_client::Model],
    takeover: NaiveDateTime,
) -> Result<Vec<Breach>, FinanceError> {
    let ids = || clients.iter().map(|client| client.id);
    let invoices = invoice::Entity::find()
        .filter(invoice::Column::FinanceClientId.is_in(ids()))
        .all(db)
        .await?;
    let ledgers = ledger::Entity::find()
        .filter(ledger::Column::FinanceClientId.is_in(ids()))
        .filter(ledger::Column::Status.eq(word(LedgerStatus::Confirmed)))
        .all(db)
        .await?;
    let ids = ids().collect::<Vec<_>>();
    let allocations = allocation::of_clients(db, &ids).await?;
    let balances = account::balances(db, &ids).await?;
    let histories = billing_history::of_clients(db, &ids).await?;

    let mut books = clients
        .iter()
        .map(|client| (client.id, Books::of(client.client_id, takeover)))
        .collect::<HashMap<_, _>>();
    let mut client_of = HashMap::new();
    for invoice in invoices {
        if let Some(books) = invoice.finance_client_id.and_then(|id| books.get_mut(&id)) {
            books.invoices.push(invoice);
        }
    }
    for ledger in ledgers {
        if let Some(client) = ledger.finance_client_id {
            client_of.insert(ledger.id, client);
            if let Some(books) = books.get_mut(&client) {
                books.ledgers.push(ledger);
            }
        }
    }
    for allocation in allocations {
        let client = client_of.get(&allocation.ledger_id);
        if let Some(books) = client.and_then(|id| books.get_mut(id)) {
            books.allocations.push(allocation);
        }
    }
    for history in histories {
        if let Some(books) = books.get_mut(&history.finance_client_id) {
            books.newest = history.events.first().map(|event| event.balances);
        }
    }
    let mut breaches = Vec::new();
    for client in clients {
        if let Some(mut books) = books.remove(&client.id) {
            books.balances = balances.get(&client.id).copied().unwrap_or_default();
            breaches.extend(books.check()?);
        }
    }
    Ok(breaches)
}
