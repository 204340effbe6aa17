//! What fields cost: known from the schema itself, so that a new field has its cost at once.
//!
//! A field costs 1. A list multiplies what is below it: a page by the size that is asked for, another
//! list by what it typically holds. Fields that start statements of their own cost more, see `WEIGHTS`.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};

/// Items that a list without pages is taken to hold.
const LIST: u64 = 5;

/// Fields that start statements of their own, or write: by parent type and field, `*` for all of a type.
const WEIGHTS: [(&str, &str, u64); 6] = [
    ("Query", "viewer", 1),
    ("Query", "*", 20),
    ("Mutation", "createGeneratedInvoices", 10_000),
    ("Mutation", "*", 200),
    ("Subscription", "*", 200),
    ("FinanceClient", "billingHistory", 100),
];

/// Lists that typically hold more or less, by parent type and field.
const LISTS: [(&str, &str, u64); 10] = [
    ("CreateGeneratedInvoicesPayload", "results", 1_000),
    ("__Schema", "types", 150),
    ("__Schema", "directives", 10),
    ("__Type", "fields", 15),
    ("__Type", "interfaces", 2),
    ("__Type", "possibleTypes", 5),
    ("__Type", "enumValues", 10),
    ("__Type", "inputFields", 10),
    ("__Field", "args", 3),
    ("__Directive", "args", 2),
];

/// The introspection's own types, which the schema's text does not tell.
const INTROSPECTION: &str = "
    type __Schema { types: [__Type!]! queryType: __Type! mutationType: __Type subscriptionType: __Type
        directives: [__Directive!]! }
    type __Type { fields: [__Field!] interfaces: [__Type!] possibleTypes: [__Type!]
        enumValues: [__EnumValue!] inputFields: [__InputValue!] ofType: __Type }
    type __Field { args: [__InputValue!]! type: __Type! }
    type __InputValue { type: __Type! }
    type __EnumValue { name: String! }
    type __Directive { args: [__InputValue!]! }
";

/// How many there are of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Many {
    /// A single one, or a list whose multiple is counted above it.
    One,
    /// So many.
    List(u64),
    /// As many as `first` or `last` say.
    Page,
}

/// A field, as far as its cost goes.
#[derive(Clone, Debug)]
pub(super) struct FieldCost {
    pub(super) ty: String,
    pub(super) many: Many,
    pub(super) own: u64,
}

/// The costs of a schema's fields.
#[derive(Debug, Default)]
pub struct Costs {
    fields: HashMap<String, HashMap<String, FieldCost>>,
    objects: HashSet<String>,
}

impl Costs {
    /// The costs of the fields of a schema, by its text. A text that is none has no fields.
    pub fn of(sdl: &str) -> Self {
        let mut costs = Self::default();
        for text in [sdl, INTROSPECTION] {
            match parse_schema(text) {
                Ok(document) => costs.add(document.definitions),
                Err(error) => tracing::error!(%error, "the schema's costs are not known"),
            }
        }
        costs
    }

    fn add(&mut self, definitions: Vec<TypeSystemDefinition>) {
        for definition in definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => {
                    self.objects.insert(name.clone());
                    object.fields
                }
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Scalar
                | TypeKind::Union(_)
                | TypeKind::Enum(_)
                | TypeKind::InputObject(_) => {
                    continue;
                }
            };
            let is_connection = name.ends_with("Connection");
            let fields = fields.into_iter().map(|field| {
                let field = field.node;
                let (ty, is_list) = unwrapped(&field.ty.node);
                let field_name = field.name.node.to_string();
                let has_pages = field
                    .arguments
                    .iter()
                    .any(|it| it.node.name.node == "first");
                let many = match (has_pages, is_list && !is_connection) {
                    (true, _) => Many::Page,
                    (false, true) => Many::List(of(&LISTS, &name, &field_name).unwrap_or(LIST)),
                    (false, false) => Many::One,
                };
                let own = of(&WEIGHTS, &name, &field_name).unwrap_or(1);
                (field_name, FieldCost { ty, many, own })
            });
            let fields = fields.collect();
            self.fields.insert(name, fields);
        }
    }

    /// The cost of a field; none of one that the schema does not have.
    pub(super) fn field(&self, parent: &str, field: &str) -> Option<&FieldCost> {
        self.fields.get(parent)?.get(field)
    }

    /// Whether it is an object type: a value is of one of them alone.
    pub(in crate::graphql) fn is_object(&self, name: &str) -> bool {
        self.objects.contains(name)
    }
}

fn of(table: &[(&str, &str, u64)], parent: &str, field: &str) -> Option<u64> {
    let row = table
        .iter()
        .find(|(ty, name, _)| *ty == parent && (*name == field || *name == "*"));
    row.map(|(_, _, value)| *value)
}

fn unwrapped(ty: &Type) -> (String, bool) {
    match &ty.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(item) => (unwrapped(item).0, true),
    }
}
