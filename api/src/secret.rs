//! A secret of the settings: given as such, or in a file, which can be read again.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a secret comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// The setting itself.
    Value(String),
    /// A file that holds it; a line's end at the file's end does not count.
    File(PathBuf),
}

impl Source {
    /// The secret as it is now. A file is read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> io::Result<String> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => {
                let text = std::fs::read_to_string(path)?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Value(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
