//! A ledger that takes nothing for a while: what was committed stays owed, and nothing is released from it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use audit::{Disk, LedgerIo, LedgerOptions};
use model::{EntryBody, StudyNumber};
use protocol::{Credential, Level, PageRequest, Refusal, Scope};

use crate::site::{Folder, Site, now, soon};

/// A disk that is full while told so: journal files cannot be made.
struct Full(Arc<AtomicBool>);

impl LedgerIo for Full {
    fn create_journal(&self, path: &Path, bytes: u64) -> io::Result<File> {
        if self.0.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Disk.create_journal(path, bytes)
    }
    fn write_journal(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        Disk.write_journal(file, offset, bytes)
    }
    fn sync_journal(&self, file: &File) -> io::Result<()> {
        Disk.sync_journal(file)
    }
    fn write_file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        Disk.write_file(path, content)
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        Disk.sync_directory(path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        Disk.remove_file(path)
    }
}

/// Lets the disk be full and uses up the room that the present journal file still has.
async fn fill(site: &Site, full: &AtomicBool) {
    full.store(true, Ordering::SeqCst);
    for number in 0..100 {
        let name = format!("organisation {number}");
        let request = PageRequest::AddOrganisation { name, authorisation: model::Authorisation::PasskeyOnly };
        if site.owner.ask(soon(), Credential::Owner, request).await.unwrap().err() == Some(Refusal::CannotRecord) {
            return;
        }
    }
    panic!("the ledger goes on without room");
}

/// A ledger whose journal files hold little more than one record.
fn may_be_full() -> (Arc<AtomicBool>, LedgerOptions) {
    let full = Arc::new(AtomicBool::new(false));
    (Arc::clone(&full), LedgerOptions { io: Arc::new(Full(full)), journal_bytes: 1, ..LedgerOptions::default() })
}

fn stored(entries: &[model::Entry]) -> Vec<StudyNumber> {
    let study = |entry: &model::Entry| match entry.body {
        EntryBody::Stored { study, .. } => Some(study),
        _ => None,
    };
    entries.iter().filter_map(study).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_the_ledger_did_not_take_are_recorded_before_the_next_ones_and_once() {
    let (full, options) = may_be_full();
    let folder = Folder::new();
    let site = folder.start_with(now, options).await;
    let mut sender = folder.sender();
    let (first, second) = (sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1));

    fill(&site, &full).await;
    assert_eq!(site.hand_over(std::slice::from_ref(&first)).await.err(), Some(Refusal::CannotRecord));
    // the front tries again, and brings more
    assert_eq!(site.hand_over(&[first.clone(), second.clone()]).await.err(), Some(Refusal::CannotRecord));
    full.store(false, Ordering::SeqCst);
    let reply = site.hand_over(&[first, second]).await.unwrap();
    assert_eq!(reply.acknowledged, 2);
    assert_eq!(stored(&site.entries().await), [StudyNumber(0), StudyNumber(1)]);
    site.stop().await;
    // and a restart adds nothing
    let site = folder.start().await;
    assert_eq!(stored(&site.entries().await), [StudyNumber(0), StudyNumber(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_whose_entry_is_owed_is_neither_listed_nor_opened() {
    let (full, options) = may_be_full();
    let folder = Folder::new();
    let site = folder.start_with(now, options).await;
    let mut sender = folder.sender();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    // a lease that is running must not show what came after it
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies.len(), 1);

    fill(&site, &full).await;
    let record = sender.image("P1", "1.2.2", 1);
    assert_eq!(site.hand_over(&[record]).await.err(), Some(Refusal::CannotRecord));
    assert_eq!(site.list(&reader, Level::Study).await.err(), Some(Refusal::CannotRecord));
    assert_eq!(site.open(&reader, "1.2.2", Scope::Images).await.err(), Some(Refusal::CannotRecord));
    full.store(false, Ordering::SeqCst);
    // whoever comes first settles what is owed
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies.len(), 2);
    assert_eq!(stored(&site.entries().await), [StudyNumber(0), StudyNumber(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_the_ledger_did_not_take_is_recorded_once_it_can() {
    let (full, options) = may_be_full();
    let folder = Folder::new();
    let site = folder.start_with(now, options).await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1)]).await.unwrap();
    fill(&site, &full).await;
    let request = PageRequest::MoveStudy {
        study: crate::sender::uid("1.2.1"),
        patient: "HOSPITAL/P2".to_owned(),
        reason: "wrong worklist entry".to_owned(),
    };
    let refused = site.owner.ask(soon(), Credential::Owner, request).await.unwrap();
    assert_eq!(refused.err(), Some(Refusal::CannotRecord));
    full.store(false, Ordering::SeqCst);
    site.hand_over(&[sender.image("P3", "1.2.3", 1)]).await.unwrap();
    let entries = site.entries().await;
    let moves = entries.iter().filter(|entry| matches!(entry.body, EntryBody::Moved { .. })).count();
    assert_eq!(moves, 1);
}
