//! Reading settings, and gathering all that is wrong with them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::secret::Source;

/// The longest duration that a setting may have.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are wrong, and nothing was started:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// Gathers faults while settings are read.
#[derive(Default)]
pub(super) struct Check {
    pub(super) faults: Vec<String>,
}

impl Check {
    /// What `read` makes of the value; else a fault that says what is wanted.
    pub(super) fn value<T>(
        &mut self,
        name: &str,
        value: &str,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let result = read(value);
        if result.is_none() {
            self.faults.push(format!("{name} is wrong: want {wanted}"));
        }
        result
    }

    pub(super) fn required<T>(
        &mut self,
        name: &str,
        value: Option<&str>,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            self.faults
                .push(format!("{name} is missing: want {wanted}"));
            return None;
        };
        self.value(name, value, wanted, read)
    }

    pub(super) fn parsed<T: FromStr>(
        &mut self,
        name: &str,
        value: &str,
        wanted: &str,
    ) -> Option<T> {
        self.value(name, value, wanted, |value| value.parse().ok())
    }

    pub(super) fn duration(&mut self, name: &str, value: &str) -> Option<Duration> {
        self.value(
            name,
            value,
            "a duration above 0 and of a year at most, such as 5s or 12h",
            |value| {
                humantime::parse_duration(value)
                    .ok()
                    .filter(|it| !it.is_zero() && *it <= LONGEST)
            },
        )
    }

    pub(super) fn switch(&mut self, name: &str, value: &str) -> Option<bool> {
        self.value(name, value, "on or off", |value| match value {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        })
    }

    /// The value if it is there; empty counts as absent.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        value: Option<&str>,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = value.filter(|value| !value.is_empty())?;
        self.value(name, value, wanted, read)
    }

    /// Where a key comes from: the setting, or the file that its other setting names.
    pub(super) fn source(
        &mut self,
        name: &str,
        value: Option<&String>,
        file: Option<&PathBuf>,
    ) -> Option<Source> {
        let value = value.filter(|value| !value.is_empty());
        let file = file.filter(|path| !path.as_os_str().is_empty());
        match (value, file) {
            (None, None) => None,
            (Some(value), None) => Some(Source::Value(value.clone())),
            (None, Some(file)) => Some(Source::File(file.clone())),
            (Some(_), Some(_)) => {
                self.faults
                    .push(format!("{name} and {name}_FILE are both given: want one"));
                None
            }
        }
    }

    /// A secret that is read once and for all, if it is given. Its faults are told.
    pub(super) fn secret(
        &mut self,
        name: &str,
        value: Option<&String>,
        file: Option<&PathBuf>,
    ) -> Result<Option<String>, ()> {
        let faults = self.faults.len();
        let secret = match self.source(name, value, file).map(|it| it.read()) {
            Some(Ok(secret)) => Some(secret),
            Some(Err(error)) => {
                let text = format!("{name}_FILE cannot be read: {}", error.kind());
                self.faults.push(text);
                None
            }
            None => None,
        };
        match self.faults.len() > faults {
            true => Err(()),
            false => Ok(secret),
        }
    }

    /// The settings, if nothing is wrong.
    pub(super) fn end<T>(self, settings: Option<T>) -> Result<T, Faults> {
        match settings {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(Faults(self.faults)),
        }
    }
}
