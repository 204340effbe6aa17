//! Binary `finance-api`: see `finance-api --help`.

use std::io::{Write, stderr};
use std::process::ExitCode;

use api::config::{Cli, Command};
use api::logging::LogFormat;
use api::{demo, jobs, logging, server};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match cli.command {
        Command::Serve(arguments) => {
            let settings = arguments.check()?;
            logging::start(settings.log_format)?;
            server::serve(settings).await?;
        }
        Command::Demo(arguments) => {
            let settings = arguments.check()?;
            logging::start(settings.log_format)?;
            demo::run(settings).await?;
        }
        Command::ExpireRefunds(arguments) => {
            let settings = arguments.check()?;
            logging::start(LogFormat::Text)?;
            let ended = jobs::expire(&settings).await?;
            writeln!(std::io::stdout(), "{ended} refunds expired")?;
        }
        Command::Audit(arguments) => {
            let settings = arguments.check()?;
            logging::start(LogFormat::Text)?;
            if !jobs::check_books(&settings).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Events(arguments) => {
            let settings = arguments.check()?;
            logging::start(LogFormat::Text)?;
            jobs::events(&settings).await?;
        }
        Command::Schema => std::io::stdout().write_all(api::graphql::sdl().as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
