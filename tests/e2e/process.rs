//! The programs as processes of their own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server, and the addresses that it logs.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// Of its metrics; empty if they are off.
    pub(crate) metrics: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (sender, addresses) = channel();
        let (stderr, written) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
                drop(log);
                if let Some(address) = address(&line) {
                    // Nobody waits for what comes after the start.
                    let _ = sender.send((line.contains("serving"), address));
                }
            }
        });
        let mut metrics = String::new();
        let address = loop {
            match addresses.recv() {
                Ok((true, address)) => break address,
                Ok((false, address)) => metrics = address,
                Err(_) => panic!("{}", log.lock().unwrap()),
            }
        };
        Self {
            child,
            address,
            metrics,
            log,
        }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Tells it to stop.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended, for so long at most.
    pub(crate) async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let by = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < by, "it does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
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

/// The address that a line of the log names, as text or as JSON.
fn address(line: &str) -> Option<String> {
    let text = line.split_once("address=");
    let json = line.split_once("\"address\":\"");
    let (_, rest) = text.or(json)?;
    rest.split([' ', '"']).next().map(str::to_owned)
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
