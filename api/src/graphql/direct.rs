//! Values that are written as JSON at once, without being waited for.
//!
//! The library makes a future of each field, boxes it, joins it with its siblings and puts what comes of it
//! into a map, to be written later: for a history of ten thousand fields that is most of what a request
//! costs. But hardly a field there waits for anything. [`Direct`] runs the same resolvers, which the
//! library has made of the same `#[Object]`s, one after the other, each once; what they give is written as
//! it comes, and the whole text stands for the value ([`super::json`]). If one of them would wait, or fails,
//! the library does it all in its own way: it is the only one that knows of errors and of waiting. What
//! must hold of both ways is one test: they give the same answer (`tests/e2e/direct.rs`).
//!
//! Two texts cannot be merged as two maps can, so a document that asks for an object's fields in several
//! places is left to the library altogether ([`super::merges`]).

use std::borrow::Cow;
use std::pin::pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{
    ContainerType, ContextSelectionSet, OutputType, Positioned, ServerResult, Value,
};

use super::json::{self, Object};

/// Whether values of a request may be written at once; not so without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MayBeDirect(pub bool);

/// A value that is written at once if it can be. It is of the same type as the value itself.
pub(super) struct Direct<T>(pub(super) T);

/// It would have to be waited for, or something else that only the library does.
pub(super) struct Waits;

/// What can be written at once.
pub(super) trait Written: OutputType {
    /// Bytes that it may take, to begin with.
    fn size(&self) -> usize {
        OBJECT
    }

    /// Writes the selected fields.
    fn write(&self, ctx: &ContextSelectionSet<'_>, out: &mut Vec<u8>) -> Result<(), Waits>;
}

impl<T: Written> OutputType for Direct<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        if matches!(ctx.data_opt(), Some(MayBeDirect(true))) {
            let failures = ctx.query_env.errors.lock();
            let before = failures.unwrap_or_else(PoisonError::into_inner).len();
            let mut out = Vec::with_capacity(self.0.size());
            match self.0.write(ctx, &mut out) {
                Ok(()) => return Ok(Value::Binary(out.into())),
                // Nobody else has had a turn meanwhile; what was noted is noted again below.
                Err(Waits) => {
                    let failures = ctx.query_env.errors.lock();
                    let mut failures = failures.unwrap_or_else(PoisonError::into_inner);
                    failures.truncate(before);
                }
            }
        }
        self.0.resolve(ctx, field).await
    }
}

impl<T: Written> Written for Option<T> {
    fn write(&self, ctx: &ContextSelectionSet<'_>, out: &mut Vec<u8>) -> Result<(), Waits> {
        match self {
            Some(value) => value.write(ctx, out),
            None => {
                out.extend_from_slice(b"null");
                Ok(())
            }
        }
    }
}

impl<T: Written> Written for &T {
    fn write(&self, ctx: &ContextSelectionSet<'_>, out: &mut Vec<u8>) -> Result<(), Waits> {
        T::write(self, ctx, out)
    }
}

impl<T: Written> Written for &[T] {
    fn size(&self) -> usize {
        self.len().saturating_mul(ITEM)
    }

    fn write(&self, ctx: &ContextSelectionSet<'_>, out: &mut Vec<u8>) -> Result<(), Waits> {
        list(self.iter(), ctx, out)
    }
}

impl<T: Written> Written for Vec<T> {
    fn size(&self) -> usize {
        self.len().saturating_mul(ITEM)
    }

    fn write(&self, ctx: &ContextSelectionSet<'_>, out: &mut Vec<u8>) -> Result<(), Waits> {
        list(self.iter(), ctx, out)
    }
}

/// Bytes that an object within another takes, and one of a list, to begin with.
const OBJECT: usize = 96;
const ITEM: usize = 256;

fn list<'a, T: Written + 'a>(
    items: impl Iterator<Item = &'a T>,
    ctx: &ContextSelectionSet<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Waits> {
    out.push(b'[');
    for (place, item) in items.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        item.write(&ctx.with_index(place), out)?;
    }
    out.push(b']');
    Ok(())
}

/// Writes an object by its own resolvers.
pub(super) fn object<T: ContainerType>(
    value: &T,
    ctx: &ContextSelectionSet<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Waits> {
    let mut fields = Vec::new();
    select(ctx, &ctx.item.node, &T::type_name(), &mut fields)?;
    let mut object = Object::begin(out);
    for field in fields {
        let out = object.key(&field.node.response_key().node);
        if field.node.name.node == TYPE_NAME {
            json::string(&T::type_name(), out);
            continue;
        }
        let ctx = ctx.with_field(field);
        // Where it is made: a field's future has room for all that any field could wait for.
        let resolving = pin!(value.resolve_field(&ctx));
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(resolved)) = resolving.poll(&mut context) else {
            return Err(Waits);
        };
        json::write(&resolved.unwrap_or_default(), out);
    }
    object.end();
    Ok(())
}

const TYPE_NAME: &str = "__typename";

/// The fields that are selected of an object of that type, each once, in order.
fn select<'a>(
    ctx: &ContextSelectionSet<'a>,
    set: &'a SelectionSet,
    type_name: &str,
    fields: &mut Vec<&'a Positioned<Field>>,
) -> Result<(), Waits> {
    for selection in &set.items {
        let (condition, set) = match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                // It is the same field once more: documents where it may be another are not written at once.
                if !fields.iter().any(|it| it.node.response_key().node == *key) {
                    fields.push(field);
                }
                continue;
            }
            Selection::FragmentSpread(spread) => {
                let fragment = ctx.query_env.fragments.get(&spread.node.fragment_name.node);
                let fragment = &fragment.ok_or(Waits)?.node;
                (Some(&fragment.type_condition), &fragment.selection_set)
            }
            Selection::InlineFragment(inline) => (
                inline.node.type_condition.as_ref(),
                &inline.node.selection_set,
            ),
        };
        let applies = condition.is_none_or(|condition| {
            let condition = condition.node.on.node.as_str();
            let interfaces = &ctx.schema_env.registry.implements;
            condition == type_name
                || interfaces
                    .get(type_name)
                    .is_some_and(|it| it.contains(condition))
        });
        if applies {
            select(ctx, &set.node, type_name, fields)?;
        }
    }
    Ok(())
}

/// Objects that are written by their own resolvers.
macro_rules! written_objects {
    ($($object:ty),+ $(,)?) => {
        $(impl $crate::graphql::direct::Written for $object {
            fn write(
                &self,
                ctx: &async_graphql::ContextSelectionSet<'_>,
                out: &mut Vec<u8>,
            ) -> Result<(), $crate::graphql::direct::Waits> {
                $crate::graphql::direct::object(self, ctx, out)
            }
        })+
    };
}

pub(super) use written_objects;
