//! Documents as they were read: what depends on the text alone is found out once.
//!
//! Clients send the same few texts again and again. Reading one and validating it takes longer than
//! executing most. What is remembered of a text is the text's own: no answer, and nothing of a caller's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{Value, Variables};
use foldhash::fast::RandomState;
use mini_moka::sync::Cache;

use super::documents::LONGEST;
use crate::graphql::{ApiError, Costs, Limits, VariableUses, merges};

/// The most that all remembered documents take, in bytes, and what one takes for each byte of its text.
const MOST: u64 = 16 * 1024 * 1024;
const UNFOLDED: usize = 100;

/// A document that parses.
pub(super) struct Parsed {
    pub(super) document: ExecutableDocument,
    pub(super) uses: VariableUses,
    merges: OnceLock<bool>,
    /// Whether the schema has found it valid, together with variables that are plainly of their types.
    is_valid: AtomicBool,
}

/// The documents of a server.
pub(super) struct ParsedDocuments(Cache<Arc<str>, Arc<Parsed>, RandomState>);

impl ParsedDocuments {
    pub(super) fn new() -> Self {
        let weigh = |text: &Arc<str>, _: &Arc<Parsed>| {
            u32::try_from(text.len().saturating_mul(UNFOLDED)).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().max_capacity(MOST).weigher(weigh);
        Self(cache.build_with_hasher(RandomState::default()))
    }

    /// The document of a text. None if it does not parse: the schema says why.
    ///
    /// # Errors
    /// When the text is longer than the limits allow.
    pub(super) fn read(
        &self,
        text: &Arc<str>,
        limits: &Limits,
    ) -> Result<Option<Arc<Parsed>>, ApiError> {
        if let Some(known) = self.0.get(text) {
            return Ok(Some(known));
        }
        let uses = limits.check_text(text)?;
        Ok(parse_query(text).ok().map(|document| {
            Arc::new(Parsed {
                merges: OnceLock::new(),
                document,
                uses,
                is_valid: AtomicBool::new(false),
            })
        }))
    }

    /// Remembers a document that has been executed: what nobody may ask for takes no room.
    pub(super) fn remember(&self, text: &Arc<str>, parsed: &Arc<Parsed>) {
        if text.len() <= LONGEST && !self.0.contains_key(text) {
            self.0.insert(Arc::clone(text), Arc::clone(parsed));
        }
    }
}

impl Parsed {
    /// What would be executed: its name, as the document has it, and its kind. Where that is left open, it is
    /// the kind of most consequence.
    pub(super) fn operation(&self, asked: Option<&str>) -> (Option<&str>, OperationType) {
        let all = match &self.document.operations {
            DocumentOperations::Single(operation) => return (None, operation.node.ty),
            DocumentOperations::Multiple(all) => all,
        };
        let named = asked.and_then(|name| all.get_key_value(name));
        // A sole operation is executed without being named, whatever its own name.
        let sole = all.iter().next().filter(|_| all.len() == 1);
        if let Some((name, operation)) = named.or(sole) {
            return (Some(name), operation.node.ty);
        }
        let has = |ty| all.values().any(|operation| operation.node.ty == ty);
        let kinds = [OperationType::Mutation, OperationType::Subscription];
        let kind = kinds.into_iter().find(|ty| has(*ty));
        (None, kind.unwrap_or(OperationType::Query))
    }

    /// Refuses a request that lacks a variable which the document says it needs. The library would execute
    /// what comes before the first field that uses it, changes included.
    pub(super) fn check_variables(
        &self,
        name: Option<&str>,
        variables: &Variables,
    ) -> Result<(), ApiError> {
        let chosen = self.document.operations.iter().find(|(own, _)| match name {
            Some(name) => own.is_some_and(|own| own == name),
            None => true,
        });
        let Some((_, operation)) = chosen else {
            return Ok(());
        };
        for definition in &operation.node.variable_definitions {
            let definition = &definition.node;
            let name = &definition.name.node;
            let is_missing = match variables.get(name) {
                None => definition.default_value.is_none(),
                Some(value) => *value == Value::Null,
            };
            if is_missing && !definition.var_type.node.nullable {
                let text = format!("The variable `${name}` is required, and has no value.");
                return Err(ApiError::bad_input(text));
            }
        }
        Ok(())
    }

    /// Whether it need not be validated again: with variables as plain as these it was found valid.
    pub(super) fn is_valid_with(&self, variables: &Variables) -> bool {
        self.is_valid.load(Ordering::Relaxed) && self.are_plain(variables)
    }

    /// It has been executed without an error. `all_were_plain`: all of its variables were there, and plain.
    pub(super) fn was_executed(&self, all_were_plain: bool) {
        if all_were_plain {
            self.is_valid.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it asks for one object in several places.
    pub(super) fn merges(&self, costs: &Costs) -> bool {
        *self.merges.get_or_init(|| merges(&self.document, costs))
    }

    /// Whether all of its variables are there, and plain. Where one is missing, validation looks at nothing
    /// that it is a part of.
    pub(super) fn are_all_plain(&self, variables: &Variables) -> bool {
        let Some(operation) = self.sole() else {
            return false;
        };
        let mut definitions = operation.variable_definitions.iter();
        definitions.all(|it| variables.contains_key(&it.node.name.node))
            && self.are_plain(variables)
    }

    /// Whether the variables that are there are so plainly of their types that nothing needs to look at
    /// their values: what holds of the document with one of them holds with all. Of several operations it is
    /// not said.
    fn are_plain(&self, variables: &Variables) -> bool {
        let operation = self.sole();
        operation.is_some_and(|operation| is_plain(operation, variables))
    }

    fn sole(&self) -> Option<&OperationDefinition> {
        let mut operations = self.document.operations.iter();
        match (operations.next(), operations.next()) {
            (Some((_, operation)), None) => Some(&operation.node),
            _ => None,
        }
    }
}

fn is_plain(operation: &OperationDefinition, variables: &Variables) -> bool {
    operation.variable_definitions.iter().all(|definition| {
        let definition = &definition.node;
        let Some(value) = variables.get(&definition.name.node) else {
            return true;
        };
        let BaseType::Named(ty) = &definition.var_type.node.base else {
            return false;
        };
        match (ty.as_str(), value) {
            ("Int", Value::Number(number)) => {
                number.as_i64().is_some_and(|it| i32::try_from(it).is_ok())
            }
            ("Boolean", Value::Boolean(_)) | ("String" | "ID", Value::String(_)) => true,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn are_plain(text: &str, variables: serde_json::Value) -> bool {
        let documents = ParsedDocuments::new();
        let parsed = documents.read(&Arc::from(text), &Limits::default());
        let parsed = parsed.ok().flatten().unwrap();
        parsed.are_plain(&Variables::from_json(variables))
    }

    #[test]
    fn a_value_is_plain_if_none_of_its_type_and_kind_is_refused() {
        let text = "query Q($a: Int, $b: Boolean!, $c: ID, $d: [Int], $e: Date) { viewer { id } }";
        for plain in [
            json!({}),
            json!({ "a": -5, "b": false, "c": "x", "other": [1] }),
        ] {
            assert!(are_plain(text, plain.clone()), "{plain}");
        }
        for other in [
            json!({ "a": 1.5 }),
            json!({ "a": 3_000_000_000_i64 }),
            json!({ "a": "5" }),
            json!({ "a": null }),
            json!({ "c": 5 }),
            json!({ "d": [5] }),
            json!({ "e": "2024-02-29" }),
        ] {
            assert!(!are_plain(text, other.clone()), "{other}");
        }
    }

    #[test]
    fn of_several_operations_nothing_is_said() {
        let text = "query A { viewer { id } } query B { viewer { id } }";
        assert!(!are_plain(text, json!({})));
    }
}
