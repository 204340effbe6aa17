//! A PostgreSQL of one test's own, which it may stop, start, follow by a standby and fill.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use migration::connection::{Missing, options};
use migration::runner::Runner;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};

use crate::postgres::{HOW_TO_INSTALL, INITDB, command, find_binaries, free_port, own_folder};
use crate::release::ticks;

/// See the module. It is gone with this, however the program ends.
pub struct OwnPostgres {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    owner: Option<(u32, u32)>,
    settings: Vec<String>,
    _guard: (Child, ChildStdin),
}

/// How it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// As an operator stops it.
    Fast,
    /// As when the machine dies.
    Immediate,
}

impl OwnPostgres {
    /// A server with those settings (`name=value`), and a database `finance` that is migrated.
    pub async fn start(settings: &[&str]) -> Self {
        let own = Self::empty(settings, |own| {
            own.run("initdb", &INITDB);
        });
        own.launch();
        let url = own.create("finance").await;
        let runner = Runner::connect(&url, Missing::Refuse).await.unwrap();
        runner.up(None).await.unwrap();
        runner.close().await.unwrap();
        own
    }

    /// A streaming standby of this one.
    pub async fn standby(&self) -> Self {
        let port = self.port.to_string();
        let settings = self.settings.iter().map(String::as_str).collect::<Vec<_>>();
        let standby = Self::empty(&settings, |own| {
            own.run(
                "pg_basebackup",
                &[
                    "-h",
                    "127.0.0.1",
                    "-p",
                    &port,
                    "-U",
                    "postgres",
                    "-R",
                    "-X",
                    "stream",
                    "-c",
                    "fast",
                ],
            );
        });
        standby.launch();
        standby
    }

    fn empty(settings: &[&str], fill: impl FnOnce(&Self)) -> Self {
        let binaries = find_binaries().unwrap_or_else(|| panic!("{HOW_TO_INSTALL}"));
        let (folder, owner) = own_folder("finance-own-");
        let script = r#"
            read -r _
            "$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
            rm -rf "$2"
        "#;
        let mut guard = command(Path::new("/bin/sh"), owner)
            .args(["-c", script, "sh"])
            .arg(&binaries)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = guard.stdin.take().unwrap();
        let own = Self {
            binaries,
            folder,
            port: free_port(),
            owner,
            settings: settings.iter().map(ToString::to_string).collect(),
            _guard: (guard, stdin),
        };
        fill(&own);
        own
    }

    /// Its folder, for files that it reads.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        self.url_of("finance")
    }

    /// The same by another address, such as a proxy's.
    pub fn url_by(&self, address: SocketAddr) -> String {
        format!("postgres://postgres@{address}/finance")
    }

    /// A database with nothing in it; gives its URL.
    pub async fn create(&self, name: &str) -> String {
        let maintenance = Database::connect(self.url_of("postgres")).await.unwrap();
        let create = format!("CREATE DATABASE {name}");
        maintenance.execute_unprepared(&create).await.unwrap();
        maintenance.close().await.unwrap();
        self.url_of(name)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Processor time that all its processes have taken, those that have ended included.
    pub fn processor(&self) -> Duration {
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let postmaster = pid.lines().next().unwrap();
        let own = format!("/proc/{postmaster}/task/{postmaster}/children");
        let living = std::fs::read_to_string(own).unwrap();
        let living = living.split_whitespace().filter_map(|id| ticks(id, 2));
        living.chain(ticks(postmaster, 4)).sum()
    }

    /// A connection beside the API's.
    pub async fn connect(&self) -> DatabaseConnection {
        let mut options = options(&self.url(), Missing::Refuse).unwrap();
        options.max_connections(3);
        Database::connect(options).await.unwrap()
    }

    /// The first value of the first row, as text.
    pub async fn ask(&self, sql: &str) -> String {
        let db = self.connect().await;
        let sql = format!("SELECT coalesce(({sql})::text, '') AS it");
        let row = db
            .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await
            .unwrap();
        let text = row.unwrap().try_get("", "it").unwrap();
        db.close().await.unwrap();
        text
    }

    /// Changes a setting while it runs.
    pub async fn set(&self, name: &str, value: &str) {
        let db = self.connect().await;
        let set = format!("ALTER SYSTEM SET {name} = '{value}'");
        db.execute_unprepared(&set).await.unwrap();
        db.execute_unprepared("SELECT pg_reload_conf()")
            .await
            .unwrap();
        db.close().await.unwrap();
    }

    pub fn stop(&self, mode: StopMode) {
        let mode = match mode {
            StopMode::Fast => "fast",
            StopMode::Immediate => "immediate",
        };
        self.run("pg_ctl", &["-m", mode, "-w", "stop"]);
    }

    /// Starts it, again after [`Self::stop`].
    pub fn launch(&self) {
        let mut options = format!(
            "-p {} -k {} -h 127.0.0.1 -c fsync=off -c max_connections=120",
            self.port,
            self.folder.display()
        );
        for setting in &self.settings {
            options.push_str(&format!(" -c {setting}"));
        }
        let log = self.folder.join("log");
        let log = log.to_str().unwrap();
        self.run(
            "pg_ctl",
            &["-w", "-t", "30", "-l", log, "-o", &options, "start"],
        );
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        self.run("pg_ctl", &["-w", "promote"]);
    }

    fn run(&self, program: &str, words: &[&str]) {
        let mut command = command(&self.binaries.join(program), self.owner);
        // A server that it starts would keep pipes open.
        let output = tempfile::tempfile().unwrap();
        let status = command
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::from(output.try_clone().unwrap()))
            .status()
            .unwrap();
        if !status.success() {
            let mut text = String::new();
            let mut output = output;
            std::io::Seek::rewind(&mut output).unwrap();
            std::io::Read::read_to_string(&mut output, &mut text).unwrap();
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            panic!("{program} {words:?}: {text}\n{log}");
        }
    }
}
