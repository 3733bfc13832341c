//! The thread that brings tiles and checkpoint after the journal.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::io::LedgerIo;
use crate::journal;
use crate::leaf::SealedEntry;
use crate::publish::Published;
use crate::sequencer::{JournalFile, Shared};
use crate::tile::{JOURNAL, TILE_WIDTH};

/// The thread's own things.
pub(crate) struct Publisher {
    pub io: Arc<dyn LedgerIo>,
    pub shared: Arc<Shared>,
    pub dir: PathBuf,
    pub published: Published,
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
            failed = match self.publish() {
                Ok(()) => false,
                Err(error) => {
                    // nothing is lost: the journal holds it, and a start publishes it
                    tracing::error!(%error, "the ledger's tiles cannot be written; entries stay in the journal");
                    true
                }
            };
            if due == Due::Close {
                if !failed && !self.shared.lock().stopped {
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
            let waiting = state.size - state.published;
            let rest = self.publish_after.saturating_sub(since.elapsed());
            if state.closing {
                return Due::Close;
            }
            if state.spare.is_none() && state.spare_wanted {
                state.spare_wanted = false;
                return Due::Spare;
            }
            if waiting > 0 && (rest.is_zero() || (waiting >= self.publish_entries && !failed)) {
                return Due::Publish;
            }
            state = if waiting > 0 {
                self.shared.wake.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// Has an empty journal file ready, so that the sequencer does not wait for its zeros.
    fn prepare_spare(&self) {
        let files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        let number = {
            let state = self.shared.lock();
            if state.spare.is_some() {
                return;
            }
            state.next_file
        };
        match JournalFile::create(self.io.as_ref(), &self.dir, number, self.journal_bytes) {
            Ok(spare) => {
                let mut state = self.shared.lock();
                state.next_file += 1;
                state.spare = Some(spare);
            }
            Err(error) => tracing::warn!(%error, "no journal file can be prepared"),
        }
        drop(files);
    }

    fn publish(&mut self) -> std::io::Result<()> {
        let (entries, note) = {
            let state = self.shared.lock();
            let skip = (state.published - state.recent_from) as usize;
            let entries: Vec<Arc<SealedEntry>> = state.recent.iter().skip(skip).cloned().collect();
            (entries, state.note.clone())
        };
        if !entries.is_empty() {
            self.published.publish(self.io.as_ref(), &entries, &note)?;
        }
        {
            let mut state = self.shared.lock();
            let published = self.published.size();
            state.published = published;
            let keep_from = published / TILE_WIDTH * TILE_WIDTH;
            let drop_count = (keep_from - state.recent_from) as usize;
            state.recent.drain(..drop_count);
            state.recent_from = keep_from;
            let held = state.full.iter().filter(|(_, end)| *end <= published).map(|(path, _)| path.clone());
            self.done.extend(held);
            state.full.retain(|(_, end)| *end > published);
        }
        self.done.sort_unstable();
        self.remove_journal()
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
    Close,
}
