//! The release binary as a process of its own, for proofs under load: what it takes of time and memory.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// A server under load. It is gone with this.
pub struct Release {
    child: Child,
    address: SocketAddr,
    metrics: SocketAddr,
    /// From its start to its first answer.
    pub start: Duration,
    /// Memory before the first request, in MiB.
    pub idle: u64,
}

/// The binary, which is built beside the program that asks.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("a path of its own");
    let binary = own.with_file_name("finance-api");
    assert!(
        binary.is_file(),
        "{} is not built: cargo build --release -p api -p tests",
        binary.display()
    );
    binary
}

impl Release {
    /// `finance-api serve` with those settings, on a port of its own, once it answers.
    pub async fn serve(settings: &[(&str, String)]) -> Self {
        let free =
            [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        let [address, metrics] = free.map(|free| free.local_addr().expect("its address"));
        let began = Instant::now();
        let child = Command::new(binary())
            .arg("serve")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .env("LISTEN_ADDR", address.to_string())
            .env("METRICS_ADDR", metrics.to_string())
            .env("LOG_FORMAT", "json")
            .env("RATE_PER_CALLER", "1000000")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a server");
        let mut server = Self {
            child,
            address,
            metrics,
            start: Duration::ZERO,
            idle: 0,
        };
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let live = format!("http://{address}/health/live");
        while http.get(&live).send().await.is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "it does not start"
            );
            sleep(Duration::from_millis(1)).await;
        }
        server.start = began.elapsed();
        sleep(Duration::from_secs(1)).await;
        server.idle = server.memory();
        server
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    /// What Prometheus would read.
    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics);
        let answer = reqwest::get(url).await.expect("metrics");
        answer.text().await.expect("a text")
    }

    /// Bytes of the binary.
    pub fn size(&self) -> u64 {
        std::fs::metadata(binary()).map_or(0, |it| it.len())
    }

    /// What it holds of memory, in MiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that it has held, in MiB.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, what: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a server that lives");
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kib = line.and_then(|it| it.split_whitespace().next());
        kib.and_then(|it| it.parse::<u64>().ok()).expect("a number") / 1024
    }

    /// Processor time that it has taken.
    pub fn processor(&self) -> Duration {
        processor(self.child.id()).expect("a server that lives")
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time that a process has taken by itself; none if it is gone.
pub fn processor(id: u32) -> Option<Duration> {
    ticks(&id.to_string(), 2)
}

/// Processor time of a process: 2 figures are its own, 4 are with that of its children that have ended.
pub(crate) fn ticks(id: &str, figures: usize) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // After the name, which may hold anything: fields 14 to 17 of all, in hundredths of a second.
    let fields = stat.rsplit(')').next()?.split_whitespace();
    let ticks = fields
        .skip(11)
        .take(figures)
        .map(|it| it.parse::<u64>().unwrap_or(0));
    Some(Duration::from_millis(ticks.sum::<u64>() * 10))
}
