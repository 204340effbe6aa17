//! All settings as a page of documentation, made from the flags themselves: `docs/configuration.md`.

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;

const HEAD: &str = "\
# Configuration

<!-- Made by `finance-api settings`; what is wrong here is mended in api/src/config. -->

Flags, environment or a file; a flag wins over the environment, and the environment over the file. The
table has the names of the environment; the flag of `LISTEN_ADDR` is `--listen-addr`, its key in the file
`listen-addr`. `finance-api serve --help` says the same. Everything is checked before anything starts, and
all faults are named at once. Durations are written `5s`, `12h`; a setting whose default is none may be empty.

The file is TOML, named by `--config` or `CONFIG_FILE`; numbers may stand bare, and `true` is `on`:

```toml
listen-addr = \"0.0.0.0:8080\"
database-url-file = \"/run/secrets/database-url\"
four-eyes = true
```

**Secrets** can each come from a file, named by the setting with `_FILE` at its end: what a flag says,
others on the machine can read, and the environment goes to every child. Files of keys are read again
every five seconds, so that keys can be rotated without a restart
([how](operations/sirius.md#rotating-keys)); those of URLs are read at start.

Beside these settings: `RUST_LOG` (what goes into the log; `info`), `OTEL_SERVICE_NAME` (the name that
traces go by; `finance-api`). Tests read `TEST_DATABASE_URL` (a server to use instead of a private one) and
`FINANCE_TEST_DB` (`sqlite` or `postgres` alone).
";

const FOOT: &str = "
The command `migration` takes `DATABASE_URL` or `DATABASE_URL_FILE`, and `--lock-timeout`. The demo has all
limits as they are by default, with introspection, suggestions and its own origin on. What each limit keeps
out: [security.md](security.md).

## Health

`GET /health/live`: the process answers. `GET /health/ready`: the database answers, its schema is that of
this program, events are being sent, and it was not told to stop; 503 with the reason otherwise. The answer
is remembered for a second. A schema that is ahead, a role that may change the schema, or a sink that takes
no events is said there and hinders nobody.
";

/// The page, in Markdown.
pub fn page() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut page = HEAD.to_owned();
    if let Some(serve) = cli.find_subcommand("serve") {
        for heading in headings(serve) {
            page.push_str(&table(serve, heading));
        }
    }
    page.push_str("\n## Commands\n\n| command | takes |\n| --- | --- |\n");
    for command in leaves(&cli, "", &[]) {
        page.push_str(&command);
    }
    page.push_str(FOOT);
    page
}

fn settings(command: &Command) -> impl Iterator<Item = (&Arg, String)> {
    command.get_arguments().filter_map(|argument| {
        let name = argument.get_env()?.to_str()?.to_owned();
        Some((argument, name))
    })
}

/// In the order in which they first come.
fn headings(command: &Command) -> Vec<&str> {
    let mut headings = Vec::new();
    for heading in settings(command).filter_map(|(argument, _)| argument.get_help_heading()) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    headings
}

fn table(command: &Command, heading: &str) -> String {
    let rows = settings(command)
        .filter(|(argument, _)| argument.get_help_heading() == Some(heading))
        .map(|(argument, name)| {
            let text = argument.get_long_help().or(argument.get_help());
            let text = text.map(ToString::to_string).unwrap_or_default();
            let (what, why) = match text.split_once("\n\n") {
                Some((what, why)) => (what.to_owned(), Some(why.to_owned())),
                None => (text, None),
            };
            let default = argument.get_default_values().first();
            let default = default.and_then(|it| it.to_str());
            let default = default.map_or_else(|| "none".to_owned(), |it| format!("`{it}`"));
            (name, what, default, why)
        })
        .collect::<Vec<_>>();
    let is_argued = rows.iter().any(|row| row.3.is_some());
    let mut table = format!("\n## {heading}\n\n| setting | what | default |");
    table.push_str(if is_argued {
        " why |\n| --- | --- | --- | --- |\n"
    } else {
        "\n| --- | --- | --- |\n"
    });
    for (name, what, default, why) in rows {
        let (what, why) = (line(&what), line(&why.unwrap_or_default()));
        let what = what.trim_end_matches('.');
        table.push_str(&format!("| `{name}` | {what} | {default} |"));
        if is_argued {
            table.push_str(&format!(" {} |", why.trim_end_matches('.')));
        }
        table.push('\n');
    }
    table
}

fn line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// A row for each command that is run, with what it takes.
fn leaves(command: &Command, path: &str, inherited: &[String]) -> Vec<String> {
    let mut rows = Vec::new();
    for command in command.get_subcommands() {
        let path = format!("{path}{}", command.get_name());
        let takes = command.get_arguments().filter_map(taken);
        let takes = inherited.iter().cloned().chain(takes).collect::<Vec<_>>();
        if command.get_subcommands().next().is_some() {
            rows.extend(leaves(command, &format!("{path} "), &takes));
            continue;
        }
        let takes = match path.as_str() {
            "serve" => "all of the above".to_owned(),
            _ => takes.join(", "),
        };
        rows.push(format!("| `{path}` | {takes} |\n"));
    }
    rows
}

/// What a command takes, by the name of its setting, its flag or its place. The file, all of them take.
fn taken(argument: &Arg) -> Option<String> {
    let name = match (argument.get_env(), argument.get_long()) {
        (_, Some("help" | "version" | "config")) => return None,
        (Some(name), _) => name.to_str()?.to_owned(),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => argument.get_id().as_str().to_uppercase(),
    };
    Some(format!("`{name}`"))
}
