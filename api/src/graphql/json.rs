//! Values as JSON text.

use std::io::Write as _;

use async_graphql::Value;

/// Writes a value. A [`Value::Binary`] is JSON already, as [`super::direct`] gives it: no scalar of this
/// schema is bytes.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            // Writing to memory does not fail.
            let _ = match number.as_i64() {
                Some(whole) => out.write_all(itoa::Buffer::new().format(whole).as_bytes()),
                None => write!(out, "{number}"),
            };
        }
        Value::String(text) => string(text, out),
        // The letters of a name need no escape.
        Value::Enum(name) => {
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.push(b'"');
        }
        Value::Binary(json) => out.extend_from_slice(json),
        Value::List(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            let mut object = Object::begin(out);
            for (key, value) in fields {
                write(value, object.key(key));
            }
            object.end();
        }
    }
}

/// Writes a text, escaped where it has to be.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    // A text in memory is always written.
    let _ = serde_json::to_writer(out, text);
}

/// An object that is being written.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self {
            out,
            is_empty: true,
        }
    }

    /// Writes a key; its value is to follow. Keys are GraphQL's names, and need no escape.
    pub(super) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(|it| Value::Number(it.into())),
            any::<u64>().prop_map(|it| Value::Number(it.into())),
            (-1e9..1e9_f64).prop_map(Value::from),
            any::<String>().prop_map(Value::String),
            "[_A-Za-z][_0-9A-Za-z]{0,9}".prop_map(|it| Value::Enum(async_graphql::Name::new(it))),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let name = "[_A-Za-z][_0-9A-Za-z]{0,9}".prop_map(async_graphql::Name::new);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                prop::collection::vec((name, inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_writes_what_serde_would(value in values()) {
            let mut written = Vec::new();
            write(&value, &mut written);
            let written = String::from_utf8(written).unwrap();
            prop_assert_eq!(written, serde_json::to_string(&value).unwrap());
        }
    }
}
