//! How a `DATABASE_URL` becomes a connection, the same for the migrations and the server.

use std::time::Duration;

use sea_orm_migration::sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm_migration::sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous,
};
use sea_orm_migration::sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement,
};

/// The schema that this service owns on PostgreSQL.
pub const SCHEMA: &str = "supervision_finance";

/// How long SQLite waits for another writer.
const SQLITE_BUSY: Duration = Duration::from_secs(5);

/// A `DATABASE_URL` that names no database of ours. Its text holds nothing of the URL, which may
/// carry a password.
#[derive(Debug, thiserror::Error)]
#[error("not a database URL: want postgres://USER@HOST/DATABASE or sqlite://FILE")]
pub struct UrlError;

/// What to do about a SQLite file that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Make it.
    Create,
    /// Refuse.
    Refuse,
}

/// Which database a URL names.
///
/// # Errors
/// When it is neither PostgreSQL nor SQLite.
pub fn backend(url: &str) -> Result<DbBackend, UrlError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => Ok(DbBackend::Postgres),
        Some("sqlite") => Ok(DbBackend::Sqlite),
        _ => Err(UrlError),
    }
}

/// Whether a URL names a PostgreSQL.
pub fn is_postgres(url: &str) -> bool {
    backend(url).is_ok_and(|backend| backend == DbBackend::Postgres)
}

/// Whether a URL can be used at all.
///
/// # Errors
/// When it is of neither database, or malformed.
pub fn check(url: &str) -> Result<(), UrlError> {
    match backend(url)? {
        DbBackend::Postgres => url
            .parse::<PgConnectOptions>()
            .map(|_| ())
            .map_err(|_| UrlError),
        _ => url
            .parse::<SqliteConnectOptions>()
            .map(|_| ())
            .map_err(|_| UrlError),
    }
}

/// Options for a pool on the URL: on PostgreSQL the search path is [`SCHEMA`], on SQLite foreign
/// keys are enforced, writers wait and readers are not blocked. Statements are not logged, since
/// they could carry personal details.
///
/// # Errors
/// When the URL is neither PostgreSQL nor SQLite.
pub fn options(url: &str, missing: Missing) -> Result<ConnectOptions, UrlError> {
    check(url)?;
    let backend = backend(url)?;
    let url = match url.strip_prefix("postgresql://") {
        Some(rest) => format!("postgres://{rest}"),
        None => url.to_owned(),
    };
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).record_stmt_in_spans(false);
    match backend {
        DbBackend::Postgres => {
            options.set_schema_search_path(SCHEMA);
        }
        _ => {
            options.map_sqlx_sqlite_opts(move |sqlite| {
                sqlite
                    .create_if_missing(missing == Missing::Create)
                    .foreign_keys(true)
                    .busy_timeout(SQLITE_BUSY)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
            });
        }
    }
    Ok(options)
}

/// The name of the connected database: on SQLite that of its file, without folders.
///
/// # Errors
/// When the database does not answer.
pub async fn database_name(db: &DatabaseConnection) -> Result<String, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => "SELECT current_database()::text AS name",
        _ => "SELECT file AS name FROM pragma_database_list WHERE name = 'main'",
    };
    let row = db
        .query_one_raw(Statement::from_string(backend, sql))
        .await?;
    let name: String = row
        .ok_or_else(|| DbErr::RecordNotFound("database name".to_owned()))?
        .try_get("", "name")?;
    Ok(match backend {
        DbBackend::Postgres => name,
        _ => std::path::Path::new(&name).file_name().map_or_else(
            || ":memory:".to_owned(),
            |file| file.to_string_lossy().into_owned(),
        ),
    })
}
