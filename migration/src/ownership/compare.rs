//! Differences between two catalogues.

use std::fmt;

use serde::Serialize;

use super::catalog::{Catalog, Kind, Object};

/// One difference: which object, what is expected, what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What the object is.
    pub kind: Kind,
    /// Its name.
    pub object: String,
    /// Which of its attributes, if it is there at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// What is expected; none if nothing is.
    pub expected: Option<String>,
    /// What is there; none if nothing is.
    pub found: Option<String>,
}

impl Difference {
    fn missing((kind, object): &Object) -> Self {
        let expected = Some("present".to_owned());
        Self {
            kind: *kind,
            object: object.clone(),
            attribute: None,
            expected,
            found: None,
        }
    }

    fn extra((kind, object): &Object) -> Self {
        let found = Some("present".to_owned());
        Self {
            kind: *kind,
            object: object.clone(),
            attribute: None,
            expected: None,
            found,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            object,
            attribute,
            expected,
            found,
        } = self;
        match (attribute, expected, found) {
            (None, Some(_), None) => write!(f, "missing {kind} {object}"),
            (None, None, Some(_)) => write!(f, "extra {kind} {object}"),
            _ => {
                let attribute = attribute.as_deref().unwrap_or("value");
                let text = |side: &Option<String>| side.clone().unwrap_or("none".to_owned());
                let (expected, found) = (text(expected), text(found));
                write!(
                    f,
                    "{kind} {object}: {attribute} is {found}, expected {expected}"
                )
            }
        }
    }
}

/// All differences, expected first. Of an object whose table is missing or extra as a whole only
/// the table is named.
pub fn compare(expected: &Catalog, found: &Catalog) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (object, wanted) in &expected.0 {
        let Some(there) = found.0.get(object) else {
            if !belongs_to_absent_table(object, expected, found) {
                differences.push(Difference::missing(object));
            }
            continue;
        };
        let mut names = wanted.keys().chain(there.keys()).collect::<Vec<_>>();
        names.sort();
        names.dedup();
        for name in names
            .into_iter()
            .filter(|name| wanted.get(*name) != there.get(*name))
        {
            differences.push(Difference {
                kind: object.0,
                object: object.1.clone(),
                attribute: Some(name.clone()),
                expected: wanted.get(name).cloned(),
                found: there.get(name).cloned(),
            });
        }
    }
    for object in found
        .0
        .keys()
        .filter(|object| !expected.0.contains_key(*object))
    {
        if !belongs_to_absent_table(object, found, expected) {
            differences.push(Difference::extra(object));
        }
    }
    differences
}

/// Whether an object is part of a table that `here` has and `there` lacks.
fn belongs_to_absent_table((kind, name): &Object, here: &Catalog, there: &Catalog) -> bool {
    if matches!(
        kind,
        Kind::Table | Kind::Sequence | Kind::View | Kind::Function | Kind::Type
    ) {
        return false;
    }
    let end = name.find(['.', '(', ' ']).unwrap_or(name.len());
    let table = (Kind::Table, name.get(..end).unwrap_or(name).to_owned());
    here.0.contains_key(&table) && !there.0.contains_key(&table)
}
