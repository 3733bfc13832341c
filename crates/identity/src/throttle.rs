//! Slowing down who guesses, without locking out who is meant (SP 800-63B-4 section 3.2.2).
//!
//! Three counts of wrong sign-ins, each with a delay that doubles up to a cap: of one account from one address, of one
//! account from anywhere, of one address over all accounts. The latter two spare a person at an address where they
//! signed in before, so strangers elsewhere cannot keep anybody out of their usual place. An attempt during a delay is
//! refused without being looked at and does not lengthen it. Counts are of login names, whether they exist or not.
//!
//! Deviation: section 3.2.2 wants an authenticator disabled after at most 100 consecutive failures. Here it is slowed
//! to at most about 100 attempts a day from one address and 300 from everywhere instead, because a stranger must not be
//! able to disable a physician's access; each needs a password *and* a code of the moment.
//!
//! In memory only: a restart forgives everybody, and who guesses cannot restart the warden.

use std::collections::HashMap;
use std::net::IpAddr;

use model::{Instant, Origin, SECOND};

use crate::secret::sha256;
use crate::{
    THROTTLE_ACCOUNT_FREE, THROTTLE_ACCOUNT_SECONDS_MAX, THROTTLE_COUNTS_MAX, THROTTLE_FORGET_SECONDS,
    THROTTLE_ORIGIN_FREE, THROTTLE_ORIGIN_SECONDS_MAX, THROTTLE_PAIR_FREE, THROTTLE_PAIR_SECONDS_MAX,
};

#[derive(Default)]
pub(crate) struct Throttle {
    counts: HashMap<Counted, Count>,
}

/// One try to sign in with a password, counted as wrong until it turns out right.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    account: AccountKey,
    origin: String,
}

/// SHA-256 of a login name, so that counts of names that are not ours hold no name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct AccountKey([u8; 32]);

impl std::fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccountKey(..)")
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Counted {
    Pair(AccountKey, String),
    Account(AccountKey),
    Origin(String),
}

struct Count {
    failures: u32,
    last: Instant,
    /// Whether the present delay stands in the ledger.
    recorded: bool,
}

/// Too many attempts.
pub(crate) struct Delayed {
    pub(crate) seconds: u32,
    /// Whether this delay is not in the ledger yet.
    pub(crate) first: bool,
}

impl Throttle {
    /// Lets a try through and counts it as wrong, or says how long to wait. `known` is whether the account's person
    /// signed in from there before.
    pub(crate) fn attempt(
        &mut self,
        login_name: &str,
        origin: &Origin,
        known: bool,
        now: Instant,
    ) -> Result<Attempt, Delayed> {
        let attempt = Attempt { account: AccountKey(sha256(&[login_name.as_bytes()])), origin: origin_key(origin) };
        let longest = attempt
            .counted()
            .into_iter()
            .filter(|counted| !known || matches!(counted, Counted::Pair(..)))
            .map(|counted| (self.wait(&counted, now), counted))
            .max_by_key(|(wait, _)| *wait);
        if let Some((wait, counted)) = longest
            && wait > 0
        {
            let count = self.counts.get_mut(&counted).expect("what makes wait is counted");
            let first = !std::mem::replace(&mut count.recorded, true);
            let seconds = wait.div_euclid(SECOND) + i64::from(wait.rem_euclid(SECOND) > 0);
            return Err(Delayed { seconds: u32::try_from(seconds).unwrap_or(u32::MAX), first });
        }
        for counted in attempt.counted() {
            self.count(counted, now);
        }
        Ok(attempt)
    }

    /// The try turned out right: the account is forgiven, the address gets this one try back. Its other tries still
    /// count, or an account of one's own would be enough to guess at all others.
    pub(crate) fn succeeded(&mut self, attempt: &Attempt) {
        for counted in attempt.counted() {
            if let Counted::Origin(_) = counted {
                if let Some(count) = self.counts.get_mut(&counted) {
                    count.failures = count.failures.saturating_sub(1);
                }
            } else {
                self.counts.remove(&counted);
            }
        }
    }

    /// Counts a wrong passkey answer and says whether it should stand in the ledger. Nobody guesses a signature, so
    /// passkeys are never delayed; what is limited is the writing.
    pub(crate) fn wrong_passkey(&mut self, origin: &Origin, now: Instant) -> bool {
        let counted = Counted::Origin(origin_key(origin));
        if self.wait(&counted, now) == 0 {
            self.count(counted, now);
            return true;
        }
        let count = self.counts.get_mut(&counted).expect("what makes wait is counted");
        !std::mem::replace(&mut count.recorded, true)
    }

    pub(crate) fn sweep(&mut self, now: Instant) {
        self.counts.retain(|_, count| !count.is_over(now));
    }

    fn count(&mut self, counted: Counted, now: Instant) {
        if self.counts.len() >= THROTTLE_COUNTS_MAX && !self.counts.contains_key(&counted) {
            self.sweep(now);
            if self.counts.len() >= THROTTLE_COUNTS_MAX {
                let oldest = self.counts.iter().min_by_key(|(_, count)| count.last).map(|(counted, _)| counted.clone());
                oldest.map(|oldest| self.counts.remove(&oldest));
            }
        }
        let count = self.counts.entry(counted).or_insert(Count { failures: 0, last: now, recorded: false });
        if count.is_over(now) {
            count.failures = 0;
        }
        count.failures = count.failures.saturating_add(1);
        count.last = now;
        count.recorded = false;
    }

    /// How long to wait, in the unit of [`Instant`].
    fn wait(&self, counted: &Counted, now: Instant) -> i64 {
        let Some(count) = self.counts.get(counted) else { return 0 };
        if count.is_over(now) {
            return 0;
        }
        let (free, first_seconds, seconds_max) = counted.limit();
        let Some(beyond) = count.failures.checked_sub(free) else { return 0 };
        let delay = first_seconds.saturating_mul(1 << beyond.min(20)).min(seconds_max) * SECOND;
        // a clock that was set back makes nobody wait longer than the delay
        (count.last.0.saturating_add(delay)).saturating_sub(now.0).clamp(0, delay)
    }
}

impl Count {
    fn is_over(&self, now: Instant) -> bool {
        now.0.saturating_sub(self.last.0) >= THROTTLE_FORGET_SECONDS * SECOND
    }
}

impl Counted {
    /// Free tries, the first delay and the longest delay, both in seconds.
    fn limit(&self) -> (u32, i64, i64) {
        match self {
            Self::Pair(..) => (THROTTLE_PAIR_FREE, 2, THROTTLE_PAIR_SECONDS_MAX),
            Self::Account(_) => (THROTTLE_ACCOUNT_FREE, 1, THROTTLE_ACCOUNT_SECONDS_MAX),
            Self::Origin(_) => (THROTTLE_ORIGIN_FREE, 1, THROTTLE_ORIGIN_SECONDS_MAX),
        }
    }
}

impl Attempt {
    fn counted(&self) -> [Counted; 3] {
        [
            Counted::Pair(self.account, self.origin.clone()),
            Counted::Account(self.account),
            Counted::Origin(self.origin.clone()),
        ]
    }
}

/// An address as it is counted: IPv4 as it is, IPv6 by its /64, which is what one household or ward gets.
pub(crate) fn origin_key(origin: &Origin) -> String {
    match origin.0.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let mut segments = address.segments();
            segments[4..].fill(0);
            format!("{}/64", std::net::Ipv6Addr::from(segments))
        }
        Err(_) => origin.0.chars().take(64).collect(),
    }
}
