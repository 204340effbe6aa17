//! Logs: to standard error, always.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people at a terminal.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the log could not be started: {0}")]
pub struct LogError(String);

/// Starts the log. RUST_LOG says what goes into it, by default what is of level info.
///
/// # Errors
/// When RUST_LOG is no filter, or a log runs already.
pub fn start(format: LogFormat) -> Result<(), LogError> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) => EnvFilter::try_new(&filter)
            .map_err(|error| LogError(format!("RUST_LOG is no filter: {error}")))?,
        Err(_) => EnvFilter::new("info,sea_orm_migration=warn"),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
    .map_err(|error| LogError(error.to_string()))
}
