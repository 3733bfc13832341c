//! Filters of generated lists: what they know, what they take, and what a kill leaves.
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_methods, reason = "tests write what they like")]

mod format;
mod killed;
mod loading;

use std::ops::ControlFlow;
use std::path::Path;

use leaks::{Filter, HashKind, KnownHash, LoadError, Loaded, PlainFile, Progress, load};

/// The same numbers every time.
pub struct Generator(pub u64);

impl Generator {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A list of so many hashes, ascending, as text.
pub fn list(kind: HashKind, seed: u64, count: usize) -> (Vec<u64>, String) {
    let mut generator = Generator(seed);
    let mut hashes: Vec<u64> = (0..count).map(|_| generator.number()).collect();
    hashes.sort_unstable();
    let more = kind.digits() - 16;
    let text =
        hashes.iter().enumerate().map(|(n, hash)| format!("{hash:016X}{:0more$X}:{}\r\n", n, n % 7 + 1)).collect();
    (hashes, text)
}

pub fn loaded(source: &Path, folder: &Path) -> Result<Loaded, LoadError> {
    loaded_until(source, folder, u64::MAX, &mut |_| ControlFlow::Continue(()))
}

pub fn loaded_until(
    source: &Path,
    folder: &Path,
    checkpoint: u64,
    tell: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Loaded, LoadError> {
    load(&mut PlainFile::new(source).unwrap(), &folder.join("work"), &folder.join("list.leaks"), checkpoint, tell)
}

pub fn knows(filter: &Filter, hash: u64) -> bool {
    filter.contains(KnownHash::from_bits(hash)).unwrap()
}
