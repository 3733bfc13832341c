//! How many bits of a hash are kept and how they are laid out: what a filter's header says.

use thiserror::Error;

use crate::HashKind;

/// A hash that is not in the list is called known at most once in so many questions.
pub const FALSE_POSITIVES_ONE_IN: u64 = 1 << EXTRA_BITS;
/// The most hashes of one filter.
pub const HASHES_MAX: u64 = 1 << 34;

/// How many bits are kept beyond those that number the hashes: a hash that is not in the list falls on one of n of 2^(n's bits + 14)
/// places.
const EXTRA_BITS: u32 = 14;
/// The fewest bits that are kept, so that short lists are almost exact.
const KEPT_BITS_MIN: u32 = 40;
/// The most: what is written down in the first pass.
pub(crate) const KEPT_BITS_MAX: u32 = 56;
/// A bucket holds between half of this and this many hashes on average.
const BUCKET_HASHES: u64 = 256;
/// The first byte of a hash names its shard.
pub(crate) const SHARDS: usize = 256;

/// The layout of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Which hash.
    pub kind: HashKind,
    /// How many of its first bits are kept.
    pub kept_bits: u32,
    /// How many of those name the bucket.
    pub bucket_bits: u32,
    /// The low bits of a gap that are written as they are; the rest is written in unary (Rice coding).
    pub rice_bits: u32,
}

/// No filter is like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the layout in the header is none that this version reads")]
pub(crate) struct NoShape;

impl Shape {
    /// The layout for a list of so many hashes.
    #[must_use]
    pub fn for_hashes(kind: HashKind, hashes: u64) -> Self {
        let number_bits = ceil_log2(hashes.clamp(1, HASHES_MAX));
        let kept_bits = (number_bits + EXTRA_BITS).max(KEPT_BITS_MIN);
        let bucket_bits = ceil_log2(hashes.clamp(1, HASHES_MAX).div_ceil(BUCKET_HASHES)).max(SHARDS.ilog2());
        // the mean gap lies between 2^rice_bits and twice that, where Rice coding is within a thirtieth of the best possible
        let rice_bits = (kept_bits - number_bits).min(kept_bits - bucket_bits);
        Self { kind, kept_bits, bucket_bits, rice_bits }
    }

    /// From the numbers in a header.
    pub(crate) fn read(kind: u8, kept_bits: u8, bucket_bits: u8, rice_bits: u8) -> Result<Self, NoShape> {
        let kind = HashKind::of_number(kind).ok_or(NoShape)?;
        let (kept_bits, bucket_bits, rice_bits) = (u32::from(kept_bits), u32::from(bucket_bits), u32::from(rice_bits));
        let holds = (KEPT_BITS_MIN..=KEPT_BITS_MAX).contains(&kept_bits)
            && (SHARDS.ilog2()..=26).contains(&bucket_bits)
            && bucket_bits + rice_bits <= kept_bits
            && kept_bits - bucket_bits - rice_bits <= 16;
        if holds { Ok(Self { kind, kept_bits, bucket_bits, rice_bits }) } else { Err(NoShape) }
    }

    /// Bits of a hash within its bucket.
    #[must_use]
    pub fn rest_bits(&self) -> u32 {
        self.kept_bits - self.bucket_bits
    }

    /// How many buckets there are.
    #[must_use]
    pub fn buckets(&self) -> u64 {
        1 << self.bucket_bits
    }

    /// How many buckets a shard has.
    pub(crate) fn shard_buckets(&self) -> u64 {
        self.buckets() / SHARDS as u64
    }

    /// Bucket and rest of the first 64 bits of a hash.
    pub(crate) fn place(&self, hash: u64) -> (u64, u64) {
        let kept = hash >> (64 - self.kept_bits);
        (kept >> self.rest_bits(), kept & ((1 << self.rest_bits()) - 1))
    }
}

/// The smallest number of bits that number so many things.
fn ceil_log2(number: u64) -> u32 {
    number.next_power_of_two().ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_million_hashes_fit_and_short_lists_too() {
        let shape = |hashes| Shape::for_hashes(HashKind::Sha1, hashes);
        let large = shape(1_000_000_000);
        assert_eq!((large.kept_bits, large.bucket_bits, large.rice_bits), (44, 22, 14));
        for hashes in [0, 1, 255, 65_536, 65_537, 1 << 20, 100_000_000, 1_000_000_000, 2_000_000_000, HASHES_MAX] {
            let shape = shape(hashes);
            let [kept, bucket, rice] = [shape.kept_bits, shape.bucket_bits, shape.rice_bits].map(|bits| bits as u8);
            assert_eq!(Shape::read(1, kept, bucket, rice), Ok(shape), "{hashes}");
            // hashes that are not in the list and fall on a place that one of the list has
            assert!(u128::from(hashes) * u128::from(FALSE_POSITIVES_ONE_IN) <= 1 << shape.kept_bits, "{hashes}");
        }
    }

    #[test]
    fn numbers_that_no_list_gives_are_refused() {
        for numbers in
            [[0, 44, 22, 14], [3, 44, 22, 14], [1, 39, 22, 14], [1, 57, 22, 14], [1, 44, 7, 14], [1, 44, 27, 14]]
        {
            let [kind, kept, bucket, rice] = numbers;
            assert_eq!(Shape::read(kind, kept, bucket, rice), Err(NoShape), "{numbers:?}");
        }
        assert_eq!(Shape::read(1, 44, 22, 23), Err(NoShape), "more low bits than a rest has");
        assert_eq!(Shape::read(1, 56, 8, 14), Err(NoShape), "a gap of millions of bits");
    }
}
