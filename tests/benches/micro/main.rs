//! What the program's own work costs, without a database: `make bench`. The figures of a run stand in
//! docs/operations/performance.md and sirius.md; in CI this compiles and runs once.

mod history;
mod instructions;
mod users;

use std::process::ExitCode;
use std::time::Duration;

use api::finance::billing_history::assemble;
use async_graphql::extensions::Tracing;
use async_graphql::{EmptyMutation, EmptySubscription, Schema};
use criterion::{BatchSize, Criterion, Throughput};
use tokio::runtime::Runtime;

/// Rows into events.
fn assembling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("assembling a history");
    for events in [25, 1_000, 10_000] {
        let rows = history::rows(events);
        group.throughput(Throughput::Elements(u64::try_from(events).unwrap()));
        group.bench_function(format!("{events} events"), |bench| {
            let rows = || rows.clone();
            bench.iter_batched(
                rows,
                |rows| assemble(1, rows).unwrap(),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Executing and writing the document of a history: fields a second are what it tells.
fn answering(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("answering a history, fields");
    for events in [25, 1_000] {
        let fields = usize::try_from(events).unwrap() * history::FIELDS;
        group.throughput(Throughput::Elements(u64::try_from(fields).unwrap()));
        let schema = history::schema(events);
        for (way, is_direct) in [("directly", true), ("by the library", false)] {
            group.bench_function(format!("{events} events, {way}"), |bench| {
                bench.iter(|| {
                    let response = schema.execute(history::request(is_direct));
                    history::text(&runtime.block_on(response))
                });
            });
        }
        let extended = Schema::build(history::root(events), EmptyMutation, EmptySubscription);
        let extended = extended.extension(Tracing).finish();
        group.bench_function(
            format!("{events} events, by the library, with an extension"),
            |bench| {
                bench.iter(|| {
                    let response = extended.execute(history::request(false));
                    history::text(&runtime.block_on(response))
                });
            },
        );
    }
    group.finish();
}

fn main() -> ExitCode {
    let words = std::env::args().skip(1).collect::<Vec<_>>();
    let words = words.iter().map(String::as_str).collect::<Vec<_>>();
    match words.as_slice() {
        ["--repeat", name, times, ..] => {
            let piece = instructions::PIECES.iter().find(|(own, _)| own == name);
            piece.unwrap().1(times.parse().unwrap());
            return ExitCode::SUCCESS;
        }
        ["--count", ..] => return instructions::run(false),
        ["--update", ..] => return instructions::run(true),
        _ => {}
    }
    let mut criterion = Criterion::default()
        .sample_size(30)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    users::users(&mut criterion);
    assembling(&mut criterion);
    answering(&mut criterion);
    criterion.final_summary();
    ExitCode::SUCCESS
}
