//! Inputs of the mutations that Sirius's service key makes (`domain.md` section 7).

use async_graphql::InputObject;

use super::inputs::{Read, client, fault, known, known_word, new_client};
use crate::finance::change::{
    CourtReferenceChange, Fault, FaultCode, GeneratedFeeRange, GeneratedInvoice, NewFinanceClient,
};
use crate::graphql::enums::{FeeType, PaymentMethod, SupervisionLevel};
use crate::graphql::int::WideInt;
use crate::graphql::scalars::{Date, Pence};

/// A client to be made.
#[derive(InputObject)]
pub(super) struct CreateFinanceClientInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// Number of the account in the older finance system.
    sop_number: String,
    /// The reference by which payments name the client. No two clients have one.
    court_reference: Option<String>,
    /// How the client pays.
    payment_method: PaymentMethod,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: String,
}

impl CreateFinanceClientInput {
    pub(super) fn read(self) -> Read<NewFinanceClient> {
        let input = NewFinanceClient {
            client_id: new_client(self.client_id)?,
            sop_number: self.sop_number,
            court_reference: self.court_reference,
            payment_method: known("paymentMethod", self.payment_method.stored())?,
        };
        Ok((input, Some(self.idempotency_key)))
    }
}

/// Another court reference.
#[derive(InputObject)]
pub(super) struct UpdateCourtReferenceInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// The reference by which payments name the client. No two clients have one.
    court_reference: String,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: String,
}

impl UpdateCourtReferenceInput {
    pub(super) fn read(self) -> Read<CourtReferenceChange> {
        let input = CourtReferenceChange {
            client_id: client(self.client_id)?,
            court_reference: self.court_reference,
        };
        Ok((input, Some(self.idempotency_key)))
    }
}

/// Invoices to be made.
#[derive(InputObject)]
pub(super) struct CreateGeneratedInvoicesInput {
    /// The invoices: 1 to 1,000. A request has 1 MiB at most: with many fee ranges that is fewer.
    invoices: Vec<GeneratedInvoiceInput>,
    /// A key of this batch's own: sent again with it, the batch is made once.
    idempotency_key: String,
}

/// An invoice that Sirius has generated.
#[derive(InputObject)]
struct GeneratedInvoiceInput {
    /// Sirius's person id of the client.
    client_id: WideInt,
    /// What is stored as the invoice's person; the client, if left out.
    person_id: Option<WideInt>,
    /// What the fee is for.
    fee_type: FeeType,
    /// What is charged, above 0.
    amount: Pence,
    /// The first day that the fee covers; its financial year is in the reference.
    start_date: Date,
    /// The last day that the fee covers.
    end_date: Date,
    /// The day it is raised. Without one no fee reduction covers it.
    raised_date: Option<Date>,
    /// The day it was confirmed.
    confirmed_date: Option<Date>,
    /// The level charged for.
    supervision_level: Option<SupervisionLevel>,
    /// What each level is charged for, at most 60, and together at most the amount; a remission of
    /// annual fees is half of the `GENERAL` ones. Left out, the whole is charged at
    /// `supervisionLevel`, if that is given.
    fee_ranges: Option<Vec<GeneratedFeeRangeInput>>,
    /// Sirius's number of the batch.
    batch_number: Option<WideInt>,
    /// Where it comes from: at most 20 characters.
    source: Option<String>,
    /// The day stored as `scheduledfn14date`.
    scheduled_fn14_date: Option<Date>,
    /// Sirius's number of the user who made it; the one that services act as, if left out.
    created_by: Option<WideInt>,
}

/// What a level is charged for.
#[derive(InputObject)]
struct GeneratedFeeRangeInput {
    /// The level.
    supervision_level: SupervisionLevel,
    /// The first day.
    from_date: Date,
    /// The last day.
    to_date: Date,
    /// What is charged for these days.
    amount: Pence,
}

impl CreateGeneratedInvoicesInput {
    pub(super) fn read(self) -> (Vec<Result<GeneratedInvoice, Fault>>, String) {
        let invoices = self.invoices.into_iter().map(GeneratedInvoiceInput::read);
        (invoices.collect(), self.idempotency_key)
    }
}

impl GeneratedInvoiceInput {
    /// What a rule wants, or what is wrong with the first thing that none could be told.
    fn read(self) -> Result<GeneratedInvoice, Fault> {
        let level = |level: SupervisionLevel| known_word("supervisionLevel", level.stored());
        let number = |field, id: WideInt| {
            i32::try_from(id.0).map_err(|_| {
                let text = format!("It is at most {}.", i32::MAX);
                fault(field, FaultCode::OutOfRange, text)
            })
        };
        let read_range = |(place, range): (usize, GeneratedFeeRangeInput)| {
            let level = level(range.supervision_level).map_err(|mut fault| {
                fault.within = vec!["feeRanges".to_owned(), place.to_string()];
                fault
            })?;
            Ok(GeneratedFeeRange {
                level,
                from: range.from_date.0,
                to: range.to_date.0,
                amount: range.amount.0,
            })
        };
        let ranges = self
            .fee_ranges
            .map(|ranges| ranges.into_iter().enumerate().map(read_range).collect());
        Ok(GeneratedInvoice {
            client_id: number("clientId", self.client_id)?,
            person_id: self
                .person_id
                .map(|id| number("personId", id))
                .transpose()?,
            fee_type: known_word("feeType", self.fee_type.stored())?,
            amount: self.amount.0,
            start_date: self.start_date.0,
            end_date: self.end_date.0,
            raised_date: self.raised_date.map(|it| it.0),
            confirmed_date: self.confirmed_date.map(|it| it.0),
            supervision_level: self.supervision_level.map(level).transpose()?,
            fee_ranges: ranges.transpose()?,
            batch_number: self.batch_number.map(|it| it.0),
            source: self.source,
            scheduled_fn14_date: self.scheduled_fn14_date.map(|it| it.0),
            created_by: self.created_by.map(|it| it.0),
        })
    }
}
