//! A check of the books: walks all clients and tells each breach of what must always hold
//! (`domain.md` section 4). It reads only.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use entity::stored::{LedgerStatus, LedgerType};
use entity::{finance_client, invoice, ledger};
use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait,
    IsolationLevel, QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};

use super::FinanceError;
use super::account::word;
use super::allocation::{self, Allocation};
use super::invoice::Invoice;
use super::ledger::Account;
use super::money::{Overflow, Pence};
use super::transaction_kind::is_payment;

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
            match breach.is_old {
                true => audited.old = audited.old.saturating_add(1),
                false => audited.breaches = audited.breaches.saturating_add(1),
            }
            tell(&breach);
        }
        audited.clients = audited.clients.saturating_add(clients.len());
    }
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
    let allocations = allocation::of_clients(db, &ids().collect::<Vec<_>>()).await?;

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
    let mut breaches = Vec::new();
    for client in clients {
        if let Some(books) = books.remove(&client.id) {
            breaches.extend(books.check()?);
        }
    }
    Ok(breaches)
}

/// One client's rows.
struct Books {
    client_id: i32,
    takeover: NaiveDateTime,
    invoices: Vec<invoice::Model>,
    ledgers: Vec<ledger::Model>,
    allocations: Vec<Allocation>,
}

impl Books {
    fn of(client_id: i32, takeover: NaiveDateTime) -> Self {
        Self {
            client_id,
            takeover,
            invoices: Vec::new(),
            ledgers: Vec::new(),
            allocations: Vec::new(),
        }
    }

    fn is_old(&self, made: Option<NaiveDateTime>) -> bool {
        made.is_none_or(|made| made < self.takeover)
    }

    fn check(self) -> Result<Vec<Breach>, Overflow> {
        let mut breaches = Vec::new();
        let mut tell = |rule, row, found, is_old| {
            breaches.push(Breach {
                rule,
                client_id: self.client_id,
                row,
                found,
                is_old,
            });
        };
        for ledger in &self.ledgers {
            let expected = self.expected_amount(ledger)?;
            if expected != Pence::from(ledger.amount) {
                let found = format!(
                    "{}, and its allocations say {expected}",
                    Pence::from(ledger.amount)
                );
                let row = Some(("ledger", ledger.id));
                tell(
                    Rule::LedgerAmount,
                    row,
                    found,
                    self.is_old(ledger.created_at),
                );
            }
        }
        for invoice in &self.invoices {
            if !is_reference(&invoice.reference) {
                let row = Some(("invoice", invoice.id));
                let found = format!("{:?}", invoice.reference);
                tell(Rule::Reference, row, found, self.is_old(invoice.created_at));
            }
        }
        let rows = self.invoices.iter().cloned().map(Invoice::from).collect();
        let account = Account::of(rows, self.allocations.clone(), &self.allocations)?;
        let last = self
            .ledgers
            .iter()
            .filter_map(|ledger| ledger.created_at)
            .max();
        if account.credit() < Pence::ZERO {
            let found = account.credit().to_string();
            tell(Rule::CreditNotNegative, None, found, self.is_old(last));
        }
        let owing = account.invoices().iter();
        let owing = owing
            .filter(|it| it.standing.outstanding > Pence::ZERO)
            .count();
        let last_reapply = self.ledgers.iter().max_by_key(|ledger| ledger.id);
        let is_ours = last_reapply.is_some_and(|ledger| {
            !self.is_old(ledger.created_at) && !ledger.kind.known().is_none_or(is_payment)
        });
        if account.credit() > Pence::ZERO && owing > 0 && is_ours {
            let found = format!("{} while {owing} invoices owe", account.credit());
            tell(Rule::IdleCredit, None, found, false);
        }
        for invoice in &self.invoices {
            let newest = self
                .allocations
                .iter()
                .filter(|it| it.invoice_id == Some(invoice.id))
                .map(|it| it.ledger_id)
                .max();
            let made = self
                .ledgers
                .iter()
                .find(|ledger| Some(ledger.id) == newest)
                .map_or(invoice.created_at, |ledger| ledger.created_at);
            let standing = account
                .invoice(invoice.id)
                .map(|it| it.standing.outstanding);
            let cached = invoice.cacheddebtamount.map(Pence::from);
            if let (Some(cached), Some(owed)) = (cached, standing)
                && cached != owed
            {
                let found = format!("{cached}, and it owes {owed}");
                let row = Some(("invoice", invoice.id));
                tell(Rule::CachedDebt, row, found, self.is_old(made));
            }
        }
        Ok(breaches)
    }

    /// What the allocations say of a ledger: for payments and refunds those with an invoice less those
    /// without, else their sum.
    fn expected_amount(&self, ledger: &ledger::Model) -> Result<Pence, Overflow> {
        let kind = ledger.kind.known();
        let is_cash = kind.is_some_and(|kind| is_payment(kind) || kind == LedgerType::Refund);
        let parts = self.allocations.iter();
        let parts = parts.filter(|part| part.ledger_id == ledger.id);
        parts.into_iter().try_fold(Pence::ZERO, |sum, part| {
            match is_cash && part.invoice_id.is_none() {
                true => sum.minus(part.pence()),
                false => sum.plus(part.pence()),
            }
        })
    }
}

/// Fee type, six digits, `/`, two digits: `S2000123/24`.
fn is_reference(text: &str) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    match text.as_bytes() {
        [letter, other, number @ .., b'/', tens, units] => {
            letter.is_ascii_uppercase()
                && (other.is_ascii_uppercase() || is_digit(other))
                && number.len() == 6
                && number.iter().chain([tens, units]).all(is_digit)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_type_number_and_year() {
        for right in ["S2000123/24", "AD000001/09", "N2999999/99"] {
            assert!(is_reference(right), "{right}");
        }
        for wrong in [
            "",
            "/24",
            "S200123/24",
            "S20001234/24",
            "s2000123/24",
            "S2000123/2024",
            "S200012x/24",
        ] {
            assert!(!is_reference(wrong), "{wrong}");
        }
    }
}
