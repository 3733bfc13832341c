//! The thread that brings tiles and checkpoint of one folder after its journal, and brings the folder back when it failed.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::LedgerKeys;
use crate::io::LedgerIo;
use crate::journal;
use crate::leaf::SealedEntry;
use crate::publish::Published;
use crate::rejoin::{RejoinError, Rejoined, Returning, rejoin};
use crate::sequencer::Shared;
use crate::sink::{JournalFile, JournalWriter, forget_published};
use crate::tile::{JOURNAL, TILE_WIDTH};

/// How long after a failure a folder is tried again.
const REJOIN_AFTER: Duration = Duration::from_secs(2);

/// The thread's own things.
pub(crate) struct Publisher {
    pub io: Arc<dyn LedgerIo>,
    pub shared: Arc<Shared>,
    /// Which of the ledger's folders this is.
    pub sink: usize,
    pub dir: PathBuf,
    /// What the folder holds; nothing before it was read.
    pub published: Option<Published>,
    /// Opens and signs nothing here but what a folder that comes back needs.
    pub keys: Arc<LedgerKeys>,
    /// The site's origin, and the line of the ledger's checkpoints.
    pub base: String,
    pub origin: String,
    pub lock: Option<File>,
    /// Whether bringing the folder back was tried since it was added.
    pub tried: bool,
    pub journal_bytes: u64,
    pub publish_entries: u64,
    pub publish_after: Duration,
    /// Journal files whose entries the tiles hold, oldest first.
    pub done: Vec<PathBuf>,
}

impl Publisher {
    /// Runs until the ledger closes.
    pub fn run(mut self) {
        let mut failed = false;
        loop {
            let due = self.wait(failed);
            if due == Due::Spare {
                self.prepare_spare();
                continue;
            }
            if due == Due::Rejoin {
                self.rejoin();
                continue;
            }
            failed = match self.publish() {
                Ok(()) => false,
                Err(error) => {
                    // nothing is lost: the journal holds it, and a start publishes it
                    tracing::error!(folder = %self.dir.display(), %error, "the ledger's tiles cannot be written; entries stay in the journal");
                    self.give_up(&error);
                    true
                }
            };
            if due == Due::Close {
                let sound = {
                    let state = self.shared.lock();
                    let sink = &state.sinks[self.sink];
                    !sink.stopped && sink.away.is_none()
                };
                if !failed && sound {
                    self.clear_journal();
                }
                return;
            }
        }
    }

    /// Waits until there is something to do.
    fn wait(&self, failed: bool) -> Due {
        let mut state = self.shared.lock();
        let since = Instant::now();
        loop {
            if state.closing {
                return Due::Close;
            }
            let sink = &mut state.sinks[self.sink];
            let waiting = sink.size - sink.published;
            let pause = if sink.away.is_some() { REJOIN_AFTER } else { self.publish_after };
            let rest = pause.saturating_sub(since.elapsed());
            if sink.away.is_some() {
                // a folder that was never read is tried at once
                if rest.is_zero() || !self.tried {
                    return Due::Rejoin;
                }
            } else if sink.spare.is_none() && sink.spare_wanted {
                sink.spare_wanted = false;
                return Due::Spare;
            } else if waiting > 0 && (rest.is_zero() || (waiting >= self.publish_entries && !failed)) {
                return Due::Publish;
            }
            state = if waiting > 0 || sink.away.is_some() {
                self.shared.wake.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// Has an empty journal file ready, so that the sequencer does not wait for its zeros.
    fn prepare_spare(&self) {
        let files = Arc::clone(&self.shared.lock().sinks[self.sink].files);
        let files = files.lock().unwrap_or_else(PoisonError::into_inner);
        let number = {
            let state = self.shared.lock();
            let sink = &state.sinks[self.sink];
            if sink.spare.is_some() {
                return;
            }
            sink.next_file
        };
        match JournalFile::create(self.io.as_ref(), &self.dir, number, self.journal_bytes) {
            Ok(spare) => {
                let mut state = self.shared.lock();
                let sink = &mut state.sinks[self.sink];
                sink.next_file += 1;
                sink.spare = Some(spare);
            }
            Err(error) => tracing::warn!(%error, "no journal file can be prepared"),
        }
        drop(files);
    }

    fn publish(&mut self) -> std::io::Result<()> {
        let Some(published) = &mut self.published else { return Ok(()) };
        let (entries, note) = {
            let state = self.shared.lock();
            let sink = &state.sinks[self.sink];
            if sink.away.is_some() {
                return Ok(());
            }
            let (from, until) = (sink.published - state.recent_from, sink.size - state.recent_from);
            let entries: Vec<Arc<SealedEntry>> =
                state.recent.iter().skip(from as usize).take((until - from) as usize).cloned().collect();
            (entries, sink.note.clone())
        };
        if !entries.is_empty() {
            published.publish(self.io.as_ref(), &entries, &note)?;
        }
        {
            let mut state = self.shared.lock();
            let size = published.size();
            let sink = &mut state.sinks[self.sink];
            sink.published = size;
            let held = sink.full.iter().filter(|(_, end)| *end <= size).map(|(path, _)| path.clone());
            self.done.extend(held);
            sink.full.retain(|(_, end)| *end > size);
            forget_published(&mut state, TILE_WIDTH);
        }
        self.done.sort_unstable();
        self.remove_journal()
    }

    /// With a second folder at hand, one whose tiles cannot be written is left until it can be read anew.
    fn give_up(&self, error: &std::io::Error) {
        let mut state = self.shared.lock();
        let others = state.sinks.iter().enumerate().any(|(n, sink)| n != self.sink && sink.away.is_none());
        if others && state.sinks[self.sink].away.is_none() {
            state.sinks[self.sink].away = Some(error.to_string());
        }
    }

    /// Reads the folder anew and brings it to where the others are.
    fn rejoin(&mut self) {
        let source = {
            let state = self.shared.lock();
            let other = state.sinks.iter().enumerate().find(|(n, sink)| *n != self.sink && sink.away.is_none());
            other.map(|(_, sink)| sink.dir.clone())
        };
        let known = |number: u64| {
            let state = self.shared.lock();
            let position = usize::try_from(number.checked_sub(state.recent_from)?).ok()?;
            state.recent.get(position).map(|entry| entry.leaf)
        };
        let size = || self.shared.lock().size;
        self.done.clear();
        self.tried = true;
        let returning = Returning {
            own: self.sink == 0,
            dir: &self.dir,
            held: &mut self.lock,
            source: source.as_deref(),
            known: &known,
            size: &size,
            keys: &self.keys,
            base: &self.base,
            origin: &self.origin,
            io: self.io.as_ref(),
        };
        match rejoin(returning) {
            Ok(Rejoined { published, note, next_file }) => {
                let mut state = self.shared.lock();
                let size = published.size();
                // what it lacks must still be in memory; otherwise once more from the other folder's files
                if size < state.recent_from {
                    return;
                }
                let writer = JournalWriter::new(Arc::clone(&self.io), &self.dir, self.sink, self.journal_bytes);
                state.sinks[self.sink].come_back(size, &note, next_file, writer);
                self.published = Some(published);
                tracing::info!(folder = %self.dir.display(), size, "a folder of the ledger is brought back");
            }
            Err(error) => {
                tracing::warn!(folder = %self.dir.display(), %error, "a folder of the ledger stays away; it is tried again");
                let mut state = self.shared.lock();
                let sink = &mut state.sinks[self.sink];
                sink.away = Some(error.to_string());
                if let RejoinError::Ahead { note } = error {
                    sink.ahead = Some(note);
                }
            }
        }
    }

    /// Removes journal files that are no longer needed, oldest first, and stops where one cannot be removed: a
    /// journal never has a gap.
    fn remove_journal(&mut self) -> std::io::Result<()> {
        while let Some(path) = self.done.first() {
            self.io.remove_file(path)?;
            // crash here: the file may come back; all of it is published, so a start removes it again
            self.io.sync_directory(&self.dir.join(JOURNAL))?;
            self.done.remove(0);
        }
        Ok(())
    }

    /// At closing everything is published, so no journal is needed.
    fn clear_journal(&mut self) {
        let cleared = journal::files(&self.dir).and_then(|files| {
            self.done = files.unwrap_or_default().into_iter().map(|(_, path)| path).collect();
            self.remove_journal()
        });
        if let Err(error) = cleared {
            tracing::warn!(%error, "the journal cannot be removed; the next start does it");
        }
    }
}

/// What the publisher has to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    Spare,
    Publish,
    Rejoin,
    Close,
}
