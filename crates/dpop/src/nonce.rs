//! Nonces (RFC 9449 section 8): what makes a proof fresh, whatever the clock of the browser says.
//!
//! A nonce is HMAC-SHA256 over the number of a step of time under a key that is fresh at every start. Nobody can sign a
//! proof ahead of its time, and nothing is kept per caller. Who knows the key makes nonces; losing it costs each page
//! one more request.

use aws_lc_rs::hmac;
use model::{Instant, SECOND};

use crate::to_base64url;

/// How long a nonce is handed out, in seconds.
pub const NONCE_SECONDS: i64 = 30;
/// For how many such steps after its own a nonce is taken: a proof is good for two and a half minutes at the most.
pub const NONCE_STEPS: i64 = 4;

/// Makes and knows nonces.
pub struct Nonces {
    key: hmac::Key,
    /// The step of the start: what was signed before it may have been used, and nobody remembers.
    first: i64,
}

impl Nonces {
    /// With a fresh key of 256 random bits.
    #[must_use]
    pub fn new(key: &[u8; 32], now: Instant) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), first: step(now) }
    }

    /// What is taken now, the newest first.
    #[must_use]
    pub fn taken(&self, now: Instant) -> Vec<String> {
        let newest = step(now);
        (newest.saturating_sub(NONCE_STEPS)..=newest)
            .rev()
            .filter(|step| *step >= self.first)
            .map(|step| self.of(step))
            .collect()
    }

    /// Whether this one is taken now.
    #[must_use]
    pub fn takes(&self, nonce: &str, now: Instant) -> bool {
        self.taken(now).iter().any(|taken| taken == nonce)
    }

    fn of(&self, step: i64) -> String {
        to_base64url(&hmac::sign(&self.key, &step.to_be_bytes()).as_ref()[..16])
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces(..)")
    }
}

fn step(now: Instant) -> i64 {
    now.0.div_euclid(NONCE_SECONDS * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_for_two_minutes_after_its_own_step_and_no_longer() {
        let start = Instant(1_767_225_600 * SECOND);
        let nonces = Nonces::new(&[1; 32], start);
        let nonce = nonces.taken(start)[0].clone();
        for (seconds, taken) in [(0, true), (29, true), (149, true), (150, false), (3600, false)] {
            assert_eq!(nonces.takes(&nonce, start.plus_seconds(seconds)), taken, "{seconds}");
        }
        assert_eq!(nonces.taken(start).len(), 1);
        assert_eq!(nonces.taken(start.plus_seconds(3600)).len(), 5);
    }

    #[test]
    fn no_nonce_is_known_before_its_time_nor_after_a_restart() {
        let start = Instant(1_767_225_600 * SECOND);
        let nonces = Nonces::new(&[1; 32], start);
        let later = nonces.taken(start.plus_seconds(NONCE_SECONDS))[0].clone();
        assert!(!nonces.takes(&later, start));
        let restarted = Nonces::new(&[1; 32], start.plus_seconds(2 * NONCE_SECONDS));
        assert!(!restarted.takes(&later, start.plus_seconds(2 * NONCE_SECONDS)), "even with the same key");
        assert!(!Nonces::new(&[2; 32], start).takes(&nonces.taken(start)[0], start));
        assert!(!nonces.takes("", start));
    }
}
