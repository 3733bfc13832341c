//! What a row must reach.

use std::time::Duration;

use crate::machine::Machine;
use crate::rows::{Row, Sample};

/// A bar. Higher figures are better, unless it says that they are times or memory.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// There is none; the row is for information.
    None,
    /// So many times the other side.
    Times(f64),
    /// So many times the other side, or such a share of the disk's own syncs a second if that is less.
    TimesOrSyncs {
        /// Times the other side.
        times: f64,
        /// Share of the syncs.
        share: f64,
    },
    /// Such a share of what the disk writes in sequence.
    DiskShare {
        /// The share.
        share: f64,
        /// Bytes of one instance, in MB.
        megabytes_each: f64,
    },
    /// Such a share of an empty archive that was measured in turns with this one.
    OfEmpty {
        /// The share.
        share: f64,
        /// The empty one, per second.
        empty: f64,
    },
    /// So many times the other side, with this 99th percentile at most.
    TimesWithin {
        /// Times the other side.
        times: f64,
        /// The longest 99th percentile.
        p99: Duration,
    },
    /// At least so many a second.
    AtLeast(f64),
    /// At most so many milliseconds.
    AtMost(f64),
    /// At most such a share of the other side's memory.
    Smaller(f64),
}

impl Bar {
    /// What it asks for, in words.
    pub fn words(&self) -> String {
        match self {
            Self::None => "no bar".to_owned(),
            Self::Times(times) => format!("{times} times"),
            Self::TimesOrSyncs { times, share } => format!("{times} times, or {share} of fdatasync/s"),
            Self::DiskShare { share, .. } => format!("{:.0}% of the disk's sequential rate", share * 100.0),
            Self::OfEmpty { share, empty } => format!("{:.0}% of empty ({empty:.0})", share * 100.0),
            Self::TimesWithin { times, p99 } => format!("{times} times, p99 {} ms", p99.as_millis()),
            Self::AtLeast(rate) => format!("{rate}/s"),
            Self::AtMost(milliseconds) => format!("{milliseconds} ms"),
            Self::Smaller(share) => format!("{share} of it"),
        }
    }

    /// Whether a row reaches it; `None` when the other side was not measured or there is no bar.
    pub fn met(&self, row: &Row, machine: &Machine) -> Option<bool> {
        let ours = row.ours()?;
        let theirs = row.theirs().map(|sample| sample.value);
        match self {
            Self::None => None,
            Self::Times(times) => Some(ours.value >= times * theirs?),
            Self::TimesOrSyncs { times, share } => {
                let syncs = share * machine.syncs;
                Some(ours.value >= theirs.map_or(syncs, |theirs| syncs.min(times * theirs)))
            }
            Self::DiskShare { share, megabytes_each } => {
                Some(ours.value * megabytes_each >= share * machine.sequential)
            }
            Self::OfEmpty { share, empty } => Some(ours.value >= share * empty),
            Self::TimesWithin { times, p99 } => Some(ours.value >= times * theirs? && within(&ours, *p99)),
            Self::AtLeast(rate) => Some(ours.value >= *rate),
            Self::AtMost(milliseconds) => Some(ours.value <= *milliseconds),
            Self::Smaller(share) => Some(ours.value <= share * theirs?),
        }
    }
}

fn within(sample: &Sample, p99: Duration) -> bool {
    sample.p99.is_some_and(|own| own <= p99)
}
