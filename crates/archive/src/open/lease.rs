//! What was released, for as long as it may be used.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
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

/// After so many more studies the bounds are looked at: a look walks over all of them.
const KEPT_BETWEEN_LOOKS: usize = 64;

/// A study for a credential.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct LeaseKey {
    /// BLAKE3 of the credential, so that no token is kept here.
    credential: [u8; 32],
    study: Uid,
}

impl LeaseKey {
    /// `None` for a caller whose possession the front could not verify: the warden decides each time, and nothing is kept.
    pub(super) fn of(credential: &Credential, study: &Uid) -> Option<Self> {
        Some(Self { credential: hash(credential)?, study: study.clone() })
    }
}

/// Token, address and what is held beside the token: the key of the browser or program, or the certificate. A cookie that
/// comes without the key meets another lease than the one that the key's holder has.
fn hash(credential: &Credential) -> Option<[u8; 32]> {
    let (kind, token, origin, held) = match credential {
        Credential::Session { token, origin, proof } => (0, token.as_str(), &origin.0, [Some(proof.key?), None]),
        Credential::DeviceToken { token, origin } => (1, token.as_str(), &origin.0, [None, None]),
        Credential::BoundToken { token, origin, proof, certificate } => {
            (2, token.as_str(), &origin.0, [proof.as_ref().and_then(|proof| proof.key), *certificate])
        }
        Credential::Stranger { .. } | Credential::Owner => return None,
    };
    let bytes = postcard::to_stdvec(&(kind, token, origin, held)).expect("texts and digests are postcard");
    Some(*blake3::hash(&zeroize::Zeroizing::new(bytes)).as_bytes())
}

#[derive(Default)]
pub(super) struct Leases {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    slots: HashMap<LeaseKey, Arc<Slot>>,
    /// Who holds a study, so that filing one instance does not walk over every lease.
    by_study: HashMap<StudyNumber, Vec<Weak<Slot>>>,
    /// Studies that changed while somebody asks for one whose number is not known yet.
    asking: HashMap<u64, Vec<StudyNumber>>,
    asked: u64,
    /// Studies kept since the bounds were looked at.
    kept: usize,
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
            // each is an entry of its own
            Scope::Download => None,
        }
    }

    /// The turn to ask the warden: one at a time.
    pub(super) async fn asking(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.asking.lock().await
    }

    fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Keeps what was released, unless the credential ended since `changes` was read; whether it was kept.
    fn keep(&self, open: &Arc<OpenStudy>, changes: u64) -> bool {
        let mut kept = lock(&self.kept);
        if self.changes() != changes {
            return false;
        }
        match open.scope() {
            Scope::Images => *kept = Kept { images: Some(Arc::clone(open)), listing: None },
            Scope::Listing => kept.listing = Some(Arc::clone(open)),
            Scope::Download => return false,
        }
        true
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

/// A question to the warden that is on its way.
pub(super) struct Asking<'a> {
    leases: &'a Leases,
    slot: &'a Arc<Slot>,
    number: u64,
    changes: u64,
}

impl Asking<'_> {
    /// Keeps the answer for the length of its lease, unless its study or its credential changed since it was asked for.
    pub(super) fn keep(&self, open: &Arc<OpenStudy>) {
        let mut table = lock(&self.leases.table);
        let changed =
            table.asking.get(&self.number).is_some_and(|changed| open.numbers().any(|n| changed.contains(&n)));
        if changed || !self.slot.keep(open, self.changes) {
            return;
        }
        for number in open.numbers() {
            let holders = table.by_study.entry(number).or_default();
            if !holders.iter().any(|holder| std::ptr::eq(holder.as_ptr(), Arc::as_ptr(self.slot))) {
                holders.push(Arc::downgrade(self.slot));
            }
        }
        table.kept += 1;
        if table.kept >= KEPT_BETWEEN_LOOKS || table.slots.len() > OPEN_STUDIES_MAX {
            table.keep_within_bounds();
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        lock(&self.leases.table).asking.remove(&self.number);
    }
}

impl Leases {
    pub(super) fn slot(&self, key: LeaseKey) -> Arc<Slot> {
        lock(&self.table).slots.entry(key).or_default().clone()
    }

    /// Begins to ask the warden for what `slot` is to hold.
    pub(super) fn ask<'a>(&'a self, slot: &'a Arc<Slot>) -> Asking<'a> {
        let mut table = lock(&self.table);
        table.asked += 1;
        let number = table.asked;
        table.asking.insert(number, Vec::new());
        Asking { leases: self, slot, number, changes: slot.changes() }
    }

    pub(super) fn count(&self) -> usize {
        lock(&self.table).slots.values().filter(|slot| !slot.all().is_empty()).count()
    }

    pub(super) fn forget_all(&self) {
        lock(&self.table).slots.drain().for_each(|(_, slot)| slot.forget());
    }

    pub(super) fn forget_credential(&self, credential: &Credential) {
        let Some(credential) = hash(credential) else { return };
        let table = lock(&self.table);
        table.slots.iter().filter(|(key, _)| key.credential == credential).for_each(|(_, slot)| slot.forget());
    }

    /// Forgets these studies, and sees to it that one that is being asked for now is not kept.
    pub(super) fn forget_studies(&self, studies: &[StudyNumber]) {
        let mut table = lock(&self.table);
        table.asking.values_mut().for_each(|changed| changed.extend_from_slice(studies));
        for study in studies {
            let holders = table.by_study.remove(study).unwrap_or_default();
            holders.iter().filter_map(Weak::upgrade).for_each(|slot| slot.forget());
        }
    }

    /// Forgets what ended. Slots that nobody uses go too.
    pub(super) fn forget_ended(&self, now: Instant) {
        let mut table = lock(&self.table);
        table.slots.retain(|_, slot| {
            let mut kept = lock(&slot.kept);
            let kept = &mut *kept;
            for study in [&mut kept.images, &mut kept.listing] {
                if study.as_ref().is_some_and(|open| now >= open.lease_until()) {
                    *study = None;
                }
            }
            kept.images.is_some() || kept.listing.is_some() || Arc::strong_count(slot) > 1
        });
        table.by_study.retain(|_, holders| {
            holders.retain(|holder| holder.strong_count() > 0);
            !holders.is_empty()
        });
        table.keep_within_bounds();
    }
}

impl Table {
    /// Forgets those whose lease ends first when a bound is passed, and some more, so that the next look is not the next study's.
    fn keep_within_bounds(&mut self) {
        self.kept = 0;
        let open = |(key, slot): (&LeaseKey, &Arc<Slot>)| -> Vec<_> {
            slot.all().into_iter().map(|open| (open.lease_until(), open.bytes(), key.clone())).collect()
        };
        let mut open: Vec<_> = self.slots.iter().flat_map(open).collect();
        let (mut count, mut bytes) = (open.len(), open.iter().map(|(_, bytes, _)| bytes).sum::<usize>());
        if count <= OPEN_STUDIES_MAX && bytes <= OPEN_BYTES_MAX {
            return;
        }
        open.sort_by_key(|(until, _, _)| *until);
        let mut ended = open.into_iter();
        while count > OPEN_STUDIES_MAX / 8 * 7 || bytes > OPEN_BYTES_MAX / 8 * 7 {
            let Some((_, size, key)) = ended.next() else { return };
            count -= 1;
            bytes -= size;
            if let Some(slot) = self.slots.remove(&key) {
                slot.forget();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
