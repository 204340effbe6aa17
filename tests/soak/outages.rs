//! What is taken away, and when.

use std::time::{Duration, Instant};

use tests::{OwnPostgres, Proxy, StopMode};
use tokio::time::sleep;

use crate::report::say;

/// What the server needs.
pub(crate) struct World<'a> {
    pub(crate) postgres: &'a OwnPostgres,
    pub(crate) sirius: &'a Proxy,
    pub(crate) sink: &'a Proxy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// PostgreSQL, stopped in order.
    Stopped,
    /// PostgreSQL, killed.
    Killed,
    Sirius,
    Sink,
}

impl What {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stopped => "PostgreSQL, stopped",
            Self::Killed => "PostgreSQL, killed",
            Self::Sirius => "Sirius",
            Self::Sink => "the sink of events",
        }
    }
}

impl What {
    /// The code of the answers that may say so; none if nobody should notice.
    pub(crate) fn code(self) -> Option<&'static str> {
        match self {
            Self::Stopped | Self::Killed => Some("UNAVAILABLE"),
            Self::Sirius => Some("SIRIUS_UNAVAILABLE"),
            Self::Sink => None,
        }
    }
}

/// Something was away.
#[derive(Clone, Debug)]
pub(crate) struct Away {
    pub(crate) what: What,
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

/// When each is taken away, from the beginning on.
pub(crate) struct Outages {
    plan: [(What, f64); 6],
    length: Duration,
    each: Duration,
}

impl Outages {
    /// Each twice, spread over that length.
    pub(crate) fn plan(length: Duration, each: Duration) -> Self {
        Self {
            plan: [
                (What::Stopped, 0.10),
                (What::Sirius, 0.24),
                (What::Sink, 0.38),
                (What::Killed, 0.52),
                (What::Sirius, 0.66),
                (What::Sink, 0.80),
            ],
            length,
            each,
        }
    }

    pub(crate) async fn take(&self, world: &World<'_>, began: Instant) -> Vec<Away> {
        let mut all = Vec::new();
        for (what, part) in self.plan {
            let at = began + self.length.mul_f64(part);
            sleep(at.saturating_duration_since(Instant::now())).await;
            let from = Instant::now();
            say(&format!(
                "{:>4} s: without {}",
                began.elapsed().as_secs(),
                what.name()
            ));
            tokio::task::block_in_place(|| match what {
                What::Stopped => world.postgres.stop(StopMode::Fast),
                What::Killed => world.postgres.stop(StopMode::Immediate),
                What::Sirius => world.sirius.cut(),
                What::Sink => world.sink.cut(),
            });
            sleep((from + self.each).saturating_duration_since(Instant::now())).await;
            tokio::task::block_in_place(|| match what {
                What::Stopped | What::Killed => world.postgres.launch(),
                What::Sirius => world.sirius.mend(),
                What::Sink => world.sink.mend(),
            });
            say(&format!(
                "{:>4} s: with {} again",
                began.elapsed().as_secs(),
                what.name()
            ));
            all.push(Away {
                what,
                from,
                until: Instant::now(),
            });
        }
        all
    }
}
