//! Tokens of users, made by another service: HS256, five seconds long (`domain.md` section 9).

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

const ISSUER: &str = "urn:opg:payments-hub";
const AUDIENCE: &str = "urn:opg:payments-api";
/// What stands before the user's id in `sub`.
const SUBJECT: &str = "urn:opg:sirius:users:";
/// From `iat` to `exp`, in seconds.
const LIFETIME: i64 = 5;
/// How far two clocks may be apart, in seconds.
const LEEWAY: i64 = 2;

/// Why a bearer token is refused. For the log: it holds nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than any token has.
    #[error("too long")]
    TooLong,
    /// That way in has no keys here.
    #[error("no keys are set for it")]
    Closed,
    /// Neither a service's key nor a token with one of our signatures, for us, by our issuer.
    #[error("neither a known key nor a token signed for this service")]
    Unsigned,
    /// Signed, and yet not as agreed.
    #[error("signed, but not as agreed: {0}")]
    Odd(&'static str),
    /// Its time is over, or has not come.
    #[error("signed, but not of this time")]
    Untimely,
}

impl Refusal {
    /// One word for it, for metrics.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Closed => "closed",
            Self::Unsigned => "unsigned",
            Self::Odd(_) => "odd",
            Self::Untimely => "untimely",
        }
    }
}

/// The user that a token stands for.
pub(super) struct TokenUser {
    pub(super) id: i32,
    pub(super) roles: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {
    /// One issuer: the library would take a list that has ours among others.
    iss: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    jti: String,
    sub: String,
    roles: Vec<String>,
}

/// The token's user, if one of the secrets signed it and it says what was agreed, now.
pub(super) fn verify(
    token: &str,
    secrets: &[DecodingKey],
    now: DateTime<Utc>,
) -> Result<TokenUser, Refusal> {
    if secrets.is_empty() {
        return Err(Refusal::Closed);
    }
    let validation = validation();
    let token = secrets
        .iter()
        .find_map(|secret| decode::<Claims>(token, secret, &validation).ok())
        .ok_or(Refusal::Unsigned)?;
    if token.header.crit.is_some() {
        return Err(Refusal::Odd("its header asks for an extension"));
    }
    let claims = token.claims;
    if claims.iss != ISSUER {
        return Err(Refusal::Odd("iss is another's"));
    }
    check_times(&claims, now.timestamp())?;
    let id = user_id(&claims.jti).ok_or(Refusal::Odd("jti is no user's id"))?;
    if claims.sub.strip_prefix(SUBJECT) != Some(claims.jti.as_str()) {
        return Err(Refusal::Odd("sub is not the user of jti"));
    }
    Ok(TokenUser {
        id,
        roles: claims.roles,
    })
}

/// What the library checks. Times are checked by our own clock.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation
}

fn check_times(claims: &Claims, now: i64) -> Result<(), Refusal> {
    let lifetime = claims
        .exp
        .checked_sub(claims.iat)
        .ok_or(Refusal::Odd("its times are beyond measure"))?;
    // The two times may have been read a moment apart, so they too may differ by the leeway.
    if lifetime <= 0 || lifetime > LIFETIME + LEEWAY {
        return Err(Refusal::Odd("exp is not five seconds after iat"));
    }
    let is_over = now >= claims.exp.saturating_add(LEEWAY);
    let has_come = |time: i64| time <= now.saturating_add(LEEWAY);
    if is_over || !has_come(claims.iat) || !claims.nbf.is_none_or(has_come) {
        return Err(Refusal::Untimely);
    }
    Ok(())
}

/// A user's id as Sirius writes it: no sign, no leading zero.
fn user_id(text: &str) -> Option<i32> {
    let id = text.parse::<i32>().ok().filter(|id| *id > 0)?;
    (id.to_string() == text).then_some(id)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "a secret of thirty-two bytes, or more";
    const NOW: i64 = 1_756_728_000;

    fn claims() -> Value {
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 5,
            "jti": "3", "sub": "urn:opg:sirius:users:3", "roles": ["Finance User"],
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims
            .as_object_mut()
            .unwrap()
            .insert(name.to_owned(), value);
        claims
    }

    fn sign(claims: &Value, secret: &str) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
    }

    fn verify_at(token: &str, now: i64) -> Result<i32, Refusal> {
        let secrets = [SECRET, "the secret before, also long enough"]
            .map(|it| DecodingKey::from_secret(it.as_bytes()));
        let now = Utc.timestamp_opt(now, 0).unwrap();
        verify(token, &secrets, now).map(|user| user.id)
    }

    fn check(claims: &Value) -> Result<i32, Refusal> {
        verify_at(&sign(claims, SECRET), NOW)
    }

    #[test]
    fn a_token_as_agreed_stands_for_its_user() {
        assert_eq!(check(&claims()), Ok(3));
        let audiences = json!(["urn:opg:other", AUDIENCE]);
        assert_eq!(check(&with("aud", audiences)), Ok(3));
        assert_eq!(check(&with("more", json!({ "of": "it" }))), Ok(3));
    }

    #[test]
    fn the_secret_before_still_serves() {
        let token = sign(&claims(), "the secret before, also long enough");
        assert_eq!(verify_at(&token, NOW), Ok(3));
        let token = sign(&claims(), "a secret that nobody here has set.");
        assert_eq!(verify_at(&token, NOW), Err(Refusal::Unsigned));
    }

    #[test]
    fn it_lives_five_seconds_with_two_for_clocks() {
        let token = sign(&claims(), SECRET);
        for (now, expected) in [
            (NOW - 3, Err(Refusal::Untimely)),
            (NOW - 2, Ok(3)),
            (NOW + 6, Ok(3)),
            (NOW + 7, Err(Refusal::Untimely)),
        ] {
            assert_eq!(verify_at(&token, now), expected, "{}", now - NOW);
        }
        assert!(
            check(&with("exp", json!(NOW + 3600))).is_err(),
            "lives too long"
        );
        assert!(check(&with("exp", json!(NOW))).is_err(), "does not live");
        assert!(check(&with("nbf", json!(NOW + 3))).is_err(), "not yet");
    }

    #[test]
    fn every_claim_must_be_as_agreed() {
        for (name, value) in [
            ("iss", json!("urn:opg:somebody")),
            ("iss", json!(["urn:opg:payments-hub", "urn:opg:somebody"])),
            ("iss", Value::Null),
            ("aud", json!("urn:opg:other")),
            ("aud", json!([])),
            ("aud", json!(7)),
            ("exp", json!("soon")),
            ("exp", json!(i64::MAX)),
            ("exp", json!(1e300)),
            ("iat", json!(i64::MIN)),
            ("iat", Value::Null),
            ("jti", json!(3)),
            ("jti", json!("")),
            ("jti", json!("+3")),
            ("jti", json!("03")),
            ("jti", json!("4")),
            ("sub", json!("urn:opg:sirius:users:4")),
            ("sub", json!("3")),
            ("roles", json!("Finance User")),
            ("roles", json!([1])),
            ("roles", Value::Null),
        ] {
            let claims = with(name, value.clone());
            assert!(check(&claims).is_err(), "{name}: {value}");
        }
        for name in ["iss", "aud", "exp", "iat", "jti", "sub", "roles"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(name);
            assert!(check(&claims).is_err(), "without {name}");
        }
    }

    #[test]
    fn a_negative_or_huge_id_is_refused() {
        for id in ["0", "-3", "2147483648", "99999999999999999999"] {
            let mut claims = with("jti", json!(id));
            let subject = format!("{SUBJECT}{id}");
            claims["sub"] = json!(subject);
            assert!(check(&claims).is_err(), "{id}");
        }
    }

    #[test]
    fn only_hs256_counts() {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let token = encode(&Header::new(algorithm), &claims(), &key).unwrap();
            assert_eq!(
                verify_at(&token, NOW),
                Err(Refusal::Unsigned),
                "{algorithm:?}"
            );
        }
        // {"alg":"none"}, with and without a signature.
        let signed = sign(&claims(), SECRET);
        let mut parts = signed.split('.').skip(1);
        let (payload, signature) = (parts.next().unwrap(), parts.next().unwrap());
        for token in [
            format!("eyJhbGciOiJub25lIn0.{payload}."),
            format!("eyJhbGciOiJub25lIn0.{payload}.{signature}"),
        ] {
            assert_eq!(verify_at(&token, NOW), Err(Refusal::Unsigned), "{token}");
        }
    }

    #[test]
    fn an_extension_that_must_be_understood_is_not() {
        let mut header = Header::new(Algorithm::HS256);
        header.crit = Some(vec!["b64".to_owned()]);
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = encode(&header, &claims(), &key).unwrap();
        assert!(verify_at(&token, NOW).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_token_and_none_panics(text in ".{0,200}") {
            proptest::prop_assert!(verify_at(&text, NOW).is_err());
        }
    }
}
