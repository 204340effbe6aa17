//! Settings of the boundary to Sirius.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::check::Check;
use crate::sirius::{SharedTierUrl, SiriusSettings, UserCacheSettings};

/// Unchecked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sirius and its users")]
pub(super) struct SiriusArguments {
    /// Sirius's origin, such as https://sirius.example.
    #[arg(long, env = "SIRIUS_URL")]
    sirius_url: Option<String>,
    /// The longest wait for an answer of Sirius, and for a refresh of the list of users.
    #[arg(long, env = "SIRIUS_TIMEOUT", default_value = "5s")]
    pub(super) sirius_timeout: String,
    /// How long a session check is believed.
    #[arg(long, env = "SESSION_REMEMBERED", default_value = "30s")]
    session_remembered: String,
    /// Age from which the list of users is refreshed, while it is still served.
    #[arg(long, env = "USER_CACHE_FRESH", default_value = "12h")]
    user_cache_fresh: String,
    /// Age from which the list of users is not served any more.
    #[arg(long, env = "USER_CACHE_STALE", default_value = "48h")]
    user_cache_stale: String,
    /// How long a user that Sirius does not know is remembered as unknown.
    #[arg(long, env = "USER_CACHE_UNKNOWN", default_value = "10m")]
    user_cache_unknown: String,
    /// The shortest time between two refreshes for the sake of users that the list lacks.
    #[arg(long, env = "USER_CACHE_UNKNOWN_RETRY", default_value = "1m")]
    user_cache_unknown_retry: String,
    /// Wait after a failed refresh, doubled by each further one (and up to a quarter shorter, by chance).
    #[arg(long, env = "USER_CACHE_BACK_OFF", default_value = "1s")]
    user_cache_back_off: String,
    /// The longest wait after a failed refresh.
    #[arg(long, env = "USER_CACHE_BACK_OFF_MOST", default_value = "60s")]
    user_cache_back_off_most: String,
    /// A Redis that holds the list of users for several instances: redis://HOST:PORT or rediss://HOST:PORT.
    #[arg(long, env = "USER_CACHE_URL", hide_env_values = true)]
    user_cache_url: Option<String>,
    /// A file that holds its URL, read at start.
    #[arg(long, env = "USER_CACHE_URL_FILE")]
    user_cache_url_file: Option<PathBuf>,
}

impl SiriusArguments {
    pub(super) fn read(&self, check: &mut Check) -> Option<SiriusSettings> {
        let url = check.required(
            "SIRIUS_URL",
            self.sirius_url.as_deref(),
            "an origin, such as https://sirius.example",
            origin,
        );
        let mut duration = |name: &str, value: &str| check.duration(name, value);
        let timeout = duration("SIRIUS_TIMEOUT", &self.sirius_timeout);
        let remembered = duration("SESSION_REMEMBERED", &self.session_remembered);
        let fresh = duration("USER_CACHE_FRESH", &self.user_cache_fresh);
        let stale = duration("USER_CACHE_STALE", &self.user_cache_stale);
        let unknown = duration("USER_CACHE_UNKNOWN", &self.user_cache_unknown);
        let retry = duration("USER_CACHE_UNKNOWN_RETRY", &self.user_cache_unknown_retry);
        let back_off = duration("USER_CACHE_BACK_OFF", &self.user_cache_back_off);
        let most = duration("USER_CACHE_BACK_OFF_MOST", &self.user_cache_back_off_most);
        for (shorter, longer, text) in [
            (
                fresh,
                stale,
                "USER_CACHE_FRESH is longer than USER_CACHE_STALE",
            ),
            (
                back_off,
                most,
                "USER_CACHE_BACK_OFF is longer than USER_CACHE_BACK_OFF_MOST",
            ),
        ] {
            if shorter
                .zip(longer)
                .is_some_and(|(short, long)| short > long)
            {
                check.faults.push(text.to_owned());
            }
        }
        let url_of_shared = check.secret(
            "USER_CACHE_URL",
            self.user_cache_url.as_ref(),
            self.user_cache_url_file.as_ref(),
        );
        let shared = check.optional(
            "USER_CACHE_URL",
            url_of_shared.ok().flatten().as_deref(),
            "redis://HOST:PORT or rediss://HOST:PORT",
            |url| SharedTierUrl::parse(url).ok(),
        );
        Some(SiriusSettings {
            origin: url?,
            session_remembered: remembered?,
            shared,
            users: UserCacheSettings {
                fresh: fresh?,
                stale: stale?,
                timeout: timeout?,
                unknown: unknown?,
                unknown_retry: retry?,
                back_off: back_off?,
                back_off_most: most?,
                ..UserCacheSettings::default()
            },
        })
    }
}

/// An http or https URL with nothing but an origin.
pub(super) fn origin(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_origin = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    is_origin.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sirius_url_is_an_origin_and_no_more() {
        for wrong in [
            "ftp://host",
            "http://",
            "http://host/path",
            "http://user@host",
            "host:80",
        ] {
            assert_eq!(origin(wrong), None, "{wrong}");
        }
        assert!(origin("https://sirius.example:8443").is_some());
    }
}
