//! The programs as processes of their own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server, the address it logs, and its log until then.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) log: String,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut log = String::new();
        let mut address = None;
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            address = line
                .split_once("address=")
                .map(|(_, it)| it.trim().to_owned());
            log.push_str(&line);
            log.push('\n');
            if address.is_some() {
                break;
            }
        }
        Self {
            child,
            address: address.unwrap_or_else(|| panic!("{log}")),
            log,
        }
    }

    /// The most memory that it has held, in MiB (Linux).
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|it| it.split_whitespace().next()).unwrap();
        kib.parse::<u64>().unwrap() / 1024
    }

    pub(crate) async fn ready(&self) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}/health/ready", self.address);
        let response = client.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A binary, which `cargo test --workspace` builds beside the tests.
pub(crate) fn binary(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(Path::parent).unwrap();
    let binary = folder.join(name);
    assert!(
        binary.is_file(),
        "{} is not built: cargo build --workspace",
        binary.display()
    );
    binary
}

/// `finance-api serve` on that database, on a port of its own, with a Sirius that is not there.
pub(crate) fn serve(url: &str) -> Command {
    serve_with(url, "http://127.0.0.1:1")
}

/// The same with that Sirius.
pub(crate) fn serve_with(url: &str, sirius: &str) -> Command {
    let mut command = Command::new(binary("finance-api"));
    command
        .args([
            "serve",
            "--listen-addr",
            "127.0.0.1:0",
            "--sirius-url",
            sirius,
        ])
        .env("DATABASE_URL", url)
        .env("RUST_LOG", "info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}
