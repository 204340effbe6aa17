//! Bearer tokens: what the live front end's hub signs, and the keys of services.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The secret that the API is given.
pub const SECRET: &str = "the tests' secret, of more than 32 bytes";
/// Key of the service `sirius`.
pub const SIRIUS_KEY: &str = "key-of-sirius-which-is-long-enough-for-a-key";
/// Key of the service `events`.
pub const EVENTS_KEY: &str = "key-of-events-which-is-long-enough-for-a-key";

/// SERVICE_KEYS as the API is given it.
pub fn service_keys() -> String {
    let hash = |key: &str| {
        let hash = Sha256::digest(key.as_bytes());
        hash.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    format!("sirius={},events={}", hash(SIRIUS_KEY), hash(EVENTS_KEY))
}

/// Claims of a token of that user, made at that second.
pub fn claims(user: i64, roles: &[&str], made: i64) -> Value {
    json!({
        "iss": "urn:opg:payments-hub",
        "aud": "urn:opg:payments-api",
        "iat": made,
        "exp": made + 5,
        "jti": user.to_string(),
        "sub": format!("urn:opg:sirius:users:{user}"),
        "roles": roles,
    })
}

/// A token of that user's which holds now: a real server reads a real clock.
#[expect(clippy::disallowed_methods, reason = "so does its caller")]
pub fn fresh(user: i64, roles: &[&str]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a clock after 1970").as_secs();
    sign(&claims(user, roles, now.cast_signed()), SECRET)
}

/// The token of those claims.
pub fn sign(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}
