//! Gathers touches by number.

use std::collections::HashMap;

use model::{Instant, Origin};

use crate::Touch;

/// Numbers below this have a slot in a flat table; the warden gives them out from 0.
const FLAT_MAX: u32 = 1 << 24;

/// Touches of patients or studies, by number.
#[derive(Default)]
pub(crate) struct Touches {
    /// Slot of each number, plus one.
    flat: Vec<u32>,
    far: HashMap<u32, u32>,
    slots: Vec<Slot>,
}

/// What one entry adds to a touch.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub first: Instant,
    pub last: Instant,
    pub lease_until: Instant,
    pub origin: u32,
}

struct Slot {
    number: u32,
    first: Instant,
    last: Instant,
    lease_until: Instant,
    entries: u64,
    /// Ascending.
    origins: Vec<u32>,
}

impl Touches {
    pub fn add(&mut self, number: u32, seen: Seen) {
        let Seen { first, last, lease_until, origin } = seen;
        let position = if number < FLAT_MAX {
            if self.flat.len() <= number as usize {
                self.flat.resize(number as usize + 1, 0);
            }
            &mut self.flat[number as usize]
        } else {
            self.far.entry(number).or_default()
        };
        if *position == 0 {
            self.slots.push(Slot { number, first, last, lease_until, entries: 0, origins: Vec::new() });
            *position = self.slots.len() as u32;
        }
        let slot = &mut self.slots[*position as usize - 1];
        slot.first = slot.first.min(first);
        slot.last = slot.last.max(last);
        slot.lease_until = slot.lease_until.max(lease_until);
        slot.entries += 1;
        if let Err(place) = slot.origins.binary_search(&origin) {
            slot.origins.insert(place, origin);
        }
    }

    pub fn into_iter(self, origin: impl Fn(u32) -> Origin) -> impl Iterator<Item = (u32, Touch)> {
        self.slots.into_iter().map(move |slot| {
            let origins = slot.origins.iter().map(|index| origin(*index)).collect();
            let Slot { number, first, last, lease_until, entries, .. } = slot;
            (number, Touch { first, last, lease_until, entries, origins })
        })
    }
}
