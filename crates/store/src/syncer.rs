//! The thread that syncs the journal while the committer syncs the volume.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use crate::io::{Step, StoreFile};
use crate::store::Shared;

/// The thread that syncs the journal while the committer syncs the volume.
pub(crate) struct Syncer {
    begin: Option<SyncSender<Arc<dyn StoreFile>>>,
    ended: Receiver<io::Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    pub fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (begin, files) = mpsc::sync_channel::<Arc<dyn StoreFile>>(1);
        let (answers, ended) = mpsc::sync_channel(1);
        let sync = move || {
            for file in files {
                let synced = shared.io.before(Step::JournalSync).and_then(|()| file.sync());
                if answers.send(synced).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("store-journal".into()).spawn(sync)?;
        Ok(Self { begin: Some(begin), ended, thread: Some(thread) })
    }

    pub fn begin(&self, file: Arc<dyn StoreFile>) {
        let begin = self.begin.as_ref().expect("the committer runs");
        begin.send(file).expect("the syncing thread ends after the committer");
    }

    pub fn end(&self) -> io::Result<()> {
        self.ended.recv().expect("the syncing thread answers every sync")
    }

    pub fn stop(&mut self) {
        self.begin = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
