//! What can be changed (contract, "Changing"). Each mutation takes one input and gives one payload; the
//! rules live in [`crate::finance::change`].

mod content;
mod inputs;
mod payloads;
mod sirius_inputs;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Object};
use sea_orm::DatabaseConnection;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use self::content::Content;
use self::inputs::{
    AddFeeReductionInput, AddManualInvoiceInput, CancelFeeReductionInput, CancelRefundInput,
    ChangePaymentMethodInput, DecideInvoiceAdjustmentInput, DecideRefundInput,
    RaiseInvoiceAdjustmentInput, RequestRefundInput,
};
use self::payloads::{
    AddFeeReductionPayload, AddManualInvoicePayload, CancelFeeReductionPayload,
    CancelRefundPayload, ChangePaymentMethodPayload, CreateFinanceClientPayload,
    CreateGeneratedInvoicesPayload, DecideInvoiceAdjustmentPayload, DecideRefundPayload, Outcome,
    RaiseInvoiceAdjustmentPayload, RequestRefundPayload, UpdateCourtReferencePayload,
};
use self::sirius_inputs::{
    CreateFinanceClientInput, CreateGeneratedInvoicesInput, UpdateCourtReferenceInput,
};
use super::context::{Caller, FourEyes, Role, data, in_time};
use super::error::{ApiError, Code};
use super::guard::Guard;
use crate::authentication::Service;
use crate::clock::SharedClock;
use crate::finance::change::{self, Actor, Refusal};
use crate::finance::{ChangedClients, FinanceError};

const FINANCE_USER: Guard = Guard::roles(&[Role::FinanceUser]);
const FINANCE_MANAGER: Guard = Guard::roles(&[Role::FinanceManager]);
const SIRIUS: Guard = Guard::services(&[Service::Sirius]);

/// How many changes are made at once, and where they are kept account of.
#[derive(Clone)]
pub(super) struct ChangeSlots(Arc<Semaphore>, TaskTracker);

impl ChangeSlots {
    pub(super) fn new(count: usize, tasks: TaskTracker) -> Self {
        Self(Arc::new(Semaphore::new(count.max(1))), tasks)
    }
}

/// The longest that a change waits for its turn.
const SLOT_LIMIT: Duration = Duration::from_secs(4);

/// The longest that a change takes when nothing is lost: a few statements, each at its limit.
const CHANGE_LIMIT: Duration = Duration::from_secs(15);

/// What can be changed.
pub struct Mutation;

/// A change, from the guard to the outcome.
async fn change<T, F>(
    ctx: &Context<'_>,
    guard: Guard,
    make: impl FnOnce(DatabaseConnection, Actor, Content) -> F + Send + 'static,
) -> Result<Outcome<T>, ApiError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Refusal>> + Send + 'static,
{
    guard.check(ctx)?;
    let caller = data::<Caller>(ctx)?;
    let actor = Actor {
        user_id: caller.user_id,
        is_manager: caller.roles.contains(&Role::FinanceManager),
        caller: match caller.service {
            Some(service) => format!("service:{}", <&str>::from(service)),
            None => format!("user:{}", caller.user_id),
        },
        clock: data::<SharedClock>(ctx)?.clone(),
        four_eyes: data::<FourEyes>(ctx)?.0,
        changed_clients: data::<ChangedClients>(ctx)?.clone(),
    };
    let db = data::<DatabaseConnection>(ctx)?.clone();
    let ChangeSlots(slots, tasks) = data::<ChangeSlots>(ctx)?.clone();
    let content = Content::of(ctx)?;
    // By itself: a caller who goes away does not undo half of what is being written.
    let made = async move {
        // Reading needs connections too.
        let slot = tokio::time::timeout(SLOT_LIMIT, slots.acquire_owned()).await;
        let Ok(Ok(slot)) = slot else {
            return Err(FinanceError::Busy.into());
        };
        // Each of its statements has a limit in PostgreSQL. One that is not heard of again is given up here,
        // or it would keep its place for good.
        let made = tokio::time::timeout(CHANGE_LIMIT, make(db, actor, content)).await;
        drop(slot);
        made.unwrap_or_else(|_| {
            tracing::error!("a change was given up: the database is not heard of");
            Err(FinanceError::Lost.into())
        })
    };
    let span = tracing::debug_span!("change", field = ctx.field().name());
    let made = tasks.spawn(made.instrument(span));
    let made = async {
        match made.await {
            Ok(Ok(changed)) => Ok(Some(Outcome::Changed(changed))),
            Ok(Err(Refusal::Faults(faults))) => Ok(Some(Outcome::Faults(faults))),
            // It has not begun.
            Ok(Err(Refusal::Failed(FinanceError::Busy))) => {
                tracing::warn!("too many changes at once");
                Ok(None)
            }
            Ok(Err(Refusal::Failed(error))) => Err(error),
            Err(_) => Err(FinanceError::Lost),
        }
    };
    match in_time(made).await {
        Ok(made) => made.ok_or_else(ApiError::unavailable),
        Err(error) if error.code() == Code::Unavailable => Err(ApiError::new(
            Code::Unavailable,
            "Whether the change was made is not known. Send it again with the same \
             `idempotencyKey`; without one, look first.",
        )),
        Err(error) => Err(error),
    }
}

/// What can be changed. Faults of an input come as `userErrors`, all at once, and then nothing was
/// changed. Give each change an `idempotencyKey` of its own, and it can be sent again safely.
#[Object]
impl Mutation {
    /// Makes an invoice, for a Finance Manager. A fee reduction that covers it is applied, and credit
    /// is used on it.
    async fn add_manual_invoice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invoice.")] input: AddManualInvoiceInput,
    ) -> Result<AddManualInvoicePayload, ApiError> {
        let outcome = change(ctx, FINANCE_MANAGER, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::add_manual_invoice(&db, &actor, &input, key.as_ref()).await
        });
        Ok(AddManualInvoicePayload(outcome.await?))
    }

    /// Awards a fee reduction, for a Finance User. It is applied at once to the invoices that it
    /// covers.
    async fn add_fee_reduction(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reduction.")] input: AddFeeReductionInput,
    ) -> Result<AddFeeReductionPayload, ApiError> {
        let outcome = change(ctx, FINANCE_USER, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::add_fee_reduction(&db, &actor, &input, key.as_ref()).await
        });
        Ok(AddFeeReductionPayload(outcome.await?))
    }

    /// Cancels a fee reduction, for a Finance Manager. What it has credited stays.
    async fn cancel_fee_reduction(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and why.")] input: CancelFeeReductionInput,
    ) -> Result<CancelFeeReductionPayload, ApiError> {
        let outcome = change(ctx, FINANCE_MANAGER, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::cancel_fee_reduction(&db, &actor, &input, key.as_ref()).await
        });
        Ok(CancelFeeReductionPayload(outcome.await?))
    }

    /// Asks for an invoice to be adjusted, for a Finance User. A manager decides on it.
    async fn raise_invoice_adjustment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The adjustment.")] input: RaiseInvoiceAdjustmentInput,
    ) -> Result<RaiseInvoiceAdjustmentPayload, ApiError> {
        let outcome = change(ctx, FINANCE_USER, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::raise_adjustment(&db, &actor, &input, key.as_ref()).await
        });
        Ok(RaiseInvoiceAdjustmentPayload(outcome.await?))
    }

    /// Approves or rejects an adjustment that is pending, for a Finance Manager who did not ask for
    /// it. An approval is checked by the rules of today and applied at once.
    async fn decide_invoice_adjustment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and how.")] input: DecideInvoiceAdjustmentInput,
    ) -> Result<DecideInvoiceAdjustmentPayload, ApiError> {
        let outcome = change(ctx, FINANCE_MANAGER, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::decide_adjustment(&db, &actor, &input, key.as_ref()).await
        });
        Ok(DecideInvoiceAdjustmentPayload(outcome.await?))
    }

    /// Asks for the client's whole credit to be paid back, for a Finance User.
    async fn request_refund(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where to, and why.")] input: RequestRefundInput,
    ) -> Result<RequestRefundPayload, ApiError> {
        let outcome = change(ctx, FINANCE_USER, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::request_refund(&db, &actor, &input, key.as_ref()).await
        });
        Ok(RequestRefundPayload(outcome.await?))
    }

    /// Approves or rejects a refund that is pending, for a Finance Manager who did not ask for it.
    async fn decide_refund(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and how.")] input: DecideRefundInput,
    ) -> Result<DecideRefundPayload, ApiError> {
        let outcome = change(ctx, FINANCE_MANAGER, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::decide_refund(&db, &actor, &input, key.as_ref()).await
        });
        Ok(DecideRefundPayload(outcome.await?))
    }

    /// Calls an approved or processing refund off, for a Finance Manager.
    async fn cancel_refund(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: CancelRefundInput,
    ) -> Result<CancelRefundPayload, ApiError> {
        let outcome = change(ctx, FINANCE_MANAGER, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::cancel_refund(&db, &actor, &input, key.as_ref()).await
        });
        Ok(CancelRefundPayload(outcome.await?))
    }

    /// Changes how a client pays, for a Finance User.
    async fn change_payment_method(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How.")] input: ChangePaymentMethodInput,
    ) -> Result<ChangePaymentMethodPayload, ApiError> {
        let outcome = change(ctx, FINANCE_USER, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::change_payment_method(&db, &actor, &input, key.as_ref()).await
        });
        Ok(ChangePaymentMethodPayload(outcome.await?))
    }

    /// Makes a client, for Sirius's service key.
    async fn create_finance_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: CreateFinanceClientInput,
    ) -> Result<CreateFinanceClientPayload, ApiError> {
        let outcome = change(ctx, SIRIUS, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::create_finance_client(&db, &actor, &input, key.as_ref()).await
        });
        Ok(CreateFinanceClientPayload(outcome.await?))
    }

    /// Gives a client another court reference, for Sirius's service key.
    async fn update_court_reference(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, and which.")] input: UpdateCourtReferenceInput,
    ) -> Result<UpdateCourtReferencePayload, ApiError> {
        let outcome = change(ctx, SIRIUS, move |db, actor, content| async move {
            let (input, key) = input.read()?;
            let key = content.key(key);
            change::update_court_reference(&db, &actor, &input, key.as_ref()).await
        });
        Ok(UpdateCourtReferencePayload(outcome.await?))
    }

    /// Makes the invoices that Sirius generates, one or a batch of up to 1,000 in one transaction, for
    /// Sirius's service key. Each gets its reference here, a fee reduction that covers it is applied,
    /// and credit is used on it. One that is refused does not hold up the others: `results` tells of
    /// each, in the order of the input. Sent again with its key, the first results come back.
    async fn create_generated_invoices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invoices.")] input: CreateGeneratedInvoicesInput,
    ) -> Result<CreateGeneratedInvoicesPayload, ApiError> {
        let outcome = change(ctx, SIRIUS, move |db, actor, content| async move {
            let (invoices, key) = input.read();
            let key = content.key(Some(key));
            change::create_generated_invoices(&db, &actor, &invoices, key.as_ref()).await
        });
        Ok(CreateGeneratedInvoicesPayload::of(outcome.await?))
    }
}
