//! What of a caller's request goes along with the calls to Sirius that are made for it. Nothing
//! else does.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use reqwest::RequestBuilder;

use super::Session;
use crate::traces;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest `tracestate` that is carried on (W3C Trace Context asks for at least this).
const TRACESTATE_LIMIT: usize = 512;
/// Length of a `traceparent` of version 00.
const TRACEPARENT_LENGTH: usize = 55;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Forwarded {
    /// The caller's own session, where there is one.
    pub session: Option<Session>,
    /// What tells the calls of one request from those of others.
    pub trace: TraceContext,
}

impl Forwarded {
    /// What a request's headers hold.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            session: Session::from_headers(headers),
            trace: TraceContext::from_headers(headers),
        }
    }
}

/// The trace of a request (W3C Trace Context) and its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    parent: Option<HeaderValue>,
    state: Option<HeaderValue>,
    request_id: Option<HeaderValue>,
}

impl TraceContext {
    /// The trace that a request's headers tell. A malformed one is none, as the standard asks.
    fn from_headers(headers: &HeaderMap) -> Self {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let parent = parents
            .next()
            .filter(|value| parents.next().is_none() && is_traceparent(value.as_bytes()))
            .cloned();
        let state = parent.as_ref().and_then(|_| tracestate(headers));
        Self {
            parent,
            state,
            request_id: headers.get(REQUEST_ID).cloned(),
        }
    }

    /// Sends it along: where this service traces, its own span comes in the place of the caller's.
    pub(super) fn apply(&self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some(own) = traces::headers() {
            request = request.headers(own);
            if let Some(id) = &self.request_id {
                request = request.header(REQUEST_ID, id);
            }
            return request;
        }
        let headers = [
            (TRACEPARENT, &self.parent),
            (TRACESTATE, &self.state),
            (REQUEST_ID, &self.request_id),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request
    }
}

/// `version-trace-parent-flags`, all in lower-case hexadecimal. A version above 00 may say more.
fn is_traceparent(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    let mut parts = text.split('-');
    let mut field = |length: usize| {
        parts.next().filter(|part| {
            part.len() == length
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (Some(version), Some(trace), Some(parent), Some(_flags)) =
        (field(2), field(32), field(16), field(2))
    else {
        return false;
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    version != "ff"
        && (version != "00" || text.len() == TRACEPARENT_LENGTH)
        && !is_zero(trace)
        && !is_zero(parent)
        && text.len() <= TRACESTATE_LIMIT
}

/// All of a request's `tracestate`, which may be spread over several headers.
fn tracestate(headers: &HeaderMap) -> Option<HeaderValue> {
    let parts = headers
        .get_all(TRACESTATE)
        .iter()
        .map(|value| value.to_str().ok())
        .collect::<Option<Vec<_>>>()?;
    let state = parts.join(",");
    if state.is_empty() || state.len() > TRACESTATE_LIMIT {
        return None;
    }
    HeaderValue::from_str(&state).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn trace(pairs: &[(&'static str, &str)]) -> TraceContext {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        TraceContext::from_headers(&headers)
    }

    #[test]
    fn a_trace_is_taken_over_with_all_of_its_state() {
        let found = trace(&[
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
            ("tracestate", "b=2"),
        ]);
        assert_eq!(found.parent.unwrap(), PARENT);
        assert_eq!(found.state.unwrap(), "a=1,b=2");
    }

    #[test]
    fn a_malformed_trace_is_none_and_takes_its_state_along() {
        for wrong in [
            "",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        ] {
            let found = trace(&[("traceparent", wrong), ("tracestate", "a=1")]);
            assert_eq!(found, TraceContext::default(), "{wrong}");
        }
        let twice = trace(&[("traceparent", PARENT), ("traceparent", PARENT)]);
        assert_eq!(twice, TraceContext::default());
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = PARENT.replacen("00", "01", 1) + "-what-comes-next";
        assert_eq!(trace(&[("traceparent", &later)]).parent.unwrap(), later);
    }

    #[test]
    fn a_state_too_long_to_carry_is_left() {
        let long = "a=".to_owned() + &"1".repeat(TRACESTATE_LIMIT);
        let found = trace(&[("traceparent", PARENT), ("tracestate", &long)]);
        assert_eq!((found.parent.is_some(), found.state), (true, None));
    }
}
