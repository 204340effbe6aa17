//! A change of one client's account, under the lock of the client's row.

use std::ops::{Deref, DerefMut};

use sea_orm::DatabaseConnection;
use serde_json::Value;

use super::events::EventKind;
use super::fault::{FaultCode, Faults, Refusal};
use super::frame::{Actor, Frame, Opened};
use super::idempotency::Key;
use crate::finance::FinanceError;
use crate::finance::account::{self, FinanceClient};
use crate::finance::ledger::{self, Account};

/// What a change made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Our id of the client.
    pub finance_client_id: i32,
    /// Id of the row.
    pub id: i32,
}

/// A change under way. Dropped, it is undone.
pub(super) struct Change<'a> {
    frame: Frame<'a>,
    pub(super) client: FinanceClient,
}

/// A change has begun, or was made before.
pub(super) enum Begun<'a> {
    Change(Box<Change<'a>>),
    /// By the same key: its result.
    Before(Changed),
}

impl<'a> Deref for Change<'a> {
    type Target = Frame<'a>;

    fn deref(&self) -> &Frame<'a> {
        &self.frame
    }
}

impl DerefMut for Change<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.frame
    }
}

impl<'a> Change<'a> {
    /// Begins a change and locks the client of that person id. Without such a client that is told
    /// with the faults found so far.
    pub(super) async fn begin(
        db: &DatabaseConnection,
        actor: &'a Actor,
        client_id: i32,
        key: Option<Key>,
        faults: &mut Faults,
    ) -> Result<Begun<'a>, Refusal> {
        let mut frame = match Frame::open(db, actor, key).await? {
            Opened::Frame(frame) => frame,
            Opened::Before(earlier) => {
                // Clients are never deleted: without one the key could not have been kept.
                let client = account::by_client_id(db, client_id).await?;
                let client = client.ok_or(FinanceError::Lost)?;
                return Ok(Begun::Before(Changed {
                    finance_client_id: client.id,
                    id: earlier.result_id,
                }));
            }
        };
        let Some(client) = frame.lock(&[client_id]).await?.pop() else {
            let text = format!("There is no client {client_id}.");
            faults.add("clientId", FaultCode::NotFound, text);
            return Err(std::mem::take(faults).into());
        };
        Ok(Begun::Change(Box::new(Self { frame, client })))
    }

    /// The client's position.
    pub(super) async fn account(&self) -> Result<Account, Refusal> {
        let client = self.client.id;
        let mut accounts = ledger::read(&self.frame.transaction, &[client]).await?;
        accounts.remove(&client).ok_or(FinanceError::Lost.into())
    }

    /// An event of the client goes out if the change is made.
    pub(super) fn tell(&mut self, kind: EventKind, detail: Value) {
        self.frame.tell(&self.client, kind, detail);
    }

    /// The step after every change of the client's position, see [`Frame::settle`].
    pub(super) async fn settle(&mut self, account: Account) -> Result<Vec<i32>, Refusal> {
        self.frame.settle(vec![(&self.client, account)]).await
    }

    /// Records what goes out and what came of the key, and commits.
    pub(super) async fn commit(self, id: i32) -> Result<Changed, Refusal> {
        self.frame.commit(id, None).await?;
        Ok(Changed {
            finance_client_id: self.client.id,
            id,
        })
    }
}
