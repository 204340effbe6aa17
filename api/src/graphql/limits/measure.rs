//! The measures of a document, each fragment measured once however often it is spread: the time this
//! takes grows with the text alone.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType,
    Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::{ConstValue, Value};

use super::cost::{Costs, Many};
use super::tokens::MAX_NESTING;
use crate::graphql::error::{ApiError, Code};
use crate::graphql::page::{DEFAULT_SIZE, MOST};

/// What a document asks for. Of several operations, the most that one asks for; of selections, all.
/// Fragments count wherever they are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Fields, spreads and inline fragments.
    pub selections: u64,
    /// Fields below each other.
    pub depth: u64,
    /// Fields under another name.
    pub aliases: u64,
    /// Directives.
    pub directives: u64,
    /// Fields of the operation itself.
    pub root_fields: u64,
    /// Estimated cost.
    pub cost: u64,
    /// Whether the schema is asked for.
    pub introspects: bool,
    /// Values of the variables.
    pub values: u64,
}

/// What a selection takes of the service's room, in units of cost.
const SELECTION: u64 = 400;

impl Measure {
    /// Measures a document. `@skip` and `@include` are not looked at: a variable may turn them.
    pub(super) fn of(
        costs: &Costs,
        document: &ExecutableDocument,
        variables: &Variables,
    ) -> Result<Self, ApiError> {
        let mut all = Self::default();
        let sizes = variables.iter().map(|(name, value)| (name, size(value)));
        let sizes = sizes.collect::<HashMap<_, _>>();
        for (_, operation) in document.operations.iter() {
            let mut measuring = Measuring {
                costs,
                document,
                sizes: Sizes::of(&operation.node, variables, &sizes),
                fragments: HashMap::new(),
                level: 0,
            };
            let measure = measuring.operation(&operation.node)?;
            all = Self {
                selections: all.selections.saturating_add(measure.selections),
                ..all.most(measure)
            };
            // Those that nobody spreads may run in circles too.
            for (name, fragment) in &document.fragments {
                measuring.fragment(name, &fragment.node)?;
            }
        }
        Ok(Self {
            values: sizes.values().copied().fold(0, u64::saturating_add),
            ..all
        })
    }

    /// How much of the service's room it takes while it is executed: what it costs, and what is made ready
    /// for each selection before anything is resolved.
    pub fn weight(&self) -> u64 {
        self.cost
            .saturating_add(self.selections.saturating_mul(SELECTION))
    }

    /// Both of them: what is below each other counts once.
    fn and(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            depth: self.depth.max(other.depth),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            cost: self.cost.saturating_add(other.cost),
            introspects: self.introspects || other.introspects,
            values: self.values.max(other.values),
        }
    }

    /// The greater of each.
    fn most(self, other: Self) -> Self {
        Self {
            selections: self.selections.max(other.selections),
            depth: self.depth.max(other.depth),
            aliases: self.aliases.max(other.aliases),
            directives: self.directives.max(other.directives),
            root_fields: self.root_fields.max(other.root_fields),
            cost: self.cost.max(other.cost),
            introspects: self.introspects || other.introspects,
            values: self.values.max(other.values),
        }
    }

    fn of_directives(directives: &[Positioned<Directive>]) -> Self {
        Self {
            directives: directives.len() as u64,
            ..Self::default()
        }
    }
}

struct Measuring<'a> {
    costs: &'a Costs,
    document: &'a ExecutableDocument,
    sizes: Sizes<'a>,
    /// None while it is being measured.
    fragments: HashMap<&'a Name, Option<Measure>>,
    /// Selections within each other now.
    level: usize,
}

impl<'a> Measuring<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Measure, ApiError> {
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut measure = Measure::of_directives(&operation.directives);
        for variable in &operation.variable_definitions {
            measure = measure.and(Measure::of_directives(&variable.node.directives));
        }
        let measure = measure.and(self.selections(&operation.selection_set.node, root)?);
        if operation.ty == OperationType::Subscription && measure.root_fields != 1 {
            return Err(ApiError::bad_input("A subscription has one root field."));
        }
        Ok(measure)
    }

    /// The fields of a value of type `parent`. It is of one object type alone: of what is asked for by
    /// object types, the costliest counts.
    fn selections(&mut self, set: &'a SelectionSet, parent: &str) -> Result<Measure, ApiError> {
        self.level = self.level.saturating_add(1);
        if self.level > MAX_NESTING {
            return Err(ApiError::new(
                Code::QueryTooComplex,
                format!("The document has more than {MAX_NESTING} selections within each other."),
            ));
        }
        let mut always = Measure::default();
        let mut by_type = HashMap::<&str, u64>::new();
        for selection in &set.items {
            let (condition, measure) = match &selection.node {
                Selection::Field(field) => (None, self.field(&field.node, parent)?),
                Selection::FragmentSpread(spread) => {
                    let spread = &spread.node;
                    let own = Measure::of_directives(&spread.directives);
                    let name = &spread.fragment_name.node;
                    match self.document.fragments.get_key_value(name) {
                        // Validation refuses it.
                        None => (None, own),
                        Some((name, fragment)) => {
                            let measure = self.fragment(name, &fragment.node)?;
                            (Some(condition(&fragment.node)), own.and(measure))
                        }
                    }
                }
                Selection::InlineFragment(inline) => {
                    let inline = &inline.node;
                    let condition = inline.type_condition.as_ref();
                    let condition = condition.map(|it| it.node.on.node.as_str());
                    let own = Measure::of_directives(&inline.directives);
                    let set = &inline.selection_set.node;
                    let measure = self.selections(set, condition.unwrap_or(parent))?;
                    (condition, own.and(measure))
                }
            };
            let counted = Measure {
                selections: measure.selections.saturating_add(1),
                ..measure
            };
            match condition {
                Some(ty) if ty != parent && self.costs.is_object(ty) => {
                    let cost = by_type.entry(ty).or_default();
                    *cost = cost.saturating_add(counted.cost);
                    always = always.and(Measure { cost: 0, ..counted });
                }
                _ => always = always.and(counted),
            }
        }
        self.level = self.level.saturating_sub(1);
        let costliest = by_type.into_values().max().unwrap_or(0);
        Ok(Measure {
            cost: always.cost.saturating_add(costliest),
            ..always
        })
    }

    fn field(&mut self, field: &'a Field, parent: &str) -> Result<Measure, ApiError> {
        let name = field.name.node.as_str();
        let of_schema = match name {
            "__schema" => Some(("__Schema", Many::One, 1)),
            "__type" => Some(("__Type", Many::One, 1)),
            _ => None,
        };
        let known = of_schema.or_else(|| {
            let cost = self.costs.field(parent, name)?;
            Some((cost.ty.as_str(), cost.many, cost.own))
        });
        // Validation refuses a field that the schema lacks; until then it counts.
        let (ty, many, own) = known.unwrap_or(("", Many::One, 1));
        let below = self.selections(&field.selection_set.node, ty)?;
        let times = match many {
            Many::One => 1,
            Many::List(count) => count,
            Many::Page => self.sizes.page(field),
        };
        let own_directives = field.directives.len() as u64;
        Ok(Measure {
            selections: below.selections,
            depth: below.depth.saturating_add(1),
            aliases: below
                .aliases
                .saturating_add(u64::from(field.alias.is_some())),
            directives: below.directives.saturating_add(own_directives),
            root_fields: 1,
            cost: own
                .saturating_add(self.sizes.arguments(field))
                .saturating_add(below.cost.saturating_mul(times)),
            introspects: below.introspects || of_schema.is_some(),
            values: 0,
        })
    }

    fn fragment(
        &mut self,
        name: &'a Name,
        fragment: &'a FragmentDefinition,
    ) -> Result<Measure, ApiError> {
        match self.fragments.get(name) {
            Some(Some(measure)) => return Ok(*measure),
            Some(None) => {
                return Err(ApiError::bad_input(format!(
                    "The fragment `{name}` spreads itself."
                )));
            }
            None => {}
        }
        self.fragments.insert(name, None);
        let own = Measure::of_directives(&fragment.directives);
        let measure = self.selections(&fragment.selection_set.node, condition(fragment))?;
        let measure = own.and(measure);
        self.fragments.insert(name, Some(measure));
        Ok(measure)
    }
}

fn condition(fragment: &FragmentDefinition) -> &str {
    fragment.type_condition.node.on.node.as_str()
}

/// The numbers that an operation's variables hold.
struct Sizes<'a> {
    given: &'a Variables,
    given_sizes: &'a HashMap<&'a Name, u64>,
    defaults: HashMap<&'a str, &'a ConstValue>,
}

impl<'a> Sizes<'a> {
    fn of(
        operation: &'a OperationDefinition,
        given: &'a Variables,
        given_sizes: &'a HashMap<&'a Name, u64>,
    ) -> Self {
        let defaults = operation.variable_definitions.iter().filter_map(|it| {
            let default = it.node.default_value.as_ref()?;
            Some((it.node.name.node.as_str(), &default.node))
        });
        Self {
            given,
            given_sizes,
            defaults: defaults.collect(),
        }
    }

    /// The size of the page that a field asks for: what is no size, its resolver refuses.
    fn page(&self, field: &Field) -> u64 {
        let sizes = ["first", "last"].into_iter().filter_map(|name| {
            match &field.get_argument(name)?.node {
                Value::Number(number) => number.as_u64(),
                Value::Variable(name) => match self.value(name)? {
                    ConstValue::Number(number) => number.as_u64(),
                    _ => None,
                },
                _ => None,
            }
        });
        sizes.max().unwrap_or(DEFAULT_SIZE as u64).min(MOST as u64)
    }

    fn value(&self, name: &Name) -> Option<&ConstValue> {
        let default = || self.defaults.get(name.as_str()).copied();
        self.given.get(name).or_else(default)
    }

    /// What it costs to copy a field's arguments: the library does so for each field and each rule.
    fn arguments(&self, field: &Field) -> u64 {
        let arguments = field
            .arguments
            .iter()
            .map(|(_, value)| self.size(&value.node));
        arguments.fold(0, u64::saturating_add) / VALUES
    }

    /// How many values a value has, variables filled in.
    fn size(&self, value: &Value) -> u64 {
        let sum = |all: &mut dyn Iterator<Item = u64>| all.fold(1, u64::saturating_add);
        match value {
            Value::Variable(name) => self.given_sizes.get(name).copied().unwrap_or(1),
            Value::List(items) => sum(&mut items.iter().map(|item| self.size(item))),
            Value::Object(fields) => sum(&mut fields.values().map(|field| self.size(field))),
            _ => 1,
        }
    }
}

/// How many values of arguments cost as much as one field.
const VALUES: u64 = 10;

/// How many values a value has.
fn size(value: &ConstValue) -> u64 {
    match value {
        ConstValue::List(items) => items.iter().map(size).fold(1, u64::saturating_add),
        ConstValue::Object(fields) => fields.values().map(size).fold(1, u64::saturating_add),
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
