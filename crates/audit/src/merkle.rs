//! The Merkle tree of RFC 6962 section 2.1: hashes, roots, and the proofs of sections 2.1.1 and 2.1.2.
//!
//! Proofs are checked by the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2, which are written apart from the
//! recursive definitions that make them.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest};
use thiserror::Error;

/// A SHA-256 value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// SHA-256 of the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    if let [whole] = parts {
        return Hash(digest(&SHA256, whole).as_ref().try_into().expect("SHA-256 gives 32 bytes"));
    }
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    Hash(context.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes"))
}

/// The hash of a leaf (RFC 6962 section 2.1).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0], leaf])
}

/// The hash of an inner node (RFC 6962 section 2.1).
#[must_use]
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    let mut joined = [1; 65];
    joined[1..33].copy_from_slice(&left.0);
    joined[33..].copy_from_slice(&right.0);
    sha256(&[&joined])
}

/// The root of leaf or subtree hashes that stand side by side.
pub(crate) fn root_of(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    hashes.iter().for_each(|&hash| frontier.push(hash));
    frontier.root()
}

/// The complete subtrees that a growing tree consists of, largest first: one for each bit of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Appends `1 << level` leaves by the root over them; the size is a multiple of that.
    pub(crate) fn push_subtree(&mut self, level: u32, root: Hash) {
        debug_assert!(self.size.trailing_zeros() >= level, "a subtree begins at a multiple of its size");
        let mut hash = root;
        for _ in 0..(self.size >> level).trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for each bit of the size");
            hash = node_hash(left, hash);
        }
        self.peaks.push(hash);
        self.size += 1 << level;
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => sha256(&[]),
            Some(&last) => peaks.fold(last, |right, &left| node_hash(left, right)),
        }
    }

    /// The frontier of a tree of `size` leaves whose complete subtrees `node` gives.
    pub(crate) fn load<E>(size: u64, mut node: impl FnMut(Node) -> Result<Hash, E>) -> Result<Self, E> {
        let mut peaks = Vec::new();
        let mut start = 0;
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            peaks.push(node(Node { level, index: start >> level })?);
            start += 1 << level;
        }
        Ok(Self { size, peaks })
    }
}

/// A complete subtree: the leaves from `index << level` on, `1 << level` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub level: u32,
    pub index: u64,
}

/// That an entry is in a tree (RFC 6962 section 2.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The entry.
    pub number: u64,
    /// Size of the tree.
    pub size: u64,
    /// Hashes, from the leaf upwards.
    pub path: Vec<Hash>,
}

/// That a tree is the beginning of another (RFC 6962 section 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Size of the older tree.
    pub old_size: u64,
    /// Size of the newer tree.
    pub new_size: u64,
    /// Hashes.
    pub path: Vec<Hash>,
}

/// A proof does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the proof does not fit; the entry or the older tree is not part of this ledger")]
pub struct InvalidProof;

impl InclusionProof {
    /// Makes the proof from the tree's complete subtrees.
    pub(crate) fn build<E>(number: u64, size: u64, node: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Self, E> {
        let mut path = Vec::new();
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let split = start + split_of(end - start);
            if number < split {
                path.push(range_root(split, end, node)?);
                end = split;
            } else {
                path.push(range_root(start, split, node)?);
                start = split;
            }
        }
        path.reverse();
        Ok(Self { number, size, path })
    }

    /// Checks that `leaf` is in the tree of `root` (RFC 9162 section 2.1.3.2).
    pub fn check(&self, leaf: Hash, root: Hash) -> Result<(), InvalidProof> {
        if self.number >= self.size {
            return Err(InvalidProof);
        }
        let (mut fn_, mut sn) = (self.number, self.size - 1);
        let mut hash = leaf;
        for &sibling in &self.path {
            if sn == 0 {
                return Err(InvalidProof);
            }
            if fn_ & 1 == 1 || fn_ == sn {
                hash = node_hash(sibling, hash);
                while fn_ & 1 == 0 && fn_ != 0 {
                    fn_ >>= 1;
                    sn >>= 1;
                }
            } else {
                hash = node_hash(hash, sibling);
            }
            fn_ >>= 1;
            sn >>= 1;
        }
        if sn == 0 && hash == root { Ok(()) } else { Err(InvalidProof) }
    }
}

impl ConsistencyProof {
    /// Makes the proof from the newer tree's complete subtrees; `0 < old_size <= new_size`, or it is empty.
    pub(crate) fn build<E>(
        old_size: u64,
        new_size: u64,
        node: &mut impl FnMut(Node) -> Result<Hash, E>,
    ) -> Result<Self, E> {
        let mut path = Vec::new();
        if old_size > 0 && old_size < new_size {
            let (mut start, mut end, mut whole) = (0, new_size, true);
            // SUBPROOF of RFC 6962 section 2.1.2, read from its outermost call inwards
            while old_size != end {
                let split = start + split_of(end - start);
                if old_size <= split {
                    path.push(range_root(split, end, node)?);
                    end = split;
                } else {
                    path.push(range_root(start, split, node)?);
                    start = split;
                    whole = false;
                }
            }
            if !whole {
                path.push(range_root(start, end, node)?);
            }
            path.reverse();
        }
        Ok(Self { old_size, new_size, path })
    }

    /// Checks that the tree of `old_root` is the beginning of the tree of `new_root` (RFC 9162 section 2.1.4.2).
    pub fn check(&self, old_root: Hash, new_root: Hash) -> Result<(), InvalidProof> {
        let fits = |yes: bool| if yes { Ok(()) } else { Err(InvalidProof) };
        if self.old_size > self.new_size {
            return Err(InvalidProof);
        }
        if self.old_size == self.new_size {
            return fits(self.path.is_empty() && old_root == new_root);
        }
        if self.old_size == 0 {
            return fits(self.path.is_empty() && old_root == sha256(&[]));
        }
        let mut path = self.path.iter().copied();
        let first = if self.old_size.is_power_of_two() { Some(old_root) } else { path.next() };
        let first = first.ok_or(InvalidProof)?;
        let (mut fn_, mut sn) = (self.old_size - 1, self.new_size - 1);
        while fn_ & 1 == 1 {
            fn_ >>= 1;
            sn >>= 1;
        }
        let (mut old, mut new) = (first, first);
        for sibling in path {
            if sn == 0 {
                return Err(InvalidProof);
            }
            if fn_ & 1 == 1 || fn_ == sn {
                old = node_hash(sibling, old);
                new = node_hash(sibling, new);
                while fn_ & 1 == 0 && fn_ != 0 {
                    fn_ >>= 1;
                    sn >>= 1;
                }
            } else {
                new = node_hash(new, sibling);
            }
            fn_ >>= 1;
            sn >>= 1;
        }
        fits(sn == 0 && old == old_root && new == new_root)
    }
}

/// The largest power of two below `leaves`, which is at least 2.
fn split_of(leaves: u64) -> u64 {
    1 << (u64::BITS - 1 - (leaves - 1).leading_zeros())
}

/// The root over the leaves `start..end`, where `start` is a multiple of the power of two at or above `end - start`.
fn range_root<E>(start: u64, end: u64, node: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    let leaves = end - start;
    if leaves.is_power_of_two() {
        let level = leaves.trailing_zeros();
        return node(Node { level, index: start >> level });
    }
    let split = start + split_of(leaves);
    let left = range_root(start, split, node)?;
    Ok(node_hash(left, range_root(split, end, node)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MTH of RFC 6962 section 2.1, word by word.
    fn mth(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [leaf] => leaf_hash(leaf),
            _ => {
                let (left, right) = leaves.split_at(split_of(leaves.len() as u64) as usize);
                node_hash(mth(left), mth(right))
            }
        }
    }

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| format!("leaf {n}").into_bytes()).collect()
    }

    fn node_of(leaves: &[Vec<u8>]) -> impl FnMut(Node) -> Result<Hash, std::convert::Infallible> {
        |node| Ok(mth(&leaves[(node.index << node.level) as usize..((node.index + 1) << node.level) as usize]))
    }

    #[test]
    fn the_roots_of_the_published_test_vectors_come_out() {
        // the eight leaves that certificate transparency implementations share as test data
        let leaves: Vec<Vec<u8>> = [
            &[][..],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ]
        .map(<[u8]>::to_vec)
        .to_vec();
        let check = |size: usize, expected: &str| {
            let hashes: Vec<Hash> = leaves[..size].iter().map(|leaf| leaf_hash(leaf)).collect();
            assert_eq!(root_of(&hashes).to_string(), expected, "{size}");
        };
        check(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        check(1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        check(2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
        check(7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c");
        check(8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn a_growing_tree_has_the_root_of_the_definition() {
        let leaves = leaves(130);
        let mut frontier = Frontier::default();
        for size in 0..=leaves.len() {
            assert_eq!(frontier.root(), mth(&leaves[..size]), "{size}");
            assert_eq!(Frontier::load(size as u64, node_of(&leaves)), Ok(frontier.clone()), "{size}");
            if let Some(leaf) = leaves.get(size) {
                frontier.push(leaf_hash(leaf));
            }
        }
    }

    #[test]
    fn every_entry_is_proved_and_no_other() {
        let leaves = leaves(40);
        for size in 1..=leaves.len() {
            let root = mth(&leaves[..size]);
            for number in 0..size {
                let Ok(proof) = InclusionProof::build(number as u64, size as u64, &mut node_of(&leaves));
                for (other, leaf) in leaves.iter().enumerate() {
                    assert_eq!(proof.check(leaf_hash(leaf), root).is_ok(), other == number, "{number} of {size}");
                }
                let elsewhere = InclusionProof { size: size as u64 + 1, ..proof.clone() };
                assert!(
                    elsewhere.check(leaf_hash(&leaves[number]), mth(&leaves[..size.min(39) + 1])).is_err()
                        || size == 40
                );
                for cut in 0..proof.path.len() {
                    let mut short = proof.clone();
                    short.path.remove(cut);
                    assert!(short.check(leaf_hash(&leaves[number]), root).is_err(), "{number} of {size} without {cut}");
                }
            }
        }
    }

    #[test]
    fn every_beginning_is_proved_and_no_fork() {
        let leaves = leaves(40);
        let mut forked = leaves.clone();
        for new in 0..=leaves.len() {
            for old in 0..=new {
                let Ok(proof) = ConsistencyProof::build(old as u64, new as u64, &mut node_of(&leaves));
                let (old_root, new_root) = (mth(&leaves[..old]), mth(&leaves[..new]));
                assert_eq!(proof.check(old_root, new_root), Ok(()), "{old} of {new}");
                if old > 0 {
                    forked[old - 1] = b"another".to_vec();
                    assert!(proof.check(mth(&forked[..old]), new_root).is_err(), "{old} of {new}");
                    assert!(proof.check(old_root, mth(&forked[..new])).is_err(), "{old} of {new}");
                    forked[old - 1] = leaves[old - 1].clone();
                }
                let mut long = proof.clone();
                long.path.push(new_root);
                assert!(long.check(old_root, new_root).is_err(), "{old} of {new}");
            }
        }
    }
}
