//! What is wrong with a change's input.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use strum::EnumIter;

use crate::finance::FinanceError;
use crate::finance::money::Overflow;

/// The kinds of faults, for programs; the message is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, Serialize, Deserialize)]
pub enum FaultCode {
    /// It is missing or empty.
    Required,
    /// It is longer than it may be.
    TooLong,
    /// It is not within its bounds.
    OutOfRange,
    /// It is not written as it must be, or does not go with the rest.
    Invalid,
    /// There is no such object, or it is another client's.
    NotFound,
    /// The state of the account does not allow it.
    NotPermitted,
    /// It was decided or cancelled already.
    AlreadyDecided,
    /// Who asked for it may not decide on it.
    FourEyes,
    /// The idempotency key was used for something else.
    KeyReused,
    /// Another has it already.
    Taken,
}

/// A fault of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where the field is, if not in the input itself: such as `invoices`, `3`.
    pub within: Vec<String>,
    /// The input's field; none if it is about the whole.
    pub field: Option<Cow<'static, str>>,
    /// Its kind.
    pub code: FaultCode,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Fault {
    /// The path of the field within the input; none if it is about the whole.
    pub fn path(&self) -> Option<Vec<String>> {
        let field = self.field.iter().map(|field| field.clone().into_owned());
        let path = self.within.iter().cloned().chain(field).collect::<Vec<_>>();
        (!path.is_empty()).then_some(path)
    }
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The input is wrong; nothing was written.
    #[error("the input is wrong")]
    Faults(Vec<Fault>),
    /// It could not be done.
    #[error(transparent)]
    Failed(#[from] FinanceError),
}

impl From<sea_orm::DbErr> for Refusal {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Overflow> for Refusal {
    fn from(error: Overflow) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Faults> for Refusal {
    fn from(faults: Faults) -> Self {
        Self::Faults(faults.0)
    }
}

impl Refusal {
    /// One fault.
    pub(super) fn of(field: &'static str, code: FaultCode, message: impl Into<String>) -> Self {
        Self::Faults(vec![Fault {
            within: Vec::new(),
            field: Some(field.into()),
            code,
            message: message.into(),
        }])
    }
}

/// Whether a character is none of a text.
fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\r' | '\t')
}

/// Gathers faults, so that all are told at once.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

/// The longest text of an input, in characters.
const TEXT_LIMIT: usize = 1_000;

impl Faults {
    pub(super) fn add(&mut self, field: &'static str, code: FaultCode, message: impl Into<String>) {
        self.0.push(Fault {
            within: Vec::new(),
            field: Some(field.into()),
            code,
            message: message.into(),
        });
    }

    /// Tells a fault unless it is so.
    pub(super) fn require(
        &mut self,
        is_so: bool,
        field: &'static str,
        code: FaultCode,
        message: impl Into<String>,
    ) {
        if !is_so {
            self.add(field, code, message);
        }
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, field: &'static str, text: &str) {
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.add(field, FaultCode::Required, "It is required.");
        } else if text.chars().any(is_control) {
            let text = "It has control characters; lines and tabs alone are kept.";
            self.add(field, FaultCode::Invalid, text);
        } else if length > TEXT_LIMIT {
            self.add(
                field,
                FaultCode::TooLong,
                format!("It has {length} characters; at most {TEXT_LIMIT} are kept."),
            );
        }
    }

    /// Adds a fault.
    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what is wrong with a part of the input.
    pub(super) fn add_all(&mut self, within: &[String], of_part: Self) {
        for mut fault in of_part.0 {
            fault.within.splice(0..0, within.iter().cloned());
            self.0.push(fault);
        }
    }

    /// All of them.
    pub(super) fn into_vec(self) -> Vec<Fault> {
        self.0
    }

    /// What was made of the input, if it has no faults. Without a fault there is something: else a
    /// rule has forgotten to tell one.
    pub(super) fn unless<T>(self, made: Option<T>) -> Result<T, Refusal> {
        self.check()?;
        made.ok_or(Refusal::Failed(FinanceError::Lost))
    }

    /// Goes on only if there are none.
    pub(super) fn check(self) -> Result<(), Refusal> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Refusal::Faults(self.0)),
        }
    }
}
