//! One bucket: ascending numbers as gaps in Rice coding, with a count before and a checksum in front.
//!
//! A gap is what lies between a number and the one before, less one; the first number is its own gap. It is written as the gap's high
//! part in unary (so many zeros, then a one) and its `rice_bits` low bits, the lowest bit first.

use crate::Shape;

/// Checksum and count.
const HEAD_BYTES: usize = CHECKSUM_BYTES + 2;
const CHECKSUM_BYTES: usize = 4;
/// The most numbers of one bucket: more than 60 times the mean, which no list of hashes comes near.
const BUCKET_COUNT_MAX: usize = 1 << 14;
/// The longest bucket, in bytes.
pub(crate) const BUCKET_BYTES_MAX: usize = 1 << 17;

/// A bucket does not hold what it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// Writes ascending, distinct numbers. Nothing for none; `None` when they are too many for a bucket.
pub(crate) fn encode(shape: &Shape, bucket: u64, rests: &[u64], out: &mut Vec<u8>) -> Option<()> {
    if rests.is_empty() {
        return Some(());
    }
    if rests.len() > BUCKET_COUNT_MAX {
        return None;
    }
    let start = out.len();
    out.extend([0; CHECKSUM_BYTES]);
    out.extend((rests.len() as u16).to_le_bytes());
    let (mut waiting, mut held, mut next) = (0_u128, 0_u32, 0_u64);
    for rest in rests {
        let gap = rest - next;
        next = rest + 1;
        let high = (gap >> shape.rice_bits) as u32;
        let low = gap & ((1 << shape.rice_bits) - 1);
        for _ in 0..high / 32 {
            held += 32;
            held = spill(&mut waiting, held, out);
        }
        held += high % 32;
        waiting |= 1 << held;
        waiting |= u128::from(low) << (held + 1);
        held = spill(&mut waiting, held + 1 + shape.rice_bits, out);
    }
    if held > 0 {
        out.push(waiting as u8);
    }
    let checksum = checksum(bucket, &out[start + CHECKSUM_BYTES..]);
    out[start..start + CHECKSUM_BYTES].copy_from_slice(&checksum);
    (out.len() - start <= BUCKET_BYTES_MAX).then_some(())
}

/// Writes out whole bytes and says how many bits wait.
fn spill(waiting: &mut u128, mut held: u32, out: &mut Vec<u8>) -> u32 {
    while held >= 8 {
        out.push(*waiting as u8);
        *waiting >>= 8;
        held -= 8;
    }
    held
}

/// Whether a bucket holds a number.
pub(crate) fn holds(shape: &Shape, bucket: u64, bytes: &[u8], wanted: u64) -> Result<bool, Broken> {
    let mut found = false;
    each(shape, bucket, bytes, |rest| {
        found = rest == wanted;
        rest < wanted
    })?;
    Ok(found)
}

/// How many numbers a bucket holds, all of them read and nothing left over.
pub(crate) fn count(shape: &Shape, bucket: u64, bytes: &[u8]) -> Result<u64, Broken> {
    let mut count = 0;
    let read = each(shape, bucket, bytes, |_| {
        count += 1;
        true
    })?;
    let unread = bytes.len().saturating_sub(read.div_ceil(8));
    if unread == 0 { Ok(count) } else { Err(Broken) }
}

/// Gives the numbers one after the other until `more` is false. Says how many bits of the bucket were read.
fn each(shape: &Shape, bucket: u64, bytes: &[u8], mut more: impl FnMut(u64) -> bool) -> Result<usize, Broken> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let (head, codes) = bytes.split_at_checked(HEAD_BYTES).ok_or(Broken)?;
    if head[..CHECKSUM_BYTES] != checksum(bucket, &bytes[CHECKSUM_BYTES..]) {
        return Err(Broken);
    }
    let count = usize::from(u16::from_le_bytes([head[CHECKSUM_BYTES], head[CHECKSUM_BYTES + 1]]));
    let (mut at, mut next) = (0_usize, 0_u64);
    for _ in 0..count {
        let mut high = 0_u64;
        loop {
            let bits = bits_at(codes, at);
            // one byte may be cut off at the front, so 56 bits are sure
            let zeros = bits.trailing_zeros().min(56);
            high += u64::from(zeros);
            at += zeros as usize;
            if zeros < 56 {
                break;
            }
            if at >= 8 * codes.len() {
                return Err(Broken);
            }
        }
        at += 1;
        let low = bits_at(codes, at) & ((1 << shape.rice_bits) - 1);
        at += shape.rice_bits as usize;
        let rest = next + (high << shape.rice_bits) + low;
        if at > 8 * codes.len() || rest >> shape.rest_bits() != 0 {
            return Err(Broken);
        }
        next = rest + 1;
        if !more(rest) {
            break;
        }
    }
    Ok(8 * HEAD_BYTES + at)
}

/// At least 56 bits from a place on, the first one lowest; zeros past the end.
fn bits_at(bytes: &[u8], at: usize) -> u64 {
    let place = at / 8;
    let word = match bytes.get(place..).and_then(<[u8]>::first_chunk) {
        Some(word) => u64::from_le_bytes(*word),
        None => {
            let rest = bytes.get(place..).unwrap_or_default();
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            u64::from_le_bytes(word)
        }
    };
    word >> (at % 8)
}

/// The first bytes of BLAKE3 over the bucket's number and what stands behind the checksum.
fn checksum(bucket: u64, bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bucket.to_le_bytes());
    hasher.update(bytes);
    *hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HashKind;

    const SHAPE: Shape = Shape { kind: HashKind::Sha1, kept_bits: 44, bucket_bits: 22, rice_bits: 14 };

    fn encoded(rests: &[u64]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&SHAPE, 7, rests, &mut out).expect("few enough");
        out
    }

    #[test]
    fn what_is_written_is_found_and_its_neighbours_are_not() {
        let last = (1 << 22) - 1;
        for rests in [
            vec![0],
            vec![last],
            vec![0, 1, 2, last],
            vec![16_383, 16_384, 16_385],
            (0..300).map(|n| n * 13_001).collect(),
        ] {
            let bytes = encoded(&rests);
            assert_eq!(count(&SHAPE, 7, &bytes), Ok(rests.len() as u64));
            for rest in &rests {
                assert_eq!(holds(&SHAPE, 7, &bytes, *rest), Ok(true), "{rest} of {rests:?}");
                for beside in [rest.wrapping_sub(1), rest + 1] {
                    assert_eq!(holds(&SHAPE, 7, &bytes, beside), Ok(rests.contains(&beside)), "{beside} of {rests:?}");
                }
            }
        }
        assert_eq!((encoded(&[]), holds(&SHAPE, 7, &[], 3)), (Vec::new(), Ok(false)));
    }

    #[test]
    fn a_bucket_with_a_changed_bit_in_another_place_or_cut_off_is_broken() {
        let bytes = encoded(&[5, 70_000, 4_000_000]);
        for place in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[place / 8] ^= 1 << (place % 8);
            assert_eq!(holds(&SHAPE, 7, &changed, 5), Err(Broken), "bit {place}");
        }
        assert_eq!(holds(&SHAPE, 8, &bytes, 5), Err(Broken), "the bucket of another number");
        for length in 1..bytes.len() {
            assert_eq!(holds(&SHAPE, 7, &bytes[..length], 5), Err(Broken), "{length} bytes");
        }
    }

    #[test]
    fn codes_that_run_past_the_end_are_broken_also_under_a_right_checksum() {
        for (count, codes) in [(1_u16, vec![0; 4]), (2, vec![1, 0]), (300, vec![0xff; 8]), (1, vec![0; 400])] {
            let mut bytes = vec![0; CHECKSUM_BYTES];
            bytes.extend(count.to_le_bytes());
            bytes.extend(codes);
            let right = checksum(7, &bytes[CHECKSUM_BYTES..]);
            bytes[..CHECKSUM_BYTES].copy_from_slice(&right);
            assert_eq!(super::count(&SHAPE, 7, &bytes), Err(Broken), "{count}");
        }
    }
}
