//! Logs: to standard error, always.

mod lines;

use std::io::{IsTerminal, stderr};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

pub use lines::DroppedLines;

use crate::traces::{TraceFault, TraceSettings, Traces};
use lines::{Lines, Writing};

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
pub enum LogError {
    /// RUST_LOG is no filter.
    #[error("RUST_LOG is no filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The thread that writes it could not be started.
    #[error("the log could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A log runs already.
    #[error("{0}")]
    Started(#[from] tracing_subscriber::util::TryInitError),
    /// The traces could not be started.
    #[error(transparent)]
    Traces(#[from] TraceFault),
}

/// A log that runs, until this is dropped: then its last lines are written.
pub struct Log {
    traces: Option<Traces>,
    dropped: DroppedLines,
    _writing: Writing,
}

impl Log {
    /// Counts lines that nobody has read in time.
    pub fn dropped(&self) -> DroppedLines {
        self.dropped.clone()
    }

    /// Sends what is left of the traces, and writes what is left of the log.
    pub async fn end(mut self) {
        if let Some(traces) = self.traces.take() {
            traces.end().await;
        }
    }
}

/// What goes into the log: what RUST_LOG says, by default what is of level info. Whatever it says,
/// the database driver's own traces stay out: they would print the database's URL.
///
/// # Errors
/// When RUST_LOG is no filter.
pub fn filter() -> Result<EnvFilter, LogError> {
    let wanted = std::env::var("RUST_LOG");
    let wanted = wanted.as_deref().unwrap_or("info,sea_orm_migration=warn");
    let mut filter = EnvFilter::try_new(wanted)?;
    for module in ["sea_orm::database=warn", "sea_orm::driver=info"] {
        filter = filter.add_directive(module.parse()?);
    }
    Ok(filter)
}

/// Starts the log, and the traces if there is where to send them.
///
/// # Errors
/// When RUST_LOG is no filter, a log runs already, or the exporter of traces cannot be made.
pub fn start(format: LogFormat, traces: Option<&TraceSettings>) -> Result<Log, LogError> {
    let (writer, writing) = Lines::start(stderr())?;
    let dropped = writer.dropped();
    let log = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // Where nobody reads the log any more, saying so would be a panic of each request that logs.
        .log_internal_errors(false)
        .with_ansi(stderr().is_terminal());
    let log = match format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .boxed(),
    };
    let traces = traces.map(Traces::start).transpose()?;
    tracing_subscriber::registry()
        .with(traces.as_ref().map(Traces::layer))
        .with(log.with_filter(filter()?))
        .try_init()?;
    Ok(Log {
        traces,
        dropped,
        _writing: writing,
    })
}
