//! Bearer tokens: what the live front end's hub signs, and the keys of services.

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

/// The token of those claims.
pub fn sign(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}
