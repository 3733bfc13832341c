//! One folder that entries are written to. A ledger has one, or two on different disks: every entry goes to both, an
//! answer needs one, and a folder that failed is brought back by [`crate::rejoin`].

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::io::LedgerIo;
use crate::journal;
use crate::sequencer::{Shared, State};
use crate::tile::JOURNAL;

/// How long a second folder may take for one record before the ledger goes on without it.
const SINK_TIME: Duration = Duration::from_secs(2);
/// The most journal files that wait for their tiles before records are refused.
const JOURNAL_FILES_MAX: usize = 64;

/// What the ledger's threads share about one folder.
pub(crate) struct SinkState {
    pub dir: PathBuf,
    /// Entries that this folder holds durably, and the signed checkpoint over them.
    pub size: u64,
    pub note: String,
    /// Entries that its tiles and checkpoint file hold.
    pub published: u64,
    /// An empty journal file for when the current one is full.
    pub spare: Option<JournalFile>,
    /// A journal file was begun, so the publisher should prepare the next.
    pub spare_wanted: bool,
    /// Full journal files, each with the number of the entry behind its last one.
    pub full: Vec<(PathBuf, u64)>,
    /// Number of the next journal file.
    pub next_file: u64,
    /// Why nothing is written there now. Its publisher brings it back.
    pub away: Option<String>,
    /// The checkpoint over what it holds, when that is another history or more than the ledger has.
    pub ahead: Option<String>,
    /// It could not take the last record; it is said once.
    pub lags: bool,
    /// Writing its journal failed: what it holds may be more than was answered, so it stays for the next start.
    pub stopped: bool,
    /// What writes its journal from the next record on, when it was brought back.
    pub rejoin: Option<JournalWriter>,
    /// How often it was brought back: a writer of before, which hung, must not touch what is there now.
    pub turn: u64,
    /// Held by whoever makes a journal file; taken before the state.
    pub files: Arc<Mutex<()>>,
}

impl SinkState {
    pub fn new(dir: &Path, size: u64, note: &str, next_file: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            size,
            note: note.to_owned(),
            published: size,
            spare: None,
            spare_wanted: false,
            full: Vec::new(),
            next_file,
            away: None,
            ahead: None,
            lags: false,
            stopped: false,
            rejoin: None,
            turn: 0,
            files: Arc::default(),
        }
    }

    /// Forgets what it knew of the journal, which was read anew.
    pub fn come_back(&mut self, size: u64, note: &str, next_file: u64, mut writer: JournalWriter) {
        let files = Arc::clone(&self.files);
        let dir = std::mem::take(&mut self.dir);
        writer.turn = self.turn + 1;
        *self = Self { files, turn: writer.turn, rejoin: Some(writer), ..Self::new(&dir, size, note, next_file) };
    }

    /// What writes to it from now on; when that cannot begin, the folder is away until it is tried again.
    pub fn reached_by(&mut self, writer: std::io::Result<Writer>) -> Option<Writer> {
        match writer {
            Ok(writer) => Some(writer),
            Err(error) => {
                tracing::error!(folder = %self.dir.display(), %error, "what writes to a folder of the ledger does not start");
                self.away = Some(error.to_string());
                None
            }
        }
    }
}

/// A journal file that is written to.
pub(crate) struct JournalFile {
    pub path: PathBuf,
    pub file: File,
    pub bytes: u64,
}

impl JournalFile {
    /// Makes the journal file of a number.
    pub fn create(io: &dyn LedgerIo, dir: &Path, number: u64, bytes: u64) -> std::io::Result<Self> {
        let path = journal::file_path(dir, number);
        let file = io.create_journal(&path, bytes)?;
        // crash here: an empty journal file, which a start removes
        io.sync_directory(&dir.join(JOURNAL))?;
        Ok(Self { path, file, bytes })
    }
}

/// Why a record is not durable in a folder.
#[derive(Clone, Debug)]
pub(crate) enum WriteError {
    /// The journal cannot grow; nothing was written.
    NoSpace(Arc<std::io::Error>),
    /// Its tiles have not been written for too long; nothing was written.
    Backlog,
    /// Writing or syncing failed: it is not known what the disk holds.
    Unknown(Arc<std::io::Error>),
}

/// Writes records into the journal of one folder.
pub(crate) struct JournalWriter {
    pub io: Arc<dyn LedgerIo>,
    pub dir: PathBuf,
    /// Which of the ledger's folders this is.
    pub sink: usize,
    /// As in [`SinkState::turn`] when it began.
    pub turn: u64,
    pub current: Option<JournalFile>,
    pub offset: u64,
    /// Bytes of a new journal file.
    pub journal_bytes: u64,
}

impl JournalWriter {
    pub fn new(io: Arc<dyn LedgerIo>, dir: &Path, sink: usize, journal_bytes: u64) -> Self {
        Self { io, dir: dir.to_owned(), sink, turn: 0, current: None, offset: 0, journal_bytes }
    }

    /// Makes a record durable.
    fn write(&mut self, shared: &Shared, record: &[u8]) -> Result<(), WriteError> {
        self.make_room(shared, record.len() as u64)?;
        let current = self.current.as_ref().expect("there is room in it");
        // crash before the sync ends: none, some or all sectors of the record are there; a start keeps it when it is
        // whole and cuts it back when it is not. It was not answered, so both are right.
        self.io
            .write_journal(&current.file, self.offset, record)
            .and_then(|()| self.io.sync_journal(&current.file))
            .map_err(|error| WriteError::Unknown(Arc::new(error)))?;
        // crash here: the record is whole, a start publishes it; nobody was answered, and nothing is lost
        self.offset += record.len() as u64;
        Ok(())
    }

    /// Goes to the next journal file when the current one cannot hold a record of `bytes`.
    fn make_room(&mut self, shared: &Shared, bytes: u64) -> Result<(), WriteError> {
        if self.current.as_ref().is_some_and(|current| self.offset + bytes <= current.bytes) {
            return Ok(());
        }
        // one maker of journal files at a time, so that their numbers have no gap
        let files = Arc::clone(&shared.lock().sinks[self.sink].files);
        let files = files.lock().unwrap_or_else(PoisonError::into_inner);
        let (spare, number, end) = {
            let mut state = shared.lock();
            let sink = &mut state.sinks[self.sink];
            if sink.turn != self.turn {
                return Err(given_up());
            }
            if sink.full.len() >= JOURNAL_FILES_MAX {
                return Err(WriteError::Backlog);
            }
            (sink.spare.take_if(|spare| bytes <= spare.bytes), sink.next_file, sink.size)
        };
        let made = spare.is_none();
        let next = match spare {
            Some(spare) => spare,
            None => {
                // a disk that hangs here keeps nobody else from the state
                let length = self.journal_bytes.max(bytes.next_multiple_of(4096));
                JournalFile::create(self.io.as_ref(), &self.dir, number, length)
                    .map_err(|error| WriteError::NoSpace(Arc::new(error)))?
            }
        };
        let mut state = shared.lock();
        if state.sinks[self.sink].turn != self.turn {
            drop(state);
            // the writer that came after waits for `files`: no other file has this name
            let _ = self.io.remove_file(&next.path);
            return Err(given_up());
        }
        let state = &mut state.sinks[self.sink];
        if made {
            state.next_file += 1;
            // a spare that is too small stays empty
            let small = state.spare.take();
            state.full.extend(small.map(|small| (small.path, end)));
        }
        let full = self.current.replace(next);
        state.spare_wanted = true;
        state.full.extend(full.map(|full| (full.path, end)));
        drop(files);
        self.offset = 0;
        shared.wake.notify_all();
        Ok(())
    }
}

/// What a writer is told that hung until its folder was brought back with another one.
fn given_up() -> WriteError {
    WriteError::Unknown(Arc::new(std::io::ErrorKind::TimedOut.into()))
}

/// How the sequencer reaches a folder: the first by itself, a second one through a thread that may hang alone.
pub(crate) enum Writer {
    Here(JournalWriter),
    There { records: Sender<Arc<Vec<u8>>>, answers: Receiver<Result<(), WriteError>> },
}

impl Writer {
    pub fn new(mut writer: JournalWriter, shared: &Arc<Shared>) -> std::io::Result<Self> {
        if writer.sink == 0 {
            return Ok(Self::Here(writer));
        }
        let (records, to_write) = channel::<Arc<Vec<u8>>>();
        let (answer, answers) = channel();
        let shared = Arc::clone(shared);
        // it ends when the sequencer gives it up: a folder that hangs keeps nobody else
        thread::Builder::new().name("ledger-second-sink".to_owned()).spawn(move || {
            while let Ok(record) = to_write.recv() {
                if answer.send(writer.write(&shared, &record)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self::There { records, answers })
    }

    /// Begins to write.
    pub fn begin(&self, record: &Arc<Vec<u8>>) {
        if let Self::There { records, .. } = self {
            // a thread that is gone gives no answer
            let _ = records.send(Arc::clone(record));
        }
    }

    /// Ends it: the record is durable there, or why not.
    pub fn end(&mut self, shared: &Shared, record: &[u8]) -> Result<(), WriteError> {
        match self {
            Self::Here(writer) => writer.write(shared, record),
            Self::There { answers, .. } => match answers.recv_timeout(SINK_TIME) {
                Ok(answer) => answer,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "the folder does not answer in time");
                    Err(WriteError::Unknown(Arc::new(late)))
                }
            },
        }
    }
}

/// Entries that every folder that is written to has published, rounded down to a full bundle: nothing before them is
/// needed from memory.
fn needed_from(state: &State, width: u64) -> u64 {
    let here = state.sinks.iter().filter(|sink| sink.away.is_none()).map(|sink| sink.published).min();
    // when all are away, what is in memory is all that can bring one back
    here.map_or(state.recent_from, |published| published / width * width)
}

/// Drops entries that no folder needs from memory any more.
pub(crate) fn forget_published(state: &mut State, width: u64) {
    let from = needed_from(state, width).max(state.recent_from);
    let count = (from - state.recent_from) as usize;
    state.recent.drain(..count.min(state.recent.len()));
    state.recent_from = from;
}

/// The entries from `from` on, as far as memory has them all.
pub(crate) fn entries_from<T: Clone>(recent: &VecDeque<T>, recent_from: u64, from: u64) -> Vec<T> {
    recent.iter().skip(from.saturating_sub(recent_from) as usize).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_whose_writer_does_not_start_is_away() {
        let mut sink = SinkState::new(Path::new("ledger"), 0, "", 1);
        assert!(sink.reached_by(Err(std::io::ErrorKind::WouldBlock.into())).is_none());
        // otherwise it would count as there, never be written or tried again, and keep all entries in memory
        assert!(sink.away.is_some());
    }
}
