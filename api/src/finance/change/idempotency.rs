//! Idempotency keys: the same key and content again is the same change, made once.

use chrono::{Days, NaiveDateTime};
use entity::idempotency_key::{ActiveModel, Column, Entity};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::{Digest as _, Sha256};

use super::fault::{FaultCode, Refusal};
use crate::finance::ledger::next_id;

/// A key, and what it was given for.
pub(super) struct Key {
    key: String,
    operation: &'static str,
    content_hash: String,
}

/// How long a key is kept.
const KEPT: Days = Days::new(30);

/// The longest key.
const KEY_LIMIT: usize = 255;

impl Key {
    /// The key of an operation with that content. An absent key is none.
    pub(super) fn of(
        key: Option<&String>,
        operation: &'static str,
        content: &str,
    ) -> Result<Option<Self>, Refusal> {
        let Some(key) = key else {
            return Ok(None);
        };
        if key.is_empty() || key.len() > KEY_LIMIT || key.chars().any(char::is_control) {
            let text = format!("It must have 1 to {KEY_LIMIT} bytes, without control characters.");
            return Err(Refusal::of("idempotencyKey", FaultCode::Invalid, text));
        }
        let hash = Sha256::digest(content.as_bytes());
        Ok(Some(Self {
            key: key.clone(),
            operation,
            content_hash: hex::encode(hash),
        }))
    }
}

/// The result of the change that the key was given for before.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    caller: &str,
    key: &Key,
    now: NaiveDateTime,
) -> Result<Option<i32>, Refusal> {
    // What is over is forgotten, by whoever comes next.
    let over = now.checked_sub_days(KEPT).unwrap_or(now);
    Entity::delete_many()
        .filter(Column::Caller.eq(caller))
        .filter(Column::CreatedAt.lt(over))
        .exec(db)
        .await?;
    let row = Entity::find()
        .filter(Column::Caller.eq(caller))
        .filter(Column::Key.eq(key.key.as_str()))
        .one(db)
        .await?;
    match row {
        None => Ok(None),
        Some(row) if row.operation == key.operation && row.content_hash == key.content_hash => {
            Ok(Some(row.result_id))
        }
        Some(_) => Err(reused()),
    }
}

/// Keeps the key with the change.
pub(super) async fn keep(
    db: &impl ConnectionTrait,
    caller: &str,
    key: &Key,
    result_id: i32,
    now: NaiveDateTime,
) -> Result<(), Refusal> {
    let row = ActiveModel {
        id: Set(next_id(db, "idempotency_key").await?),
        caller: Set(caller.to_owned()),
        key: Set(key.key.clone()),
        operation: Set(key.operation.to_owned()),
        content_hash: Set(key.content_hash.clone()),
        result_id: Set(result_id),
        created_at: Set(now),
    };
    // Taken meanwhile, for a change of another client: then this one is not made.
    let kept = Entity::insert_many([row])
        .on_conflict_do_nothing_on([Column::Caller, Column::Key])
        .exec_without_returning(db)
        .await?;
    match kept {
        sea_orm::TryInsertResult::Inserted(rows) if rows > 0 => Ok(()),
        _ => Err(reused()),
    }
}

fn reused() -> Refusal {
    Refusal::of(
        "idempotencyKey",
        FaultCode::KeyReused,
        "The key was used for another change; give each change a key of its own.",
    )
}
