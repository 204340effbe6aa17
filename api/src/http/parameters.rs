//! The parameters of a request, as the specification has them.

use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::graphql::{ApiError, Code};

/// See the module.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    #[serde(default, deserialize_with = "present")]
    pub(super) query: Option<String>,
    #[serde(default)]
    pub(super) document_id: Option<String>,
    #[serde(default)]
    pub(super) operation_name: Option<String>,
    #[serde(default)]
    pub(super) variables: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) extensions: Option<Map<String, Value>>,
}

/// `query` may be left out, and is then no null.
fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    String::deserialize(value).map(Some)
}

/// The most values that a body may hold. A value in memory is many times its text.
const VALUES: usize = 150_000;

/// Refuses a body of too many values before it is unfolded. Separators within texts count too: texts are
/// few where values are many.
fn check_values(body: &[u8]) -> Result<(), ApiError> {
    let separators = body
        .iter()
        .filter(|byte| matches!(byte, b',' | b'[' | b'{'));
    if separators.count() <= VALUES {
        return Ok(());
    }
    let text = format!("The body has more than {VALUES} values. Send less at once.");
    Err(ApiError::new(Code::QueryTooComplex, text))
}

impl Parameters {
    /// Those of a body, which is one JSON object.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, ApiError> {
        check_values(body)?;
        serde_json::from_slice(body).map_err(|_| {
            ApiError::bad_input(
                "The body must be one JSON object with the string `query`, and may have the \
                 string `operationName` and the objects `variables` and `extensions`.",
            )
        })
    }

    /// Whether a body is an array.
    pub(super) fn is_batch(body: &[u8]) -> bool {
        body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
    }

    /// Those of a body that is an array of such objects.
    pub(super) fn of_batch(body: &[u8]) -> Result<Vec<Self>, ApiError> {
        check_values(body)?;
        serde_json::from_slice(body).map_err(|_| {
            ApiError::bad_input("Each item of the array must be a request with `query`.")
        })
    }

    /// Those of a URL; none if it has no document.
    pub(super) fn of_url(query: &str) -> Option<Result<Self, ApiError>> {
        let parameter = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        let object = |name: &str| match parameter(name) {
            None => Ok(None),
            Some(text) => serde_json::from_str::<Option<Map<String, Value>>>(&text),
        };
        let (query, document_id) = (parameter("query"), parameter("documentId"));
        let has_persisted =
            || parameter("extensions").is_some_and(|it| it.contains("persistedQuery"));
        if query.is_none() && document_id.is_none() && !has_persisted() {
            return None;
        }
        Some(match (object("variables"), object("extensions")) {
            (Ok(variables), Ok(extensions)) => Ok(Self {
                query,
                document_id,
                operation_name: parameter("operationName"),
                variables,
                extensions,
            }),
            _ => Err(Self::no_parameters()),
        })
    }

    /// What a URL without a document is answered.
    pub(super) fn no_parameters() -> ApiError {
        ApiError::bad_input(
            "The URL must have `query`, and may have `operationName` and the JSON objects \
             `variables` and `extensions`.",
        )
    }
}
