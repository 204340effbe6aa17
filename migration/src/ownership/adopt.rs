//! Taking over a schema that Sirius made, or that the present-day service has carried further:
//! compare, and only if nothing stands against it, record what is there and take ownership.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseConnection, TransactionTrait};

use super::catalog::{BOOKKEEPING, Catalog, Kind};
use super::compare::{Difference, compare};
use super::scratch::Scratch;
use super::{
    OwnershipError, any, execute, grants, guard, ident, literal, lock_together, needs_postgres,
    rows, texts,
};
use crate::Migrator;
use crate::connection::SCHEMA;
use crate::runner::{ADOPTION, Runner};

/// What `adopt` found, and did or would do.
#[derive(Debug)]
pub enum Adoption {
    /// Migrations are recorded already: there is nothing to take over.
    Done,
    /// Differences that it cannot take on; nothing was done.
    Refused {
        /// The steps that seem to be there.
        versions: Vec<String>,
        /// Each difference.
        differences: Vec<Difference>,
    },
    /// Taken over, or, for a dry run, what that would take.
    Adopted {
        /// The steps that are there and were recorded.
        versions: Vec<String>,
        /// Differences that do not stand against it.
        noted: Vec<Difference>,
        /// The statements.
        statements: Vec<String>,
    },
}

/// Settings of a run.
#[derive(Debug, Default)]
pub struct Options {
    /// The role that is to own everything; by default the connected one.
    pub owner: Option<String>,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Server for the scratch database, if not the live one.
    pub scratch_url: Option<String>,
}

/// Takes the schema over.
///
/// # Errors
/// When there is nothing to take over, the comparison cannot be made, or the database refuses; in
/// each case nothing was done.
pub async fn adopt(
    runner: &Runner,
    url: &str,
    options: &Options,
) -> Result<Adoption, OwnershipError> {
    let db = runner.connection();
    needs_postgres(db)?;
    if !runner.recorded().await?.is_empty() {
        return match &options.owner {
            Some(owner) => hand_over(db, owner, options.dry_run).await,
            None => Ok(Adoption::Done),
        };
    }
    let live = Catalog::read(db, SCHEMA).await?;
    if live.tables().next().is_none() {
        return Err(OwnershipError::Refused(format!(
            "there is no table in schema {SCHEMA} of this database, so there is nothing to take \
             over: is it the right database? On an empty one, run `migration up`"
        )));
    }
    let scratch = Scratch::create(options.scratch_url.as_deref().unwrap_or(url)).await?;
    let found = recognise(&scratch, &live).await;
    let removed = scratch.remove().await;
    let (versions, differences) = found?;
    removed?;
    let (noted, against): (Vec<_>, Vec<_>) = differences.into_iter().partition(is_harmless);
    if !against.is_empty() {
        return Ok(Adoption::Refused {
            versions,
            differences: against,
        });
    }

    let tables = live.tables().map(str::to_owned).collect::<Vec<_>>();
    let transaction = lock_together(db, &tables, "ACCESS EXCLUSIVE").await?;
    if Catalog::read(&transaction, SCHEMA).await? != live {
        return Err(OwnershipError::Refused(
            "the schema was changed while it was compared; nothing was done: run it again"
                .to_owned(),
        ));
    }
    let owner = match &options.owner {
        Some(owner) => owner.clone(),
        None => texts(&transaction, "SELECT current_user::text", &[])
            .await?
            .concat(),
    };
    refuse_unknown(&transaction, &owner).await?;
    let missing = noted
        .iter()
        .filter(|it| it.kind == Kind::Sequence && it.found.is_none())
        .map(|it| it.object.clone())
        .collect::<Vec<_>>();
    let mut statements = record(&versions, &owner);
    statements.extend(missing.iter().flat_map(|name| {
        let name = format!("{SCHEMA}.{}", ident(name));
        let owner = ident(&owner);
        [
            format!("CREATE SEQUENCE {name}"),
            format!("ALTER SEQUENCE {name} OWNER TO {owner}"),
        ]
    }));
    statements.extend(take_ownership(&transaction, &owner, &missing).await?);
    statements.extend(raise_sequences(&transaction, &live, &missing).await?);
    if options.dry_run {
        transaction.rollback().await?;
    } else {
        execute(&transaction, &statements).await?;
        transaction.commit().await?;
    }
    Ok(Adoption::Adopted {
        versions,
        noted,
        statements,
    })
}

/// Gives a schema that is recorded already to another owner.
async fn hand_over(
    db: &DatabaseConnection,
    owner: &str,
    dry_run: bool,
) -> Result<Adoption, OwnershipError> {
    let transaction = db.begin().await?;
    refuse_unknown(&transaction, owner).await?;
    let mut statements = take_ownership(&transaction, owner, &[]).await?;
    if !statements
        .iter()
        .any(|statement| statement.contains(" OWNER TO "))
    {
        return Ok(Adoption::Done);
    }
    statements.extend(guard::hand_over(&transaction, owner).await?);
    statements.extend(guard::hold_owner(&transaction, owner).await?);
    for record in [BOOKKEEPING[0], ADOPTION] {
        let table = format!("{SCHEMA}.{record}");
        if any(
            &transaction,
            "SELECT 1 WHERE to_regclass($1) IS NOT NULL",
            &[&table],
        )
        .await?
        {
            statements.push(format!("ALTER TABLE {table} OWNER TO {}", ident(owner)));
        }
    }
    if dry_run {
        transaction.rollback().await?;
    } else {
        execute(&transaction, &statements).await?;
        transaction.commit().await?;
    }
    Ok(Adoption::Adopted {
        versions: Vec::new(),
        noted: Vec::new(),
        statements,
    })
}

async fn refuse_unknown(db: &impl ConnectionTrait, role: &str) -> Result<(), OwnershipError> {
    if any(db, "SELECT 1 FROM pg_roles WHERE rolname = $1", &[role]).await? {
        return Ok(());
    }
    Err(OwnershipError::Refused(format!("there is no role {role}")))
}

/// Differences that change no meaning, or that taking over mends: an index more or less, a
/// sequence that is missing, and what others have put beside the tables.
fn is_harmless(difference: &Difference) -> bool {
    match difference.kind {
        Kind::Index => true,
        Kind::Sequence => difference.found.is_none() || difference.attribute.is_some(),
        Kind::Trigger | Kind::Function | Kind::View | Kind::Type | Kind::Policy => {
            difference.expected.is_none()
        }
        Kind::Table
        | Kind::Column
        | Kind::PrimaryKey
        | Kind::Unique
        | Kind::ForeignKey
        | Kind::Check
        | Kind::Rule
        | Kind::Row => false,
    }
}

/// Finds out which steps a live schema has taken, by building them up one by one: a step is there
/// if most of what it changes is there. Gives those steps, and how the live schema differs from
/// what they build.
async fn recognise(
    scratch: &Scratch,
    live: &Catalog,
) -> Result<(Vec<String>, Vec<Difference>), DbErr> {
    let mut versions = Vec::new();
    for migration in Migrator::migrations() {
        let before = scratch.catalog().await?;
        let trial = scratch.db.begin().await?;
        // A step may lean on one that is not there; then it is not there either.
        let after = match migration.up(&SchemaManager::new(&trial)).await {
            Ok(()) => Catalog::read(&trial, SCHEMA).await?,
            Err(_) => before.clone(),
        };
        // The baseline is what adopting is about: it is always compared.
        if versions.is_empty() || is_there(&before, &after, live) {
            trial.commit().await?;
            versions.push(migration.name().to_owned());
        } else {
            trial.rollback().await?;
        }
    }
    Ok((versions, compare(&scratch.catalog().await?, live)))
}

/// Whether the live schema has most of what a step changes.
fn is_there(before: &Catalog, after: &Catalog, live: &Catalog) -> bool {
    let mut changes = 0_usize;
    let mut there = 0_usize;
    let mut only_keys = true;
    let mut count = |kind: Kind, is_there: bool| {
        only_keys &= matches!(kind, Kind::Index | Kind::Unique);
        changes = changes.saturating_add(1);
        there = there.saturating_add(usize::from(is_there));
    };
    for (object, attributes) in &after.0 {
        if before.0.get(object) != Some(attributes) {
            count(object.0, live.0.contains_key(object));
        }
    }
    for object in before
        .0
        .keys()
        .filter(|object| !after.0.contains_key(*object))
    {
        count(object.0, !live.0.contains_key(object));
    }
    // A missing index stands against nothing, so a step of indexes must be there as a whole.
    if only_keys {
        return changes > 0 && there == changes;
    }
    there.saturating_mul(2) > changes
}

/// The record of migrations, in the shape that the library gives it, and of their adoption.
fn record(versions: &[String], owner: &str) -> Vec<String> {
    let table = format!("{SCHEMA}.{}", BOOKKEEPING[0]);
    let adoption = format!("{SCHEMA}.{ADOPTION}");
    let mut statements = vec![
        format!(
            "CREATE TABLE IF NOT EXISTS {table} \
             (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {adoption} \
             (version varchar NOT NULL PRIMARY KEY, adopted_at timestamptz NOT NULL)"
        ),
    ];
    statements.extend(
        [&table, &adoption].map(|it| format!("ALTER TABLE {it} OWNER TO {}", ident(owner))),
    );
    for version in versions.iter().map(|version| literal(version)) {
        statements.push(format!(
            "INSERT INTO {table} VALUES ({version}, extract(epoch FROM now())::bigint)"
        ));
        statements.push(format!("INSERT INTO {adoption} VALUES ({version}, now())"));
    }
    statements
}

/// Makes the role the owner of schema, tables and sequences, the present-day service's bookkeeping
/// excepted. Views stay with whoever made them: they read with their owner's rights. Whoever owned them keeps reading and writing: Sirius must not break.
async fn take_ownership(
    db: &impl ConnectionTrait,
    owner: &str,
    new_sequences: &[String],
) -> Result<Vec<String>, OwnershipError> {
    let quoted = ident(owner);
    let mut statements = Vec::new();
    let mut former = texts(
        db,
        "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = $1",
        &[SCHEMA],
    )
    .await?;
    if former.iter().any(|name| name != owner) {
        statements.push(format!("ALTER SCHEMA {SCHEMA} OWNER TO {quoted}"));
    }
    // A sequence that belongs to a column goes with its table.
    let sql = "SELECT c.relname::text, c.relkind::text, pg_get_userbyid(c.relowner)::text
        FROM pg_class c WHERE c.relnamespace = to_regnamespace($1)
        AND c.relkind IN ('r', 'p', 'S')
        AND c.relname NOT LIKE 'goose\\_db\\_version%'
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid
            AND d.classid = 'pg_class'::regclass AND d.deptype IN ('i', 'a')
            AND c.relkind = 'S')
        ORDER BY 2, 1";
    for row in rows(db, sql, &[SCHEMA]).await? {
        let (name, kind): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let holder: String = row.try_get_by_index(2)?;
        if holder == owner {
            continue;
        }
        let kind = match kind.as_str() {
            "S" => "SEQUENCE",
            _ => "TABLE",
        };
        statements.push(format!(
            "ALTER {kind} {SCHEMA}.{} OWNER TO {quoted}",
            ident(&name)
        ));
        former.push(holder);
    }
    former.sort();
    former.dedup();
    let mut relations = grants::Relations::read(db).await?;
    relations.add_sequences(new_sequences);
    for role in former.iter().filter(|role| *role != owner) {
        statements.extend(grants::read_write_now(&relations, role));
    }
    Ok(statements)
}

/// Brings each sequence that lags to its table's highest id, those just made included. One that does
/// not lag is left alone: setting it could set back what a writer takes meanwhile.
async fn raise_sequences(
    db: &impl ConnectionTrait,
    live: &Catalog,
    made: &[String],
) -> Result<Vec<String>, OwnershipError> {
    let mut statements = Vec::new();
    for table in live.tables() {
        let sequence = format!("{table}_id_seq");
        let is_made = made.contains(&sequence);
        let is_there = live.0.contains_key(&(Kind::Sequence, sequence.clone()));
        if !(is_made || is_there) || !live.has_column(table, "id") {
            continue;
        }
        let name = format!("{SCHEMA}.{}", ident(&sequence));
        let table = format!("{SCHEMA}.{}", ident(table));
        if is_made || super::verify::lag(db, &table, &name).await?.is_some() {
            statements.push(format!(
                "SELECT setval('{name}', (SELECT max(id) FROM {table}))"
            ));
        }
    }
    Ok(statements)
}
