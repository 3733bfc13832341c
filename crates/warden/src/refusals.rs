//! Refused proofs, counted: the first of a minute is an entry at once, the rest of it is one more entry with a count. So each
//! attempt is in the ledger, and nobody fills it by knocking.

use std::collections::HashMap;

use model::{Actor, DeviceId, EntryBody, Instant, Origin, PersonId, ProofRefused, SessionId};
use protocol::Refusal;

use crate::pages::HELD;
use crate::state::Warden;

/// For how long refusals of one kind are counted together, in seconds.
const COUNTED_SECONDS: i64 = 60;

/// Whose credential was tried.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum About {
    /// A session that is there; without a person, one in which a share link is open.
    Session(Option<PersonId>, SessionId),
    /// A device that is there.
    Device(DeviceId),
    /// A token that nobody holds, or the owner's rights on the front's socket.
    Nobody,
}

#[derive(Default)]
pub(crate) struct Refusals {
    counted: HashMap<(About, &'static str), Counted>,
}

struct Counted {
    since: Instant,
    origin: Origin,
    /// Whether the first has an entry of its own, or is about to.
    has_entry: bool,
    /// Beyond that one.
    more: u64,
}

impl Refusals {
    /// Counts one; `true` when it is the first of its minute.
    fn count(&mut self, about: About, reason: &'static str, origin: &Origin, now: Instant) -> bool {
        match self.counted.get_mut(&(about, reason)) {
            Some(counted) if !counted.has_entry => {
                counted.has_entry = true;
                true
            }
            Some(counted) => {
                counted.more += 1;
                false
            }
            None => {
                let counted = Counted { since: now, origin: origin.clone(), has_entry: true, more: 0 };
                self.counted.insert((about, reason), counted);
                true
            }
        }
    }

    /// The entry of a first one could not be made: it is counted with the rest, and the next one is a first again.
    fn not_recorded(&mut self, about: About, reason: &'static str) {
        if let Some(counted) = self.counted.get_mut(&(about, reason)) {
            counted.more += 1;
            counted.has_entry = false;
        }
    }

    /// Takes out what was counted for a minute, or everything; entries for what has a count.
    fn take(&mut self, now: Instant, everything: bool) -> Vec<(Actor, EntryBody)> {
        let over = |counted: &Counted| everything || now >= counted.since.plus_seconds(COUNTED_SECONDS);
        let taken = self.counted.extract_if(|_, counted| over(counted));
        let mut taken: Vec<_> = taken.filter(|(_, counted)| counted.more > 0).collect();
        taken.sort_by_key(|((_, reason), counted)| (counted.since, *reason));
        taken
            .into_iter()
            .map(|((about, reason), counted)| {
                (Actor::Stranger { origin: counted.origin }, entry(about, reason, counted.more, counted.since))
            })
            .collect()
    }
}

impl Warden {
    /// Counts a refused proof; the first of its minute is durable when this returns.
    pub(crate) async fn count_refusal(
        &self,
        about: About,
        reason: &'static str,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), Refusal> {
        let first = self.proofs.refusals.lock().expect(HELD).count(about, reason, origin, now);
        if first {
            let entries = vec![(Actor::Stranger { origin: origin.clone() }, entry(about, reason, 1, now))];
            if let Err(error) = self.ledger.append_later(entries, now).await {
                self.proofs.refusals.lock().expect(HELD).not_recorded(about, reason);
                return Err(self.cannot_record(&error));
            }
        }
        Ok(())
    }

    /// Records what was counted: when its minute is over, or everything before somebody reads the ledger.
    pub(crate) fn record_refusals(&self, everything: bool) {
        let now = self.now();
        let entries = self.proofs.refusals.lock().expect(HELD).take(now, everything);
        for part in entries.chunks(audit::APPEND_ENTRIES_MAX) {
            if self.ledger.append(part.to_vec(), now).is_ok() {
                continue;
            }
            // one that cannot be recorded takes no other with it
            for one in part {
                if let Err(error) = self.ledger.append(vec![one.clone()], now) {
                    tracing::error!(%error, "a count of refused proofs could not be recorded and is lost");
                }
            }
        }
    }
}

fn entry(about: About, reason: &'static str, count: u64, since: Instant) -> EntryBody {
    let (person, session, device) = match about {
        About::Session(person, session) => (person, Some(session), None),
        About::Device(device) => (None, None, Some(device)),
        About::Nobody => (None, None, None),
    };
    EntryBody::ProofRefused(ProofRefused { person, session, device, reason: reason.to_owned(), count, since })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_two_entries_a_minute_and_every_attempt_is_counted() {
        let mut refusals = Refusals::default();
        let (origin, now) = (Origin::default(), Instant(0));
        let mut first = 0;
        for _ in 0..1000 {
            first += usize::from(refusals.count(About::Nobody, "key", &origin, now));
        }
        assert_eq!(first, 1);
        assert!(refusals.take(now.plus_seconds(59), false).is_empty());
        let taken = refusals.take(now.plus_seconds(60), false);
        assert!(matches!(taken.as_slice(), [(_, EntryBody::ProofRefused(ProofRefused { count: 999, .. }))]));
        assert!(refusals.count(About::Nobody, "key", &origin, now.plus_seconds(61)), "a new minute");
        assert!(refusals.take(now.plus_seconds(600), false).is_empty(), "its first has an entry already");
    }

    #[test]
    fn a_first_one_that_the_ledger_did_not_take_is_counted_and_the_next_is_a_first() {
        let mut refusals = Refusals::default();
        let (origin, now) = (Origin::default(), Instant(0));
        assert!(refusals.count(About::Nobody, "key", &origin, now));
        assert!(!refusals.count(About::Nobody, "key", &origin, now));
        refusals.not_recorded(About::Nobody, "key");
        assert!(refusals.count(About::Nobody, "key", &origin, now));
        assert!(!refusals.count(About::Nobody, "key", &origin, now));
        let taken = refusals.take(now, true);
        assert!(matches!(taken.as_slice(), [(_, EntryBody::ProofRefused(ProofRefused { count: 3, .. }))]), "{taken:?}");
    }
}
