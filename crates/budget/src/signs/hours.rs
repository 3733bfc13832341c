//! Day-and-night use: in how many hours of the clock somebody was active.

use model::Instant;

use crate::day::hour_of;

/// More distinct hours than this of the last 24: nobody's shift with its breaks.
const OF_24_MAX: u32 = 20;
/// More than this of the last 48: somebody who was on call for 24 hours rests after it.
const OF_48_MAX: u32 = 34;

/// The last 48 hours in which something was done, one bit each, the newest lowest.
#[derive(Clone, Copy, Default)]
pub(super) struct Hours {
    newest: i64,
    bits: u64,
}

impl Hours {
    /// Something is done now: (hours, of how many) when they are more than one person works.
    pub(super) fn active(&mut self, at: Instant) -> Option<(u32, u32)> {
        let hour = hour_of(at);
        let passed = (hour - self.newest).max(0);
        self.bits = u32::try_from(passed).ok().and_then(|passed| self.bits.checked_shl(passed)).unwrap_or(0) | 1;
        self.bits &= (1 << 48) - 1;
        self.newest = self.newest.max(hour);
        let (day, two) = ((self.bits & ((1 << 24) - 1)).count_ones(), self.bits.count_ones());
        match (day > OF_24_MAX, two > OF_48_MAX) {
            (true, _) => Some((day, 24)),
            (false, true) => Some((two, 48)),
            (false, false) => None,
        }
    }
}
