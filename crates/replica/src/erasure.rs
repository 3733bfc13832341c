//! Whether a bundle of the ledger's payloads changed by erasures alone (`docs/formats/ledger.md`).
//!
//! A vault never takes a tile or bundle anew that it holds already, so that damage at the source stays there. The one change that
//! it follows: payloads that are gone, each with the number of a later entry whose leaf in the tree says that it erases this one.
//! Whether those leaves are signed for is what `leadglass ledger verify` shows, on the vault's copy too.

use std::path::Path;

/// Bytes of an erasure's leaf, its version, and where the erased entry's number stands in it.
const LEAF_BYTES: usize = 81;
const LEAF_VERSION: u8 = 2;
const ERASES_AT: usize = 69;
/// Entries in a bundle.
const WIDTH: u64 = 256;

/// Whether `new` is `old` but for erased payloads. `leaves` gives the bundle of leaves that holds an entry, by the number of its
/// first entry.
pub(crate) fn only_erased(name: &Path, old: &[u8], new: &[u8], mut leaves: impl FnMut(u64) -> Option<Vec<u8>>) -> bool {
    let Some(first) = first_entry(name) else { return false };
    let (Some(old), Some(new)) = (records(old), records(new)) else { return false };
    let mut follows = |number: u64, old: &Record<'_>, new: &Record<'_>| match new {
        _ if old == new => true,
        Record::Erased(by) => {
            *by > number && leaves(by / WIDTH * WIDTH).is_some_and(|leaves| erases(&leaves, by % WIDTH) == Some(number))
        }
        Record::Sealed(_) => false,
    };
    old.len() == new.len() && (first..).zip(old.iter().zip(&new)).all(|(number, (old, new))| follows(number, old, new))
}

/// Whether a path inside the ledger's folder is a bundle of payloads.
pub(crate) fn is_payload(path: &Path) -> bool {
    path.starts_with("payload")
}

#[derive(PartialEq, Eq)]
enum Record<'r> {
    Sealed(&'r [u8]),
    Erased(u64),
}

fn records(bundle: &[u8]) -> Option<Vec<Record<'_>>> {
    let (mut rest, mut records) = (bundle, Vec::new());
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 {
            let (by, behind) = behind.split_first_chunk::<8>()?;
            records.push(Record::Erased(u64::from_be_bytes(*by)));
            rest = behind;
        } else {
            let (sealed, behind) = behind.split_at_checked(length)?;
            records.push(Record::Sealed(sealed));
            rest = behind;
        }
    }
    Some(records)
}

/// What the leaf at a position of a bundle says that it erases.
fn erases(leaves: &[u8], position: u64) -> Option<u64> {
    let mut rest = leaves;
    for _ in 0..position {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        rest = behind.split_at_checked(u16::from_be_bytes(*length) as usize)?.1;
    }
    let (length, behind) = rest.split_first_chunk::<2>()?;
    let leaf = behind.get(..u16::from_be_bytes(*length) as usize)?;
    let number = leaf.get(ERASES_AT..)?.first_chunk()?;
    (leaf.len() == LEAF_BYTES && leaf[0] == LEAF_VERSION).then(|| u64::from_be_bytes(*number))
}

/// The number of the first entry in a bundle: `payload/x001/067` or `payload/x001/067.p/17`.
fn first_entry(path: &Path) -> Option<u64> {
    let mut index: u64 = 0;
    for part in path.iter().skip(1) {
        let part = part.to_str()?;
        let digits = part.strip_prefix('x').unwrap_or(part);
        let digits = digits.strip_suffix(".p").unwrap_or(digits);
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        if part.ends_with(".p") {
            break;
        }
    }
    index.checked_mul(WIDTH)
}

/// The path of a bundle of leaves that is full, inside the ledger's folder.
pub(crate) fn leaves_path(first: u64) -> std::path::PathBuf {
    let index = first / WIDTH;
    let mut digits = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        digits = format!("x{:03}/{digits}", rest % 1000);
        rest /= 1000;
    }
    Path::new("tile/entries").join(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
    }

    fn erased(by: u64) -> Vec<u8> {
        [&[0; 4][..], &by.to_be_bytes()].concat()
    }

    /// Leaves of which the one at `position` erases `number`.
    fn leaves(position: usize, number: u64) -> Vec<u8> {
        let plain = [&69_u16.to_be_bytes()[..], &[1; 69]].concat();
        let mut erasure = [&81_u16.to_be_bytes()[..], &[2], &[9; 68], &number.to_be_bytes(), &[0; 4]].concat();
        let mut bundle = plain.repeat(position);
        bundle.append(&mut erasure);
        bundle
    }

    #[track_caller]
    fn check(new: &[Vec<u8>], expected: bool) {
        let old = [sealed(b"one"), sealed(b"two"), sealed(b"three")].concat();
        // entry 260 erases entry 257
        let there = |first: u64| (first == 256).then(|| leaves(4, 257));
        assert_eq!(only_erased(Path::new("payload/001.p/3"), &old, &new.concat(), there), expected);
        assert_eq!(only_erased(Path::new("payload/001"), &old, &new.concat(), there), expected);
        assert!(!only_erased(Path::new("payload/002"), &old, &erased(260), there));
    }

    #[test]
    fn a_bundle_is_followed_where_a_later_leaf_erases_and_nowhere_else() {
        check(&[sealed(b"one"), sealed(b"two"), sealed(b"three")], true);
        check(&[sealed(b"one"), erased(260), sealed(b"three")], true);
        check(&[erased(260), sealed(b"two"), sealed(b"three")], false);
        check(&[sealed(b"one"), erased(259), sealed(b"three")], false);
        check(&[sealed(b"one"), erased(5), sealed(b"three")], false);
        check(&[sealed(b"one"), erased(260)], false);
        check(&[sealed(b"one"), erased(260), sealed(b"thre!")], false);
        check(&[sealed(b"one"), erased(260), sealed(b"three"), sealed(b"four")], false);
        check(&[sealed(b"one"), sealed(b""), sealed(b"three")], false);
    }

    #[test]
    fn a_bundle_is_found_by_its_number() {
        assert_eq!(first_entry(Path::new("payload/000")), Some(0));
        assert_eq!(first_entry(Path::new("payload/x001/067.p/17")), Some(1067 * 256));
        assert_eq!(leaves_path(1067 * 256 + 3), Path::new("tile/entries/x001/067"));
    }
}
