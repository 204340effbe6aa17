//! The API's scalars: `Date`, `DateTime`, `Pence`.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime as ChronoDateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};

use crate::finance::money;

/// A calendar day, `YYYY-MM-DD`, such as `2024-03-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

/// A calendar day, `YYYY-MM-DD`, such as `2024-03-31`.
#[Scalar(
    name = "Date",
    specified_by_url = "https://scalars.graphql.org/andimarek/local-date.html"
)]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => parse_date(text).map(Self).ok_or_else(|| {
                InputValueError::custom("a Date is written YYYY-MM-DD, such as 2024-03-31")
            }),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if parse_date(text).is_some())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Four digits, two, two: chrono alone would take spaces, signs and `2024-3-1` too.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let is_shaped = text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_shaped.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

/// An instant in UTC by RFC 3339, such as `2024-03-31T09:30:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub ChronoDateTime<Utc>);

/// An instant in UTC by RFC 3339, such as `2024-03-31T09:30:00Z`.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html"
)]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => ChronoDateTime::parse_from_rfc3339(text)
                .map(|at| Self(at.to_utc()))
                .map_err(|_| {
                    InputValueError::custom(
                        "a DateTime is written by RFC 3339, such as 2024-03-31T09:30:00Z",
                    )
                }),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if ChronoDateTime::parse_from_rfc3339(text).is_ok())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl From<NaiveDateTime> for DateTime {
    fn from(at: NaiveDateTime) -> Self {
        Self(at.and_utc())
    }
}

/// An amount of money: a whole number of pence sterling, as a JSON integer within 2^53. It may be
/// negative. Strings, fractions and exponents are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pence(pub money::Pence);

/// The largest integer that every JSON reader keeps exactly.
const MOST: i64 = 1 << 53;

/// An amount of money: a whole number of pence sterling, as a JSON integer within 2^53. It may be
/// negative. Strings, fractions and exponents are refused.
#[Scalar(name = "Pence")]
impl ScalarType for Pence {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => number
                .as_i64()
                .filter(|pence| (-MOST..=MOST).contains(pence))
                .map(|pence| Self(money::Pence::new(pence)))
                .ok_or_else(|| {
                    InputValueError::custom("Pence is a whole number of pence, such as 10000")
                }),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.get().into())
    }
}

impl From<money::Pence> for Pence {
    fn from(pence: money::Pence) -> Self {
        Self(pence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pence_are_whole_json_integers_only() {
        let number = |text: &str| Value::Number(serde_json::from_str(text).unwrap());
        assert!(Pence::is_valid(&number("-5")));
        assert!(Pence::is_valid(&number("9007199254740992")));
        for text in ["9007199254740993", "1.5", "1.0", "1e3"] {
            assert!(!Pence::is_valid(&number(text)), "{text}");
        }
        assert!(!Pence::is_valid(&Value::String("5".to_owned())));
    }

    #[test]
    fn a_date_is_a_real_day_in_ten_characters() {
        let text = |text: &str| Value::String(text.to_owned());
        assert!(Date::is_valid(&text("2024-02-29")));
        for wrong in [
            "2023-02-29",
            "2024-2-9",
            "2024-02-29T00:00:00Z",
            "",
            "29/02/2024",
            "2024- 3- 1",
            "+2024-3-01",
        ] {
            assert!(!Date::is_valid(&text(wrong)), "{wrong}");
        }
    }

    #[test]
    fn an_instant_is_shown_in_utc_with_z() {
        let at = DateTime::parse(Value::String("2024-03-31T10:30:00+01:00".to_owned())).unwrap();
        assert_eq!(
            at.to_value(),
            Value::String("2024-03-31T09:30:00Z".to_owned())
        );
    }
}
