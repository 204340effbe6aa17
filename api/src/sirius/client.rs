//! Sirius's API over HTTP: the two endpoints that this service relies on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use reqwest::redirect::Policy;
use serde::Deserialize;
use url::Url;

use super::listing;
use super::{Session, SiriusError, TraceContext};

/// The most that is read of a list: fifty thousand users with all that Sirius says of them stay well
/// below.
const LIST_LIMIT: usize = 48 * 1024 * 1024;
/// The most that is read of one user.
const USER_LIMIT: usize = 1024 * 1024;

/// What is said of an answer that is not as agreed.
pub(super) const NOT_AGREED: &str = "not the agreed JSON";

/// Users' ids and display names: all that is ever held of a list.
pub type Names = HashMap<i32, Arc<str>, foldhash::fast::RandomState>;

/// Sirius, as one caller's session sees it.
#[derive(Clone, Debug)]
pub struct SiriusClient {
    http: reqwest::Client,
    users: Url,
    current: Url,
}

/// The session's own user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CurrentUser {
    /// Sirius's number.
    pub id: i32,
    /// Name to show.
    #[serde(default)]
    pub display_name: Option<String>,
    /// All roles, those that mean nothing here included.
    #[serde(default)]
    pub roles: Vec<String>,
}

impl SiriusClient {
    /// A client for Sirius at that origin. Each call takes at most `timeout`, its answer included.
    /// Redirects are not followed: a session goes nowhere else.
    ///
    /// # Errors
    /// When the TLS of this machine cannot be set up, or the origin cannot carry a path.
    pub fn new(origin: &Url, timeout: Duration) -> Result<Self, SiriusError> {
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(Policy::none())
            .no_proxy()
            .build()?;
        let endpoint = |path: &str| {
            origin
                .join(path)
                .map_err(|_| SiriusError::Nonsense("the origin cannot carry a path"))
        };
        Ok(Self {
            http,
            users: endpoint("/supervision-api/v1/users")?,
            current: endpoint("/supervision-api/v1/users/current")?,
        })
    }

    /// The session's user: `GET /users/current`.
    ///
    /// # Errors
    /// [`SiriusError::SessionEnded`] on 401; any other failure of the call.
    pub async fn current_user(
        &self,
        session: &Session,
        trace: &TraceContext,
    ) -> Result<CurrentUser, SiriusError> {
        let body = self
            .get(self.current.clone(), session, trace, USER_LIMIT)
            .await?;
        serde_json::from_slice(&body).map_err(|_| SiriusError::Nonsense(NOT_AGREED))
    }

    /// Id and display name of all users: `GET /users`. Entries without either are left out; of
    /// entries with one id, the last is taken.
    ///
    /// # Errors
    /// [`SiriusError::SessionEnded`] on 401; any other failure of the call. An empty list is
    /// one: the caller is a user.
    pub async fn users(
        &self,
        session: &Session,
        trace: &TraceContext,
    ) -> Result<Names, SiriusError> {
        let body = self
            .get(self.users.clone(), session, trace, LIST_LIMIT)
            .await?;
        // Reading a large list takes a while, in which others have their turn.
        let users = tokio::task::spawn_blocking(move || listing::read(&body))
            .await
            .map_err(|_| SiriusError::Lost)??;
        if users.is_empty() {
            return Err(SiriusError::Nonsense("a list without users"));
        }
        Ok(users)
    }

    #[tracing::instrument(name = "call Sirius", level = "debug", skip_all, fields(otel.kind = "client", path = url.path()))]
    async fn get(
        &self,
        url: Url,
        session: &Session,
        trace: &TraceContext,
        limit: usize,
    ) -> Result<Vec<u8>, SiriusError> {
        let request = self
            .http
            .get(url)
            .header(header::COOKIE, session.cookie())
            .header(header::ACCEPT, "application/json")
            .header("OPG-Bypass-Membrane", "1");
        let mut request = trace.apply(request);
        let token = session
            .xsrf_token()
            .and_then(|it| HeaderValue::from_str(it).ok());
        if let Some(mut token) = token {
            token.set_sensitive(true);
            request = request.header("X-XSRF-TOKEN", token);
        }
        let mut response = request.send().await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(SiriusError::SessionEnded),
            status => return Err(SiriusError::Status(status)),
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(SiriusError::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
