//! Who is asking: one extractor for all paths.
//!
//! A bearer token decides; cookies beside it are only carried to Sirius. Without one, it is the
//! user of the Sirius session in the cookies. A bad token is never made good by a cookie.

use http::HeaderMap;
use subtle::ConstantTimeEq as _;

use super::authorization::Authorization;
use super::router::App;
use crate::authentication::Principal;
use crate::graphql::{ApiError, Caller, Code};
use crate::sirius::{Forwarded, Session};

pub(super) const XSRF_HEADER: &str = "x-xsrf-token";

/// A caller, and what identified him.
#[derive(Clone)]
pub(super) struct Identified {
    pub(super) caller: Caller,
    pub(super) forwarded: Forwarded,
    /// Cookies alone: a browser sends them for any page that asks it to.
    relies_on_cookies: bool,
}

/// The caller of a request. A session is checked at Sirius: without one, or without an answer,
/// there is no data.
pub(super) async fn identify(app: &App, headers: &HeaderMap) -> Result<Identified, ApiError> {
    let forwarded = Forwarded::from_headers(headers);
    let token = match Authorization::of(headers) {
        Authorization::Absent => {
            let session = forwarded.session.as_ref();
            let session = session.ok_or_else(ApiError::unauthenticated)?;
            if app.origins.is_foreign(headers) {
                return Err(ApiError::new(
                    Code::Forbidden,
                    "A page of another site sent this. Its origin is not on the list of this service.",
                ));
            }
            return Ok(Identified {
                caller: of_session(app, session, &forwarded).await?,
                forwarded,
                relies_on_cookies: true,
            });
        }
        Authorization::Bearer(token) => token,
        Authorization::Malformed => {
            app.authenticator.count_malformed();
            tracing::debug!("refused: no single bearer token in Authorization");
            return Err(ApiError::unauthenticated());
        }
    };
    let principal = app
        .authenticator
        .principal(token)
        .await
        .map_err(|refusal| {
            tracing::debug!(%refusal, "refused: bearer token");
            ApiError::unauthenticated()
        })?;
    let caller = match principal {
        Principal::User { id, roles } => Caller::user(id, None, &roles),
        Principal::Service { service, user_id } => Caller::service(service, user_id),
    };
    Ok(Identified {
        caller,
        forwarded,
        relies_on_cookies: false,
    })
}

async fn of_session(
    app: &App,
    session: &Session,
    forwarded: &Forwarded,
) -> Result<Caller, ApiError> {
    let user = app
        .sirius
        .sessions
        .user(session, &forwarded.trace)
        .await
        .map_err(|error| ApiError::from(error.as_ref()))?;
    let name = user.display_name.clone();
    Ok(Caller::user(user.id, name, &user.roles))
}

impl Identified {
    /// Whether a change may be made on this caller's behalf: what another site can make a browser
    /// send is not enough.
    ///
    /// # Errors
    /// FORBIDDEN, if it relies on cookies and does not repeat the token of one in a header.
    pub(super) fn may_change(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let expected = self
            .forwarded
            .session
            .as_ref()
            .and_then(Session::xsrf_token);
        let is_repeated = || {
            let mut given = headers.get_all(XSRF_HEADER).iter();
            match (expected, given.next(), given.next()) {
                (Some(expected), Some(given), None) if !expected.is_empty() => {
                    bool::from(expected.as_bytes().ct_eq(given.as_bytes()))
                }
                _ => false,
            }
        };
        if !self.relies_on_cookies || is_repeated() {
            return Ok(());
        }
        Err(ApiError::new(
            Code::Forbidden,
            "A mutation or subscription by cookie needs the header X-XSRF-TOKEN, equal to the URL-decoded value of \
             the cookie XSRF-TOKEN.",
        ))
    }
}
