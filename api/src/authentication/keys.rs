//! The keys of both ways in: given as settings, or in files, which are read again, so that a key can
//! be replaced without a restart.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use sha2::{Digest as _, Sha256};

use super::service::{self, Service, ServiceKey};
use crate::secret::Source;

/// A secret shorter than this could be guessed.
const SECRET_LEAST: usize = 32;
/// How long keys from files are believed before they are read again.
const READ_AGAIN: Duration = Duration::from_secs(5);

const PREVIOUS: &str = "JWT_SECRET_PREVIOUS";

/// What is wrong with a key. It holds nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The file cannot be read.
    #[error("{0}: its file cannot be read: {1}")]
    Unreadable(&'static str, String),
    /// A secret that could be guessed.
    #[error("{0} is wrong: want at least 32 bytes")]
    TooShort(&'static str),
    /// No list of service keys.
    #[error(
        "SERVICE_KEYS is wrong: want sirius=<sha256 hex>,events=<sha256 hex>, the hashes of their keys"
    )]
    NoServiceKeys,
}

/// All keys, at one moment.
#[derive(Default)]
pub struct Keys {
    secrets: Vec<DecodingKey>,
    services: Vec<ServiceKey>,
    /// Tells whether they have changed.
    fingerprint: [u8; 32],
}

impl Keys {
    pub(super) fn secrets(&self) -> &[DecodingKey] {
        &self.secrets
    }

    pub(super) fn service(&self, token: &str) -> Option<Service> {
        service::of_token(&self.services, token)
    }
}

/// Where the keys come from, and what they are.
pub struct KeySources {
    sources: Sources,
    state: Mutex<State>,
    reading: tokio::sync::Mutex<()>,
}

/// The settings of the keys. What is absent is a way in that is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The secret that signs tokens.
    pub secret: Option<Source>,
    /// The secret before it, or after it, while one takes the other's place.
    pub previous_secret: Option<Source>,
    /// Hashes of the services' keys.
    pub service_keys: Option<Source>,
}

struct State {
    keys: Arc<Keys>,
    read_at: Duration,
    fault: Option<KeyFault>,
}

impl KeySources {
    /// Reads the keys for the first time.
    ///
    /// # Errors
    /// When a file cannot be read, or a key is none.
    pub fn read(sources: Sources) -> Result<Self, KeyFault> {
        let keys = sources.load()?;
        Ok(Self {
            sources,
            state: Mutex::new(State {
                keys: Arc::new(keys),
                read_at: Duration::ZERO,
                fault: None,
            }),
            reading: tokio::sync::Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys as they are now. While a file is unreadable or wrong, the keys before stay.
    pub(super) async fn current(&self, now: Duration) -> Arc<Keys> {
        if let Some(keys) = self.unless_due(now) {
            return keys;
        }
        // One request reads, and those that come meanwhile wait for what it reads.
        let _reading = self.reading.lock().await;
        if let Some(keys) = self.unless_due(now) {
            return keys;
        }
        let sources = self.sources.clone();
        let loaded = tokio::task::spawn_blocking(move || sources.load()).await;
        let mut state = self.state();
        state.read_at = now;
        match loaded {
            Ok(Ok(keys)) => {
                if state.fault.take().is_some() {
                    tracing::info!("the keys in files are right again");
                }
                if keys.fingerprint != state.keys.fingerprint {
                    tracing::info!("the keys in files have changed; the new ones are in use");
                    state.keys = Arc::new(keys);
                }
            }
            Ok(Err(fault)) if state.fault.as_ref() != Some(&fault) => {
                tracing::error!(%fault, "keys in files are wrong; those before stay in use");
                state.fault = Some(fault);
            }
            // Known already, or the program is ending.
            Ok(Err(_)) | Err(_) => {}
        }
        Arc::clone(&state.keys)
    }

    fn unless_due(&self, now: Duration) -> Option<Arc<Keys>> {
        let state = self.state();
        let is_due = now.saturating_sub(state.read_at) >= READ_AGAIN;
        (!is_due || !self.sources.have_files()).then(|| Arc::clone(&state.keys))
    }
}

impl Sources {
    fn have_files(&self) -> bool {
        [&self.secret, &self.previous_secret, &self.service_keys]
            .into_iter()
            .any(|source| matches!(source, Some(Source::File(_))))
    }

    fn load(&self) -> Result<Keys, KeyFault> {
        let text = |name, source: &Option<Source>| match source {
            None => Ok(None),
            Some(source) => source
                .read()
                .map(Some)
                .map_err(|error| KeyFault::Unreadable(name, error.kind().to_string())),
        };
        let mut secrets = Vec::new();
        let mut fingerprint = Sha256::new();
        for (name, source) in [
            ("JWT_SECRET", &self.secret),
            (PREVIOUS, &self.previous_secret),
        ] {
            // The file of a secret before may stay, empty, when its time is over.
            let is_none = |secret: &String| secret.is_empty() && name == PREVIOUS;
            if let Some(secret) = text(name, source)?.filter(|it| !is_none(it)) {
                if secret.len() < SECRET_LEAST {
                    return Err(KeyFault::TooShort(name));
                }
                fingerprint.update(Sha256::digest(secret.as_bytes()));
                secrets.push(DecodingKey::from_secret(secret.as_bytes()));
            }
        }
        let services = match text("SERVICE_KEYS", &self.service_keys)? {
            None => Vec::new(),
            Some(text) => {
                fingerprint.update(text.as_bytes());
                service::parse(&text).ok_or(KeyFault::NoServiceKeys)?
            }
        };
        Ok(Keys {
            secrets,
            services,
            fingerprint: fingerprint.finalize().into(),
        })
    }
}
