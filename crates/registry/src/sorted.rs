//! An index without keys: numbers sorted by what they stand for, 4 bytes each.
//!
//! The caller gives the order with every call, reading the keys where they are stored. New numbers go to a short second
//! list, so that inserting into a million moves kilobytes and not megabytes; both lists are merged when it has grown.

use std::cmp::Ordering;

/// The shortest length at which the second list is merged into the first.
const RECENT_MIN: usize = 1024;

/// The first bytes of a key, as a number that orders like the key as far as it goes: 15 bytes, and how many there are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Start(u128);

impl Start {
    const BYTES: u8 = 15;

    pub(crate) fn of(key: impl Iterator<Item = u8>) -> Self {
        let (mut start, mut count) = (0u128, 0);
        for byte in key.take(usize::from(Self::BYTES) + 1) {
            if count < Self::BYTES {
                start |= u128::from(byte) << (120 - 8 * u32::from(count));
            }
            count += 1;
        }
        Self(start | u128::from(count))
    }

    /// Whether equal starts are of equal keys.
    fn is_whole(self) -> bool {
        self.0 as u8 <= Self::BYTES
    }
}

#[derive(Default)]
pub(crate) struct Sorted {
    main: Vec<u32>,
    recent: Vec<u32>,
}

impl Sorted {
    /// Builds the index of all `numbers`: sorted by `start` first, which agrees with `compare` and is read once for each. Where two
    /// starts hold their whole key and are equal, `tie` orders as `compare` does.
    pub(crate) fn build(
        numbers: impl Iterator<Item = u32>,
        start: impl Fn(u32) -> Start,
        compare: impl Fn(u32, u32) -> Ordering,
        tie: impl Fn(u32, u32) -> Ordering,
    ) -> Self {
        let mut keyed: Vec<(Start, u32)> = numbers.map(|number| (start(number), number)).collect();
        keyed.sort_unstable_by(|one, two| {
            let rest = || if one.0.is_whole() { tie(one.1, two.1) } else { compare(one.1, two.1) };
            one.0.cmp(&two.0).then_with(rest)
        });
        Self { main: keyed.into_iter().map(|(_, number)| number).collect(), recent: Vec::new() }
    }

    /// Puts a number in its place. `compare` is a total order and finds no two numbers equal.
    pub(crate) fn insert(&mut self, number: u32, compare: impl Fn(u32, u32) -> Ordering) {
        let at = self.recent.partition_point(|&other| compare(other, number) == Ordering::Less);
        self.recent.insert(at, number);
        if self.recent.len() >= RECENT_MIN.max(self.main.len() / 64) {
            self.merge(compare);
        }
    }

    /// Looks each of the few up among the many and copies what lies between as it is.
    fn merge(&mut self, compare: impl Fn(u32, u32) -> Ordering) {
        let mut merged = Vec::with_capacity(self.len() + self.len() / 16);
        let mut rest = self.main.as_slice();
        for &number in &self.recent {
            let (before, behind) =
                rest.split_at(rest.partition_point(|&other| compare(other, number) == Ordering::Less));
            merged.extend_from_slice(before);
            merged.push(number);
            rest = behind;
        }
        merged.extend_from_slice(rest);
        self.main = merged;
        self.recent = Vec::new();
    }

    /// Takes a number out. What it stands for must still be what it was when it was put in.
    pub(crate) fn remove(&mut self, number: u32, compare: impl Fn(u32, u32) -> Ordering) {
        for list in [&mut self.recent, &mut self.main] {
            if let Ok(at) = list.binary_search_by(|&other| compare(other, number)) {
                list.remove(at);
                return;
            }
        }
        debug_assert!(false, "a number is taken out that is not in");
    }

    /// The numbers for which `probe` says `Equal`; it says `Less` for those before and `Greater` for those behind.
    pub(crate) fn range(&self, probe: impl Fn(u32) -> Ordering) -> [&[u32]; 2] {
        [&self.main, &self.recent].map(|list| {
            let from = list.partition_point(|&number| probe(number) == Ordering::Less);
            let length = list[from..].partition_point(|&number| probe(number) == Ordering::Equal);
            &list[from..from + length]
        })
    }

    /// All numbers in order.
    pub(crate) fn iter(&self, compare: impl Fn(u32, u32) -> Ordering) -> Merged<'_, impl Fn(u32, u32) -> Ordering> {
        merged([&self.main, &self.recent], compare)
    }

    pub(crate) fn len(&self) -> usize {
        self.main.len() + self.recent.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.main.capacity() + self.recent.capacity()) * size_of::<u32>()
    }
}

/// Two sorted lists as one, walked from either end.
pub(crate) fn merged<C: Fn(u32, u32) -> Ordering>(lists: [&[u32]; 2], compare: C) -> Merged<'_, C> {
    Merged { one: lists[0], two: lists[1], compare }
}

/// See [`merged`].
pub(crate) struct Merged<'a, C> {
    one: &'a [u32],
    two: &'a [u32],
    compare: C,
}

impl<C: Fn(u32, u32) -> Ordering> Iterator for Merged<'_, C> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let from_one = match (self.one.first(), self.two.first()) {
            (Some(&one), Some(&two)) => (self.compare)(one, two) == Ordering::Less,
            (one, _) => one.is_some(),
        };
        let list = if from_one { &mut self.one } else { &mut self.two };
        list.split_off_first().copied()
    }
}

impl<C: Fn(u32, u32) -> Ordering> DoubleEndedIterator for Merged<'_, C> {
    fn next_back(&mut self) -> Option<u32> {
        let from_one = match (self.one.last(), self.two.last()) {
            (Some(&one), Some(&two)) => (self.compare)(one, two) == Ordering::Greater,
            (one, _) => one.is_some(),
        };
        let list = if from_one { &mut self.one } else { &mut self.two };
        list.split_off_last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_orders_like_its_key_as_far_as_it_goes() {
        let texts = [
            "",
            "\0",
            "\0\0",
            "a",
            "a\0",
            "a\0b",
            "ab",
            "b",
            "fourteen bytes",
            "fifteen bytes..",
            "fifteen bytes..\0",
            "fifteen bytes..x",
            "sixteen bytes ..",
            "sixteen bytes .\0",
            "\u{ff}",
        ];
        for one in texts {
            for two in texts {
                let [first, second] = [one, two].map(|text| Start::of(text.bytes()));
                let (by_start, by_key) = (first.cmp(&second), one.as_bytes().cmp(two.as_bytes()));
                assert!(by_start == by_key || by_start == Ordering::Equal, "{one:?} and {two:?}");
                if by_start == Ordering::Equal && first.is_whole() {
                    assert_eq!(one, two);
                }
            }
        }
        let long = ["the same fifteen bytes, then a", "the same fifteen bytes, then b"];
        assert!(long.map(|text| Start::of(text.bytes())).iter().all(|start| !start.is_whole()));
    }

    #[test]
    fn numbers_stand_in_order_however_they_come_and_go() {
        let compare = |one: u32, two: u32| (one % 1000, one).cmp(&(two % 1000, two));
        let start = |number: u32| Start::of((number % 1000).to_be_bytes().into_iter());
        let mut index = Sorted::build((0..5000).step_by(2), start, compare, |one, two| one.cmp(&two));
        for number in (1..5000).step_by(2) {
            index.insert(number, compare);
        }
        for number in (0..5000).step_by(3) {
            index.remove(number, compare);
        }
        let mut expected: Vec<u32> = (0..5000).filter(|number| number % 3 != 0).collect();
        expected.sort_by(|&one, &two| compare(one, two));
        assert_eq!(index.iter(compare).collect::<Vec<_>>(), expected);
        let backwards: Vec<u32> = index.iter(compare).rev().collect();
        assert_eq!(backwards.into_iter().rev().collect::<Vec<_>>(), expected);
        let mut found = index.range(|number| (number % 1000).cmp(&7)).concat();
        found.sort_unstable();
        assert_eq!(found, [7, 1007, 3007, 4007]);
        assert!(index.range(|number| (number % 1000).cmp(&1000)).concat().is_empty());
    }
}
