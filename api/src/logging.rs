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
#[error("{0}")]
pub struct LogError(String);

/// What goes into the log: what RUST_LOG says, by default what is of level info. Whatever it says,
/// the database driver's own traces stay out: they would print the database's URL.
///
/// # Errors
/// When RUST_LOG is no filter.
pub fn filter() -> Result<EnvFilter, LogError> {
    let wanted = std::env::var("RUST_LOG");
    let wanted = wanted.as_deref().unwrap_or("info,sea_orm_migration=warn");
    let fault = |error| LogError(format!("RUST_LOG is no filter: {error}"));
    let mut filter = EnvFilter::try_new(wanted).map_err(fault)?;
    for module in ["sea_orm::database=info", "sea_orm::driver=info"] {
        filter = filter.add_directive(module.parse().map_err(fault)?);
    }
    Ok(filter)
}

/// Starts the log.
///
/// # Errors
/// When RUST_LOG is no filter, or a log runs already.
pub fn start(format: LogFormat) -> Result<(), LogError> {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter()?)
        .with_writer(stderr)
        // Where nobody reads the log any more, saying so would be a panic of each request that logs.
        .log_internal_errors(false)
        .with_ansi(stderr().is_terminal());
    match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
    .map_err(|error| LogError(error.to_string()))
}
