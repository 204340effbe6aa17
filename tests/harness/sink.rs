//! A sink of events for tests: it keeps what it takes, and can fail.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::task::JoinHandle;
use url::Url;

/// See the module.
pub struct Sink {
    pub url: Url,
    state: Arc<Mutex<Control>>,
    server: JoinHandle<()>,
}

/// What is wrong with it.
type Fault = Arc<dyn Fn(&Value) -> Option<StatusCode> + Send + Sync>;

#[derive(Default)]
struct Control {
    asked: Vec<(HeaderMap, Value)>,
    taken: Vec<Value>,
    fault: Option<Fault>,
    slow: Duration,
    at_once: Vec<i64>,
    twice_at_once: usize,
}

impl Sink {
    pub async fn start() -> Self {
        let state = Arc::<Mutex<Control>>::default();
        let routes = Router::new()
            .route("/events", post(take))
            .with_state(Arc::clone(&state));
        let (origin, server) = super::listen(routes).await;
        Self {
            url: origin.join("/events").unwrap(),
            state,
            server,
        }
    }

    /// From now on events are answered with the status that is made of them, if any.
    pub fn fault(&self, fault: impl Fn(&Value) -> Option<StatusCode> + Send + Sync + 'static) {
        self.state.lock().unwrap().fault = Some(Arc::new(fault));
    }

    /// Nothing is wrong with it any more.
    pub fn mend(&self) {
        self.state.lock().unwrap().fault = None;
    }

    /// It takes so long to answer.
    pub fn slow(&self, time: Duration) {
        self.state.lock().unwrap().slow = time;
    }

    /// What was taken, in its order.
    pub fn taken(&self) -> Vec<Value> {
        self.state.lock().unwrap().taken.clone()
    }

    /// What was posted, taken or not, with its headers.
    pub fn asked(&self) -> Vec<(HeaderMap, Value)> {
        self.state.lock().unwrap().asked.clone()
    }

    /// How often two events of one client came at the same time.
    pub fn twice_at_once(&self) -> usize {
        self.state.lock().unwrap().twice_at_once
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(
    State(state): State<Arc<Mutex<Control>>>,
    headers: HeaderMap,
    Json(event): Json<Value>,
) -> StatusCode {
    let client = event["detail"]["clientId"].as_i64().unwrap_or_default();
    let (fault, slow) = {
        let mut state = state.lock().unwrap();
        state.asked.push((headers, event.clone()));
        if state.at_once.contains(&client) {
            state.twice_at_once += 1;
        }
        state.at_once.push(client);
        (state.fault.clone(), state.slow)
    };
    tokio::time::sleep(slow).await;
    let refused = fault.and_then(|fault| fault(&event));
    let mut state = state.lock().unwrap();
    let place = state.at_once.iter().position(|it| *it == client).unwrap();
    state.at_once.remove(place);
    if let Some(status) = refused {
        return status;
    }
    state.taken.push(event);
    StatusCode::OK
}
