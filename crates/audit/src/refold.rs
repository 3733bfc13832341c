//! What an auditor is given to fold a window again, and the folding.
//!
//! The keys of the window's days open everything that was recorded on them, so nothing of these days can be left out: there is a
//! key for each of these days, what they open is one run of entries, and nothing that is shown lies in it or behind it.
//! What reach at the window's beginning rests on (people, memberships, relationships, filings, leases that still run) was
//! recorded before; of that, each entry is *shown*: its JSON with its salt, which the leaf commits to. So older days stay
//! closed, and what was listed or opened on them stays unsaid. That no shown entry was left out is the site's word.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use model::{Entry, EntryBody, EntryNumber, Instant, Window};
use seal::Secret32;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::leaf::Leaf;
use crate::ledger::Plain;
use crate::payload::{SALT_BYTES, commit};
use crate::read::read_leaves;
use crate::tile::TILE_WIDTH;
use crate::{Day, DayKey, ExposureIndex, Ledger, PayloadKeys, ReachState, ReadError, Reader, VerifyError};

/// The most lines of a window's file.
const LINES_MAX: usize = 50_000_000;
/// Entries looked at for one answer.
const SHOWN_AT_ONCE: usize = 10_000;

/// The first line of a window's file: who holds it reads the days of the window.
#[derive(Serialize, Deserialize)]
pub struct WindowHeader {
    version: u8,
    origin: String,
    /// The window.
    pub window: Window,
    days: Vec<DayLine>,
}

#[derive(Serialize, Deserialize)]
struct DayLine {
    day: i32,
    key: String,
}

/// An entry of before the window, shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Which.
    pub number: EntryNumber,
    /// In hexadecimal digits.
    pub salt: String,
    /// The JSON, byte by byte.
    pub entry: String,
}

/// Why a window cannot be folded again.
#[derive(Debug, Error)]
pub enum RefoldError {
    /// The file is none.
    #[error("line {line} of the window's file cannot be read; have the site export it again")]
    File {
        /// Which line.
        line: usize,
    },
    /// It belongs to another ledger.
    #[error("the window's file belongs to {0}; name the folder of that ledger")]
    OtherLedger(String),
    /// A shown entry is not what the ledger commits to.
    #[error("entry {0} is shown otherwise than the ledger has it; the file was changed, or made for another ledger")]
    Shown(EntryNumber),
    /// Its keys are not those of the days that its window touches.
    #[error(
        "the window's file has not the keys of exactly the days that its window touches; have the site export it again"
    )]
    Days,
    /// A shown entry was not recorded before the window's days.
    #[error(
        "entry {0} is shown, but it was not recorded before the window's days; the file was made to leave entries out, have the site export it again"
    )]
    NotBefore(EntryNumber),
    /// An entry that opens is not among the others that do.
    #[error(
        "entry {0} opens with the window's keys, but does not lie among the entries of its days; keep the ledger's files and ask the site"
    )]
    OutOfPlace(EntryNumber),
    /// An entry of the window's days does not open.
    #[error("entry {number} of the window does not open: {error}")]
    Closed {
        /// Which.
        number: EntryNumber,
        /// Why.
        error: crate::PayloadError,
    },
    /// The ledger does not hold.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A window that was folded again.
pub struct Refolded {
    /// Which window.
    pub window: Window,
    /// The fold.
    pub index: ExposureIndex,
    /// Names of people (their e-mail addresses), organisations and devices, as far as entries say.
    pub names: BTreeMap<String, model::Who>,
    /// Entries that keys opened.
    pub opened: u64,
    /// Entries that were shown.
    pub shown: u64,
    /// Entries of the window's days whose content was erased; what is left of them counts.
    pub erased: u64,
}

impl Ledger {
    /// The keys of a window's days; `None` when it is empty or touches more than [`PayloadKeys::DAYS_MAX`] days.
    #[must_use]
    pub fn window(&self, window: Window) -> Option<WindowHeader> {
        let keys = self.payload_keys().window(window)?;
        let line = |key: &DayKey| DayLine {
            day: key.day().0,
            key: key.expose().iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let days = Day::touched(window)?.into_inner();
        let one_each = keys.len() as i64 == i64::from(days.1.0) - i64::from(days.0.0) + 1;
        Some(WindowHeader {
            // a day has several keys where the site has had several roots
            version: if one_each { 1 } else { 2 },
            origin: self.verifier().name().to_owned(),
            window,
            days: keys.iter().map(line).collect(),
        })
    }

    /// The entries from `from` on that are shown for a window, and where to go on; nothing when the window's days begin.
    pub fn shown(&self, from: EntryNumber, window: Window) -> Result<(Vec<Shown>, Option<EntryNumber>), ReadError> {
        let first_day = Day::of(window.from);
        let mut shown = Vec::new();
        let next = EntryNumber(from.0.saturating_add(SHOWN_AT_ONCE as u64));
        for plain in self.read_shown(from, SHOWN_AT_ONCE)? {
            if Day::of(plain.3.recorded) >= first_day {
                shown.extend(self.shown_erasures(window)?);
                return Ok((shown, None));
            }
            if bears_on(&plain.3, window.from) {
                shown.push(to_show(plain));
            }
        }
        if next.0 < self.size() {
            return Ok((shown, Some(next)));
        }
        shown.extend(self.shown_erasures(window)?);
        Ok((shown, None))
    }

    /// The erasures of other days that say what is left of an entry of the window's days.
    fn shown_erasures(&self, window: Window) -> Result<Vec<Shown>, ReadError> {
        let days = Day::of(window.from)..=Day::of(Instant(window.to.0.saturating_sub(1)));
        let mut shown = BTreeMap::new();
        for (_, by) in self.erasures() {
            for plain in self.read_shown(by, 1)? {
                let inside =
                    matches!(&plain.3.body, EntryBody::Erased { left, .. } if days.contains(&Day::of(left.recorded)));
                if inside && !days.contains(&Day::of(plain.3.recorded)) {
                    shown.insert(by, to_show(plain));
                }
            }
        }
        Ok(shown.into_values().collect())
    }
}

fn to_show((number, salt, json, _): Plain) -> Shown {
    Shown { number, salt: salt.iter().map(|byte| format!("{byte:02x}")).collect(), entry: json }
}

/// Whether an entry of before the window bears on what could be or was reached inside it.
fn bears_on(entry: &Entry, window_from: Instant) -> bool {
    let named = matches!(entry.body, EntryBody::OrganisationAdded { .. });
    let runs = match &entry.body {
        EntryBody::Listed { lease_until, .. } | EntryBody::Opened { lease_until, .. } => *lease_until > window_from,
        _ => false,
    };
    named || runs || ReachState::concerns(&entry.body)
}

/// Folds a window again from the ledger's files in `dir` and the lines of a window's file, with no key of the site. The
/// files are verified first, as [`crate::verify()`] does it.
pub fn refold<'l>(dir: &Path, mut lines: impl Iterator<Item = &'l str>) -> Result<Refolded, RefoldError> {
    let verified = crate::verify(dir, None)?;
    let header = lines.next().and_then(|line| serde_json::from_str::<WindowHeader>(line).ok());
    let header = header.filter(|header| (1..=2).contains(&header.version)).ok_or(RefoldError::File { line: 1 })?;
    if crate::open::payload_origin(&header.origin) != crate::open::payload_origin(verified.verifier.name()) {
        return Err(RefoldError::OtherLedger(header.origin));
    }
    let keys: Option<Vec<DayKey>> = header.days.iter().map(day_key).collect();
    let keys = keys.ok_or(RefoldError::File { line: 1 })?;
    let days = Day::touched(header.window).ok_or(RefoldError::Days)?;
    let mut given: Vec<i32> = keys.iter().map(|key| key.day().0).collect();
    if header.version == 2 {
        given.dedup();
    }
    if given.len() > PayloadKeys::DAYS_MAX || !(days.start().0..=days.end().0).eq(given) {
        return Err(RefoldError::Days);
    }
    let mut folded = Refolded {
        window: header.window,
        index: ExposureIndex::default(),
        names: BTreeMap::new(),
        opened: 0,
        shown: 0,
        erased: 0,
    };
    let mut bundle = Leaves::default();
    let (mut last, mut before) = (None, None);
    let mut left = BTreeMap::new();
    for (line, text) in lines.enumerate() {
        let file = RefoldError::File { line: line + 2 };
        let Ok(shown) = serde_json::from_str::<Shown>(text) else { return Err(file) };
        if line >= LINES_MAX || last.is_some_and(|last| shown.number <= last) {
            return Err(file);
        }
        last = Some(shown.number);
        let entry = bundle.check(dir, verified.published, &shown)?;
        folded.shown += 1;
        if let EntryBody::Erased { entry: erased, left: remains } = entry.body {
            left.insert((erased, shown.number), *remains);
            continue;
        }
        if Day::of(entry.recorded) >= *days.start() {
            return Err(RefoldError::NotBefore(shown.number));
        }
        before = Some(shown.number);
        folded.take(shown.number, &entry);
    }
    let mut run = Run { days: days.clone(), before, state: RunState::Ahead };
    let mut reader = Reader::open(dir, PayloadKeys::Days(keys))?;
    for index in 0..reader.size().div_ceil(TILE_WIDTH) {
        for (number, opened) in reader.bundle(index)? {
            match opened {
                Ok(entry) => {
                    run.opened(number, entry.recorded)?;
                    folded.take(number, &entry);
                    folded.opened += 1;
                }
                Err(crate::PayloadError::Erased { by, .. }) => {
                    // the erasure's leaf says on which day: one of the window cannot be left out
                    let day = reader.leaf(by)?.and_then(|leaf| leaf.erases).map(|erases| Day(erases.day));
                    if day.is_none_or(|day| !days.contains(&day)) {
                        run.closed();
                        continue;
                    }
                    let entry = match left.remove(&(number, by)) {
                        Some(entry) => entry,
                        None => reader.left(number, by).map_err(|error| match error {
                            ReadError::Payload(error) => RefoldError::Closed { number, error },
                            error => error.into(),
                        })?,
                    };
                    run.opened(number, entry.recorded)?;
                    folded.take(number, &entry);
                    folded.erased += 1;
                }
                Err(crate::PayloadError::NoKey { .. }) => run.closed(),
                Err(error) => return Err(RefoldError::Closed { number, error }),
            }
        }
    }
    Ok(folded)
}

impl Refolded {
    fn take(&mut self, number: EntryNumber, entry: &Entry) {
        self.index.apply(number, entry);
        match &entry.body {
            EntryBody::PersonAdded { person, email, .. } => {
                self.names.insert(format!("person:{email}"), model::Who::Person(*person));
            }
            EntryBody::OrganisationAdded { organisation, name, .. } => {
                self.names.insert(format!("org:{name}"), model::Who::Organisation(*organisation));
            }
            EntryBody::DeviceAdded { device, name, .. } => {
                self.names.insert(format!("device:{name}"), model::Who::Device(*device));
            }
            EntryBody::LinkMade(made) => {
                self.names.insert(format!("link:{}", made.link), model::Who::Link(made.link));
            }
            _ => {}
        }
    }
}

/// The entries that the window's keys open. No entry was recorded earlier than the one before it, so they lie in one run,
/// behind everything that is shown: an entry beside it was left out or put somewhere else.
struct Run {
    days: RangeInclusive<Day>,
    /// The last entry that was shown.
    before: Option<EntryNumber>,
    state: RunState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RunState {
    Ahead,
    Inside,
    Behind,
}

impl Run {
    fn opened(&mut self, number: EntryNumber, recorded: Instant) -> Result<(), RefoldError> {
        let placed = self.state != RunState::Behind
            && self.before.is_none_or(|before| before < number)
            && self.days.contains(&Day::of(recorded));
        self.state = RunState::Inside;
        if placed { Ok(()) } else { Err(RefoldError::OutOfPlace(number)) }
    }

    fn closed(&mut self) {
        if self.state == RunState::Inside {
            self.state = RunState::Behind;
        }
    }
}

fn day_key(line: &DayLine) -> Option<DayKey> {
    let bytes: Option<Vec<u8>> = (0..32)
        .map(|n| line.key.get(n * 2..n * 2 + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()))
        .collect();
    let key = Secret32::from_bytes(bytes?.as_slice().try_into().ok()?);
    (line.key.len() == 64).then(|| DayKey::from_bytes(Day(line.day), key.expose()))
}

/// The leaves of the bundle that was looked at last.
#[derive(Default)]
struct Leaves {
    index: Option<u64>,
    leaves: Vec<Leaf>,
}

impl Leaves {
    /// Compares a shown entry with its leaf.
    fn check(&mut self, dir: &Path, size: u64, shown: &Shown) -> Result<Entry, RefoldError> {
        let refused = || RefoldError::Shown(shown.number);
        if shown.number.0 >= size {
            return Err(refused());
        }
        let index = shown.number.0 / TILE_WIDTH;
        if self.index != Some(index) {
            let width = TILE_WIDTH.min(size - index * TILE_WIDTH);
            self.leaves = read_leaves(dir, index, width)?;
            self.index = Some(index);
        }
        let leaf = self.leaves.get((shown.number.0 % TILE_WIDTH) as usize).ok_or_else(refused)?;
        let mut salted = Vec::with_capacity(SALT_BYTES + shown.entry.len());
        for n in 0..SALT_BYTES {
            let digits = shown.salt.get(n * 2..n * 2 + 2).ok_or_else(refused)?;
            salted.push(u8::from_str_radix(digits, 16).map_err(|_| refused())?);
        }
        salted.extend_from_slice(shown.entry.as_bytes());
        if shown.salt.len() != SALT_BYTES * 2 || commit(&salted) != leaf.commitment {
            return Err(refused());
        }
        serde_json::from_str(&shown.entry).map_err(|_| refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries 0, 1, ...: the days of those that open, nothing for those that do not; shown is entry 1, the window's days are 3 to 5.
    fn placed(entries: &[Option<i64>]) -> Result<(), EntryNumber> {
        let mut run = Run { days: Day(3)..=Day(5), before: Some(EntryNumber(1)), state: RunState::Ahead };
        for (number, day) in (0..).map(EntryNumber).zip(entries) {
            match day {
                Some(day) => run.opened(number, Instant(day * 86_400 * model::SECOND)).map_err(|_| number)?,
                None => run.closed(),
            }
        }
        Ok(())
    }

    #[test]
    fn what_the_windows_keys_open_is_one_run_behind_what_is_shown() {
        assert_eq!(placed(&[None, None, Some(3), Some(3), Some(5), None, None]), Ok(()));
        assert_eq!(placed(&[None, None, None]), Ok(()));
        // in front of what is shown, or that itself
        assert_eq!(placed(&[Some(3), None, Some(3)]), Err(EntryNumber(0)));
        assert_eq!(placed(&[None, Some(3), Some(3)]), Err(EntryNumber(1)));
        // apart from the run
        assert_eq!(placed(&[None, None, Some(3), None, Some(4)]), Err(EntryNumber(4)));
        // of another day than its key's
        assert_eq!(placed(&[None, None, Some(3), Some(6)]), Err(EntryNumber(3)));
    }
}
