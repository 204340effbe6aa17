//! Binary `migration`: see `migration --help`.

use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;

use clap::Parser;
use migration::cli::Cli;
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,migration=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
    let cli = Cli::parse();
    let on_error = cli.status_of_error();
    cli.run().await.unwrap_or_else(|error| {
        if error.is_closed_output() {
            return ExitCode::SUCCESS;
        }
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(stderr(), "error: {error}");
        on_error
    })
}
