//! Sends the events of changes to where others wait for them (ADR 10): in order for each client, at
//! least once, each with an id that stays. Several instances share the work.

mod metrics;
mod pulse;
mod sink;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::NaiveDateTime;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use sea_orm::DatabaseConnection;
use tokio::sync::watch;

pub use self::pulse::Pulse;
pub use self::sink::{SinkError, SinkSettings};

use self::metrics::DispatchMetrics;
use self::sink::Sink;
use crate::clock::SharedClock;
use crate::finance::FinanceError;
use crate::finance::outbox::{self, OutgoingEvent};
use crate::reads::Reads;

/// Events that are sent at once, each of another client.
const AT_ONCE: u64 = 20;
/// How long a round waits for the next when there was nothing to send.
const IDLE: Duration = Duration::from_secs(1);
/// The longest wait while the sink or the database is away.
const IDLE_MOST: Duration = Duration::from_secs(30);
/// How much longer than its sending an event is claimed.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// How far ahead an event must be put off before its time is not believed.
const AHEAD: Duration = Duration::from_secs(60 * 60);
/// How often the state of the outbox is looked at.
const LOOK: Duration = Duration::from_secs(15);

/// Sends what waits.
pub struct Dispatcher {
    db: DatabaseConnection,
    clock: SharedClock,
    sink: Sink,
    settings: SinkSettings,
    metrics: DispatchMetrics,
    pulse: Pulse,
    reads: Option<Reads>,
}

/// What came of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Taken by the sink.
    pub delivered: usize,
    /// To be tried again.
    pub put_off: usize,
    /// Given up.
    pub parked: usize,
    /// Whether the sink gave no answer at all.
    pub is_away: bool,
}

impl Dispatcher {
    /// A dispatcher to that sink.
    ///
    /// # Errors
    /// When the TLS of this machine cannot be set up.
    pub fn new(
        db: DatabaseConnection,
        clock: SharedClock,
        settings: SinkSettings,
    ) -> Result<Self, SinkError> {
        Ok(Self {
            db,
            pulse: Pulse::new(clock.clone(), lease(&settings)),
            clock,
            sink: Sink::new(&settings)?,
            settings,
            metrics: DispatchMetrics::register(),
            reads: None,
        })
    }

    /// What an event tells, whoever takes it can read.
    #[must_use]
    pub fn after(mut self, reads: Reads) -> Self {
        self.reads = Some(reads);
        self
    }

    /// Tells whether it does its work.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Sends until told to stop; what is being sent then is sent to its end. A fault in one round does not end
    /// the others.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let sending = AssertUnwindSafe(self.send(stop.clone())).catch_unwind();
            if sending.await.is_err() {
                tracing::error!("sending events panicked; it goes on");
                self.pulse.beat();
                tokio::time::sleep(IDLE_MOST).await;
            }
        }
    }

    async fn send(&self, mut stop: watch::Receiver<bool>) {
        let mut wait = IDLE;
        let mut looked = None::<Duration>;
        while !*stop.borrow() {
            let longer = wait.saturating_mul(2).min(IDLE_MOST);
            let limit = self.lease();
            let pause = match tokio::time::timeout(limit, self.round()).await {
                Ok(Ok(round)) if round.is_away => longer,
                Ok(Ok(round)) if round == Round::default() => IDLE,
                Ok(Ok(_)) => Duration::ZERO,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "events could not be sent");
                    longer
                }
                Err(_) => {
                    tracing::warn!("events could not be sent: the database does not answer");
                    longer
                }
            };
            self.pulse.beat();
            wait = pause.max(IDLE);
            let now = self.clock.monotonic();
            if looked.is_none_or(|then| now.saturating_sub(then) >= LOOK) {
                looked = Some(now);
                match tokio::time::timeout(limit, self.look_after()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(%error, "the outbox could not be looked at"),
                    Err(_) => tracing::warn!("the outbox could not be looked at in time"),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => break,
            }
        }
    }

    /// Sends what is due, once.
    ///
    /// # Errors
    /// When the database fails; then what was sent is sent again.
    pub async fn round(&self) -> Result<Round, FinanceError> {
        let events = outbox::claim(&self.db, self.now(), self.lease(), AT_ONCE).await?;
        if let Some(reads) = self.reads.as_ref().filter(|_| !events.is_empty()) {
            reads.shown_everywhere().await;
        }
        let key = match events.is_empty() {
            true => Ok(None),
            false => self.settings.read_key().await,
        };
        let sent = join_all(events.iter().map(|event| async {
            match &key {
                Ok(key) => {
                    self.metrics
                        .timed(self.sink.send(event, key.as_deref()))
                        .await
                }
                Err(error) => Err(error.clone()),
            }
        }));
        let mut round = Round::default();
        let mut delivered = Vec::new();
        let mut failed = Vec::new();
        for (event, result) in events.iter().zip(sent.await) {
            match result {
                Ok(()) => delivered.push(event.id),
                Err(error) => failed.push((event, error)),
            }
        }
        let now = self.now();
        outbox::delivered(&self.db, &delivered, now).await?;
        round.delivered = delivered.len();
        round.is_away = !failed.is_empty()
            && delivered.is_empty()
            && failed.iter().all(|(_, error)| error.is_no_answer());
        for (event, error) in failed {
            let why = error.to_string();
            if error.is_final() || event.attempts >= self.settings.attempts {
                outbox::park(&self.db, event.id, &why, now).await?;
                round.parked = round.parked.saturating_add(1);
                let (id, kind) = (&event.event_id, &event.detail_type);
                tracing::error!(event = %id, kind, why, "an event was given up: `finance-api events list`");
            } else {
                let wait = self.wait_of(event);
                outbox::put_off(&self.db, event.id, &why, now, wait).await?;
                round.put_off = round.put_off.saturating_add(1);
                tracing::debug!(event = %event.event_id, why, "an event is tried again later");
            }
        }
        self.metrics.count(round);
        Ok(round)
    }

    /// What is done now and then.
    async fn look_after(&self) -> Result<(), FinanceError> {
        self.bring_back().await?;
        self.look().await
    }

    /// Has events sent that a clock which was ahead has put off: none is put off for longer than this
    /// otherwise, even where clocks are a little apart or instances have other settings.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bring_back(&self) -> Result<(), FinanceError> {
        let longest = self.settings.back_off_most.max(self.lease());
        let longest = longest.saturating_mul(2).saturating_add(AHEAD);
        outbox::bring_back(&self.db, self.now(), longest).await
    }

    /// Tells how many wait.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look(&self) -> Result<(), FinanceError> {
        let now = self.now();
        let state = outbox::state(&self.db).await?;
        let age = state.oldest.map(|oldest| now.signed_duration_since(oldest));
        let age = age.and_then(|age| age.to_std().ok()).unwrap_or_default();
        self.metrics.state(state, age);
        self.pulse.waits(age);
        Ok(())
    }

    fn lease(&self) -> Duration {
        lease(&self.settings)
    }

    fn now(&self) -> NaiveDateTime {
        self.clock.now().naive_utc()
    }

    /// Doubled by each attempt, and up to a quarter shorter by the event's number, lest all come at once.
    fn wait_of(&self, event: &OutgoingEvent) -> Duration {
        let attempt = u32::try_from(event.attempts).unwrap_or(0).saturating_sub(1);
        let doublings = 2_u32.saturating_pow(attempt);
        let wait = self.settings.back_off.saturating_mul(doublings);
        let wait = wait.min(self.settings.back_off_most);
        let share = u32::try_from(event.id.rem_euclid(8)).unwrap_or(0);
        wait.saturating_sub((wait / 32).saturating_mul(share))
    }
}

/// How long a claim holds, and a round may take.
fn lease(settings: &SinkSettings) -> Duration {
    settings.timeout.saturating_add(LEASE_MARGIN)
}
