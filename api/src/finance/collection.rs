//! Pending collections: direct debits that are scheduled.

use chrono::{NaiveDate, NaiveDateTime};
use entity::pending_collection;
use entity::stored::{PendingCollectionStatus, Stored};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::FinanceError;
use super::money::Pence;

/// A direct debit that is scheduled, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCollection {
    /// Primary key.
    pub id: i32,
    /// The client.
    pub finance_client_id: Option<i32>,
    /// Day the money is taken.
    pub collection_date: NaiveDate,
    /// What is taken.
    pub amount: Pence,
    /// Where it stands.
    pub status: Stored<PendingCollectionStatus>,
    /// When it was scheduled, UTC.
    pub created_at: NaiveDateTime,
    /// Sirius user who scheduled it.
    pub created_by: i32,
}

impl From<pending_collection::Model> for PendingCollection {
    fn from(row: pending_collection::Model) -> Self {
        Self {
            id: row.id,
            finance_client_id: row.finance_client_id,
            collection_date: row.collection_date,
            amount: row.amount.into(),
            status: row.status,
            created_at: row.created_at,
            created_by: row.created_by,
        }
    }
}

/// The collections of these clients, latest day first.
///
/// # Errors
/// When the database fails.
pub async fn of_clients(
    db: &impl ConnectionTrait,
    clients: &[i32],
) -> Result<Vec<PendingCollection>, FinanceError> {
    let rows = pending_collection::Entity::find()
        .filter(pending_collection::Column::FinanceClientId.is_in(clients.iter().copied()))
        .order_by_desc(pending_collection::Column::CollectionDate)
        .order_by_desc(pending_collection::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}
