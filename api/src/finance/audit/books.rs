//! One client's books: what must hold of them.

use std::collections::HashSet;

use chrono::NaiveDateTime;
use entity::stored::{AllocationStatus, LedgerType};
use entity::{invoice, ledger};

use super::{Breach, Rule};
use crate::finance::account::Balances;
use crate::finance::allocation::Allocation;
use crate::finance::invoice::Invoice;
use crate::finance::ledger::Account;
use crate::finance::money::{Overflow, Pence};
use crate::finance::transaction_kind::is_payment;

/// One client's rows.
pub(super) struct Books {
    pub(super) client_id: i32,
    pub(super) takeover: NaiveDateTime,
    pub(super) invoices: Vec<invoice::Model>,
    pub(super) ledgers: Vec<ledger::Model>,
    pub(super) allocations: Vec<Allocation>,
    pub(super) balances: Balances,
    /// After the newest event, if there is one.
    pub(super) newest: Option<Balances>,
}

impl Books {
    pub(super) fn of(client_id: i32, takeover: NaiveDateTime) -> Self {
        Self {
            client_id,
            takeover,
            invoices: Vec::new(),
            ledgers: Vec::new(),
            allocations: Vec::new(),
            balances: Balances::default(),
            newest: None,
        }
    }

    fn is_old(&self, made: Option<NaiveDateTime>) -> bool {
        made.is_none_or(|made| made < self.takeover)
    }

    pub(super) fn check(self) -> Result<Vec<Breach>, Overflow> {
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
        // What was below zero before the takeover may become better.
        if account.credit() < Pence::ZERO {
            let found = account.credit().to_string();
            let is_old = account.credit() >= self.credit_before_the_takeover()?;
            tell(Rule::CreditNotNegative, None, found, is_old);
        }
        let newest = self.newest.unwrap_or_default();
        if newest != self.balances {
            let Balances {
                outstanding,
                credit,
            } = self.balances;
            let found = format!(
                "{} and {}, and the account says {outstanding} and {credit}",
                newest.outstanding, newest.credit
            );
            let invoiced = self.invoices.iter().filter_map(|it| it.created_at).max();
            let is_old = self.is_old(last.max(invoiced));
            tell(Rule::NewestEvent, None, found, is_old);
        }
        // An invoice that somebody else has made since is not for that change to pay.
        let owing = account.invoices().iter();
        let owing = owing
            .filter(|it| it.standing.outstanding > Pence::ZERO)
            .filter(|it| it.invoice.created_at <= last)
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

    fn credit_before_the_takeover(&self) -> Result<Pence, Overflow> {
        let old = self.ledgers.iter().filter(|it| self.is_old(it.created_at));
        let old = old.map(|ledger| ledger.id).collect::<HashSet<_>>();
        let held = self.allocations.iter().filter(|part| {
            old.contains(&part.ledger_id) && !part.status.is(AllocationStatus::Allocated)
        });
        held.into_iter()
            .try_fold(Pence::ZERO, |sum, part| sum.minus(part.pence()))
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

    #[expect(clippy::arithmetic_side_effects, reason = "small made-up figures")]
    /// A client's books with one ledger from before the takeover and one from after it.
    fn books(before: i32, after: i32) -> Books {
        let at = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        let mut books = Books::of(1001, at("2025-01-01T00:00:00"));
        for (id, amount, made) in [
            (1, before, "2020-01-01T00:00:00"),
            (2, after, "2026-01-01T00:00:00"),
        ] {
            books.ledgers.push(ledger::Model {
                id,
                reference: String::new(),
                datetime: at(made),
                method: String::new(),
                amount: -amount,
                notes: None,
                kind: LedgerType::Refund.into(),
                status: entity::stored::LedgerStatus::Confirmed.into(),
                finance_client_id: Some(1),
                parent_id: None,
                fee_reduction_id: None,
                confirmeddate: None,
                bankdate: None,
                batchnumber: None,
                bankaccount: None,
                source: None,
                line: None,
                created_at: Some(at(made)),
                created_by: None,
                pis_number: None,
            });
            books.allocations.push(Allocation {
                id,
                ledger_id: id,
                finance_client_id: Some(1),
                invoice_id: None,
                amount,
                status: AllocationStatus::Reapplied.into(),
                kind: LedgerType::Refund.into(),
                fee_reduction_id: None,
                datetime: at(made),
                created_by: None,
            });
        }
        let credit = Pence::new(-i64::from(before) - i64::from(after));
        books.balances.credit = credit;
        books.newest = Some(books.balances);
        books
    }

    #[test]
    fn credit_that_was_negative_before_counts_once_it_becomes_worse() {
        let of = |before, after| {
            let breaches = books(before, after).check().unwrap();
            let of_credit = breaches
                .iter()
                .find(|it| it.rule == Rule::CreditNotNegative);
            of_credit.map(|it| it.is_old)
        };
        assert_eq!(of(3_000, -1_000), Some(true));
        assert_eq!(of(3_000, 1), Some(false));
        assert_eq!(of(0, 1), Some(false));
        assert_eq!(of(3_000, -3_000), None);
    }
}
