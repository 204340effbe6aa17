//! One operation over a WebSocket.

use std::sync::Arc;

use async_graphql::Response;
use http::HeaderMap;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::execute::{Prepared, arrive};
use super::live::{self, Told};
use super::parameters::Parameters;
use super::record::Record;
use super::respond::{Refusal, errors, event, failed};
use super::router::Served;
use super::websocket_protocol::ServerMessage;
use crate::graphql::Code;

/// A message of an operation, ready to be sent.
pub(super) struct Outgoing {
    pub(super) id: String,
    /// Tells operations of one id apart, of which one comes after the other.
    pub(super) number: u64,
    pub(super) text: String,
    /// Nothing comes after it.
    pub(super) is_last: bool,
    /// The caller is no longer signed in.
    pub(super) has_ended: bool,
}

struct Operation {
    record: Arc<Record>,
    id: String,
    number: u64,
    sender: mpsc::Sender<Outgoing>,
}

/// Runs an operation to its end, or until its task is aborted.
pub(super) async fn run(
    served: Arc<Served>,
    headers: HeaderMap,
    record: Arc<Record>,
    (id, number): (String, u64),
    parameters: Box<Parameters>,
    sender: mpsc::Sender<Outgoing>,
) {
    record.is_for_the_schema();
    let operation = Operation {
        record,
        id,
        number,
        sender,
    };
    if let Err(refusal) = operation.execute(served, headers, *parameters).await {
        operation.record.failed(refusal.code());
        let has_ended = refusal.code() == Code::Unauthenticated;
        operation
            .fail(failed(refusal.into_error()), has_ended)
            .await;
    }
}

impl Operation {
    async fn execute(
        &self,
        served: Arc<Served>,
        headers: HeaderMap,
        parameters: Parameters,
    ) -> Result<(), Refusal> {
        let deadline = Instant::now() + served.app.deadline;
        let arrived = arrive(&served, &headers, &self.record, deadline).await?;
        let prepared = Prepared::new(&served, &self.record, parameters)?;
        let entered = prepared.enter(&served, &arrived, &headers)?;
        if !entered.is_subscription() {
            let response = entered.execute(&served, deadline).await?;
            if self.next(response).await {
                self.complete().await;
            }
            return Ok(());
        }
        let mut subscription = live::begin(served, headers, entered).await?;
        drop(arrived);
        while let Some(told) = subscription.next().await {
            match told {
                Told::Event(response) => {
                    if !self.next(response).await {
                        return Ok(());
                    }
                }
                Told::Refused(response) => {
                    self.fail(response, false).await;
                    return Ok(());
                }
                Told::Ended(error) => return Err(error.into()),
            }
        }
        self.complete().await;
        Ok(())
    }

    /// Tells a result; false if that was the end of it: what was not executed is an error.
    async fn next(&self, response: Response) -> bool {
        let (text, is_request_error, response) = event(response);
        if is_request_error {
            self.fail(response, false).await;
            return false;
        }
        if let Some(payload) = raw(text) {
            let id = &self.id;
            let payload = &*payload;
            self.send(&ServerMessage::Next { id, payload }, false, false)
                .await;
        }
        true
    }

    async fn fail(&self, response: Response, has_ended: bool) {
        if let Some(payload) = raw(errors(response)) {
            let id = &self.id;
            let payload = &*payload;
            self.send(&ServerMessage::Error { id, payload }, true, has_ended)
                .await;
        }
    }

    async fn complete(&self) {
        self.send(&ServerMessage::Complete { id: &self.id }, true, false)
            .await;
    }

    async fn send(&self, message: &ServerMessage<'_>, is_last: bool, has_ended: bool) {
        let Ok(text) = serde_json::to_string(message) else {
            return;
        };
        let id = self.id.clone();
        // Where nobody receives, the connection is gone, and this task with it.
        let outgoing = Outgoing {
            id,
            number: self.number,
            text,
            is_last,
            has_ended,
        };
        let _ = self.sender.send(outgoing).await;
    }
}

fn raw(text: serde_json::Result<String>) -> Option<Box<RawValue>> {
    text.and_then(RawValue::from_string).ok()
}
