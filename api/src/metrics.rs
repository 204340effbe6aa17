//! What is counted, for Prometheus. There is no global recorder: what counts is registered with the
//! one of its own application, so that two in one process are told apart.

use std::sync::Arc;

use metrics::{Counter, counter, with_local_recorder};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

/// Upper bounds of the durations' buckets, in seconds.
const SECONDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The recorder of an application. Clones share it.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Metrics {
    /// A recorder with nothing in it.
    ///
    /// # Errors
    /// Never with the bounds above; the library asks for the check.
    pub fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
            .build_recorder();
        Ok(Self {
            handle: recorder.handle(),
            recorder: Arc::new(recorder),
        })
    }

    /// What `make` makes counts here.
    pub fn counted<T>(&self, make: impl FnOnce() -> T) -> T {
        with_local_recorder(self.recorder.as_ref(), make)
    }

    /// All that was counted, in Prometheus's text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds what durations have gathered. To be called now and then, lest it grow unread.
    pub fn fold(&self) {
        self.handle.run_upkeep();
    }
}

/// A counter for each outcome there can be, all of them there from the start.
pub struct ByOutcome(Vec<(&'static str, Counter)>);

impl ByOutcome {
    /// Registered with the recorder that is current.
    pub fn register<'a>(
        name: &'static str,
        outcomes: impl IntoIterator<Item = &'a &'static str>,
    ) -> Self {
        let counters = outcomes
            .into_iter()
            .map(|outcome| (*outcome, counter!(name, "outcome" => *outcome)));
        Self(counters.collect())
    }

    /// Counts one. An outcome that was not registered is not counted.
    pub fn count(&self, outcome: &str) {
        if let Some((_, counter)) = self.0.iter().find(|(known, _)| *known == outcome) {
            counter.increment(1);
        }
    }
}
