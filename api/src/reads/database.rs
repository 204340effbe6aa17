//! A database to read from: what finance's rules ask, over the connections that readers hand on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, Postgres, SqlSafeStr as _, SqlStr};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement,
};
use sea_query_sqlx::SqlxValues;
use tracing::Instrument as _;

use super::connections::{Lent, Part, ReadConnections};

/// Told of each statement: how long it took, and whether it failed.
pub type Told = Arc<dyn Fn(Duration, bool) + Send + Sync>;

/// A database to read from.
#[derive(Clone)]
pub struct ReadDatabase {
    db: DatabaseConnection,
    connections: Option<ReadConnections>,
    told: Option<Told>,
}

impl ReadDatabase {
    /// Over the connections of a pool, as the pool gives them.
    pub fn plain(db: DatabaseConnection) -> Self {
        Self {
            db,
            connections: None,
            told: None,
        }
    }

    /// Over the connections of a pool: of PostgreSQL's, those that readers hand on.
    pub fn over(db: DatabaseConnection, part: Part) -> Self {
        let is_postgres = db.get_database_backend() == DbBackend::Postgres;
        let connections =
            is_postgres.then(|| ReadConnections::of(db.get_postgres_connection_pool(), part));
        Self {
            connections,
            ..Self::plain(db)
        }
    }

    /// The same, which tells of each statement.
    #[must_use]
    pub fn telling(&self, told: Told) -> Self {
        let mut db = self.db.clone();
        if self.connections.is_none() {
            let told = Arc::clone(&told);
            db.set_metric_callback(move |info| told(info.elapsed, info.failed));
        }
        Self {
            db,
            connections: self.connections.clone(),
            told: Some(told),
        }
    }

    /// How many readers there are now, and may be at once. None where they are not counted.
    pub fn readers(&self) -> Option<(usize, usize)> {
        self.connections.as_ref().map(ReadConnections::readers)
    }

    /// Connections that are kept for the next reader, and so do nothing.
    pub fn kept(&self) -> usize {
        self.connections.as_ref().map_or(0, ReadConnections::kept)
    }

    async fn fetch<T>(
        &self,
        connections: &ReadConnections,
        statement: Statement,
        how: impl AsyncFn(Query<'_>, &mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, DbErr> {
        // What a trace is to know of a statement, where there is a trace: not its text.
        let span = tracing::debug_span!(
            "sql",
            otel.kind = "client",
            db.system = "postgresql",
            db.operation = "SELECT",
            otel.status_code = tracing::field::Empty,
        );
        let sql = AssertSqlSafe(Arc::<str>::from(statement.sql)).into_sql_str();
        let values = statement.values.unwrap_or(sea_orm::Values(Vec::new()));
        let run = async {
            let mut lent = connections.lend().await.map_err(no_connection)?;
            let mut fetched = self.told(&mut lent, &sql, &values, &how).await;
            // The server may have gone since that connection was last used. Reading again changes nothing. If
            // it is a replica, whoever asks has a better place to read again.
            let is_lost = matches!(&fetched, Err(error) if is_lost(error));
            if is_lost && connections.part() == Part::Half {
                drop(lent);
                let mut tried = connections.tried().await.map_err(no_connection)?;
                fetched = self.told(&mut tried, &sql, &values, &how).await;
            }
            fetched.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))
        };
        let fetched = run.instrument(span.clone()).await;
        let status = if fetched.is_ok() { "OK" } else { "ERROR" };
        span.record("otel.status_code", status);
        fetched
    }

    /// Runs a statement over a connection, and tells of it.
    async fn told<T>(
        &self,
        lent: &mut Lent<'_>,
        sql: &SqlStr,
        values: &sea_orm::Values,
        how: &impl AsyncFn(Query<'_>, &mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let began = Instant::now();
        let query = sqlx::query_with(sql.clone(), SqlxValues(values.clone()));
        let fetched = match lent.connection() {
            Some(connection) => how(query, connection).await,
            None => Err(sqlx::Error::WorkerCrashed),
        };
        lent.is_clean(fetched.is_ok());
        if let Some(told) = &self.told {
            told(began.elapsed(), fetched.is_err());
        }
        fetched
    }
}

/// Whether there is no connection any more, or a server that goes down has taken it.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|it| it.starts_with("57P")),
        _ => false,
    }
}

/// As SeaORM has it of its own pools.
fn no_connection(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        other => DbErr::Conn(RuntimeErr::SqlxError(other.into())),
    }
}

type Query<'q> = sqlx::query::Query<'q, Postgres, SqlxValues>;

#[async_trait]
impl ConnectionTrait for ReadDatabase {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let Some(connections) = &self.connections else {
            return self.db.query_one_raw(statement).await;
        };
        let row = self.fetch(connections, statement, async |query, connection| {
            query.fetch_optional(connection).await
        });
        Ok(row.await?.map(Into::into))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Some(connections) = &self.connections else {
            return self.db.query_all_raw(statement).await;
        };
        let rows = self.fetch(connections, statement, async |query, connection| {
            query.fetch_all(connection).await
        });
        Ok(rows.await?.into_iter().map(Into::into).collect())
    }
}
