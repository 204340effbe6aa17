//! Who is asking.

use http::HeaderMap;

use super::router::App;
use crate::graphql::{ApiError, Caller};
use crate::sirius::Session;

/// The caller of a request and the session that its calls to Sirius carry. The session is checked
/// at Sirius: without one, or without an answer, there is no data.
pub(super) async fn identify(
    app: &App,
    headers: &HeaderMap,
) -> Result<(Caller, Session), ApiError> {
    let session = Session::from_headers(headers).ok_or_else(ApiError::unauthenticated)?;
    let user = app
        .sessions
        .user(&session)
        .await
        .map_err(|error| ApiError::from(error.as_ref()))?;
    let name = user.display_name.clone();
    Ok((Caller::new(user.id, name, &user.roles), session))
}
