//! Makes typed rows of the wide ones that [`super::statement`] gives.

use entity::stored::{AllocationStatus, Stored};
use sea_orm::{DbErr, QueryResult, TryGetable};

use super::rows::{AllocationRow, CollectionRow, LedgerRow, PaymentMethodRow, Rows};
use super::statement::{
    ADJUSTMENT, ALLOCATION, CLIENT, COLLECTION, COLUMNS, FEE_REDUCTION, INVOICE, PAYMENT_METHOD,
    REFUND,
};
use crate::finance::account::FinanceClient;
use crate::finance::adjustment::Adjustment;
use crate::finance::fee_reduction::FeeReduction;
use crate::finance::invoice::Invoice;
use crate::finance::refund::Refund;

/// Where a shared column stands, found out when this is built: a name that there is not does not build.
macro_rules! at {
    ($name:literal) => {
        const { place($name) }
    };
}

#[expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated when it is built"
)]
const fn place(name: &str) -> usize {
    let mut place = 0;
    while place < COLUMNS.len() {
        let (own, name) = (COLUMNS[place].0.as_bytes(), name.as_bytes());
        let mut same = own.len() == name.len();
        let mut byte = 0;
        while same && byte < name.len() {
            same = own[byte] == name[byte];
            byte += 1;
        }
        if same {
            return place;
        }
        place += 1;
    }
    panic!("no shared column of that name")
}

/// A row of the statement; columns are read by place, which spares a look-up by name.
pub(super) struct Wide<'a> {
    pub(super) row: &'a QueryResult,
    /// The client whose history it is.
    pub(super) client: i32,
}

impl<'a> Wide<'a> {
    pub(super) fn of(row: &'a QueryResult) -> Result<Self, DbErr> {
        let mut wide = Self { row, client: 0 };
        wide.client = wide.get(at!("client"))?;
        Ok(wide)
    }

    fn get<T: TryGetable>(&self, column: usize) -> Result<T, DbErr> {
        self.row.try_get_by_index(column)
    }
}

impl Rows {
    pub(super) fn push(&mut self, row: &Wide<'_>) -> Result<(), DbErr> {
        match row.get::<i32>(at!("branch"))? {
            INVOICE => self.invoices.push(row.invoice()?),
            FEE_REDUCTION => self.fee_reductions.push(row.fee_reduction()?),
            ADJUSTMENT => self.adjustments.push(row.adjustment()?),
            ALLOCATION => {
                if let Some(allocation) = row.allocation()? {
                    self.allocations.push(allocation);
                    self.ledgers.push(row.ledger()?);
                }
            }
            REFUND => self.refunds.push(row.refund()?),
            PAYMENT_METHOD => self.payment_methods.push(row.payment_method()?),
            COLLECTION => self.collections.push(row.collection()?),
            other => return Err(DbErr::Type(format!("no branch {other}"))),
        }
        Ok(())
    }
}

impl Wide<'_> {
    /// The client, if it is the client's own row.
    pub(super) fn finance_client(&self) -> Result<Option<FinanceClient>, DbErr> {
        if self.get::<i32>(at!("branch"))? != CLIENT {
            return Ok(None);
        }
        Ok(Some(FinanceClient {
            id: self.get(at!("id"))?,
            client_id: self.get(at!("ref_a"))?,
            court_reference: self.get(at!("text_a"))?,
            sop_number: self.get(at!("text_b"))?,
            payment_method: self.get(at!("word_a"))?,
        }))
    }

    fn invoice(&self) -> Result<Invoice, DbErr> {
        Ok(Invoice {
            id: self.get(at!("id"))?,
            finance_client_id: Some(self.client),
            reference: self.get(at!("text_a"))?,
            fee_type: self.get(at!("word_a"))?,
            amount: self.get::<i32>(at!("amount"))?.into(),
            raised_date: self.get(at!("day_a"))?,
            start_date: self.get(at!("day_b"))?,
            end_date: self.get(at!("day_c"))?,
            created_at: self.get(at!("at_a"))?,
            created_by: self.get(at!("by_a"))?,
        })
    }

    fn fee_reduction(&self) -> Result<FeeReduction, DbErr> {
        Ok(FeeReduction {
            id: self.get(at!("id"))?,
            finance_client_id: Some(self.client),
            kind: self.get(at!("word_a"))?,
            start_date: self.get(at!("day_a"))?,
            end_date: self.get(at!("day_b"))?,
            date_received: self.get(at!("day_c"))?,
            notes: self.get(at!("text_a"))?,
            deleted: self.get(at!("flag"))?,
            created_at: self.get(at!("at_a"))?,
            created_by: self.get(at!("by_a"))?,
            cancelled_at: self.get(at!("at_b"))?,
            cancelled_by: self.get(at!("by_b"))?,
            cancellation_reason: self.get(at!("text_b"))?,
        })
    }

    fn adjustment(&self) -> Result<Adjustment, DbErr> {
        Ok(Adjustment {
            id: self.get(at!("id"))?,
            finance_client_id: self.client,
            invoice_id: self.get(at!("ref_a"))?,
            ledger_id: self.get(at!("ref_b"))?,
            raised_date: self.get(at!("day_a"))?,
            kind: self.get(at!("word_a"))?,
            amount: self.get::<i32>(at!("amount"))?.into(),
            notes: self.get(at!("text_a"))?,
            status: self.get(at!("word_b"))?,
            created_at: self.get(at!("at_a"))?,
            created_by: self.get(at!("by_a"))?,
            updated_at: self.get(at!("at_b"))?,
            updated_by: self.get(at!("by_b"))?,
        })
    }

    fn ledger(&self) -> Result<LedgerRow, DbErr> {
        Ok(LedgerRow {
            id: self.get(at!("ref_a"))?,
            fee_reduction_id: self.get(at!("ref_c"))?,
            kind: self.get(at!("word_b"))?,
            amount: self.get(at!("whole"))?,
            datetime: self.get(at!("at_a"))?,
            created_at: self.get(at!("at_b"))?,
            created_by: self.get(at!("by_a"))?,
        })
    }

    /// None for a status that does not count, which the statement leaves out already.
    fn allocation(&self) -> Result<Option<AllocationRow>, DbErr> {
        let Some(status) = self.get::<Stored<AllocationStatus>>(at!("word_a"))?.known() else {
            return Ok(None);
        };
        Ok(Some(AllocationRow {
            id: self.get(at!("id"))?,
            ledger_id: self.get(at!("ref_a"))?,
            invoice_id: self.get(at!("ref_b"))?,
            amount: self.get(at!("amount"))?,
            status,
        }))
    }

    fn refund(&self) -> Result<Refund, DbErr> {
        Ok(Refund {
            id: self.get(at!("id"))?,
            finance_client_id: self.client,
            raised_date: self.get(at!("day_a"))?,
            amount: self.get::<i32>(at!("amount"))?.into(),
            decision: self.get(at!("word_a"))?,
            notes: self.get(at!("text_a"))?,
            created_at: self.get(at!("at_a"))?,
            created_by: self.get(at!("by_a"))?,
            decision_at: self.get(at!("at_b"))?,
            decision_by: self.get(at!("by_b"))?,
            processed_at: self.get(at!("at_c"))?,
            cancelled_at: self.get(at!("at_d"))?,
            cancelled_by: self.get(at!("by_c"))?,
            fulfilled_at: self.get(at!("at_e"))?,
        })
    }

    fn payment_method(&self) -> Result<PaymentMethodRow, DbErr> {
        Ok(PaymentMethodRow {
            id: self.get(at!("id"))?,
            kind: self.get(at!("word_a"))?,
            created_at: self.get(at!("at_a"))?,
            created_by: self.get(at!("by_a"))?,
        })
    }

    fn collection(&self) -> Result<CollectionRow, DbErr> {
        Ok(CollectionRow {
            id: self.get(at!("id"))?,
            amount: self.get(at!("amount"))?,
            date: self.get(at!("day_a"))?,
            created_at: self.get(at!("at_a"))?,
            created_by: self.get(at!("by_a"))?,
        })
    }
}
