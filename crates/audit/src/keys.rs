//! Exposure of one pair of batch keys: what it opens, and when and to whom it was released.
//!
//! Opening a study releases every key that it has, and a lease may release again what was filed after its entry. So a key counts as
//! released by each opening of its study whose lease reaches past the moment in which the key was filed.

use model::{Entry, EntryBody, EntryNumber, Instant, KeyId, Origin, StudyNumber, Tier, Who, Window};

use crate::actions::{Action, Deed};
use crate::gathering::Gathering;
use crate::{Exposure, ExposureIndex, TimelinePart};

/// One pair of batch keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiledKey {
    /// The study, the only one that it opens.
    pub study: StudyNumber,
    /// Since when.
    pub filed: Instant,
}

/// One release of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRelease {
    /// The entry that allowed it.
    pub entry: EntryNumber,
    /// To whom; `None` for the owner of the machine.
    pub who: Option<Who>,
    /// From when until when it may have been used.
    pub lease: Window,
    /// From where.
    pub origin: Origin,
    /// [`Tier::Open`] when it was the half that opens images, [`Tier::List`] for the listing half alone.
    pub tier: Tier,
}

/// Every key that the ledger names. Looked through rarely, so it is kept small.
#[derive(Default)]
pub(crate) struct Keys(Vec<(KeyId, FiledKey)>);

impl Keys {
    pub fn apply(&mut self, entry: &Entry) {
        if let EntryBody::KeysFiled { study, keys } = &entry.body {
            let filed = FiledKey { study: *study, filed: entry.recorded };
            self.0.extend(keys.iter().map(|key| (*key, filed)));
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &(KeyId, FiledKey)> {
        self.0.iter()
    }
}

impl ExposureIndex {
    /// A key, when the ledger names it. Versions before the entry `keys-filed` did not.
    #[must_use]
    pub fn key(&self, key: KeyId) -> Option<FiledKey> {
        self.keys.0.iter().find(|(known, _)| *known == key).map(|(_, filed)| *filed)
    }

    /// What a key opens, and what was listed and opened with it, at some instant of `window`.
    #[must_use]
    pub fn report_key(&self, key: FiledKey, window: Window) -> Exposure {
        let mut gathered = Gathering::new(self, window);
        self.each_release(key, |action, lease| gathered.take(action, lease));
        let since = Window { from: key.filed, to: Instant::MAX };
        let filed_as =
            since.intersect(&window).map(|span| self.reach.filed_during(key.study, span)).unwrap_or_default();
        gathered.finish(filed_as.into_iter().map(|patient| ((patient, key.study), Tier::Open)).collect())
    }

    /// The same as parts of a plot.
    #[must_use]
    pub fn timeline_of_key(&self, key: FiledKey, window: Window, parts: u32) -> Vec<TimelinePart> {
        self.plot(window, parts, |each| self.each_release(key, each))
    }

    /// Every release of a key that shares an instant with `window`, oldest first.
    #[must_use]
    pub fn releases_of_key(&self, key: FiledKey, window: Window) -> Vec<KeyRelease> {
        let mut releases = Vec::new();
        self.each_release(key, |action, lease| {
            if let (Deed::Opened { tier, .. }, true) = (&action.deed, lease.overlaps(&window)) {
                releases.push(KeyRelease {
                    entry: action.number,
                    who: action.who,
                    lease,
                    origin: self.actions.origin_of(action.origin).clone(),
                    tier: *tier,
                });
            }
        });
        releases
    }

    fn each_release(&self, key: FiledKey, mut each: impl FnMut(&Action, Window)) {
        for action in self.actions.all() {
            let Deed::Opened { study, .. } = &action.deed else { continue };
            let lease = Window { from: action.lease.from.max(key.filed), to: action.lease.to };
            if *study == key.study && lease.from < lease.to {
                each(action, lease);
            }
        }
    }
}
