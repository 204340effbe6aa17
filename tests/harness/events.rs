//! Server-sent events, as a client reads them.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream of events.
pub struct Events {
    response: Response,
    text: String,
}

impl Events {
    /// Sends a request that is answered by a stream.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request
            .header("Accept", "text/event-stream")
            .send()
            .await
            .unwrap();
        let status = response.status();
        let kind = response.headers().get("Content-Type").cloned();
        assert_eq!(
            (status, kind.as_ref().and_then(|it| it.to_str().ok())),
            (StatusCode::OK, Some("text/event-stream")),
        );
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event: its name and data. None at the end of the stream.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        tokio::time::timeout(PATIENCE, self.read())
            .await
            .expect("no event in time")
    }

    /// Whether nothing comes for that long.
    pub async fn is_silent(&mut self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.read()).await.is_err()
    }

    async fn read(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let line = |name: &str| {
                    let mut lines = event.lines();
                    lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
                };
                let (name, data) = (line("event:"), line("data:"));
                self.text = rest.to_owned();
                if let Some(name) = name {
                    let data = serde_json::from_str(&data.unwrap_or_default());
                    return Some((name, data.unwrap_or(Value::Null)));
                }
                // A comment, which keeps the connection open.
                continue;
            }
            let part = self.response.chunk().await.ok()??;
            self.text.push_str(std::str::from_utf8(&part).unwrap());
        }
    }
}
