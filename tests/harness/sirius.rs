//! Sirius for tests: the stand-in, over HTTP, counted and able to fail.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::demo::stand_in_sirius::StandIn;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream;
use tokio::task::JoinHandle;
use url::Url;

/// What is wrong with an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It answers after so long.
    Slow(Duration),
    /// It answers with this status.
    Status(u16),
    /// It answers with 200 and this text.
    Body(String),
    /// It answers with 200 and a body that never ends: as fast as it can, or a byte at a time.
    Endless(Duration),
    /// The answer is elsewhere.
    Redirect(Url),
}

/// See the module.
pub struct Sirius {
    pub origin: Url,
    state: Arc<Mutex<Control>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Control {
    lists: Vec<HeaderMap>,
    checks: Vec<HeaderMap>,
    list_fault: Option<Fault>,
    check_fault: Option<Fault>,
    ended_at_the_list: Option<String>,
}

impl Sirius {
    pub async fn start() -> Self {
        let stand_in = StandIn::default()
            .user(3, "Billing Officer", &["Case Manager", "Finance User"])
            .user(7, "Finance Manager", &["Finance Manager", "Finance User"])
            .user(12, "Cash Control Officer", &["Corporate Finance"])
            .session("officer", 3)
            .session("manager", 7);
        let state = Arc::<Mutex<Control>>::default();
        let routes = stand_in
            .router()
            .layer(from_fn_with_state(Arc::clone(&state), control));
        let (origin, server) = super::listen(routes).await;
        Self {
            origin,
            state,
            server,
        }
    }

    /// The user list fails from now on, or no more.
    pub fn list_fault(&self, fault: Option<Fault>) {
        self.state.lock().unwrap().list_fault = fault;
    }

    /// The session check fails from now on, or no more.
    pub fn check_fault(&self, fault: Option<Fault>) {
        self.state.lock().unwrap().check_fault = fault;
    }

    /// The session of those cookies ends, as far as the user list knows.
    pub fn end_at_the_list(&self, cookies: &str) {
        self.state.lock().unwrap().ended_at_the_list = Some(cookies.to_owned());
    }

    /// Headers of the calls for the user list since the last call.
    pub fn take_lists(&self) -> Vec<HeaderMap> {
        std::mem::take(&mut self.state.lock().unwrap().lists)
    }

    /// Headers of the session checks since the last call.
    pub fn take_checks(&self) -> Vec<HeaderMap> {
        std::mem::take(&mut self.state.lock().unwrap().checks)
    }
}

impl Drop for Sirius {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn control(
    State(state): State<Arc<Mutex<Control>>>,
    request: Request,
    next: Next,
) -> Response {
    let (fault, is_ended) = {
        let mut control = state.lock().unwrap();
        let headers = request.headers().clone();
        if request.uri().path().ends_with("/users/current") {
            control.checks.push(headers);
            (control.check_fault.clone(), false)
        } else {
            let ended = control.ended_at_the_list.as_deref();
            let is_ended = ended.is_some_and(|ended| headers.get("cookie").unwrap() == ended);
            control.lists.push(headers);
            (control.list_fault.clone(), is_ended)
        }
    };
    if let Some(Fault::Slow(wait)) = fault {
        tokio::time::sleep(wait).await;
    }
    if is_ended {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match fault {
        None | Some(Fault::Slow(_)) => next.run(request).await,
        Some(Fault::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Fault::Body(body)) => body.into_response(),
        Some(Fault::Endless(pause)) => {
            let piece = match pause.is_zero() {
                true => Bytes::from(vec![b' '; 64 * 1024]),
                false => Bytes::from_static(b" "),
            };
            let pieces = stream::unfold((), move |()| {
                let piece = piece.clone();
                async move {
                    tokio::time::sleep(pause).await;
                    Some((Ok::<_, Infallible>(piece), ()))
                }
            });
            Body::from_stream(pieces).into_response()
        }
        Some(Fault::Redirect(to)) => Redirect::temporary(to.as_str()).into_response(),
    }
}
