//! The commands of ownership (ADR 1), and how they report.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::{CliError, FOUND};
use crate::ownership::access::{self, Stage};
use crate::ownership::adopt::{self, Adoption};
use crate::ownership::watch::{self, Mode};
use crate::ownership::{isolation, roles, verify};
use crate::runner::Runner;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum OwnershipCommand {
    /// Take over the schema as Sirius, or the present-day service, left it. PostgreSQL only.
    ///
    /// Compares it with what the migrations build, and prints every difference that matters. Only
    /// if none stands against it: records the steps that are there, makes one role the owner
    /// (former owners keep reading and writing rows), and brings each sequence up to its table, in
    /// one transaction. No row is changed. `up` then adds the rest.
    Adopt {
        /// The role that is to own schema, tables and sequences; by default the connected one.
        #[arg(long)]
        owner: Option<String>,
        /// Show all SQL and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Server on which the scratch database for the comparison is made, if not the live one.
        #[arg(long, value_name = "URL", hide_env_values = true)]
        scratch_url: Option<String>,
    },
    /// Compare the live schema with what its recorded migrations build. PostgreSQL only.
    ///
    /// Exit status 0: no drift; 1: drift; 2: it could not be checked. Makes a scratch database and
    /// removes it; changes nothing else.
    Verify {
        /// List instead what ties the schema to the rest of the database; 1 if anything does.
        #[arg(long)]
        isolated: bool,
        /// Server on which the scratch database is made, if not the live one.
        #[arg(long, value_name = "URL")]
        scratch_url: Option<String>,
        /// How the report is written.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Have the database note what others do to the schema. PostgreSQL only.
    Watch {
        /// What to do.
        #[command(subcommand)]
        command: WatchCommand,
    },
    /// Show what others did: DDL, and writes summed by day. PostgreSQL only.
    Changes {
        /// Since when: a span, such as "7 days", or a time, such as 2026-11-01.
        #[arg(long, default_value = "7 days")]
        since: String,
        /// How the report is written.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// See and set who may do what on the schema. PostgreSQL only.
    Access {
        /// What to do.
        #[command(subcommand)]
        command: AccessCommand,
    },
    /// Create the owner, service and read-only roles, without log-in. Safe to repeat. PostgreSQL
    /// only.
    Roles {
        /// Owns the schema and runs migrations.
        #[arg(long, default_value = "finance_owner")]
        owner: String,
        /// The server: reads and writes rows.
        #[arg(long, default_value = "finance_service")]
        service: String,
        /// Reports: reads.
        #[arg(long, default_value = "finance_read_only")]
        read_only: String,
        /// Give their rights also to roles that were there before.
        #[arg(long)]
        grant: bool,
        /// Show all SQL and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum WatchCommand {
    /// Note DDL by anyone, and writes by roles other than our own. Again after migrations, to take
    /// new tables in.
    On {
        /// What is done about DDL by others; observe, unless it was said before.
        #[arg(long, value_enum)]
        mode: Option<Mode>,
        /// A role of our own, whose writes, and whose members' writes, are not noted; may be repeated,
        /// and adds to those named before. The schema's owner and the connected role always are.
        #[arg(long, value_name = "ROLE")]
        own: Vec<String>,
    },
    /// Note no more. What was noted stays.
    Off,
    /// Say how things stand.
    Status {
        /// How the report is written.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum AccessCommand {
    /// Show who may do what, inherited and default privileges included.
    Show {
        /// How the report is written.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Bring a role to a stage, in one transaction, and prove it by trying as that role.
    Set {
        /// The role.
        role: String,
        /// How far it is let in.
        #[arg(value_enum)]
        stage: Stage,
        /// Lower it although it wrote in the last 7 days, or nothing is known of that.
        #[arg(long)]
        force: bool,
        /// Show all SQL and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Say whether a role may be lowered: what it wrote in the last 30 days, and what replaces it.
    /// Exit status 1 if something stands against it.
    Readiness {
        /// The role.
        role: String,
        /// How the report is written.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

impl OwnershipCommand {
    pub(super) async fn run(
        self,
        runner: &Runner,
        url: &str,
        out: &mut impl Write,
    ) -> Result<ExitCode, CliError> {
        match self {
            Self::Adopt {
                owner,
                dry_run,
                scratch_url,
            } => {
                let options = adopt::Options {
                    owner,
                    dry_run,
                    scratch_url,
                };
                let adoption = adopt::adopt(runner, url, &options).await?;
                report_adoption(out, &adoption, dry_run)
            }
            Self::Verify {
                isolated: true,
                format,
                ..
            } => {
                let ties = isolation::ties(runner).await?;
                table(out, format, &ties, "nothing ties it to the rest", |it| {
                    vec![it.kind.clone(), it.dependent.clone(), it.on.clone()]
                })?;
                Ok(found(!ties.is_empty()))
            }
            Self::Verify {
                scratch_url,
                format,
                ..
            } => {
                let report = verify::verify(runner, url, scratch_url.as_deref()).await?;
                match format {
                    Format::Json => json(out, &report)?,
                    Format::Text => {
                        for drift in &report.drift {
                            writeln!(out, "{drift}")?;
                        }
                        let (count, objects) = (report.drift.len(), report.objects);
                        writeln!(out, "{count} drifts in {objects} objects")?;
                    }
                }
                Ok(found(!report.drift.is_empty()))
            }
            Self::Watch { command } => command.run(runner, out).await,
            Self::Changes { since, format } => {
                report_changes(out, format, &watch::changes(runner, &since).await?)
            }
            Self::Access { command } => command.run(runner, out).await,
            Self::Roles {
                owner,
                service,
                read_only,
                grant,
                dry_run,
            } => {
                let names = roles::Names {
                    owner,
                    service,
                    read_only,
                };
                sql(out, &roles::create(runner, &names, grant, dry_run).await?)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl WatchCommand {
    async fn run(self, runner: &Runner, out: &mut impl Write) -> Result<ExitCode, CliError> {
        match self {
            Self::On { mode, own } => {
                let on = watch::turn_on(runner, mode, &own).await?;
                writeln!(out, "writes of others to {} tables are noted", on.tables)?;
                if on.ddl {
                    writeln!(out, "DDL is noted")?;
                } else {
                    writeln!(
                        out,
                        "DDL is NOT noted: this server keeps event triggers from the connected \
                         role; run this as one that may create them. `verify` still shows drift"
                    )?;
                }
            }
            Self::Off => {
                watch::turn_off(runner).await?;
                writeln!(out, "nothing is noted any more; what was noted stays")?;
            }
            Self::Status { format } => {
                let status = watch::status(runner).await?;
                if format == Format::Json {
                    json(out, &status)?;
                    return Ok(ExitCode::SUCCESS);
                }
                let word = |is: bool| if is { "noted" } else { "not noted" };
                writeln!(out, "writes of others  {}", word(status.is_on))?;
                writeln!(out, "DDL               {}", word(status.ddl))?;
                writeln!(
                    out,
                    "mode              {}",
                    status.mode.as_deref().unwrap_or("none")
                )?;
                writeln!(
                    out,
                    "since             {}",
                    status.since.as_deref().unwrap_or("never")
                )?;
                writeln!(out, "roles of our own  {}", status.own_roles.join(", "))?;
                if !status.unwatched.is_empty() && status.is_on {
                    let tables = status.unwatched.join(", ");
                    writeln!(
                        out,
                        "not watched yet   {tables} (`watch on` again takes them in)"
                    )?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl AccessCommand {
    async fn run(self, runner: &Runner, out: &mut impl Write) -> Result<ExitCode, CliError> {
        match self {
            Self::Show { format } => {
                let grants = access::show(runner).await?;
                table(out, format, &grants, "nobody may do anything", |it| {
                    vec![
                        it.role.clone(),
                        it.object.clone(),
                        it.by.clone(),
                        it.privileges.clone(),
                    ]
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Set {
                role,
                stage,
                force,
                dry_run,
            } => {
                sql(
                    out,
                    &access::set(runner, &role, stage, force, dry_run).await?,
                )?;
                if !dry_run {
                    writeln!(
                        out,
                        "-- {role} is {stage}; tried as that role on every table"
                    )?;
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Readiness { role, format } => {
                let readiness = access::readiness(runner, &role).await?;
                if format == Format::Json {
                    json(out, &readiness)?;
                } else {
                    if let Some(gap) = &readiness.gap {
                        writeln!(out, "not all is known: {gap}")?;
                    }
                    let none = "it wrote nothing in the last 30 days";
                    table(out, format, &readiness.written, none, |it| {
                        let statements = it.statements.to_string();
                        let instead = it.instead.to_owned();
                        vec![it.table.clone(), it.operation.clone(), statements, instead]
                    })?;
                }
                Ok(found(
                    readiness.gap.is_some() || !readiness.written.is_empty(),
                ))
            }
        }
    }
}

fn found(anything: bool) -> ExitCode {
    if anything {
        ExitCode::from(FOUND)
    } else {
        ExitCode::SUCCESS
    }
}

fn report_adoption(
    out: &mut impl Write,
    adoption: &Adoption,
    dry_run: bool,
) -> Result<ExitCode, CliError> {
    match adoption {
        Adoption::Done => {
            writeln!(
                out,
                "done already: migrations are recorded (see `migration status`)"
            )?;
        }
        Adoption::Refused {
            versions,
            differences,
        } => {
            for difference in differences {
                writeln!(out, "{difference}")?;
            }
            writeln!(
                out,
                "compared with what these build: {}",
                versions.join(", ")
            )?;
            writeln!(
                out,
                "nothing was done: {} differences stand against it",
                differences.len()
            )?;
            return Ok(ExitCode::from(FOUND));
        }
        Adoption::Adopted {
            versions,
            noted,
            statements,
        } => {
            if dry_run {
                sql(out, statements)?;
            }
            for difference in noted {
                writeln!(out, "-- noted: {difference}")?;
            }
            let done = if dry_run {
                "would be recorded as there"
            } else {
                "recorded as there"
            };
            versions
                .iter()
                .try_for_each(|version| writeln!(out, "-- {done}: {version}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn report_changes(
    out: &mut impl Write,
    format: Format,
    changes: &watch::Changes,
) -> Result<ExitCode, CliError> {
    if format == Format::Json {
        json(out, changes)?;
        return Ok(ExitCode::SUCCESS);
    }
    table(out, format, &changes.ddl, "no DDL", |it| {
        let statement = it
            .statement
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let application = it.application.clone();
        let command = it.command.clone();
        vec![
            it.at.clone(),
            it.role.clone(),
            application,
            command,
            it.object.clone(),
            statement,
        ]
    })?;
    writeln!(out)?;
    table(out, format, &changes.writes, "no writes by others", |it| {
        let (day, role, table) = (it.day.clone(), it.role.clone(), it.table_name.clone());
        vec![
            day,
            role,
            table,
            it.operation.clone(),
            it.statements.to_string(),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}

fn sql(out: &mut impl Write, statements: &[String]) -> io::Result<()> {
    statements
        .iter()
        .try_for_each(|statement| writeln!(out, "{statement};"))
}

fn json(out: &mut impl Write, report: &impl Serialize) -> Result<(), CliError> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    Ok(writeln!(out)?)
}

/// Rows in columns of even width; the last is as wide as it comes.
fn table<T: Serialize>(
    out: &mut impl Write,
    format: Format,
    items: &[T],
    none: &str,
    cells: impl Fn(&T) -> Vec<String>,
) -> Result<(), CliError> {
    if format == Format::Json {
        return json(out, &items);
    }
    if items.is_empty() {
        writeln!(out, "{none}")?;
    }
    let rows = items.iter().map(cells).collect::<Vec<_>>();
    let width = |place: usize| {
        rows.iter()
            .filter_map(|row| row.get(place))
            .map(String::len)
            .max()
            .unwrap_or(0)
    };
    let widths = (0..rows.first().map_or(0, Vec::len))
        .map(width)
        .collect::<Vec<_>>();
    for row in &rows {
        let line = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect::<Vec<_>>()
            .join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
