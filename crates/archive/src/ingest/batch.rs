//! A batch: its keys, and the metadata chunks that it leaves behind.

use std::collections::HashMap;

use model::{Instant, KeyId, ObjectId, Uid};
use seal::{BatchKeys, ObjectContext, ObjectKind, SystemRandom, seal_blob};
use store::NewChunk;

use super::{Intake, IntakeActor, StudyKeys, fresh_object};
use crate::metadata_chunk::{ChunkRow, MetadataChunk};

/// Scratch memory longer than this is given back to the system between instances, in bytes.
const SCRATCH_BYTES_KEPT: usize = 2 * 1024 * 1024;

/// One association, STOW-RS request or import. Dropping it finishes it.
pub struct Batch {
    intake: Intake,
    actor: IntakeActor,
    studies: HashMap<StudyIdentity, StudyKeys>,
    series: HashMap<(KeyId, Uid), Series>,
    began: Option<Instant>,
    instances: usize,
    metadata_bytes: usize,
    scratch: Vec<u8>,
}

/// What is one study for the warden: two patients' studies may carry one UID, and a key must open one of them only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct StudyIdentity {
    pub(super) study: Uid,
    pub(super) patient_id: String,
    pub(super) issuer: String,
}

/// The metadata of one series in this batch.
struct Series {
    keys: BatchKeys,
    instances: Vec<(ObjectId, Vec<u8>)>,
}

impl Batch {
    pub(super) fn new(intake: Intake, actor: IntakeActor) -> Self {
        Self {
            intake,
            actor,
            studies: HashMap::new(),
            series: HashMap::new(),
            began: None,
            instances: 0,
            metadata_bytes: 0,
            scratch: Vec::new(),
        }
    }

    /// Writes one metadata chunk for each series and forgets the keys. The batch can be used again, with fresh keys.
    pub fn finish(&mut self) {
        for ((_, series), collected) in self.series.drain() {
            // one instance alone is served as fast from its own metadata object
            if collected.instances.len() > 1 {
                put_chunk(&self.intake, series, collected);
            }
        }
        self.studies.clear();
        self.began = None;
        self.instances = 0;
        self.metadata_bytes = 0;
    }

    pub(super) fn intake(&self) -> &Intake {
        &self.intake
    }

    pub(super) fn actor(&self) -> &IntakeActor {
        &self.actor
    }

    /// Ends the batch and begins another one when it has grown past a limit.
    pub(super) fn rotate_if_due(&mut self, now: Instant) {
        let settings = &self.intake.inner.settings;
        let began = *self.began.get_or_insert(now);
        if self.instances >= settings.batch_instances
            || self.metadata_bytes >= settings.batch_metadata_bytes
            || now >= began.plus_seconds(settings.batch_seconds)
        {
            self.finish();
            self.began = Some(now);
        }
    }

    pub(super) fn keys_of(&mut self, study: StudyIdentity, fresh: impl FnOnce() -> StudyKeys) -> StudyKeys {
        self.studies.entry(study).or_insert_with(fresh).clone()
    }

    pub(super) fn remember(&mut self, keys: &BatchKeys, object: ObjectId, series: &Uid, json: Vec<u8>) {
        self.instances += 1;
        self.metadata_bytes += json.len();
        let collected = self
            .series
            .entry((keys.key, series.clone()))
            .or_insert_with(|| Series { keys: keys.clone(), instances: Vec::new() });
        collected.instances.push((object, json));
    }

    pub(super) fn take_scratch(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.scratch)
    }

    pub(super) fn give_scratch(&mut self, mut scratch: Vec<u8>) {
        scratch.clear();
        scratch.shrink_to(SCRATCH_BYTES_KEPT);
        self.scratch = scratch;
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A crash before the chunk is durable loses only the chunk: the metadata object of each instance is there.
fn put_chunk(intake: &Intake, series: Uid, collected: Series) {
    let inner = &intake.inner;
    let object = fresh_object(&mut SystemRandom);
    let key = collected.keys.key;
    let covers = collected.instances.iter().map(|(object, _)| *object).collect();
    let context = |kind| ObjectContext { site: inner.site, key, object, kind };
    let row = ChunkRow { series: series.clone() }.to_bytes();
    let chunk = MetadataChunk::to_bytes(&series, &collected.instances);
    let listing = &collected.keys.listing;
    let chunk = NewChunk {
        object,
        key,
        covers,
        sealed_chunk: seal_blob(listing, context(ObjectKind::MetadataChunk), &chunk, &mut SystemRandom),
        sealed_row: seal_blob(listing, context(ObjectKind::Row), &row, &mut SystemRandom),
    };
    if let Err(error) = inner.store.put_chunk(chunk) {
        tracing::warn!(%error, "a metadata chunk was not written; its series is read instance by instance");
    }
}
