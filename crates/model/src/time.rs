//! Time as the ledger writes it.

use serde::{Deserialize, Serialize};

/// One second in the unit of [`Instant`].
pub const SECOND: i64 = 1_000_000;

/// Microseconds since 1970-01-01T00:00:00Z. The only clock reading that is ever stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub i64);

impl Instant {
    /// The end of time: a relationship without an end ends here.
    pub const MAX: Self = Self(i64::MAX);

    /// This instant moved by `seconds`, saturating at both ends of time.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }
}

/// A half-open span of time, `from <= t < to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First instant inside.
    pub from: Instant,
    /// First instant after.
    pub to: Instant,
}

impl Window {
    /// Whether `at` lies inside.
    #[must_use]
    pub fn contains(&self, at: Instant) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether the two spans share at least one instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to && self.from < self.to && other.from < other.to
    }

    /// The span that both share, if any.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let shared = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (shared.from < shared.to).then_some(shared)
    }
}
