//! A database of a test's own, migrated.

use std::net::SocketAddr;
use std::time::Duration;

use migration::connection::{Missing, options};
use migration::runner::Runner;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use tempfile::TempDir;

use crate::Proxy;
use crate::postgres::Cluster;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// Whether `FINANCE_TEST_DB` lets this kind run.
    pub fn is_wanted(self) -> bool {
        match std::env::var("FINANCE_TEST_DB").as_deref() {
            Ok("sqlite") => self == Self::Sqlite,
            Ok("postgres") => self == Self::Postgres,
            Ok(other) => panic!("FINANCE_TEST_DB is {other}; want sqlite or postgres"),
            Err(_) => true,
        }
    }
}

/// See the module.
pub struct TestDatabase {
    url: String,
    name: Option<String>,
    folder: Option<TempDir>,
}

impl TestDatabase {
    /// A fresh database with all migrations.
    pub async fn create(kind: Kind) -> Self {
        match kind {
            Kind::Postgres => {
                let (name, url) = Cluster::get().create_migrated().await;
                Self {
                    url,
                    name: Some(name),
                    folder: None,
                }
            }
            Kind::Sqlite => {
                let database = Self::create_empty(kind).await;
                Runner::connect(&database.url, Missing::Create)
                    .await
                    .unwrap()
                    .up(None)
                    .await
                    .unwrap();
                database
            }
        }
    }

    /// A fresh database with nothing in it.
    pub async fn create_empty(kind: Kind) -> Self {
        match kind {
            Kind::Postgres => {
                let (name, url) = Cluster::get().create_empty().await;
                Self {
                    url,
                    name: Some(name),
                    folder: None,
                }
            }
            Kind::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}", folder.path().join("test.db").display());
                Self {
                    url,
                    name: None,
                    folder: Some(folder),
                }
            }
        }
    }

    /// What `--destroy` wants to hear.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("test.db")
    }

    /// Its `DATABASE_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A pool of its own, which waits so long for a connection.
    pub async fn connect(&self, timeout: Duration) -> DatabaseConnection {
        self.connect_through(None, timeout).await
    }

    pub(super) async fn connect_through(
        &self,
        proxy: Option<&Proxy>,
        timeout: Duration,
    ) -> DatabaseConnection {
        let url = self.url_through(proxy);
        let mut options = options(&url, Missing::Create).unwrap();
        options
            .max_connections(10)
            .acquire_timeout(timeout)
            .connect_timeout(timeout);
        options.connect_lazy(true);
        Database::connect(options).await.unwrap()
    }

    fn url_through(&self, proxy: Option<&Proxy>) -> String {
        match (proxy, self.address()) {
            (Some(proxy), Some(address)) => self
                .url
                .replace(&address.to_string(), &proxy.address.to_string()),
            _ => self.url.clone(),
        }
    }

    /// Where an instance listens for changes; none on SQLite.
    pub(super) fn listen_url(&self, proxy: Option<&Proxy>) -> Option<String> {
        self.name.is_some().then(|| self.url_through(proxy))
    }

    /// Runs SQL, as somebody beside the service would.
    pub async fn execute(&self, sql: &str) {
        let db = self.connect(Duration::from_secs(5)).await;
        db.execute_unprepared(sql).await.unwrap();
        db.close().await.unwrap();
    }

    /// Where PostgreSQL listens, if the URL says so in numbers.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.name.as_ref()?;
        url::Url::parse(&self.url)
            .ok()?
            .socket_addrs(|| Some(5432))
            .ok()?
            .into_iter()
            .next()
    }

    /// Leaves nothing behind.
    pub async fn drop(self) {
        if let Some(name) = self.name {
            Cluster::get().drop(&name).await;
        }
        drop(self.folder);
    }
}
