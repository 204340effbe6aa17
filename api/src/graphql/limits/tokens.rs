//! How long a text is, in tokens, and how deep its brackets go, found out without parsing it.
//!
//! The parser calls itself for each bracket within another, so this is what keeps it from the end of
//! its stack.

/// The most brackets within each other.
pub const MAX_NESTING: usize = 64;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) count: usize,
    pub(super) nesting: usize,
}

impl Tokens {
    /// Counts. A text that is no GraphQL has some count too; the parser refuses it.
    pub(super) fn of(text: &str) -> Self {
        let mut tokens = Self::default();
        let mut open = 0_usize;
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            rest = match first {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | 0xEF | 0xBB | 0xBF => after,
                b'#' => from_first(after, |byte| matches!(byte, b'\n' | b'\r')),
                _ => {
                    tokens.count = tokens.count.saturating_add(1);
                    match first {
                        b'"' => after_string(after),
                        b'{' | b'[' | b'(' => {
                            open = open.saturating_add(1);
                            tokens.nesting = tokens.nesting.max(open);
                            after
                        }
                        b'}' | b']' | b')' => {
                            open = open.saturating_sub(1);
                            after
                        }
                        b'.' => after.strip_prefix(b"..").unwrap_or(after),
                        byte if is_word(*byte) => from_first(after, |byte| !is_word(byte)),
                        _ => after,
                    }
                }
            };
        }
        tokens
    }
}

/// Part of a name or number: they are not told apart, and `-1.5e+3` counts as three.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn from_first(bytes: &[u8], ends: impl Fn(u8) -> bool) -> &[u8] {
    let length = bytes.iter().position(|byte| ends(*byte));
    length.and_then(|at| bytes.get(at..)).unwrap_or_default()
}

/// What follows a string whose opening quote is gone.
fn after_string(bytes: &[u8]) -> &[u8] {
    if let Some(block) = bytes.strip_prefix(b"\"\"") {
        return after_block(block);
    }
    let mut rest = bytes;
    loop {
        rest = match rest {
            [b'\\', _, after @ ..] => after,
            [b'"' | b'\n' | b'\r', after @ ..] => return after,
            [_, after @ ..] => after,
            [] => return rest,
        };
    }
}

fn after_block(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [b'\\', b'"', b'"', b'"', after @ ..] => after,
            [b'"', b'"', b'"', after @ ..] => return after,
            [_, after @ ..] => after,
            [] => return rest,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        Tokens::of(text).count
    }

    #[test]
    fn names_numbers_punctuators_and_strings_are_a_token_each() {
        assert_eq!(count("{ a }"), 3);
        assert_eq!(count("query Q($id: Int! = 3) { a(b: $id) ...F }"), 22);
        assert_eq!(count("{a:b(c:[1,2])@d}"), 15);
        assert_eq!(count(r#"{ a(b: "}} \" {{") }"#), 8);
        assert_eq!(count(r#"{ a(b: """ } \""" " { """) }"#), 8);
    }

    #[test]
    fn blanks_commas_and_comments_are_none() {
        assert_eq!(count("\u{feff} \t\r\n,,, # { a b c }\n"), 0);
        assert_eq!(count("# only a comment"), 0);
        assert_eq!(count("{ # a\r a }"), 3);
    }

    #[test]
    fn nesting_counts_brackets_of_every_kind_outside_of_strings() {
        assert_eq!(Tokens::of("{ a(b: [[1]]) { c } }").nesting, 4);
        assert_eq!(Tokens::of(r#"{ a(b: "[[[[") }"#).nesting, 2);
        assert_eq!(Tokens::of("}}}{").nesting, 1);
    }

    #[test]
    fn a_text_that_never_ends_is_counted_to_its_end() {
        assert_eq!(count("{ a(b: \"never"), 6);
        assert_eq!(count("{ a(b: \"\"\"never"), 6);
        assert_eq!(count("\"\\"), 1);
    }
}
