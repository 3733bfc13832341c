//! Step 4, and what a crash left of the steps before it: called by every start before it opens the database, and by nobody else.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::NewRootError;
use crate::epochs::{FOLDER as EPOCHS, SNAPSHOT_PREFIX};

/// What is being written for a new root.
pub(super) const BUILDING: &str = "new-root.building";
/// What is there for a new root, or is left to do for the one in force.
pub(super) const NEW_ROOT: &str = "new-root";
/// In it: database and epoch keys of the root before.
const OLD_DATABASE: &str = "old.db";
const OLD_EPOCHS: &str = "old-epochs";

/// How often, and how long apart, a start waits for another process that is at this point.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes that are overwritten at a time.
const ZEROS: usize = 64 * 1024;
/// After so many overwritten bytes a file is cut.
const CUT_BYTES: u64 = 64 * 1024 * 1024;

/// Holds `DIR/warden`: whoever puts another root in force must be the only one.
pub(crate) struct InUse(File);

/// Puts in place what the root in force is to find, removes what is left of a change that did not come so far, and holds the folder.
pub(crate) fn settle(warden: &Path) -> io::Result<InUse> {
    let folder = File::open(warden)?;
    for _ in 0..ATTEMPTS {
        match folder.try_lock() {
            Ok(()) => {
                finish(warden, &mut |_| Ok(()))?;
                folder.lock_shared()?;
                return Ok(InUse(folder));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match folder.try_lock_shared() {
            // nobody renews meanwhile
            Ok(()) if !begun(warden)? => return Ok(InUse(folder)),
            // whoever holds it too came before a start that settles it
            Ok(()) => {
                folder.unlock()?;
                std::thread::sleep(PAUSE);
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process changes the root here; wait until it is done"))
}

impl InUse {
    /// Holds the folder alone, until the end of the process.
    pub(super) fn alone(&self) -> Result<(), NewRootError> {
        self.0.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => NewRootError::Busy,
            TryLockError::Error(error) => NewRootError::Io(error),
        })
    }
}

/// Whether a change was begun and is not settled.
fn begun(warden: &Path) -> io::Result<bool> {
    Ok(warden.join(NEW_ROOT).try_exists()? || warden.join(BUILDING).try_exists()?)
}

/// Removes what an attempt left that did not come into force. `root.json` in it goes with the rest: it is not the one in force.
pub(super) fn clear(warden: &Path) -> io::Result<()> {
    let (building, new) = (warden.join(BUILDING), warden.join(NEW_ROOT));
    destroy(&building)?;
    if new.try_exists()? {
        // by its first name nobody takes what is half removed for what is half in place
        fs::rename(&new, &building)?;
        durable(&[warden])?;
        destroy(&building)?;
    }
    durable(&[warden])
}

/// Removes a folder with a database and epoch keys, their bytes first.
fn destroy(folder: &Path) -> io::Result<()> {
    for key in files(&folder.join(EPOCHS))? {
        overwrite_and_remove(&key)?;
    }
    for name in ["warden.db", "warden.db-wal"] {
        overwrite_and_remove(&folder.join(name))?;
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is in a folder; nothing when there is none.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether the folder of a new root belongs to the `root.json` in force. What cannot be read is not taken for another one. From the moment
/// in which something of the root before is out of the way only the new one leads on, and its `root.json` is kept until all is in place.
fn is_in_force(new: &Path, in_force: &[u8]) -> io::Result<bool> {
    let named = match fs::read(new.join("root.json")) {
        Ok(there) if there == in_force => return Ok(true),
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let has = |name: &str| new.join(name).try_exists();
    let whole = has("warden.db")? && has(EPOCHS)?;
    if has(OLD_DATABASE)? || has(OLD_EPOCHS)? || named && !whole {
        let what =
            "root.json is not the one that warden/new-root was made for; put that one back, a copy lies in that folder";
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(false)
}

/// `before` is called in front of each durable step, for tests.
fn finish(warden: &Path, before: &mut impl FnMut(&'static str) -> io::Result<()>) -> io::Result<()> {
    let new = warden.join(NEW_ROOT);
    let in_force = fs::read(warden.join("root.json"))?;
    if !is_in_force(&new, &in_force)? {
        return if begun(warden)? { clear(warden) } else { Ok(()) };
    }
    // whoever replaced root.json may have ended before its name was durable; from here on nothing leads back
    durable(&[warden])?;
    let (database, epochs) = (warden.join("warden.db"), warden.join(EPOCHS));
    if new.join("warden.db").try_exists()? {
        // first: until it is out of the way an older root.json may come back, and then wants the log, which may hold the last commits
        before("old database")?;
        if database.try_exists()? {
            fs::rename(&database, new.join(OLD_DATABASE))?;
            durable(&[&new, warden])?;
        }
        // beside the new database the log would be taken for its own
        for log in ["warden.db-wal", "warden.db-shm"] {
            before("log")?;
            overwrite_and_remove(&warden.join(log))?;
        }
        before("new database")?;
        fs::rename(new.join("warden.db"), &database)?;
        durable(&[&new, warden])?;
    }
    if new.join(EPOCHS).try_exists()? {
        before("old epochs")?;
        if epochs.try_exists()? {
            fs::rename(&epochs, new.join(OLD_EPOCHS))?;
        }
        before("new epochs")?;
        fs::rename(new.join(EPOCHS), &epochs)?;
        durable(&[&new, warden])?;
    }
    for key in files(&new.join(OLD_EPOCHS))? {
        before("an old epoch key")?;
        overwrite_and_remove(&key)?;
    }
    before("the old database's bytes")?;
    overwrite_and_remove(&new.join(OLD_DATABASE))?;
    // copies that a sync of a vault was about to take
    for entry in fs::read_dir(warden)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name().to_string_lossy().starts_with(SNAPSHOT_PREFIX) {
            before("a copy for a vault")?;
            destroy(&entry.path())?;
        }
    }
    before("the old epochs' folder")?;
    match fs::remove_dir(new.join(OLD_EPOCHS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => durable(&[&new])?,
    }
    before("the folder")?;
    fs::remove_dir_all(&new)?;
    File::open(warden)?.sync_all()
}

fn durable(folders: &[&Path]) -> io::Result<()> {
    folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
}

/// A file's bytes are overwritten in place before its name goes, from its end on and with what is done cut off: whoever is ended in
/// between goes on there. File systems that copy on write keep the old ones for a while.
fn overwrite_and_remove(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut left = file.metadata()?.len();
    let zeros = vec![0; ZEROS];
    while left > 0 {
        let end = left;
        while left > end.saturating_sub(CUT_BYTES) {
            let part = usize::try_from(left).map_or(ZEROS, |left| left.min(ZEROS));
            left -= part as u64;
            file.write_all_at(&zeros[..part], left)?;
        }
        file.sync_data()?;
        file.set_len(left)?;
    }
    file.sync_all()?;
    drop(file);
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn put(folder: &Path, files: &[(&str, &str)]) {
        for (name, content) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("makes the folder");
            File::create(path).and_then(|mut file| file.write_all(content.as_bytes())).expect("writes");
        }
    }

    /// Every file below a folder with its content.
    fn there(folder: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(next) = open.pop() {
            for entry in fs::read_dir(&next).expect("reads").map(|entry| entry.expect("an entry").path()) {
                if entry.is_dir() {
                    open.push(entry);
                } else {
                    let name = entry.strip_prefix(folder).expect("below").display().to_string();
                    found.push((name, fs::read_to_string(&entry).expect("reads")));
                }
            }
        }
        found.sort();
        found
    }

    const OLD: [(&str, &str); 6] = [
        ("warden.db", "old"),
        ("warden.db-wal", "old log"),
        ("epochs/1.key", "old 1"),
        ("epochs/2.key", "old 2"),
        ("snapshot-1/warden.db", "old copy"),
        ("pin", "pin"),
    ];
    const NEW: [(&str, &str); 3] =
        [("new-root/warden.db", "new"), ("new-root/epochs/3.key", "new 3"), ("new-root/root.json", "new root")];

    fn expected(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut files: Vec<_> =
            files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect();
        files.sort();
        files
    }

    #[test]
    fn what_a_crash_interrupted_is_finished_whatever_step_it_was_in_front_of() {
        let done =
            expected(&[("epochs/3.key", "new 3"), ("pin", "pin"), ("root.json", "new root"), ("warden.db", "new")]);
        for crash in 0.. {
            let folder = tempfile::tempdir().expect("a folder");
            let whole = ended_in_front_of(folder.path(), crash);
            drop(settle(folder.path()).expect("the next start goes on"));
            assert_eq!(there(folder.path()), done, "after a crash in front of step {crash}");
            // and the one after it changes nothing, also not the log that is the new database's
            put(folder.path(), &[("warden.db-wal", "new log")]);
            drop(settle(folder.path()).expect("settles"));
            assert!(folder.path().join("warden.db-wal").exists());
            if whole {
                assert!(crash > 10, "there are steps to crash in front of: {crash}");
                return;
            }
        }
    }

    /// A site whose new root is in force, where a start was ended in front of a step; whether there is no such step.
    fn ended_in_front_of(folder: &Path, crash: usize) -> bool {
        put(folder, &OLD);
        put(folder, &NEW);
        put(folder, &[("root.json", "new root")]);
        let mut step = 0;
        let stopped = finish(folder, &mut |_| {
            step += 1;
            if step > crash { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
        });
        stopped.is_ok()
    }

    #[test]
    fn a_root_json_of_before_that_is_put_back_half_way_destroys_nothing() {
        let done =
            expected(&[("epochs/3.key", "new 3"), ("pin", "pin"), ("root.json", "new root"), ("warden.db", "new")]);
        for crash in 0.. {
            let folder = tempfile::tempdir().expect("a folder");
            if ended_in_front_of(folder.path(), crash) {
                assert!(crash > 10, "there are steps to end in front of: {crash}");
                return;
            }
            let copy = fs::read_to_string(folder.path().join("new-root/root.json")).expect("a copy lies there");
            put(folder.path(), &[("root.json", "old root")]);
            let half = there(folder.path());
            let settled = settle(folder.path());
            if crash == 0 {
                // nothing of the root before was touched: it is in force again, with the log of its database
                drop(settled.expect("goes back"));
                assert_eq!(there(folder.path()), expected(&[&OLD[..], &[("root.json", "old root")]].concat()));
                continue;
            }
            let refused = settled.map(drop).expect_err("neither of the two");
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");
            assert!(refused.to_string().contains("; put that one back, a copy lies in that folder"), "{refused}");
            assert_eq!(there(folder.path()), half, "ended in front of step {crash}");
            put(folder.path(), &[("root.json", &copy)]);
            drop(settle(folder.path()).expect("goes on"));
            assert_eq!(there(folder.path()), done, "ended in front of step {crash}");
        }
    }

    #[test]
    fn a_start_beside_a_sync_of_a_vault_waits_while_a_root_is_half_in_place() {
        let folder = tempfile::tempdir().expect("a folder");
        put(folder.path(), &OLD);
        put(folder.path(), &[("root.json", "old root")]);
        let sync = File::open(folder.path()).expect("opens");
        sync.lock_shared().expect("locks");
        drop(settle(folder.path()).expect("nothing is to be done: both read"));
        ended_in_front_of(folder.path(), 2);
        let half = there(folder.path());
        let refused = settle(folder.path()).map(drop).expect_err("somebody reads what would be changed");
        assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy, "{refused}");
        assert!(refused.to_string().contains("; wait until it is done"), "{refused}");
        assert_eq!(there(folder.path()), half);
        drop(sync);
        drop(settle(folder.path()).expect("goes on"));
        assert!(!folder.path().join(NEW_ROOT).exists());
    }

    #[test]
    fn what_did_not_come_into_force_is_removed() {
        for building in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            put(folder.path(), &OLD);
            put(folder.path(), &[("root.json", "old root")]);
            let before = there(folder.path());
            put(folder.path(), &NEW);
            if building {
                fs::rename(folder.path().join(NEW_ROOT), folder.path().join(BUILDING)).expect("renames");
            }
            drop(settle(folder.path()).expect("settles"));
            assert_eq!(there(folder.path()), before);
        }
    }

    #[test]
    fn nobody_changes_the_root_while_another_uses_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        put(folder.path(), &[("root.json", "root")]);
        let (one, another) = (settle(folder.path()).expect("settles"), settle(folder.path()).expect("both use it"));
        assert!(matches!(one.alone(), Err(NewRootError::Busy)));
        drop(another);
        one.alone().expect("now it is alone");
    }
}
