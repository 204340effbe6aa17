//! A file of settings: TOML, a key for each flag, by the flag's name. What the command line or the
//! environment says wins over it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _};
use toml::{Table, Value};

use super::Cli;

/// A file of settings that is of no use. Its text names keys, never what they are set to.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It cannot be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// It is no TOML.
    #[error("{path}: line {line} is no TOML")]
    NoToml {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
    },
    /// Keys are wrong.
    #[error("{path}:{}", .faults.iter().map(|it| format!("\n  {it}")).collect::<String>())]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with which.
        faults: Vec<String>,
    },
}

/// The command line, with what a file says where it says nothing. Ends the program where clap does: for
/// help, and for flags that are wrong.
///
/// # Errors
/// When there is a file and it is of no use.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, FileFault> {
    let words = words.into_iter().collect::<Vec<_>>();
    let mut command = Cli::command();
    if let Some(path) = path(&words) {
        let settings = read(&path)?;
        let given = given(&words);
        command = with_defaults(command, &path, &settings, &given)?;
    }
    let matches = command.get_matches_from(words);
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
}

/// The file that is named; read before anything else is, since it says what the rest may leave out.
fn path(words: &[OsString]) -> Option<PathBuf> {
    let matches = Cli::command()
        .ignore_errors(true)
        .try_get_matches_from(words)
        .ok()?;
    let of = |matches: &ArgMatches| matches.try_get_one::<PathBuf>("config").ok()?.cloned();
    let path = of(&matches).or_else(|| of(matches.subcommand()?.1));
    path.filter(|path| !path.as_os_str().is_empty())
}

/// The settings that the command line or the environment gives, by their flags' names.
fn given(words: &[OsString]) -> Vec<String> {
    let command = Cli::command();
    let mut given = Vec::new();
    for argument in command.get_subcommands().flat_map(Command::get_arguments) {
        let Some(long) = argument.get_long() else {
            continue;
        };
        let is_set =
            |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|it| !it.is_empty());
        let flag = format!("--{long}");
        let is_flag = |word: &OsString| {
            let word = word.to_string_lossy();
            word == flag || word.starts_with(&format!("{flag}="))
        };
        if argument.get_env().is_some_and(is_set) || words.iter().any(is_flag) {
            given.push(long.to_owned());
        }
    }
    given
}

/// A secret is given by one setting, or by another that names its file: one of the two is enough.
fn other_of_pair(key: &str) -> String {
    match key.strip_suffix("-file") {
        Some(secret) => secret.to_owned(),
        None => format!("{key}-file"),
    }
}

fn read(path: &Path) -> Result<Table, FileFault> {
    let text = std::fs::read_to_string(path).map_err(|cause| FileFault::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    // What toml says of a fault shows the line, which may hold a secret.
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        FileFault::NoToml {
            path: path.to_owned(),
            line: before.map_or(1, |it| it.split('\n').count()),
        }
    })
}

fn with_defaults(
    mut command: Command,
    path: &Path,
    settings: &Table,
    given: &[String],
) -> Result<Command, FileFault> {
    let names = command
        .get_subcommands()
        .map(|it| it.get_name().to_owned())
        .collect::<Vec<_>>();
    let mut faults = Vec::new();
    for (key, value) in settings {
        let is_known = command.get_subcommands().any(|subcommand| {
            let mut settings = subcommand
                .get_arguments()
                .filter(|it| it.get_env().is_some());
            settings.any(|it| it.get_long() == Some(key.as_str()) && key != "config")
        });
        if !is_known {
            faults.push(format!("{key} is no setting"));
            continue;
        }
        let Some(text) = text(value) else {
            faults.push(format!("{key} is neither text, number nor true or false"));
            continue;
        };
        if given.contains(&other_of_pair(key)) {
            continue;
        }
        for name in &names {
            command = command.mut_subcommand(name, |subcommand| {
                subcommand.mut_args(|argument| match argument.get_long() {
                    Some(long) if long == key && argument.get_env().is_some() => {
                        // What is not shown of the environment is not shown of the file either.
                        let is_secret = argument.is_hide_env_values_set();
                        argument
                            .default_value(text.clone())
                            .hide_default_value(is_secret)
                    }
                    _ => argument,
                })
            });
        }
    }
    if faults.is_empty() {
        return Ok(command);
    }
    Err(FileFault::Keys {
        path: path.to_owned(),
        faults,
    })
}

/// As it would stand on the command line.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(true) => Some("on".to_owned()),
        Value::Boolean(false) => Some("off".to_owned()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Command as Wanted, ServeSettings};

    fn serve(file: &str, flags: &[&str]) -> Result<ServeSettings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("finance-api.toml");
        std::fs::write(&path, file).unwrap();
        let config = format!("--config={}", path.display());
        let words = ["finance-api", "serve", &config];
        let words = words.iter().chain(flags);
        let cli = parse(words.map(OsString::from)).map_err(|fault| fault.to_string())?;
        match cli.command {
            Wanted::Serve(arguments) => arguments.check().map_err(|faults| faults.to_string()),
            other => panic!("{other:?}"),
        }
    }

    const ENOUGH: &str = "database-url = \"sqlite://x\"\nsirius-url = \"http://sirius.example\"\n";

    #[test]
    fn what_the_file_says_holds_and_a_flag_wins_over_it() {
        let file = format!("{ENOUGH}database-pool-size = 7\nfour-eyes = false\nmax-depth = 9\n");
        let settings = serve(&file, &["--max-depth=11"]).unwrap();
        assert_eq!(settings.pool.size, 7);
        assert!(!settings.four_eyes);
        assert_eq!(settings.limits.document.depth, 11);
    }

    #[test]
    fn a_secret_of_the_command_line_wins_over_the_files_file_of_it() {
        let file = "database-url-file = \"nowhere\"\nsirius-url = \"http://sirius.example\"\n";
        let settings = serve(file, &["--database-url=sqlite://x"]).unwrap();
        assert_eq!(settings.database.url.reveal(), "sqlite://x");
        assert!(
            serve(file, &[])
                .unwrap_err()
                .contains("DATABASE_URL_FILE cannot be read")
        );
    }

    #[test]
    fn all_that_is_wrong_with_a_file_is_named_and_no_value() {
        let file = "database-ulr = \"secret\"\nmax-depth = [1]\n[serve]\nsirius-url = \"secret\"\n";
        let text = serve(file, &[]).unwrap_err();
        for name in [
            "database-ulr is no setting",
            "max-depth is neither",
            "serve is no setting",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(!text.contains("secret"), "{text}");
        let text = serve("four-eyes = true\njwt-secret = \"secret\n", &[]).unwrap_err();
        assert!(text.contains("line 2 is no TOML"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        assert!(
            serve("config = \"x\"", &[])
                .unwrap_err()
                .contains("config is no setting")
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let words = ["finance-api", "serve", "--config", "nowhere.toml"];
        let fault = parse(words.map(OsString::from)).unwrap_err().to_string();
        assert!(fault.starts_with("nowhere.toml: "), "{fault}");
    }
}
