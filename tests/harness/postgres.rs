//! A PostgreSQL for tests: the server of TEST_DATABASE_URL, or a private one that is thrown away.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use migration::connection::Missing;
use migration::runner::Runner;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};

/// How a private server's files are made.
pub(crate) const INITDB: [&str; 5] = [
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
];

/// Databases of a run that crashed are dropped after so long.
const LEFT_OVER: Duration = Duration::from_secs(2 * 60 * 60);

pub(crate) const HOW_TO_INSTALL: &str = "no PostgreSQL for the tests: set TEST_DATABASE_URL to a server, or \
    install one (Debian: apt-get install postgresql), so that initdb is on PATH or in \
    /usr/lib/postgresql/*/bin; FINANCE_TEST_DB=sqlite runs the tests on SQLite alone";

/// The server, started once for all tests of a program.
pub(crate) struct Cluster {
    /// The URL without the database's name.
    server: String,
    /// The query of the URL, question mark included.
    query: String,
    maintenance: String,
    prefix: String,
    template: String,
    next: AtomicUsize,
    /// Its closing, at the latest when this program ends, ends the private server.
    _private: Option<(Child, ChildStdin)>,
}

impl Cluster {
    /// The server of this program.
    pub(crate) fn get() -> &'static Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        CLUSTER.get_or_init(|| {
            // In a thread of its own, since the caller's runtime may be at work in this one.
            std::thread::spawn(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(Self::start())
            })
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    async fn start() -> Self {
        let (url, private) = match std::env::var("TEST_DATABASE_URL") {
            Ok(url) => (url, None),
            Err(_) => {
                let (url, process) = start_private();
                (url, Some(process))
            }
        };
        let (base, query) = match url.split_once('?') {
            Some((base, query)) => (base.to_owned(), format!("?{query}")),
            None => (url, String::new()),
        };
        let (server, maintenance) = base.rsplit_once('/').expect("a URL with a database's name");
        #[expect(
            clippy::disallowed_methods,
            reason = "names of databases tell their age"
        )]
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let prefix = format!("finance_test_{now}_{}", std::process::id());
        let cluster = Self {
            server: server.to_owned(),
            query,
            maintenance: maintenance.to_owned(),
            template: format!("{prefix}_template"),
            prefix,
            next: AtomicUsize::new(0),
            _private: private,
        };
        cluster.wait_and_sweep(now).await;
        cluster.create(&cluster.template, None).await;
        let url = cluster.url(&cluster.template);
        let runner = Runner::connect(&url, Missing::Refuse).await.unwrap();
        runner.up(None).await.unwrap();
        runner.close().await.unwrap();
        cluster
    }

    /// A database like the template.
    pub(crate) async fn create_migrated(&self) -> (String, String) {
        self.create_next(Some(&self.template)).await
    }

    /// A database with nothing in it.
    pub(crate) async fn create_empty(&self) -> (String, String) {
        self.create_next(None).await
    }

    async fn create_next(&self, template: Option<&str>) -> (String, String) {
        let name = format!(
            "{}_{}",
            self.prefix,
            self.next.fetch_add(1, Ordering::SeqCst)
        );
        self.create(&name, template).await;
        let url = self.url(&name);
        (name, url)
    }

    async fn create(&self, name: &str, template: Option<&str>) {
        let template = template.unwrap_or("template0");
        self.run(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await;
    }

    pub(crate) async fn drop(&self, name: &str) {
        self.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await;
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}{}", self.server, self.query)
    }

    async fn run(&self, sql: &str) {
        let db = self.administer().await.unwrap();
        db.execute_unprepared(sql).await.unwrap();
        db.close().await.unwrap();
    }

    async fn administer(&self) -> Result<DatabaseConnection, sea_orm::DbErr> {
        let mut options = ConnectOptions::new(self.url(&self.maintenance));
        options
            .max_connections(1)
            .sqlx_logging(false)
            .acquire_timeout(Duration::from_secs(20));
        Database::connect(options).await
    }

    /// Waits until the server answers, then drops what crashed runs have left.
    async fn wait_and_sweep(&self, now: u64) {
        let mut db = self.administer().await;
        for _ in 0..100 {
            if db.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            db = self.administer().await;
        }
        let db = db.unwrap_or_else(|error| panic!("the tests' PostgreSQL: {error}"));
        let all =
            "SELECT datname::text AS name FROM pg_database WHERE datname LIKE 'finance_test_%'";
        let rows = db
            .query_all_raw(Statement::from_string(DbBackend::Postgres, all))
            .await
            .unwrap();
        for row in rows {
            let name: String = row.try_get("", "name").unwrap();
            let made = name.split('_').nth(2).and_then(|it| it.parse::<u64>().ok());
            if made.is_some_and(|made| now.saturating_sub(made) > LEFT_OVER.as_secs()) {
                // Another run may sweep too.
                let _ = db
                    .execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await;
            }
        }
        db.close().await.unwrap();
    }
}

/// Starts a private server; gives its URL, and the process with the pipe that keeps it alive.
fn start_private() -> (String, (Child, ChildStdin)) {
    let binaries = find_binaries().unwrap_or_else(|| panic!("{HOW_TO_INSTALL}"));
    let (folder, owner) = own_folder("finance-test-");
    let data = folder.join("data");
    let initdb = command(&binaries.join("initdb"), owner)
        .args(INITDB)
        .arg("--pgdata")
        .arg(&data)
        .output()
        .unwrap();
    assert!(
        initdb.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&initdb.stderr)
    );

    let port = free_port();
    // The shell ends the server and removes its files once its standard input closes, which it
    // does however this program ends.
    let script = r#"
        "$1/postgres" -D "$2/data" -p "$3" -k "$2" -h 127.0.0.1 \
            -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
            -c max_connections=300 -c wal_level=logical >"$2/log" 2>&1 &
        read -r _
        kill -INT $! && wait $!
        rm -rf "$2"
    "#;
    let mut child = command(Path::new("/bin/sh"), owner)
        .args(["-c", script, "sh"])
        .arg(&binaries)
        .arg(&folder)
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    (
        format!("postgres://postgres@127.0.0.1:{port}/postgres"),
        (child, stdin),
    )
}

/// A folder of whom PostgreSQL runs as.
pub(crate) fn own_folder(prefix: &str) -> (PathBuf, Option<(u32, u32)>) {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir();
    let folder = folder.unwrap().keep();
    let owner = unprivileged();
    if let Some((user, group)) = owner {
        std::os::unix::fs::chown(&folder, Some(user), Some(group)).unwrap();
    }
    (folder, owner)
}

pub(crate) fn command(program: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").process_group(0);
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// The folder of the server's programs: on PATH, else the newest that Debian has.
pub(crate) fn find_binaries() -> Option<PathBuf> {
    let needed = ["initdb", "postgres", "pg_ctl", "pg_basebackup"];
    let has_all = |folder: &PathBuf| needed.iter().all(|it| folder.join(it).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = std::env::split_paths(&path).find(has_all) {
        return Some(folder);
    }
    let mut versions = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(has_all)
        .collect::<Vec<_>>();
    versions.sort_by_key(|folder| {
        let version = folder
            .parent()
            .and_then(Path::file_name)
            .and_then(|it| it.to_str());
        version.and_then(|it| it.parse::<u32>().ok())
    });
    versions.pop()
}

/// PostgreSQL refuses to run as root: then as the user that its package makes, or nobody.
fn unprivileged() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let probe = tempfile::tempdir().unwrap();
    if probe.path().metadata().unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(
        find("postgres")
            .or_else(|| find("nobody"))
            .expect("a user to run PostgreSQL as"),
    )
}
