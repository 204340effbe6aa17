//! Settings of the sink of events.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::check::Check;
use crate::dispatch::SinkSettings;
use crate::secret::Source;

/// Unchecked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Events")]
pub(super) struct SinkArguments {
    /// Where events are posted to, such as https://bus.example/events. Without it they are recorded,
    /// and wait.
    #[arg(long, env = "EVENT_SINK_URL", hide_env_values = true)]
    event_sink_url: Option<String>,
    /// The bearer key that is sent along.
    #[arg(long, env = "EVENT_SINK_KEY", hide_env_values = true)]
    event_sink_key: Option<String>,
    /// A file that holds it; read again when events are sent.
    #[arg(long, env = "EVENT_SINK_KEY_FILE")]
    event_sink_key_file: Option<PathBuf>,
    /// The longest wait for the sink's answer.
    #[arg(long, env = "EVENT_SINK_TIMEOUT", default_value = "5s")]
    event_sink_timeout: String,
    /// Wait after an event's first failure; doubled by each further one.
    #[arg(long, env = "EVENT_SINK_BACK_OFF", default_value = "1s")]
    event_sink_back_off: String,
    /// The longest such wait.
    #[arg(long, env = "EVENT_SINK_BACK_OFF_MOST", default_value = "5m")]
    event_sink_back_off_most: String,
    /// How often an event is tried before it is given up: by the default waits, about a day.
    #[arg(long, env = "EVENT_SINK_ATTEMPTS", default_value = "300")]
    event_sink_attempts: String,
}

impl SinkArguments {
    /// The settings; none without a sink.
    pub(super) fn read(&self, check: &mut Check) -> Option<SinkSettings> {
        let url = check.optional(
            "EVENT_SINK_URL",
            self.event_sink_url.as_deref(),
            "an http or https URL without a user, such as https://bus.example/events",
            endpoint,
        );
        let key = check.source(
            "EVENT_SINK_KEY",
            self.event_sink_key.as_ref(),
            self.event_sink_key_file.as_ref(),
        );
        match key.as_ref().map(Source::read) {
            Some(Err(error)) => {
                let text = format!("EVENT_SINK_KEY: its file cannot be read: {}", error.kind());
                check.faults.push(text);
            }
            // What cannot stand in a header would only be found out when events are sent.
            Some(Ok(key)) if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                let text = "EVENT_SINK_KEY is wrong: want visible ASCII characters, without spaces";
                check.faults.push(text.to_owned());
            }
            Some(Ok(_)) | None => {}
        }
        let timeout = check.duration("EVENT_SINK_TIMEOUT", &self.event_sink_timeout);
        let back_off = check.duration("EVENT_SINK_BACK_OFF", &self.event_sink_back_off);
        let most = check.duration("EVENT_SINK_BACK_OFF_MOST", &self.event_sink_back_off_most);
        if back_off.zip(most).is_some_and(|(least, most)| least > most) {
            let text = "EVENT_SINK_BACK_OFF is longer than EVENT_SINK_BACK_OFF_MOST";
            check.faults.push(text.to_owned());
        }
        let attempts = check.value(
            "EVENT_SINK_ATTEMPTS",
            &self.event_sink_attempts,
            "1 to 1000000",
            |it| it.parse().ok().filter(|it| (1..=1_000_000).contains(it)),
        );
        Some(SinkSettings {
            url: url?,
            key,
            timeout: timeout?,
            back_off: back_off?,
            back_off_most: most?,
            attempts: attempts?,
        })
    }
}

fn endpoint(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_endpoint = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none();
    is_endpoint.then_some(url)
}
