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
    /// Bytes of the longest name.
    pub(super) longest_name: usize,
    /// Variables, wherever they are named.
    pub(super) dollars: usize,
    /// A string does not end. The parser would go back to its beginning and read on from there.
    pub(super) is_cut: bool,
}

impl Tokens {
    /// Counts, up to a string that does not end. A text that is no GraphQL has some count too; the parser
    /// refuses it where this has counted on.
    pub(super) fn of(text: &str) -> Self {
        let mut tokens = Self::default();
        let mut open = 0_usize;
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            rest = match first {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | 0xEF | 0xBB | 0xBF => after,
                b'#' => split(after, |byte| matches!(byte, b'\n' | b'\r')).1,
                byte if is_word(*byte) => {
                    let (word, after) = split(rest, |byte| !is_word(byte));
                    tokens.word(word);
                    after
                }
                _ => {
                    tokens.count = tokens.count.saturating_add(1);
                    match first {
                        b'"' => match after_string(after) {
                            Some(after) => after,
                            None => {
                                tokens.is_cut = true;
                                return tokens;
                            }
                        },
                        b'{' | b'[' | b'(' => {
                            open = open.saturating_add(1);
                            tokens.nesting = tokens.nesting.max(open);
                            after
                        }
                        b'}' | b']' | b')' => {
                            open = open.saturating_sub(1);
                            after
                        }
                        b'$' => {
                            tokens.dollars = tokens.dollars.saturating_add(1);
                            after
                        }
                        b'.' => after.strip_prefix(b"..").unwrap_or(after),
                        _ => after,
                    }
                }
            };
        }
        tokens
    }

    /// A name is one token. The parser sets no bounds to numbers and to the words of values: `00` and
    /// `truetrue` are two each, so that all that a word could be is counted.
    fn word(&mut self, word: &[u8]) {
        let is_value = [&b"true"[..], b"false", b"null"]
            .iter()
            .any(|it| word.starts_with(it));
        let count = match word.first() {
            Some(byte) if !(byte.is_ascii_alphabetic() || *byte == b'_') => word.len(),
            _ if is_value => word.len().div_ceil(4),
            _ => 1,
        };
        self.count = self.count.saturating_add(count);
        self.longest_name = self.longest_name.max(word.len());
    }
}

/// Part of a name or number: they are not told apart, and `1.5e+3` counts as four.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// What comes before the first such byte, and the rest.
fn split(bytes: &[u8], ends: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let length = bytes.iter().position(|byte| ends(*byte));
    bytes.split_at(length.unwrap_or(bytes.len()))
}

/// What follows a string whose opening quote is gone. None if it does not end.
fn after_string(bytes: &[u8]) -> Option<&[u8]> {
    if let Some(block) = bytes.strip_prefix(b"\"\"") {
        return after_block(block);
    }
    let mut rest = bytes;
    loop {
        rest = match rest {
            [b'\\', _, after @ ..] => after,
            [b'"', after @ ..] => return Some(after),
            [b'\n' | b'\r', ..] | [] => return None,
            [_, after @ ..] => after,
        };
    }
}

fn after_block(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [b'\\', b'"', b'"', b'"', after @ ..] => after,
            [b'"', b'"', b'"', after @ ..] => return Some(after),
            [_, after @ ..] => after,
            [] => return None,
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
    fn a_string_that_does_not_end_is_found_out() {
        for text in [
            "{ a(b: \"never",
            "{ a(b: \"\"\" \"",
            "\"\\",
            "{ a(b: \"a\n\") }",
            "\"\"\"\"",
            "\"\"\"\\\"\"\"",
        ] {
            assert!(Tokens::of(text).is_cut, "{text}");
        }
        for text in ["\"\"", "\"\\\"\"", "\"\"\"\"\"\"", "\"\"\" \" \"\"\" # \""] {
            assert!(!Tokens::of(text).is_cut, "{text}");
        }
    }

    #[test]
    fn what_the_parser_would_take_apart_counts_as_its_parts() {
        assert_eq!(count("[0000]"), 6);
        assert_eq!(count("[truetruetrue]"), 5);
        assert_eq!(count("[-1-1]"), 6);
        assert_eq!(Tokens::of("{ name }").longest_name, 4);
    }
}
