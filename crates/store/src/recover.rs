//! Starting: finds where volumes, journals and rows stand, cuts off what nobody was answered for, and brings the rows
//! up to date through the same [`Rows::apply`] and [`Change::of`] that the happy path calls.
//!
//! Every step can be interrupted and begins anew at the next start: what is cut was never answered for, what is read
//! into the rows is read again from the position that the rows hold, and files are removed only when nothing names them.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::io::{StoreFile, StoreIo};
use crate::journal;
use crate::outbox::{Entry, Journal, Outbox, journal_path};
use crate::record::{FILE_HEADER_BYTES, Kind};
use crate::rows::{Change, Meta, Rows};
use crate::store::Recovered;
use crate::volumes::{Found, LARGE_BIT, Volumes, Walk};
use crate::{OpenError, OutboxState};

/// Rows that are written in one transaction.
const ROWS_AT_ONCE: usize = 4096;

/// Where the files end.
pub(crate) struct Start {
    /// The volume to continue.
    pub volume: Option<LastVolume>,
    pub next_volume: u32,
    pub next_journal: u32,
}

/// The newest volume.
pub(crate) struct LastVolume {
    pub number: u32,
    pub file: Arc<dyn StoreFile>,
    pub end: u64,
}

/// What the store starts from.
pub(crate) struct Recovery {
    pub outbox: Outbox,
    pub start: Start,
    pub next_large: u32,
    /// Bytes in volumes before the one that is continued, and in large objects.
    pub closed_bytes: u64,
    pub report: Recovered,
}

/// Brings everything to the state after the last durable group.
pub(crate) fn recover(
    io: &Arc<dyn StoreIo>,
    dir: &Path,
    volumes: &Volumes,
    rows: &Rows,
) -> Result<Recovery, OpenError> {
    let meta = rows.meta().map_err(OpenError::Rows)?;
    let mut report = Recovered::default();
    let (mut numbers, _) = volumes.list().map_err(failed(dir))?;
    remove_unborn(io, volumes, &mut numbers, meta)?;
    let highest = numbers.last().copied().unwrap_or(0);

    let acknowledged = last_acknowledgement(volumes, &numbers, meta)?;
    let mut journals = Journals::read(io, dir, acknowledged, meta)?;
    journals.check_last_batch(volumes, meta)?;
    report.bytes_cut += journals.settle()?;
    let last = journals.last;
    if last < meta.last {
        return Err(OpenError::OutboxGap { expected: last });
    }
    let end = apply_volumes(volumes, &numbers, rows, meta, last, &mut report)?;

    let referenced = rows.large().map_err(OpenError::Rows)?;
    let highest_large = remove_orphans(io, volumes, &referenced, &mut report)?;
    let closed_bytes = closed_bytes(volumes, &numbers, &referenced)?;
    let start = Start { volume: end, next_volume: highest + 1, next_journal: journals.highest + 1 };
    let outbox = journals.into_outbox();
    Ok(Recovery { outbox, start, next_large: highest_large + 1, closed_bytes, report })
}

/// A volume whose first bytes were never synced: nothing was written to it.
fn remove_unborn(
    io: &Arc<dyn StoreIo>,
    volumes: &Volumes,
    numbers: &mut Vec<u32>,
    meta: Meta,
) -> Result<(), OpenError> {
    if let Some(&number) = numbers.last()
        && number > meta.volume
        && !volumes.walk(number, 0)?.headed
        && !volumes.walk(number, 0)?.damaged(0)?
    {
        volumes.forget(number);
        io.remove(&volumes.path(number)).map_err(failed(&volumes.path(number)))?;
        numbers.pop();
    }
    Ok(())
}

/// How far the warden had acknowledged: what the rows say, or a later acknowledgement in the volumes.
fn last_acknowledgement(volumes: &Volumes, numbers: &[u32], meta: Meta) -> Result<(u64, [u8; 32]), OpenError> {
    let mut acknowledged = (meta.acknowledged, meta.chain);
    walk_behind(volumes, numbers, meta, |walk, found| {
        if found.header.kind == Kind::Acknowledgement && found.header.sequence > acknowledged.0 {
            let change = read_change(walk, &found)?.ok_or_else(|| walk.damage(found.offset))?;
            if let Change::Acknowledgement { up_to, chain, .. } = change {
                acknowledged = (up_to, chain);
            }
        }
        Ok(true)
    })?;
    Ok(acknowledged)
}

/// Writes what lies behind the rows' position into the rows, and cuts off what belongs to no durable group. Returns
/// the volume to continue and its end.
fn apply_volumes(
    volumes: &Volumes,
    numbers: &[u32],
    rows: &Rows,
    meta: Meta,
    last: u64,
    report: &mut Recovered,
) -> Result<Option<LastVolume>, OpenError> {
    let mut changes = Vec::new();
    let mut position = (meta.volume, meta.offset);
    let mut applied = meta.last;
    let flush = |changes: &mut Vec<Change>, (volume, offset): (u32, u64), applied: u64| {
        let done = rows.apply(changes, volume, offset, applied).map_err(OpenError::Rows);
        changes.clear();
        done
    };
    let end = walk_behind(volumes, numbers, meta, |walk, found| {
        let header = &found.header;
        if header.kind == Kind::Instance && header.sequence > last {
            // the group's journal record is not there: nobody was answered for it, unless a journal was taken away
            return if walk.damaged(found.offset)? { Err(OpenError::OutboxGap { expected: last }) } else { Ok(false) };
        }
        let change = read_change(walk, &found)?.ok_or_else(|| walk.damage(found.offset))?;
        report.rows += u64::from(header.kind == Kind::Instance);
        applied = applied.max(header.sequence);
        changes.push(change);
        position = (walk.volume, found.end());
        if changes.len() >= ROWS_AT_ONCE {
            flush(&mut changes, position, applied)?;
        }
        Ok(true)
    })?;
    if !changes.is_empty() {
        flush(&mut changes, position, applied)?;
    }
    let Some(mut walk) = end else { return Ok(None) };
    // synced even when nothing is cut: after a kill, what was just read may be in the system's memory only
    report.bytes_cut += walk.cut(walk.at)?;
    let file = volumes.file(walk.volume).map_err(failed(&volumes.path(walk.volume)))?;
    Ok(Some(LastVolume { number: walk.volume, file, end: walk.at }))
}

/// Calls `each` for every record behind the rows' position, until it says that the volumes end there. Returns the last
/// volume, at its end.
fn walk_behind(
    volumes: &Volumes,
    numbers: &[u32],
    meta: Meta,
    mut each: impl FnMut(&mut Walk, Found) -> Result<bool, OpenError>,
) -> Result<Option<Walk>, OpenError> {
    if meta.volume != 0 && !numbers.contains(&meta.volume) {
        return Err(OpenError::VolumeShort { volume: meta.volume });
    }
    let mut end = None;
    for (index, &number) in numbers.iter().enumerate().filter(|(_, number)| **number >= meta.volume) {
        let start = if number == meta.volume { meta.offset } else { 0 };
        let mut walk = volumes.walk(number, start)?;
        if walk.length < start {
            return Err(OpenError::VolumeShort { volume: number });
        }
        if !walk.headed {
            return Err(walk.damage(0));
        }
        loop {
            let before = walk.at;
            let Some(found) = walk.next()? else { break };
            // instances of the last batch are verified from their journal; what has no journal is verified here
            if found.header.kind != Kind::Instance && !walk.verifies(&found)? {
                walk.at = before;
                break;
            }
            if !each(&mut walk, found)? {
                walk.at = before;
                break;
            }
        }
        if walk.at < walk.length && (index + 1 < numbers.len() || walk.damaged(walk.at)?) {
            return Err(walk.damage(walk.at));
        }
        end = Some(walk);
    }
    Ok(end)
}

fn read_change(walk: &Walk, found: &Found) -> Result<Option<Change>, OpenError> {
    let acknowledgement = found.header.kind == Kind::Acknowledgement;
    let body = if acknowledgement { walk.body(found)? } else { Vec::new() };
    Ok(Change::of(&found.header, walk.volume, found.offset, walk.row(found)?, walk.detail(found)?, &body))
}

/// Removes large objects that no row names; returns the highest number that is taken.
fn remove_orphans(
    io: &Arc<dyn StoreIo>,
    volumes: &Volumes,
    referenced: &[u32],
    report: &mut Recovered,
) -> Result<u32, OpenError> {
    let (_, large) = volumes.list().map_err(failed(&volumes.path(0)))?;
    for number in large {
        if referenced.binary_search(&(number & !LARGE_BIT)).is_err() {
            io.remove(&volumes.path(number)).map_err(failed(&volumes.path(number)))?;
            report.large_removed += 1;
        }
    }
    Ok(referenced.last().copied().unwrap_or(0))
}

fn closed_bytes(volumes: &Volumes, numbers: &[u32], large: &[u32]) -> Result<u64, OpenError> {
    let closed = numbers.iter().copied().take(numbers.len().saturating_sub(1));
    let large = large.iter().map(|number| number | LARGE_BIT);
    let mut bytes = 0;
    for number in closed.chain(large) {
        let length = volumes.file(number).and_then(|file| file.length());
        // a file that is missing is told to whoever reads from it
        bytes += length.unwrap_or(0);
    }
    Ok(bytes)
}

/// The journals as they were found.
struct Journals {
    files: VecDeque<Journal>,
    waiting: VecDeque<Entry>,
    acknowledged: (u64, [u8; 32]),
    last: u64,
    chain: [u8; 32],
    /// The records that were not known to be durable when the last one was written, with the chain value before each.
    recent: Vec<(journal::Header, Entry, [u8; 32])>,
    /// Acknowledged records in journals that are still needed.
    to_erase: Vec<Entry>,
    /// Where the last journal ends.
    end: u64,
    highest: u32,
}

impl Journals {
    fn read(
        io: &Arc<dyn StoreIo>,
        dir: &Path,
        (acknowledged, chain): (u64, [u8; 32]),
        meta: Meta,
    ) -> Result<Self, OpenError> {
        let folder = dir.join("outbox");
        let names = io.list(&folder).map_err(failed(&folder))?;
        let number = |name: &String| name.strip_suffix(".journal").and_then(|number| number.parse::<u32>().ok());
        let mut numbers: Vec<u32> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        let mut found = Self {
            files: VecDeque::new(),
            waiting: VecDeque::new(),
            acknowledged: (acknowledged, chain),
            last: acknowledged,
            chain,
            recent: Vec::new(),
            to_erase: Vec::new(),
            end: 0,
            highest: numbers.last().copied().unwrap_or(0),
        };
        for (index, &number) in numbers.iter().enumerate() {
            found.read_one(io, dir, number, index + 1 == numbers.len())?;
        }
        if found.last < meta.last {
            return Err(OpenError::OutboxGap { expected: found.last });
        }
        Ok(found)
    }

    fn read_one(&mut self, io: &Arc<dyn StoreIo>, dir: &Path, number: u32, newest: bool) -> Result<(), OpenError> {
        let path = journal_path(dir, number);
        let file = io.open(&path).map_err(failed(&path))?;
        let mut bytes = vec![0; file.length().map_err(failed(&path))? as usize];
        file.read_at(&mut bytes, 0).map_err(failed(&path))?;
        match journal::check_file_header(&bytes, number) {
            journal::FileHeader::Good => {}
            journal::FileHeader::Later(version) => return Err(OpenError::Version { path, version: version.into() }),
            // made and not synced before a crash: nothing was written to it
            journal::FileHeader::Bad if newest && journal::headers_behind(&bytes, number, 0).next().is_none() => {
                return io.remove(&path).map_err(failed(&path));
            }
            journal::FileHeader::Bad => return Err(OpenError::Damaged { path, offset: 0 }),
        }
        let mut last_here = 0;
        let mut offset = journal::FILE_HEADER_BYTES;
        while let Some(record) = journal::record_at(&bytes, number, offset) {
            let entry = Entry { journal: number, offset, body_length: record.header.body_length };
            if record.header.sequence <= self.acknowledged.0 {
                self.to_erase.push(entry);
            } else if !self.continues(&record.header, &bytes[record.body.clone()]) {
                break;
            } else {
                self.take(record.header.clone(), entry);
            }
            last_here = record.header.sequence;
            offset = record.header.end(offset);
        }
        let expected = self.last + 1;
        let mut behind = journal::headers_behind(&bytes, number, offset).filter(|header| header.sequence >= expected);
        if behind.any(|header| header.durable >= expected || !newest) {
            let gap =
                journal::record_at(&bytes, number, offset).is_some_and(|record| record.header.sequence > expected);
            let damaged = OpenError::Damaged { path, offset };
            return Err(if gap { OpenError::OutboxGap { expected: self.last } } else { damaged });
        }
        self.end = offset.min(bytes.len() as u64);
        self.files.push_back(Journal { number, file, last: last_here, finished: true });
        Ok(())
    }

    fn continues(&self, header: &journal::Header, body: &[u8]) -> bool {
        header.sequence == self.last + 1 && header.chain == journal::chain(&self.chain, header.sequence, body)
    }

    fn take(&mut self, header: journal::Header, entry: Entry) {
        self.recent.retain(|(recent, ..)| recent.sequence > header.durable);
        self.waiting.push_back(entry);
        self.last = header.sequence;
        let before = std::mem::replace(&mut self.chain, header.chain);
        self.recent.push((header, entry, before));
    }

    /// Takes back the records of the last batch whose instances are not whole.
    fn check_last_batch(&mut self, volumes: &Volumes, meta: Meta) -> Result<(), OpenError> {
        let mut good = 0;
        for (header, ..) in &self.recent {
            if !group_is_whole(volumes, header)? {
                break;
            }
            good += 1;
        }
        let Some((header, entry, before)) = self.recent.get(good) else { return Ok(()) };
        if header.sequence <= meta.last || self.files.back().is_none_or(|newest| newest.number != entry.journal) {
            // the rows have it, or a later journal was begun: so it was durable
            return Err(OpenError::Damaged { path: volumes.path(header.volume), offset: header.offset });
        }
        let taken_back = self.last - header.sequence + 1;
        self.last = header.sequence - 1;
        self.chain = *before;
        self.end = entry.offset;
        let journal = entry.journal;
        self.waiting.truncate(self.waiting.len() - taken_back as usize);
        self.files.iter_mut().filter(|file| file.number == journal).for_each(|file| file.last = self.last);
        Ok(())
    }

    /// Overwrites and cuts off what lies behind the last record, and makes the rest durable.
    fn settle(&mut self) -> Result<u64, OpenError> {
        let Some(newest) = self.files.back() else { return Ok(0) };
        let (file, end) = (&newest.file, self.end);
        let settle = || -> io::Result<u64> {
            let length = file.length()?;
            let mut rest = vec![0; length.saturating_sub(end) as usize];
            file.read_at(&mut rest, end)?;
            let torn = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if torn > 0 {
                // it may hold wraps: they are overwritten before their blocks are given back
                file.write_at(&[&vec![0; torn]], end)?;
                file.sync()?;
            }
            file.truncate(end)?;
            file.sync()?;
            Ok(torn as u64)
        };
        settle().map_err(|source| OpenError::Io { path: Path::new("outbox").to_owned(), source })
    }

    fn into_outbox(self) -> Outbox {
        let (acknowledged, acknowledged_chain) = self.acknowledged;
        let state = OutboxState { last: self.last, chain: self.chain, acknowledged };
        Outbox::new(state, acknowledged_chain, self.waiting, self.files, &self.to_erase)
    }
}

/// Whether all instances of a group are in their volume, byte for byte.
fn group_is_whole(volumes: &Volumes, header: &journal::Header) -> Result<bool, OpenError> {
    let mut hasher = blake3::Hasher::new();
    if header.length > 0 {
        let (numbers, large) = volumes.list().map_err(failed(&volumes.path(header.volume)))?;
        if !numbers.contains(&header.volume) {
            return Ok(false);
        }
        let mut walk = volumes.walk(header.volume, header.offset)?;
        let end = header.offset + header.length;
        while walk.at < end {
            let Some(found) = walk.next()? else { return Ok(false) };
            let own = found.header.sequence == header.sequence && found.header.kind == Kind::Instance;
            if !own || !walk.verifies(&found)? || !large_is_whole(volumes, &large, &found)? {
                return Ok(false);
            }
            hasher.update(&found.raw);
        }
    }
    Ok(hasher.finalize() == header.group)
}

/// A large object is synced before its group begins, so its length is proof enough.
fn large_is_whole(volumes: &Volumes, large: &[u32], found: &Found) -> Result<bool, OpenError> {
    let Some(number) = found.header.large.map(|number| number | LARGE_BIT) else { return Ok(true) };
    if large.binary_search(&number).is_err() {
        return Ok(false);
    }
    let length = volumes.file(number).and_then(|file| file.length()).map_err(failed(&volumes.path(number)))?;
    Ok(found.header.body_length.checked_add(FILE_HEADER_BYTES) == Some(length))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    |source| OpenError::Io { path, source }
}
