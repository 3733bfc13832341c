//! Somebody with the root and every byte of DIR: free pages, write-ahead logs, left-over files. Tries everything that looks like a key.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use model::{KeyId, ObjectId, SiteId};
use seal::{
    BatchKeys, ColdBox, ColdLock, EpochKey, HEADER_BYTES, HolderSecret, ObjectContext, ObjectKind, RootEnvelope,
    RootSecret, SealKey, Share, TAG_BYTES, open_blob,
};

use crate::site::PASSPHRASE;

/// What a thief has.
pub struct Thief {
    site: SiteId,
    root: RootSecret,
    files: Vec<Vec<u8>>,
    epochs: Vec<EpochKey>,
}

impl Thief {
    /// Takes everything below a folder, and the root.
    pub fn takes(dir: &Path) -> Self {
        let envelope = RootEnvelope::from_json(&std::fs::read(dir.join("warden/root.json")).unwrap()).unwrap();
        let root = envelope.unseal_with_passphrase(PASSPHRASE).unwrap();
        Self::with_root(dir, envelope.site().unwrap(), root)
    }

    /// Takes everything below a folder, and has a root from elsewhere.
    pub fn with_root(dir: &Path, site: SiteId, root: RootSecret) -> Self {
        let mut thief = Self { site, root, files: Vec::new(), epochs: Vec::new() };
        thief.take(dir);
        thief.epochs = thief.epoch_keys();
        thief
    }

    /// The batch keys of these names that open by any means.
    pub fn opens(&self, names: &[KeyId]) -> Vec<BatchKeys> {
        let site_key = self.root.site_secret_key();
        let mut opened: Vec<BatchKeys> = Vec::new();
        for file in &self.files {
            for at in places(file, b"LGWE") {
                let Some(wrapped) = file.get(at..at + EpochKey::WRAP_BYTES) else { continue };
                for (epoch, name) in self.epochs.iter().flat_map(|epoch| names.iter().map(move |name| (epoch, name))) {
                    opened.extend(epoch.unwrap(self.site, *name, wrapped));
                }
            }
            for at in places(file, b"LGWB") {
                let Some(wrapped) = file.get(at..at + seal::WrappedBatchKeys::BYTES) else { continue };
                opened.extend(names.iter().filter_map(|name| site_key.unwrap(self.site, *name, wrapped).ok()));
            }
        }
        opened
    }

    /// The batch keys in boxes that were kept from earlier, with these holders' secrets and any lock that is found anywhere.
    pub fn opens_boxes(&self, boxes: &[(KeyId, ColdBox)], holders: &[&HolderSecret]) -> Vec<BatchKeys> {
        let mut opened = Vec::new();
        for (name, sealed) in boxes {
            let share = |holder: &&HolderSecret| {
                holder.open_share(self.site, *name, sealed.wrapped_share(holder.public().id())?).ok()
            };
            let shares: Vec<Share> = holders.iter().filter_map(share).collect();
            let Ok(secret) = seal::combine(&shares, sealed.threshold()) else { continue };
            let locks = self.locks(*name);
            opened.extend(locks.iter().filter_map(|lock| sealed.open(&secret, lock, self.site).ok()).flatten());
        }
        opened
    }

    /// Every lock of this name anywhere, under any epoch key.
    fn locks(&self, name: KeyId) -> Vec<ColdLock> {
        let wraps = self
            .files
            .iter()
            .flat_map(|file| places(file, b"LGWE").filter_map(move |at| file.get(at..at + EpochKey::WRAP_BYTES)));
        let unwrap = |wrapped: &[u8]| {
            self.epochs.iter().find_map(|epoch| ColdLock::unwrap(epoch, self.site, name, wrapped).ok())
        };
        wraps.filter_map(unwrap).collect()
    }

    /// How many epoch keys there are.
    pub fn epochs(&self) -> usize {
        self.epochs.len()
    }

    fn take(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                self.take(&entry.path());
            } else if kind.is_file() {
                self.files.push(std::fs::read(entry.path()).unwrap());
            }
        }
    }

    /// Every sealed object anywhere that opens as an epoch key, today's form or the one of the first version.
    fn epoch_keys(&self) -> Vec<EpochKey> {
        let sealed_under = SealKey::from(self.root.derive("warden secrets v1"));
        let mut named: Vec<Vec<u8>> = (-300..300).map(|number| format!("epoch key {number}").into_bytes()).collect();
        named.push([&[3], b"epoch 1".as_slice()].concat());
        let objects: Vec<ObjectId> =
            named.iter().map(|name| ObjectId(digest(&SHA256, name).as_ref()[..16].try_into().unwrap())).collect();
        let magic =
            seal::seal_blob(&sealed_under, self.context(objects[0]), b"", &mut seal::SystemRandom)[..4].to_vec();
        let mut keys = Vec::new();
        for file in &self.files {
            for at in places(file, &magic) {
                let Some(sealed) = file.get(at..at + HEADER_BYTES + 32 + TAG_BYTES) else { continue };
                for object in &objects {
                    if let Ok(plain) = open_blob(&sealed_under, self.context(*object), sealed) {
                        keys.push(EpochKey::from_bytes(plain.as_slice().try_into().unwrap()));
                    }
                }
            }
        }
        keys
    }

    fn context(&self, object: ObjectId) -> ObjectContext {
        ObjectContext { site: self.site, key: KeyId([0; 16]), object, kind: ObjectKind::Secret }
    }
}

fn places<'a>(file: &'a [u8], magic: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    file.windows(magic.len()).enumerate().filter(move |(_, window)| *window == magic).map(|(at, _)| at)
}
