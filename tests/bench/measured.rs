//! What is measured of one round.

use std::time::Duration;

/// One round of load: the first of the clients' ids, how many there are, how many connections ask, how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) first: i32,
    pub(crate) count: u32,
    pub(crate) connections: u32,
    pub(crate) length: Duration,
}

/// What came of one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Requests, or transactions of pgbench, a second.
    pub(crate) rate: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    /// Microseconds.
    pub(crate) p99: f64,
    /// Bytes of an answer, its head included; 0 of pgbench.
    pub(crate) bytes: f64,
    /// SQL statements of a request.
    pub(crate) statements: f64,
    /// Processor milliseconds of the server for a request.
    pub(crate) server: f64,
    /// The same of PostgreSQL, all its processes.
    pub(crate) postgres: f64,
}

/// Milliseconds of each of so many.
pub(crate) fn per_request(used: Duration, requests: f64) -> f64 {
    used.as_secs_f64() * 1e3 / requests
}

impl Measured {
    /// Of each figure the median of the rounds.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure).collect());
        Self {
            rate: of(|it| it.rate),
            p50: of(|it| it.p50),
            p99: of(|it| it.p99),
            bytes: of(|it| it.bytes),
            statements: of(|it| it.statements),
            server: of(|it| it.server),
            postgres: of(|it| it.postgres),
        }
    }
}

/// The one in the middle; of an even number, the upper of two.
pub(crate) fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// How far apart they are: the greatest less the least, as a part of the median.
pub(crate) fn spread(all: &[f64]) -> f64 {
    let (least, most) = all.iter().fold((f64::MAX, 0.0_f64), |(least, most), it| {
        (least.min(*it), most.max(*it))
    });
    (most - least) / median(all.to_vec())
}
