//! Which second folders of the ledger are there, looked at by a thread of its own: a disk that hangs keeps nobody else waiting.
//!
//! The warden's walls open for the folders that are there when it starts. One that is added or mounted later is seen here, and the
//! warden is started again for it.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(2);
/// The shortest time between two starts of the warden for this: a mount that comes and goes does not keep it from its work.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// A place, with what tells the folder of one filesystem from that of another under the same name.
type Place = (PathBuf, u64, u64);

/// Looks while it lives.
pub struct Mounts {
    there: Arc<Mutex<BTreeSet<Place>>>,
    /// What the walls of the running warden are open for.
    open: BTreeSet<Place>,
    again: Option<Instant>,
}

impl Mounts {
    /// Begins to look. Call it before the warden starts: what is there by then is open for it.
    pub fn watch(dir: &Path) -> Self {
        let open = there(dir);
        let shared = Arc::new(Mutex::new(open.clone()));
        let (seen, dir) = (Arc::downgrade(&shared), dir.to_owned());
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(LOOK);
                let now = there(&dir);
                let Some(seen) = seen.upgrade() else { return };
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
            }
        });
        Self { there: shared, open, again: None }
    }

    /// Goes on from one that looked before: the next start comes no sooner.
    pub fn after(self, before: Option<Self>) -> Self {
        Self { again: before.and_then(|before| before.again), ..self }
    }

    /// Whether the warden should start again, because a folder is there that it was not opened for. Says so once.
    pub fn more_than_open(&mut self) -> bool {
        let there = self.there.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let early = self.again.is_some_and(|again| again.elapsed() < AGAIN_AFTER);
        if early || there.is_subset(&self.open) {
            return false;
        }
        self.open = there;
        self.again = Some(Instant::now());
        true
    }
}

fn there(dir: &Path) -> BTreeSet<Place> {
    let places = audit::read_sinks(&dir.join("witnesses")).unwrap_or_default();
    let there = places.into_iter().filter_map(|place| {
        let metadata = std::fs::metadata(&place).ok().filter(|_| audit::is_sink(Path::new(&place)))?;
        Some((PathBuf::from(place), metadata.dev(), metadata.ino()))
    });
    there.collect()
}
