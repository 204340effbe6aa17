//! Makes typed rows of the wide ones that the statement of [`super::rows`] gives.

use entity::stored::{AllocationStatus, Stored};
use sea_orm::{DbErr, QueryResult, TryGetable};

use super::rows::{
    ADJUSTMENT, ALLOCATION, AllocationRow, COLLECTION, COLUMNS, CollectionRow, FEE_REDUCTION,
    INVOICE, LEDGER, LedgerRow, PAYMENT_METHOD, PaymentMethodRow, REFUND, Rows,
};
use crate::finance::adjustment::Adjustment;
use crate::finance::fee_reduction::FeeReduction;
use crate::finance::invoice::Invoice;
use crate::finance::refund::Refund;

/// A row of the statement; columns are read by place, which spares a look-up by name.
pub(super) struct Wide<'a> {
    pub(super) row: &'a QueryResult,
    /// The client whose history it is.
    pub(super) client: i32,
}

impl<'a> Wide<'a> {
    pub(super) fn of(row: &'a QueryResult) -> Result<Self, DbErr> {
        let mut wide = Self { row, client: 0 };
        wide.client = wide.get("client")?;
        Ok(wide)
    }

    fn get<T: TryGetable>(&self, column: &str) -> Result<T, DbErr> {
        let place = COLUMNS.iter().position(|(name, _)| *name == column);
        let place = place.ok_or_else(|| DbErr::Type(format!("no shared column {column}")))?;
        self.row.try_get_by_index(place)
    }
}

impl Rows {
    pub(super) fn push(&mut self, row: &Wide<'_>) -> Result<(), DbErr> {
        match row.get::<i32>("branch")? {
            INVOICE => self.invoices.push(row.invoice()?),
            FEE_REDUCTION => self.fee_reductions.push(row.fee_reduction()?),
            ADJUSTMENT => self.adjustments.push(row.adjustment()?),
            LEDGER => self.ledgers.push(row.ledger()?),
            ALLOCATION => self.allocations.extend(row.allocation()?),
            REFUND => self.refunds.push(row.refund()?),
            PAYMENT_METHOD => self.payment_methods.push(row.payment_method()?),
            COLLECTION => self.collections.push(row.collection()?),
            other => return Err(DbErr::Type(format!("no branch {other}"))),
        }
        Ok(())
    }
}

impl Wide<'_> {
    fn invoice(&self) -> Result<Invoice, DbErr> {
        Ok(Invoice {
            id: self.get("id")?,
            finance_client_id: Some(self.client),
            reference: self.get("text_a")?,
            fee_type: self.get("word_a")?,
            amount: self.get::<i32>("amount")?.into(),
            raised_date: self.get("day_a")?,
            start_date: self.get("day_b")?,
            end_date: self.get("day_c")?,
            created_at: self.get("at_a")?,
            created_by: self.get("by_a")?,
        })
    }

    fn fee_reduction(&self) -> Result<FeeReduction, DbErr> {
        Ok(FeeReduction {
            id: self.get("id")?,
            finance_client_id: Some(self.client),
            kind: self.get("word_a")?,
            start_date: self.get("day_a")?,
            end_date: self.get("day_b")?,
            date_received: self.get("day_c")?,
            notes: self.get("text_a")?,
            deleted: self.get("flag")?,
            created_at: self.get("at_a")?,
            created_by: self.get("by_a")?,
            cancelled_at: self.get("at_b")?,
            cancelled_by: self.get("by_b")?,
            cancellation_reason: self.get("text_b")?,
        })
    }

    fn adjustment(&self) -> Result<Adjustment, DbErr> {
        Ok(Adjustment {
            id: self.get("id")?,
            finance_client_id: self.client,
            invoice_id: self.get("ref_a")?,
            ledger_id: self.get("ref_b")?,
            raised_date: self.get("day_a")?,
            kind: self.get("word_a")?,
            amount: self.get::<i32>("amount")?.into(),
            notes: self.get("text_a")?,
            status: self.get("word_b")?,
            created_at: self.get("at_a")?,
            created_by: self.get("by_a")?,
            updated_at: self.get("at_b")?,
            updated_by: self.get("by_b")?,
        })
    }

    fn ledger(&self) -> Result<LedgerRow, DbErr> {
        Ok(LedgerRow {
            id: self.get("id")?,
            fee_reduction_id: self.get("ref_a")?,
            kind: self.get("word_a")?,
            amount: self.get("amount")?,
            datetime: self.get("at_a")?,
            created_at: self.get("at_b")?,
            created_by: self.get("by_a")?,
        })
    }

    /// None for a status that does not count, which the statement leaves out already.
    fn allocation(&self) -> Result<Option<AllocationRow>, DbErr> {
        let Some(status) = self.get::<Stored<AllocationStatus>>("word_a")?.known() else {
            return Ok(None);
        };
        Ok(Some(AllocationRow {
            id: self.get("id")?,
            ledger_id: self.get("ref_a")?,
            invoice_id: self.get("ref_b")?,
            amount: self.get("amount")?,
            status,
        }))
    }

    fn refund(&self) -> Result<Refund, DbErr> {
        Ok(Refund {
            id: self.get("id")?,
            finance_client_id: self.client,
            raised_date: self.get("day_a")?,
            amount: self.get::<i32>("amount")?.into(),
            decision: self.get("word_a")?,
            notes: self.get("text_a")?,
            created_at: self.get("at_a")?,
            created_by: self.get("by_a")?,
            decision_at: self.get("at_b")?,
            decision_by: self.get("by_b")?,
            processed_at: self.get("at_c")?,
            cancelled_at: self.get("at_d")?,
            cancelled_by: self.get("by_c")?,
            fulfilled_at: self.get("at_e")?,
        })
    }

    fn payment_method(&self) -> Result<PaymentMethodRow, DbErr> {
        Ok(PaymentMethodRow {
            id: self.get("id")?,
            kind: self.get("word_a")?,
            created_at: self.get("at_a")?,
            created_by: self.get("by_a")?,
        })
    }

    fn collection(&self) -> Result<CollectionRow, DbErr> {
        Ok(CollectionRow {
            id: self.get("id")?,
            amount: self.get("amount")?,
            date: self.get("day_a")?,
            created_at: self.get("at_a")?,
            created_by: self.get("by_a")?,
        })
    }
}
