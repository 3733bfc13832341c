//! Days and hours as numbers.

use model::{Instant, SECOND};

/// Days since 1970-01-01 in UTC.
pub(crate) type Day = i32;

pub(crate) fn day_of(at: Instant) -> Day {
    i32::try_from(at.0.div_euclid(86_400 * SECOND)).unwrap_or(if at.0 < 0 { i32::MIN / 2 } else { i32::MAX / 2 })
}

/// Hours since 1970-01-01 in UTC.
pub(crate) fn hour_of(at: Instant) -> i64 {
    at.0.div_euclid(3_600 * SECOND)
}

/// Where a day begins.
pub(crate) fn begin_of(day: Day) -> Instant {
    Instant(i64::from(day) * 86_400 * SECOND)
}
