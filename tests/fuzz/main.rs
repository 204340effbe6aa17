//! Sends arbitrary requests to a service, as many as wanted, and exits with 1 at the first that is
//! answered by a fault of the service, that makes it panic, or when its memory grows.
//!
//! Most are requests to the routes; one in twenty is raw bytes to the port, or messages of a WebSocket.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tests::fuzz::{INPUTS, Target};
use tests::socket::Socket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Fuzzes the HTTP surface. A seed gives the same inputs each time.
#[derive(Parser)]
struct Arguments {
    /// How many inputs.
    #[arg(long, default_value_t = 20_000)]
    inputs: usize,
    /// Where the random bytes begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Bytes of one input.
const INPUT: usize = 1_500;
/// What memory may grow by after the first tenth of the inputs, in MiB.
const GROWTH: u64 = 48;

#[derive(Default)]
struct Counts {
    sent: usize,
    clean: usize,
    refused: usize,
    shed: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&panics);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        counted.fetch_add(1, Ordering::SeqCst);
        usual(panic);
    }));
    let mut target = Target::start().await;
    let mut random = StdRng::seed_from_u64(arguments.seed);
    let (mut counts, mut settled) = (Counts::default(), None);
    let started = Instant::now();
    let step = (arguments.inputs / 10).max(1);
    for number in 0..arguments.inputs {
        if number > 0 && number % INPUTS == 0 {
            target.stop().await;
            target = Target::start().await;
        }
        let length = random.random_range(1..=INPUT);
        let bytes = (0..length)
            .map(|_| random.random::<u8>())
            .collect::<Vec<_>>();
        let fault = match number % 20 {
            19 if number % 40 == 19 => raw(&target, &bytes).await,
            19 => socket(&target, &bytes).await,
            _ => send(&target, &bytes, &mut counts).await,
        };
        let panicked = panics.load(Ordering::SeqCst) > 0;
        if let Some(fault) = fault.or_else(|| panicked.then(|| "something panicked".to_owned())) {
            say(&format!(
                "input {number} of seed {}: {fault}",
                arguments.seed
            ));
            return ExitCode::FAILURE;
        }
        if (number + 1) % step == 0 {
            let memory = memory();
            let settled = *settled.get_or_insert(memory);
            let (
                Counts {
                    sent,
                    clean,
                    refused,
                    shed,
                },
                seconds,
            ) = (&counts, started.elapsed().as_secs());
            say(&format!(
                "{} inputs, {seconds} s: {sent} requests, {clean} answered without errors, {refused} refused, \
                 {shed} shed; {memory} MiB",
                number + 1
            ));
            if memory > settled + GROWTH {
                say(&format!("memory grew from {settled} to {memory} MiB"));
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

async fn send(target: &Target, bytes: &[u8], counts: &mut Counts) -> Option<String> {
    let outcome = target.send(bytes).await?;
    counts.sent += 1;
    counts.clean += usize::from(outcome.is_clean);
    counts.refused += usize::from(outcome.status.is_client_error());
    counts.shed += usize::from(outcome.status == 503);
    let sent = outcome.sent;
    outcome.fault.map(|fault| format!("{fault}\n{sent}"))
}

/// Bytes to the port, with or without the beginnings of a request.
async fn raw(target: &Target, bytes: &[u8]) -> Option<String> {
    let starts: [&[u8]; 5] = [
        b"",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /graphql?query={viewer{id}} HTTP/1.1\r\nHost: x\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let start = starts.get(usize::from(bytes.first().copied().unwrap_or(0)) % starts.len());
    let address = target
        .harness()
        .origin
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let mut stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return Some(format!("nobody listens: {error}")),
    };
    let _ = stream.write_all(start.copied().unwrap_or_default()).await;
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(2), reading).await;
    let text = String::from_utf8_lossy(&answer);
    text.starts_with("HTTP/1.1 5")
        .then(|| format!("raw bytes are answered {text}"))
}

/// Messages of a WebSocket, the first of which may be in order.
async fn socket(target: &Target, bytes: &[u8]) -> Option<String> {
    let mut socket = match bytes.first().copied().unwrap_or(0) % 3 {
        0 => Socket::of_officer(target.harness()).await,
        _ => Socket::begun(target.harness()).await,
    };
    let texts = [
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ viewer { id } }"}}"#,
        r#"{"type":"subscribe","id":"2","payload":{"query":"subscription { billingHistoryChanged(clientId: 1001) { id } }"}}"#,
        r#"{"type":"complete","id":"1"}"#,
        r#"{"type":"connection_init"}"#,
        r#"{"type":"ping","payload":{}}"#,
    ];
    for byte in bytes.iter().take(6) {
        let text = texts.get(usize::from(*byte) % 8).copied();
        let odd = || String::from_utf8_lossy(bytes).into_owned();
        socket
            .send_text(&text.map_or_else(odd, str::to_owned))
            .await;
    }
    None
}

/// What the process holds, in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
