//! What was released, for as long as it may be used.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use model::{Instant, StudyNumber, Uid};
use protocol::{Credential, Scope};

use super::OpenStudy;

/// The most studies that are kept open; past it those whose lease ends first are forgotten.
const OPEN_STUDIES_MAX: usize = 4096;

/// The most bytes that open studies take in memory; past it those whose lease ends first are forgotten.
const OPEN_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A study for a credential.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct LeaseKey {
    /// BLAKE3 of the credential, so that no token is kept here.
    credential: [u8; 32],
    study: Uid,
}

impl LeaseKey {
    pub(super) fn of(credential: &Credential, study: &Uid) -> Self {
        Self { credential: hash(credential), study: study.clone() }
    }
}

fn hash(credential: &Credential) -> [u8; 32] {
    let bytes = postcard::to_stdvec(credential).expect("a credential has only strings");
    *blake3::hash(&zeroize::Zeroizing::new(bytes)).as_bytes()
}

#[derive(Default)]
pub(super) struct Leases {
    slots: Mutex<HashMap<LeaseKey, Arc<Slot>>>,
}

/// One study of one credential: what is released now, and the turn to ask for it.
#[derive(Default)]
pub(super) struct Slot {
    kept: Mutex<Kept>,
    asking: tokio::sync::Mutex<()>,
    /// Counts what made this slot forget: what was asked for before is not kept after.
    changes: AtomicU64,
}

#[derive(Default)]
struct Kept {
    images: Option<Arc<OpenStudy>>,
    listing: Option<Arc<OpenStudy>>,
}

impl Slot {
    /// What is released for `scope` and still runs at `now`. A release of images serves the listing too.
    pub(super) fn running(&self, scope: Scope, now: Instant, leases_ended: u64) -> Option<Arc<OpenStudy>> {
        let kept = lock(&self.kept);
        let runs = |open: &&Arc<OpenStudy>| open.runs(now, leases_ended);
        let images = kept.images.as_ref().filter(runs);
        match scope {
            Scope::Images => images.cloned(),
            Scope::Listing => images.or(kept.listing.as_ref().filter(runs)).cloned(),
        }
    }

    /// The turn to ask the warden: one at a time.
    pub(super) async fn asking(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.asking.lock().await
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Keeps what was released, unless something changed since `changes` was read.
    pub(super) fn keep(&self, open: &Arc<OpenStudy>, changes: u64) {
        let mut kept = lock(&self.kept);
        if self.changes() != changes {
            return;
        }
        match open.scope() {
            Scope::Images => *kept = Kept { images: Some(Arc::clone(open)), listing: None },
            Scope::Listing => kept.listing = Some(Arc::clone(open)),
        }
    }

    fn forget(&self) {
        let mut kept = lock(&self.kept);
        self.changes.fetch_add(1, Ordering::AcqRel);
        *kept = Kept::default();
    }

    fn all(&self) -> Vec<Arc<OpenStudy>> {
        let kept = lock(&self.kept);
        kept.images.iter().chain(&kept.listing).cloned().collect()
    }
}

impl Leases {
    pub(super) fn slot(&self, key: LeaseKey) -> Arc<Slot> {
        lock(&self.slots).entry(key).or_default().clone()
    }

    pub(super) fn count(&self) -> usize {
        lock(&self.slots).values().filter(|slot| !slot.all().is_empty()).count()
    }

    pub(super) fn forget_all(&self) {
        lock(&self.slots).drain().for_each(|(_, slot)| slot.forget());
    }

    pub(super) fn forget_credential(&self, credential: &Credential) {
        let credential = hash(credential);
        self.forget_where(|key, _| key.credential == credential);
    }

    /// Forgets these studies, and those that are being asked for, whose number is not known yet.
    pub(super) fn forget_studies(&self, studies: &[StudyNumber]) {
        self.forget_where(|_, slot| {
            let open = slot.all();
            open.is_empty() || open.iter().any(|open| open.numbers().any(|number| studies.contains(&number)))
        });
    }

    /// Forgets what ended. Slots that nobody uses go too.
    pub(super) fn forget_ended(&self, now: Instant) {
        let mut slots = lock(&self.slots);
        slots.retain(|_, slot| {
            let mut kept = lock(&slot.kept);
            let kept = &mut *kept;
            for study in [&mut kept.images, &mut kept.listing] {
                if study.as_ref().is_some_and(|open| now >= open.lease_until()) {
                    *study = None;
                }
            }
            kept.images.is_some() || kept.listing.is_some() || Arc::strong_count(slot) > 1
        });
    }

    /// Forgets those whose lease ends first until the bounds hold.
    pub(super) fn keep_within_bounds(&self) {
        let mut open: Vec<_> = lock(&self.slots)
            .iter()
            .flat_map(|(key, slot)| slot.all().into_iter().map(|open| (open.lease_until(), open.bytes(), key.clone())))
            .collect();
        let (mut count, mut bytes) = (open.len(), open.iter().map(|(_, bytes, _)| bytes).sum::<usize>());
        if count <= OPEN_STUDIES_MAX && bytes <= OPEN_BYTES_MAX {
            return;
        }
        open.sort_by_key(|(until, _, _)| *until);
        let mut ended = open.into_iter();
        while count > OPEN_STUDIES_MAX || bytes > OPEN_BYTES_MAX {
            let Some((_, size, key)) = ended.next() else { return };
            count -= 1;
            bytes -= size;
            if let Some(slot) = lock(&self.slots).get(&key) {
                slot.forget();
            }
        }
    }

    fn forget_where(&self, wanted: impl Fn(&LeaseKey, &Slot) -> bool) {
        lock(&self.slots).iter().filter(|(key, slot)| wanted(key, slot)).for_each(|(_, slot)| slot.forget());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
