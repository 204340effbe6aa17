//! The Authorization header.

use http::{HeaderMap, header};

/// What an Authorization header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Authorization<'a> {
    /// Nothing: it is not there, or empty.
    Absent,
    /// A bearer token.
    Bearer(&'a str),
    /// Anything else, two of them included. It is never made good by a cookie.
    Malformed,
}

impl<'a> Authorization<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Self::Absent;
        };
        if values.next().is_some() {
            return Self::Malformed;
        }
        let Ok(text) = value.to_str() else {
            return Self::Malformed;
        };
        if text.trim().is_empty() {
            return Self::Absent;
        }
        match text.split_once(' ') {
            Some((scheme, token))
                if scheme.eq_ignore_ascii_case("bearer") && is_token(token.trim()) =>
            {
                Self::Bearer(token.trim())
            }
            _ => Self::Malformed,
        }
    }
}

/// RFC 6750: `b64token`.
fn is_token(text: &str) -> bool {
    let plain = text.trim_end_matches('=');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !plain.is_empty() && plain.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&'static [u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            headers.append(header::AUTHORIZATION, value);
        }
        headers
    }

    #[test]
    fn an_absent_or_empty_header_says_nothing() {
        assert_eq!(Authorization::of(&headers(&[])), Authorization::Absent);
        assert_eq!(Authorization::of(&headers(&[b""])), Authorization::Absent);
        assert_eq!(Authorization::of(&headers(&[b"  "])), Authorization::Absent);
    }

    #[test]
    fn a_bearer_token_is_taken_whatever_the_schemes_case() {
        for value in [
            &b"Bearer a.b-c_d"[..],
            b"bearer a.b-c_d",
            b"BEARER  a.b-c_d ",
        ] {
            let headers = headers(&[value]);
            let found = Authorization::of(&headers);
            assert_eq!(found, Authorization::Bearer("a.b-c_d"));
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        for value in [
            &b"Bearer"[..],
            b"Bearer ",
            b"Bearer =",
            b"Bearer a b",
            b"Bearer a,b",
            b"Bearer \xff",
            b"Basic dXNlcjpwYXNz",
            b"a.b.c",
            b"Bearer, Bearer a",
        ] {
            let headers = headers(&[value]);
            assert_eq!(
                Authorization::of(&headers),
                Authorization::Malformed,
                "{value:?}"
            );
        }
        let twice = headers(&[b"Bearer a", b"Bearer a"]);
        assert_eq!(Authorization::of(&twice), Authorization::Malformed);
        let empty_too = headers(&[b"", b"Bearer a"]);
        assert_eq!(Authorization::of(&empty_too), Authorization::Malformed);
    }
}
