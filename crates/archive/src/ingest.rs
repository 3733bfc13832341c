//! **ingest**: a stream comes in, is scanned, sealed and made durable as one group; only then it is accepted.
//!
//! ```text
//! stream ──scan──► sealed Part 10 ─┐
//!            ├───► sealed metadata ├─ one Group ──► store: volume + outbox record, synced ──► Accepted
//!            ├───► sealed row      ─┤
//!            └───► sealed note     ─┘  (outbox body, with the wrapped keys until they are known to be durable)
//! ```
//! A *batch* is one association, STOW-RS request or import. It has fresh keys for each study in it, wrapped to the
//! site's public key: what came in cannot be opened here. Small objects wait in memory until their study is known;
//! larger ones are sealed into a file of their own while they come in, under keys of their own.
//!
//! A crash before the sync leaves nothing that was acknowledged; the store cuts it off at its next start. A crash after
//! the sync and before the answer leaves an instance that its sender sends again: the warden finds identical bytes.

mod batch;
mod collect;
mod error;

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use dataset::{Limits, Scanned};
use model::{DeviceId, Instant, ObjectId, Origin, SiteId, Uid};
use protocol::{HandoverBody, HandoverObject, WrappedKey};
use seal::{BatchKeys, CryptoRng, ObjectContext, ObjectKind, SitePublicKey, SystemRandom, seal_blob};
use store::{Durable, Group, NewInstance, SealedBytes, Store, Ticket};

pub use batch::Batch;
use batch::StudyIdentity;
use collect::{Collector, Place};
pub use error::{Identity, IngestError};

use crate::{clock::Clock, instance_row::InstanceRow, site::Site};

/// Objects up to this many bytes wait in memory for the end of their scan; longer ones go to a file as they come.
pub const IN_MEMORY_OBJECT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of all objects that wait in memory for the end of their scan; past it objects go to files as they come.
pub const IN_MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The most instances of one batch; then its keys rotate and a new batch begins.
pub const BATCH_INSTANCES_MAX: usize = 2000;

/// The most metadata of one batch in bytes; then its keys rotate and a new batch begins.
pub const BATCH_METADATA_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long one batch lasts at most, in seconds; then its keys rotate and a new batch begins.
pub const BATCH_SECONDS_MAX: i64 = 600;

/// What taking in is limited by. The default is right for a server; tests make it smaller.
#[derive(Clone, Debug)]
pub struct IntakeSettings {
    /// Limits on one stream.
    pub limits: Limits,
    /// [`IN_MEMORY_OBJECT_BYTES_MAX`]
    pub in_memory_object_bytes: usize,
    /// [`IN_MEMORY_BYTES_MAX`]
    pub in_memory_bytes: u64,
    /// [`BATCH_INSTANCES_MAX`]
    pub batch_instances: usize,
    /// [`BATCH_METADATA_BYTES_MAX`]
    pub batch_metadata_bytes: usize,
    /// [`BATCH_SECONDS_MAX`]
    pub batch_seconds: i64,
}

impl Default for IntakeSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            in_memory_object_bytes: IN_MEMORY_OBJECT_BYTES_MAX,
            in_memory_bytes: IN_MEMORY_BYTES_MAX,
            batch_instances: BATCH_INSTANCES_MAX,
            batch_metadata_bytes: BATCH_METADATA_BYTES_MAX,
            batch_seconds: BATCH_SECONDS_MAX,
        }
    }
}

/// Takes images in. Clones share it.
#[derive(Clone)]
pub struct Intake {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    site: SiteId,
    public_key: SitePublicKey,
    settings: IntakeSettings,
    clock: Clock,
    /// Bytes that wait in memory now, over all batches.
    in_memory: AtomicU64,
}

/// Who sends.
#[derive(Clone, Debug)]
pub struct IntakeActor {
    /// The device; `None` when the owner imports.
    pub device: Option<DeviceId>,
    /// From where.
    pub origin: Origin,
}

/// What kind of stream comes.
#[derive(Clone, Debug)]
pub enum Source {
    /// A Part 10 stream (PS3.10 7), or a data set without its meta group.
    Part10 {
        /// The study that the sender says it belongs to (STOW-RS to `/studies/{study}`); another one is refused.
        study: Option<Uid>,
    },
    /// The data set of a C-STORE-RQ (PS3.7 9.1.1); it is stored behind a file meta group that is made from this.
    DataSet {
        /// Of the presentation context.
        transfer_syntax: Uid,
        /// Affected SOP Class UID.
        sop_class: Uid,
        /// Affected SOP Instance UID.
        sop_instance: Uid,
        /// The sender's AE title.
        source_ae: String,
    },
}

/// An instance that is durable here. It becomes readable once the warden has recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its sealed object.
    pub object: ObjectId,
    /// What it is.
    pub identity: Identity,
    /// (0020,000D)
    pub study: Uid,
    /// (0020,000E)
    pub series: Uid,
    /// Bytes as stored, in the clear.
    pub bytes: u64,
}

/// An instance that is on its way to the disk. Nothing may be answered to its sender yet.
#[must_use = "nothing may be answered to a sender before it is durable"]
pub struct Staged {
    ticket: Ticket<Durable>,
    accepted: Accepted,
    /// Set once the outbox holds the wrap of the keys that it is sealed under.
    keys_durable: Arc<AtomicBool>,
}

impl Staged {
    /// Blocks until it is durable.
    pub fn wait(self) -> Result<Accepted, IngestError> {
        let answer = self.ticket.wait();
        settle(answer, self.accepted, &self.keys_durable)
    }

    /// As [`Staged::wait`], for tasks.
    pub async fn durable(self) -> Result<Accepted, IngestError> {
        let answer = self.ticket.await;
        settle(answer, self.accepted, &self.keys_durable)
    }

    /// What it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.accepted.identity
    }
}

fn settle(
    answer: Result<Durable, store::StoreError>,
    accepted: Accepted,
    keys_durable: &AtomicBool,
) -> Result<Accepted, IngestError> {
    match answer {
        Ok(_) => {
            keys_durable.store(true, Ordering::Release);
            Ok(accepted)
        }
        Err(error) => Err(IngestError::store(error, Some(accepted.identity))),
    }
}

impl Intake {
    /// Takes images in for `site` into `store`.
    #[must_use]
    pub fn new(store: Store, site: &Site, settings: IntakeSettings, clock: Clock) -> Self {
        let (site, public_key) = (site.id, site.public_key.clone());
        Self { inner: Arc::new(Inner { store, site, public_key, settings, clock, in_memory: AtomicU64::new(0) }) }
    }

    /// Begins a batch: one association, one STOW-RS request, one import.
    #[must_use]
    pub fn begin_batch(&self, actor: IntakeActor) -> Batch {
        Batch::new(self.clone(), actor)
    }

    /// Bytes that wait in memory for the end of their scan now.
    #[must_use]
    pub fn bytes_in_memory(&self) -> u64 {
        self.inner.in_memory.load(Ordering::Relaxed)
    }
}

/// Keys and what is known about their wrap.
#[derive(Clone)]
struct StudyKeys {
    keys: BatchKeys,
    wrapped: WrappedKey,
    /// The wrap travels with every group until one of them is durable: a group that failed must not take the only wrap
    /// with it.
    durable: Arc<AtomicBool>,
}

impl StudyKeys {
    fn fresh(inner: &Inner, rng: &mut impl CryptoRng) -> Self {
        let keys = BatchKeys::generate(rng);
        let wrapped = keys.wrap(&inner.public_key, inner.site, rng).into_bytes();
        Self { wrapped: WrappedKey { key: keys.key, wrapped }, keys, durable: Arc::new(AtomicBool::new(false)) }
    }
}

impl Batch {
    /// Takes one instance in and returns when it is durable. Blocks: call it from a thread that may.
    pub fn store(&mut self, source: &Source, reader: &mut dyn Read) -> Result<Accepted, IngestError> {
        self.stage(source, reader)?.wait()
    }

    /// Takes one instance in and hands it to the disk; [`Staged::wait`] says when it is durable. For callers that
    /// answer for many at once. Blocks on `reader`, and while too many bytes wait for the disk.
    pub fn stage(&mut self, source: &Source, reader: &mut dyn Read) -> Result<Staged, IngestError> {
        let intake = self.intake().clone();
        let inner = &*intake.inner;
        let taken_in = inner.clock.now();
        self.rotate_if_due(taken_in);

        let object = fresh_object(&mut SystemRandom);
        let mut collector = Collector::new(inner, object, self.take_scratch());
        match scan(source, &inner.settings.limits, reader, &mut collector) {
            Err(error) => {
                let failed = collector.abandon();
                self.give_scratch(failed.scratch);
                Err(failed.error.unwrap_or_else(|| IngestError::scan(error)))
            }
            Ok(scanned) => {
                let collected = collector.finish();
                let scratch = collected.scratch;
                let sealing = Sealing { object, taken_in, content: collected.content, plaintext: &scratch };
                let staged =
                    collected.place.and_then(|place| self.seal_and_submit(source, inner, sealing, scanned, place));
                self.give_scratch(scratch);
                staged
            }
        }
    }

    fn seal_and_submit(
        &mut self,
        source: &Source,
        inner: &Inner,
        sealing: Sealing<'_>,
        mut scanned: Scanned,
        place: Place,
    ) -> Result<Staged, IngestError> {
        let object = sealing.object;
        let identity =
            Identity { sop_class: scanned.instance.sop_class.clone(), sop_instance: scanned.instance.uid.clone() };
        check_claims(source, &scanned, &identity)?;

        let rng = &mut SystemRandom;
        let (keys, sealed_instance) = match place {
            Place::InMemory => {
                let study = StudyIdentity {
                    study: scanned.study.uid.clone(),
                    patient_id: scanned.patient.id.clone(),
                    issuer: scanned.patient.issuer.clone(),
                };
                let keys = self.keys_of(study, || StudyKeys::fresh(inner, rng));
                let context = context(inner, &keys, object, ObjectKind::Instance);
                (keys.clone(), SealedBytes::from(seal_blob(&keys.keys.data, context, sealing.plaintext, rng)))
            }
            Place::InFile { keys, large } => (keys, SealedBytes::Large(large)),
        };
        let listing = |kind, plaintext: &[u8]| {
            seal_blob(&keys.keys.listing, context(inner, &keys, object, kind), plaintext, &mut SystemRandom)
        };

        complete_bulk_uris(&mut scanned);
        let metadata = scanned.metadata.to_bytes();
        let row = row_of(&scanned, metadata.len() as u64);
        let note = postcard::to_stdvec(&scanned.note(sealing.content)).expect("a note has only strings and numbers");
        let body = HandoverBody {
            taken_in: sealing.taken_in,
            keys: if keys.durable.load(Ordering::Acquire) { Vec::new() } else { vec![keys.wrapped.clone()] },
            objects: vec![HandoverObject {
                object,
                key: keys.keys.key,
                device: self.actor().device,
                origin: self.actor().origin.clone(),
                sealed_note: listing(ObjectKind::Note, &note),
            }],
        };
        let group = Group {
            instances: vec![NewInstance {
                object,
                key: keys.keys.key,
                sealed_instance,
                sealed_metadata: listing(ObjectKind::Metadata, &metadata),
                sealed_row: listing(ObjectKind::Row, &row.to_bytes()),
            }],
            body: postcard::to_stdvec(&body).expect("a body has only bytes, strings and numbers"),
        };
        let ticket = inner.store.submit(group);
        self.remember(&keys.keys, object, &scanned.series.uid, std::mem::take(&mut scanned.metadata.json));
        let accepted =
            Accepted { object, identity, study: scanned.study.uid, series: scanned.series.uid, bytes: scanned.length };
        Ok(Staged { ticket, accepted, keys_durable: keys.durable })
    }
}

fn fresh_object(rng: &mut impl CryptoRng) -> ObjectId {
    let mut object = ObjectId([0; 16]);
    rng.fill_bytes(&mut object.0);
    object
}

/// What is being sealed.
struct Sealing<'a> {
    object: ObjectId,
    taken_in: Instant,
    content: [u8; 32],
    /// The stream, when it waits in memory.
    plaintext: &'a [u8],
}

fn scan(
    source: &Source,
    limits: &Limits,
    reader: &mut dyn Read,
    collector: &mut Collector<'_>,
) -> Result<Scanned, dataset::ScanError> {
    let mut sink = |bytes: &[u8], region| collector.take(bytes, region);
    match source {
        Source::Part10 { .. } => dataset::scan_file(reader, limits, &mut sink),
        Source::DataSet { transfer_syntax, sop_class, sop_instance, source_ae } => {
            let meta = dataset::FileMeta {
                sop_class: sop_class.clone(),
                sop_instance: sop_instance.clone(),
                transfer_syntax: transfer_syntax.clone(),
                source_ae: Some(source_ae.clone()),
            };
            dataset::scan_dataset(reader, &meta, limits, &mut sink)
        }
    }
}

/// What the sender said about the instance must be what the data set says (PS3.4 B.2.3, PS3.18 10.5.1).
fn check_claims(source: &Source, scanned: &Scanned, identity: &Identity) -> Result<(), IngestError> {
    match source {
        Source::DataSet { sop_class, .. } if *sop_class != identity.sop_class => {
            Err(IngestError::OtherClass { identity: identity.clone() })
        }
        Source::DataSet { sop_instance, .. } if *sop_instance != identity.sop_instance => {
            Err(IngestError::OtherInstance { identity: identity.clone() })
        }
        Source::Part10 { study: Some(study) } if *study != scanned.study.uid => {
            Err(IngestError::OtherStudy { identity: identity.clone() })
        }
        _ => Ok(()),
    }
}

fn context(inner: &Inner, keys: &StudyKeys, object: ObjectId, kind: ObjectKind) -> ObjectContext {
    ObjectContext { site: inner.site, key: keys.keys.key, object, kind }
}

/// `leadglass:OFFSET-LENGTH` becomes `leadglass:/studies/…/bulkdata/OFFSET-LENGTH`, so that serving replaces a prefix
/// only (PS3.18 F.2.6).
fn complete_bulk_uris(scanned: &mut Scanned) {
    let prefix = format!(
        "leadglass:/studies/{}/series/{}/instances/{}/bulkdata/",
        scanned.study.uid, scanned.series.uid, scanned.instance.uid
    );
    let mut json = Vec::with_capacity(scanned.metadata.json.len() + 512);
    dataset::rewrite_bulk_uris(&scanned.metadata.json, &prefix, &mut json);
    scanned.metadata.json = json;
}

fn row_of(scanned: &Scanned, metadata_bytes: u64) -> InstanceRow {
    let image = scanned.metadata.image.as_ref();
    InstanceRow {
        sop_instance: scanned.instance.uid.clone(),
        series: scanned.series.uid.clone(),
        sop_class: scanned.instance.sop_class.clone(),
        transfer_syntax: scanned.metadata.transfer_syntax.clone(),
        modality: InstanceRow::short(&scanned.series.modality),
        instance_number: InstanceRow::short(&scanned.instance.number),
        rows: image.map(|image| image.rows.into()),
        columns: image.map(|image| image.columns.into()),
        bits_allocated: image.map(|image| image.bits_allocated.into()),
        frames: if image.is_some() { scanned.instance.frames } else { scanned.metadata.frames.count() },
        stored_bytes: scanned.length,
        dataset_offset: scanned.metadata.dataset_offset,
        part10: scanned.metadata.part10,
        deflated: scanned.metadata.deflated,
        metadata_bytes,
    }
}
