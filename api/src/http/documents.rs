//! Which text a request means: the one it brings, one remembered by its hash (automatic persisted
//! queries), or one of a manifest, where only those run (TRUSTED_DOCUMENTS).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use mini_moka::sync::Cache;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::parameters::Parameters;
use super::respond::Refusal;
use crate::graphql::{ApiError, Code};

/// The longest text that is remembered by its hash, in bytes.
pub(super) const LONGEST: usize = 16 * 1024;

type Hash = [u8; 32];

/// The operations that may run, by the ids that clients know them by.
#[derive(Clone, Debug, Default)]
pub struct TrustedDocuments(HashMap<String, Arc<str>>);

/// A manifest that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ManifestFault {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    /// It is not in one of the known forms.
    #[error(
        "no manifest: want an object from ids to texts, or Apollo's \
         {{\"format\": \"apollo-persisted-query-manifest\", \"version\": 1, \"operations\": [...]}}"
    )]
    Malformed,
    /// A text of it does not parse.
    #[error("the document {id} does not parse: {fault}")]
    Document {
        /// Its id.
        id: String,
        /// Why not.
        fault: String,
    },
}

#[derive(Deserialize)]
struct ApolloManifest {
    format: String,
    version: u32,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

impl TrustedDocuments {
    /// Reads a manifest: an object from ids to texts, as the Relay compiler and GraphQL Code Generator
    /// write it, or Apollo's.
    ///
    /// # Errors
    /// When the file cannot be used as it stands.
    pub fn read(path: &Path) -> Result<Self, ManifestFault> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    fn parse(text: &str) -> Result<Self, ManifestFault> {
        let value: Value = serde_json::from_str(text).map_err(|_| ManifestFault::Malformed)?;
        let operations = match serde_json::from_value::<ApolloManifest>(value.clone()) {
            Ok(manifest)
                if manifest.format == "apollo-persisted-query-manifest"
                    && manifest.version == 1 =>
            {
                manifest.operations
            }
            Ok(_) => return Err(ManifestFault::Malformed),
            Err(_) => serde_json::from_value::<HashMap<String, String>>(value)
                .map_err(|_| ManifestFault::Malformed)?
                .into_iter()
                .map(|(id, body)| ApolloOperation { id, body })
                .collect(),
        };
        let mut documents = HashMap::new();
        for ApolloOperation { id, body } in operations {
            if let Err(error) = parse_query(&body) {
                let fault = error.to_string();
                return Err(ManifestFault::Document { id, fault });
            }
            let body = Arc::<str>::from(body);
            // A text that is sent whole is known by its hash, whatever its id.
            documents.insert(hex::encode(hash(&body)), Arc::clone(&body));
            documents.insert(bare(&id).to_owned(), body);
        }
        Ok(Self(documents))
    }
}

/// An id as the drafts of the specification write it may name its kind.
fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// The texts of a server.
pub(super) struct Documents {
    trusted: Option<TrustedDocuments>,
    /// None: they are not remembered.
    remembered: Option<Cache<Hash, Arc<str>>>,
}

/// A text, and whether it is to be remembered once it has proved to be of use.
pub(super) struct Document {
    pub(super) text: Arc<str>,
    new: Option<Hash>,
}

impl Documents {
    pub(super) fn new(trusted: Option<TrustedDocuments>, remembered: u64) -> Self {
        let remembers = trusted.is_none() && remembered > 0;
        Self {
            trusted,
            remembered: remembers.then(|| Cache::new(remembered)),
        }
    }

    /// The text that a request means.
    pub(super) fn find(&self, parameters: &Parameters) -> Result<Document, Refusal> {
        let persisted = parameters.extensions.as_ref().and_then(persisted_hash);
        let persisted = persisted.transpose()?;
        let id = parameters.document_id.as_deref().map(bare);
        if let Some(trusted) = &self.trusted {
            return Ok(trusted.find(parameters.query.as_deref(), id, persisted)?);
        }
        let document = match (&parameters.query, persisted) {
            (Some(text), None) => Ok(Document {
                text: text.as_str().into(),
                new: None,
            }),
            (Some(text), Some(wanted)) => self.introduced(text, wanted),
            (None, Some(wanted)) => {
                let known = self.known(wanted).ok_or_else(not_found);
                return known.map_err(Refusal::request_error);
            }
            // Ids are those of a manifest, and there is none.
            (None, None) if id.is_some() => Err(unknown()),
            (None, None) => Err(ApiError::bad_input(
                "The request has no `query`: send the text of an operation.",
            )),
        };
        Ok(document?)
    }

    /// A text that is to be known by its hash.
    fn introduced(&self, text: &str, wanted: Hash) -> Result<Document, ApiError> {
        if hash(text) != wanted {
            return Err(ApiError::bad_input(
                "`extensions.persistedQuery.sha256Hash` is not the SHA-256 of `query`.",
            ));
        }
        let is_short = text.len() <= LONGEST;
        Ok(Document {
            text: text.into(),
            new: is_short.then_some(wanted),
        })
    }

    fn known(&self, wanted: Hash) -> Option<Document> {
        let text = self.remembered.as_ref()?.get(&wanted)?;
        Some(Document { text, new: None })
    }

    /// Remembers a text by its hash: only now that somebody who may ask has asked for something that
    /// can be answered.
    pub(super) fn remember(&self, document: &Document) {
        if let (Some(remembered), Some(hash)) = (&self.remembered, document.new) {
            remembered.insert(hash, Arc::clone(&document.text));
        }
    }
}

impl TrustedDocuments {
    fn find(
        &self,
        query: Option<&str>,
        id: Option<&str>,
        persisted: Option<Hash>,
    ) -> Result<Document, ApiError> {
        let by_hash = |hash: Hash| self.0.get(&hex::encode(hash));
        let found = match (query, id, persisted) {
            (Some(text), ..) => by_hash(hash(text)),
            (None, Some(id), _) => self.0.get(id),
            (None, None, Some(persisted)) => by_hash(persisted),
            (None, None, None) => None,
        };
        let text = found.ok_or_else(|| {
            ApiError::new(
                Code::Forbidden,
                "Only operations of the service's manifest run here. Have yours added to it.",
            )
        })?;
        Ok(Document {
            text: Arc::clone(text),
            new: None,
        })
    }
}

/// `extensions.persistedQuery`, version 1.
fn persisted_hash(extensions: &Map<String, Value>) -> Option<Result<Hash, ApiError>> {
    let persisted = extensions
        .get("persistedQuery")
        .filter(|it| !it.is_null())?;
    let read = || {
        let version = persisted.get("version")?.as_u64()?;
        let mut hash = Hash::default();
        hex::decode_to_slice(persisted.get("sha256Hash")?.as_str()?, &mut hash).ok()?;
        (version == 1).then_some(hash)
    };
    Some(read().ok_or_else(|| {
        ApiError::bad_input(
            "`extensions.persistedQuery` needs `version` 1 and `sha256Hash`, 64 hexadecimal digits.",
        )
    }))
}

/// The words that clients look for.
fn not_found() -> ApiError {
    ApiError::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound")
}

fn unknown() -> ApiError {
    ApiError::bad_input("`documentId` needs a manifest, and there is none here. Send `query`.")
}
