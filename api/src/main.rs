//! Binary `finance-api`: see `finance-api --help`.

use std::io::{Write, stderr};
use std::process::ExitCode;

use api::config::{self, Cli, Command};
use api::logging::LogFormat;
use api::{demo, jobs, logging, server};

#[tokio::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<ExitCode, Box<dyn std::error::Error>> {
    run(config::parse(std::env::args_os())?).await
}

async fn run(cli: Cli) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match cli.command {
        Command::Serve(arguments) => {
            let settings = arguments.check()?;
            let traces = logging::start(settings.log_format, settings.traces.as_ref())?;
            server::serve(settings).await?;
            if let Some(traces) = traces {
                traces.end().await;
            }
        }
        Command::Demo(arguments) => {
            let settings = arguments.check()?;
            logging::start(settings.log_format, None)?;
            demo::run(settings).await?;
        }
        Command::ExpireRefunds(arguments) => {
            let settings = arguments.check()?;
            logging::start(LogFormat::Text, None)?;
            let ended = jobs::expire(&settings).await?;
            writeln!(std::io::stdout(), "{ended} refunds expired")?;
        }
        Command::Audit(arguments) => {
            let settings = arguments.check()?;
            logging::start(LogFormat::Text, None)?;
            if !jobs::check_books(&settings).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Events(arguments) => {
            let settings = arguments.check()?;
            logging::start(LogFormat::Text, None)?;
            jobs::events(&settings).await?;
        }
        Command::Settings => std::io::stdout().write_all(config::page().as_bytes())?,
        Command::Schema => std::io::stdout().write_all(api::graphql::sdl().as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
