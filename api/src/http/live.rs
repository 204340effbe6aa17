//! A subscription under way: it waits for changes, asks again and again whether its caller is still
//! signed in, and tells each change as the answer to a request of its own.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response;
use http::HeaderMap;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tracing::Instrument as _;

use super::admission::Kept;
use super::caller::{Identified, identify};
use super::execute::{Entered, Template, execute_event};
use super::record::Record;
use super::respond::{Refusal, failed};
use super::router::Served;
use crate::finance::ClientWatch;
use crate::graphql::{ApiError, Code, Event};

/// How often it is asked whether the caller is still signed in. Sirius itself is asked as often as
/// SESSION_REMEMBERED says.
const RECHECK: Duration = Duration::from_secs(5);

/// How long an event may wait to be read.
const READING: Duration = Duration::from_secs(30);

/// What is told.
pub(super) enum Told {
    /// The answer for an event.
    Event(Response),
    /// It is over: the caller is no longer signed in, or may no longer see it.
    Ended(ApiError),
    /// It was never begun: these are its faults.
    Refused(Response),
}

struct Live {
    record: Arc<Record>,
    served: Arc<Served>,
    headers: HeaderMap,
    template: Template,
    identified: Identified,
    watch: ClientWatch,
    recheck: Interval,
    is_due: bool,
    _kept: Kept,
}

/// A subscription, in a task of its own: that its reader does not read holds up nothing else. It ends when
/// this is dropped, the service stops, the caller's session is over, or nothing is read for too long.
pub(super) struct Subscription {
    told: mpsc::Receiver<Told>,
    task: Option<AbortHandle>,
}

impl Subscription {
    /// What is told next.
    pub(super) async fn next(&mut self) -> Option<Told> {
        self.told.recv().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Begins a subscription.
pub(super) async fn begin(
    served: Arc<Served>,
    headers: HeaderMap,
    entered: Entered,
) -> Result<Subscription, Refusal> {
    let kept = served
        .admission
        .subscription(&entered.identified().caller)?;
    let (template, identified, record) = entered.into_subscription();
    let deadline = Instant::now() + served.app.deadline;
    let begins = Event::Begins;
    let begun = execute_event(&served, &template, &identified, &record, begins, deadline).await?;
    let (sender, told) = mpsc::channel(1);
    let task = match begun {
        (Some(faults), _) => {
            record.executed(&faults);
            // There is room for one.
            let _ = sender.try_send(Told::Refused(faults));
            None
        }
        (None, interest) => {
            // `@skip` and `@include` may leave nothing of it.
            let watch = interest.take();
            let nothing = || ApiError::bad_input("The subscription asks for nothing.");
            let watch = watch.ok_or_else(nothing)?;
            let mut recheck = interval_at(Instant::now() + RECHECK, RECHECK);
            recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
            record.subscribed();
            let span = record.span().clone();
            let live = Live {
                record,
                served,
                headers,
                template,
                identified,
                watch,
                recheck,
                is_due: false,
                _kept: kept,
            };
            Some(tokio::spawn(live.run(sender).instrument(span)).abort_handle())
        }
    };
    Ok(Subscription { told, task })
}

impl Live {
    async fn run(mut self, sender: mpsc::Sender<Told>) {
        while let Some(told) = self.next().await {
            let is_last = match &told {
                Told::Event(_) => {
                    self.record.told();
                    false
                }
                Told::Ended(error) => {
                    self.record.failed(error.code());
                    true
                }
                Told::Refused(_) => true,
            };
            let sent = timeout(READING, sender.send(told)).await;
            if is_last || !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
        // The service stops.
        self.record.ended();
    }

    /// What is told next. None when the service stops.
    async fn next(&mut self) -> Option<Told> {
        let served = Arc::clone(&self.served);
        let mut stopped = std::pin::pin!(served.stopped());
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => return None,
                () = self.watch.changed(), if !self.is_due => self.is_due = true,
                _ = self.recheck.tick() => {}
            }
            match identify(&self.served.app, &self.headers).await {
                Ok(identified) => self.identified = identified,
                Err(error) => match error.code() {
                    Code::Unauthenticated | Code::Forbidden => return Some(Told::Ended(error)),
                    // Sirius gave no answer: what is due waits until it gives one.
                    _ => continue,
                },
            }
            if self.is_due {
                self.is_due = false;
                return Some(self.tell().await);
            }
        }
    }

    async fn tell(&self) -> Told {
        // Who is told asks again, and is shown what was told.
        self.served.app.reads.shown_everywhere().await;
        let turn = self.served.admission.turn().await;
        let deadline = Instant::now() + self.served.app.deadline;
        let Self {
            served,
            template,
            identified,
            record,
            ..
        } = self;
        let changed = Event::Changed;
        let told = execute_event(served, template, identified, record, changed, deadline).await;
        drop(turn);
        match told {
            Ok((Some(response), _)) => Told::Event(response),
            Ok((None, _)) => Told::Ended(ApiError::internal()),
            Err(error) => Told::Event(failed(error)),
        }
    }
}
