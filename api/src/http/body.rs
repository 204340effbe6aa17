//! Reading a request's body: so many bytes, in the request's own time, and all bodies together within a
//! budget, so that many callers who send slowly fill no memory.

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::respond::Refusal;
use crate::graphql::{ApiError, Code};

/// What all bodies may hold that are being read, in KiB, beyond the first of each.
const BUDGET: usize = 64 * 1024;
/// KiB of each body that the budget does not count: small requests are taken whatever else comes.
const FREE: usize = 16;
const KIB: usize = 1024;

/// Reads bodies.
pub(super) struct BodyReader {
    most: usize,
    budget: Semaphore,
}

/// A body; its part of the budget is free when it is dropped.
pub(super) struct Whole<'a> {
    pub(super) bytes: Bytes,
    _budget: Vec<SemaphorePermit<'a>>,
}

impl BodyReader {
    /// For bodies of at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            budget: Semaphore::new(BUDGET),
        }
    }

    /// The whole body.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        deadline: Instant,
    ) -> Result<Whole<'_>, Refusal> {
        // What is packed could unfold to anything.
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ApiError::bad_input("Send the body as it is, without Content-Encoding."),
            ));
        }
        match timeout_at(deadline, self.collect(headers, body)).await {
            Ok(read) => read,
            Err(_) => Err(Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                ApiError::bad_input("The body did not come in time. Send it at once."),
            )),
        }
    }

    async fn collect(&self, headers: &HeaderMap, body: Body) -> Result<Whole<'_>, Refusal> {
        let announced = headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > self.most as u64) {
            return Err(self.too_long());
        }
        let mut parts = body.into_data_stream();
        let mut whole = BytesMut::new();
        let mut counted = FREE;
        let mut permits = Vec::new();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_| {
                Refusal::from(ApiError::bad_input("The body ended early. Send it whole."))
            })?;
            let length = whole.len().saturating_add(part.len());
            if length > self.most {
                return Err(self.too_long());
            }
            let size = length.div_ceil(KIB);
            if size > counted {
                let more = u32::try_from(size.saturating_sub(counted)).unwrap_or(u32::MAX);
                let permit = self.budget.try_acquire_many(more);
                permits.push(permit.map_err(|_| shed())?);
                counted = size;
            }
            whole.extend_from_slice(&part);
        }
        Ok(Whole {
            bytes: whole.freeze(),
            _budget: permits,
        })
    }

    fn too_long(&self) -> Refusal {
        let most = self.most;
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::bad_input(format!(
                "The body has more than {most} bytes. Send less at once."
            )),
        )
    }
}

fn shed() -> Refusal {
    Refusal::from(ApiError::new(
        Code::Unavailable,
        "Too much is being sent at once. Try again in a moment.",
    ))
}
