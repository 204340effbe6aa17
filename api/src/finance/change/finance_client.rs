//! Clients of the finance schema: Sirius makes them, and tells their court reference (`domain.md`
//! section 7).

use entity::finance_client::{ActiveModel, Column, Entity};
use entity::stored::PaymentMethod;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, Func, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter};
use sea_orm::{DbBackend, PaginatorTrait, TryInsertResult};

use super::fault::{FaultCode, Faults, Refusal};
use super::frame::{Actor, Frame, Opened};
use super::idempotency::{Key, RequestKey};
use super::single::{Begun, Change, Changed};
use crate::finance::ledger::next_id;

/// The input of a new client.
#[derive(Clone, Debug)]
pub struct NewFinanceClient {
    /// Sirius's person id.
    pub client_id: i32,
    /// Number of the account in the older finance system.
    pub sop_number: String,
    /// Reference by which payments name the client.
    pub court_reference: Option<String>,
    /// How the client pays.
    pub payment_method: PaymentMethod,
}

/// The input of another court reference.
#[derive(Clone, Debug)]
pub struct CourtReferenceChange {
    /// Sirius's person id.
    pub client_id: i32,
    /// The new reference.
    pub court_reference: String,
}

/// The longest reference, in characters.
const REFERENCE_LIMIT: usize = 255;

/// Makes a client.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn create_finance_client(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &NewFinanceClient,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "createFinanceClient");
    faults.require(
        input.client_id > 0,
        "clientId",
        FaultCode::OutOfRange,
        "It is 1 or above.",
    );
    reference("sopNumber", &input.sop_number, &mut faults);
    let court_reference = input.court_reference.as_deref();
    let court_reference =
        court_reference.filter(|text| reference("courtReference", text, &mut faults));
    let frame = match Frame::open(db, actor, key).await? {
        Opened::Frame(frame) => frame,
        Opened::Before(earlier) => {
            return Ok(Changed {
                finance_client_id: earlier.result_id,
                id: earlier.result_id,
            });
        }
    };
    if let Some(text) = court_reference {
        refuse_taken(&frame.transaction, text, input.client_id, &mut faults).await?;
    }
    let mut id = 0;
    if faults.is_empty() {
        id = next_id(&frame.transaction, "finance_client").await?;
        let row = ActiveModel {
            id: Set(id),
            client_id: Set(input.client_id),
            sop_number: Set(input.sop_number.clone()),
            payment_method: Set(input.payment_method.into()),
            batchnumber: Set(None),
            court_ref: Set(input.court_reference.clone()),
        };
        let inserted = Entity::insert_many([row])
            .on_conflict_do_nothing_on([Column::ClientId])
            .exec_without_returning(&frame.transaction)
            .await?;
        if !matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0) {
            is_taken(input.client_id, &mut faults);
        }
    } else if exists(&frame.transaction, input.client_id).await? {
        is_taken(input.client_id, &mut faults);
    }
    faults.check()?;
    frame.commit(id, None).await?;
    Ok(Changed {
        finance_client_id: id,
        id,
    })
}

/// Gives a client another court reference. The one it has already changes nothing.
///
/// # Errors
/// When it is refused or cannot be done.
pub async fn update_court_reference(
    db: &DatabaseConnection,
    actor: &Actor,
    input: &CourtReferenceChange,
    key: Option<&RequestKey>,
) -> Result<Changed, Refusal> {
    let mut faults = Faults::default();
    let key = Key::of(&mut faults, key, "updateCourtReference");
    let text = &input.court_reference;
    let is_reference = reference("courtReference", text, &mut faults);
    let change = match Change::begin(db, actor, input.client_id, key, &mut faults).await? {
        Begun::Change(change) => change,
        Begun::Before(changed) => return Ok(changed),
    };
    if is_reference {
        refuse_taken(&change.transaction, text, input.client_id, &mut faults).await?;
    }
    faults.check()?;
    Entity::update_many()
        .col_expr(Column::CourtRef, Expr::value(text.as_str()))
        .filter(Column::Id.eq(change.client.id))
        .exec(&change.transaction)
        .await?;
    let id = change.client.id;
    change.commit(id).await
}

/// A reference that must be there. Tells whether it can be one: a database cannot even be asked for some
/// texts.
fn reference(field: &'static str, text: &str, faults: &mut Faults) -> bool {
    let mut of_text = Faults::default();
    if text.is_empty() || text.trim() != text {
        let text = "It is required, without spaces around it.";
        of_text.add(field, FaultCode::Required, text);
    }
    if text.chars().any(char::is_control) {
        of_text.add(field, FaultCode::Invalid, "It has control characters.");
    }
    if text.chars().count() > REFERENCE_LIMIT {
        let text = format!("It has at most {REFERENCE_LIMIT} characters.");
        of_text.add(field, FaultCode::TooLong, text);
    }
    let is_one = of_text.is_empty();
    faults.add_all(&[], of_text);
    is_one
}

/// Payments find a client by the court reference, so no two have one.
async fn refuse_taken(
    db: &impl ConnectionTrait,
    court_reference: &str,
    client_id: i32,
    faults: &mut Faults,
) -> Result<(), Refusal> {
    if db.get_database_backend() == DbBackend::Postgres {
        // Two at once wait for each other.
        let number = Func::cust("hashtext").arg(court_reference);
        let lock = Func::cust("pg_advisory_xact_lock").arg(number);
        db.query_one(Query::select().expr(lock)).await?;
    }
    let others = Entity::find()
        .filter(Column::CourtRef.eq(court_reference))
        .filter(Column::ClientId.ne(client_id))
        .count(db)
        .await?;
    if others > 0 {
        let text = "Another client has it.";
        faults.add("courtReference", FaultCode::Taken, text);
    }
    Ok(())
}

async fn exists(db: &impl ConnectionTrait, client_id: i32) -> Result<bool, Refusal> {
    let clients = Entity::find().filter(Column::ClientId.eq(client_id));
    Ok(clients.count(db).await? > 0)
}

fn is_taken(client_id: i32, faults: &mut Faults) {
    let text = format!("There is a client {client_id} already.");
    faults.add("clientId", FaultCode::Taken, text);
}
