//! A client's position, and what transactions do to it.

use std::collections::{BTreeSet, HashMap};

use chrono::{NaiveDate, NaiveDateTime};
use entity::stored::{AllocationStatus, LedgerType};

use super::entry::{Entry, Part};
use crate::finance::allocation::Allocation;
use crate::finance::invoice::Invoice;
use crate::finance::money::{Overflow, Pence};
use crate::finance::standing::Standing;

/// See the module.
#[derive(Clone, Debug)]
pub struct Account {
    /// Oldest raised first, then by id: the order in which credit is used.
    invoices: Vec<InvoiceAccount>,
    credit: Pence,
    entries: Vec<Entry>,
    touched: BTreeSet<i32>,
}

/// An invoice and what came in for it.
#[derive(Clone, Debug)]
pub struct InvoiceAccount {
    /// The invoice.
    pub invoice: Invoice,
    /// Where it stands now.
    pub standing: Standing,
    allocations: Vec<Allocation>,
}

impl InvoiceAccount {
    fn of(invoice: Invoice, allocations: Vec<Allocation>) -> Result<Self, Overflow> {
        let standing = Standing::of(invoice.amount, &invoice.fee_type, &allocations)?;
        Ok(Self {
            invoice,
            standing,
            allocations,
        })
    }

    fn raised(&self) -> NaiveDate {
        self.invoice.raised_date.unwrap_or(self.invoice.start_date)
    }
}

impl Account {
    /// The position of a client with these invoices, the counted allocations on them, and those of the
    /// client's ledgers, of which the credit is.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn of(
        invoices: Vec<Invoice>,
        on_invoices: Vec<Allocation>,
        of_client: &[Allocation],
    ) -> Result<Self, Overflow> {
        let mut credit = Pence::ZERO;
        for allocation in of_client {
            if !allocation.status.is(AllocationStatus::Allocated) {
                credit = credit.minus(allocation.pence())?;
            }
        }
        let mut by_invoice = HashMap::<i32, Vec<Allocation>>::new();
        for allocation in on_invoices {
            if let Some(invoice) = allocation.invoice_id {
                by_invoice.entry(invoice).or_default().push(allocation);
            }
        }
        let mut account = Self {
            invoices: Vec::new(),
            credit,
            entries: Vec::new(),
            touched: BTreeSet::new(),
        };
        for invoice in invoices {
            let allocations = by_invoice.remove(&invoice.id).unwrap_or_default();
            let invoice = InvoiceAccount::of(invoice, allocations)?;
            account.invoices.push(invoice);
        }
        account.sort();
        Ok(account)
    }

    fn sort(&mut self) {
        self.invoices.sort_by_key(|it| (it.raised(), it.invoice.id));
    }

    /// What is held for the client.
    pub fn credit(&self) -> Pence {
        self.credit
    }

    /// All invoices, oldest raised first.
    pub fn invoices(&self) -> &[InvoiceAccount] {
        &self.invoices
    }

    /// An invoice of this client's.
    pub fn invoice(&self, id: i32) -> Option<&InvoiceAccount> {
        self.invoices.iter().find(|it| it.invoice.id == id)
    }

    /// An invoice that this change has made.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn add_invoice(&mut self, invoice: Invoice) -> Result<(), Overflow> {
        self.touched.insert(invoice.id);
        self.invoices.push(InvoiceAccount::of(invoice, Vec::new())?);
        self.sort();
        Ok(())
    }

    /// Ledgers to be written, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What each invoice that was touched owes now.
    pub fn touched(&self) -> impl Iterator<Item = (i32, Pence)> {
        let touched = self.invoices.iter();
        touched
            .filter(|it| self.touched.contains(&it.invoice.id))
            .map(|it| (it.invoice.id, it.standing.outstanding))
    }

    /// Credits an invoice: `amount` is put on it, and what it did not owe leaves it. Reductions and
    /// write-offs are cut to what is left of the invoice's amount. Gives the entry's place; none if
    /// nothing is to be written.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn credit_invoice(
        &mut self,
        id: i32,
        amount: Pence,
        kind: LedgerType,
        fee_reduction_id: Option<i32>,
    ) -> Result<Option<usize>, Overflow> {
        let Some(account) = self.invoice(id) else {
            return Ok(None);
        };
        let standing = &account.standing;
        let amount = match is_capped(kind) {
            true => amount.min(standing.reducible()?),
            false => amount,
        };
        if amount == Pence::ZERO {
            return Ok(None);
        }
        let owed = standing.outstanding;
        let name = name_of(kind);
        let mut parts = vec![Part {
            invoice_id: id,
            amount,
            status: AllocationStatus::Allocated,
            notes: None,
        }];
        if amount > owed {
            parts.push(Part {
                invoice_id: id,
                amount: owed.minus(amount)?,
                status: AllocationStatus::Unapplied,
                notes: Some(format!("Unapplied funds as a result of applying {name}")),
            });
        }
        let entry = Entry {
            kind,
            notes: format!("Credit due to approved {name}"),
            fee_reduction_id,
            parts,
        };
        self.post(entry).map(Some)
    }

    /// Uses credit on what is owed, oldest raised first, until either is gone.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn reapply(&mut self) -> Result<(), Overflow> {
        while self.credit > Pence::ZERO {
            let owing = self
                .invoices
                .iter()
                .find(|it| it.standing.outstanding > Pence::ZERO);
            let Some(owing) = owing else {
                return Ok(());
            };
            let amount = self.credit.min(owing.standing.outstanding);
            let part = Part {
                invoice_id: owing.invoice.id,
                amount,
                status: AllocationStatus::Reapplied,
                notes: None,
            };
            self.post(Entry {
                kind: LedgerType::CreditReapply,
                notes: "Excess credit applied to invoice".to_owned(),
                fee_reduction_id: None,
                parts: vec![part],
            })?;
        }
        Ok(())
    }

    /// Takes an entry into the position.
    fn post(&mut self, entry: Entry) -> Result<usize, Overflow> {
        for part in &entry.parts {
            let amount = i32::try_from(part.amount.get()).map_err(|_| Overflow)?;
            if part.status != AllocationStatus::Allocated {
                self.credit = self.credit.minus(part.amount)?;
            }
            self.touched.insert(part.invoice_id);
            let account = self
                .invoices
                .iter_mut()
                .find(|it| it.invoice.id == part.invoice_id);
            if let Some(account) = account {
                account.allocations.push(Allocation {
                    id: 0,
                    ledger_id: 0,
                    finance_client_id: None,
                    invoice_id: Some(part.invoice_id),
                    amount,
                    status: part.status.into(),
                    kind: entry.kind.into(),
                    fee_reduction_id: entry.fee_reduction_id,
                    datetime: NaiveDateTime::default(),
                    created_by: None,
                });
                let invoice = &account.invoice;
                account.standing =
                    Standing::of(invoice.amount, &invoice.fee_type, &account.allocations)?;
            }
        }
        self.entries.push(entry);
        Ok(self.entries.len().saturating_sub(1))
    }
}

/// Whether all such credits together never exceed the invoice's amount.
fn is_capped(kind: LedgerType) -> bool {
    matches!(
        kind,
        LedgerType::CreditExemption
            | LedgerType::CreditHardship
            | LedgerType::CreditRemission
            | LedgerType::CreditWriteOff
    )
}

/// A type in words, for notes.
fn name_of(kind: LedgerType) -> String {
    let word: &str = kind.into();
    let word = match kind {
        LedgerType::CreditExemption | LedgerType::CreditHardship | LedgerType::CreditRemission => {
            word.trim_start_matches("CREDIT ")
        }
        _ => word,
    };
    word.to_lowercase()
}

#[cfg(test)]
mod tests {
    use entity::stored::FeeType;

    use super::*;

    fn invoice(id: i32, amount: i64, raised: &str) -> Invoice {
        let raised = raised.parse().unwrap();
        Invoice {
            id,
            finance_client_id: Some(1),
            reference: format!("AD{id:06}/24"),
            fee_type: FeeType::Ad.into(),
            amount: Pence::new(amount),
            raised_date: Some(raised),
            start_date: raised,
            end_date: raised,
            created_at: None,
            created_by: None,
        }
    }

    fn owed(account: &Account, id: i32) -> i64 {
        account.invoice(id).unwrap().standing.outstanding.get()
    }

    fn parts(account: &Account) -> Vec<(LedgerType, i32, i64, AllocationStatus)> {
        let entries = account.entries().iter();
        entries
            .flat_map(|entry| entry.parts.iter().map(move |part| (entry.kind, part)))
            .map(|(kind, part)| (kind, part.invoice_id, part.amount.get(), part.status))
            .collect()
    }

    #[test]
    fn an_excess_leaves_the_invoice_and_is_used_on_the_oldest_that_owes() {
        use AllocationStatus::{Allocated, Reapplied, Unapplied};
        use LedgerType::{CreditMemo, CreditReapply};
        let invoices = vec![
            invoice(1, 100, "2024-04-03"),
            invoice(2, 50, "2024-04-02"),
            invoice(3, 50, "2024-04-01"),
        ];
        let mut account = Account::of(invoices, Vec::new(), &[]).unwrap();
        account
            .credit_invoice(1, Pence::new(170), CreditMemo, None)
            .unwrap();
        assert_eq!(account.credit(), Pence::new(70));
        account.reapply().unwrap();
        assert_eq!(
            parts(&account),
            [
                (CreditMemo, 1, 170, Allocated),
                (CreditMemo, 1, -70, Unapplied),
                (CreditReapply, 3, 50, Reapplied),
                (CreditReapply, 2, 20, Reapplied),
            ]
        );
        assert_eq!(
            [owed(&account, 1), owed(&account, 2), owed(&account, 3)],
            [0, 30, 0]
        );
        assert_eq!(account.credit(), Pence::ZERO);
        let touched = account.touched().map(|(id, owed)| (id, owed.get()));
        assert_eq!(touched.collect::<Vec<_>>(), [(3, 0), (2, 30), (1, 0)]);
    }

    #[test]
    fn reductions_and_write_offs_are_cut_to_what_is_left_and_a_credit_of_nothing_writes_nothing() {
        let mut account =
            Account::of(vec![invoice(1, 100, "2024-04-01")], Vec::new(), &[]).unwrap();
        let mut credit = |amount, kind| {
            let entry = account
                .credit_invoice(1, Pence::new(amount), kind, None)
                .unwrap();
            entry.map(|place| account.entries()[place].parts[0].amount.get())
        };
        assert_eq!(credit(50, LedgerType::CreditRemission), Some(50));
        assert_eq!(credit(100, LedgerType::CreditExemption), Some(50));
        assert_eq!(credit(10, LedgerType::CreditWriteOff), None);
        assert_eq!(credit(10, LedgerType::CreditMemo), Some(10));
        assert_eq!(credit(0, LedgerType::CreditMemo), None);
    }

    #[test]
    fn a_debit_makes_an_invoice_owe_and_credit_pays_it() {
        let mut account =
            Account::of(vec![invoice(1, 100, "2024-04-01")], Vec::new(), &[]).unwrap();
        let mut credit = |amount, kind| {
            account
                .credit_invoice(1, Pence::new(amount), kind, None)
                .unwrap();
            account.reapply().unwrap();
            (owed(&account, 1), account.credit().get())
        };
        assert_eq!(credit(130, LedgerType::CreditMemo), (0, 30));
        assert_eq!(credit(-50, LedgerType::DebitMemo), (20, 0));
    }
}
