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
                let syncs = share * machine.disk.syncs;
                Some(ours.value >= theirs.map_or(syncs, |theirs| syncs.min(times * theirs)))
            }
            Self::DiskShare { share, megabytes_each } => {
                Some(ours.value * megabytes_each >= share * machine.disk.sequential)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Disk;
    use crate::rows::Unit;

    fn machine() -> Machine {
        Machine {
            processor: String::new(),
            cores: 2,
            memory_mib: 1,
            kernel: String::new(),
            disk: Disk { syncs: 1000.0, sequential: 500.0 },
            load_before: 0.0,
        }
    }

    #[track_caller]
    fn check(bar: Bar, ours: f64, theirs: Option<f64>, met: Option<bool>) {
        let p99 = Some(Duration::from_millis(10));
        let row = Row {
            name: String::new(),
            unit: Unit::Requests,
            bar,
            our_samples: vec![Sample { value: ours, p50: p99, p99 }],
            their_samples: theirs.map(Sample::of).into_iter().collect(),
            their_clear_samples: Vec::new(),
        };
        assert_eq!(bar.met(&row, &machine()), met, "{bar:?} with {ours} against {theirs:?}");
    }

    #[test]
    fn a_bar_is_missed_just_below_it() {
        check(Bar::Times(2.5), 250.0, Some(100.0), Some(true));
        check(Bar::Times(2.5), 249.9, Some(100.0), Some(false));
        check(Bar::AtLeast(3000.0), 2999.9, Some(1.0), Some(false));
        check(Bar::AtMost(20.0), 20.1, Some(450.0), Some(false));
        check(Bar::Smaller(0.5), 50.1, Some(100.0), Some(false));
        check(Bar::OfEmpty { share: 0.9, empty: 100.0 }, 89.9, None, Some(false));
        check(Bar::DiskShare { share: 0.4, megabytes_each: 0.5 }, 399.0, None, Some(false));
        check(Bar::DiskShare { share: 0.4, megabytes_each: 0.5 }, 400.0, None, Some(true));
    }

    #[test]
    fn the_disk_bounds_what_one_association_must_reach() {
        let bar = Bar::TimesOrSyncs { times: 2.0, share: 0.7 };
        check(bar, 199.0, Some(100.0), Some(false));
        check(bar, 200.0, Some(100.0), Some(true));
        check(bar, 700.0, Some(900.0), Some(true));
        check(bar, 699.0, Some(900.0), Some(false));
    }

    #[test]
    fn a_slow_tail_misses_a_bar_whose_rate_is_met() {
        check(Bar::TimesWithin { times: 3.0, p99: Duration::from_millis(10) }, 300.0, Some(100.0), Some(true));
        check(Bar::TimesWithin { times: 3.0, p99: Duration::from_millis(9) }, 300.0, Some(100.0), Some(false));
    }

    #[test]
    fn without_the_other_side_nothing_is_claimed_of_it() {
        check(Bar::Times(0.1), 1000.0, None, None);
        check(Bar::Smaller(0.5), 1.0, None, None);
        check(Bar::None, 1.0, Some(1.0), None);
    }
}
