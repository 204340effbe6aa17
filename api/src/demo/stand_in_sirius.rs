//! A stand-in for Sirius: its two user endpoints, over real HTTP, as `domain.md` section 8 has
//! them. Demo and tests use it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

/// Name of the cookie that carries a session.
pub const SESSION_COOKIE: &str = "sirius";

/// A user of the stand-in.
#[derive(Clone, Debug)]
pub struct StandInUser {
    /// Sirius's number.
    pub id: i32,
    /// Name to show.
    pub display_name: String,
    /// All roles.
    pub roles: Vec<String>,
}

/// Users and sessions of a stand-in.
#[derive(Clone, Debug, Default)]
pub struct StandIn {
    users: Vec<StandInUser>,
    sessions: HashMap<String, i32>,
}

impl StandIn {
    /// Adds a user.
    #[must_use]
    pub fn user(mut self, id: i32, display_name: &str, roles: &[&str]) -> Self {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        self.users.push(StandInUser {
            id,
            display_name: display_name.to_owned(),
            roles,
        });
        self
    }

    /// Adds a session of that user: the value of cookie [`SESSION_COOKIE`].
    #[must_use]
    pub fn session(mut self, value: &str, user: i32) -> Self {
        self.sessions.insert(value.to_owned(), user);
        self
    }

    /// Its endpoints.
    pub fn router(self) -> Router {
        Router::new()
            .route("/supervision-api/v1/users", get(users))
            .route("/supervision-api/v1/users/current", get(current))
            .with_state(Arc::new(self))
    }

    fn signed_in(&self, headers: &HeaderMap) -> Option<&StandInUser> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let value = cookies.split(';').find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == SESSION_COOKIE).then_some(value)
        })?;
        let id = self.sessions.get(value)?;
        self.users.iter().find(|user| user.id == *id)
    }
}

impl StandInUser {
    /// The user as Sirius tells it: with much that must not leave the Sirius client.
    fn json(&self) -> Value {
        let word = self.display_name.to_lowercase().replace(' ', ".");
        json!({
            "id": self.id,
            "displayName": self.display_name,
            "roles": self.roles,
            "email": format!("{word}@opgtest.example"),
            "phoneNumber": format!("020 7946 {:04}", self.id.rem_euclid(10_000)),
            "teams": [{ "id": 7, "displayName": "Supervision Billing Team" }],
            "locked": false,
            "suspended": false,
        })
    }
}

async fn users(State(sirius): State<Arc<StandIn>>, headers: HeaderMap) -> Response {
    match sirius.signed_in(&headers) {
        Some(_) => Json(
            sirius
                .users
                .iter()
                .map(StandInUser::json)
                .collect::<Vec<_>>(),
        )
        .into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn current(State(sirius): State<Arc<StandIn>>, headers: HeaderMap) -> Response {
    match sirius.signed_in(&headers) {
        Some(user) => Json(user.json()).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
