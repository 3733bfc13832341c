//! The journal: what makes an entry durable.
//!
//! A journal file is zeros that records are written into, one record for each group of entries that was synced
//! together. A record ends with the signed checkpoint over everything up to it, so it cannot be changed without the
//! site's key. Tiles, payload bundles and the checkpoint file derive from records; a journal file goes away once they
//! hold all of it.
//!
//! A record that a crash left unfinished can be told from one that was changed: the disk writes sectors whole or not
//! at all, and a record is never answered before all of its sectors are there. So a record with a sector that is still
//! all zeros was not finished; one whose sectors are all there and whose hash does not fit was changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::leaf::{Leaf, Payload, SealedEntry};
use crate::merkle::sha256;
use crate::note::NOTE_BYTES_MAX;
use crate::tile::{JOURNAL, UNFINISHED};

/// Records begin at multiples of this, so that a header lies in one sector.
const BLOCK_BYTES: usize = 64;
/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;
const HEADER_BYTES: usize = BLOCK_BYTES;
const MAGIC: &[u8; 4] = b"LGJ1";
/// Fills a record up to a multiple of [`BLOCK_BYTES`]; not zero, so that a written sector is never all zeros.
const PADDING: u8 = 0xa5;
/// The most zeros in a block of a written record: its numbers have fewer than 20, and the rest is sealed or text.
const BLOCK_ZEROS_MAX: usize = 28;

/// One group of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Number of the first entry.
    pub first: u64,
    pub entries: Vec<SealedEntry>,
    /// The signed checkpoint over everything up to the last of them.
    pub note: String,
    /// Where it lies.
    pub path: PathBuf,
    pub offset: u64,
}

impl Record {
    /// Number of the entry behind the last one.
    pub fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }
}

/// Writes a record.
pub(crate) fn encode<'e>(first: u64, entries: impl ExactSizeIterator<Item = &'e SealedEntry>, note: &str) -> Vec<u8> {
    assert!(note.len() <= NOTE_BYTES_MAX, "our own checkpoints are short");
    let count = u32::try_from(entries.len()).expect("a group is far smaller than four thousand million entries");
    let mut record = vec![0; HEADER_BYTES];
    for entry in entries {
        record.extend_from_slice(&entry.leaf.to_bytes());
        // nothing is erased before the folder holds what comes after it, and then no record has it
        record.extend_from_slice(entry.sealed().expect("an erased entry is in no record"));
    }
    record.extend_from_slice(note.as_bytes());
    record.resize(record.len().next_multiple_of(BLOCK_BYTES), PADDING);
    let (header, body) = record.split_at_mut(HEADER_BYTES);
    let length = u32::try_from(body.len()).expect("a group is far smaller than 4 GiB");
    header[..4].copy_from_slice(MAGIC);
    header[4..8].copy_from_slice(&(note.len() as u32).to_be_bytes());
    header[8..16].copy_from_slice(&first.to_be_bytes());
    header[16..20].copy_from_slice(&count.to_be_bytes());
    header[20..24].copy_from_slice(&length.to_be_bytes());
    header[24..56].copy_from_slice(&sha256(&[body]).0);
    let check = sha256(&[&header[..56]]);
    header[56..].copy_from_slice(&check.0[..8]);
    record
}

/// Reads the records of one file's bytes, for the fuzz target.
pub(crate) fn records(bytes: &[u8]) -> Vec<Record> {
    let (mut records, mut offset) = (Vec::new(), 0);
    while let Next::Record(record, behind) = next(bytes, offset) {
        records.push(record);
        offset = behind;
    }
    records
}

/// Where a journal stops making sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub path: PathBuf,
    pub offset: u64,
}

/// What a journal folder holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    pub records: Vec<Record>,
    /// The files, ascending.
    pub files: Vec<PathBuf>,
    /// Number of the next file.
    pub next_file: u64,
    /// Bytes of a record that was not finished and never answered.
    pub unfinished_bytes: u64,
}

/// The path of a journal file.
pub(crate) fn file_path(ledger: &Path, number: u64) -> PathBuf {
    ledger.join(JOURNAL).join(format!("{number:08}"))
}

/// The journal files of a ledger with their numbers, ascending. `Err` names one that is missing or that no ledger writes.
pub(crate) fn files(ledger: &Path) -> io::Result<Result<Vec<(u64, PathBuf)>, Damage>> {
    let mut files = Vec::new();
    let folder = match fs::read_dir(ledger.join(JOURNAL)) {
        // copies do not always keep an empty folder
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(files)),
        folder => folder?,
    };
    for entry in folder {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            continue;
        }
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
        match number.filter(|&number| file_path(ledger, number) == path) {
            Some(number) => files.push((number, path)),
            None => return Ok(Err(Damage { path, offset: 0 })),
        }
    }
    files.sort_unstable();
    let missing = files.windows(2).find(|pair| pair[0].0 + 1 != pair[1].0);
    Ok(match missing {
        Some(pair) => Err(Damage { path: file_path(ledger, pair[0].0 + 1), offset: 0 }),
        None => Ok(files),
    })
}

/// Reads every journal file of a ledger. `Ok(Err(..))` when what they hold does not fit together.
pub(crate) fn read(ledger: &Path) -> io::Result<Result<Journal, Damage>> {
    let files = match files(ledger)? {
        Ok(files) => files,
        Err(damage) => return Ok(Err(damage)),
    };
    let mut journal = Journal { next_file: files.last().map_or(1, |(last, _)| last + 1), ..Journal::default() };
    for (_, path) in files {
        let bytes = fs::read(&path)?;
        let mut offset = 0;
        loop {
            match next(&bytes, offset) {
                Next::Record(mut record, behind) => {
                    record.path.clone_from(&path);
                    record.offset = offset as u64;
                    let expected = journal.records.last().map_or(record.first, Record::end);
                    // nothing follows an unfinished record, and no number is missing or there twice
                    if record.first != expected || journal.unfinished_bytes > 0 {
                        return Ok(Err(Damage { path, offset: offset as u64 }));
                    }
                    journal.records.push(record);
                    offset = behind;
                }
                Next::End => break,
                Next::Unfinished(bytes) => {
                    journal.unfinished_bytes += bytes;
                    break;
                }
                Next::Damaged => return Ok(Err(Damage { path, offset: offset as u64 })),
            }
        }
        journal.files.push(path);
    }
    Ok(Ok(journal))
}

enum Next {
    /// A record, and where it ends.
    Record(Record, usize),
    /// Only zeros are left.
    End,
    /// A record that was not finished; how many of its bytes are there.
    Unfinished(u64),
    /// Something else.
    Damaged,
}

fn next(file: &[u8], offset: usize) -> Next {
    let rest = &file[offset..];
    let Some((header, body)) = rest.split_first_chunk::<HEADER_BYTES>() else {
        return if rest.iter().all(|&byte| byte == 0) { Next::End } else { Next::Damaged };
    };
    if *header == [0; HEADER_BYTES] {
        if body.iter().all(|&byte| byte == 0) {
            return Next::End;
        }
        // the sector of the header was not written, later ones were
        let sector = rest.len().min(SECTOR_BYTES - offset % SECTOR_BYTES);
        let unwritten = rest[..sector].iter().all(|&byte| byte == 0);
        return if unwritten { unfinished(rest) } else { Next::Damaged };
    }
    let number = |at: usize| u32::from_be_bytes(*header[at..].first_chunk().expect("the header has 64 bytes"));
    let check = sha256(&[&header[..56]]);
    let length = number(20) as usize;
    if header[..4] != *MAGIC || header[56..] != check.0[..8] || length > body.len() {
        return Next::Damaged;
    }
    let (body, behind) = body.split_at(length);
    if sha256(&[body]).0 == header[24..56] {
        let first = u64::from_be_bytes(*header[8..].first_chunk().expect("the header has 64 bytes"));
        return match decode(first, number(16), number(4) as usize, body) {
            Some(record) => Next::Record(record, offset + HEADER_BYTES + length),
            None => Next::Damaged,
        };
    }
    let record_end = offset + HEADER_BYTES + length;
    let mut sectors = Vec::new();
    let mut start = offset;
    while start < record_end {
        let end = (start + 1).next_multiple_of(SECTOR_BYTES).min(record_end);
        sectors.push(&file[start..end]);
        start = end;
    }
    let unwritten = sectors.iter().any(|sector| sector.iter().all(|&byte| byte == 0));
    if unwritten && behind.iter().all(|&byte| byte == 0) { unfinished(rest) } else { Next::Damaged }
}

/// Looks at what an unfinished record left: blocks that were written are not mostly zeros.
fn unfinished(rest: &[u8]) -> Next {
    let mut written = 0;
    for block in rest.chunks(BLOCK_BYTES) {
        match block.iter().filter(|&&byte| byte == 0).count() {
            zeros if zeros == block.len() => {}
            zeros if zeros <= BLOCK_ZEROS_MAX => written += block.len() as u64,
            _ => return Next::Damaged,
        }
    }
    Next::Unfinished(written)
}

fn decode(first: u64, count: u32, note_bytes: usize, body: &[u8]) -> Option<Record> {
    let mut rest = body;
    let mut entries = Vec::new();
    for _ in 0..count {
        let (leaf, behind) = Leaf::read(rest)?;
        let (sealed, behind) = behind.split_at_checked(leaf.payload_bytes as usize)?;
        if !leaf.fits(sealed) {
            return None;
        }
        entries.push(SealedEntry { leaf, payload: Payload::Sealed(sealed.to_vec()) });
        rest = behind;
    }
    let (note, padding) = rest.split_at_checked(note_bytes)?;
    let padded = padding.len() < BLOCK_BYTES && padding.iter().all(|&byte| byte == PADDING);
    let note = String::from_utf8(note.to_vec()).ok()?;
    first.checked_add(u64::from(count))?;
    (padded && count > 0).then_some(Record { first, entries, note, path: PathBuf::new(), offset: 0 })
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn entry(seed: u8, bytes: usize) -> SealedEntry {
        let sealed: Vec<u8> = (0..bytes).flat_map(|n| sha256(&[&[seed], &n.to_be_bytes()]).0).take(bytes).collect();
        let leaf = Leaf {
            payload_sha256: sha256(&[&sealed]),
            commitment: sha256(&[b"commitment", &[seed]]),
            payload_bytes: bytes as u32,
            erases: None,
        };
        SealedEntry { leaf, payload: Payload::Sealed(sealed) }
    }

    /// A file of `bytes` with the records of these payload lengths, and where each record begins and the last ends.
    fn file(bytes: usize, records: &[&[usize]]) -> (Vec<u8>, Vec<usize>) {
        let (mut file, mut starts, mut first) = (Vec::new(), vec![0], 0);
        for lengths in records {
            let entries: Vec<SealedEntry> = lengths.iter().map(|&length| entry(first as u8, length)).collect();
            file.extend(encode(first, entries.iter(), "a note"));
            starts.push(file.len());
            first += lengths.len() as u64;
        }
        file.resize(bytes, 0);
        (file, starts)
    }

    fn write(bytes: &[&[u8]]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(JOURNAL)).unwrap();
        for (number, bytes) in bytes.iter().enumerate() {
            fs::write(file_path(dir.path(), number as u64 + 7), bytes).unwrap();
        }
        dir
    }

    fn read_all(bytes: &[&[u8]]) -> Result<Journal, u64> {
        read(write(bytes).path()).unwrap().map_err(|damage| damage.offset)
    }

    /// Reads one file's bytes: how many records, or where damage begins.
    fn scan(bytes: &[u8]) -> Result<usize, u64> {
        let (mut count, mut offset) = (0, 0);
        loop {
            match next(bytes, offset) {
                Next::Record(_, behind) => (count, offset) = (count + 1, behind),
                Next::End | Next::Unfinished(_) => return Ok(count),
                Next::Damaged => return Err(offset as u64),
            }
        }
    }

    #[test]
    fn records_come_back_as_they_were_written() {
        let (file, _) = file(16 * 1024, &[&[100], &[300, 0, 5000], &[1]]);
        let journal = read_all(&[&file]).unwrap();
        assert_eq!(journal.records.iter().map(Record::end).collect::<Vec<_>>(), [1, 4, 5]);
        assert_eq!(journal.records[1].entries[2], entry(1, 5000));
        assert_eq!(journal.records[1].note, "a note");
        assert_eq!((journal.unfinished_bytes, journal.next_file), (0, 8));
    }

    #[test]
    fn every_set_of_sectors_that_a_crash_left_out_is_cut_back() {
        let (whole, starts) = file(8 * 1024, &[&[700], &[900, 800]]);
        let (start, end) = (starts[1], starts[2]);
        let first_sector = start / SECTOR_BYTES;
        let sectors = end.div_ceil(SECTOR_BYTES) - first_sector;
        for missing in 1..(1u32 << sectors) {
            let mut torn = whole.clone();
            for sector in (0..sectors).filter(|sector| missing >> sector & 1 == 1) {
                let from = ((first_sector + sector) * SECTOR_BYTES).max(start);
                let to = ((first_sector + sector + 1) * SECTOR_BYTES).min(end);
                torn[from..to].fill(0);
            }
            let journal = read_all(&[&torn]).unwrap_or_else(|offset| panic!("{missing:b} at {offset}"));
            assert_eq!(journal.records.len(), 1, "{missing:b}");
            assert_eq!(journal.unfinished_bytes == 0, missing + 1 == 1 << sectors, "{missing:b}");
        }
    }

    #[test]
    fn every_changed_bit_is_damage_and_none_is_taken_for_a_crash() {
        let (whole, starts) = file(6 * 1024, &[&[700], &[90, 800]]);
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 1 << (position % 8);
            let offset = starts.iter().rev().find(|&&start| start <= position).unwrap();
            assert_eq!(scan(&changed), Err(*offset as u64), "byte {position}");
        }
    }

    #[test]
    fn a_record_behind_an_unfinished_one_is_damage() {
        let (mut one, starts) = file(4 * 1024, &[&[700], &[900]]);
        one[starts[2] - 600..starts[2]].fill(0);
        let (mut two, _) = file(4 * 1024, &[&[10], &[10]]);
        assert!(read_all(&[&one]).is_ok());
        assert_eq!(read_all(&[&one, &two]).err(), Some(0));
        two.fill(0);
        assert!(read_all(&[&one, &two]).is_ok());
    }

    #[test]
    fn a_number_that_is_missing_or_there_twice_is_damage() {
        let (file, _) = file(4 * 1024, &[&[10], &[10]]);
        assert_eq!(read_all(&[&file, &file]).err(), Some(0));
        let dir = write(&[&[0; 512], &[0; 512], &[0; 512]]);
        fs::remove_file(file_path(dir.path(), 8)).unwrap();
        assert_eq!(read(dir.path()).unwrap().unwrap_err().path, file_path(dir.path(), 8));
    }

    #[test]
    fn a_file_that_no_ledger_writes_is_damage() {
        let dir = write(&[]);
        fs::write(dir.path().join(JOURNAL).join("7"), b"").unwrap();
        assert!(read(dir.path()).unwrap().is_err());
    }
}
