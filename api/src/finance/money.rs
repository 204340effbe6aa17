//! Money: whole pence sterling, checked.

use std::fmt;

/// An amount in pence; it may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pence(i64);

/// A sum of money that does not fit 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount of money is out of range")]
pub struct Overflow;

impl Pence {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of so many pence.
    pub const fn new(pence: i64) -> Self {
        Self(pence)
    }

    /// The number of pence.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// The difference.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(Overflow)
    }

    /// Half of it, half a penny rounded down.
    pub fn half(self) -> Self {
        Self(self.0.div_euclid(2))
    }

    /// The amount as the columns of single rows hold it.
    ///
    /// # Errors
    /// When it does not fit 32 bits.
    pub fn small(self) -> Result<i32, Overflow> {
        i32::try_from(self.0).map_err(|_| Overflow)
    }

    /// The amount without its sign.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn magnitude(self) -> Result<Self, Overflow> {
        self.0.checked_abs().map(Self).ok_or(Overflow)
    }
}

/// Amounts of single rows are 32 bit in the database.
impl From<i32> for Pence {
    fn from(pence: i32) -> Self {
        Self(pence.into())
    }
}

impl fmt::Display for Pence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}p", self.0)
    }
}
