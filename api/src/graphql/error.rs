//! The one place where failures become the API's codes (contract, "Conventions").

use async_graphql::{Context, Error, ErrorExtensions};

use crate::finance::FinanceError;
use crate::sirius::SiriusError;

/// The closed set of `extensions.code`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumIter, strum::EnumString,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// Who asks is not known: sign in to Sirius.
    Unauthenticated,
    /// Who asks may not do this.
    Forbidden,
    /// What is named is not there.
    NotFound,
    /// The request is wrong: correct it.
    BadUserInput,
    /// Sirius gave no answer: try again.
    SiriusUnavailable,
    /// The service cannot answer now: try again.
    Unavailable,
    /// The query asks for too much at once: split it.
    QueryTooComplex,
    /// The caller asks too often: wait as long as Retry-After says.
    RateLimited,
    /// No text is known by this hash: send the text along (automatic persisted queries).
    PersistedQueryNotFound,
    /// A fault of the service; the log has its cause under the request id.
    Internal,
}

impl Code {
    /// The code of that text.
    pub fn of(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// The code as it goes out.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A failure as the caller sees it. It is deliberately no [`std::error::Error`]: the only way into
/// an answer is the conversion below, which sets the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    code: Code,
    message: String,
}

impl ApiError {
    /// A failure with a text for the caller, which says what to do and holds nothing secret.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The request is wrong.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the caller reads.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A fault of the service.
    pub fn internal() -> Self {
        Self::new(
            Code::Internal,
            "Something went wrong here. Report it with the X-Request-Id of this answer.",
        )
    }

    /// The service cannot answer now.
    pub fn unavailable() -> Self {
        Self::new(
            Code::Unavailable,
            "The service cannot answer now. Try again in a moment.",
        )
    }
}

impl From<FinanceError> for ApiError {
    fn from(error: FinanceError) -> Self {
        let cause = error.cause();
        tracing::error!(cause, "{error}");
        match error {
            FinanceError::Unavailable(_) | FinanceError::Busy => Self::unavailable(),
            FinanceError::Database(_) | FinanceError::Overflow(_) | FinanceError::Lost => {
                Self::internal()
            }
        }
    }
}

impl From<&SiriusError> for ApiError {
    fn from(error: &SiriusError) -> Self {
        match error {
            SiriusError::SessionEnded => Self::unauthenticated(),
            SiriusError::NoSession => Self::new(
                Code::SiriusUnavailable,
                "User names need a Sirius session, and the request carries none.",
            ),
            SiriusError::Status(_)
            | SiriusError::TimedOut
            | SiriusError::Unreachable(_)
            | SiriusError::TooLarge(_)
            | SiriusError::Nonsense(_)
            | SiriusError::BackingOff
            | SiriusError::Lost => Self::new(
                Code::SiriusUnavailable,
                "Sirius gave no answer. Try again in a moment.",
            ),
        }
    }
}

impl ApiError {
    /// Who asks is not known.
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Sign in to Sirius and try again.")
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Error::new(error.message)
            .extend_with(|_, extensions| extensions.set("code", error.code.as_str()))
    }
}

/// The value of a nullable field: on failure null, with the error under the field's path, and
/// nothing else of the answer lost.
///
/// The library nulls the parent when a nullable field's resolver fails (`docs/adr/0006`), so no
/// resolver of a nullable field gives a `Result`: each goes through here.
pub(super) fn or_null<T>(ctx: &Context<'_>, result: Result<Option<T>, ApiError>) -> Option<T> {
    result.unwrap_or_else(|error| {
        let error = Error::from(error).into_server_error(ctx.item.pos);
        ctx.add_error(ctx.set_error_path(error));
        None
    })
}
