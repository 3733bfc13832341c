//! The registry's records in the database: each alone when it is written, and 256 in one sealed bundle once many were.
//!
//! A start opens every record that there is, and most of what opening costs is the same for a small object as for a large one.
//!
//! One transaction writes a bundle and removes the records that are in it now; a crash leaves all of it or nothing. A record that lies
//! loose is newer than the one in the bundle.

use std::collections::{BTreeMap, HashMap, HashSet};

use registry::Registry;
use rusqlite::Connection;

use crate::database::{Changes, Database, DatabaseError, Space, each_beginning};
use crate::pages::HELD;
use crate::secrets::Secrets;
use crate::state::Warden;

/// Records of one bundle: those whose numbers differ in the last byte only.
const RECORDS: u32 = 256;
/// A bundle is written, or written again, when so many of its records lie loose.
const LOOSE_MIN: u32 = 32;
/// Bundles that are written in one transaction, while who takes in waits.
const AT_ONCE: usize = 32;
/// Transactions in one round of keeping house.
const ROUND: usize = 64;
/// The version of a bundle.
const VERSION: u8 = 1;

const DAMAGED: DatabaseError = DatabaseError::Damaged { what: "registry bundle" };

/// A record's key without its last byte: the letter, and the number without its lowest 8 bits.
pub(crate) type BundleKey = [u8; 4];

/// How many records lie loose for each bundle. It may say more than there are: a record that was written twice counts twice.
#[derive(Default)]
pub(crate) struct Loose(HashMap<BundleKey, u32>);

impl Loose {
    fn one_more(&mut self, bundle: BundleKey) {
        *self.0.entry(bundle).or_default() += 1;
    }

    /// Bundles of which enough records lie loose and all 256 are given.
    fn ripe(&self, registry: &Registry) -> Vec<BundleKey> {
        let given = |[letter, a, b, c]: BundleKey| {
            let end = (u32::from_be_bytes([0, a, b, c]) + 1).checked_mul(RECORDS);
            let numbers = if letter == b'p' { registry.patients() } else { registry.studies() };
            end.is_some_and(|end| end <= numbers)
        };
        let ripe = self.0.iter().filter(|&(bundle, loose)| *loose >= LOOSE_MIN && given(*bundle));
        ripe.map(|(bundle, _)| *bundle).collect()
    }
}

/// The bundle that a record belongs to, and its place in it.
fn place(key: &[u8]) -> Result<(BundleKey, u8), DatabaseError> {
    match *key {
        [a, b, c, d, place] => Ok(([a, b, c, d], place)),
        _ => Err(DatabaseError::Damaged { what: "registry record" }),
    }
}

/// The records of a bundle, each with its length in front.
fn tie(records: &BTreeMap<u8, Vec<u8>>) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for record in records.values() {
        bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
        bytes.extend_from_slice(record);
    }
    bytes
}

/// Reads [`tie`] back.
fn untie(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = bytes.strip_prefix(&[VERSION])?;
    let mut records = Vec::with_capacity(RECORDS as usize);
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let (record, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        records.push(record);
        rest = behind;
    }
    (records.len() == RECORDS as usize).then_some(records)
}

impl Secrets {
    /// Reads and opens every record of the registry, and counts those that lie loose.
    pub(crate) fn each_registry_record(
        &self,
        database: &Database,
        mut each: impl FnMut(&[u8]) -> Result<(), DatabaseError>,
    ) -> Result<Loose, DatabaseError> {
        let mut loose = Loose::default();
        let mut bundled = HashSet::new();
        self.each_record(database, Space::RegistryBundle, |key, bytes| {
            let bundle = BundleKey::try_from(key).map_err(|_| DAMAGED)?;
            bundled.insert(bundle);
            let mut newer = self.loose_of(&database.connection, bundle)?;
            for (place, record) in (0..=u8::MAX).zip(untie(&bytes).ok_or(DAMAGED)?) {
                match newer.remove(&place) {
                    Some(newer) => {
                        loose.one_more(bundle);
                        each(&newer)?;
                    }
                    None => each(record)?,
                }
            }
            Ok(())
        })?;
        database.each_record(Space::Registry, |key, sealed| {
            let (bundle, _) = place(key)?;
            if bundled.contains(&bundle) {
                return Ok(());
            }
            loose.one_more(bundle);
            each(&self.open(Space::Registry, key, sealed)?)
        })?;
        Ok(loose)
    }

    /// The records of a bundle that lie loose.
    fn loose_of(&self, connection: &Connection, bundle: BundleKey) -> Result<BTreeMap<u8, Vec<u8>>, DatabaseError> {
        let mut records = BTreeMap::new();
        each_beginning(connection, Space::Registry, &bundle, |key, sealed| {
            records.insert(place(key)?.1, self.open(Space::Registry, key, sealed)?);
            Ok(())
        })?;
        Ok(records)
    }

    /// Writes a bundle with what lies loose of it, which lies loose no longer; nothing where records are missing to make one.
    fn bundle(&self, changes: &Changes<'_>, bundle: BundleKey) -> Result<(), DatabaseError> {
        let connection = &changes.transaction;
        let mut records = BTreeMap::new();
        each_beginning(connection, Space::RegistryBundle, &bundle, |key, sealed| {
            let bytes = self.open(Space::RegistryBundle, key, sealed)?;
            let old = untie(&bytes).ok_or(DAMAGED)?.into_iter().map(<[u8]>::to_vec);
            records.extend((0..=u8::MAX).zip(old));
            Ok(())
        })?;
        records.append(&mut self.loose_of(connection, bundle)?);
        if records.len() == RECORDS as usize {
            self.put(changes, Space::RegistryBundle, &bundle, &tie(&records))?;
            changes.remove_beginning(Space::Registry, &bundle)?;
        }
        Ok(())
    }
}

impl Warden {
    /// Writes registry records into a transaction.
    pub(crate) fn put_registry_records(
        &self,
        changes: &Changes<'_>,
        records: impl IntoIterator<Item = registry::Record>,
    ) -> Result<(), DatabaseError> {
        let mut loose = self.loose.lock().expect(HELD);
        for record in records {
            let key = record.key();
            self.secrets.put(changes, Space::Registry, &key, &record.to_bytes())?;
            loose.one_more(place(&key)?.0);
        }
        Ok(())
    }

    /// Writes records over those that are there: no bundle holds what they said before.
    pub(crate) fn overwrite_registry_records(
        &self,
        changes: &Changes<'_>,
        records: Vec<registry::Record>,
    ) -> Result<(), DatabaseError> {
        let keys: Vec<_> = records.iter().map(registry::Record::key).collect();
        self.put_registry_records(changes, records)?;
        keys.iter().try_for_each(|key| self.secrets.bundle(changes, place(key)?.0))
    }

    /// Bundles what lies loose, for a while.
    pub(crate) fn bundle_registry(&self) -> Result<(), DatabaseError> {
        let ripe = {
            let registry = self.registry.read().expect(HELD);
            self.loose.lock().expect(HELD).ripe(&registry)
        };
        for bundles in ripe.chunks(AT_ONCE).take(ROUND) {
            let mut database = self.database.lock().expect(HELD);
            let changes = database.begin()?;
            bundles.iter().try_for_each(|bundle| self.secrets.bundle(&changes, *bundle))?;
            changes.commit()?;
            let mut loose = self.loose.lock().expect(HELD);
            loose.0.retain(|bundle, _| !bundles.contains(bundle));
        }
        Ok(())
    }
}
