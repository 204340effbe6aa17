//! Inputs of mutations.

use async_graphql::{Enum, ID, InputObject};

use crate::finance::change::{
    AdjustmentDecision, AdjustmentRequest, Fault, FaultCode, FeeReductionCancellation,
    FeeReductionRequest, ManualInvoice, PaymentMethodChange, RefundCancellation,
    RefundDecisionInput, RefundRequest, Refusal,
};
use crate::graphql::enums::{
    AdjustmentType, FeeReductionType, FeeType, PaymentMethod, SupervisionLevel,
};
use crate::graphql::int::WideInt;
use crate::graphql::node::NodeType;
use crate::graphql::scalars::{Date, Pence};

/// What a rule wants, and the idempotency key.
pub(super) type Read<T> = Result<(T, Option<String>), Refusal>;

/// An invoice to be made.
#[derive(InputObject)]
pub(super) struct AddManualInvoiceInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// What the fee is for.
    fee_type: FeeType,
    /// What is charged: above 50 pence and at most 320 pounds. `AD` (100 pounds) and `GA` (200
    /// pounds) have their fixed fee: leave it out.
    amount: Option<Pence>,
    /// The day it is raised: today (UTC) or earlier.
    raised_date: Date,
    /// The first day that the fee covers. Of `AD` and `GA` it is the raised date: leave it out.
    start_date: Option<Date>,
    /// The last day that the fee covers. Of `AD`, `GA`, `S2`, `S3`, `B2` and `B3` it is the raised
    /// date: leave it out. Of `SF`, `SE` and `SO` it is in the financial year of the start date.
    end_date: Option<Date>,
    /// The level charged for. Of `S2` and `B2` it is `GENERAL`, of `S3` and `B3` `MINIMAL`: leave it
    /// out.
    supervision_level: Option<SupervisionLevel>,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: Option<String>,
}

impl AddManualInvoiceInput {
    pub(super) fn read(self) -> Read<ManualInvoice> {
        let input = ManualInvoice {
            client_id: client(self.client_id)?,
            fee_type: known("feeType", self.fee_type.stored())?,
            amount: self.amount.map(|it| it.0),
            raised_date: self.raised_date.0,
            start_date: self.start_date.map(|it| it.0),
            end_date: self.end_date.map(|it| it.0),
            supervision_level: match self.supervision_level {
                None => None,
                Some(level) => Some(known("supervisionLevel", level.stored())?),
            },
        };
        Ok((input, self.idempotency_key))
    }
}

/// A fee reduction to be awarded.
#[derive(InputObject)]
pub(super) struct AddFeeReductionInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// Kind of reduction.
    #[graphql(name = "type")]
    kind: FeeReductionType,
    /// The financial year that it starts with: 2024 for April 2024.
    start_year: WideInt,
    /// How many years it runs: 1 to 3.
    length_in_years: WideInt,
    /// The day the application was received: today (UTC) or earlier.
    date_received: Date,
    /// Why: at most 1,000 characters.
    notes: String,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: Option<String>,
}

impl AddFeeReductionInput {
    pub(super) fn read(self) -> Read<FeeReductionRequest> {
        let input = FeeReductionRequest {
            client_id: client(self.client_id)?,
            kind: known("type", self.kind.stored())?,
            start_year: self.start_year.0,
            length_in_years: self.length_in_years.0,
            date_received: self.date_received.0,
            notes: self.notes,
        };
        Ok((input, self.idempotency_key))
    }
}

/// A fee reduction to be cancelled.
#[derive(InputObject)]
pub(super) struct CancelFeeReductionInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// The `id` of the reduction.
    fee_reduction_id: ID,
    /// Why: at most 1,000 characters.
    reason: String,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: Option<String>,
}

impl CancelFeeReductionInput {
    pub(super) fn read(self) -> Read<FeeReductionCancellation> {
        let input = FeeReductionCancellation {
            client_id: client(self.client_id)?,
            fee_reduction_id: row(&self.fee_reduction_id, NodeType::FeeReduction),
            reason: self.reason,
        };
        Ok((input, self.idempotency_key))
    }
}

/// An adjustment to be asked for.
#[derive(InputObject)]
pub(super) struct RaiseInvoiceAdjustmentInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// The `id` of the invoice.
    invoice_id: ID,
    /// One of the invoice's `permittedAdjustments`.
    #[graphql(name = "type")]
    kind: AdjustmentType,
    /// By how much, above 0 whatever the type. Leave it out for a write-off, which is of all that is
    /// owed, and for a write-off's reversal, which takes back what the client's credit allows; a
    /// Finance Manager may give more, up to what is written off.
    amount: Option<Pence>,
    /// Why: at most 1,000 characters.
    notes: String,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: Option<String>,
}

impl RaiseInvoiceAdjustmentInput {
    pub(super) fn read(self) -> Read<AdjustmentRequest> {
        let input = AdjustmentRequest {
            client_id: client(self.client_id)?,
            invoice_id: row(&self.invoice_id, NodeType::Invoice),
            kind: known("type", self.kind.stored())?,
            amount: self.amount.map(|it| it.0),
            notes: self.notes,
        };
        Ok((input, self.idempotency_key))
    }
}

/// What a manager decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum Decision {
    /// It is done as asked.
    Approve,
    /// It is not done.
    Reject,
}

/// A decision on an adjustment.
#[derive(InputObject)]
pub(super) struct DecideInvoiceAdjustmentInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// The `id` of the adjustment.
    adjustment_id: ID,
    /// The decision.
    decision: Decision,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: Option<String>,
}

impl DecideInvoiceAdjustmentInput {
    pub(super) fn read(self) -> Read<AdjustmentDecision> {
        let input = AdjustmentDecision {
            client_id: client(self.client_id)?,
            adjustment_id: row(&self.adjustment_id, NodeType::InvoiceAdjustment),
            is_approved: self.decision == Decision::Approve,
        };
        Ok((input, self.idempotency_key))
    }
}

/// A refund to be asked for: of the client's whole credit.
#[derive(InputObject)]
pub(super) struct RequestRefundInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// Account holder.
    account_name: String,
    /// Account number, 8 digits.
    account_number: String,
    /// Sort code, `NN-NN-NN`.
    sort_code: String,
    /// Why: at most 1,000 characters.
    notes: String,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: Option<String>,
}

impl RequestRefundInput {
    pub(super) fn read(self) -> Read<RefundRequest> {
        let input = RefundRequest {
            client_id: client(self.client_id)?,
            account_name: self.account_name,
            account_number: self.account_number,
            sort_code: self.sort_code,
            notes: self.notes,
        };
        Ok((input, self.idempotency_key))
    }
}

/// A decision on a refund.
#[derive(InputObject)]
pub(super) struct DecideRefundInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// The `id` of the refund.
    refund_id: ID,
    /// The decision.
    decision: Decision,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: Option<String>,
}

impl DecideRefundInput {
    pub(super) fn read(self) -> Read<RefundDecisionInput> {
        let input = RefundDecisionInput {
            client_id: client(self.client_id)?,
            refund_id: row(&self.refund_id, NodeType::Refund),
            is_approved: self.decision == Decision::Approve,
        };
        Ok((input, self.idempotency_key))
    }
}

/// A refund to be called off.
#[derive(InputObject)]
pub(super) struct CancelRefundInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// The `id` of the refund.
    refund_id: ID,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: Option<String>,
}

impl CancelRefundInput {
    pub(super) fn read(self) -> Read<RefundCancellation> {
        let input = RefundCancellation {
            client_id: client(self.client_id)?,
            refund_id: row(&self.refund_id, NodeType::Refund),
        };
        Ok((input, self.idempotency_key))
    }
}

/// Another way to pay.
#[derive(InputObject)]
pub(super) struct ChangePaymentMethodInput {
    /// Sirius's person id.
    client_id: WideInt,
    /// The new method.
    payment_method: PaymentMethod,
    /// A key of this change's own: sent again with it, the change is made once.
    idempotency_key: Option<String>,
}

impl ChangePaymentMethodInput {
    pub(super) fn read(self) -> Read<PaymentMethodChange> {
        let input = PaymentMethodChange {
            client_id: client(self.client_id)?,
            payment_method: known("paymentMethod", self.payment_method.stored())?,
        };
        Ok((input, self.idempotency_key))
    }
}

/// No client has a number beyond the column's range.
pub(super) fn client(WideInt(id): WideInt) -> Result<i32, Refusal> {
    i32::try_from(id).map_err(|_| {
        let text = format!("There is no client {id}.");
        refused("clientId", FaultCode::NotFound, text)
    })
}

/// A new client's number is within the column's range.
pub(super) fn new_client(WideInt(id): WideInt) -> Result<i32, Refusal> {
    i32::try_from(id).map_err(|_| {
        let text = format!("It is 1 to {}.", i32::MAX);
        refused("clientId", FaultCode::OutOfRange, text)
    })
}

/// The row of an id; none if it is no id of that type, which the rule then tells.
fn row(id: &ID, wanted: NodeType) -> Option<i32> {
    let (kind, row) = NodeType::read(id)?;
    (kind == wanted).then_some(row)
}

/// `UNKNOWN` is for reading.
pub(super) fn known<T>(field: &'static str, word: Option<T>) -> Result<T, Refusal> {
    known_word(field, word).map_err(|fault| Refusal::Faults(vec![fault]))
}

pub(super) fn known_word<T>(field: &'static str, word: Option<T>) -> Result<T, Fault> {
    word.ok_or_else(|| {
        let text = "UNKNOWN is for reading; give another value.".to_owned();
        fault(field, FaultCode::Invalid, text)
    })
}

fn refused(field: &'static str, code: FaultCode, message: String) -> Refusal {
    Refusal::Faults(vec![fault(field, code, message)])
}

pub(super) fn fault(field: &'static str, code: FaultCode, message: String) -> Fault {
    Fault {
        within: Vec::new(),
        field: Some(field.into()),
        code,
        message,
    }
}
