//! What a document may ask for at once. It is measured before the library looks at it: some of the
//! library's own checks expand fragments, and would themselves be the attack's target.

mod cost;
mod measure;
mod tokens;

use async_graphql::Variables;
use async_graphql::parser::types::ExecutableDocument;

use super::error::{ApiError, Code};
pub use cost::Costs;
pub use measure::Measure;
pub use tokens::MAX_NESTING;

/// Bytes of a document for each token that it may have.
const BYTES: usize = 16;
/// Tokens that a document may have for each of its selections, fragments expanded: validation compares those
/// of one object with each other.
const TOKENS: u64 = 2;
/// The most bytes of one name: each alias is repeated in the answer for each object.
const NAME: u64 = 100;
/// The most operations of a document: all of them are validated, and one is executed.
const OPERATIONS: u64 = 20;

/// How often a document names variables, their definitions included: validation copies each.
#[derive(Clone, Copy, Debug)]
pub struct VariableUses(u64);

/// Copies of values that cost as much as one field, while a document is validated.
const USED: u64 = 5;

/// The most of everything that one document may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lexical tokens: names, numbers, strings, punctuators.
    pub tokens: usize,
    /// Fields below each other, fragments followed.
    pub depth: u64,
    /// Estimated cost, see [`Costs`].
    pub cost: u64,
    /// Fields under another name.
    pub aliases: u64,
    /// Directives.
    pub directives: u64,
    /// Fields of the operation itself.
    pub root_fields: u64,
    /// Whether the schema may be asked for.
    pub introspection: bool,
}

impl Default for Limits {
    /// Reasons: `docs/configuration.md`, "Limits".
    fn default() -> Self {
        Self {
            tokens: 5_000,
            depth: 15,
            cost: 1_000_000,
            aliases: 100,
            directives: 50,
            root_fields: 50,
            introspection: false,
        }
    }
}

impl Limits {
    /// Refuses a text with too many tokens, before it is parsed.
    ///
    /// # Errors
    /// QUERY_TOO_COMPLEX; BAD_USER_INPUT for a string that does not end.
    pub fn check_text(&self, text: &str) -> Result<VariableUses, ApiError> {
        let most = self.tokens;
        let bytes = most.saturating_mul(BYTES);
        within("bytes", text.len() as u64, bytes as u64)?;
        let tokens = tokens::Tokens::of(text);
        if tokens.is_cut {
            return Err(ApiError::bad_input(
                "A string of the document does not end.",
            ));
        }
        within("tokens", tokens.count as u64, most as u64)?;
        within("bytes in one name", tokens.longest_name as u64, NAME)?;
        within(
            "brackets within each other",
            tokens.nesting as u64,
            MAX_NESTING as u64,
        )?;
        Ok(VariableUses(tokens.dollars as u64))
    }

    /// Refuses a document that asks for too much.
    ///
    /// # Errors
    /// QUERY_TOO_COMPLEX, which says what is too much; BAD_USER_INPUT for fragments in a circle, and for
    /// introspection where that is off.
    pub fn check(
        &self,
        costs: &Costs,
        document: &ExecutableDocument,
        variables: &Variables,
        VariableUses(uses): VariableUses,
    ) -> Result<Measure, ApiError> {
        let measure = Measure::of(costs, document, variables)?;
        within("levels of fields", measure.depth, self.depth)?;
        within("aliases", measure.aliases, self.aliases)?;
        within("directives", measure.directives, self.directives)?;
        within("root fields", measure.root_fields, self.root_fields)?;
        // What validation walks through, and what one object may be asked for, whatever it costs.
        within(
            "selections, fragments expanded",
            measure.selections,
            self.tokens as u64 / TOKENS,
        )?;
        let operations = document.operations.iter().count();
        within("operations", operations as u64, OPERATIONS)?;
        within(
            "values of variables, each as often as it is used",
            measure.values.saturating_mul(uses),
            self.cost.saturating_mul(USED),
        )?;
        within("units of cost", measure.cost, self.cost)?;
        if measure.introspects && !self.introspection {
            return Err(ApiError::bad_input(
                "Introspection is off here. The schema is the project's schema.graphql.",
            ));
        }
        Ok(measure)
    }
}

fn within(what: &str, found: u64, most: u64) -> Result<(), ApiError> {
    if found <= most {
        return Ok(());
    }
    let found = if found == u64::MAX {
        "too many".to_owned()
    } else {
        found.to_string()
    };
    Err(ApiError::new(
        Code::QueryTooComplex,
        format!(
            "The document has {found} {what}; {most} are allowed. Ask for less, or in several requests."
        ),
    ))
}
