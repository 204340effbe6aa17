//! What holds of every account, whatever happens to it: random changes, against an independent model
//! that keeps nothing but what each invoice owes, what reductions took of it, and the credit.

#![expect(clippy::arithmetic_side_effects, reason = "small made-up figures")]

use chrono::{Days, NaiveDate, NaiveDateTime};
use entity::stored::{AllocationStatus, FeeType, LedgerType};
use proptest::prelude::*;

use super::Account;
use crate::finance::allocation::Allocation;
use crate::finance::invoice::Invoice;
use crate::finance::money::Pence;

/// Something that happens to an account.
#[derive(Clone, Debug)]
enum Step {
    Invoice {
        amount: i64,
        day: u64,
    },
    Credit {
        kind: LedgerType,
        which: usize,
        amount: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![
        LedgerType::CreditExemption,
        LedgerType::CreditRemission,
        LedgerType::CreditWriteOff,
        LedgerType::CreditMemo,
        LedgerType::DebitMemo,
        LedgerType::WriteOffReversal,
        LedgerType::FeeReductionReversal,
    ]);
    prop_oneof![
        (51_i64..32_000, 0_u64..9).prop_map(|(amount, day)| Step::Invoice { amount, day }),
        (kind, 0_usize..8, 0_i64..40_000).prop_map(|(kind, which, amount)| Step::Credit {
            kind,
            which,
            amount
        }),
    ]
}

fn is_reversal(kind: LedgerType) -> bool {
    matches!(
        kind,
        LedgerType::DebitMemo | LedgerType::WriteOffReversal | LedgerType::FeeReductionReversal
    )
}

#[derive(Clone, Debug)]
struct Owed {
    id: i32,
    day: u64,
    charged: i64,
    owed: i64,
    /// By reductions and write-offs, less their reversals.
    taken_off: i64,
}

/// Plain arithmetic, and nothing of the engine's.
#[derive(Default)]
struct Model {
    invoices: Vec<Owed>,
    credit: i64,
}

impl Model {
    fn credit(&mut self, which: usize, kind: LedgerType, amount: i64) {
        let invoice = &mut self.invoices[which];
        let mut amount = if is_reversal(kind) { -amount } else { amount };
        match kind {
            LedgerType::CreditExemption
            | LedgerType::CreditRemission
            | LedgerType::CreditWriteOff => {
                amount = amount.min((invoice.charged - invoice.taken_off).max(0));
                invoice.taken_off += amount;
            }
            LedgerType::WriteOffReversal | LedgerType::FeeReductionReversal => {
                invoice.taken_off += amount;
            }
            _ => {}
        }
        if amount == 0 {
            return;
        }
        invoice.owed -= amount;
        if invoice.owed < 0 {
            self.credit -= invoice.owed;
            invoice.owed = 0;
        }
    }

    fn reapply(&mut self) {
        self.invoices.sort_by_key(|it| (it.day, it.id));
        for invoice in &mut self.invoices {
            let used = self.credit.min(invoice.owed).max(0);
            self.credit -= used;
            invoice.owed -= used;
        }
        self.invoices.sort_by_key(|it| it.id);
    }
}

fn invoice(id: i32, amount: i64, day: u64) -> Invoice {
    let raised = NaiveDate::default()
        .checked_add_days(Days::new(day))
        .unwrap();
    Invoice {
        id,
        finance_client_id: Some(1),
        reference: String::new(),
        fee_type: FeeType::S2.into(),
        amount: Pence::new(amount),
        raised_date: Some(raised),
        start_date: raised,
        end_date: raised,
        created_at: None,
        created_by: None,
    }
}

/// The account as it would be read again from what it has written.
fn read_again(account: &Account) -> Account {
    let invoices = account
        .invoices()
        .iter()
        .map(|it| it.invoice.clone())
        .collect();
    let parts = account.entries().iter().flat_map(|entry| {
        entry.parts.iter().map(|part| Allocation {
            id: 0,
            ledger_id: 0,
            finance_client_id: None,
            invoice_id: Some(part.invoice_id),
            amount: part.amount.small().unwrap(),
            status: part.status.into(),
            kind: entry.kind.into(),
            fee_reduction_id: entry.fee_reduction_id,
            datetime: NaiveDateTime::default(),
            created_by: None,
        })
    });
    let parts = parts.collect::<Vec<_>>();
    Account::of(invoices, parts.clone(), &parts).unwrap()
}

/// What `Standing` gives of reductions and write-offs may be taken back, and no more: as the rules for
/// raising an adjustment have it.
fn allowed(account: &Account, id: i32, kind: LedgerType, amount: i64) -> i64 {
    let standing = &account.invoice(id).unwrap().standing;
    let most = match kind {
        LedgerType::WriteOffReversal => standing.written_off.get(),
        LedgerType::FeeReductionReversal => {
            standing.reduced.get() - standing.reduction_reversed.get()
        }
        _ => i64::MAX,
    };
    amount.min(most)
}

/// More with PROPTEST_CASES.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(400),
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_books_balance_whatever_happens(steps in prop::collection::vec(step(), 1..25)) {
        let mut account = Account::of(Vec::new(), Vec::new(), &[]).unwrap();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Invoice { amount, day } => {
                    let id = i32::try_from(model.invoices.len()).unwrap() + 1;
                    account.add_invoice(invoice(id, amount, day)).unwrap();
                    let owed = Owed { id, day, charged: amount, owed: amount, taken_off: 0 };
                    model.invoices.push(owed);
                }
                Step::Credit { kind, which, amount } if which < model.invoices.len() => {
                    let id = model.invoices[which].id;
                    let amount = allowed(&account, id, kind, amount);
                    let signed = if is_reversal(kind) { -amount } else { amount };
                    account.credit_invoice(id, Pence::new(signed), kind, None).unwrap();
                    model.credit(which, kind, amount);
                }
                Step::Credit { .. } => continue,
            }
            account.reapply().unwrap();
            model.reapply();

            prop_assert_eq!(account.credit().get(), model.credit);
            prop_assert!(model.credit >= 0);
            for owed in &model.invoices {
                let standing = &account.invoice(owed.id).unwrap().standing;
                prop_assert_eq!(standing.outstanding.get(), owed.owed, "invoice {}", owed.id);
                prop_assert!(owed.taken_off <= owed.charged);
                prop_assert!(model.credit == 0 || owed.owed == 0, "credit lies idle");
            }
            for entry in account.entries() {
                let parts = entry.parts.iter().map(|part| part.amount.get());
                prop_assert_eq!(entry.amount().unwrap().get(), parts.sum::<i64>());
                prop_assert!(entry.parts.iter().all(|part| part.amount != Pence::ZERO));
                let excess = entry.parts.iter().filter(|it| it.status == AllocationStatus::Unapplied);
                prop_assert!(excess.into_iter().all(|part| part.amount < Pence::ZERO));
            }
            let again = read_again(&account);
            prop_assert_eq!(again.credit(), account.credit());
            for (read, kept) in again.invoices().iter().zip(account.invoices()) {
                prop_assert_eq!(&read.standing, &kept.standing);
            }
        }
    }
}
