//! Documents made from the schema itself: one with every field, and any number of random valid ones.
//!
//! The random ones are read out of bytes, so that whoever makes the bytes, a seed or a fuzzer, chooses the
//! document.

use std::collections::HashMap;
use std::fmt::Write as _;

use arbitrary::{Result, Unstructured};
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use serde_json::{Map, Value, json};

/// How deep a random document goes.
const DEPTH: usize = 7;

/// The schema, by the names of its types.
pub struct Grammar {
    types: HashMap<String, TypeKind>,
}

/// A document, ready to be sent.
#[derive(Clone, Debug)]
pub struct Document {
    pub query: String,
    pub variables: Value,
}

impl Default for Grammar {
    fn default() -> Self {
        let schema = parse_schema(include_str!("../../schema.graphql")).unwrap();
        let types = schema.definitions.into_iter().filter_map(|it| match it {
            TypeSystemDefinition::Type(ty) => Some((ty.node.name.node.to_string(), ty.node.kind)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Self {
            types: types.collect(),
        }
    }
}

fn name_of(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => name_of(item),
    }
}

impl Grammar {
    fn fields(&self, ty: &str) -> Vec<&FieldDefinition> {
        let fields = match self.types.get(ty) {
            Some(TypeKind::Object(object)) => &object.fields,
            Some(TypeKind::Interface(interface)) => &interface.fields,
            _ => return Vec::new(),
        };
        fields.iter().map(|field| &field.node).collect()
    }

    /// The object types that implement an interface, in order.
    fn members(&self, interface: &str) -> Vec<&str> {
        let implements = |kind: &TypeKind| match kind {
            TypeKind::Object(object) => object.implements.iter().any(|it| it.node == interface),
            _ => false,
        };
        let members = self.types.iter().filter(|(_, kind)| implements(kind));
        let mut members = members.map(|(name, _)| name.as_str()).collect::<Vec<_>>();
        members.sort_unstable();
        members
    }

    fn is_composite(&self, ty: &str) -> bool {
        !self.fields(ty).is_empty()
    }

    /// Every field of a type that was reached through others, and of all that is below it: no type below
    /// itself, and no field with arguments.
    pub fn every_field(&self, ty: &str, through: &[&str]) -> String {
        let mut path = through.iter().map(|it| (*it).to_owned()).collect();
        self.all_below(ty, &mut path)
    }

    fn all_below(&self, ty: &str, path: &mut Vec<String>) -> String {
        let mut text = String::from("__typename ");
        for field in self.fields(ty) {
            let name = &field.name.node;
            let below = name_of(&field.ty.node);
            if !self.is_composite(below) {
                let _ = write!(text, "{name} ");
            } else if !path.iter().any(|it| it == below) && field.arguments.is_empty() {
                path.push(below.to_owned());
                let _ = write!(text, "{name} {{ {}}} ", self.all_below(below, path));
                path.pop();
            }
        }
        for member in self.members(ty) {
            let _ = write!(
                text,
                "... on {member} {{ {}}} ",
                self.all_below(member, path)
            );
        }
        text
    }

    /// A random document.
    ///
    /// # Errors
    /// When the bytes are used up.
    pub fn document(&self, bytes: &mut Unstructured<'_>) -> Result<Document> {
        let mut writer = Writer {
            grammar: self,
            bytes,
            variables: Map::new(),
            declared: Vec::new(),
            fragments: Vec::new(),
            names: 0,
        };
        let (word, root) = match writer.bytes.int_in_range(0..=9)? {
            0 | 1 => ("mutation", "Mutation"),
            2 => ("subscription", "Subscription"),
            _ => ("query", "Query"),
        };
        let body = match root {
            "Subscription" => {
                let field = writer.grammar.fields(root);
                writer.field(field.first().copied().unwrap(), DEPTH)?
            }
            _ => writer.selections(root, DEPTH)?,
        };
        let declared = match writer.declared.is_empty() {
            true => String::new(),
            false => format!("({})", writer.declared.join(", ")),
        };
        let fragments = writer.fragments.join("\n");
        Ok(Document {
            query: format!("{word} Random{declared} {{ {body} }}\n{fragments}"),
            variables: Value::Object(writer.variables),
        })
    }
}

struct Writer<'a, 'b> {
    grammar: &'a Grammar,
    bytes: &'a mut Unstructured<'b>,
    variables: Map<String, Value>,
    declared: Vec<String>,
    fragments: Vec<String>,
    names: usize,
}

impl Writer<'_, '_> {
    fn chance(&mut self, of: u8, among: u8) -> Result<bool> {
        self.bytes.ratio(of, among)
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("n{}", self.names)
    }

    fn selections(&mut self, ty: &str, depth: usize) -> Result<String> {
        let grammar = self.grammar;
        let fields = grammar.fields(ty);
        let members = grammar.members(ty);
        let mut text = String::from("__typename ");
        for _ in 0..self.bytes.int_in_range(1..=4)? {
            match self.bytes.int_in_range(0..=11)? {
                0 if !members.is_empty() => {
                    let member = *self.bytes.choose(&members)?;
                    let body = self.selections(member, depth.saturating_sub(1))?;
                    let _ = write!(text, "... on {member} {{ {body}}} ");
                }
                1 if depth > 0 => {
                    let body = self.selections(ty, depth - 1)?;
                    let name = self.name();
                    self.fragments
                        .push(format!("fragment {name} on {ty} {{ {body}}}"));
                    let directive = self.directive()?;
                    let _ = write!(text, "...{name}{directive} ");
                }
                _ => {
                    let field = *self.bytes.choose(&fields)?;
                    text.push_str(&self.field(field, depth)?);
                }
            }
        }
        Ok(text)
    }

    fn field(&mut self, field: &FieldDefinition, depth: usize) -> Result<String> {
        let below = name_of(&field.ty.node).to_owned();
        let is_composite = self.grammar.is_composite(&below);
        if is_composite && depth == 0 {
            return Ok(String::new());
        }
        let mut text = String::new();
        // Two fields of one name must have one argument list: each has a name of its own.
        if !field.arguments.is_empty() || self.chance(1, 8)? || is_composite {
            let _ = write!(text, "{}: ", self.name());
        }
        text.push_str(&field.name.node);
        let arguments = field.arguments.iter().map(|it| &it.node);
        let mut written = Vec::new();
        for argument in arguments {
            if argument.ty.node.nullable && self.chance(1, 2)? {
                continue;
            }
            let value = self.argument(argument)?;
            written.push(format!("{}: {value}", argument.name.node));
        }
        if !written.is_empty() {
            let _ = write!(text, "({})", written.join(", "));
        }
        text.push_str(&self.directive()?);
        if is_composite {
            let body = self.selections(&below, depth - 1)?;
            let _ = write!(text, " {{ {body}}}");
        }
        text.push(' ');
        Ok(text)
    }

    fn directive(&mut self) -> Result<String> {
        if !self.chance(1, 16)? {
            return Ok(String::new());
        }
        let word = *self.bytes.choose(&["skip", "include"])?;
        let value = self.bytes.arbitrary::<bool>()?;
        Ok(format!(" @{word}(if: {value})"))
    }

    /// A value, in place or in a variable.
    fn argument(&mut self, argument: &InputValueDefinition) -> Result<String> {
        let value = self.value(&argument.ty.node, 3)?;
        if !self.chance(1, 3)? {
            return Ok(self.literal(&argument.ty.node, &value));
        }
        let name = self.name();
        self.declared.push(format!("${name}: {}", argument.ty.node));
        self.variables.insert(name.clone(), value);
        Ok(format!("${name}"))
    }

    fn value(&mut self, ty: &Type, depth: usize) -> Result<Value> {
        if ty.nullable && self.chance(1, 8)? {
            return Ok(Value::Null);
        }
        match &ty.base {
            BaseType::List(item) => {
                let count = self.bytes.int_in_range(0..=2)?;
                let items = (0..count).map(|_| self.value(item, depth));
                Ok(Value::Array(items.collect::<Result<_>>()?))
            }
            BaseType::Named(name) => self.named(name, depth),
        }
    }

    fn named(&mut self, name: &str, depth: usize) -> Result<Value> {
        let grammar = self.grammar;
        match grammar.types.get(name) {
            Some(TypeKind::Enum(known)) => {
                let value = self.bytes.choose(&known.values)?;
                Ok(json!(value.node.value.node.as_str()))
            }
            Some(TypeKind::InputObject(object)) => {
                let mut fields = Map::new();
                for field in &object.fields {
                    let field = &field.node;
                    let is_left = field.ty.node.nullable && (depth == 0 || self.chance(1, 3)?);
                    if !is_left {
                        let value = self.value(&field.ty.node, depth.saturating_sub(1))?;
                        fields.insert(field.name.node.to_string(), value);
                    }
                }
                Ok(Value::Object(fields))
            }
            _ => self.scalar(name),
        }
    }

    fn scalar(&mut self, name: &str) -> Result<Value> {
        const NUMBERS: [i32; 10] = [1001, 1003, 1012, 0, 1, 3, 50, 1000, -1, i32::MAX];
        const TEXTS: [&str; 8] = [
            "",
            "10010001",
            "AD001005/24",
            "a",
            "é\u{0}\"\\",
            "' OR 1=1 --",
            "12345678",
            "20-30-40",
        ];
        const IDS: [&str; 5] = [
            "",
            "RmluYW5jZUNsaWVudDox",
            "SW52b2ljZTox",
            "x",
            "UmVmdW5kOjE=",
        ];
        const DATES: [&str; 4] = ["2024-03-31", "2024-02-29", "0001-01-01", "9999-12-31"];
        Ok(match name {
            "Boolean" => json!(self.bytes.arbitrary::<bool>()?),
            "Int" => json!(self.bytes.choose(&NUMBERS)?),
            "Pence" => json!(i64::from(*self.bytes.choose(&NUMBERS)?) * 100),
            "Date" => json!(self.bytes.choose(&DATES)?),
            "DateTime" => json!("2024-03-31T09:30:00Z"),
            "ID" => json!(self.bytes.choose(&IDS)?),
            _ => json!(self.bytes.choose(&TEXTS)?),
        })
    }

    /// A value as the document writes it: enum values bare, keys without quotes.
    fn literal(&self, ty: &Type, value: &Value) -> String {
        let named = match &ty.base {
            BaseType::Named(name) => name.as_str(),
            BaseType::List(item) => {
                let items = value.as_array().into_iter().flatten();
                let items = items.map(|it| self.literal(item, it)).collect::<Vec<_>>();
                return match value {
                    Value::Null => "null".to_owned(),
                    _ => format!("[{}]", items.join(", ")),
                };
            }
        };
        match (self.grammar.types.get(named), value) {
            (_, Value::Null) => "null".to_owned(),
            (Some(TypeKind::Enum(_)), Value::String(text)) => text.clone(),
            (Some(TypeKind::InputObject(object)), Value::Object(fields)) => {
                let fields = object.fields.iter().filter_map(|field| {
                    let (name, ty) = (&field.node.name.node, &field.node.ty.node);
                    let value = fields.get(name.as_str())?;
                    Some(format!("{name}: {}", self.literal(ty, value)))
                });
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            // NUL may not stand in a document, not even escaped by JSON's rules alone: both agree on \u.
            (_, value) => value.to_string(),
        }
    }
}
