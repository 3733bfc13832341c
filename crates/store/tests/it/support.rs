//! What the tests share: seeded randomness, groups, a disk that fails on purpose, and what must hold after any start.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use model::{KeyId, ObjectId, StudyNumber};
use store::{
    Group, LargeObject, MemoryDisk, NewChunk, NewInstance, Options, OutboxRecord, Placement, Recovered, RowRecord,
    SealedBytes, Step, Store, StoreFile, StoreIo,
};
use tempfile::TempDir;

/// SplitMix64: small, seeded, the same everywhere.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(length).collect()
    }

    pub fn id(&mut self) -> [u8; 16] {
        self.bytes(16).try_into().unwrap()
    }
}

/// Small files, so that every test changes volumes and journals often.
pub fn small() -> Options {
    let mut options = Options::default();
    options.volume_bytes = 64 * 1024;
    options.journal_bytes = 8 * 1024;
    options
}

/// What a test knows about an instance that it handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub object: ObjectId,
    pub key: KeyId,
    pub instance: Vec<u8>,
    pub metadata: Vec<u8>,
    pub row: Vec<u8>,
}

impl Sent {
    pub fn random(random: &mut Random, length: usize) -> Self {
        let (object, key) = (ObjectId(random.id()), KeyId(random.id()));
        let (metadata_length, row_length) = (random.below(900) as usize, random.below(300) as usize);
        Self {
            object,
            key,
            instance: random.bytes(length),
            metadata: random.bytes(metadata_length),
            row: random.bytes(row_length),
        }
    }

    /// In pieces, as sealing makes it.
    pub fn instance(&self) -> NewInstance {
        let pieces = self.instance.chunks(1000).map(<[u8]>::to_vec).collect();
        self.with(SealedBytes::Memory(pieces))
    }

    pub fn large(&self, large: LargeObject) -> NewInstance {
        self.with(SealedBytes::Large(large))
    }

    fn with(&self, sealed_instance: SealedBytes) -> NewInstance {
        NewInstance {
            object: self.object,
            key: self.key,
            sealed_instance,
            sealed_metadata: self.metadata.clone(),
            sealed_row: self.row.clone(),
        }
    }
}

pub fn group(instances: &[&Sent], body: &[u8]) -> Group {
    Group { instances: instances.iter().map(|sent| sent.instance()).collect(), body: body.to_vec() }
}

pub fn chunk(random: &mut Random, key: KeyId, covers: &[ObjectId]) -> NewChunk {
    NewChunk {
        object: ObjectId(random.id()),
        key,
        covers: covers.to_vec(),
        sealed_chunk: random.bytes(500),
        sealed_row: random.bytes(40),
    }
}

/// Every row with its bytes, by object.
pub fn everything(store: &Store, studies: u32) -> BTreeMap<ObjectId, (Option<Placement>, Sent)> {
    let mut rows = store.pending_rows(usize::MAX).unwrap();
    for study in 0..studies {
        rows.extend(store.rows_of_study(StudyNumber(study)).unwrap());
    }
    let count = rows.len();
    let all: BTreeMap<_, _> = rows.iter().map(|row| (row.object, (row.placement, read(store, row)))).collect();
    assert_eq!(all.len(), count, "an object has two rows");
    all
}

pub fn read(store: &Store, row: &RowRecord) -> Sent {
    Sent {
        object: row.object,
        key: row.key,
        instance: store.read(&row.instance, 0..row.instance.length).unwrap(),
        metadata: store.read(&row.metadata, 0..row.metadata.length).unwrap(),
        row: row.sealed_row.clone(),
    }
}

/// Every waiting record, with its chain checked from the acknowledged one on.
pub fn waiting(store: &Store, acknowledged_chain: [u8; 32]) -> Vec<OutboxRecord> {
    let state = store.outbox();
    let records = store.pending(0, usize::MAX, usize::MAX).unwrap();
    assert_eq!(records.len() as u64, state.last - state.acknowledged);
    let mut chain = acknowledged_chain;
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.sequence, state.acknowledged + 1 + index as u64);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&chain).update(&record.sequence.to_be_bytes()).update(&record.body);
        chain = hasher.finalize().into();
        assert_eq!(record.chain, chain, "the chain breaks at {}", record.sequence);
    }
    assert_eq!(state.chain, chain, "the outbox ends with its last record");
    records
}

/// Waits until the rows of everything that was answered are written.
pub fn settled(store: &Store, pending: u64) {
    for _ in 0..2000 {
        if store.counts().unwrap().pending == pending {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{:?} instead of {pending} pending rows", store.counts());
}

/// A store on a disk in memory, with `front.db` in a folder that is removed at the end.
pub struct Bench {
    pub folder: TempDir,
    pub disk: MemoryDisk,
}

impl Bench {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), disk: MemoryDisk::default() }
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("front")
    }

    pub fn open(&self) -> (Store, Recovered) {
        Store::open(&self.dir(), small(), Arc::new(self.disk.clone())).unwrap()
    }

    pub fn open_with(&self, faults: &Arc<Faults>) -> (Store, Recovered) {
        Store::open(&self.dir(), small(), faults.on(&self.disk)).unwrap()
    }

    pub fn remove_rows(&self) {
        for name in ["front.db", "front.db-wal", "front.db-shm"] {
            let _ = std::fs::remove_file(self.dir().join(name));
        }
    }
}

/// When a disk fails.
#[derive(Default)]
pub struct Faults {
    /// The step, how often it still succeeds, what happens then.
    plan: Mutex<Option<(Step, u32, Fault)>>,
    pub dead: AtomicBool,
    /// Whether the plan came true.
    pub struck: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The step fails once.
    Once(io::ErrorKind),
    /// Nothing works from here on: the process was killed, or the power is gone.
    Death,
}

impl Faults {
    pub fn at(step: Step, after: u32, fault: Fault) -> Arc<Self> {
        Arc::new(Self { plan: Mutex::new(Some((step, after, fault))), ..Self::default() })
    }

    pub fn set(&self, step: Step, after: u32, fault: Fault) {
        *self.plan.lock().unwrap() = Some((step, after, fault));
    }

    pub fn on(self: &Arc<Self>, disk: &MemoryDisk) -> Arc<dyn StoreIo> {
        Arc::new(FaultyDisk { disk: disk.clone(), faults: Arc::clone(self) })
    }

    fn alive(&self) -> io::Result<()> {
        if self.dead.load(Ordering::SeqCst) { Err(io::Error::other("dead")) } else { Ok(()) }
    }

    fn before(&self, step: Step) -> io::Result<()> {
        self.alive()?;
        let mut plan = self.plan.lock().unwrap();
        let Some((planned, after, fault)) = &mut *plan else { return Ok(()) };
        if *planned != step {
            return Ok(());
        }
        if *after > 0 {
            *after -= 1;
            return Ok(());
        }
        let fault = *fault;
        *plan = None;
        self.struck.store(true, Ordering::SeqCst);
        match fault {
            Fault::Once(kind) => Err(kind.into()),
            Fault::Death => {
                self.dead.store(true, Ordering::SeqCst);
                Err(io::Error::other("dead"))
            }
        }
    }
}

struct FaultyDisk {
    disk: MemoryDisk,
    faults: Arc<Faults>,
}

impl FaultyDisk {
    fn wrap(&self, file: Arc<dyn StoreFile>) -> Arc<dyn StoreFile> {
        Arc::new(FaultyFile { file, faults: Arc::clone(&self.faults) })
    }
}

impl StoreIo for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        self.faults.alive()?;
        Ok(self.wrap(self.disk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        self.faults.alive()?;
        Ok(self.wrap(self.disk.open(path)?))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.faults.alive()?;
        self.disk.remove(path)
    }

    fn before(&self, step: Step) -> io::Result<()> {
        self.faults.before(step)
    }
}

struct FaultyFile {
    file: Arc<dyn StoreFile>,
    faults: Arc<Faults>,
}

impl StoreFile for FaultyFile {
    fn write_at(&self, pieces: &[&[u8]], offset: u64) -> io::Result<()> {
        self.faults.alive()?;
        self.file.write_at(pieces, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buffer, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.faults.alive()?;
        self.file.sync()
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.faults.alive()?;
        self.file.truncate(length)
    }
}
