//! Installations that look real from the outside, and what the tests ask of them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use model::{Instant, KeyId, ObjectId, StudyNumber};
use replica::{Hooks, SameFilesystem, SourceError, Sources, Step, Stopped, Vault};
use store::{Group, NewInstance, Options, Placement, SealedBytes, Store, files};
use tempfile::TempDir;

pub const NOW: Instant = Instant(1_700_000_000_000_000);

/// Small files, so that there are several volumes.
pub fn small() -> Options {
    let mut options = Options::default();
    options.volume_bytes = 6 * 1024 * 1024;
    options.journal_bytes = 64 * 1024;
    options
}

pub struct Site {
    pub folder: TempDir,
}

impl Site {
    /// An installation with settings, a warden and a ledger, and nothing stored.
    pub fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        for (path, bytes) in [
            ("front/site.json", b"{\"site\":1}".as_slice()),
            ("front/devices.json", b"[]"),
            ("tls/cert.pem", b"certificate"),
            ("run/front.pid", b"1"),
            ("warden/root.json", b"{\"sealed\":true}"),
            ("ledger/lock", b""),
            ("ledger/site.vkey", b"key"),
            ("ledger/checkpoint", b"size 0"),
            ("ledger/tile/0/000.p/1", b"tile"),
            ("ledger/tile/entries/000.p/1", b"entries"),
            ("ledger/payload/000.p/1", b"payload"),
            ("ledger/journal/000001", &[9; 5000]),
        ] {
            write(&site.dir().join(path), bytes);
        }
        let database = rusqlite::Connection::open(site.dir().join("warden/warden.db")).unwrap();
        database.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE key (id INTEGER)").unwrap();
        drop(database);
        site
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn vault_path(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    pub fn init(&self) -> Vault {
        Vault::init(&self.vault_path(), &self.dir(), SameFilesystem::Allow, NOW).unwrap()
    }

    pub fn open(&self) -> Store {
        open(&self.dir())
    }

    /// Stores some instances, hands over most of them, and closes.
    pub fn take_in(&self, seed: u8, count: u8) {
        let store = self.open();
        store_some(&store, seed, count);
        let records = store.pending(0, count as usize * 2 / 3, usize::MAX).unwrap();
        acknowledge(&store, &records);
        store.close();
        let database = rusqlite::Connection::open(self.dir().join("warden/warden.db")).unwrap();
        database.execute("INSERT INTO key VALUES (?1)", [seed]).unwrap();
        write(&self.dir().join("ledger/checkpoint"), &[seed; 40]);
    }

    pub fn sync(&self, vault: &Vault) -> replica::Synced {
        vault.sync(&self.dir(), &mut Stopped::new(&self.dir()), NOW, &mut replica::NoHooks).unwrap()
    }
}

pub fn open(dir: &Path) -> Store {
    Store::open(&dir.join("front"), small(), files()).unwrap().0
}

pub fn store_some(store: &Store, seed: u8, count: u8) {
    for number in 0..count {
        let object = ObjectId([seed, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let bytes: Vec<u8> =
            (0..700_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed ^ number).collect();
        let sealed_instance = if number % 7 == 3 {
            let mut writer = store.begin_large(object).unwrap();
            writer.append(&bytes).unwrap();
            SealedBytes::Large(writer.finish().unwrap())
        } else {
            bytes.into()
        };
        let instance = NewInstance {
            object,
            key: KeyId([seed; 16]),
            sealed_instance,
            sealed_metadata: vec![number; 900],
            sealed_row: vec![seed; 80],
        };
        store.submit(Group { instances: vec![instance], body: object.0.to_vec() }).wait().unwrap();
    }
}

pub fn acknowledge(store: &Store, records: &[store::OutboxRecord]) {
    let place = |record: &store::OutboxRecord| {
        (ObjectId(record.body[..].try_into().unwrap()), Placement::Study(StudyNumber(0)))
    };
    if let Some(last) = records.last() {
        store.acknowledge(last.sequence, &records.iter().map(place).collect::<Vec<_>>()).unwrap();
    }
}

/// Everything that an installation answers for.
#[derive(Debug, PartialEq, Eq)]
pub struct Content {
    pub outbox: store::OutboxState,
    pub waiting: Vec<store::OutboxRecord>,
    pub instances: BTreeMap<ObjectId, (Option<Placement>, u64, [u8; 32])>,
    pub keys: Vec<i64>,
    pub files: BTreeMap<PathBuf, Vec<u8>>,
}

pub fn content(dir: &Path) -> Content {
    let store = open(dir);
    let mut rows = store.rows_of_study(StudyNumber(0)).unwrap();
    rows.extend(store.pending_rows(usize::MAX).unwrap());
    let instance = |row: &store::RowRecord| {
        let mut bytes = store.read(&row.instance, 0..row.instance.length).unwrap();
        store.read_into(&row.metadata, 0..row.metadata.length, &mut bytes).unwrap();
        (row.object, (row.placement, row.instance.length, blake3::hash(&bytes).into()))
    };
    let database = rusqlite::Connection::open(dir.join("warden/warden.db")).unwrap();
    let mut keys = database.prepare("SELECT id FROM key ORDER BY id").unwrap();
    let mut files = BTreeMap::new();
    gather(&dir.join("ledger"), Path::new("ledger"), &mut files);
    for name in ["tls/cert.pem", "front/site.json", "front/devices.json", "warden/root.json"] {
        files.insert(name.into(), std::fs::read(dir.join(name)).unwrap());
    }
    files.remove(Path::new("ledger/lock"));
    Content {
        outbox: store.outbox(),
        waiting: store.pending(0, usize::MAX, usize::MAX).unwrap(),
        instances: rows.iter().map(instance).collect(),
        keys: keys.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap(),
        files,
    }
}

fn gather(folder: &Path, below: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let inner = below.join(entry.file_name());
        if entry.path().is_dir() {
            gather(&entry.path(), &inner, files);
        } else {
            files.insert(inner, std::fs::read(entry.path()).unwrap());
        }
    }
}

pub fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Fails at one step, after letting it pass some times.
pub struct FailAt {
    pub step: Step,
    pub after: u32,
    pub struck: bool,
}

impl Hooks for FailAt {
    fn before(&mut self, step: Step) -> io::Result<()> {
        if step != self.step || self.struck {
            return Ok(());
        }
        if self.after > 0 {
            self.after -= 1;
            return Ok(());
        }
        self.struck = true;
        Err(io::Error::other("interrupted"))
    }
}

/// Snapshots of an installation whose front runs in this process.
pub struct Running {
    pub store: Store,
    pub stopped: Stopped,
}

impl Sources for Running {
    fn front(&mut self, into: &Path) -> Result<(), SourceError> {
        self.store.snapshot_into(into)?;
        Ok(())
    }

    fn warden(&mut self, into: &Path) -> Result<(), SourceError> {
        self.stopped.warden(into)
    }
}
