//! Addresses that sign-ins failed from.

use std::collections::{HashMap, HashSet, VecDeque};

use model::{Instant, Origin, PersonId, SessionId, TriedOthers};

use super::places::address_of;

/// How long a failed sign-in is remembered, in seconds.
const WITHIN_SECONDS: i64 = 3_600;
/// So many other people's names from one address within it are told at the next sign-in from there ...
const OTHERS: usize = 3;
/// ... and so many tries with names that nobody has.
const UNKNOWN: usize = 10;
/// Failed sign-ins that are remembered of one address, and addresses.
const TRIES_MAX: usize = 256;
const ADDRESSES_MAX: usize = 10_000;

/// Failed sign-ins by address; IPv6 by its first 64 bits.
#[derive(Clone, Default)]
pub(super) struct Tries(HashMap<u128, VecDeque<(Instant, Option<PersonId>)>>);

impl Tries {
    pub(super) fn failed(&mut self, origin: &Origin, person: Option<PersonId>, at: Instant) {
        let Some(address) = key(origin) else { return };
        let since = at.plus_seconds(-WITHIN_SECONDS);
        if self.0.len() >= ADDRESSES_MAX && !self.0.contains_key(&address) {
            self.0.retain(|_, tries| tries.back().is_some_and(|(last, _)| *last > since));
            if self.0.len() >= ADDRESSES_MAX {
                return;
            }
        }
        let tries = self.0.entry(address).or_default();
        tries.retain(|(when, _)| *when > since);
        if tries.len() >= TRIES_MAX {
            tries.pop_front();
        }
        tries.push_back((at, person));
    }

    /// Somebody signed in. Whoever gets in at last was only mistaken: their own failures count no more.
    pub(super) fn signed_in(
        &mut self,
        person: PersonId,
        session: SessionId,
        origin: &Origin,
        at: Instant,
    ) -> Option<TriedOthers> {
        let address = key(origin)?;
        let tries = self.0.get_mut(&address)?;
        let since = at.plus_seconds(-WITHIN_SECONDS);
        tries.retain(|(when, tried)| *when > since && *tried != Some(person));
        let others: HashSet<PersonId> = tries.iter().filter_map(|(_, tried)| *tried).collect();
        let unknown = tries.iter().filter(|(_, tried)| tried.is_none()).count();
        let Some((first, _)) = tries.front() else {
            self.0.remove(&address);
            return None;
        };
        (others.len() >= OTHERS || unknown >= UNKNOWN).then(|| TriedOthers {
            session,
            origin: origin.clone(),
            others: others.len() as u32,
            unknown: unknown as u32,
            since: *first,
        })
    }
}

fn key(origin: &Origin) -> Option<u128> {
    let address = address_of(origin)?;
    // an IPv4 address lies in ::ffff:0:0/96
    Some(if address >> 32 == 0xffff { address } else { address >> 64 << 64 })
}
