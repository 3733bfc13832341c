//! Refused associations, counted until the warden has recorded them: a few kinds of each, however many there are, and nobody who
//! takes images in waits for it.
//!
//! What is here when the front ends is lost, at most a few seconds' counts while the warden answers. A report whose answer was
//! lost is made again: then more is counted than happened, never less.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::Instant;
use protocol::{AE_TITLE_CHARACTERS_MAX, AssociationRefusal, REFUSED_ASSOCIATIONS_MAX, RefusedAssociation};

/// What is counted together.
type Key = (String, Option<IpAddr>, AssociationRefusal);

/// The counts.
#[derive(Default)]
pub(crate) struct RefusedAssociations(Mutex<HashMap<Key, (Instant, u64)>>);

impl RefusedAssociations {
    /// Counts one. Past [`REFUSED_ASSOCIATIONS_MAX`] names and addresses, further ones are counted without either.
    pub fn count(&self, calling_ae_title: &str, peer: IpAddr, reason: AssociationRefusal, now: Instant) {
        let shown = |character: char| if character.is_control() { '?' } else { character };
        let name = calling_ae_title.trim().chars().take(AE_TITLE_CHARACTERS_MAX).map(shown).collect();
        self.add((name, Some(peer), reason), now, 1);
    }

    fn add(&self, key: Key, since: Instant, times: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // room for one nameless count of each kind
        let room = REFUSED_ASSOCIATIONS_MAX - AssociationRefusal::ALL.len();
        let key = if counts.len() < room || counts.contains_key(&key) { key } else { (String::new(), None, key.2) };
        let (first, count) = counts.entry(key).or_insert((since, 0));
        *first = (*first).min(since);
        *count = count.saturating_add(times);
    }

    /// Takes everything out, to report it.
    pub fn take(&self) -> Vec<RefusedAssociation> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
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
        for RefusedAssociation { calling_ae_title, address, reason, count, since } in rows {
            self.add((calling_ae_title, address, reason), since, count);
        }
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
        let rows = refused.take();
        assert!(rows.len() <= REFUSED_ASSOCIATIONS_MAX, "{} rows", rows.len());
        let total = |rows: &[RefusedAssociation]| rows.iter().map(|row| row.count).sum::<u64>();
        assert_eq!(total(&rows), 10_001);
        assert!(refused.take().is_empty());
        // the warden was away: nothing is forgotten meanwhile
        refused.count("CT1", peer(1), AssociationRefusal::Address, Instant(9));
        refused.give_back(rows);
        let rows = refused.take();
        assert_eq!(total(&rows), 10_002);
        let of_address = rows.iter().filter(|row| row.reason == AssociationRefusal::Address);
        assert_eq!(
            of_address.map(|row| (row.count, row.since)).collect::<Vec<_>>().iter().map(|(n, _)| n).sum::<u64>(),
            2
        );
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
        assert_eq!(refused.take()[0].calling_ae_title, "A?B?CDEFGHIJKLMN");
    }
}
