//! A caller's own session with Sirius, as far as it is carried on.

use std::fmt;

use http::{HeaderMap, HeaderValue, header};
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

/// Name of the cookie that repeats Sirius's token against cross-site requests.
const XSRF_COOKIE: &str = "XSRF-TOKEN";

/// A hash of a session's cookies.
pub(super) type Digest = [u8; 32];

/// The caller's cookies. They are never shown, not even in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    cookie: HeaderValue,
    xsrf_token: Option<String>,
}

impl Session {
    /// The session in a request's headers. An absent or empty Cookie is none.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut pairs = Vec::new();
        // HTTP/2 may split cookies over several headers. Their values are bytes: a cookie beside
        // the session's own may hold anything.
        for value in headers.get_all(header::COOKIE) {
            let parts = value
                .as_bytes()
                .split(|byte| *byte == b';')
                .map(<[u8]>::trim_ascii);
            pairs.extend(parts.filter(|pair| !pair.is_empty()));
        }
        if pairs.is_empty() {
            return None;
        }
        let xsrf_token = pairs.iter().find_map(|pair| {
            let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
            if name == XSRF_COOKIE {
                decode(value)
            } else {
                None
            }
        });
        let mut cookie = HeaderValue::from_bytes(&pairs.join(&b"; "[..])).ok()?;
        cookie.set_sensitive(true);
        Some(Self { cookie, xsrf_token })
    }

    /// The Cookie header to send on.
    pub(super) fn cookie(&self) -> HeaderValue {
        self.cookie.clone()
    }

    /// What it is remembered by: the cookies themselves are kept nowhere.
    pub(super) fn digest(&self) -> Digest {
        Sha256::digest(self.cookie.as_bytes()).into()
    }

    /// The XSRF-TOKEN cookie's value, decoded.
    pub fn xsrf_token(&self) -> Option<&str> {
        self.xsrf_token.as_deref()
    }
}

/// Sirius percent-encodes the cookie, with `+` for a space.
fn decode(value: &str) -> Option<String> {
    let spaced = value.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .ok()
        .map(|text| text.into_owned())
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(cookies: &[&str]) -> Option<Session> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        Session::from_headers(&headers)
    }

    #[test]
    fn no_cookie_or_an_empty_one_is_no_session() {
        assert_eq!(session(&[]), None);
        assert_eq!(session(&[" ; "]), None);
    }

    #[test]
    fn the_xsrf_token_is_decoded_with_plus_as_space() {
        let session = session(&["sirius=a; XSRF-TOKEN=a%2Bb+c%3D%3D"]).unwrap();
        assert_eq!(session.xsrf_token(), Some("a+b c=="));
    }

    #[test]
    fn cookies_split_over_headers_are_joined() {
        let session = session(&["sirius=a", "XSRF-TOKEN=b"]).unwrap();
        assert_eq!(session.cookie(), "sirius=a; XSRF-TOKEN=b");
    }

    #[test]
    fn a_cookie_that_is_no_ascii_costs_nothing() {
        let session = session(&["name=Zo\u{eb}; XSRF-TOKEN=b"]).unwrap();
        assert_eq!(session.xsrf_token(), Some("b"));
    }

    #[test]
    fn a_session_is_never_shown() {
        let session = session(&["sirius=secret"]).unwrap();
        assert_eq!(format!("{session:?}"), "Session(..)");
    }
}
