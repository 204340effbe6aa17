//! What a change was asked for, as its caller wrote it: by that an idempotency key knows its request again.

use async_graphql::{Context, Value};
use sha2::{Digest as _, Sha256};

use crate::finance::change::RequestKey;
use crate::graphql::error::ApiError;

/// See the module.
pub(super) struct Content(String);

impl Content {
    /// The content of the field that is resolved.
    pub(super) fn of(ctx: &Context<'_>) -> Result<Self, ApiError> {
        let arguments = ctx.field().arguments().map_err(|_| ApiError::internal())?;
        let input = arguments.into_iter().find(|(name, _)| name == "input");
        let mut text = String::new();
        if let Some((_, input)) = input {
            write(&input, &mut text);
        }
        Ok(Self(text))
    }

    /// The key that the caller gave, with what it was given for.
    pub(super) fn key(self, key: Option<String>) -> Option<RequestKey> {
        key.map(|key| RequestKey {
            key,
            content: self.0,
        })
    }
}

/// The fields of a bank account.
const ACCOUNT: [&str; 3] = ["accountName", "accountNumber", "sortCode"];

/// Writes a value so that two ways to write the same give the same text: fields in the order of their
/// names, none that is absent or null, and not the key itself.
///
/// What comes of it outlives the bank details, and there are so few accounts that all can be tried: of an
/// account it holds sixteen bits, enough to tell one from another and too little to find one by.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields = fields
                .iter()
                .filter(|(name, value)| **value != Value::Null && *name != "idempotencyKey")
                .collect::<Vec<_>>();
            fields.sort_by_key(|(name, _)| name.as_str());
            let (account, others): (Vec<_>, Vec<_>) = fields
                .into_iter()
                .partition(|(name, _)| ACCOUNT.contains(&name.as_str()));
            text.push('{');
            for (name, value) in others {
                text.push_str(name);
                text.push(':');
                write(value, text);
                text.push(',');
            }
            if !account.is_empty() {
                let hash = Sha256::digest(format!("{account:?}"));
                let hint = hash.iter().take(2).map(|byte| format!("{byte:02x}"));
                text.extend(hint);
            }
            text.push('}');
        }
        Value::List(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        // Enums come as names from a document and as texts from variables.
        Value::Enum(name) => text.push_str(&format!("{:?}", name.as_str())),
        Value::String(word) => text.push_str(&format!("{word:?}")),
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(json: serde_json::Value) -> String {
        let mut text = String::new();
        write(&Value::from_json(json).unwrap(), &mut text);
        text
    }

    /// Kept for thirty days: what is given here may not change from one release to the next.
    #[test]
    fn a_request_has_one_text_for_good() {
        let input = json!({ "raisedDate": "2025-08-01", "clientId": 1001, "feeType": "AD", "amount": null,
            "ranges": [{ "b": true, "a": "x" }], "idempotencyKey": "k" });
        let expected =
            r#"{clientId:1001,feeType:"AD",raisedDate:"2025-08-01",ranges:[{a:"x",b:true,},],}"#;
        assert_eq!(text(input), expected);
    }

    #[test]
    fn of_a_bank_account_two_bytes_are_kept() {
        let of = |account: &str| {
            text(
                json!({ "notes": "n", "accountName": "Reginald Deputy", "accountNumber": account,
                "sortCode": "20-30-40" }),
            )
        };
        assert!(!of("12345678").contains("1234"));
        assert_eq!(of("12345678").len(), "{notes:\"n\",abcd}".len());
        assert_ne!(of("12345678"), of("12345679"));
    }
}
