//! Events that wait to be sent (ADR 10). They were recorded with the changes that caused them
//! (`finance::change`); whoever sends them claims them here and tells what became of them.
//!
//! Of each client the oldest event that is neither delivered nor parked is next, and no other: that keeps
//! them in order. A claim is a lease: until it is over nobody else has the event, and if its holder dies
//! it is sent again, by whoever comes next.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use entity::outgoing_event::{Column, Entity, Model};
use entity::{finance_client, outgoing_event};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, LockBehavior, LockType, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait,
    FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{FinanceError, writing};

/// An event to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingEvent {
    /// Primary key.
    pub id: i32,
    /// Stays the same however often it is sent.
    pub event_id: String,
    /// Such as `refund-added`.
    pub detail_type: String,
    /// A JSON object.
    pub detail: String,
    /// When it happened, UTC.
    pub created_at: NaiveDateTime,
    /// How often it was tried, this time included.
    pub attempts: i32,
}

impl From<Model> for OutgoingEvent {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            event_id: row.event_id,
            detail_type: row.detail_type,
            detail: row.detail,
            created_at: row.created_at,
            attempts: row.attempts,
        }
    }
}

/// Claims up to `count` events that are due, each of another client, until `lease` is over.
///
/// # Errors
/// When the database fails.
pub async fn claim(
    db: &DatabaseConnection,
    now: NaiveDateTime,
    lease: Duration,
    count: u64,
) -> Result<Vec<OutgoingEvent>, FinanceError> {
    let transaction = writing::begin(db).await?;
    let mut due = Entity::find()
        .filter(waits())
        .filter(Column::NextAttemptAt.lte(now))
        .filter(Expr::not_exists(earlier_of_the_client()))
        // Those that failed come after those that have waited as long.
        .order_by_asc(Column::NextAttemptAt)
        .order_by_asc(Column::Id)
        .limit(count);
    if db.get_database_backend() == DbBackend::Postgres {
        due = due.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let due = due.all(&transaction).await?;
    if due.is_empty() {
        transaction.rollback().await?;
        return Ok(Vec::new());
    }
    let claimed = Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(after(now, lease)))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.is_in(due.iter().map(|row| row.id)))
        .exec_with_returning(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(claimed.into_iter().map(Into::into).collect())
}

/// Neither delivered nor parked.
fn waits() -> Condition {
    Condition::all()
        .add(Column::DeliveredAt.is_null())
        .add(Column::ParkedAt.is_null())
}

/// An event of the same client that waits and was recorded earlier.
fn earlier_of_the_client() -> sea_orm::sea_query::SelectStatement {
    let earlier = Alias::new("earlier");
    let of_earlier = |column: Column| Expr::col((earlier.clone(), column));
    let of_this = |column: Column| Expr::col((Entity, column));
    Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, earlier.clone())
        .and_where(of_earlier(Column::FinanceClientId).eq(of_this(Column::FinanceClientId)))
        .and_where(of_earlier(Column::Id).lt(of_this(Column::Id)))
        .and_where(of_earlier(Column::DeliveredAt).is_null())
        .and_where(of_earlier(Column::ParkedAt).is_null())
        .to_owned()
}

/// Has events sent now that are put off for longer than `longest`: they were written by a clock that was
/// ahead.
///
/// # Errors
/// When the database fails.
pub async fn bring_back(
    db: &DatabaseConnection,
    now: NaiveDateTime,
    longest: Duration,
) -> Result<(), FinanceError> {
    Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(now))
        .filter(waits())
        .filter(Column::NextAttemptAt.gt(after(now, longest)))
        .exec(db)
        .await?;
    Ok(())
}

fn after(now: NaiveDateTime, wait: Duration) -> NaiveDateTime {
    TimeDelta::from_std(wait)
        .ok()
        .and_then(|wait| now.checked_add_signed(wait))
        .unwrap_or(NaiveDateTime::MAX)
}

/// These were taken.
///
/// # Errors
/// When the database fails; then they are sent again.
pub async fn delivered(
    db: &impl ConnectionTrait,
    ids: &[i32],
    now: NaiveDateTime,
) -> Result<(), FinanceError> {
    if ids.is_empty() {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::DeliveredAt, Expr::value(now))
        .col_expr(Column::LastError, Expr::value(None::<String>))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .exec(db)
        .await?;
    Ok(())
}

/// This one was not taken, and is tried again after `wait`.
///
/// # Errors
/// When the database fails; then it is tried again when its lease is over.
pub async fn put_off(
    db: &impl ConnectionTrait,
    id: i32,
    why: &str,
    now: NaiveDateTime,
    wait: Duration,
) -> Result<(), FinanceError> {
    Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(after(now, wait)))
        .col_expr(Column::LastError, Expr::value(why))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// This one will never be taken: it stands aside until an operator has it sent again, and later ones of
/// its client go on.
///
/// # Errors
/// When the database fails; then it is tried again when its lease is over.
pub async fn park(
    db: &impl ConnectionTrait,
    id: i32,
    why: &str,
    now: NaiveDateTime,
) -> Result<(), FinanceError> {
    Entity::update_many()
        .col_expr(Column::ParkedAt, Expr::value(now))
        .col_expr(Column::LastError, Expr::value(why))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// How many wait and stand aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxState {
    /// Events that wait.
    pub waiting: u64,
    /// When the oldest of them was recorded, UTC.
    pub oldest: Option<NaiveDateTime>,
    /// Events that stand aside.
    pub parked: u64,
}

/// How many wait and stand aside.
///
/// # Errors
/// When the database fails.
pub async fn state(db: &impl ConnectionTrait) -> Result<OutboxState, FinanceError> {
    let oldest = Entity::find().filter(waits()).order_by_asc(Column::Id);
    Ok(OutboxState {
        waiting: Entity::find().filter(waits()).count(db).await?,
        oldest: oldest.one(db).await?.map(|row| row.created_at),
        parked: parked_rows().count(db).await?,
    })
}

fn parked_rows() -> sea_orm::Select<Entity> {
    Entity::find()
        .filter(Column::ParkedAt.is_not_null())
        .filter(Column::DeliveredAt.is_null())
}

/// An event that stands aside.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct ParkedEvent {
    /// Stays the same however often it is sent.
    pub event_id: String,
    /// Such as `refund-added`.
    pub detail_type: String,
    /// Sirius's person id of its client.
    pub client_id: i32,
    /// When it happened, UTC.
    pub created_at: NaiveDateTime,
    /// When it was given up, UTC.
    pub parked_at: NaiveDateTime,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it was not taken the last time.
    pub last_error: Option<String>,
}

/// The events that stand aside, oldest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn parked(
    db: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<ParkedEvent>, FinanceError> {
    Ok(parked_rows()
        .inner_join(finance_client::Entity)
        .select_only()
        .columns([
            Column::EventId,
            Column::DetailType,
            Column::CreatedAt,
            Column::ParkedAt,
            Column::Attempts,
            Column::LastError,
        ])
        .column_as(finance_client::Column::ClientId, "client_id")
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_model::<ParkedEvent>()
        .all(db)
        .await?)
}

/// Lets parked events be sent again, from their first attempt on: those of these ids, or all. Gives how
/// many there were.
///
/// # Errors
/// When the database fails.
pub async fn resend(
    db: &impl ConnectionTrait,
    event_ids: Option<&[String]>,
    now: NaiveDateTime,
) -> Result<u64, FinanceError> {
    let mut update = Entity::update_many()
        .col_expr(Column::ParkedAt, Expr::value(None::<NaiveDateTime>))
        .col_expr(Column::Attempts, Expr::value(0))
        .col_expr(Column::NextAttemptAt, Expr::value(now))
        .filter(Column::ParkedAt.is_not_null())
        .filter(Column::DeliveredAt.is_null());
    if let Some(ids) = event_ids {
        update = update.filter(Column::EventId.is_in(ids.iter().map(String::as_str)));
    }
    Ok(update.exec(db).await?.rows_affected)
}

/// Forgets up to `count` events that were delivered before that moment.
///
/// # Errors
/// When the database fails.
pub async fn forget(
    db: &impl ConnectionTrait,
    before: NaiveDateTime,
    count: u64,
) -> Result<u64, FinanceError> {
    let ids = outgoing_event::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::DeliveredAt.lt(before))
        .limit(count)
        .into_tuple::<i32>()
        .all(db)
        .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let deleted = Entity::delete_many().filter(Column::Id.is_in(ids));
    Ok(deleted.exec(db).await?.rows_affected)
}
