//! What was seen.

use std::io::Write as _;
use std::time::{Duration, Instant};

use tests::release::Release;

use crate::account::Told;
use crate::outages::Away;

/// How long after something is back an answer may still say that it was away: a request's own deadline.
const AFTER: Duration = Duration::from_secs(5);
/// What memory may grow by from the first fifth to the last, in MiB.
const GROWTH: u64 = 16;

/// Prints a line.
pub(crate) fn say(text: &str) {
    // Nobody is left to tell if standard output is closed.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// See the module.
pub(crate) struct Report {
    pub(crate) most: f64,
    pub(crate) rate: f64,
    pub(crate) length: Duration,
    pub(crate) began: Instant,
    pub(crate) away: Vec<Away>,
    /// MiB, every few seconds.
    pub(crate) memory: Vec<u64>,
    /// Processor time that the server took meanwhile.
    pub(crate) processor: Duration,
    pub(crate) answers: Vec<Told>,
    pub(crate) wrong: Vec<String>,
}

impl Report {
    /// Prints it. Gives whether all is well.
    pub(crate) fn tell(&self, server: &Release) -> bool {
        let calm = self
            .answers
            .iter()
            .filter(|it| self.away_at(it).is_none())
            .collect::<Vec<_>>();
        let unexcused = self
            .answers
            .iter()
            .filter(|it| !self.is_excused(it))
            .collect::<Vec<_>>();
        let errors = unexcused.len();
        say(&format!(
            "\n| | |\n| --- | --- |\n| most measured | {:.0} requests/s |\n| load | {:.0} requests/s for {} s |",
            self.most,
            self.rate,
            self.length.as_secs()
        ));
        let changes = self.answers.iter().filter(|it| it.is_change).count();
        say(&format!(
            "| answers | {}, of them {changes} to changes; {:.0} a second |",
            self.answers.len(),
            self.answers.len() as f64 / self.length.as_secs_f64()
        ));
        say(&format!("| wrong answers | {} |", self.wrong.len()));
        say(&format!(
            "| errors that nothing being away explains | {errors} |"
        ));
        for (name, is_change) in [("reads", false), ("changes", true)] {
            let mut took = calm
                .iter()
                .filter(|it| it.is_change == is_change)
                .map(|it| it.took)
                .collect::<Vec<_>>();
            took.sort();
            let at = |part: f64| {
                let place = (took.len() as f64 * part) as usize;
                took.get(place.min(took.len().saturating_sub(1)))
                    .copied()
                    .unwrap_or_default()
            };
            say(&format!(
                "| {name}, p50 / p99 / longest | {:?} / {:?} / {:?} |",
                at(0.5),
                at(0.99),
                at(1.0)
            ));
        }
        for away in &self.away {
            let during = self
                .answers
                .iter()
                .filter(|it| away.has(it))
                .collect::<Vec<_>>();
            let mut codes = std::collections::BTreeMap::<&str, usize>::new();
            for code in during.iter().filter_map(|it| it.error.as_deref()) {
                *codes.entry(code).or_default() += 1;
            }
            say(&format!(
                "| {} away for {:.1} s, from {} s on | {} answers; errors {codes:?} |",
                away.what.name(),
                (away.until - away.from).as_secs_f64(),
                (away.from - self.began).as_secs(),
                during.len(),
            ));
        }
        let fifth = (self.memory.len() / 5).max(1);
        let most = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
        let early = most(self.memory.get(..fifth).unwrap_or_default());
        let late = most(
            self.memory
                .get(self.memory.len().saturating_sub(fifth)..)
                .unwrap_or_default(),
        );
        say(&format!(
            "| memory, first fifth / last fifth / peak | {early} / {late} / {} MiB |",
            server.peak_memory()
        ));
        say(&format!(
            "| processor time of the server, a request | {:.0} µs |",
            self.processor.as_secs_f64() * 1e6 / self.answers.len().max(1) as f64
        ));
        say(&format!(
            "| start to the first answer | {:?} |",
            server.start
        ));
        say(&format!(
            "| memory before the first request | {} MiB |",
            server.idle
        ));
        say(&format!(
            "| binary | {:.1} MB |",
            server.size() as f64 / 1e6
        ));
        for wrong in self.wrong.iter().take(5) {
            say(&format!("WRONG: {wrong}"));
        }
        for told in unexcused.iter().take(5) {
            say(&format!(
                "ERROR at {} s: {told:?}",
                (told.at - self.began).as_secs()
            ));
        }
        let is_flat = late <= early + GROWTH;
        if !is_flat {
            say("memory grew");
        }
        self.wrong.is_empty() && errors == 0 && is_flat
    }

    /// Whether it has no error, or one that says what was away.
    fn is_excused(&self, told: &Told) -> bool {
        let Some(code) = told.error.as_deref() else {
            return true;
        };
        let mut away = self.away.iter().filter(|away| away.has(told));
        away.any(|away| away.what.code() == Some(code))
    }

    fn away_at(&self, told: &Told) -> Option<&Away> {
        self.away.iter().find(|away| away.has(told))
    }
}

impl Away {
    /// Whether an answer was asked for, or given, while it was away.
    fn has(&self, told: &Told) -> bool {
        told.at + told.took >= self.from && told.at <= self.until + AFTER
    }
}
