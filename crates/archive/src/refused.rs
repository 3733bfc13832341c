//! Refused associations, counted until the warden has recorded them: a few kinds of each, however many there are, and nobody who
//! takes images in waits for it.
//!
//! TLS handshakes that failed are counted by address and told of once a minute: whoever knocks has said no name yet, and fills no
//! ledger with it.
//!
//! What is here when the front ends is lost, at most a few seconds' counts while the warden answers, of handshakes a minute's. A report whose answer was
//! lost is made again: then more is counted than happened, never less.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Instant;
use protocol::{AE_TITLE_CHARACTERS_MAX, AssociationRefusal, REFUSED_ASSOCIATIONS_MAX, RefusedAssociation};

/// Failed handshakes are counted by so many addresses in a minute, and together for all further ones.
const HANDSHAKE_ADDRESSES_MAX: usize = 16;

/// For how long failed handshakes from one address are counted together, in seconds.
const HANDSHAKE_SECONDS: i64 = 60;

/// What is counted together.
type Key = (String, Option<IpAddr>, AssociationRefusal);

/// The counts.
#[derive(Default)]
pub(crate) struct RefusedAssociations(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// Since when, and how many.
    rows: HashMap<Key, (Instant, u64)>,
    /// When failed handshakes from an address were told of, within the last minute.
    told: HashMap<Option<IpAddr>, Instant>,
}

impl RefusedAssociations {
    /// Counts one. Past [`REFUSED_ASSOCIATIONS_MAX`] names and addresses, further ones are counted without either.
    pub fn count(&self, calling_ae_title: &str, peer: IpAddr, reason: AssociationRefusal, now: Instant) {
        let shown = |character: char| if character.is_control() { '?' } else { character };
        let name = calling_ae_title.trim().chars().take(AE_TITLE_CHARACTERS_MAX).map(shown).collect();
        let peer = if reason == AssociationRefusal::Handshake { lobby::network(peer) } else { peer };
        let mut counts = self.counts();
        counts.forget(now);
        counts.add((name, Some(peer), reason), now, 1);
    }

    /// Takes out what is to be reported: everything but handshakes from where some were reported within the last minute.
    pub fn take(&self, now: Instant) -> Vec<RefusedAssociation> {
        let mut counts = self.counts();
        counts.forget(now);
        let Counts { rows, told } = &mut *counts;
        let due = |key: &Key| key.2 != AssociationRefusal::Handshake || !told.contains_key(&key.1);
        let counts: Vec<_> = rows.extract_if(|key, _| due(key)).collect();
        let handshakes = counts.iter().filter(|((.., reason), _)| *reason == AssociationRefusal::Handshake);
        told.extend(handshakes.map(|((_, address, _), _)| (*address, now)));
        let row = |((calling_ae_title, address, reason), (since, count))| RefusedAssociation {
            calling_ae_title,
            address,
            reason,
            count,
            since,
        };
        counts.into_iter().map(row).collect()
    }

    /// Counts on with what could not be reported.
    pub fn give_back(&self, rows: Vec<RefusedAssociation>) {
        let mut counts = self.counts();
        for RefusedAssociation { calling_ae_title, address, reason, count, since } in rows {
            if reason == AssociationRefusal::Handshake {
                counts.told.remove(&address);
            }
            counts.add((calling_ae_title, address, reason), since, count);
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// What was told of more than a minute ago may be told of again.
    fn forget(&mut self, now: Instant) {
        self.told.retain(|_, at| now < at.plus_seconds(HANDSHAKE_SECONDS));
    }

    fn add(&mut self, key: Key, since: Instant, times: u64) {
        let key =
            if self.rows.contains_key(&key) || self.has_room_for(&key) { key } else { (String::new(), None, key.2) };
        let (first, count) = self.rows.entry(key).or_insert((since, 0));
        *first = (*first).min(since);
        *count = count.saturating_add(times);
    }

    fn has_room_for(&self, (_, address, reason): &Key) -> bool {
        // room for one nameless count of each kind
        let room = self.rows.len() < REFUSED_ASSOCIATIONS_MAX - AssociationRefusal::ALL.len();
        if *reason != AssociationRefusal::Handshake {
            return room;
        }
        let untold = self.rows.keys().filter(|key| key.2 == *reason && !self.told.contains_key(&key.1)).count();
        room && (self.told.contains_key(address) || self.told.len() + untold < HANDSHAKE_ADDRESSES_MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn however_many_names_are_tried_few_rows_count_them_all() {
        let refused = RefusedAssociations::default();
        let peer = |n: u32| IpAddr::from(n.to_be_bytes());
        for n in 0..10_000 {
            refused.count(&format!("SCANNER{n}"), peer(n), AssociationRefusal::Unknown, Instant(i64::from(n)));
        }
        refused.count("CT1", peer(1), AssociationRefusal::Address, Instant(5));
        let rows = refused.take(Instant(0));
        assert!(rows.len() <= REFUSED_ASSOCIATIONS_MAX, "{} rows", rows.len());
        let total = |rows: &[RefusedAssociation]| rows.iter().map(|row| row.count).sum::<u64>();
        assert_eq!(total(&rows), 10_001);
        assert!(refused.take(Instant(0)).is_empty());
        // the warden was away: nothing is forgotten meanwhile
        refused.count("CT1", peer(1), AssociationRefusal::Address, Instant(9));
        refused.give_back(rows);
        let rows = refused.take(Instant(0));
        assert_eq!(total(&rows), 10_002);
        let of_address = rows.iter().filter(|row| row.reason == AssociationRefusal::Address);
        assert_eq!(
            of_address.map(|row| (row.count, row.since)).collect::<Vec<_>>().iter().map(|(n, _)| n).sum::<u64>(),
            2
        );
    }

    #[test]
    fn failed_handshakes_are_told_of_once_a_minute_and_of_few_addresses() {
        let refused = RefusedAssociations::default();
        let now = |seconds: i64| Instant(0).plus_seconds(seconds);
        let fails = |from: &str, seconds| {
            refused.count("", from.parse().unwrap(), AssociationRefusal::Handshake, now(seconds));
        };
        let told = |seconds| {
            let mut rows: Vec<_> =
                refused.take(now(seconds)).into_iter().map(|row| (row.address, row.count, row.since)).collect();
            rows.sort_unstable();
            rows
        };
        // the addresses of one /64 are one
        fails("2001:db8::1", 0);
        fails("2001:db8::2", 1);
        let network = "2001:db8::".parse().ok();
        assert_eq!(told(2), [(network, 2, now(0))], "the first is told of at once");
        for seconds in 3..62 {
            fails("2001:db8::3", seconds);
            assert!(told(seconds).is_empty(), "after {seconds} s");
        }
        assert_eq!(told(62), [(network, 59, now(3))]);
        // whoever has addresses without end makes no more rows
        for round in 0..30 {
            (0..1_000).for_each(|n| fails(&format!("2001:db8:{n:x}:{round:x}::1"), 200));
        }
        let rows = told(200);
        assert_eq!(rows.len(), HANDSHAKE_ADDRESSES_MAX + 1, "{rows:?}");
        assert_eq!(rows.iter().map(|(_, count, _)| count).sum::<u64>(), 30_000);
        (0..1_000).for_each(|n| fails(&format!("2001:db8:ffff:{n:x}::1"), 210));
        assert!(told(259).is_empty());
        assert_eq!(told(260), [(None, 1_000, now(210))]);
        // a report that was lost is made again, at once
        fails("192.0.2.1", 400);
        let rows = refused.take(now(400));
        refused.give_back(rows);
        fails("192.0.2.1", 401);
        assert_eq!(told(402), ["192.0.2.1".parse().ok()].map(|address| (address, 2, now(400))));
        // others do not wait
        refused.count("CT1", "192.0.2.1".parse().unwrap(), AssociationRefusal::Address, now(403));
        assert_eq!(told(403).len(), 1);
    }

    #[test]
    fn a_name_is_as_long_as_an_ae_title_and_has_no_control_characters() {
        let refused = RefusedAssociations::default();
        refused.count(
            " A\u{7}B\nCDEFGHIJKLMNOPQRSTUV ",
            IpAddr::from([127, 0, 0, 1]),
            AssociationRefusal::Unknown,
            Instant(0),
        );
        assert_eq!(refused.take(Instant(0))[0].calling_ae_title, "A?B?CDEFGHIJKLMN");
    }
}
