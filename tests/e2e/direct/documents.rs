//! Random documents that ask for a client's account. They are made from the schema itself: what is added to
//! it is asked for too.

use std::collections::HashMap;
use std::fmt::Write as _;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

/// Objects within each other, the client included.
const DEPTH: usize = 6;
/// Fragments within each other, of one object.
const FRAGMENTS: usize = 3;
/// Fields of one document: it is to stay within the limits.
const FIELDS: usize = 120;

const CLIENT: &str = "FinanceClient";

/// A document, ready to be sent.
pub(super) struct Document {
    head: String,
    body: String,
    fragments: String,
    pub(super) variables: Value,
}

impl Document {
    /// One that asks for this of client 1001.
    pub(super) fn of(fields: &str) -> Self {
        Self {
            head: String::new(),
            body: format!("financeClient(clientId: 1001) {{ {fields} }}"),
            fragments: String::new(),
            variables: json!({}),
        }
    }

    /// Its text, which asks for something before.
    pub(super) fn text(&self, before: &str) -> String {
        let Self {
            head,
            body,
            fragments,
            ..
        } = self;
        format!("query Random{head} {{ {before} {body} }}\n{fragments}")
    }
}

/// The schema, by the names of its types.
pub(super) struct Schema(HashMap<String, TypeKind>);

fn name_of(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => name_of(item),
    }
}

impl Schema {
    pub(super) fn read() -> Self {
        let schema = parse_schema(include_str!("../../../schema.graphql")).unwrap();
        let types = schema.definitions.into_iter().filter_map(|it| match it {
            TypeSystemDefinition::Type(ty) => Some((ty.node.name.node.to_string(), ty.node.kind)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Self(types.collect())
    }

    /// The values of an enum.
    pub(super) fn values(&self, ty: &str) -> Vec<&str> {
        let Some(TypeKind::Enum(known)) = self.0.get(ty) else {
            return Vec::new();
        };
        let values = known.values.iter();
        values.map(|it| it.node.value.node.as_str()).collect()
    }

    fn fields(&self, ty: &str) -> Vec<&FieldDefinition> {
        let fields = match self.0.get(ty) {
            Some(TypeKind::Object(object)) => &object.fields,
            Some(TypeKind::Interface(interface)) => &interface.fields,
            _ => return Vec::new(),
        };
        fields.iter().map(|field| &field.node).collect()
    }

    fn is_interface(&self, ty: &str) -> bool {
        matches!(self.0.get(ty), Some(TypeKind::Interface(_)))
    }

    /// The types that a fragment on a value of that type may be on, in order.
    fn kin(&self, ty: &str) -> Vec<&str> {
        let is_kin = |name: &str, kind: &TypeKind| match (kind, self.0.get(ty)) {
            _ if name == ty => true,
            (TypeKind::Object(object), Some(TypeKind::Interface(_))) => {
                object.implements.iter().any(|it| it.node == ty)
            }
            (TypeKind::Interface(_), Some(TypeKind::Object(object))) => {
                object.implements.iter().any(|it| it.node == name)
            }
            _ => false,
        };
        let kin = self.0.iter().filter(|(name, kind)| is_kin(name, kind));
        let mut kin = kin.map(|(name, _)| name.as_str()).collect::<Vec<_>>();
        kin.sort_unstable();
        kin
    }

    /// A random document. Pages begin and end at the cursors.
    pub(super) fn document(&self, random: &mut StdRng, cursors: &[String]) -> Document {
        let mut writer = Writer {
            schema: self,
            random,
            cursors,
            variables: Map::new(),
            declared: Vec::new(),
            fragments: Vec::new(),
            plain: Vec::new(),
            left: FIELDS,
            names: 0,
        };
        let client = writer.client();
        let Writer {
            variables,
            declared,
            fragments,
            ..
        } = writer;
        let head = match declared.is_empty() {
            true => String::new(),
            false => format!("({})", declared.join(", ")),
        };
        Document {
            head,
            body: client,
            fragments: fragments.join("\n"),
            variables: Value::Object(variables),
        }
    }
}

/// How far it may still go.
#[derive(Clone, Copy)]
struct Room {
    depth: usize,
    fragments: usize,
}

/// Fields with fields of their own that are asked for of one object under their own names, each with the
/// type that it is asked for of.
type Asked<'a> = Vec<(&'a str, &'a str)>;

struct Writer<'a> {
    schema: &'a Schema,
    random: &'a mut StdRng,
    cursors: &'a [String],
    variables: Map<String, Value>,
    declared: Vec<String>,
    fragments: Vec<String>,
    /// Fragments that ask for no object, and their types: they may be spread anywhere.
    plain: Vec<(String, &'a str)>,
    left: usize,
    names: usize,
}

impl<'a> Writer<'a> {
    fn chance(&mut self, of: u32, among: u32) -> bool {
        self.random.random_ratio(of, among)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.random_range(0..all.len())]
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("n{}", self.names)
    }

    fn variable(&mut self, ty: &str, value: Value) -> String {
        let name = self.name();
        self.declared.push(format!("${name}: {ty}"));
        self.variables.insert(name.clone(), value);
        format!("${name}")
    }

    /// A client, its history always.
    fn client(&mut self) -> String {
        let client = json!(self.one_of(&[1001, 1001, 1001, 1001, 1002, 1003, 404]));
        let client = match self.chance(1, 2) {
            true => self.variable("Int!", client),
            false => client.to_string(),
        };
        let mut asked = Vec::new();
        let fields = self.schema.fields(CLIENT).into_iter();
        let history = fields.filter(|it| it.name.node == "billingHistory");
        let mut texts = history
            .map(|field| self.field(CLIENT, field, DEPTH, &mut asked))
            .collect::<Vec<_>>();
        let room = Room {
            depth: DEPTH,
            fragments: FRAGMENTS,
        };
        texts.push(self.selections(CLIENT, room, &mut asked));
        if self.chance(1, 2) {
            texts.reverse();
        }
        let texts = texts.concat();
        format!("financeClient(clientId: {client}) {{ {texts}}}")
    }

    /// What is asked for of one object.
    fn selections(&mut self, ty: &'a str, room: Room, asked: &mut Asked<'a>) -> String {
        let schema = self.schema;
        // Much of an interface is asked for by the types that have it.
        let fragments = if schema.is_interface(ty) { 5 } else { 2 };
        let mut text = String::new();
        for _ in 0..self.random.random_range(1..=5) {
            let selection = match self.random.random_range(0..10) {
                0 => self.type_name(),
                it if it <= fragments && room.fragments > 0 => self.fragment(ty, room, asked),
                _ => {
                    let field = self.one_of(&schema.fields(ty));
                    self.field(ty, field, room.depth, asked)
                }
            };
            text.push_str(&selection);
        }
        if text.is_empty() {
            text.push_str("__typename ");
        }
        text
    }

    fn type_name(&mut self) -> String {
        match self.chance(1, 4) {
            true => format!("{}: __typename ", self.name()),
            false => "__typename ".to_owned(),
        }
    }

    /// A field of a type; nothing if there is no room. An object that is asked for in several places leaves
    /// nothing to compare: the second place gives it another name.
    fn field(
        &mut self,
        of: &'a str,
        field: &'a FieldDefinition,
        depth: usize,
        asked: &mut Asked<'a>,
    ) -> String {
        let schema = self.schema;
        let (name, below) = (field.name.node.as_str(), name_of(&field.ty.node));
        let is_object = !schema.fields(below).is_empty();
        if self.left == 0 || (is_object && depth == 0) {
            return String::new();
        }
        self.left -= 1;
        let may_meet = |ty: &str| ty == of || schema.is_interface(ty) || schema.is_interface(of);
        let is_asked = asked.iter().any(|(ty, it)| *it == name && may_meet(ty));
        let mut text = String::new();
        if (is_object && is_asked) || self.chance(1, 8) {
            let _ = write!(text, "{}: ", self.name());
        } else if is_object {
            asked.push((of, name));
        }
        text.push_str(name);
        text.push_str(&self.arguments(field));
        text.push_str(&self.directive());
        if is_object {
            let room = Room {
                depth: depth - 1,
                fragments: FRAGMENTS,
            };
            let body = self.selections(below, room, &mut Vec::new());
            let _ = write!(text, " {{ {body}}}");
        }
        text.push(' ');
        text
    }

    fn fragment(&mut self, ty: &'a str, room: Room, asked: &mut Asked<'a>) -> String {
        let schema = self.schema;
        let on = self.one_of(&schema.kin(ty));
        let room = Room {
            fragments: room.fragments - 1,
            ..room
        };
        let directive = self.directive();
        match self.random.random_range(0..5) {
            0 => {
                let body = self.selections(ty, room, asked);
                format!("...{directive} {{ {body}}} ")
            }
            1 | 2 => {
                let body = self.selections(on, room, asked);
                format!("... on {on}{directive} {{ {body}}} ")
            }
            _ => {
                let name = self.named_fragment(on, room, asked);
                format!("...{name}{directive} ")
            }
        }
    }

    /// The name of a fragment on that type: a new one, or one that is there already.
    fn named_fragment(&mut self, on: &'a str, room: Room, asked: &mut Asked<'a>) -> String {
        let known = self.plain.iter().filter(|(_, ty)| *ty == on);
        let known = known.map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if !known.is_empty() && self.chance(1, 2) {
            return known[self.random.random_range(0..known.len())].clone();
        }
        let name = self.name();
        let body = self.selections(on, room, asked);
        if !body.contains(['{', '.']) {
            self.plain.push((name.clone(), on));
        }
        let text = format!("fragment {name} on {on} {{ {body}}}");
        self.fragments.push(text);
        name
    }

    fn directive(&mut self) -> String {
        if !self.chance(1, 12) {
            return String::new();
        }
        let word = self.one_of(&["skip", "include"]);
        let value = json!(self.chance(1, 2));
        let condition = match self.chance(1, 2) {
            true => self.variable("Boolean!", value),
            false => value.to_string(),
        };
        format!(" @{word}(if: {condition})")
    }

    fn arguments(&mut self, field: &FieldDefinition) -> String {
        let mut written = Vec::new();
        for argument in &field.arguments {
            if !argument.node.ty.node.nullable || self.chance(1, 4) {
                written.push(self.argument(&argument.node));
            }
        }
        match written.is_empty() {
            true => String::new(),
            false => format!("({})", written.join(", ")),
        }
    }

    /// A value, in place or in a variable.
    fn argument(&mut self, argument: &InputValueDefinition) -> String {
        let (name, ty) = (&argument.name.node, &argument.ty.node);
        let value = self.value(ty);
        let value = match self.chance(1, 3) {
            true => self.variable(&ty.to_string(), value),
            false => self.literal(ty, &value),
        };
        format!("{name}: {value}")
    }

    fn value(&mut self, ty: &Type) -> Value {
        const SIZES: [i32; 10] = [1, 2, 3, 7, 20, 50, 50, 1_000, 0, 1_001];
        const DAYS: [&str; 4] = ["2024-04-02", "2024-09-30", "2025-02-01", "9999-12-31"];
        let name = match &ty.base {
            BaseType::List(item) => {
                let count = self.random.random_range(0..=4);
                return (0..count).map(|_| self.value(item)).collect();
            }
            BaseType::Named(name) => name.as_str(),
        };
        let values = self.schema.values(name);
        match name {
            _ if !values.is_empty() => json!(self.one_of(&values)),
            "Int" => json!(self.one_of(&SIZES)),
            "Date" => json!(self.one_of(&DAYS)),
            "String" if self.chance(1, 10) => json!("x"),
            "String" => json!(self.cursors[self.random.random_range(0..self.cursors.len())]),
            "Boolean" => json!(self.chance(1, 2)),
            other => panic!("no value is known of {other}"),
        }
    }

    /// A value as the document writes it: enum values bare.
    fn literal(&self, ty: &Type, value: &Value) -> String {
        match (&ty.base, value) {
            (BaseType::List(item), Value::Array(values)) => {
                let values = values.iter().map(|it| self.literal(item, it));
                format!("[{}]", values.collect::<Vec<_>>().join(", "))
            }
            (BaseType::Named(name), Value::String(text))
                if !self.schema.values(name).is_empty() =>
            {
                text.clone()
            }
            _ => value.to_string(),
        }
    }
}
