//! How a database stands to the migrations of this program: what a server wants to know before it
//! serves.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseConnection, DbBackend, Statement};

use crate::Migrator;
use crate::connection::SCHEMA;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaState {
    /// Migrations of this program that the database lacks.
    pub behind: Vec<String>,
    /// Migrations that the database has and this program does not know.
    pub ahead: Vec<String>,
    /// Whether the connected role may change the schema, which a server should not.
    pub may_alter: bool,
}

/// Reads the state. Creates nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn schema_state(db: &DatabaseConnection) -> Result<SchemaState, DbErr> {
    let known = Migrator::migrations()
        .iter()
        .map(|it| it.name().to_owned())
        .collect::<Vec<_>>();
    let recorded = recorded(db).await?;
    let lacks = |list: &[String], name: &String| !list.contains(name);
    Ok(SchemaState {
        behind: known
            .iter()
            .filter(|name| lacks(&recorded, name))
            .cloned()
            .collect(),
        ahead: recorded
            .iter()
            .filter(|name| lacks(&known, name))
            .cloned()
            .collect(),
        may_alter: may_alter(db).await?,
    })
}

async fn recorded(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let table = Migrator::migration_table_name().to_string();
    if !SchemaManager::new(db).has_table(table.clone()).await? {
        return Ok(Vec::new());
    }
    let select = Query::select().column("version").from(table).to_owned();
    db.query_all(&select)
        .await?
        .iter()
        .map(|row| row.try_get("", "version"))
        .collect()
}

async fn may_alter(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(false);
    }
    let sql = format!(
        "SELECT coalesce(has_schema_privilege(to_regnamespace('{SCHEMA}'), 'CREATE'), false)
            OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = to_regnamespace('{SCHEMA}')
                AND pg_has_role(c.relowner, 'USAGE')) AS may_alter"
    );
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    row.map_or(Ok(false), |row| row.try_get("", "may_alter"))
}
