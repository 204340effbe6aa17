//! What ties the schema to the rest of its database: what must go before it can move out.

use serde::Serialize;

use super::{OwnershipError, needs_postgres, needs_schema, rows};
use crate::connection::SCHEMA;
use crate::runner::Runner;

/// One tie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tie {
    /// What ties: `foreign key`, `view`, `column default` and so on.
    pub kind: String,
    /// The object that depends.
    pub dependent: String,
    /// What it depends on.
    pub on: String,
}

/// Every dependency between an object of the schema and one of another schema of the database, in
/// either direction; what every database has does not count.
///
/// # Errors
/// When the database fails.
pub async fn ties(runner: &Runner) -> Result<Vec<Tie>, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    needs_schema(db).await?;
    let mut ties = Vec::new();
    for row in rows(db, TIES, &[SCHEMA, super::watch::WATCH_SCHEMA]).await? {
        ties.push(Tie {
            kind: row.try_get_by_index(0)?,
            dependent: row.try_get_by_index(1)?,
            on: row.try_get_by_index(2)?,
        });
    }
    Ok(ties)
}

/// The catalogue's own record of dependencies covers foreign keys, views, defaults, types, triggers
/// and functions with a parsed body; a function whose body is text is searched for the name.
const TIES: &str = r"
WITH object AS (
    SELECT 'pg_class'::regclass AS class, oid, relnamespace AS schema FROM pg_class
    UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
    UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace FROM pg_type
    UNION ALL SELECT 'pg_constraint'::regclass, oid, connamespace FROM pg_constraint
    UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, c.relnamespace
        FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, c.relnamespace
        FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
    UNION ALL SELECT 'pg_trigger'::regclass, t.oid, c.relnamespace
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
), tie AS (
    SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0) AS dependent,
        pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) AS referenced,
        CASE d.classid WHEN 'pg_constraint'::regclass THEN 'foreign key'
            WHEN 'pg_rewrite'::regclass THEN 'view'
            WHEN 'pg_attrdef'::regclass THEN 'column default'
            WHEN 'pg_trigger'::regclass THEN 'trigger'
            WHEN 'pg_proc'::regclass THEN 'function'
            WHEN 'pg_class'::regclass THEN 'column type'
            ELSE 'type' END AS kind
    FROM pg_depend d
    JOIN object o ON o.class = d.classid AND o.oid = d.objid
    JOIN object r ON r.class = d.refclassid AND r.oid = d.refobjid
    WHERE o.schema <> r.schema
    AND (o.schema = to_regnamespace($1) OR r.schema = to_regnamespace($1))
    AND o.schema::regnamespace::text !~ '^(pg_|information_schema)'
    AND r.schema::regnamespace::text !~ '^(pg_|information_schema)'
    AND o.schema IS DISTINCT FROM to_regnamespace($2)
    AND r.schema IS DISTINCT FROM to_regnamespace($2)
)
SELECT kind, dependent, referenced FROM tie
UNION ALL
SELECT 'function body', pg_describe_object('pg_proc'::regclass, oid, 0), 'schema ' || $1
FROM pg_proc WHERE prosrc ~ ($1 || '\M') AND prosrc !~ ($2 || '\M')
AND pronamespace <> to_regnamespace($1)
AND pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
AND pronamespace IS DISTINCT FROM to_regnamespace($2)
UNION ALL
SELECT 'function body', pg_describe_object('pg_proc'::regclass, p.oid, 0), 'schema ' || n.nspname
FROM pg_proc p JOIN pg_namespace n ON p.prosrc ~ ('\m' || n.nspname || '\.')
WHERE p.pronamespace = to_regnamespace($1)
AND n.nspname !~ '^(pg_|information_schema)' AND n.nspname NOT IN ($1, $2)
ORDER BY 1, 2, 3";
