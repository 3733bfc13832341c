//! Metadata of a study, a series or an instance (PS3.18 section 10.4.1.2) as a ready JSON array.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use dataset::MetadataObject;
use model::{ObjectId, Uid};
use protocol::{PatientAttributes, PatientRow};
use seal::ObjectKind;
use zeroize::Zeroizing;

use super::{
    Instance, OpenStudy, blocking,
    sealed::{context, read_blob},
    study::Part,
};
use crate::{
    ReadError,
    metadata_chunk::{ChunkRow, MetadataChunk},
};

/// The most bytes of ready metadata that one open study keeps.
const METADATA_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Whose metadata is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MetadataOf {
    /// Of every instance of the study.
    Study,
    /// Of every instance of a series.
    Series(Uid),
    /// Of one instance of a series.
    Instance(Uid, Uid),
}

/// Ready metadata.
#[derive(Clone)]
pub struct MetadataJson {
    /// A JSON array of DICOM JSON Model objects (PS3.18 Annex F).
    pub json: Bytes,
    /// An entity tag (RFC 9110 section 8.8.3), quotes included. The same attributes have the same one.
    pub etag: Arc<str>,
}

/// What is ready already.
#[derive(Default)]
pub(super) struct MetadataCache {
    ready: HashMap<(MetadataOf, String), MetadataJson>,
    bytes: usize,
}

impl MetadataCache {
    pub(super) fn lock(cache: &Mutex<Self>) -> MutexGuard<'_, Self> {
        cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl OpenStudy {
    /// Metadata, with `bulk_prefix` in front of the `/studies/…` of every BulkDataURI.
    pub async fn metadata(self: &Arc<Self>, of: MetadataOf, bulk_prefix: &str) -> Result<MetadataJson, ReadError> {
        self.check_lease()?;
        let wanted = (of, bulk_prefix.to_owned());
        if let Some(ready) = MetadataCache::lock(&self.metadata).ready.get(&wanted) {
            return Ok(ready.clone());
        }
        let study = Arc::clone(self);
        blocking(move || {
            let json = study.make_metadata(&wanted.0, &wanted.1)?;
            let etag = blake3::hash(&json).to_hex();
            let bytes = json.len();
            let ready = MetadataJson { json: Bytes::from_owner(json), etag: format!("\"{}\"", &etag[..32]).into() };
            let mut cache = MetadataCache::lock(&study.metadata);
            if cache.bytes + bytes <= METADATA_BYTES_MAX && cache.ready.insert(wanted, ready.clone()).is_none() {
                cache.bytes += bytes;
            }
            Ok(ready)
        })
        .await
    }

    fn make_metadata(&self, of: &MetadataOf, bulk_prefix: &str) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        let one;
        let instances = match of {
            MetadataOf::Study => self.instances(),
            MetadataOf::Series(series) => self.series(series),
            MetadataOf::Instance(series, sop_instance) => {
                one = [Arc::clone(self.instance(series, sop_instance)?)];
                &one
            }
        };
        if instances.is_empty() {
            return Err(ReadError::NoSuchPart);
        }
        let chunks = match of {
            MetadataOf::Instance(..) => Vec::new(),
            MetadataOf::Study => self.chunks(None)?,
            MetadataOf::Series(series) => self.chunks(Some(series))?,
        };
        let chunked: HashMap<ObjectId, &[u8]> = chunks.iter().flat_map(MetadataChunk::instances).collect();
        let bytes: usize = instances.iter().map(|instance| instance.row.metadata_bytes as usize + 64).sum();
        let mut json = Zeroizing::new(Vec::with_capacity(bytes));
        for instance in instances {
            let separator = if json.is_empty() { b'[' } else { b',' };
            json.push(separator);
            match chunked.get(&instance.object) {
                Some(own) => self.append(instance, own, bulk_prefix, &mut json),
                // no chunk holds it: a batch that is not finished, a crash before the chunk, or one instance alone
                None => {
                    let metadata = Zeroizing::new(self.read_metadata_bytes(instance)?);
                    self.append(instance, MetadataObject::json_of(&metadata)?, bulk_prefix, &mut json);
                }
            }
        }
        json.push(b']');
        Ok(json)
    }

    fn append(&self, instance: &Instance, own: &[u8], bulk_prefix: &str, json: &mut Vec<u8>) {
        dataset::rewrite_bulk_uris(&self.as_filed(instance, own), bulk_prefix, json);
    }

    /// What an instance says of itself, with the patient that a moved study is filed under.
    fn as_filed<'o>(&self, instance: &Instance, own: &'o [u8]) -> Cow<'o, [u8]> {
        let part = self.part_of(instance);
        if part.moved {
            Cow::Owned(dataset::apply_overlay(own, &patient_attributes(&part.row.patient)))
        } else {
            Cow::Borrowed(own)
        }
    }

    /// Hands on the metadata of each instance, in no order, as a DICOM JSON Model object without BulkDataURIs to follow: one chunk is in
    /// memory at a time, however long the study is. Blocks on the disk.
    pub(crate) fn each_metadata(&self, mut each: impl FnMut(&Instance, &[u8])) -> Result<(), ReadError> {
        let mut left: HashMap<ObjectId, &Arc<Instance>> =
            self.instances().iter().map(|instance| (instance.object, instance)).collect();
        self.each_chunk(None, |chunk| {
            for (object, own) in chunk.instances() {
                if let Some(instance) = left.remove(&object) {
                    each(instance, &self.as_filed(instance, own));
                }
            }
        })?;
        for instance in left.into_values() {
            let metadata = Zeroizing::new(self.read_metadata_bytes(instance)?);
            each(instance, &self.as_filed(instance, MetadataObject::json_of(&metadata)?));
        }
        Ok(())
    }

    /// The chunks of the study, or of one series.
    fn chunks(&self, series: Option<&Uid>) -> Result<Vec<MetadataChunk>, ReadError> {
        let mut chunks = Vec::new();
        self.each_chunk(series, |chunk| chunks.push(chunk))?;
        Ok(chunks)
    }

    /// The same one by one. One that does not open is left out: its instances are read one by one.
    fn each_chunk(&self, series: Option<&Uid>, mut each: impl FnMut(MetadataChunk)) -> Result<(), ReadError> {
        self.check_lease()?;
        for part in self.parts() {
            for record in self.store().chunks_of_study(part.row.number)? {
                match self.open_chunk(part, &record, series) {
                    Ok(chunk) => chunk.into_iter().for_each(&mut each),
                    Err(error) => tracing::warn!(chunk = %record.object, %error, "a metadata chunk is not used"),
                }
            }
        }
        Ok(())
    }

    fn open_chunk(
        &self,
        part: &Part,
        record: &store::ChunkRecord,
        series: Option<&Uid>,
    ) -> Result<Option<MetadataChunk>, Box<dyn std::error::Error>> {
        let Some(key) = part.listing_key(record.key) else { return Ok(None) };
        let context = |kind| context(self.site(), record.key, record.object, kind);
        let row = ChunkRow::from_bytes(&seal::open_blob(key, context(ObjectKind::Row), &record.sealed_row)?)?;
        if series.is_some_and(|series| *series != row.series) {
            return Ok(None);
        }
        let chunk = read_blob(self.store(), &record.chunk, key, context(ObjectKind::MetadataChunk))?;
        Ok(Some(MetadataChunk::from_bytes(chunk, &row.series)?))
    }
}

/// The patient that a moved study is filed under, as an overlay.
pub(super) fn patient_attributes(row: &PatientRow) -> PatientAttributes {
    PatientAttributes {
        id: row.id.clone(),
        issuer: row.issuer.clone(),
        name: row.name.clone(),
        birth_date: row.birth_date.clone(),
        sex: row.sex.clone(),
    }
}
