//! A subscription under way: it waits for changes, asks again and again whether its caller is still
//! signed in, and tells each change as the answer to a request of its own.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response;
use futures_util::Stream;
use futures_util::stream::unfold;
use http::HeaderMap;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::admission::Admitted;
use super::caller::{Identified, identify};
use super::execute::{Entered, Template, execute_event};
use super::respond::{Refusal, failed};
use super::router::Served;
use crate::finance::ClientWatch;
use crate::graphql::{ApiError, Code, Event};

/// How often it is asked whether the caller is still signed in. Sirius itself is asked as often as
/// SESSION_REMEMBERED says.
const RECHECK: Duration = Duration::from_secs(5);

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
    served: Arc<Served>,
    headers: HeaderMap,
    template: Template,
    identified: Identified,
    watch: ClientWatch,
    recheck: Interval,
    is_due: bool,
    _admitted: Admitted,
}

/// Begins a subscription. It ends when the receiver is dropped, the service stops, or the caller's
/// session is over.
pub(super) async fn begin(
    served: Arc<Served>,
    headers: HeaderMap,
    entered: Entered,
) -> Result<impl Stream<Item = Told> + Send, Refusal> {
    let admitted = served
        .admission
        .subscription(&entered.identified().caller)?;
    let (template, identified) = entered.into_subscription();
    let deadline = Instant::now() + served.app.deadline;
    let begun = execute_event(&served, &template, &identified, Event::Begins, deadline).await?;
    let state = match begun {
        (Some(faults), _) => State::Refused(Box::new(faults)),
        (None, interest) => {
            // `@skip` and `@include` may leave nothing of it.
            let watch = interest.take();
            let nothing = || ApiError::bad_input("The subscription asks for nothing.");
            let watch = watch.ok_or_else(nothing)?;
            let mut recheck = interval_at(Instant::now() + RECHECK, RECHECK);
            recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
            State::Live(Box::new(Live {
                served,
                headers,
                template,
                identified,
                watch,
                recheck,
                is_due: false,
                _admitted: admitted,
            }))
        }
    };
    Ok(unfold(state, |state| async {
        match state {
            State::Refused(faults) => Some((Told::Refused(*faults), State::Over)),
            State::Over => None,
            State::Live(mut live) => match live.next().await? {
                told @ Told::Event(_) => Some((told, State::Live(live))),
                last => Some((last, State::Over)),
            },
        }
    }))
}

enum State {
    Refused(Box<Response>),
    Live(Box<Live>),
    Over,
}

impl Live {
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
        let turn = self.served.admission.turn().await;
        let deadline = Instant::now() + self.served.app.deadline;
        let Self {
            served,
            template,
            identified,
            ..
        } = self;
        let told = execute_event(served, template, identified, Event::Changed, deadline).await;
        drop(turn);
        match told {
            Ok((Some(response), _)) => Told::Event(response),
            Ok((None, _)) => Told::Ended(ApiError::internal()),
            Err(error) => Told::Event(failed(error)),
        }
    }
}
