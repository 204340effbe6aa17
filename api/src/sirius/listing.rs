//! Reading Sirius's user list: entry by entry, of each its id and display name alone.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::SiriusError;
use super::client::{NOT_AGREED, Names};

/// Far above any list.
const MOST_USERS: usize = 500_000;
/// The longest display name that is kept, in bytes; a longer one is left out.
const LONGEST_NAME: usize = 1_000;

/// The users of a list.
pub(super) fn read(body: &[u8]) -> Result<Names, SiriusError> {
    let list: List = serde_json::from_slice(body).map_err(|_| SiriusError::Nonsense(NOT_AGREED))?;
    Ok(list.0)
}

struct List(Names);

/// What is read of an entry.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedUser {
    id: Option<i64>,
    display_name: Option<String>,
}

impl ListedUser {
    fn id_and_name(self) -> Option<(i32, Arc<str>)> {
        let id = i32::try_from(self.id?).ok()?;
        let name = self.display_name?;
        let is_name = !name.trim().is_empty() && name.len() <= LONGEST_NAME;
        is_name.then(|| (id, name.into()))
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = List;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<List, A::Error> {
        let mut names = Names::default();
        while let Some(user) = entries.next_element::<ListedUser>()? {
            if let Some((id, name)) = user.id_and_name() {
                names.insert(id, name);
            }
            if names.len() > MOST_USERS {
                return Err(de::Error::custom("more users than there can be"));
            }
        }
        Ok(List(names))
    }
}
