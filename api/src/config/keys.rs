//! Settings of those who call by token or key.

use std::path::PathBuf;

use clap::Args;

use super::check::Check;
use crate::authentication::{KeySources, Sources};

/// Unchecked. A way in without its keys is closed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tokens and keys")]
pub(super) struct KeyArguments {
    /// The secret that signs other services' tokens of users, of at least 32 bytes.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    jwt_secret: Option<String>,
    /// A file that holds it; read again when it changes.
    #[arg(long, env = "JWT_SECRET_FILE")]
    jwt_secret_file: Option<PathBuf>,
    /// A second such secret, while one takes the other's place.
    #[arg(long, env = "JWT_SECRET_PREVIOUS", hide_env_values = true)]
    jwt_secret_previous: Option<String>,
    /// A file that holds it; read again when it changes. Empty is none.
    #[arg(long, env = "JWT_SECRET_PREVIOUS_FILE")]
    jwt_secret_previous_file: Option<PathBuf>,
    /// Hashes of the services' keys: sirius=SHA256,events=SHA256, in hexadecimal.
    #[arg(long, env = "SERVICE_KEYS", hide_env_values = true)]
    service_keys: Option<String>,
    /// A file that holds them; read again when it changes.
    #[arg(long, env = "SERVICE_KEYS_FILE")]
    service_keys_file: Option<PathBuf>,
    /// Sirius's number of the user that services and nightly jobs act as.
    #[arg(long, env = "SYSTEM_USER_ID")]
    system_user_id: Option<String>,
}

/// Who may call by token or key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySettings {
    /// Where the keys come from.
    pub sources: Sources,
    /// The user that services act as.
    pub system_user: Option<i32>,
}

impl KeyArguments {
    pub(super) fn read(&self, check: &mut Check) -> KeySettings {
        let sources = Sources {
            secret: check.source(
                "JWT_SECRET",
                self.jwt_secret.as_ref(),
                self.jwt_secret_file.as_ref(),
            ),
            previous_secret: check.source(
                "JWT_SECRET_PREVIOUS",
                self.jwt_secret_previous.as_ref(),
                self.jwt_secret_previous_file.as_ref(),
            ),
            service_keys: check.source(
                "SERVICE_KEYS",
                self.service_keys.as_ref(),
                self.service_keys_file.as_ref(),
            ),
        };
        let faults = check.faults.len();
        let system_user = check.optional(
            "SYSTEM_USER_ID",
            self.system_user_id.as_deref(),
            system_user::WANTED,
            system_user::read,
        );
        let is_told = check.faults.len() > faults;
        if let Err(fault) = KeySources::read(sources.clone()) {
            check.faults.push(fault.to_string());
        }
        if sources.previous_secret.is_some() && sources.secret.is_none() {
            let text = "JWT_SECRET_PREVIOUS is given without JWT_SECRET";
            check.faults.push(text.to_owned());
        }
        if sources.service_keys.is_some() && system_user.is_none() && !is_told {
            let text =
                "SERVICE_KEYS is given without SYSTEM_USER_ID, the user that services act as";
            check.faults.push(text.to_owned());
        }
        KeySettings {
            sources,
            system_user,
        }
    }
}

/// The user that services and jobs act as.
pub(super) mod system_user {
    /// What the setting must be.
    pub(in crate::config) const WANTED: &str = "the number of a Sirius user, 1 or above";

    /// The user of that text.
    pub(in crate::config) fn read(text: &str) -> Option<i32> {
        text.parse::<i32>().ok().filter(|id| *id > 0)
    }
}
