//! A server under load while what it needs is taken away: `make soak`. It measures the most that the server
//! answers, goes on at a part of that, and takes PostgreSQL, Sirius and the sink of events away in turn.
//! Exits with 1 if an answer was wrong, an error came while nothing was away, anything was lost, or memory
//! grew. Figures of a run stand in docs/operations/load.md.

mod account;
mod outages;
mod report;
mod server;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::future::join_all;
use tests::{OwnPostgres, Proxy, Sink, Sirius};

use account::Worker;
use outages::{Outages, World};
use report::{Report, say};

/// Loads a server for minutes, and takes away what it needs.
#[derive(Parser)]
struct Arguments {
    /// How long the load lasts, beside the measuring before it.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// How many callers there are at once.
    #[arg(long, default_value_t = 16)]
    workers: usize,
    /// Clients of each caller.
    #[arg(long, default_value_t = 1_500)]
    clients: usize,
    /// One request in so many is a change.
    #[arg(long, default_value_t = 10)]
    change_every: u64,
    /// The part of the most that was measured.
    #[arg(long, default_value_t = 0.8)]
    part: f64,
    /// How long each thing is away, in seconds.
    #[arg(long, default_value_t = 20.0)]
    outage: f64,
    /// Read from a streaming replica.
    #[arg(long)]
    replica: bool,
    /// Seconds of the measuring: long enough for what slows down with time to have done so.
    #[arg(long, default_value_t = 60.0)]
    measure: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What one commits survives a crash of the database's processes; of the machine, nothing here asks.
    let postgres = OwnPostgres::start(&["synchronous_commit=on", "max_wal_size=4GB"]).await;
    let (sirius, sink) = (Sirius::start().await, Sink::start().await);
    let line = |url: &url::Url| {
        let address = format!(
            "{}:{}",
            url.host_str().unwrap_or_default(),
            url.port().unwrap_or(80)
        );
        address.parse().expect("an address of this machine")
    };
    let to_sirius = Proxy::start(line(&sirius.origin)).await;
    let to_sink = Proxy::start(line(&sink.url)).await;
    let replica = match arguments.replica {
        true => Some(postgres.standby().await),
        false => None,
    };
    let server = server::start(&postgres, replica.as_ref(), &to_sirius, &to_sink).await;
    account::insert(&postgres, arguments.workers * arguments.clients).await;
    let mut workers = (0..arguments.workers)
        .map(|number| Worker::new(number, arguments.clients, arguments.change_every, &server))
        .collect::<Vec<_>>();

    // As fast as it goes, first to warm up and then to measure.
    run(
        &mut workers,
        None,
        Duration::from_secs_f64(arguments.measure / 4.0),
    )
    .await;
    let measured = Duration::from_secs_f64(arguments.measure);
    let before = answered(&workers);
    run(&mut workers, None, measured).await;
    let most = (answered(&workers) - before) as f64 / measured.as_secs_f64();
    say(&format!(
        "the most: {most:.0} requests a second by {} callers",
        arguments.workers
    ));
    for worker in &mut workers {
        worker.forget_figures();
    }

    let rate = most * arguments.part;
    let pause = Duration::from_secs_f64(arguments.workers as f64 / rate);
    let length = Duration::from_secs_f64(arguments.minutes * 60.0);
    say(&format!("now {rate:.0} a second for {length:?}"));
    let world = World {
        postgres: &postgres,
        sirius: &to_sirius,
        sink: &to_sink,
    };
    let outages = Outages::plan(length, Duration::from_secs_f64(arguments.outage));
    let (began, processor) = (Instant::now(), server.processor());
    let is_over = Arc::new(AtomicBool::new(false));
    let (_, away, memory) = tokio::join!(
        async {
            run(&mut workers, Some(pause), length).await;
            is_over.store(true, Ordering::SeqCst);
        },
        outages.take(&world, began),
        server::watch_memory(&server, Arc::clone(&is_over)),
    );
    let report = Report {
        most,
        rate,
        length,
        began,
        away,
        memory,
        processor: server.processor().saturating_sub(processor),
        answers: workers
            .iter()
            .flat_map(|worker| worker.answers().to_vec())
            .collect(),
        wrong: workers
            .iter()
            .flat_map(|worker| worker.wrong().to_vec())
            .collect(),
    };
    let is_well = report.tell(&server);
    let is_whole = server::nothing_is_lost(&postgres, &sink, &workers).await;
    match is_well && is_whole {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn answered(workers: &[Worker]) -> usize {
    workers.iter().map(|worker| worker.answers().len()).sum()
}

/// All workers at once, each with a request in every `pause`, or as fast as it goes.
async fn run(workers: &mut [Worker], pause: Option<Duration>, length: Duration) {
    let until = Instant::now() + length;
    join_all(workers.iter_mut().map(|worker| worker.work(pause, until))).await;
}
