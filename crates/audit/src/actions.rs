//! Listings and openings, kept small: ten million of them must fit in memory.

use std::collections::HashMap;

use model::{EntryNumber, Instant, NumberSet, Origin, PatientNumber, StudyNumber, Tier, Who, Window};

/// One listing or opening.
pub(crate) struct Action {
    pub number: EntryNumber,
    /// `None` for the owner of the machine.
    pub who: Option<Who>,
    /// What counts as exposed: from the entry to the lease's end, one microsecond at least.
    pub lease: Window,
    /// The lease's end as the entry has it.
    pub lease_until: Instant,
    /// An index into the origins.
    pub origin: u32,
    /// An index into the sessions, plus one; 0 for a device.
    pub session: u32,
    pub deed: Deed,
}

/// What was done.
pub(crate) enum Deed {
    Listed(List),
    Opened { patient: PatientNumber, study: StudyNumber, tier: Tier, download: bool },
}

/// Where a list's numbers lie in the pool.
pub(crate) struct List {
    start: u64,
    patients: u32,
    studies: u32,
}

/// Every action, in the ledger's order.
#[derive(Default)]
pub(crate) struct Actions {
    all: Vec<Action>,
    /// Positions in `all`, each with the latest lease end up to there.
    by_who: HashMap<Who, Vec<(u32, Instant)>>,
    /// Ascending numbers as LEB128 differences.
    pool: Vec<u8>,
    origins: Vec<Origin>,
    by_origin: HashMap<Origin, u32>,
}

impl Actions {
    pub fn all(&self) -> &[Action] {
        &self.all
    }

    pub fn push(&mut self, action: Action) {
        if let Some(who) = action.who {
            let positions = self.by_who.entry(who).or_default();
            let latest = positions.last().map_or(action.lease.to, |(_, latest)| action.lease.to.max(*latest));
            let position = u32::try_from(self.all.len()).expect("fewer than four thousand million");
            positions.push((position, latest));
        }
        self.all.push(action);
    }

    /// What `who` did whose lease shares an instant with `window`.
    pub fn of(&self, who: Who, window: Window) -> impl Iterator<Item = &Action> {
        let positions = self.by_who.get(&who).map_or(&[][..], Vec::as_slice);
        // entries are in order of time, so a stretch of them holds all that can matter
        let start = positions.partition_point(|(_, latest)| *latest <= window.from);
        let end = positions.partition_point(|(position, _)| self.all[*position as usize].lease.from < window.to);
        let stretch = positions.get(start..end).unwrap_or(&[]);
        stretch
            .iter()
            .map(|(position, _)| &self.all[*position as usize])
            .filter(move |action| action.lease.overlaps(&window))
    }

    pub fn origin(&mut self, origin: &Origin) -> u32 {
        if let Some(index) = self.by_origin.get(origin) {
            return *index;
        }
        let index = u32::try_from(self.origins.len()).expect("fewer than four thousand million");
        self.origins.push(origin.clone());
        self.by_origin.insert(origin.clone(), index);
        index
    }

    pub fn origin_of(&self, index: u32) -> &Origin {
        &self.origins[index as usize]
    }

    /// Keeps a list's numbers.
    pub fn listed(&mut self, patients: &NumberSet, studies: &NumberSet) -> Deed {
        let start = self.pool.len() as u64;
        for set in [patients, studies] {
            let mut previous = 0;
            for &number in set.numbers() {
                let mut rest = number - previous;
                previous = number;
                while rest >= 0x80 {
                    self.pool.push((rest & 0x7f) as u8 | 0x80);
                    rest >>= 7;
                }
                self.pool.push(rest as u8);
            }
        }
        Deed::Listed(List { start, patients: patients.len() as u32, studies: studies.len() as u32 })
    }

    /// The patients of a list, ascending.
    pub fn patients(&self, list: &List) -> impl Iterator<Item = u32> {
        Numbers { pool: &self.pool[list.start as usize..], left: list.patients, previous: 0 }
    }

    /// The studies of a list, ascending.
    pub fn studies(&self, list: &List) -> impl Iterator<Item = u32> {
        let mut pool = &self.pool[list.start as usize..];
        let mut patients = Numbers { pool, left: list.patients, previous: 0 };
        patients.by_ref().for_each(drop);
        pool = patients.pool;
        Numbers { pool, left: list.studies, previous: 0 }
    }

    /// Whether a list names a patient.
    pub fn lists(&self, list: &List, patient: PatientNumber) -> bool {
        self.patients(list).take_while(|number| *number <= patient.0).last() == Some(patient.0)
    }
}

struct Numbers<'p> {
    pool: &'p [u8],
    left: u32,
    previous: u32,
}

impl Iterator for Numbers<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        let mut shift = 0;
        loop {
            let (&byte, rest) = self.pool.split_first().expect("the pool holds as many numbers as the list says");
            self.pool = rest;
            self.previous += u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(self.previous);
            }
            shift += 7;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back_as_they_were_kept() {
        let mut actions = Actions::default();
        let sets: Vec<(NumberSet, NumberSet)> = vec![
            (NumberSet::default(), NumberSet::default()),
            ([0, 1, 127, 128, 300, u32::MAX].into_iter().collect(), [5].into_iter().collect()),
            (NumberSet::default(), [0, u32::MAX].into_iter().collect()),
        ];
        let lists: Vec<Deed> = sets.iter().map(|(patients, studies)| actions.listed(patients, studies)).collect();
        for ((patients, studies), deed) in sets.iter().zip(&lists) {
            let Deed::Listed(list) = deed else { panic!("a list was kept") };
            assert_eq!(actions.patients(list).collect::<NumberSet>(), *patients);
            assert_eq!(actions.studies(list).collect::<NumberSet>(), *studies);
            for number in [0, 1, 2, 127, 300, u32::MAX] {
                assert_eq!(actions.lists(list, PatientNumber(number)), patients.contains(number), "{number}");
            }
        }
    }
}
