//! What the warden derives from the root, and its records sealed under it.

use std::path::Path;
use std::sync::{Mutex, RwLock};

use aws_lc_rs::{digest, hmac};
use model::{KeyId, KeyedDigest, ObjectId, SiteId};
use protocol::StoredNote;
use seal::{BatchKeys, ObjectContext, ObjectKind, RootSecret, SealKey, SiteSecretKey, SystemRandom, UnwrapError};
use zeroize::Zeroizing;

use crate::database::{Changes, Database, DatabaseError, Records, Space};
use crate::epochs::Epochs;
use crate::inherited::{self, Inherited};
use crate::pages::HELD;

/// Where an earlier version kept the one epoch key that it had.
const FIRST_EPOCH: &[u8] = b"epoch 1";

/// Keys of the running warden. Who holds them reads everything; they live in memory only while it runs.
pub(crate) struct Secrets {
    pub(crate) site: SiteId,
    pub(crate) site_key: SiteSecretKey,
    pub(crate) signing: seal::SigningKey,
    /// Changed only by who holds the database.
    pub(crate) epochs: RwLock<Epochs>,
    /// Checks that whoever changes the unseal methods holds the root.
    pub(crate) unseal_key: seal::VerifyingKey,
    records: RecordKeys,
    /// Keys of digests, one applied after the other.
    names: Vec<hmac::Key>,
    former: Mutex<Former>,
}

/// What records are sealed under.
pub(crate) struct RecordKeys {
    site: SiteId,
    registry: SealKey,
    identity: SealKey,
    secret: SealKey,
}

/// What is left of earlier roots, and the keys of theirs that the front may still have sealed to.
struct Former {
    inherited: Inherited,
    keys: Vec<SiteSecretKey>,
}

/// To which root's key the front sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealedTo {
    /// That of now.
    Now,
    /// One of before.
    Before,
}

/// Keyed digests of one instance: they tell whether it was seen and nothing else.
pub(crate) struct InstanceDigests {
    pub(crate) study: [u8; 16],
    pub(crate) name: [u8; 16],
    pub(crate) content: [u8; 16],
}

impl Secrets {
    /// Derives everything; the epoch keys come out of their folder, where `init` sealed the first. One that an earlier version kept in
    /// the database moves there.
    pub(crate) fn derive(
        root: &RootSecret,
        site: SiteId,
        warden: &Path,
        database: &mut Database,
    ) -> Result<Self, DatabaseError> {
        let inherited = Inherited::of(root, site, database)?;
        let records = RecordKeys::of(root, site);
        let secret = &records.secret;
        let mut epochs = Epochs::load(warden, root, site).map_err(DatabaseError::Epochs)?;
        if let Some(key) = read_secret(secret, site, database, FIRST_EPOCH)? {
            let key = <[u8; 32]>::try_from(key.as_slice()).map_err(|_| DatabaseError::Damaged { what: "epoch key" })?;
            epochs.adopt(1, &key).map_err(DatabaseError::Epochs)?;
            let changes = database.begin()?;
            changes.remove(Space::Secret, FIRST_EPOCH)?;
            changes.commit()?;
            database.forget_what_was_deleted()?;
        }
        epochs.newest()?;
        Ok(Self {
            site,
            site_key: root.site_secret_key(),
            signing: inherited.signing_key(),
            epochs: RwLock::new(epochs),
            unseal_key: root.unseal_signing_key().verifying_key(),
            records,
            names: digest_keys(&inherited, root),
            former: Mutex::new(Former {
                keys: inherited.wrapping.iter().map(SiteSecretKey::from_seed).collect(),
                inherited,
            }),
        })
    }

    /// What is kept of earlier roots.
    pub(crate) fn inherited(&self) -> Inherited {
        self.former.lock().expect(HELD).inherited.clone()
    }

    /// Unwraps what the front sealed; says whether to the root of now.
    pub(crate) fn unwrap_of_front(&self, key: KeyId, wrapped: &[u8]) -> Result<(BatchKeys, SealedTo), UnwrapError> {
        let error = match self.site_key.unwrap(self.site, key, wrapped) {
            Ok(keys) => return Ok((keys, SealedTo::Now)),
            Err(error) => error,
        };
        let former = self.former.lock().expect(HELD);
        let opened = former.keys.iter().find_map(|before| before.unwrap(self.site, key, wrapped).ok());
        opened.map(|keys| (keys, SealedTo::Before)).ok_or(error)
    }

    /// Writes, within the transaction that takes in the first of what was sealed to the root of now, that keys of before are needed no
    /// more: the outbox is one chain, and a front takes the key of now when it starts. Says whether there was any;
    /// [`Secrets::forget_former`] follows the commit.
    pub(crate) fn put_without_former(&self, changes: &Changes<'_>) -> Result<bool, DatabaseError> {
        let former = self.former.lock().expect(HELD);
        if former.inherited.wrapping.is_empty() {
            return Ok(false);
        }
        let mut without = former.inherited.clone();
        without.wrapping.clear();
        self.put(changes, Space::Secret, inherited::RECORD, &without.to_bytes())?;
        Ok(true)
    }

    /// Forgets the keys of before in memory.
    pub(crate) fn forget_former(&self) {
        let mut former = self.former.lock().expect(HELD);
        former.inherited.wrapping.clear();
        former.keys.clear();
    }

    /// Wraps batch keys for the keyring under the newest epoch. Whoever calls it holds the database, or the epoch may end before the
    /// wrap is written.
    pub(crate) fn wrap(&self, keys: &BatchKeys) -> Result<(i64, Vec<u8>), DatabaseError> {
        let epochs = self.epochs.read().expect(HELD);
        let (epoch, key) = epochs.newest()?;
        Ok((epoch, key.wrap(keys, self.site, &mut SystemRandom)))
    }

    /// Unwraps batch keys of the keyring.
    pub(crate) fn unwrap(&self, key: KeyId, epoch: i64, wrapped: &[u8]) -> Result<BatchKeys, DatabaseError> {
        let epochs = self.epochs.read().expect(HELD);
        epochs.key(epoch)?.unwrap(self.site, key, wrapped).map_err(|_| DatabaseError::Damaged { what: "wrapped key" })
    }

    /// Digests of an instance within its study; a study is (StudyInstanceUID, patient as the data set says).
    pub(crate) fn digests(&self, note: &StoredNote) -> InstanceDigests {
        let (first, later) = self.names.split_first().expect("each root has one");
        let digest = |parts: &[&[u8]]| -> [u8; 16] {
            let mut context = hmac::Context::with_key(first);
            for part in parts {
                context.update(&(part.len() as u64).to_be_bytes());
                context.update(part);
            }
            context.sign().as_ref()[..16].try_into().expect("HMAC-SHA256 has 32 bytes")
        };
        // what the database holds; the study's digest is in it, and stays as the first root of the site has it
        let kept = |digest: [u8; 16]| later.iter().fold(digest, digest_again);
        let (patient, study) = (&note.patient, note.study.uid.as_str().as_bytes());
        let study = digest(&[b"study", study, patient.issuer.as_bytes(), patient.id.as_bytes()]);
        InstanceDigests {
            study,
            name: kept(digest(&[b"name", &study, note.instance.uid.as_str().as_bytes()])),
            content: kept(digest(&[b"content", &note.content])),
        }
    }

    /// A keyed digest of parts of something that the ledger tells apart and does not hold. The key is that of the first root of the
    /// site: what an entry says stays as it is when another root comes.
    pub(crate) fn digest_of(&self, parts: &[&[u8]]) -> KeyedDigest {
        let mut context = hmac::Context::with_key(self.names.first().expect("each root has one"));
        context.update(b"ledger digest v1");
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        KeyedDigest(context.sign().as_ref()[..16].try_into().expect("HMAC-SHA256 has 32 bytes"))
    }

    /// Seals and writes a record.
    pub(crate) fn put(
        &self,
        changes: &Changes<'_>,
        space: Space,
        key: &[u8],
        plain: &[u8],
    ) -> Result<(), DatabaseError> {
        self.records.put(changes, space, key, plain)
    }

    /// Reads and opens every record of a space.
    pub(crate) fn records(&self, database: &Database, space: Space) -> Result<Records, DatabaseError> {
        let mut records = Records::new();
        self.each_record(database, space, |key, plain| {
            records.push((key.to_owned(), plain));
            Ok(())
        })?;
        Ok(records)
    }

    /// The same one after the other, without having all of them in memory.
    pub(crate) fn each_record(
        &self,
        database: &Database,
        space: Space,
        mut each: impl FnMut(&[u8], Vec<u8>) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        database.each_record(space, |key, sealed| each(key, self.open(space, key, sealed)?))
    }

    /// SHA-256 over every record of a space but what is kept of earlier roots: of the same records it is the same under every root.
    pub(crate) fn digest_of_records(&self, database: &Database, space: Space) -> Result<[u8; 32], DatabaseError> {
        let mut context = digest::Context::new(&digest::SHA256);
        self.each_record(database, space, |key, plain| {
            let plain = Zeroizing::new(plain);
            for part in [key, plain.as_slice()].into_iter().filter(|_| key != inherited::RECORD) {
                context.update(&(part.len() as u64).to_be_bytes());
                context.update(part);
            }
            Ok(())
        })?;
        Ok(context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// Opens a record.
    pub(crate) fn open(&self, space: Space, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, DatabaseError> {
        let (seal_key, kind) = self.records.key_of(space);
        seal::open_blob(seal_key, context(self.site, kind, space, key), sealed)
            .map_err(|_| DatabaseError::Damaged { what: "record" })
    }
}

impl RecordKeys {
    /// Of a root.
    pub(crate) fn of(root: &RootSecret, site: SiteId) -> Self {
        Self {
            site,
            registry: SealKey::from(root.derive("registry records v1")),
            identity: SealKey::from(root.derive("identity records v1")),
            secret: SealKey::from(root.derive("warden secrets v1")),
        }
    }

    /// Seals and writes a record.
    pub(crate) fn put(
        &self,
        changes: &Changes<'_>,
        space: Space,
        key: &[u8],
        plain: &[u8],
    ) -> Result<(), DatabaseError> {
        let (seal_key, kind) = self.key_of(space);
        let sealed = seal::seal_blob(seal_key, context(self.site, kind, space, key), plain, &mut SystemRandom);
        changes.put(space, key, &sealed)
    }

    fn key_of(&self, space: Space) -> (&SealKey, ObjectKind) {
        match space {
            Space::Registry | Space::RegistryBundle => (&self.registry, ObjectKind::Registry),
            Space::Identity | Space::Pending => (&self.identity, ObjectKind::Person),
            Space::Holder | Space::Proposed | Space::KeptOrder | Space::KeptMessage | Space::Link => {
                (&self.identity, ObjectKind::Secret)
            }
            Space::Secret => (&self.secret, ObjectKind::Secret),
        }
    }
}

fn digest_keys(inherited: &Inherited, root: &RootSecret) -> Vec<hmac::Key> {
    let key = |secret: &seal::Secret32| hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    inherited.digests.iter().map(key).chain([key(&root.derive("instance digests v1"))]).collect()
}

/// The digest that a later root has of what earlier ones had a digest of.
fn digest_again(digest: [u8; 16], key: &hmac::Key) -> [u8; 16] {
    hmac::sign(key, &digest).as_ref()[..16].try_into().expect("HMAC-SHA256 has 32 bytes")
}

/// What the warden of another root seals with, for whoever makes its database.
pub(crate) struct NextRoot<'a> {
    pub(crate) records: RecordKeys,
    digests: hmac::Key,
    before: &'a Secrets,
}

impl<'a> NextRoot<'a> {
    /// Of a root that is to take the place of that of `before`.
    pub(crate) fn of(root: &RootSecret, before: &'a Secrets) -> Self {
        let digests = hmac::Key::new(hmac::HMAC_SHA256, root.derive("instance digests v1").expose());
        Self { records: RecordKeys::of(root, before.site), digests, before }
    }

    /// Seals every record of a space again; says how many.
    pub(crate) fn seal_again(&self, old: &Database, space: Space, changes: &Changes<'_>) -> Result<u64, DatabaseError> {
        let mut records = 0;
        self.before.each_record(old, space, |key, plain| {
            records += 1;
            self.records.put(changes, space, key, &Zeroizing::new(plain))
        })?;
        Ok(records)
    }

    /// The digest that stands in the place of one of before.
    pub(crate) fn digest(&self, before: [u8; 16]) -> [u8; 16] {
        digest_again(before, &self.digests)
    }
}

/// Reads a secret of the installation.
pub(crate) fn read_secret(
    key: &SealKey,
    site: SiteId,
    database: &Database,
    name: &[u8],
) -> Result<Option<Vec<u8>>, DatabaseError> {
    let records = database.records(Space::Secret)?;
    let Some((_, sealed)) = records.into_iter().find(|(found, _)| found == name) else { return Ok(None) };
    seal::open_blob(key, context(site, ObjectKind::Secret, Space::Secret, name), &sealed)
        .map(Some)
        .map_err(|_| DatabaseError::Damaged { what: "secret" })
}

/// A record is bound to its place, so that no record passes for another.
fn context(site: SiteId, kind: ObjectKind, space: Space, key: &[u8]) -> ObjectContext {
    let mut named = vec![space as u8];
    named.extend_from_slice(key);
    let name = digest::digest(&digest::SHA256, &named);
    let object = ObjectId(name.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes"));
    ObjectContext { site, key: KeyId([0; 16]), object, kind }
}
