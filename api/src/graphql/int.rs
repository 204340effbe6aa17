//! Integers as arguments.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Value};

/// An `Int` argument that is read whatever its size.
///
/// The library lets a number beyond 32 bits pass its validation and then fails the field, which
/// takes the parent along; read wide, the resolver can say what is wrong and lose nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WideInt(pub(super) i64);

impl InputType for WideInt {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        i32::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <i32 as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        match value.unwrap_or_default() {
            Value::Number(number) => number
                .as_i64()
                .map(Self)
                .ok_or_else(|| InputValueError::custom("want a whole number")),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}
