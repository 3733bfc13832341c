//! Exchanging holders: what is cold already is closed to the present ones, with the shares of enough of those who hold it.
//!
//! Two persons and a delay name the new holders and open the exchange ([`Warden::replace_holders`]). Then each holder of before hands over,
//! from a machine of their own, shares page by page, sealed to a key that lives in this process's memory only. Once a box has enough of
//! them it is opened and at once closed anew: another secret, other shares, another lock. No key of it is written, none is released to
//! anybody. Shares that wait for those of others are forgotten after [`HELD_SECONDS`], and with the process.
//!
//! Durable steps of a page, and what a restart finds after each:
//! 1. the entry that a holder released shares. A crash: they are gone, the box is as it was, the holder hands over again.
//! 2. one transaction: boxes and locks of before out, those of now in, the entry announced. A crash before it: the boxes are as they
//!    were. After it: the start appends the entry.
//! 3. the entry. From now on the ledger says that a rotation is owed.
//! 4. the rotation, once nothing is left to hand over, and by every start and sweep. Until it is done the older epoch keys unwrap the
//!    locks of before out of free pages and the log, and then the shares of before open what the boxes were.
//!
//! A database that is older than the ledger (restored) has boxes of before again: hand-overs look at the database, not at the ledger.

use std::collections::HashMap;

use model::{Actor, EntryBody, EntryNumber, HolderKind, Instant, KeyId, NumberSet, StudyNumber};
use protocol::{
    BoxPlace, ColdExchange, ColdHandOver, ColdHandedOver, HandedOver, Refusal, SignedHandOver, WrappedShare,
};
use seal::{ColdBox, ColdLock, Secret32, Share, SiteSecretKey, SystemRandom};

use super::holders::HolderSet;
use super::{KeyStep, failed};
use crate::database::DatabaseError;
use crate::keyring::ColdRow;
use crate::pages::{HELD, field};
use crate::state::Warden;

/// How long shares wait for those of others, in seconds: four hours.
const HELD_SECONDS: i64 = 4 * 3_600;
/// Shares in one page.
const PAGE_SHARES: usize = 1_000;
/// Boxes that are read at a time.
const READ_BOXES: usize = 1_000;
/// Bytes of a study's number, a box's name and its share.
const PLACED_SHARE_BYTES: usize = 4 + 16 + Share::BYTES;

/// Shares that wait for those of others.
#[derive(Default)]
pub(crate) struct Exchange(Option<Transit>);

struct Transit {
    exchange: EntryNumber,
    /// When the first of the shares that wait came.
    began: Option<Instant>,
    key: SiteSecretKey,
    public: String,
    shares: HashMap<KeyId, HashMap<KeyId, Share>>,
}

/// A box of before, and the same closed to the holders of now.
struct Reclosed {
    before: BoxPlace,
    lock: ColdLock,
    sealed: ColdBox,
}

impl Warden {
    /// The exchange that is open, and whose shares wait.
    pub(crate) fn open_exchange(&self, now: Instant) -> Option<ColdExchange> {
        let (exchange, until, _) = self.proposals.read().expect(HELD).exchange(now)?;
        let set = self.holder_set().ok().flatten()?;
        let holders: Vec<KeyId> = {
            let held = self.exchange.lock().expect(HELD);
            let transit = held.0.as_ref().filter(|transit| transit.exchange == exchange);
            let waiting = transit.into_iter().flat_map(|transit| &transit.shares);
            waiting.filter(|(_, shares)| !shares.is_empty()).map(|(holder, _)| *holder).collect()
        };
        let cold = self.cold.read().expect(HELD);
        let mut waiting: Vec<String> = holders.into_iter().map(|holder| cold.name_of(holder)).collect();
        waiting.sort_unstable();
        Some(ColdExchange { exchange, until, waiting, set: set.digest })
    }

    /// Forgets everything that waits.
    pub(crate) fn forget_handed_over(&self) {
        self.exchange.lock().expect(HELD).0 = None;
    }

    /// How many studies have boxes that are closed to holders of another set. The database says so, not the ledger: one that was
    /// restored has them again, and one that is newer than the ledger has some of a set that the ledger lost.
    pub(crate) fn behind(&self) -> Result<u64, Refusal> {
        let generation = self.cold.read().expect(HELD).holders.as_ref().map_or(0, |(generation, ..)| *generation);
        self.reader.lock().expect(HELD).studies_of_others(generation).map_err(failed)
    }

    /// Forgets shares that waited for too long.
    pub(crate) fn forget_exchange(&self, now: Instant) {
        let mut held = self.exchange.lock().expect(HELD);
        let is_over = |began: Instant| began.plus_seconds(HELD_SECONDS) <= now;
        held.0.take_if(|transit| transit.began.is_some_and(is_over));
    }

    /// What a holder of before is to hand over, behind a place.
    pub(crate) fn hand_over_page(
        &self,
        holder: KeyId,
        after: Option<BoxPlace>,
        now: Instant,
    ) -> Result<SignedHandOver, Refusal> {
        let (exchange, set) = self.exchange_of(holder, now)?;
        let (generation, threshold, to) = self.cold.read().expect(HELD).holders.clone().ok_or(Refusal::Internal)?;
        if generation != set.generation {
            return Err(unfit());
        }
        let (mut shares, mut next) = (Vec::new(), after);
        loop {
            let rows = self.reader.lock().expect(HELD).cold_of_others(generation, next, READ_BOXES).map_err(failed)?;
            let last = rows.len() < READ_BOXES;
            for row in rows {
                next = Some(BoxPlace { study: row.study, name: row.name });
                // one that is damaged keeps no other from being handed over
                let Ok(sealed) = ColdBox::from_bytes(row.sealed) else { continue };
                let shares_it = self.kind_in(row.generation, holder) == Some(HolderKind::Sharing);
                if let Some(wrapped) = sealed.wrapped_share(holder).filter(|_| shares_it) {
                    shares.push(WrappedShare { study: row.study, name: row.name, wrapped: hex::encode(wrapped) });
                }
                if shares.len() == PAGE_SHARES {
                    break;
                }
            }
            if shares.len() == PAGE_SHARES || last {
                next = next.filter(|_| shares.len() == PAGE_SHARES);
                break;
            }
        }
        self.forget_exchange(now);
        let transit = self.exchange_key(exchange);
        let page = ColdHandOver {
            version: 2,
            site: self.secrets.site,
            exchange,
            holder,
            generation,
            threshold,
            to,
            transit,
            shares,
            next,
        };
        let page = serde_json::to_string(&page).map_err(failed)?;
        let signature = hex::encode(self.secrets.signing.sign(&SignedHandOver::message(&page)));
        Ok(SignedHandOver { page, signature })
    }

    /// Takes a page of a holder's shares; boxes that have enough of them are closed to the present holders.
    pub(crate) fn handed_over(&self, handed: &ColdHandedOver, now: Instant) -> Result<HandedOver, Refusal> {
        let _work = self.key_work.lock().expect(HELD);
        self.forget_exchange(now);
        let holder = handed.holder;
        let (exchange, set) = self.exchange_of(holder, now)?;
        let shares = self.unsealed(handed, exchange, &set)?;
        let mut damaged = 0;
        let mut boxes = Vec::with_capacity(shares.len());
        let mut checked = HashMap::with_capacity(shares.len());
        for (place, share) in shares {
            let Some(row) = self.box_at(place, set.generation)? else { continue };
            let shares_it = self.kind_in(row.generation, holder) == Some(HolderKind::Sharing);
            let sealed = ColdBox::from_bytes(row.sealed.clone());
            // only what its box knows is kept: a share that nobody can check would spoil those of others. One box that is damaged
            // keeps no other from going on
            let Some(sealed) = sealed.ok().filter(|sealed| {
                let whole = share.is_whole() && sealed.threshold() > 1;
                shares_it && !whole && sealed.is_share_of(holder, place.name, &share)
            }) else {
                damaged += 1;
                tracing::error!(study = %place.study, "a share does not fit its box, which stays with its holders; restore warden.db from the vault");
                continue;
            };
            checked.insert(place.name, share);
            boxes.push((row, sealed));
        }
        if boxes.is_empty() {
            return Ok(HandedOver { reclosed: 0, waiting: 0, damaged, behind: self.behind()? });
        }
        let fresh = self.not_held(holder, &boxes);
        if fresh > 0 {
            let released = EntryBody::ColdSharesReleased { exchange, holder, boxes: fresh };
            self.ledger.append(vec![(Actor::Warden, released)], now).map_err(|error| self.cannot_record(&error))?;
        }

        let of_boxes = {
            let mut held = self.exchange.lock().expect(HELD);
            let transit = held.0.as_mut().ok_or_else(unfit)?;
            transit.began.get_or_insert(now);
            transit.shares.entry(holder).or_default().extend(checked);
            let of = |(_, sealed): &(ColdRow, ColdBox), name| transit.of_box(name, sealed.threshold());
            boxes.iter().map(|one| of(one, one.0.name)).collect::<Vec<_>>()
        };
        let (mut ready, mut by, mut waiting) = (Vec::new(), Vec::new(), 0);
        for ((row, sealed), shares) in boxes.into_iter().zip(of_boxes) {
            let Some(shares) = shares else {
                waiting += 1;
                continue;
            };
            by.extend(shares.iter().map(|(holder, _)| *holder));
            match self.closed_anew(&row, &sealed, &shares, &set) {
                Some(closed) => ready.push(closed),
                None => damaged += 1,
            }
        }
        by.sort_unstable();
        by.dedup();
        let done: Vec<KeyId> = ready.iter().map(|one| one.before.name).collect();
        let reclosed = if ready.is_empty() { 0 } else { self.put_reclosed(ready, exchange, by, &set)? };
        self.forget_boxes(&done);
        let behind = self.behind()?;
        {
            let mut held = self.exchange.lock().expect(HELD);
            if let Some(transit) = &mut held.0 {
                transit.shares.values_mut().for_each(|shares| shares.retain(|name, _| !done.contains(name)));
                if transit.shares.values().all(HashMap::is_empty) {
                    transit.began = None;
                }
            }
            held.0.take_if(|_| behind == 0);
        }
        if behind == 0 && self.cold.read().expect(HELD).rotation_owed && self.rotate_keys().is_err() {
            tracing::error!("an old epoch key could not be destroyed yet; the next sweep tries again");
        }
        Ok(HandedOver { reclosed, waiting, damaged, behind })
    }

    /// How many of these boxes wait for no share of this holder yet: a page that comes twice is no second entry.
    fn not_held(&self, holder: KeyId, boxes: &[(ColdRow, ColdBox)]) -> u32 {
        let held = self.exchange.lock().expect(HELD);
        let of_holder = held.0.as_ref().and_then(|transit| transit.shares.get(&holder));
        let is_held = |row: &ColdRow| of_holder.is_some_and(|shares| shares.contains_key(&row.name));
        boxes.iter().filter(|(row, _)| !is_held(row)).count() as u32
    }

    fn kind_in(&self, generation: u32, holder: KeyId) -> Option<HolderKind> {
        self.cold.read().expect(HELD).kind_in(generation, holder)
    }

    /// The exchange that a holder may hand over to, and the set of holders it is to: it is open, one share of theirs is not enough alone,
    /// and every new holder has shown that they have their key. Boxes of before are removed, so nothing goes to a key that nobody has.
    fn exchange_of(&self, holder: KeyId, now: Instant) -> Result<(EntryNumber, HolderSet), Refusal> {
        let open = self.proposals.read().expect(HELD).exchange(now);
        let none = || field("the exchange", "one that is open; `leadglass cold holder replace` asks for one");
        let (exchange, _, generation) = open.ok_or_else(none)?;
        let set = self.holder_set()?.filter(|set| set.generation == generation).ok_or_else(none)?;
        let shares = self.cold.read().expect(HELD).shares(holder);
        match shares {
            Some(true) if set.unproven.is_empty() => Ok((exchange, set)),
            Some(true) => {
                let missing = format!(
                    "holders who have all shown that they have their key with `leadglass cold holder prove`; not yet: {}",
                    set.unproven.join(", ")
                );
                Err(field("the new set", &missing))
            }
            Some(false) => Err(field("holder", "one with a share; who is enough alone hands nothing over")),
            None => Err(field("holder", "one of this site; `leadglass cold state` lists them")),
        }
    }

    /// The public half of the key that shares are sealed to.
    fn exchange_key(&self, exchange: EntryNumber) -> String {
        let mut held = self.exchange.lock().expect(HELD);
        held.0.take_if(|transit| transit.exchange != exchange);
        held.0.get_or_insert_with(|| Transit::new(exchange)).public.clone()
    }

    /// The shares of a page with the places of their boxes, if the holder signed it for this exchange.
    fn unsealed(
        &self,
        handed: &ColdHandedOver,
        exchange: EntryNumber,
        set: &HolderSet,
    ) -> Result<Vec<(BoxPlace, Share)>, Refusal> {
        let (public, plain) = {
            let held = self.exchange.lock().expect(HELD);
            let transit = held.0.as_ref().filter(|transit| transit.exchange == exchange).ok_or_else(unfit)?;
            let sealed = hex::decode(&handed.sealed).map_err(|_| unfit())?;
            let info = ColdHandedOver::info(self.secrets.site, handed.exchange, handed.holder);
            (transit.public.clone(), transit.key.open_message(&info, &sealed).ok_or_else(unfit)?)
        };
        let message = ColdHandedOver::message(
            self.secrets.site,
            handed.exchange,
            (set.generation, &set.digest),
            &public,
            &handed.sealed,
        );
        let signature = hex::decode(&handed.signature).map_err(|_| unfit())?;
        let key = self.holder_key(handed.holder)?.filter(|_| handed.exchange == exchange).ok_or_else(unfit)?;
        key.verify(&message, &signature).map_err(|_| unfit())?;
        if plain.len() > PAGE_SHARES * PLACED_SHARE_BYTES {
            return Err(unfit());
        }
        let placed = |bytes: &[u8]| {
            let (study, rest) = bytes.split_first_chunk::<4>()?;
            let (name, share) = rest.split_first_chunk::<16>()?;
            let place = BoxPlace { study: StudyNumber(u32::from_be_bytes(*study)), name: KeyId(*name) };
            Some((place, Share::from_bytes(share.try_into().ok()?)))
        };
        plain.chunks(PLACED_SHARE_BYTES).map(|bytes| placed(bytes).ok_or_else(unfit)).collect()
    }

    /// A box of another set of holders with its lock, while it is there.
    fn box_at(&self, place: BoxPlace, generation: u32) -> Result<Option<ColdRow>, Refusal> {
        let rows = self.reader.lock().expect(HELD).cold_of(place.study).map_err(failed)?;
        Ok(rows.into_iter().find(|row| row.name == place.name && row.generation != generation))
    }

    /// Opens a box and closes it to the present holders. One that is damaged stays as it is and keeps no other from going on.
    fn closed_anew(
        &self,
        row: &ColdRow,
        sealed: &ColdBox,
        shares: &[(KeyId, Share)],
        set: &HolderSet,
    ) -> Option<Reclosed> {
        let shares: Vec<Share> = shares.iter().map(|(_, share)| share.clone()).collect();
        let secret: Option<Secret32> = seal::combine(&shares, sealed.threshold()).ok();
        let opened = secret.ok_or(DatabaseError::Damaged { what: "share of a cold study" });
        match opened.and_then(|secret| self.open_box(sealed, &secret, row.name, row.lock.clone())) {
            Ok(keys) => {
                let (lock, sealed) = ColdBox::close(&keys, self.secrets.site, &set.holders, &mut SystemRandom);
                Some(Reclosed { before: BoxPlace { study: row.study, name: row.name }, lock, sealed })
            }
            Err(error) => {
                tracing::error!(%error, study = %row.study, "a cold study does not open and stays with its holders; restore warden.db from the vault");
                None
            }
        }
    }

    /// Puts boxes in the place of those of before; says how many.
    fn put_reclosed(
        &self,
        ready: Vec<Reclosed>,
        exchange: EntryNumber,
        by: Vec<KeyId>,
        set: &HolderSet,
    ) -> Result<u64, Refusal> {
        self.steps.before(KeyStep::Reclose)?;
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
        let changes = database.begin().map_err(failed)?;
        let epochs = self.secrets.epochs.read().expect(HELD);
        let (epoch, epoch_key) = epochs.newest().map_err(failed)?;
        let (mut boxes, mut touched) = (0, Vec::new());
        for Reclosed { before, lock, sealed } in ready {
            // shredded meanwhile, or closed by a page that came twice
            if !changes.remove_cold(before.study, before.name).map_err(failed)? {
                continue;
            }
            let wrapped = lock.wrap(epoch_key, self.secrets.site, &mut SystemRandom);
            let row = ColdRow {
                study: before.study,
                name: lock.name(),
                generation: set.generation,
                sealed: sealed.as_bytes().to_vec(),
                lock: Some((epoch, wrapped)),
            };
            changes.put_cold(&row).map_err(failed)?;
            boxes += 1;
            touched.push(before.study);
        }
        drop(epochs);
        if boxes == 0 {
            return Ok(0);
        }
        let mut studies = Vec::new();
        for study in touched {
            if !changes.is_boxed_to_others(study, set.generation).map_err(failed)? {
                studies.push(study.0);
            }
        }
        let studies: NumberSet = studies.into_iter().collect();
        let body = EntryBody::ColdReclosed { exchange, studies, generation: set.generation, boxes, by };
        let entries = vec![(Actor::Warden, body)];
        self.announce(&changes, &entries).map_err(failed)?;
        changes.commit().map_err(failed)?;
        self.steps.before(KeyStep::RecordReclosed)?;
        self.append_announced(&mut database, entries).map_err(|error| self.cannot_record(&error))?;
        Ok(u64::from(boxes))
    }
}

impl Transit {
    fn new(exchange: EntryNumber) -> Self {
        let key = SiteSecretKey::from_seed(&Secret32::generate(&mut SystemRandom));
        let public = hex::encode(key.public().to_bytes());
        Self { exchange, began: None, key, public, shares: HashMap::new() }
    }

    /// The shares of a box, once as many holders as are needed handed theirs over.
    fn of_box(&self, name: KeyId, threshold: u8) -> Option<Vec<(KeyId, Share)>> {
        let shares: Vec<_> =
            self.shares.iter().filter_map(|(holder, shares)| Some((*holder, shares.get(&name)?.clone()))).collect();
        (shares.len() >= usize::from(threshold)).then_some(shares)
    }
}

fn unfit() -> Refusal {
    field("what is handed over", "a page of this exchange as it is now; begin once more")
}
