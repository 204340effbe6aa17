//! Which roles the database holds to immutable ledgers: our own always, others once they are lowered
//! (migration 16).

use sea_orm_migration::prelude::*;

use super::catalog::{FUNCTIONS, GUARDED};
use super::{any, ident, literal, rows};
use crate::connection::SCHEMA;

async fn is_there(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let table = format!("{SCHEMA}.{GUARDED}");
    any(db, "SELECT 1 WHERE to_regclass($1) IS NOT NULL", &[&table]).await
}

/// Statements that hold a role of our own.
pub(super) async fn hold_own(
    db: &impl ConnectionTrait,
    roles: &[&str],
) -> Result<Vec<String>, DbErr> {
    if !is_there(db).await? {
        return Ok(Vec::new());
    }
    let missing = format!(
        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM {SCHEMA}.{GUARDED} WHERE role_name = $1 AND is_own)"
    );
    let mut statements = Vec::new();
    for role in roles {
        if any(db, &missing, &[role]).await? {
            statements.push(format!(
                "INSERT INTO {SCHEMA}.{GUARDED} VALUES ({}, true) \
                 ON CONFLICT (role_name) DO UPDATE SET is_own = true",
                literal(role)
            ));
        }
    }
    Ok(statements)
}

/// Statements that hold the new owner, and let go of those that own the tables now: they go on writing as
/// they did, and may be Sirius.
pub(super) async fn hold_owner(
    db: &impl ConnectionTrait,
    owner: &str,
) -> Result<Vec<String>, DbErr> {
    if !is_there(db).await? {
        return Ok(Vec::new());
    }
    let mut statements = hold_own(db, &[owner]).await?;
    let sql = "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class
        WHERE relnamespace = to_regnamespace($1) AND relkind = 'r'
        AND pg_get_userbyid(relowner) <> $2 AND relname NOT LIKE 'goose\\_db\\_version%'";
    for row in rows(db, sql, &[SCHEMA, owner]).await? {
        let former: String = row.try_get_by_index(0)?;
        statements.push(format!(
            "DELETE FROM {SCHEMA}.{GUARDED} WHERE role_name = {}",
            literal(&former)
        ));
    }
    Ok(statements)
}

/// Statements that hold a role that is lowered, or let go of one that is raised. Our own are held
/// whatever their stage.
pub(super) async fn hold_lowered(
    db: &impl ConnectionTrait,
    role: &str,
    is_lowered: bool,
) -> Result<Vec<String>, DbErr> {
    if !is_there(db).await? {
        return Ok(Vec::new());
    }
    let role = literal(role);
    Ok(vec![match is_lowered {
        true => {
            format!("INSERT INTO {SCHEMA}.{GUARDED} VALUES ({role}, false) ON CONFLICT DO NOTHING")
        }
        false => {
            format!("DELETE FROM {SCHEMA}.{GUARDED} WHERE role_name = {role} AND NOT is_own")
        }
    }])
}

/// Statements that give the guard's functions to another owner.
pub(super) async fn hand_over(
    db: &impl ConnectionTrait,
    owner: &str,
) -> Result<Vec<String>, DbErr> {
    let names = FUNCTIONS.map(literal).join(", ");
    let sql = format!(
        "SELECT proname::text FROM pg_proc WHERE pronamespace = to_regnamespace($1) \
         AND pronargs = 0 AND proname IN ({names}) AND pg_get_userbyid(proowner) <> $2 ORDER BY 1"
    );
    let mut statements = Vec::new();
    for row in rows(db, &sql, &[SCHEMA, owner]).await? {
        let name: String = row.try_get_by_index(0)?;
        statements.push(format!(
            "ALTER FUNCTION {SCHEMA}.{}() OWNER TO {}",
            ident(&name),
            ident(owner)
        ));
    }
    Ok(statements)
}
