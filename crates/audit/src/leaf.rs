//! What the Merkle tree holds: one leaf of fixed length for each entry.
//!
//! A leaf commits to the sealed payload, so that every changed byte is found without keys, and to the plaintext with a
//! salt, so that whoever is shown an entry's plaintext and salt can check it against the tree, and nobody can guess
//! the plaintext from the leaf.

use crate::merkle::{Hash, sha256};

/// Bytes of a leaf: version, SHA-256 of the sealed payload, commitment, length of the sealed payload.
const LEAF_BYTES: usize = 1 + 32 + 32 + 4;
/// Bytes of an erasure's leaf: the number of the erased entry and its day follow.
const ERASURE_BYTES: usize = LEAF_BYTES + 8 + 4;
/// A leaf.
const VERSION: u8 = 1;
/// A leaf that erases another entry's content.
const VERSION_ERASURE: u8 = 2;

/// One leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub payload_sha256: Hash,
    pub commitment: Hash,
    pub payload_bytes: u32,
    /// The entry whose payload may be missing because of this one. It stands in the tree, so that whoever verifies needs no key.
    pub erases: Option<Erases>,
}

/// Which entry an erasure is about, and on which day that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Erases {
    pub entry: u64,
    pub day: i32,
}

impl Leaf {
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ERASURE_BYTES);
        bytes.push(if self.erases.is_some() { VERSION_ERASURE } else { VERSION });
        bytes.extend_from_slice(&self.payload_sha256.0);
        bytes.extend_from_slice(&self.commitment.0);
        bytes.extend_from_slice(&self.payload_bytes.to_be_bytes());
        if let Some(erases) = self.erases {
            bytes.extend_from_slice(&erases.entry.to_be_bytes());
            bytes.extend_from_slice(&erases.day.to_be_bytes());
        }
        bytes
    }

    /// Reads the leaf that `bytes` begin with, and gives what follows. `None` when the version is from the future or bytes are
    /// missing.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let erasure = match *bytes.first()? {
            VERSION => false,
            VERSION_ERASURE => true,
            _ => return None,
        };
        let (bytes, behind) = bytes.split_at_checked(if erasure { ERASURE_BYTES } else { LEAF_BYTES })?;
        let hash = |from: usize| Hash(*bytes[from..].first_chunk().expect("two hashes lie inside a leaf"));
        let length = *bytes[65..].first_chunk().expect("the length follows the hashes");
        let erases = erasure.then(|| Erases {
            entry: u64::from_be_bytes(*bytes[69..].first_chunk().expect("the number follows the length")),
            day: i32::from_be_bytes(*bytes[77..].first_chunk().expect("the day ends an erasure's leaf")),
        });
        let leaf =
            Self { payload_sha256: hash(1), commitment: hash(33), payload_bytes: u32::from_be_bytes(length), erases };
        Some((leaf, behind))
    }

    pub fn hash(self) -> Hash {
        let mut behind_zero = [0; 1 + ERASURE_BYTES];
        let bytes = self.to_bytes();
        behind_zero[1..=bytes.len()].copy_from_slice(&bytes);
        sha256(&[&behind_zero[..=bytes.len()]])
    }

    /// Whether these are the sealed bytes that the leaf commits to.
    pub fn fits(&self, sealed: &[u8]) -> bool {
        sealed.len() == self.payload_bytes as usize && sha256(&[sealed]) == self.payload_sha256
    }
}

/// An entry as the bundles hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedEntry {
    pub leaf: Leaf,
    pub payload: Payload,
}

/// What lies in the place of an entry's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Sealed(Vec<u8>),
    /// Nothing any more; the entry of this number says so.
    ErasedBy(u64),
}

impl SealedEntry {
    /// The sealed bytes, while they are there.
    pub fn sealed(&self) -> Option<&[u8]> {
        match &self.payload {
            Payload::Sealed(sealed) => Some(sealed),
            Payload::ErasedBy(_) => None,
        }
    }

    /// The entry that erased this one.
    pub fn erased_by(&self) -> Option<u64> {
        match self.payload {
            Payload::Sealed(_) => None,
            Payload::ErasedBy(by) => Some(by),
        }
    }
}

/// A bundle of leaves: each with its length as 16 bits in front (C2SP tlog-tiles, entry bundles).
pub(crate) fn entry_bundle<'e>(entries: impl Iterator<Item = &'e SealedEntry>) -> Vec<u8> {
    let mut bundle = Vec::with_capacity(256 * (2 + LEAF_BYTES));
    for entry in entries {
        let leaf = entry.leaf.to_bytes();
        bundle.extend_from_slice(&(leaf.len() as u16).to_be_bytes());
        bundle.extend_from_slice(&leaf);
    }
    bundle
}

/// Reads a bundle of exactly `width` leaves; otherwise says which one cannot be read.
pub(crate) fn read_entry_bundle(bundle: &[u8], width: u64) -> Result<Vec<Leaf>, u64> {
    let mut leaves = Vec::with_capacity(width as usize);
    let mut rest = bundle;
    while !rest.is_empty() {
        let read = || {
            let (length, behind) = rest.split_first_chunk::<2>()?;
            let (leaf, behind) = behind.split_at_checked(u16::from_be_bytes(*length) as usize)?;
            let (leaf, nothing) = Leaf::read(leaf)?;
            nothing.is_empty().then_some((leaf, behind))
        };
        let (leaf, behind) = read().ok_or(leaves.len() as u64)?;
        leaves.push(leaf);
        rest = behind;
    }
    if leaves.len() as u64 == width && rest.is_empty() { Ok(leaves) } else { Err(leaves.len() as u64) }
}

/// A bundle of payloads: each with its length as 32 bits in front; for an erased one 0, and the number of the entry that says so.
pub(crate) fn payload_bundle<'e>(entries: impl Iterator<Item = &'e SealedEntry>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for entry in entries {
        match &entry.payload {
            Payload::Sealed(sealed) => {
                bundle.extend_from_slice(&entry.leaf.payload_bytes.to_be_bytes());
                bundle.extend_from_slice(sealed);
            }
            Payload::ErasedBy(by) => {
                bundle.extend_from_slice(&0_u32.to_be_bytes());
                bundle.extend_from_slice(&by.to_be_bytes());
            }
        }
    }
    bundle
}

/// Reads the payloads that `leaves` commit to; otherwise says which one does not fit. Whether an erased one may be erased is for
/// the reader to see.
pub(crate) fn read_payload_bundle(bundle: &[u8], leaves: &[Leaf]) -> Result<Vec<SealedEntry>, u64> {
    let mut rest = bundle;
    let mut entries = Vec::with_capacity(leaves.len());
    for &leaf in leaves {
        let position = entries.len() as u64;
        let (length, behind) = rest.split_first_chunk::<4>().ok_or(position)?;
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 {
            let (by, behind) = behind.split_first_chunk::<8>().ok_or(position)?;
            entries.push(SealedEntry { leaf, payload: Payload::ErasedBy(u64::from_be_bytes(*by)) });
            rest = behind;
            continue;
        }
        let (sealed, behind) = behind.split_at_checked(length).ok_or(position)?;
        if !leaf.fits(sealed) {
            return Err(position);
        }
        entries.push(SealedEntry { leaf, payload: Payload::Sealed(sealed.to_vec()) });
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
                let sealed = vec![n; 1 + n as usize * 3];
                let leaf = Leaf {
                    payload_sha256: sha256(&[&sealed]),
                    commitment: sha256(&[&[n]]),
                    payload_bytes: sealed.len() as u32,
                    erases: (n == 3).then_some(Erases { entry: 1, day: 20_000 }),
                };
                let payload = if n == 1 { Payload::ErasedBy(3) } else { Payload::Sealed(sealed) };
                SealedEntry { leaf, payload }
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
        future[2 * (2 + LEAF_BYTES) + 2] = 3;
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
            // a changed pointer is another pointer: whoever reads looks where it leads
            let read = read_payload_bundle(&changed, &leaves);
            assert!(read.is_err() || read.is_ok_and(|read| read[1].erased_by() != Some(3)), "byte {position}");
            assert!(read_payload_bundle(&whole[..position], &leaves).is_err(), "cut at {position}");
        }
        assert!(read_payload_bundle(&[&whole[..], &[0]].concat(), &leaves).is_err());
    }
}
