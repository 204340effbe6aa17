//! Changing how a client pays.

use entity::finance_client;
use entity::stored::PaymentMethod;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use serde_json::json;

use super::events::EventKind;
use super::fault::{FaultCode, Faults, Refusal};
use super::frame::Actor;
use super::idempotency::{Key, RequestKey};
use super::single::{Begun, Change, Changed};
use crate::finance::account::word;

/// The input.
#[derive(Clone, Debug)]
pub struct PaymentMethodChange {
    /// Sirius's person id.
    pub client_id: i32,
    /// The new method.
    pub payment_method: PaymentMethod,
}

/// Changes the method. No row of `payment_method` is written: those tell of mandates.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn change_payment_method(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &PaymentMethodChange,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "changePaymentMethod");
    let mut change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    faults.check()?;
    let method = word(input.payment_method);
    if change.client.payment_method.is(input.payment_method) {
        let text = format!("The client pays by {} already.", method.to_lowercase());
        return Err(Refusal::of("paymentMethod", FaultCode::NotPermitted, text));
    }
    finance_client::Entity::update_many()
        .col_expr(finance_client::Column::PaymentMethod, Expr::value(method))
        .filter(finance_client::Column::Id.eq(change.client.id))
        .exec(&change.transaction)
        .await?;
    let detail = json!({ "clientId": input.client_id, "paymentMethod": method });
    change.tell(EventKind::PaymentMethodChanged, detail);
    let id = change.client.id;
    change.commit(id).await
}
