//! What the Merkle tree holds: one leaf of fixed length for each entry.
//!
//! A leaf commits to the sealed payload, so that every changed byte is found without keys, and to the plaintext with a
//! salt, so that whoever is shown an entry's plaintext and salt can check it against the tree, and nobody can guess
//! the plaintext from the leaf.

use crate::merkle::{Hash, sha256};

/// Bytes of a leaf: version, SHA-256 of the sealed payload, commitment, length of the sealed payload.
pub(crate) const LEAF_BYTES: usize = 1 + 32 + 32 + 4;
/// The version written today.
const VERSION: u8 = 1;

/// One leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub payload_sha256: Hash,
    pub commitment: Hash,
    pub payload_bytes: u32,
}

impl Leaf {
    pub fn to_bytes(self) -> [u8; LEAF_BYTES] {
        let mut bytes = [0; LEAF_BYTES];
        bytes[0] = VERSION;
        bytes[1..33].copy_from_slice(&self.payload_sha256.0);
        bytes[33..65].copy_from_slice(&self.commitment.0);
        bytes[65..].copy_from_slice(&self.payload_bytes.to_be_bytes());
        bytes
    }

    /// `None` when the version is from the future or the length is another.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LEAF_BYTES] = bytes.try_into().ok()?;
        let hash = |from: usize| Hash(*bytes[from..].first_chunk().expect("two hashes lie inside a leaf"));
        let length = *bytes[65..].first_chunk().expect("the length ends a leaf");
        (bytes[0] == VERSION).then(|| Self {
            payload_sha256: hash(1),
            commitment: hash(33),
            payload_bytes: u32::from_be_bytes(length),
        })
    }

    pub fn hash(self) -> Hash {
        let mut behind_zero = [0; 1 + LEAF_BYTES];
        behind_zero[1..].copy_from_slice(&self.to_bytes());
        sha256(&[&behind_zero])
    }

    /// Whether these are the sealed bytes that the leaf commits to.
    pub fn fits(&self, sealed: &[u8]) -> bool {
        sealed.len() == self.payload_bytes as usize && sha256(&[sealed]) == self.payload_sha256
    }
}

/// An entry as the journal and the bundles hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedEntry {
    pub leaf: Leaf,
    pub sealed: Vec<u8>,
}

/// A bundle of leaves: each with its length as 16 bits in front (C2SP tlog-tiles, entry bundles).
pub(crate) fn entry_bundle<'e>(entries: impl Iterator<Item = &'e SealedEntry>) -> Vec<u8> {
    let mut bundle = Vec::with_capacity(256 * (2 + LEAF_BYTES));
    for entry in entries {
        bundle.extend_from_slice(&(LEAF_BYTES as u16).to_be_bytes());
        bundle.extend_from_slice(&entry.leaf.to_bytes());
    }
    bundle
}

/// Reads a bundle of exactly `width` leaves; otherwise says which one cannot be read.
pub(crate) fn read_entry_bundle(bundle: &[u8], width: u64) -> Result<Vec<Leaf>, u64> {
    let mut leaves = Vec::with_capacity(width as usize);
    let mut records = bundle.chunks_exact(2 + LEAF_BYTES);
    for record in &mut records {
        let (length, leaf) = record.split_first_chunk::<2>().expect("the chunk is longer than two bytes");
        let leaf = Leaf::from_bytes(leaf).filter(|_| u16::from_be_bytes(*length) as usize == LEAF_BYTES);
        leaves.push(leaf.ok_or(leaves.len() as u64)?);
    }
    if leaves.len() as u64 == width && records.remainder().is_empty() { Ok(leaves) } else { Err(leaves.len() as u64) }
}

/// A bundle of sealed payloads: each with its length as 32 bits in front.
pub(crate) fn payload_bundle<'e>(entries: impl Iterator<Item = &'e SealedEntry>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for entry in entries {
        bundle.extend_from_slice(&entry.leaf.payload_bytes.to_be_bytes());
        bundle.extend_from_slice(&entry.sealed);
    }
    bundle
}

/// Reads the payloads that `leaves` commit to; otherwise says which one does not fit.
pub(crate) fn read_payload_bundle(bundle: &[u8], leaves: &[Leaf]) -> Result<Vec<SealedEntry>, u64> {
    let mut rest = bundle;
    let mut entries = Vec::with_capacity(leaves.len());
    for &leaf in leaves {
        let position = entries.len() as u64;
        let (length, behind) = rest.split_first_chunk::<4>().ok_or(position)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (sealed, behind) = behind.split_at_checked(length).ok_or(position)?;
        if !leaf.fits(sealed) {
            return Err(position);
        }
        entries.push(SealedEntry { leaf, sealed: sealed.to_vec() });
        rest = behind;
    }
    if rest.is_empty() { Ok(entries) } else { Err(leaves.len() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: u8) -> Vec<SealedEntry> {
        (0..count)
            .map(|n| {
                let sealed = vec![n; n as usize * 3];
                let leaf = Leaf {
                    payload_sha256: sha256(&[&sealed]),
                    commitment: sha256(&[&[n]]),
                    payload_bytes: sealed.len() as u32,
                };
                SealedEntry { leaf, sealed }
            })
            .collect()
    }

    #[test]
    fn bundles_come_back_as_they_were_written() {
        for count in [0, 1, 9] {
            let entries = entries(count);
            let leaves = read_entry_bundle(&entry_bundle(entries.iter()), u64::from(count)).unwrap();
            assert_eq!(leaves, entries.iter().map(|entry| entry.leaf).collect::<Vec<_>>());
            assert_eq!(read_payload_bundle(&payload_bundle(entries.iter()), &leaves).unwrap(), entries);
        }
    }

    #[test]
    fn a_bundle_with_a_leaf_missing_too_many_or_from_the_future_is_refused() {
        let whole = entry_bundle(entries(5).iter());
        assert_eq!(read_entry_bundle(&whole, 4), Err(5));
        assert_eq!(read_entry_bundle(&whole, 6), Err(5));
        assert_eq!(read_entry_bundle(&whole[..whole.len() - 1], 5), Err(4));
        let mut future = whole.clone();
        future[2 * (2 + LEAF_BYTES) + 2] = 2;
        assert_eq!(read_entry_bundle(&future, 5), Err(2));
    }

    #[test]
    fn a_payload_bundle_with_anything_changed_is_refused() {
        let entries = entries(6);
        let leaves: Vec<Leaf> = entries.iter().map(|entry| entry.leaf).collect();
        let whole = payload_bundle(entries.iter());
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 0x10;
            assert!(read_payload_bundle(&changed, &leaves).is_err(), "byte {position}");
            assert!(read_payload_bundle(&whole[..position], &leaves).is_err(), "cut at {position}");
        }
        assert!(read_payload_bundle(&[&whole[..], &[0]].concat(), &leaves).is_err());
    }
}
