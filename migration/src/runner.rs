//! Applying migrations and taking them back: one at a time, each in a transaction, one runner at
//! work on a database.

use std::time::Duration;

use sea_orm_migration::MigrationStatus;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{
    Database, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

use crate::connection::{self, Missing, SCHEMA, UrlError, database_name};
use crate::ownership::{OwnershipError, needs_postgres};
use crate::sqlstate::{LOCK_NOT_AVAILABLE, sqlstate};
use crate::{Migrator, loss};

/// Key of the advisory lock that a runner holds; any fixed number does.
const LOCK: i64 = 0x5355_5046_494e;

/// Table in which taking a schema over records the versions that were there already.
pub(crate) const ADOPTION: &str = "schema_adoption";

/// Why a command did nothing, or stopped half way: what was applied before stays applied.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The URL is of no use.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Somebody uses a table.
    #[error("a table is in use and was not waited for any longer: {0}")]
    InUse(DbErr),
    /// The database refused or did not answer.
    #[error("the database: {0}")]
    Database(DbErr),
    /// Somebody else is migrating.
    #[error("another migration is at work on this database; nothing was done")]
    Busy,
    /// Tables, but no record of how they came about.
    #[error(
        "schema {SCHEMA} has tables but no record of migrations, and nothing was done: \
         it must be taken over by `migration adopt` first"
    )]
    NotAdopted,
    /// The schema belongs to a role that the connected one is not a member of.
    #[error("schema {SCHEMA} belongs to {0}: run this as {0}, or as a member of it")]
    NotOwner(String),
    /// Taking an adopted version back would destroy live tables.
    #[error("{0} was adopted, not made here: nothing goes below it")]
    Adopted(String),
    /// Data would be lost.
    #[error(
        "taking {version} back would lose what is in {}; \
         to do it all the same, add --destroy {database}", lost.join(", ")
    )]
    WouldLose {
        /// The migration.
        version: String,
        /// Tables with rows and columns with values.
        lost: Vec<String>,
        /// The database's name.
        database: String,
    },
    /// The run stopped half way: each step before it is done for good.
    #[error("{cause}\nbefore that, and done: {}", done.join(", "))]
    Stopped {
        /// The steps that were done.
        done: Vec<String>,
        /// Why no more.
        cause: Box<RunError>,
    },
    /// `--destroy` names another database, or is missing where it is needed.
    #[error(
        "this destroys everything that the service keeps in {database}; \
         to do it all the same, add --destroy {database}"
    )]
    NotConfirmed {
        /// The database's name.
        database: String,
    },
}

impl From<DbErr> for RunError {
    fn from(error: DbErr) -> Self {
        match sqlstate(&error).as_deref() {
            Some(LOCK_NOT_AVAILABLE) => Self::InUse(error),
            _ => Self::Database(error),
        }
    }
}

impl RunError {
    /// With what had been done before it, if anything.
    fn after(self, done: Vec<String>) -> Self {
        if done.is_empty() {
            return self;
        }
        Self::Stopped {
            done,
            cause: Box::new(self),
        }
    }
}

/// A migration's name and whether it is applied.
pub type Status = (String, bool);

/// A connection for one run: a single session, so that its lock covers all it does.
pub struct Runner {
    db: DatabaseConnection,
}

impl Runner {
    /// Connects.
    ///
    /// # Errors
    /// When the URL is wrong or the database does not answer.
    pub async fn connect(url: &str, missing: Missing) -> Result<Self, RunError> {
        let mut options = connection::options(url, missing)?;
        options
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None);
        options
            .connect_timeout(Duration::from_secs(5))
            .acquire_timeout(Duration::from_secs(5));
        options.set_application_name("migration");
        Ok(Self {
            db: Database::connect(options).await?,
        })
    }

    /// Refuses SQLite.
    pub(crate) fn needs_postgres(&self) -> Result<(), OwnershipError> {
        needs_postgres(&self.db)
    }

    /// Waits for the lock no longer than `timeout`; it is held until the connection closes.
    ///
    /// # Errors
    /// [`RunError::Busy`] when another runner keeps it.
    pub async fn lock(&self, timeout: Duration) -> Result<(), RunError> {
        if self.backend() != DbBackend::Postgres {
            return Ok(());
        }
        // The time-out stays for the session: a migration waits no longer for a table either, so
        // that live traffic does not queue up behind it.
        let milliseconds = timeout.as_millis().max(1);
        self.db
            .execute_unprepared(&format!("SET lock_timeout = {milliseconds}"))
            .await?;
        let lock = format!("SELECT pg_advisory_lock({LOCK})");
        match self.db.execute_unprepared(&lock).await {
            Err(error) if sqlstate(&error).as_deref() == Some(LOCK_NOT_AVAILABLE) => {
                Err(RunError::Busy)
            }
            result => Ok(result.map(|_| ())?),
        }
    }

    /// Applies pending migrations, oldest first, at most `steps`; gives their names.
    ///
    /// # Errors
    /// [`RunError::NotAdopted`] on tables without bookkeeping; what the database says otherwise.
    pub async fn up(&self, steps: Option<u32>) -> Result<Vec<String>, RunError> {
        self.refuse_unrecorded().await?;
        // Asked first: IF NOT EXISTS wants the right to create even where there is nothing to do.
        if self.backend() == DbBackend::Postgres && !self.has_schema().await? {
            self.db
                .execute_unprepared(&format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                .await?;
        }
        self.act_as_owner().await?;
        let mut applied = Vec::new();
        while steps.is_none_or(|most| applied.len() < most as usize) {
            match self.step_up().await {
                Ok(Some(version)) => applied.push(version),
                Ok(None) => break,
                Err(error) => return Err(error.after(applied)),
            }
        }
        Ok(applied)
    }

    /// Takes the latest migrations back, newest first; gives their names.
    ///
    /// # Errors
    /// [`RunError::Adopted`] at an adopted version; [`RunError::WouldLose`] when rows or values
    /// would go and `destroy` is not the database's name; what the database says otherwise.
    pub async fn down(&self, steps: u32, destroy: Option<&str>) -> Result<Vec<String>, RunError> {
        let database = database_name(&self.db).await?;
        self.confirm(&database, destroy, false)?;
        self.act_as_owner().await?;
        let adopted = self.adopted().await?;
        let mut reverted = Vec::new();
        for _ in 0..steps {
            match self.step_down(&adopted, &database, destroy.is_some()).await {
                Ok(Some(version)) => reverted.push(version),
                Ok(None) => break,
                Err(error) => return Err(error.after(reverted)),
            }
        }
        Ok(reverted)
    }

    /// Drops everything and applies all migrations; gives their names.
    ///
    /// # Errors
    /// [`RunError::NotConfirmed`] unless `destroy` is the database's name; [`RunError::Adopted`]
    /// on an adopted schema.
    pub async fn fresh(&self, destroy: Option<&str>) -> Result<Vec<String>, RunError> {
        let database = database_name(&self.db).await?;
        self.confirm(&database, destroy, true)?;
        self.refuse_unrecorded().await?;
        if let Some(version) = self.adopted().await?.into_iter().next() {
            return Err(RunError::Adopted(version));
        }
        match self.backend() {
            DbBackend::Postgres => {
                let sql = format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE");
                self.db.execute_unprepared(&sql).await?;
            }
            _ => self.drop_sqlite_tables().await?,
        }
        self.up(None).await
    }

    /// All migrations, oldest first. Creates nothing.
    ///
    /// # Errors
    /// When the database does not answer, or records a migration that this program lacks.
    pub async fn status(&self) -> Result<Vec<Status>, RunError> {
        Ok(Migrator::get_migration_with_status_read_only(&self.db)
            .await?
            .into_iter()
            .map(|it| {
                (
                    it.name().to_owned(),
                    it.status() == MigrationStatus::Applied,
                )
            })
            .collect())
    }

    async fn step_up(&self) -> Result<Option<String>, RunError> {
        let transaction = self.begin().await?;
        let Some(next) = first_with(&transaction, MigrationStatus::Pending).await? else {
            return Ok(None);
        };
        Migrator::up(&transaction, Some(1)).await?;
        transaction.commit().await?;
        Ok(Some(next))
    }

    async fn step_down(
        &self,
        adopted: &[String],
        database: &str,
        may_lose: bool,
    ) -> Result<Option<String>, RunError> {
        let transaction = self.begin().await?;
        let Some(version) = last_applied(&transaction).await? else {
            return Ok(None);
        };
        if adopted.contains(&version) {
            return Err(RunError::Adopted(version));
        }
        let lost = loss::of_next_down(&transaction).await?;
        if !lost.is_empty() && !may_lose {
            return Err(RunError::WouldLose {
                version,
                lost,
                database: database.to_owned(),
            });
        }
        Migrator::down(&transaction, Some(1)).await?;
        transaction.commit().await?;
        Ok(Some(version))
    }

    /// Ends the session, and with it the lock.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn close(self) -> Result<(), RunError> {
        Ok(self.db.close().await?)
    }

    /// The session.
    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.db
    }

    fn backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    fn confirm(&self, database: &str, destroy: Option<&str>, needed: bool) -> Result<(), RunError> {
        match destroy {
            Some(name) if name == database => Ok(()),
            None if !needed => Ok(()),
            _ => Err(RunError::NotConfirmed {
                database: database.to_owned(),
            }),
        }
    }

    /// A transaction that on SQLite is the only writer from its start.
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.db
            .begin_with_options(TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..Default::default()
            })
            .await
    }

    /// What migrations make belongs to the schema's owner, whoever runs them: default privileges
    /// and later commands rely on it.
    async fn act_as_owner(&self) -> Result<(), RunError> {
        if self.backend() != DbBackend::Postgres {
            return Ok(());
        }
        let sql = format!(
            "SELECT pg_get_userbyid(nspowner)::text AS owner, pg_has_role(nspowner, 'MEMBER') AS may \
             FROM pg_namespace WHERE nspname = '{SCHEMA}' \
             AND pg_get_userbyid(nspowner) <> current_user"
        );
        let statement = Statement::from_string(self.backend(), sql);
        let Some(row) = self.db.query_one_raw(statement).await? else {
            return Ok(());
        };
        let owner: String = row.try_get("", "owner")?;
        if !row.try_get::<bool>("", "may")? {
            return Err(RunError::NotOwner(owner));
        }
        let owner = owner.replace('"', "\"\"");
        self.db
            .execute_unprepared(&format!("SET ROLE \"{owner}\""))
            .await?;
        Ok(())
    }

    /// Tables without a record of migrations are somebody's data.
    async fn refuse_unrecorded(&self) -> Result<(), RunError> {
        if self.recorded().await?.is_empty() && self.has_tables().await? {
            return Err(RunError::NotAdopted);
        }
        Ok(())
    }

    async fn has_schema(&self) -> Result<bool, DbErr> {
        let sql = format!("SELECT 1 FROM pg_namespace WHERE nspname = '{SCHEMA}'");
        let statement = Statement::from_string(self.backend(), sql);
        Ok(self.db.query_one_raw(statement).await?.is_some())
    }

    /// Names of the migrations that are recorded as applied. Creates nothing.
    pub(crate) async fn recorded(&self) -> Result<Vec<String>, RunError> {
        Ok(Migrator::get_applied_migrations_read_only(&self.db)
            .await?
            .into_iter()
            .map(|it| it.name().to_owned())
            .collect())
    }

    /// Whether there is any table but our bookkeeping.
    async fn has_tables(&self) -> Result<bool, DbErr> {
        let sql = match self.backend() {
            DbBackend::Postgres => format!(
                "SELECT 1 FROM pg_catalog.pg_tables \
                 WHERE schemaname = '{SCHEMA}' AND tablename <> 'seaql_migrations' LIMIT 1"
            ),
            _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' \
                  AND name NOT LIKE 'sqlite_%' AND name <> 'seaql_migrations' LIMIT 1"
                .to_owned(),
        };
        let statement = Statement::from_string(self.backend(), sql);
        Ok(self.db.query_one_raw(statement).await?.is_some())
    }

    async fn adopted(&self) -> Result<Vec<String>, DbErr> {
        if !SchemaManager::new(&self.db).has_table(ADOPTION).await? {
            return Ok(Vec::new());
        }
        let select = Query::select().column("version").from(ADOPTION).to_owned();
        self.db
            .query_all(&select)
            .await?
            .iter()
            .map(|row| row.try_get("", "version"))
            .collect()
    }

    async fn drop_sqlite_tables(&self) -> Result<(), DbErr> {
        self.db
            .execute_unprepared("PRAGMA foreign_keys = OFF")
            .await?;
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' \
                      AND name NOT LIKE 'sqlite_%'";
        let statement = Statement::from_string(self.backend(), tables);
        for row in self.db.query_all_raw(statement).await? {
            let name: String = row.try_get("", "name")?;
            SchemaManager::new(&self.db)
                .drop_table(Table::drop().table(name).to_owned())
                .await?;
        }
        self.db
            .execute_unprepared("PRAGMA foreign_keys = ON")
            .await?;
        Ok(())
    }
}

async fn first_with(
    transaction: &DatabaseTransaction,
    status: MigrationStatus,
) -> Result<Option<String>, DbErr> {
    Ok(Migrator::get_migration_with_status(transaction)
        .await?
        .into_iter()
        .find(|it| it.status() == status)
        .map(|it| it.name().to_owned()))
}

async fn last_applied(transaction: &DatabaseTransaction) -> Result<Option<String>, DbErr> {
    Ok(Migrator::get_applied_migrations_read_only(transaction)
        .await?
        .last()
        .map(|it| it.name().to_owned()))
}
