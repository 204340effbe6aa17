//! What the catalogue says of a schema, in a form that can be compared: names of indexes and
//! constraints, which differ between databases that mean the same, are not part of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use sea_orm_migration::prelude::*;
use serde::Serialize;

use super::{ident, rows};

/// Bookkeeping that is no part of the schema proper: ours, and the present-day service's.
pub(crate) const BOOKKEEPING: [&str; 4] = [
    "seaql_migrations",
    "schema_adoption",
    "goose_db_version",
    GUARDED,
];

/// Roles that may not change ledgers and allocations: our own, and others once they are lowered.
pub(crate) const GUARDED: &str = "guarded_role";

/// Functions that migrations make. They run with their owner's rights, so they go with the schema.
pub(crate) const FUNCTIONS: [&str; 3] = ["is_guarded", "refuse_change", "refuse_worse_allocation"];

/// Tables whose rows belong to the schema.
const REFERENCE_TABLES: [&str; 3] = ["cost_centre", "account", "transaction_type"];

/// Triggers of [`super::watch`] begin so, and are no part of the schema proper.
pub(crate) const WATCH_TRIGGER: &str = "zz_watch_";

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Kind {
    Table,
    Column,
    PrimaryKey,
    Unique,
    ForeignKey,
    Check,
    Index,
    Sequence,
    View,
    Function,
    Trigger,
    Rule,
    Policy,
    Type,
    Row,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::PrimaryKey => "primary key",
            Self::Unique => "unique key",
            Self::ForeignKey => "foreign key",
            Self::Check => "check",
            Self::Index => "index",
            Self::Sequence => "sequence",
            Self::View => "view",
            Self::Function => "function",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Type => "type",
            Self::Row => "row",
        })
    }
}

/// An object of the schema: what it is, and a name that says what it covers, such as
/// `invoice(reference)` for a unique key.
pub type Object = (Kind, String);

/// What is known of an object, such as `type` to `integer`.
pub type Attributes = BTreeMap<String, String>;

/// All objects of a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog(pub BTreeMap<Object, Attributes>);

impl Catalog {
    /// Reads a schema.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(db: &impl ConnectionTrait, schema: &str) -> Result<Self, DbErr> {
        let mut catalog = Self::default();
        for (kind, sql) in QUERIES {
            for row in rows(db, sql, &[schema]).await? {
                let table: Option<String> = row.try_get_by_index(0)?;
                if table.is_some_and(|table| is_bookkeeping(&table)) {
                    continue;
                }
                let name: String = row.try_get_by_index(1)?;
                let attributes: serde_json::Value = row.try_get_by_index(2)?;
                catalog.add(kind, name, &attributes);
            }
        }
        for table in REFERENCE_TABLES {
            if catalog.0.contains_key(&(Kind::Table, table.to_owned())) {
                catalog.read_rows(db, schema, table).await?;
            }
        }
        Ok(catalog)
    }

    /// The tables.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.0
            .keys()
            .filter(|(kind, _)| *kind == Kind::Table)
            .map(|(_, name)| name.as_str())
    }

    fn add(&mut self, kind: Kind, name: String, attributes: &serde_json::Value) {
        let attributes = attributes
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| {
                let value = match value {
                    serde_json::Value::Null => return None,
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                // A default of NULL is none.
                let is_null = key == "default" && value.starts_with("NULL::");
                (!is_null).then(|| (key.clone(), value))
            });
        let attributes = attributes.collect::<Attributes>();
        // Two keys on the same columns are told as one with both values, so that neither hides.
        match self.0.entry((kind, name)) {
            Entry::Vacant(entry) => {
                entry.insert(attributes);
            }
            Entry::Occupied(mut entry) => {
                entry
                    .get_mut()
                    .insert("more than one".to_owned(), format!("{attributes:?}"));
            }
        }
    }

    /// Whether a table has a column.
    pub(crate) fn has_column(&self, table: &str, column: &str) -> bool {
        self.0
            .contains_key(&(Kind::Column, format!("{table}.{column}")))
    }

    async fn read_rows(
        &mut self,
        db: &impl ConnectionTrait,
        schema: &str,
        table: &str,
    ) -> Result<(), DbErr> {
        let sql = format!(
            "SELECT to_jsonb(t) FROM {}.{} t",
            ident(schema),
            ident(table)
        );
        for row in rows(db, &sql, &[]).await? {
            let values: serde_json::Value = row.try_get_by_index(0)?;
            let key = values.get("id").or_else(|| values.get("code"));
            let key = key.map(ToString::to_string).unwrap_or_default();
            self.add(Kind::Row, format!("{table} {key}"), &values);
        }
        Ok(())
    }
}

fn is_bookkeeping(name: &str) -> bool {
    BOOKKEEPING
        .iter()
        .any(|table| name == *table || name == format!("{table}_id_seq"))
}

/// Each gives: the table it belongs to (or nothing), the object's name, its attributes as JSON.
const QUERIES: [(Kind, &str); 14] = [
    (
        Kind::Table,
        "SELECT c.relname::text, c.relname::text, jsonb_build_object(
             'persistence', nullif(c.relpersistence::text, 'p'),
             'row security', nullif(c.relrowsecurity, false),
             'disabled triggers', (SELECT nullif(count(*), 0) FROM pg_trigger t
                 WHERE t.tgrelid = c.oid AND t.tgenabled = 'D'))
         FROM pg_class c
         WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p', 'f')",
    ),
    (
        Kind::Column,
        "SELECT c.relname::text, c.relname || '.' || a.attname, jsonb_build_object(
             'type', format_type(a.atttypid, a.atttypmod),
             'nullable', NOT a.attnotnull,
             'default', pg_get_expr(d.adbin, d.adrelid),
             'identity', nullif(a.attidentity::text, ''))
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p')
         AND a.attnum > 0 AND NOT a.attisdropped",
    ),
    (
        Kind::PrimaryKey,
        "SELECT c.relname::text, c.relname || '(' || (
             SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true), ', ' ORDER BY k)
             FROM generate_series(1, i.indnkeyatts) k) || ')', '{}'::jsonb
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         WHERE c.relnamespace = to_regnamespace($1) AND i.indisprimary",
    ),
    (
        Kind::Unique,
        "SELECT c.relname::text, c.relname || '(' || (
             SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true), ', ' ORDER BY k)
             FROM generate_series(1, i.indnkeyatts) k) || ')'
             || coalesce(' WHERE ' || pg_get_expr(i.indpred, i.indrelid), ''),
             jsonb_build_object('valid', i.indisvalid)
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         WHERE c.relnamespace = to_regnamespace($1) AND i.indisunique AND NOT i.indisprimary",
    ),
    (
        Kind::Index,
        "SELECT c.relname::text, c.relname || '(' || (
             SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true), ', ' ORDER BY k)
             FROM generate_series(1, i.indnkeyatts) k) || ')'
             || coalesce(' WHERE ' || pg_get_expr(i.indpred, i.indrelid), ''),
             jsonb_build_object('valid', i.indisvalid, 'method', m.amname)
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
         WHERE c.relnamespace = to_regnamespace($1) AND NOT i.indisunique",
    ),
    (
        Kind::ForeignKey,
        "SELECT c.relname::text, c.relname || '(' || (
             SELECT string_agg(a.attname, ', ' ORDER BY k.n)
             FROM unnest(f.conkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum) || ')',
             jsonb_build_object('references',
                 CASE WHEN t.relnamespace = c.relnamespace THEN t.relname::text
                      ELSE t.relnamespace::regnamespace || '.' || t.relname END || '(' || (
                 SELECT string_agg(a.attname, ', ' ORDER BY k.n)
                 FROM unnest(f.confkey) WITH ORDINALITY k(attnum, n)
                 JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum) || ')',
                 'on delete', f.confdeltype::text, 'on update', f.confupdtype::text,
                 'validated', f.convalidated, 'deferrable', nullif(f.condeferrable, false))
         FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
         JOIN pg_class t ON t.oid = f.confrelid
         WHERE c.relnamespace = to_regnamespace($1) AND f.contype = 'f'",
    ),
    (
        Kind::Check,
        "SELECT c.relname::text, c.relname || ' ' || pg_get_constraintdef(k.oid), '{}'::jsonb
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         WHERE c.relnamespace = to_regnamespace($1) AND k.contype = 'c'",
    ),
    (
        Kind::Sequence,
        "SELECT sequencename::text, sequencename::text,
             jsonb_build_object('increment', increment_by, 'cycle', cycle, 'minimum', min_value,
                 'maximum', max_value, 'type', data_type::text)
         FROM pg_sequences WHERE schemaname = $1",
    ),
    (
        Kind::View,
        "SELECT NULL::text, relname::text, jsonb_build_object('definition', pg_get_viewdef(oid))
         FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ('v', 'm')",
    ),
    (
        Kind::Function,
        "SELECT NULL::text, proname || '(' || pg_get_function_identity_arguments(oid) || ')',
             jsonb_build_object('body', md5(prosrc), 'language', prolang, 'definer', prosecdef)
         FROM pg_proc WHERE pronamespace = to_regnamespace($1) AND prokind IN ('f', 'p')",
    ),
    (
        Kind::Trigger,
        "SELECT c.relname::text, c.relname || '.' || t.tgname,
             jsonb_build_object('enabled', t.tgenabled::text, 'definition',
                 replace(pg_get_triggerdef(t.oid), quote_ident($1) || '.', ''))
         FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
         WHERE c.relnamespace = to_regnamespace($1) AND NOT t.tgisinternal
         AND t.tgname NOT LIKE 'zz\\_watch\\_%'",
    ),
    (
        Kind::Rule,
        "SELECT c.relname::text, c.relname || '.' || r.rulename,
             jsonb_build_object('enabled', r.ev_enabled::text,
                 'definition', replace(pg_get_ruledef(r.oid), quote_ident($1) || '.', ''))
         FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
         WHERE c.relnamespace = to_regnamespace($1) AND r.rulename <> '_RETURN'",
    ),
    (
        Kind::Policy,
        "SELECT c.relname::text, c.relname || '.' || p.polname, jsonb_build_object(
             'command', p.polcmd::text, 'permissive', p.polpermissive,
             'using', pg_get_expr(p.polqual, p.polrelid),
             'with check', pg_get_expr(p.polwithcheck, p.polrelid))
         FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
         WHERE c.relnamespace = to_regnamespace($1)",
    ),
    (
        Kind::Type,
        "SELECT NULL::text, t.typname::text, jsonb_build_object('kind', t.typtype::text)
         FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
         WHERE t.typnamespace = to_regnamespace($1) AND t.typtype IN ('e', 'd', 'r', 'c')
         AND (c.oid IS NULL OR c.relkind = 'c')",
    ),
];
