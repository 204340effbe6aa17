//! A database that is made for a comparison and removed afterwards.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectOptions, Database, DatabaseConnection, TransactionTrait};

use super::catalog::Catalog;
use super::{OwnershipError, ident, texts};
use crate::Migrator;
use crate::connection::{self, Missing, SCHEMA};

/// Names of scratch databases begin so.
const PREFIX: &str = "finance_scratch_";
/// What a killed run has left is removed after so long.
const LEFT_OVER: Duration = Duration::from_secs(60 * 60);

/// A row that keeps table `report` from being dropped.
const A_REPORT: &str = "INSERT INTO report (id, batchnumber, type, datetime, count) \
     VALUES (1, 1, '', now(), 0) ON CONFLICT DO NOTHING";

/// See the module.
pub(crate) struct Scratch {
    server: DatabaseConnection,
    name: String,
    pub(crate) db: DatabaseConnection,
}

impl Scratch {
    /// Makes one on the server of the URL, with an empty schema of our name.
    pub(crate) async fn create(url: &str) -> Result<Self, OwnershipError> {
        let server = Self::connect(connection::options(url, Missing::Refuse)?)
            .await
            .map_err(OwnershipError::Scratch)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the name tells the database's age"
        )]
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self::sweep(&server, now)
            .await
            .map_err(OwnershipError::Scratch)?;
        let name = format!("{PREFIX}{}_{}", now.as_secs(), now.subsec_nanos());
        server
            .execute_unprepared(&format!(
                "CREATE DATABASE {} TEMPLATE template0",
                ident(&name)
            ))
            .await
            .map_err(OwnershipError::Scratch)?;
        match Self::open(url, &name).await {
            Ok(db) => Ok(Self { server, name, db }),
            Err(error) => {
                let drop = format!("DROP DATABASE {} WITH (FORCE)", ident(&name));
                // The first error is the one that matters.
                let _ = server.execute_unprepared(&drop).await;
                Err(OwnershipError::Scratch(error))
            }
        }
    }

    async fn open(url: &str, name: &str) -> Result<DatabaseConnection, DbErr> {
        let mut options = connection::options(url, Missing::Refuse)
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        let name = name.to_owned();
        options.map_sqlx_postgres_opts(move |postgres| postgres.database(&name));
        let db = Self::connect(options).await?;
        db.execute_unprepared(&format!("CREATE SCHEMA {SCHEMA}"))
            .await?;
        Ok(db)
    }

    async fn connect(mut options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
        options
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(5));
        options.set_application_name("migration");
        Database::connect(options).await
    }

    /// Applies those of the migrations that are named, in their order, as they would run where
    /// table `report` has rows or has none.
    pub(crate) async fn apply(
        &self,
        versions: &[String],
        report_has_rows: bool,
    ) -> Result<(), DbErr> {
        for migration in Migrator::migrations() {
            if !versions.iter().any(|version| version == migration.name()) {
                continue;
            }
            let transaction = self.db.begin().await?;
            let manager = SchemaManager::new(&transaction);
            migration.up(&manager).await?;
            if report_has_rows && manager.has_table("report").await? {
                transaction.execute_unprepared(A_REPORT).await?;
            }
            transaction.commit().await?;
        }
        Ok(())
    }

    /// What is there now.
    pub(crate) async fn catalog(&self) -> Result<Catalog, DbErr> {
        Catalog::read(&self.db, SCHEMA).await
    }

    /// Removes it.
    pub(crate) async fn remove(self) -> Result<(), DbErr> {
        self.db.close().await?;
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", ident(&self.name));
        self.server.execute_unprepared(&drop).await?;
        self.server.close().await
    }

    async fn sweep(server: &DatabaseConnection, now: Duration) -> Result<(), DbErr> {
        let sql = "SELECT datname::text FROM pg_database WHERE datname LIKE $1 || '%'";
        for name in texts(server, sql, &[PREFIX]).await? {
            let rest = name.strip_prefix(PREFIX).unwrap_or_default();
            let made = rest.split('_').next().and_then(|it| it.parse::<u64>().ok());
            let age = made.map(|made| now.as_secs().saturating_sub(made));
            if age.is_some_and(|age| age > LEFT_OVER.as_secs()) {
                let drop = format!("DROP DATABASE IF EXISTS {}", ident(&name));
                // Somebody else's, perhaps: not ours to insist on.
                let _ = server.execute_unprepared(&drop).await;
            }
        }
        Ok(())
    }
}
