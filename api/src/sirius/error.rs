//! What can go wrong with Sirius.

use std::error::Error;

use http::StatusCode;

/// Why Sirius gave no answer. The texts hold nothing of what it sent.
#[derive(Debug, thiserror::Error)]
pub enum SiriusError {
    /// 401: this caller's session has ended. It says nothing about Sirius.
    #[error("the Sirius session has ended")]
    SessionEnded,
    /// There is no session to ask with.
    #[error("the caller has no Sirius session")]
    NoSession,
    /// Another answer than 200: 403 means closed to the caller's role.
    #[error("Sirius answered with status {0}")]
    Status(StatusCode),
    /// No whole answer in time.
    #[error("Sirius did not answer in time")]
    TimedOut,
    /// No connection, or one that broke.
    #[error("Sirius cannot be reached: {0}")]
    Unreachable(String),
    /// More than could be a list of users.
    #[error("Sirius's answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Not what was agreed.
    #[error("Sirius's answer makes no sense: {0}")]
    Nonsense(&'static str),
    /// An earlier try failed; the next one waits.
    #[error("Sirius failed a moment ago and is not asked again yet")]
    BackingOff,
    /// The refresh ended without a result.
    #[error("the refresh of Sirius's user list was lost")]
    Lost,
}

impl SiriusError {
    /// One word for the kind of failure, for metrics and for telling one from another.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::SessionEnded => "session_ended",
            Self::NoSession => "no_session",
            Self::Status(_) => "status",
            Self::TimedOut => "timed_out",
            Self::Unreachable(_) => "unreachable",
            Self::TooLarge(_) => "too_large",
            Self::Nonsense(_) => "nonsense",
            Self::BackingOff => "backing_off",
            Self::Lost => "lost",
        }
    }

    /// Whether it says something about one session, and nothing about Sirius.
    pub(super) fn is_about_the_session(&self) -> bool {
        matches!(self, Self::SessionEnded | Self::NoSession)
    }
}

impl From<reqwest::Error> for SiriusError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        // The error's own text has the URL; its sources tell what happened.
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = cause.to_string();
            source = cause.source();
        }
        Self::Unreachable(text)
    }
}
