//! The statements that let a role in, or shut it out.

use sea_orm_migration::prelude::*;

use super::catalog::BOOKKEEPING;
use super::{ident, rows};
use crate::connection::SCHEMA;

/// What grants are about: named one by one, since the present-day service's bookkeeping is not ours
/// to grant on.
pub(super) struct Relations {
    tables: Vec<String>,
    /// Where migrations are recorded: nobody's to write but the owner's.
    record: Vec<String>,
    sequences: Vec<String>,
}

impl Relations {
    pub(super) async fn read(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let sql = "SELECT relname::text, relkind::text FROM pg_class
            WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p', 'v', 'm', 'S')
            AND relname NOT LIKE 'goose\\_db\\_version%' ORDER BY 1";
        let mut relations = Self {
            tables: vec![],
            record: vec![],
            sequences: vec![],
        };
        for row in rows(db, sql, &[SCHEMA]).await? {
            let (name, kind): (String, String) =
                (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let list = match kind.as_str() {
                "S" => &mut relations.sequences,
                _ if BOOKKEEPING.contains(&name.as_str()) => &mut relations.record,
                _ => &mut relations.tables,
            };
            list.push(format!("{SCHEMA}.{}", ident(&name)));
        }
        Ok(relations)
    }

    /// Sequences that are about to be made.
    pub(super) fn add_sequences(&mut self, names: &[String]) {
        self.sequences
            .extend(names.iter().map(|name| format!("{SCHEMA}.{}", ident(name))));
    }

    /// Grants, or with `verb` as REVOKE takes back, on each kind there is.
    fn each(&self, verb: &str, on: [&str; 3], whom: &str) -> Vec<String> {
        let lists = [
            ("TABLE", &self.tables),
            ("TABLE", &self.record),
            ("SEQUENCE", &self.sequences),
        ];
        lists
            .into_iter()
            .zip(on)
            .filter(|((_, names), _)| !names.is_empty())
            .map(|((kind, names), privileges)| {
                format!("{verb} {privileges} ON {kind} {} {whom}", names.join(", "))
            })
            .collect()
    }
}

/// Statements that let a role read and write the rows there are.
pub(super) fn read_write_now(relations: &Relations, role: &str) -> Vec<String> {
    let to = format!("TO {}", ident(role));
    let mut statements = vec![format!("GRANT USAGE ON SCHEMA {SCHEMA} {to}")];
    let on = [
        "SELECT, INSERT, UPDATE, DELETE",
        "SELECT",
        "SELECT, UPDATE, USAGE",
    ];
    statements.extend(relations.each("GRANT", on, &to));
    statements
}

/// Statements that let a role read and write rows, of tables to come as well.
pub(super) fn read_write(relations: &Relations, role: &str, owner: &str) -> Vec<String> {
    let mut statements = read_write_now(relations, role);
    let privileges = ["SELECT, INSERT, UPDATE, DELETE", "SELECT, UPDATE, USAGE"];
    statements.extend(in_future(role, owner, "GRANT", privileges, "TO"));
    statements
}

/// Statements that let a role read, and no more.
pub(super) fn read_only(relations: &Relations, role: &str, owner: &str) -> Vec<String> {
    let mut statements = no_access(relations, role, owner);
    let to = format!("TO {}", ident(role));
    statements.push(format!("GRANT USAGE ON SCHEMA {SCHEMA} {to}"));
    statements.extend(relations.each("GRANT", ["SELECT"; 3], &to));
    statements.extend(in_future(role, owner, "GRANT", ["SELECT"; 2], "TO"));
    statements
}

/// Statements that shut a role out.
pub(super) fn no_access(relations: &Relations, role: &str, owner: &str) -> Vec<String> {
    let from = format!("FROM {}", ident(role));
    let mut statements = relations.each("REVOKE", ["ALL"; 3], &from);
    statements.push(format!("REVOKE ALL ON SCHEMA {SCHEMA} {from}"));
    statements.extend(in_future(role, owner, "REVOKE", ["ALL"; 2], "FROM"));
    statements
}

/// Default privileges on tables and on sequences that the owner makes from now on.
fn in_future(
    role: &str,
    owner: &str,
    verb: &str,
    [tables, sequences]: [&str; 2],
    to: &str,
) -> [String; 2] {
    let (role, owner) = (ident(role), ident(owner));
    let future = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {SCHEMA} {verb}");
    [
        format!("{future} {tables} ON TABLES {to} {role}"),
        format!("{future} {sequences} ON SEQUENCES {to} {role}"),
    ]
}
