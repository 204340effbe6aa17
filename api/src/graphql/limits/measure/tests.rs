//! What counts, and how often.

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
        let text = format!("subscription {{ {more} }} fragment F on Subscription {{ __typename }}");
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
