//! Idempotency keys: the same key and content again is the same change, made once.
//!
//! A key is reserved before anything else is done, so that of two requests with one key at once the
//! second waits for the first, and then finds its result.

use chrono::{Days, NaiveDateTime};
use entity::idempotency_key::{ActiveModel, Column, Entity};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, TryInsertResult,
};
use sha2::{Digest as _, Sha256};

use super::fault::{FaultCode, Faults, Refusal};
use crate::finance::FinanceError;
use crate::finance::ledger::next_id;

/// A key that a caller gives a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The key.
    pub key: String,
    /// All that is asked for, as one text. It must be the same for the same request also after the next
    /// release, and tell nothing that may not be kept.
    pub content: String,
}

/// A key, and what it was given for.
pub(super) struct Key {
    key: String,
    operation: &'static str,
    content_hash: String,
}

/// A key that belongs to the change under way.
pub(super) struct Reserved {
    id: i32,
}

/// What a key was given for before, and came to.
pub(super) struct Earlier {
    /// Id of the row that the change made or changed.
    pub(super) result_id: i32,
    /// The result of a batch.
    pub(super) result: Option<String>,
}

/// How long a key is kept.
const KEPT: Days = Days::new(30);

/// The longest key.
const KEY_LIMIT: usize = 255;

impl Key {
    /// The key of an operation with that content. An absent key is none; one of no use is a fault.
    pub(super) fn of(
        faults: &mut Faults,
        given: Option<&RequestKey>,
        operation: &'static str,
    ) -> Option<Self> {
        let RequestKey { key, content } = given?;
        if key.is_empty() || key.len() > KEY_LIMIT || key.chars().any(char::is_control) {
            let text = format!("It must have 1 to {KEY_LIMIT} bytes, without control characters.");
            faults.add("idempotencyKey", FaultCode::Invalid, text);
            return None;
        }
        Some(Self {
            key: key.clone(),
            operation,
            content_hash: hex::encode(Sha256::digest(content.as_bytes())),
        })
    }

    /// Reserves the key for the change under way; else what it came to before.
    pub(super) async fn reserve(
        self,
        db: &impl ConnectionTrait,
        caller: &str,
        now: NaiveDateTime,
    ) -> Result<Result<Reserved, Earlier>, Refusal> {
        // One that is over is free, although it was not forgotten yet.
        Entity::delete_many()
            .filter(Column::Caller.eq(caller))
            .filter(Column::Key.eq(self.key.as_str()))
            .filter(Column::CreatedAt.lt(over(now)))
            .exec(db)
            .await?;
        let id = next_id(db, "idempotency_key").await?;
        let row = ActiveModel {
            id: Set(id),
            caller: Set(caller.to_owned()),
            key: Set(self.key.clone()),
            operation: Set(self.operation.to_owned()),
            content_hash: Set(self.content_hash.clone()),
            result_id: Set(0),
            result: Set(None),
            created_at: Set(now),
        };
        let inserted = Entity::insert_many([row])
            .on_conflict_do_nothing_on([Column::Caller, Column::Key])
            .exec_without_returning(db)
            .await?;
        if matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0) {
            return Ok(Ok(Reserved { id }));
        }
        let row = Entity::find()
            .filter(Column::Caller.eq(caller))
            .filter(Column::Key.eq(self.key.as_str()))
            .one(db)
            .await?;
        match row {
            Some(row)
                if row.operation == self.operation && row.content_hash == self.content_hash =>
            {
                Ok(Err(Earlier {
                    result_id: row.result_id,
                    result: row.result,
                }))
            }
            Some(_) => Err(Refusal::of(
                "idempotencyKey",
                FaultCode::KeyReused,
                "The key was used for another change; give each change a key of its own.",
            )),
            // Gone in this very moment: the caller may try again.
            None => Err(FinanceError::Busy.into()),
        }
    }
}

fn over(now: NaiveDateTime) -> NaiveDateTime {
    now.checked_sub_days(KEPT).unwrap_or(now)
}

/// Forgets up to `count` keys that are over, whoever gave them. Gives how many.
///
/// # Errors
/// When the database fails.
pub async fn forget_keys(
    db: &impl ConnectionTrait,
    now: NaiveDateTime,
    count: u64,
) -> Result<u64, FinanceError> {
    let mut ids = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::CreatedAt.lt(over(now)))
        .limit(count);
    if db.get_database_backend() == DbBackend::Postgres {
        // What somebody uses just now is for the next time.
        ids = ids.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let ids = ids.into_tuple::<i32>().all(db).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let deleted = Entity::delete_many().filter(Column::Id.is_in(ids));
    Ok(deleted.exec(db).await?.rows_affected)
}

impl Reserved {
    /// Keeps with the key what the change came to.
    pub(super) async fn keep(
        self,
        db: &impl ConnectionTrait,
        result_id: i32,
        result: Option<String>,
    ) -> Result<(), Refusal> {
        Entity::update_many()
            .col_expr(Column::ResultId, Expr::value(result_id))
            .col_expr(Column::Result, Expr::value(result))
            .filter(Column::Id.eq(self.id))
            .exec(db)
            .await?;
        Ok(())
    }
}
