//! Whether a document asks for fields of one object in several places: what comes of them is then merged.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};

use super::limits::{Costs, MAX_NESTING};

/// Selections that are looked at; a document with more of them is taken for one that merges.
const MOST: usize = 10_000;

/// Whether some object may be asked for in several places of the document, fragments followed. Of objects
/// of different types, one alone is there.
pub fn merges(document: &ExecutableDocument, costs: &Costs) -> bool {
    let mut looking = Looking {
        document,
        costs,
        left: MOST,
    };
    let operations = document.operations.iter();
    let operations = operations.map(|(_, it)| &it.node.selection_set.node);
    let fragments = document.fragments.values();
    let mut sets = operations.chain(fragments.map(|it| &it.node.selection_set.node));
    sets.any(|set| looking.is_merged(set))
}

struct Looking<'a> {
    document: &'a ExecutableDocument,
    costs: &'a Costs,
    left: usize,
}

/// For each key, the fields that go by it, each with the object type that it is asked of; none for any type.
type Keys<'a> = HashMap<&'a str, Vec<(Option<&'a str>, &'a Field)>>;

/// Whether both give the same value, which need not be looked at twice.
fn are_one(field: &Field, other: &Field) -> bool {
    let is_leaf = |it: &Field| it.selection_set.node.items.is_empty() && it.arguments.is_empty();
    is_leaf(field) && is_leaf(other) && field.name.node == other.name.node
}

impl<'a> Looking<'a> {
    /// Whether that is so in a set, or within one of its fields.
    fn is_merged(&mut self, set: &'a SelectionSet) -> bool {
        self.repeats(set, None, &mut Keys::new(), MAX_NESTING) || self.is_merged_within(set)
    }

    fn is_merged_within(&mut self, set: &'a SelectionSet) -> bool {
        set.items.iter().any(|selection| match &selection.node {
            Selection::Field(field) => {
                let below = &field.node.selection_set.node;
                !below.items.is_empty() && self.is_merged(below)
            }
            Selection::InlineFragment(inline) => {
                self.is_merged_within(&inline.node.selection_set.node)
            }
            Selection::FragmentSpread(_) => false,
        })
    }

    fn repeats(
        &mut self,
        set: &'a SelectionSet,
        of: Option<&'a str>,
        keys: &mut Keys<'a>,
        levels: usize,
    ) -> bool {
        let (document, costs) = (self.document, self.costs);
        // Fragments may run in circles; whoever executes them refuses that.
        let Some(levels) = levels.checked_sub(1) else {
            return true;
        };
        let narrowed = |condition: &'a str| match costs.is_object(condition) {
            true => Some(condition),
            false => of,
        };
        set.items.iter().any(|selection| {
            let Some(left) = self.left.checked_sub(1) else {
                return true;
            };
            self.left = left;
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let others = keys.entry(&field.response_key().node).or_default();
                    let repeats = others.iter().any(|(other_of, other)| {
                        let may_meet = other_of.is_none() || of.is_none() || *other_of == of;
                        may_meet && !are_one(field, other)
                    });
                    others.push((of, field));
                    repeats
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let of = condition.map_or(of, |it| narrowed(&it.node.on.node));
                    self.repeats(&inline.node.selection_set.node, of, keys, levels)
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = document.fragments.get(&spread.node.fragment_name.node);
                    fragment.is_some_and(|fragment| {
                        let of = narrowed(&fragment.node.type_condition.node.on.node);
                        self.repeats(&fragment.node.selection_set.node, of, keys, levels)
                    })
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::sdl;

    fn merged(text: &str) -> bool {
        merges(&parse_query(text).unwrap(), &Costs::of(&sdl()))
    }

    #[test]
    fn an_object_that_is_asked_for_twice_is_merged_wherever_it_stands() {
        let twice = [
            "{ viewer { id } viewer { displayName } }",
            "{ viewer { id } ... { viewer { displayName } } }",
            "{ ...A ...B } fragment A on Query { viewer { id } } fragment B on Query { viewer { displayName } }",
            "{ node(id: 1) { ... on Invoice { createdBy { id } } ... on Node { ... on Invoice { createdBy { displayName } } } } }",
            "{ node(id: 1) { ...I } } fragment I on Invoice { financeClient { invoices { nodes { id } nodes { amount } } } }",
            "{ a: viewer { id } a: viewer { displayName } }",
            "{ ...A } fragment A on Query { ...A }",
            "{ node(id: 1) { x: id ... on Invoice { x: createdBy { id } } } }",
            "{ node(id: 1) { x: id ... on Invoice { x: status } } }",
        ];
        for text in twice {
            assert!(merged(text), "{text}");
        }
    }

    #[test]
    fn fields_without_fields_and_objects_of_other_types_or_names_are_not_merged() {
        let once = [
            "{ viewer { id id } }",
            "{ node(id: 1) { x: id ... on Invoice { x: id } } }",
            "{ viewer { id } a: viewer { id } }",
            "{ node(id: 1) { ... on Invoice { createdBy { id } } ... on Refund { createdBy { displayName } } } }",
            "{ node(id: 1) { ...I ...R } } fragment I on Invoice { createdBy { id } } fragment R on Refund { createdBy { id } }",
        ];
        for text in once {
            assert!(!merged(text), "{text}");
        }
    }
}
