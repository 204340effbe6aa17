//! The measures of a document, each fragment measured once however often it is spread: the time this
//! takes grows with the text alone.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType,
    Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value, Variables};

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
}

impl Measure {
    /// Measures a document. `@skip` and `@include` are not looked at: a variable may turn them.
    pub(super) fn of(
        costs: &Costs,
        document: &ExecutableDocument,
        variables: &Variables,
    ) -> Result<Self, ApiError> {
        let mut all = Self::default();
        for (_, operation) in document.operations.iter() {
            let mut measuring = Measuring {
                costs,
                document,
                sizes: Sizes::of(&operation.node, variables),
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
        Ok(all)
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
            cost: own.saturating_add(below.cost.saturating_mul(times)),
            introspects: below.introspects || of_schema.is_some(),
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
    defaults: HashMap<&'a str, &'a Value>,
}

impl<'a> Sizes<'a> {
    fn of(operation: &'a OperationDefinition, given: &'a Variables) -> Self {
        let defaults = operation.variable_definitions.iter().filter_map(|it| {
            let default = it.node.default_value.as_ref()?;
            Some((it.node.name.node.as_str(), &default.node))
        });
        Self {
            given,
            defaults: defaults.collect(),
        }
    }

    /// The size of the page that a field asks for: what is no size, its resolver refuses.
    fn page(&self, field: &Field) -> u64 {
        let sizes = ["first", "last"].into_iter().filter_map(|name| {
            let value = field.get_argument(name)?.node.clone();
            let value = value.into_const_with(|name| self.value(&name).ok_or(()));
            match value.ok()? {
                Value::Number(number) => number.as_u64(),
                _ => None,
            }
        });
        sizes.max().unwrap_or(DEFAULT_SIZE as u64).min(MOST as u64)
    }

    fn value(&self, name: &Name) -> Option<Value> {
        let default = || self.defaults.get(name.as_str()).copied();
        self.given.get(name).or_else(default).cloned()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use proptest::prelude::*;

    use super::*;
    use crate::graphql::sdl;

    fn measured(text: &str, variables: serde_json::Value) -> Result<Measure, ApiError> {
        let costs = Costs::of(&sdl());
        let document = parse_query(text).unwrap();
        Measure::of(&costs, &document, &Variables::from_json(variables))
    }

    fn measure(text: &str) -> Measure {
        measured(text, serde_json::Value::Null).unwrap()
    }

    #[test]
    fn a_page_multiplies_what_is_below_it_by_its_size() {
        let page = |arguments: &str| {
            let list = format!("invoices{arguments} {{ nodes {{ id }} }}");
            measure(&format!("{{ financeClient(clientId: 1) {{ {list} }} }}")).cost
        };
        // Client 20, list 1, nodes and id each time.
        assert_eq!(page(""), 21 + 50 * 2);
        assert_eq!(page("(first: 10)"), 21 + 10 * 2);
        assert_eq!(page("(last: 1000)"), 21 + 1_000 * 2);
        // What is no size is refused later; until then it costs what it could.
        assert_eq!(page("(first: 100000)"), 21 + 1_000 * 2);
        assert_eq!(page("(first: -1)"), 21 + 50 * 2);
        assert_eq!(page("(first: null)"), 21 + 50 * 2);
        assert_eq!(page("(first: 3, last: 7)"), 21 + 7 * 2);
    }

    #[test]
    fn a_size_may_come_in_a_variable_or_be_its_default() {
        let text = "query($n: Int = 7) { refunds(first: $n) { nodes { id } } }";
        let cost = |variables| measured(text, variables).unwrap().cost;
        assert_eq!(cost(serde_json::json!({ "n": 100 })), 20 + 100 * 2);
        assert_eq!(cost(serde_json::json!({})), 20 + 7 * 2);
    }

    #[test]
    fn of_the_types_that_a_value_can_be_the_costliest_counts() {
        let history = |events: &str| {
            let list = format!("billingHistory(first: 1) {{ nodes {{ {events} }} }}");
            measure(&format!("{{ financeClient(clientId: 1) {{ {list} }} }}")).cost
        };
        let one = "... on RefundEvent { amount notes }";
        let other = "... on InvoiceGenerated { amount }";
        assert_eq!(history(&format!("{one} {other}")), history(one));
        assert_eq!(history(&format!("id {one} {one}")), history(one) + 3);
        // Those of the interface are always there.
        assert_eq!(
            history(&format!("... on BillingEvent {{ id }} {one}")),
            history(one) + 1
        );
    }

    #[test]
    fn aliases_directives_and_root_fields_are_counted_wherever_they_are_spread() {
        let found = measure(
            "query @a { x: viewer @include(if: true) { ...F ...F @skip(if: false) } ...G }
             fragment F on Viewer { y: id @skip(if: true) }
             fragment G on Query { viewer { id } z: viewer { id } }",
        );
        assert_eq!((found.aliases, found.directives), (4, 5));
        assert_eq!((found.root_fields, found.depth), (3, 2));
    }

    #[test]
    fn fragments_that_double_are_measured_without_being_expanded() {
        let mut text = "{ viewer { ...F0 } } fragment F60 on Viewer { id }".to_owned();
        for level in 0..60 {
            let next = level + 1;
            text.push_str(&format!(
                " fragment F{level} on Viewer {{ ...F{next} ...F{next} }}"
            ));
        }
        let found = measure(&text);
        assert!(found.selections > 1 << 60, "{}", found.selections);
        assert_eq!(found.depth, 2);
    }

    #[test]
    fn fragments_in_a_circle_are_refused_whether_they_are_used_or_not() {
        for text in [
            "{ ...A } fragment A on Query { ...A }",
            "{ viewer { id } } fragment A on Query { ...B } fragment B on Query { ...A ...A }",
        ] {
            let error = measured(text, serde_json::Value::Null).unwrap_err();
            assert_eq!(error.code(), Code::BadUserInput, "{text}");
        }
    }

    #[test]
    fn a_long_chain_of_fragments_ends_before_the_stack_does() {
        let mut text = "{ ...F0 } fragment F600 on Query { viewer { id } }".to_owned();
        for level in 0..600 {
            text.push_str(&format!(
                " fragment F{level} on Query {{ ...F{} }}",
                level + 1
            ));
        }
        let error = measured(&text, serde_json::Value::Null).unwrap_err();
        assert_eq!(error.code(), Code::QueryTooComplex);
    }

    #[test]
    fn introspection_is_seen_wherever_it_is() {
        assert!(measure("{ __schema { types { name } } }").introspects);
        assert!(
            measure("{ ...F } fragment F on Query { __type(name: \"Date\") { name } }").introspects
        );
        assert!(!measure("{ __typename viewer { __typename } }").introspects);
    }

    #[test]
    fn a_subscription_has_one_root_field() {
        let field = "billingHistoryChanged(clientId: 1) { id }";
        assert!(
            measured(
                &format!("subscription {{ {field} }}"),
                serde_json::Value::Null
            )
            .is_ok()
        );
        for more in [format!("{field} x: {field}"), format!("{field} ...F")] {
            let text =
                format!("subscription {{ {more} }} fragment F on Subscription {{ __typename }}");
            assert!(measured(&text, serde_json::Value::Null).is_err(), "{text}");
        }
    }

    /// A selection below `Viewer`, some of it in fragments F0 to F2, each of which may spread later ones.
    fn selection(level: u32) -> BoxedStrategy<String> {
        let leaf = prop_oneof![
            Just("id".to_owned()),
            Just("a: displayName".to_owned()),
            Just("roles @skip(if: true)".to_owned()),
        ];
        let spread = (level..3).prop_map(|number| format!("...F{number}"));
        let one = if level < 3 {
            prop_oneof![3 => leaf, 1 => spread].boxed()
        } else {
            leaf.boxed()
        };
        let inline = prop::collection::vec(one.clone(), 1..3)
            .prop_map(|items| format!("... on Viewer {{ {} }}", items.join(" ")));
        prop::collection::vec(prop_oneof![4 => one, 1 => inline], 1..4)
            .prop_map(|items| items.join(" "))
            .boxed()
    }

    proptest! {
        /// Each spread written out as the inline fragment that it stands for.
        #[test]
        fn a_spread_counts_as_much_as_what_it_stands_for(
            root in selection(0), f0 in selection(1), f1 in selection(2), f2 in selection(3),
        ) {
            let inline = |text: &str, name: &str, body: &str| {
                text.replace(name, &format!("... on Viewer {{ {body} }}"))
            };
            let f1_out = inline(&f1, "...F2", &f2);
            let f0_out = inline(&inline(&f0, "...F1", &f1_out), "...F2", &f2);
            let root_out = inline(&inline(&inline(&root, "...F0", &f0_out), "...F1", &f1_out), "...F2", &f2);
            let spread = format!(
                "{{ viewer {{ {root} }} }} fragment F0 on Viewer {{ {f0} }}
                 fragment F1 on Viewer {{ {f1} }} fragment F2 on Viewer {{ {f2} }}"
            );
            prop_assert_eq!(measure(&spread), measure(&format!("{{ viewer {{ {root_out} }} }}")));
        }
    }
}
