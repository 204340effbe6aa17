//! Keys of services: known by their hash alone.

use std::collections::HashSet;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use strum::{EnumString, IntoStaticStr};
use subtle::ConstantTimeEq as _;

/// A service that calls by a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Service {
    /// Sirius itself.
    Sirius,
    /// The bus that delivers events.
    Events,
}

/// The hash of a service's key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ServiceKey {
    pub(super) service: Service,
    hash: [u8; 32],
}

/// The keys in `sirius=<sha256 hex>,events=<sha256 hex>`. A service may have two, so that one can
/// be replaced.
pub(super) fn parse(text: &str) -> Option<Vec<ServiceKey>> {
    let entries = text.split(',').map(str::trim);
    let keys = entries
        .map(|entry| {
            let (service, hash) = entry.split_once('=')?;
            Some(ServiceKey {
                service: Service::from_str(service).ok()?,
                hash: hash_of_hex(hash)?,
            })
        })
        .collect::<Option<Vec<_>>>()?;
    // One key for two services would be the later one's.
    let hashes = keys.iter().map(|key| key.hash).collect::<HashSet<_>>();
    (hashes.len() == keys.len()).then_some(keys)
}

fn hash_of_hex(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// The service whose key the token is. Every key is compared, each in constant time.
pub(super) fn of_token(keys: &[ServiceKey], token: &str) -> Option<Service> {
    let hash = <[u8; 32]>::from(Sha256::digest(token.as_bytes()));
    let mut found = None;
    for key in keys {
        if bool::from(key.hash.ct_eq(&hash)) {
            found = Some(key.service);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf %s key-of-sirius | sha256sum`
    const HASH: &str = "b8b2d4d0b2ab5ab3b1a6fcac1a2ed4f63f85a24eae0c4f8f3bb22a0b6a0a7b1c";

    #[test]
    fn keys_are_named_and_hashed() {
        let other = HASH.replace('b', "c").to_uppercase();
        let keys = parse(&format!("sirius={HASH}, events={other}")).unwrap();
        let services = keys.iter().map(|key| key.service).collect::<Vec<_>>();
        assert_eq!(services, [Service::Sirius, Service::Events]);
    }

    #[test]
    fn what_is_no_list_of_keys_is_refused() {
        let short = &HASH[1..];
        for wrong in [
            "",
            ",",
            HASH,
            &format!("sirius={short}"),
            &format!("sirius={HASH}00"),
            &format!("sirius=g{short}"),
            &format!("somebody={HASH}"),
            &format!("sirius={HASH},"),
            &format!("sirius={HASH},events={HASH}"),
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_its_services_key_or_nobodys() {
        let hash = |key: &str| hex::encode(Sha256::digest(key.as_bytes()));
        let text = format!(
            "sirius={},events={},sirius={}",
            hash("one"),
            hash("two"),
            hash("three")
        );
        let keys = parse(&text).unwrap();
        assert_eq!(of_token(&keys, "one"), Some(Service::Sirius));
        assert_eq!(of_token(&keys, "two"), Some(Service::Events));
        assert_eq!(
            of_token(&keys, "three"),
            Some(Service::Sirius),
            "the one to come"
        );
        assert_eq!(of_token(&keys, "four"), None);
        assert_eq!(of_token(&[], "one"), None);
    }
}
