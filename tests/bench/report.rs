//! What the benchmark tells.

use tests::release::Release;

use crate::measured::{Measured, spread};

/// A kind of clients at some number of connections.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) connections: u32,
    pub(crate) ours: Vec<Measured>,
    pub(crate) one: Vec<Measured>,
    pub(crate) fewer: Vec<Measured>,
    pub(crate) per_table: Vec<Measured>,
}

/// All that was measured.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) cases: Vec<Case>,
    /// First pages, by how many events their client has.
    pub(crate) growth: Vec<(u32, Measured)>,
}

#[expect(clippy::print_stdout, reason = "what a person runs it for")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// A figure with so many decimals; a dash for what pgbench does not tell.
fn measured(figure: f64, decimals: usize) -> String {
    match figure {
        0.0 => "–".to_owned(),
        figure => format!("{figure:.decimals$}"),
    }
}

impl Report {
    pub(crate) fn tell(&self, server: &Release) {
        say(
            "\n| case | connections | what | rate/s | of the limit | p50 ms | p99 ms | p99/p50 | statements \
             | server CPU ms | PostgreSQL CPU ms | bytes | spread |",
        );
        say("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for case in &self.cases {
            let limit = Measured::median(&case.one).rate;
            let kinds = [
                ("this service", &case.ours),
                ("limit: one statement", &case.one),
                ("one statement of fewer rows", &case.fewer),
                ("statements table by table", &case.per_table),
            ];
            for (what, rounds) in kinds {
                let it = Measured::median(rounds);
                let rates = rounds.iter().map(|it| it.rate).collect::<Vec<_>>();
                say(&format!(
                    "| {} | {} | {what} | {:.0} | {:.2} | {:.2} | {:.2} | {:.1} | {} | {} | {:.3} | {} | {:.0} % |",
                    case.name,
                    case.connections,
                    it.rate,
                    it.rate / limit,
                    it.p50 / 1e3,
                    it.p99 / 1e3,
                    it.p99 / it.p50,
                    measured(it.statements, 2),
                    measured(it.server, 3),
                    it.postgres,
                    measured(it.bytes, 0),
                    spread(&rates) * 100.0,
                ));
            }
        }
        if let Some((_, least)) = self.growth.first() {
            say(
                "\n| events of the client | first pages of 50 a second | CPU ms of both | times the least |",
            );
            say("| --- | --- | --- | --- |");
            let both = |it: &Measured| it.server + it.postgres;
            for (events, it) in &self.growth {
                let times = both(it) / both(least);
                say(&format!(
                    "| {events} | {:.0} | {:.3} | {times:.1} |",
                    it.rate,
                    both(it)
                ));
            }
        }
        say(&format!(
            "\nstart to first answer {} ms; memory {} MiB idle, {} at most; binary {:.1} MB",
            server.start.as_millis(),
            server.idle,
            server.peak_memory(),
            server.size() as f64 / 1e6,
        ));
        say(&format!(
            "how noisy: the limit's rates were apart by {} of their medians",
            self.noise()
        ));
    }

    fn noise(&self) -> String {
        let spreads = self.cases.iter().map(|case| {
            let rates = case.one.iter().map(|it| it.rate).collect::<Vec<_>>();
            format!("{:.0} %", spread(&rates) * 100.0)
        });
        spreads.collect::<Vec<_>>().join(", ")
    }
}
