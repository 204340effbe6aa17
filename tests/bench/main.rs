//! How near the service comes to what PostgreSQL alone can do: `make performance`. A private PostgreSQL of
//! 100,000 clients, the release server, a stand-in Sirius of 1,000 users; wrk asks the server for histories,
//! and pgbench asks PostgreSQL for their rows, in turns. What the figures mean, and those of a run:
//! docs/operations/performance.md.

mod data;
mod limit;
mod load;
mod measured;
mod report;

use std::net::Ipv4Addr;
use std::time::Duration;

use api::demo::stand_in_sirius::StandIn;
use clap::Parser;
use tests::OwnPostgres;
use tests::release::Release;
use tokio::net::TcpListener;

use data::{Clients, Data, USERS};
use limit::Statements;
use measured::{Measured, Round};
use report::{Case, Report, say};

/// Measures the service against PostgreSQL alone.
#[derive(Parser)]
struct Arguments {
    /// Clients like most.
    #[arg(long, default_value_t = 100_000)]
    clients: u32,
    /// Clients of some 950 events.
    #[arg(long, default_value_t = 20)]
    heavy: u32,
    /// Rounds, of which medians are told.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each thing in a round.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Only cases of this name: typical, heavy, busy, growth.
    #[arg(long)]
    only: Option<String>,
    /// Serves until it is stopped, for profilers and people, instead of measuring.
    #[arg(long)]
    serve: bool,
}

/// Memory that PostgreSQL keeps all of the data in, and what makes the filling quicker. What reads cost is as a
/// package installs it.
const POSTGRES: [&str; 3] = [
    "shared_buffers=2GB",
    "max_wal_size=4GB",
    "synchronous_commit=off",
];

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    say("a PostgreSQL, and its data");
    let postgres = OwnPostgres::start(&POSTGRES).await;
    let data = data::generate(&postgres, arguments.clients, arguments.heavy).await;
    let settings = [
        ("DATABASE_URL", postgres.url()),
        ("SIRIUS_URL", sirius().await),
    ];
    let server = Release::serve(&settings).await;
    if arguments.serve {
        say(&format!(
            "process {} at {}; PostgreSQL at {}",
            server.id(),
            server.url(),
            postgres.url()
        ));
        say(&format!(
            "one of them: {}",
            load::body(&data.typical.person.to_string(), 1_000)
        ));
        std::future::pending::<()>().await;
    }
    let report = measure(&arguments, &postgres, &server, &data).await;
    report.tell(&server);
}

/// A Sirius of a thousand users; gives its origin.
async fn sirius() -> String {
    let mut stand_in = StandIn::default().session("officer", 1);
    for id in 1..=USERS {
        stand_in = stand_in.user(id, &format!("User Number {id}"), &["Finance User"]);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port");
    let origin = format!("http://{}", listener.local_addr().expect("its address"));
    tokio::spawn(async move { axum::serve(listener, stand_in.router()).await });
    origin
}

/// Each case against its limits, in turns.
async fn measure(
    arguments: &Arguments,
    postgres: &OwnPostgres,
    server: &Release,
    data: &Data,
) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let length = Duration::from_secs(arguments.seconds);
    let is_wanted = |name: &str| arguments.only.as_deref().is_none_or(|only| only == name);
    let mut report = Report::default();
    let cases = [
        ("typical", data.typical, 8, data::EVENTS),
        ("heavy", data.heavy, 4, data::HEAVY_EVENTS),
        ("busy", data.typical, 64, data::EVENTS),
    ];
    for (name, clients, connections, events) in
        cases.into_iter().filter(|(name, ..)| is_wanted(name))
    {
        let of = |first, length| Round {
            first,
            count: clients.count,
            connections,
            length,
        };
        let warm = Duration::from_secs(3);
        load::run(folder, server, postgres, EVENTS, of(clients.person, warm)).await;
        limit::run(folder, postgres, Statements::One, of(clients.own, warm));
        load::check(server, clients.person, events).await;
        let (mut ours, mut one, mut fewer, mut per_table) = (vec![], vec![], vec![], vec![]);
        for round in 1..=arguments.rounds {
            let limit =
                |statements| limit::run(folder, postgres, statements, of(clients.own, length));
            one.push(limit(Statements::One));
            ours.push(
                load::run(folder, server, postgres, EVENTS, of(clients.person, length)).await,
            );
            fewer.push(limit(Statements::OneOfFewerRows));
            per_table.push(limit(Statements::PerTable));
            let rates =
                [&ours, &one, &per_table].map(|it| it.last().map_or(0.0, |it: &Measured| it.rate));
            say(&format!(
                "{name} {round}: {:.0} of {:.0} a second; table by table {:.0}",
                rates[0], rates[1], rates[2]
            ));
        }
        report.cases.push(Case {
            name,
            connections,
            ours,
            one,
            fewer,
            per_table,
        });
    }
    if is_wanted("growth") {
        for &(events, Clients { person, .. }) in &data.growing {
            let round = Round {
                first: person,
                count: 1,
                connections: 1,
                length: length / 2,
            };
            let mut rounds = Vec::new();
            for _ in 0..arguments.rounds {
                rounds.push(load::run(folder, server, postgres, FIRST_PAGE, round).await);
            }
            report.growth.push((events, Measured::median(&rounds)));
        }
    }
    report
}

/// Events of a page that shows all of them.
const EVENTS: u32 = 1_000;
/// Events of a page as it is first shown.
const FIRST_PAGE: u32 = 50;
