//! Pages of other origins: closed unless listed (ALLOWED_ORIGINS).
//!
//! A browser sends cookies along for any page. What such a page can make it send without asking is a
//! form, a link or an image; none of that changes anything or can be read. A WebSocket it may open from
//! anywhere, which is why there the origin decides.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::{Origin, Url};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How long a browser remembers what is allowed.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// The origins of pages that may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<HeaderValue>);

impl AllowedOrigins {
    /// A list such as `https://one.example,https://two.example:8443`; none if it is no such list.
    pub fn parse(text: &str) -> Option<Self> {
        let origins = text.split(',').map(|text| {
            let url = Url::parse(text.trim()).ok()?;
            let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            match url.origin() {
                Origin::Tuple(..) if is_bare && url.username().is_empty() => {
                    HeaderValue::from_str(&url.origin().ascii_serialization()).ok()
                }
                _ => None,
            }
        });
        origins.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether a request comes from no page, or from one that may call.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => self.0.contains(origin),
            (Some(_), Some(_)) => false,
        }
    }

    /// Whether a browser says that a page of an unlisted foreign site made the request.
    pub(super) fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        let is_listed = headers.contains_key(header::ORIGIN) && self.admits(headers);
        site == Some(b"cross-site") && !is_listed
    }

    /// What listed pages are answered; others are not named, and their browser keeps the answer from them.
    /// None without a list.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        if self.0.is_empty() {
            return None;
        }
        let header = HeaderName::from_static;
        let layer = CorsLayer::new()
            .allow_origin(AllowOrigin::list(self.0.iter().cloned()))
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([
                header::CONTENT_TYPE,
                header::AUTHORIZATION,
                header("x-xsrf-token"),
                header("x-request-id"),
                header("traceparent"),
                header("tracestate"),
            ])
            .expose_headers([header("x-request-id"), header::RETRY_AFTER])
            .max_age(REMEMBERED);
        Some(layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        });
        pairs.collect()
    }

    #[test]
    fn a_list_holds_bare_origins_only() {
        for wrong in [
            "",
            "one.example",
            "*",
            "null",
            "https://one.example/path",
            "https://u@one.example",
            "file:///x",
            "https://one.example,",
            "https://one.example?x",
        ] {
            assert_eq!(AllowedOrigins::parse(wrong), None, "{wrong}");
        }
        let list = AllowedOrigins::parse("https://One.example/, http://two.example:8080").unwrap();
        assert!(list.admits(&from(&[("origin", "https://one.example")])));
        assert!(list.admits(&from(&[("origin", "http://two.example:8080")])));
        assert!(!list.admits(&from(&[("origin", "http://one.example")])));
        assert!(!list.admits(&from(&[("origin", "https://one.example.evil.example")])));
        assert!(!list.admits(&from(&[("origin", "null")])));
    }

    #[test]
    fn a_foreign_site_is_one_that_is_not_listed() {
        let list = AllowedOrigins::parse("https://one.example").unwrap();
        let cross = ("sec-fetch-site", "cross-site");
        assert!(list.is_foreign(&from(&[cross])));
        assert!(list.is_foreign(&from(&[cross, ("origin", "https://evil.example")])));
        assert!(!list.is_foreign(&from(&[cross, ("origin", "https://one.example")])));
        assert!(!list.is_foreign(&from(&[("sec-fetch-site", "same-site")])));
        assert!(!list.is_foreign(&from(&[])));
    }
}
