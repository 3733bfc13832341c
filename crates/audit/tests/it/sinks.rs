//! Two folders: every entry goes to both, one may fail, and what was lost in one comes back from the other.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use audit::{
    AppendError, Disk, Ledger, LedgerIo, LedgerOptions, Reconciled, first_is_away, mark_sink, reconcile, sink_ledger,
    verify,
};

use crate::site::{ORIGIN, START, Site, append, assert_story, copy, keys, opened, options};

/// Two disks, each of which is full or broken while told so; the second may hang.
#[derive(Default)]
struct Disks {
    second: PathBuf,
    full: [AtomicBool; 2],
    broken: [AtomicBool; 2],
    hang: Hang,
}

/// A step that does not end while it is told so, but for half a minute at most: then a test has failed already.
#[derive(Default)]
struct Hang {
    on: Mutex<bool>,
    ended: Condvar,
    hanging: AtomicBool,
}

impl Hang {
    fn step(&self) {
        let on = self.on.lock().unwrap();
        self.hanging.store(*on, Ordering::SeqCst);
        let (_on, _) = self.ended.wait_timeout_while(on, Duration::from_secs(30), |on| *on).unwrap();
        self.hanging.store(false, Ordering::SeqCst);
    }

    fn set(&self, on: bool) {
        *self.on.lock().unwrap() = on;
        self.ended.notify_all();
    }
}

impl Disks {
    fn which(&self, path: &Path) -> usize {
        usize::from(path.starts_with(&self.second))
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let which = self.which(path);
        if self.broken[which].load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is broken"));
        }
        if self.full[which].load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl LedgerIo for Disks {
    fn create_journal(&self, path: &Path, bytes: u64) -> io::Result<File> {
        self.write(path)?;
        if self.which(path) == 1 {
            self.hang.step();
        }
        Disk.create_journal(path, bytes)
    }
    fn write_journal(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let path = fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file)))?;
        if self.broken[self.which(&path)].load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is broken"));
        }
        Disk.write_journal(file, offset, bytes)
    }
    fn sync_journal(&self, _: &File) -> io::Result<()> {
        Ok(())
    }
    fn write_file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.write(path)?;
        Disk.write_file(path, content)
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.write(path)?;
        Disk.sync_directory(path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        Disk.remove_file(path)
    }
}

struct Two {
    site: Site,
    place: tempfile::TempDir,
    disks: Arc<Disks>,
}

impl Two {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        mark_sink(place.path()).unwrap();
        let disks = Arc::new(Disks { second: place.path().to_owned(), ..Disks::default() });
        Self { site: Site::new(), place, disks }
    }

    fn second(&self) -> PathBuf {
        sink_ledger(self.place.path())
    }

    /// Journal files that hold few records, so that a full disk is noticed soon.
    fn open(&self) -> Ledger {
        let io: Arc<dyn LedgerIo> = Arc::clone(&self.disks) as Arc<dyn LedgerIo>;
        let (ledger, replay) = self.site.open_with(LedgerOptions { journal_bytes: 4096, ..options(io) }).unwrap();
        let entries: Vec<_> = replay.map(Result::unwrap).collect();
        assert_story(&entries, entries.len() as u64);
        ledger.add_sink(self.place.path()).unwrap();
        ledger
    }

    fn reconcile(&self, accepted: bool) -> Reconciled {
        reconcile(&self.site.ledger(), self.place.path(), &keys(), ORIGIN, accepted).unwrap()
    }

    #[track_caller]
    fn both_hold(&self, size: u64) {
        for folder in [self.site.ledger(), self.second()] {
            let verified = verify(&folder, None).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            assert_eq!(verified.size, size, "{}", folder.display());
        }
    }
}

#[track_caller]
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{what}: not within half a minute");
}

fn is_whole(ledger: &Ledger) -> bool {
    ledger.sinks().iter().all(|sink| sink.away.is_none() && sink.behind == 0)
}

#[test]
fn every_entry_is_in_both_folders_also_those_from_before_the_second() {
    let two = Two::new();
    let (ledger, _) = two.site.open();
    append(&ledger, 0..700);
    drop(ledger);
    let ledger = two.open();
    wait_for("the second folder has what was there", || is_whole(&ledger));
    append(&ledger, 700..1000);
    assert!(is_whole(&ledger), "an answer waits for both");
    drop(ledger);
    two.both_hold(1000);
    // and over a restart
    let ledger = two.open();
    wait_for("the second folder is read", || is_whole(&ledger));
    append(&ledger, 1000..1010);
    drop(ledger);
    two.both_hold(1010);
}

#[test]
fn one_disk_that_is_full_or_broken_stops_nobody_and_catches_up() {
    for which in [0, 1] {
        for broken in [false, true] {
            let two = Two::new();
            let ledger = two.open();
            wait_for("both are there", || is_whole(&ledger));
            append(&ledger, 0..10);
            let fault = if broken { &two.disks.broken[which] } else { &two.disks.full[which] };
            fault.store(true, Ordering::SeqCst);
            append(&ledger, 10..400);
            wait_for("it is said", || ledger.sinks()[which].behind > 0 || ledger.sinks()[which].away.is_some());
            // reading goes on, too
            let read = ledger.read(model::EntryNumber(0), 400).unwrap();
            assert_story(&read, 400);
            fault.store(false, Ordering::SeqCst);
            wait_for("it catches up without anything new", || is_whole(&ledger));
            append(&ledger, 400..420);
            drop(ledger);
            two.both_hold(420);
            assert!(matches!(two.reconcile(false), Reconciled::Behind));
        }
    }
}

#[test]
fn nothing_is_recorded_when_neither_disk_takes_it_and_everything_goes_on_when_one_does() {
    let two = Two::new();
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 0..10);
    two.disks.full.iter().for_each(|full| full.store(true, Ordering::SeqCst));
    let mut next = 10;
    let refused = loop {
        match ledger.append(vec![opened(next)], START.plus_seconds(next as i64)) {
            Ok(_) => next += 1,
            Err(error) => break error,
        }
        assert!(next < 200, "the journals have an end");
    };
    assert!(matches!(refused, AppendError::NoSpace(_)), "{refused:?}");
    for _ in 0..5 {
        ledger.append(vec![opened(next)], START.plus_seconds(next as i64)).unwrap_err();
    }
    two.disks.full[1].store(false, Ordering::SeqCst);
    wait_for("the second takes entries again", || {
        ledger.append(vec![opened(next)], START.plus_seconds(next as i64)).is_ok()
    });
    append(&ledger, next + 1..next + 50);
    two.disks.full[0].store(false, Ordering::SeqCst);
    wait_for("the first catches up", || is_whole(&ledger));
    drop(ledger);
    two.both_hold(next + 50);
}

#[test]
fn a_restart_takes_over_what_the_first_disk_missed_but_asks_when_it_was_rolled_back() {
    let two = Two::new();
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 0..300);
    // a backup of the first folder alone
    drop(ledger);
    let yesterday = tempfile::tempdir().unwrap();
    copy(&two.site.ledger(), &yesterday.path().join("ledger"));
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 300..320);
    two.disks.broken[0].store(true, Ordering::SeqCst);
    append(&ledger, 320..400);
    drop(ledger);
    two.disks.broken[0].store(false, Ordering::SeqCst);
    let before = tempfile::tempdir().unwrap();
    copy(&two.site.ledger(), &before.path().join("ledger"));
    assert!(matches!(two.reconcile(false), Reconciled::TakenOver(80)), "the second says that the first was away");
    two.both_hold(400);
    // the same again with yesterday's copy of the first
    for (kept, accepted) in [(&yesterday, false), (&yesterday, true)] {
        fs::remove_dir_all(two.site.ledger()).unwrap();
        copy(&kept.path().join("ledger"), &two.site.ledger());
        match two.reconcile(accepted) {
            Reconciled::Ahead(ahead) if !accepted => assert_eq!(ahead.note.lines().nth(1), Some("400")),
            Reconciled::TakenOver(100) if accepted => two.both_hold(400),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_second_folder_with_another_history_is_never_written() {
    let two = Two::new();
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 0..20);
    drop(ledger);
    fs::remove_dir_all(two.site.ledger()).unwrap();
    Ledger::create(&two.site.ledger(), &keys(), ORIGIN).unwrap();
    let (ledger, _) = two.site.open();
    for n in 100..140 {
        ledger.append(vec![opened(n)], START).unwrap();
    }
    drop(ledger);
    let held = verify(&two.second(), None).unwrap().root;
    let io: Arc<dyn LedgerIo> = Arc::clone(&two.disks) as Arc<dyn LedgerIo>;
    let (ledger, replay) = two.site.open_with(options(io)).unwrap();
    drop(replay);
    ledger.add_sink(two.place.path()).unwrap();
    wait_for("it is said", || ledger.sinks()[1].away.as_deref().is_some_and(|why| why.contains("another history")));
    let shown = ledger.sinks()[1].ahead.clone().unwrap();
    assert_eq!(ledger.contradicts(&shown).unwrap().size, 20, "whoever holds the only copy is named");
    ledger.append(vec![opened(140)], START).unwrap();
    drop(ledger);
    assert_eq!(verify(&two.second(), None).unwrap().root, held);
}

#[test]
fn a_second_folder_that_comes_back_with_more_is_kept_and_shows_it() {
    let two = Two::new();
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 0..300);
    drop(ledger);
    let yesterday = tempfile::tempdir().unwrap();
    copy(&two.site.ledger(), &yesterday.path().join("ledger"));
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 300..310);
    drop(ledger);
    fs::remove_dir_all(two.site.ledger()).unwrap();
    copy(&yesterday.path().join("ledger"), &two.site.ledger());
    // nobody looked at the second folder before: its disk was mounted later
    let ledger = two.open();
    wait_for("it is seen", || ledger.sinks()[1].ahead.is_some());
    let shown = ledger.sinks()[1].ahead.clone().unwrap();
    assert_eq!(ledger.contradicts(&shown).unwrap().size, 310);
    // it says so still once the ledger has grown into another history
    append(&ledger, 300..320);
    assert!(ledger.contradicts(&shown).is_some());
    drop(ledger);
    assert_eq!(verify(&two.second(), None).unwrap().size, 310);
    assert!(matches!(two.reconcile(false), Reconciled::Behind | Reconciled::Ahead(_)));
}

#[test]
fn a_flag_beside_the_ledger_says_that_only_the_second_folder_has_everything() {
    let two = Two::new();
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 0..10);
    let away = || first_is_away(&two.site.ledger()).unwrap();
    assert!(!away());
    two.disks.full[0].store(true, Ordering::SeqCst);
    let mut next = 10;
    while ledger.sinks()[0].behind == 0 {
        append(&ledger, next..next + 1);
        next += 1;
    }
    // before anybody was answered, and without any space
    assert!(away());
    drop(ledger);
    // nobody takes over what cannot be reached, nor what is not there
    let mark = two.place.path().join("leadglass-sink.json");
    fs::remove_file(&mark).unwrap();
    assert!(reconcile(&two.site.ledger(), two.place.path(), &keys(), ORIGIN, false).is_err());
    assert!(away());
    mark_sink(two.place.path()).unwrap();
    let kept = tempfile::tempdir().unwrap();
    fs::rename(two.second(), kept.path().join("ledger")).unwrap();
    assert!(matches!(two.reconcile(false), Reconciled::Empty));
    assert!(away());
    copy(&kept.path().join("ledger"), &two.second());
    assert!(matches!(two.reconcile(false), Reconciled::TakenOver(_)));
    assert!(!away());
    two.both_hold(next);
}

#[test]
fn a_folder_that_is_removed_or_not_mounted_stops_nobody_and_comes_back() {
    let two = Two::new();
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 0..300);
    let mut entries = fs::read_dir(two.place.path()).unwrap();
    assert!(entries.next().is_some());
    fs::rename(two.second(), two.place.path().join("elsewhere")).unwrap();
    fs::remove_file(two.place.path().join("leadglass-sink.json")).unwrap();
    append(&ledger, 300..600);
    wait_for("it is said", || ledger.sinks()[1].away.as_deref().is_some_and(|why| why.contains("mount")));
    // an empty place is not filled: it may be the folder under a mount
    assert!(!two.second().exists());
    mark_sink(two.place.path()).unwrap();
    wait_for("it is filled again", || is_whole(&ledger));
    append(&ledger, 600..610);
    drop(ledger);
    two.both_hold(610);
}

#[test]
fn a_second_disk_that_hangs_while_a_journal_file_is_made_holds_nobody_up() {
    let two = Two::new();
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    two.disks.hang.set(true);
    // its first record needs a journal file
    append(&ledger, 0..1);
    assert!(two.disks.hang.hanging.load(Ordering::SeqCst), "the answer did not wait for the second disk");
    append(&ledger, 1..40);
    assert_eq!(ledger.size(), 40);
    assert_story(&ledger.read(model::EntryNumber(0), 100).unwrap(), 40);
    assert!(two.disks.hang.hanging.load(Ordering::SeqCst), "nor did anything else");
    two.disks.hang.set(false);
    wait_for("it catches up", || is_whole(&ledger));
    append(&ledger, 40..100);
    drop(ledger);
    two.both_hold(100);
}

/// Both folders hold `size` entries; then a loss is accepted, so that checkpoints begin under a new line, and everything is written to
/// journals only. What the second folder holds at each moment opens.
fn a_renewed_line_reaches_the_second_folder(size: u64) {
    let two = Two::new();
    let ledger = two.open();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 0..size);
    drop(ledger);
    for generation in [2, 3] {
        // the second folder is away the first time, and knows nothing of it
        Ledger::renew(&two.site.ledger(), &keys(), ORIGIN).unwrap();
        let (ledger, replay) = two.site.open_with(crate::site::unpublished()).unwrap();
        drop(replay);
        if generation == 3 {
            ledger.add_sink(two.place.path()).unwrap();
            wait_for("the second folder is read", || is_whole(&ledger));
            let kept = Site::like(&two.second());
            assert_eq!(kept.open().1.len() as u64, size, "after it was read");
            append(&ledger, size..size + 1);
            let kept = Site::like(&two.second());
            let (kept, entries) = kept.open();
            assert_story(&entries, size + 1);
            assert_eq!(kept.verifier().name(), format!("{ORIGIN}/{generation}"));
        }
        drop(ledger);
    }
    two.both_hold(size + 1);
}

#[test]
fn a_second_folder_takes_the_checkpoint_of_a_renewed_line_before_its_key() {
    // the last entry is in memory, and it is not
    for size in [300, 512] {
        a_renewed_line_reaches_the_second_folder(size);
    }
}

/// Zeros what follows the first `records` records of a folder's one journal file, as a power cut leaves a group that had not reached it.
fn without_records_behind(folder: &Path, records: usize) {
    let path = folder.join("journal/00000001");
    let mut bytes = fs::read(&path).unwrap();
    let starts: Vec<usize> = (0..bytes.len()).step_by(64).filter(|at| bytes[*at..].starts_with(b"LGJ1")).collect();
    bytes[starts[records]..].fill(0);
    fs::write(&path, bytes).unwrap();
}

#[test]
fn a_power_cut_that_left_the_last_group_in_the_second_folder_only_is_no_rollback() {
    let two = Two::new();
    let (ledger, replay) = two.site.open_with(crate::site::unpublished()).unwrap();
    drop(replay);
    ledger.add_sink(two.place.path()).unwrap();
    wait_for("both are there", || is_whole(&ledger));
    append(&ledger, 0..5);
    // what the machine's end leaves of each
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(&two.site.ledger(), &first.path().join("ledger"));
    copy(&two.second(), &second.path().join("ledger"));
    drop(ledger);
    let cut = |records: usize| {
        for (folder, kept) in [(two.site.ledger(), &first), (two.second(), &second)] {
            fs::remove_dir_all(&folder).unwrap();
            copy(&kept.path().join("ledger"), &folder);
        }
        without_records_behind(&two.site.ledger(), records);
        two.reconcile(false)
    };
    assert!(matches!(cut(4), Reconciled::TakenOver(1)), "one group was under way");
    two.both_hold(5);
    assert!(matches!(two.reconcile(false), Reconciled::Behind));
    // two groups are never under way at once: the first was answered, and a folder that lacks it was rolled back
    assert!(matches!(cut(3), Reconciled::Ahead(_)));
}
