//! Binary `finance-api`: see `finance-api --help`.

use std::io::{Write, stderr};
use std::process::ExitCode;
use std::time::Duration;

use api::config::{self, Cli, Command};
use api::logging::LogFormat;
use api::{demo, jobs, logging, server};

/// How long what cannot be interrupted, such as a look-up of a name, is waited for at the end.
const LAST: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let cli = config::parse(std::env::args_os())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(run(cli));
    runtime.shutdown_timeout(LAST);
    ended
}

async fn run(cli: Cli) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match cli.command {
        Command::Serve(arguments) => {
            let settings = arguments.check()?;
            let log = logging::start(settings.log_format, settings.traces.as_ref())?;
            let served = server::serve(settings, log.dropped()).await;
            log.end().await;
            served?;
        }
        Command::Demo(arguments) => {
            let settings = arguments.check()?;
            let _log = logging::start(settings.log_format, None)?;
            demo::run(settings).await?;
        }
        Command::ExpireRefunds(arguments) => {
            let settings = arguments.check()?;
            let _log = logging::start(LogFormat::Text, None)?;
            let ended = jobs::expire(&settings).await?;
            writeln!(std::io::stdout(), "{ended} refunds expired")?;
        }
        Command::Audit(arguments) => {
            let settings = arguments.check()?;
            let _log = logging::start(LogFormat::Text, None)?;
            if !jobs::check_books(&settings).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Events(arguments) => {
            let settings = arguments.check()?;
            let _log = logging::start(LogFormat::Text, None)?;
            jobs::events(&settings).await?;
        }
        Command::Settings => std::io::stdout().write_all(config::page().as_bytes())?,
        Command::Schema => std::io::stdout().write_all(api::graphql::sdl().as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
