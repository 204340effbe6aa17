//! Where events go: an HTTP endpoint that takes them in the shape of EventBridge.

use std::fmt;
use std::time::Duration;

use chrono::SecondsFormat;
use http::StatusCode;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use url::Url;

use crate::finance::outbox::OutgoingEvent;
use crate::secret::Source;

/// What every event says it comes from.
const SOURCE: &str = "opg.supervision.finance";

/// The most that is read of an answer, so that its connection can be used again.
const ANSWER_LIMIT: usize = 64 * 1024;

/// The sink, and how patient the dispatcher is with it; the defaults are those of
/// `docs/configuration.md`.
#[derive(Clone)]
pub struct SinkSettings {
    /// Where events are posted to. It may hold a secret in its path, and so is never shown.
    pub url: Url,
    /// The bearer key to send along.
    pub key: Option<Source>,
    /// The longest wait for an answer.
    pub timeout: Duration,
    /// Wait after an event's first failure; doubled by each further one.
    pub back_off: Duration,
    /// The longest such wait.
    pub back_off_most: Duration,
    /// How often an event is tried before it is parked.
    pub attempts: i32,
}

impl SinkSettings {
    /// The sink at that URL, by the defaults.
    pub fn at(url: Url) -> Self {
        Self {
            url,
            key: None,
            timeout: Duration::from_secs(5),
            back_off: Duration::from_secs(1),
            back_off_most: Duration::from_secs(5 * 60),
            attempts: 300,
        }
    }

    /// The key as it is now; it is read again for each round.
    pub(super) async fn read_key(&self) -> Result<Option<String>, SinkError> {
        let Some(source) = self.key.clone() else {
            return Ok(None);
        };
        match tokio::task::spawn_blocking(move || source.read()).await {
            Ok(Ok(key)) => Ok(Some(key)),
            Ok(Err(_)) | Err(_) => Err(SinkError::NoKey),
        }
    }
}

impl fmt::Debug for SinkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkSettings")
            .field("timeout", &self.timeout)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Why an event was not taken. The texts hold no URL and nothing of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The client cannot be made.
    #[error("the TLS of this machine cannot be set up")]
    Tls,
    /// The key's file cannot be read.
    #[error("the file of EVENT_SINK_KEY cannot be read")]
    NoKey,
    /// Another answer than 2xx.
    #[error("the sink answered with status {0}")]
    Status(StatusCode),
    /// No answer in time.
    #[error("the sink did not answer in time")]
    TimedOut,
    /// No connection, or one that broke.
    #[error("the sink cannot be reached")]
    Unreachable,
    /// What was recorded is no JSON.
    #[error("the event's detail is no JSON")]
    Damaged,
}

impl SinkError {
    /// Whether nothing was heard of the sink.
    pub(super) fn is_no_answer(&self) -> bool {
        matches!(self, Self::NoKey | Self::TimedOut | Self::Unreachable)
    }

    /// Whether the event itself is refused, so that trying again makes no sense.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Status(status) => matches!(
                *status,
                StatusCode::BAD_REQUEST
                    | StatusCode::PAYLOAD_TOO_LARGE
                    | StatusCode::UNPROCESSABLE_ENTITY
            ),
            Self::Damaged => true,
            Self::Tls | Self::NoKey | Self::TimedOut | Self::Unreachable => false,
        }
    }
}

/// See the module.
pub(super) struct Sink {
    http: reqwest::Client,
    url: Url,
}

impl Sink {
    pub(super) fn new(settings: &SinkSettings) -> Result<Self, SinkError> {
        let http = reqwest::Client::builder()
            .timeout(settings.timeout)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(|_| SinkError::Tls)?;
        Ok(Self {
            http,
            url: settings.url.clone(),
        })
    }

    /// Posts an event. Taken is what is answered with 2xx.
    pub(super) async fn send(
        &self,
        event: &OutgoingEvent,
        key: Option<&str>,
    ) -> Result<(), SinkError> {
        let mut request = self.http.post(self.url.clone()).json(&envelope(event)?);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let mut response = request.send().await.map_err(|error| {
            if error.is_timeout() {
                SinkError::TimedOut
            } else {
                SinkError::Unreachable
            }
        })?;
        let status = response.status();
        let mut read = 0_usize;
        while let Ok(Some(chunk)) = response.chunk().await {
            read = read.saturating_add(chunk.len());
            if read > ANSWER_LIMIT {
                break;
            }
        }
        match status.is_success() {
            true => Ok(()),
            false => Err(SinkError::Status(status)),
        }
    }
}

/// The event as EventBridge would deliver it.
fn envelope(event: &OutgoingEvent) -> Result<Value, SinkError> {
    let detail: Value = serde_json::from_str(&event.detail).map_err(|_| SinkError::Damaged)?;
    let time = event.created_at.and_utc();
    Ok(json!({
        "version": "0",
        "id": event.event_id,
        "source": SOURCE,
        "detail-type": event.detail_type,
        "time": time.to_rfc3339_opts(SecondsFormat::Secs, true),
        "resources": [],
        "detail": detail,
    }))
}
