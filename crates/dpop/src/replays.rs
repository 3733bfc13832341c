//! What was used: a proof is good for each thing that it names once.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use model::{Instant, SECOND};

use crate::{NONCE_SECONDS, NONCE_STEPS, sha256};

/// How many uses of one holder's proofs are remembered at once; more are refused until older ones are too old to be
/// replayed. 66 requests a second for as long as a nonce is taken.
pub const USES_PER_HOLDER_MAX: usize = 10_000;
/// Everybody's together.
const USES_MAX: usize = 1_000_000;

/// Remembers uses for longer than any nonce is taken. In two halves: the older one is dropped whole.
#[derive(Debug)]
pub struct Replays<H> {
    newer: HashMap<H, HashSet<[u8; 16]>>,
    older: HashMap<H, HashSet<[u8; 16]>>,
    uses: usize,
    since: Option<Instant>,
}

/// It was used for this before, or too many were used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed;

impl<H> Default for Replays<H> {
    fn default() -> Self {
        Self { newer: HashMap::new(), older: HashMap::new(), uses: 0, since: None }
    }
}

impl<H: Eq + Hash> Replays<H> {
    /// Uses the proof `jti` of `holder` for `what`.
    pub fn take(&mut self, holder: H, jti: &str, what: &[u8], now: Instant) -> Result<(), Replayed> {
        self.turn(now);
        let digest = sha256(&[&sha256(jti.as_bytes()), what].concat());
        let used: [u8; 16] = digest[..16].try_into().expect("SHA-256 has 32 bytes");
        if self.older.get(&holder).is_some_and(|older| older.contains(&used)) || self.uses >= USES_MAX {
            return Err(Replayed);
        }
        let newer = self.newer.entry(holder).or_default();
        if newer.len() >= USES_PER_HOLDER_MAX || !newer.insert(used) {
            return Err(Replayed);
        }
        self.uses += 1;
        Ok(())
    }

    fn turn(&mut self, now: Instant) {
        let life = (NONCE_STEPS + 1) * NONCE_SECONDS * SECOND;
        let since = *self.since.get_or_insert(now);
        if now.0.saturating_sub(since.0) >= life {
            self.older = std::mem::take(&mut self.newer);
            self.uses = 0;
            self.since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant(1_767_225_600 * SECOND);

    #[test]
    fn a_proof_is_good_once_for_each_thing_and_holder() {
        let mut replays = Replays::default();
        assert_eq!(replays.take(1, "a", b"x", START), Ok(()));
        assert_eq!(replays.take(1, "a", b"x", START), Err(Replayed));
        assert_eq!(replays.take(1, "a", b"y", START), Ok(()));
        assert_eq!(replays.take(1, "b", b"x", START), Ok(()));
        assert_eq!(replays.take(2, "a", b"x", START), Ok(()));
    }

    #[test]
    fn what_was_used_is_remembered_for_as_long_as_its_nonce_is_taken() {
        let life = (NONCE_STEPS + 1) * NONCE_SECONDS;
        for used_after in [0, 1, 100, life - 1] {
            let mut replays = Replays::default();
            assert_eq!(replays.take(0, "begin", b"", START), Ok(()));
            let used = START.plus_seconds(used_after);
            assert_eq!(replays.take(1, "a", b"x", used), Ok(()));
            for later in 0..life {
                assert_eq!(replays.take(1, "a", b"x", used.plus_seconds(later)), Err(Replayed), "{used_after} {later}");
            }
        }
    }

    #[test]
    fn who_uses_too_many_is_refused_and_nobody_else() {
        let mut replays = Replays::default();
        for number in 0..USES_PER_HOLDER_MAX {
            assert_eq!(replays.take(1, &number.to_string(), b"", START), Ok(()));
        }
        assert_eq!(replays.take(1, "more", b"", START), Err(Replayed));
        assert_eq!(replays.take(2, "more", b"", START), Ok(()));
    }
}
