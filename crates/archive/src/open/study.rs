//! An open study: its keys and its instances, in memory, for the length of a lease.

use std::{
    cmp::Ordering,
    collections::HashMap,
    sync::{Arc, Mutex},
};

use model::{Instant, KeyId, ObjectId, SiteId, StudyNumber, Uid};
use protocol::{Credential, OpenReply, Refusal, ReleasedStudy, Scope, StudyRow};
use seal::{ObjectKind, SealKey};
use store::{Place, Placement, RowRecord, Store};
use zeroize::Zeroize;

use super::{Reader, metadata::MetadataCache, sealed::context};
use crate::{InstanceRow, ReadError};

/// A study that the warden released to one credential until its lease ends.
///
/// Two patients' studies may carry one Study Instance UID; those in the credential's reach are here together, and each
/// instance says which it belongs to.
pub struct OpenStudy {
    reader: Reader,
    credential: Credential,
    uid: Uid,
    scope: Scope,
    lease_until: Instant,
    leases_ended: u64,
    parts: Vec<Part>,
    /// Sorted by series, instance number, SOP Instance UID.
    instances: Vec<Arc<Instance>>,
    /// Other bytes under a SOP Instance UID that is in `instances`.
    versions: Vec<Arc<Instance>>,
    by_sop_instance: HashMap<Uid, usize>,
    pub(super) metadata: Mutex<MetadataCache>,
}

/// One released study.
pub(super) struct Part {
    pub(super) row: StudyRow,
    /// Whether patient attributes are replaced on output.
    pub(super) moved: bool,
    keys: HashMap<KeyId, Keys>,
}

struct Keys {
    data: Option<SealKey>,
    listing: SealKey,
}

/// One instance of an open study.
pub struct Instance {
    /// What it is.
    pub row: InstanceRow,
    /// Its sealed object.
    pub object: ObjectId,
    pub(super) part: usize,
    pub(super) key: KeyId,
    pub(super) stored: Place,
    pub(super) metadata: Place,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Instance({})", self.object)
    }
}

impl OpenStudy {
    /// The rows of the released studies, usually one. Their patient attributes hold where they differ from what the data
    /// sets say.
    pub fn rows(&self) -> impl Iterator<Item = &StudyRow> {
        self.parts.iter().map(|part| &part.row)
    }

    /// The row of the study that an instance belongs to.
    #[must_use]
    pub fn row_of(&self, instance: &Instance) -> &StudyRow {
        &self.parts[instance.part].row
    }

    /// (0020,000D)
    #[must_use]
    pub fn uid(&self) -> &Uid {
        &self.uid
    }

    /// When the keys must be forgotten.
    #[must_use]
    pub fn lease_until(&self) -> Instant {
        self.lease_until
    }

    /// What of the study was released.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Every instance, by series, instance number and SOP Instance UID. Of conflicting versions the first one taken in.
    #[must_use]
    pub fn instances(&self) -> &[Arc<Instance>] {
        &self.instances
    }

    /// Versions that conflict with one of [`OpenStudy::instances`]: other bytes under the same SOP Instance UID.
    #[must_use]
    pub fn versions(&self) -> &[Arc<Instance>] {
        &self.versions
    }

    /// The instances of one series; none when there is no such series.
    #[must_use]
    pub fn series(&self, series: &Uid) -> &[Arc<Instance>] {
        let from = self.instances.partition_point(|instance| instance.row.series < *series);
        let to = self.instances.partition_point(|instance| instance.row.series <= *series);
        &self.instances[from..to]
    }

    /// One instance.
    pub fn instance(&self, series: &Uid, sop_instance: &Uid) -> Result<&Arc<Instance>, ReadError> {
        self.by_sop_instance
            .get(sop_instance)
            .map(|&index| &self.instances[index])
            .filter(|instance| instance.row.series == *series)
            .ok_or(ReadError::NoSuchPart)
    }

    /// The numbers of the released studies.
    pub(super) fn numbers(&self) -> impl Iterator<Item = StudyNumber> {
        self.parts.iter().map(|part| part.row.number)
    }

    /// Whether this may still be used at `now`.
    pub(super) fn runs(&self, now: Instant, leases_ended: u64) -> bool {
        // a download that began goes on: it cannot ask again, and its entry counts the whole of it
        now < self.lease_until && (leases_ended == self.leases_ended || self.scope == Scope::Download)
    }

    /// About how much memory this takes.
    pub(super) fn bytes(&self) -> usize {
        (self.instances.len() + self.versions.len()) * 1024 + MetadataCache::lock(&self.metadata).bytes()
    }

    /// The same study, asked for again when its lease ended.
    pub(super) async fn renewed(self: &Arc<Self>) -> Result<Arc<Self>, ReadError> {
        if self.check_lease().is_ok() {
            return Ok(Arc::clone(self));
        }
        if self.scope == Scope::Download {
            return Err(ReadError::LeaseEnded);
        }
        self.reader.open(&self.credential, &self.uid, self.scope).await
    }

    /// How long the lease lasts from now on.
    pub(crate) fn lease_left(&self) -> std::time::Duration {
        let left = self.lease_until.0.saturating_sub(self.reader.inner().clock.now().0);
        std::time::Duration::from_micros(u64::try_from(left).unwrap_or(0))
    }

    pub(super) fn check_lease(&self) -> Result<(), ReadError> {
        let inner = self.reader.inner();
        if self.runs(inner.clock.now(), inner.link.leases_ended()) { Ok(()) } else { Err(ReadError::LeaseEnded) }
    }

    pub(super) fn store(&self) -> &Store {
        &self.reader.inner().store
    }

    pub(super) fn site(&self) -> SiteId {
        self.reader.inner().link.site().id
    }

    pub(super) fn part_of(&self, instance: &Instance) -> &Part {
        &self.parts[instance.part]
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The key that opens pixels of an instance.
    pub(super) fn data_key(&self, instance: &Instance) -> Result<&SealKey, ReadError> {
        self.check_lease()?;
        self.keys_of(instance).data.as_ref().ok_or(ReadError::ListingOnly)
    }

    /// The key that opens metadata of an instance.
    pub(super) fn listing_key(&self, instance: &Instance) -> Result<&SealKey, ReadError> {
        self.check_lease()?;
        Ok(&self.keys_of(instance).listing)
    }

    fn keys_of(&self, instance: &Instance) -> &Keys {
        self.parts[instance.part].keys.get(&instance.key).expect("an instance is built only with its keys")
    }

    /// Opens the rows of what was released. Blocks on the disk.
    pub(super) fn build(
        reader: &Reader,
        credential: Credential,
        uid: Uid,
        scope: Scope,
        leases_ended: u64,
        reply: OpenReply,
    ) -> Result<Self, ReadError> {
        let inner = reader.inner();
        let lease_until = reply.studies.iter().map(|study| study.lease_until).min().ok_or(Refusal::NotFound)?;
        let mut parts = Vec::with_capacity(reply.studies.len());
        let (mut instances, mut versions) = (Vec::new(), Vec::new());
        for released in reply.studies {
            let part = Part::of(released);
            let rows = inner.store.rows_of_study(part.row.number)?;
            for (conflict, instance) in part.open_rows(parts.len(), inner.link.site().id, rows) {
                if conflict { &mut versions } else { &mut instances }.push(Arc::new(instance));
            }
            parts.push(part);
        }
        instances.sort_by(|a, b| by_place_in_study(&a.row, &b.row));
        let mut by_sop_instance = HashMap::with_capacity(instances.len());
        for (index, instance) in instances.iter().enumerate() {
            by_sop_instance.entry(instance.row.sop_instance.clone()).or_insert(index);
        }
        Ok(Self {
            reader: reader.clone(),
            credential,
            uid,
            scope,
            lease_until,
            leases_ended,
            parts,
            instances,
            versions,
            by_sop_instance,
            metadata: Mutex::default(),
        })
    }
}

impl std::fmt::Debug for OpenStudy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenStudy").field("instances", &self.instances.len()).finish_non_exhaustive()
    }
}

impl Part {
    pub(super) fn of(mut released: ReleasedStudy) -> Self {
        let keys = released.keys.iter_mut().map(|released| {
            let keys = Keys {
                data: released.data_key.as_ref().map(SealKey::from_bytes),
                listing: SealKey::from_bytes(&released.listing_key),
            };
            released.data_key.zeroize();
            released.listing_key.zeroize();
            (released.key, keys)
        });
        let keys = keys.collect();
        Self { row: released.row, moved: released.moved, keys }
    }

    pub(super) fn listing_key(&self, key: KeyId) -> Option<&SealKey> {
        self.keys.get(&key).map(|keys| &keys.listing)
    }

    /// Opens rows; each with whether it conflicts with another version. One that does not open is left out and named in
    /// the log: a damaged row must not hide a whole study.
    pub(super) fn open_rows(
        &self,
        part: usize,
        site: SiteId,
        rows: Vec<RowRecord>,
    ) -> impl Iterator<Item = (bool, Instance)> {
        rows.into_iter().filter_map(move |record| {
            let conflict = match record.placement {
                Some(Placement::Study(_)) => false,
                Some(Placement::Conflict(_)) => true,
                Some(Placement::Duplicate | Placement::Unreadable) | None => return None,
            };
            // a batch that was filed after the keys were released is not part of this lease
            let key = self.listing_key(record.key)?;
            match open_row(site, key, &record) {
                Ok(row) => Some((
                    conflict,
                    Instance {
                        row,
                        object: record.object,
                        part,
                        key: record.key,
                        stored: record.instance,
                        metadata: record.metadata,
                    },
                )),
                Err(error) => {
                    tracing::error!(object = %record.object, %error, "an instance row does not open");
                    None
                }
            }
        })
    }
}

fn open_row(site: SiteId, key: &SealKey, record: &RowRecord) -> Result<InstanceRow, ReadError> {
    let context = context(site, record.key, record.object, ObjectKind::Row);
    Ok(InstanceRow::from_bytes(&seal::open_blob(key, context, &record.sealed_row)?)?)
}

/// By series, instance number (those without a number last), SOP Instance UID.
fn by_place_in_study(a: &InstanceRow, b: &InstanceRow) -> Ordering {
    let number = |row: &InstanceRow| row.instance_number.trim().parse::<i64>().unwrap_or(i64::MAX);
    a.series.cmp(&b.series).then_with(|| number(a).cmp(&number(b))).then_with(|| a.sop_instance.cmp(&b.sop_instance))
}
