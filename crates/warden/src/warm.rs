//! Warming: request with a reason → holders' approvals → the studies of one patient open until a deadline → cold again by themselves.
//!
//! Shares live in memory only, and only between an approval and the warming; the key that they are sealed to is fresh for each request.
//! A restart forgets both: holders approve once more.
//!
//! Durable steps of a warming, and what a restart finds after each:
//! 1. the warming's own epoch key. A crash: no key needs it, the start destroys it, the request is still open.
//! 2. one transaction: the studies' keys under that epoch, the entry announced. A crash: the start appends the entry.
//! 3. the entry. From now on the studies open.
//!
//! Of its end: keys out and the entry announced in one transaction; the epoch key is destroyed; the entry. A crash before the key is destroyed:
//! the start finds an epoch that no key needs, and destroys it.

use std::collections::{BTreeSet, HashMap};

use model::{
    Actor, EntryBody, EntryNumber, Evidence, Finding, HolderKind, Instant, KeyId, NumberSet, Reaction, StudyNumber,
    Warmed, WarmingBasis, Whose,
};
use policy::{Service, Target};
use protocol::{
    AskForCold, COLD_SHARES_MAX, COLD_STUDIES_MAX, ColdApproval, ColdReply, ColdRequest, ColdRequestRow, PageReply,
    Refusal, SignedColdRequest, WrappedShare,
};
use seal::{BatchKeys, ColdBox, ColdLock, Secret32, Share, SiteSecretKey, SystemRandom};

use crate::cold::{KeyStep, Request, failed};
use crate::database::DatabaseError;
use crate::epochs;
use crate::keyring::ColdRow;
use crate::pages::{HELD, field, unknown};
use crate::state::Warden;
use crate::subject::Caller;

/// The most requests that wait.
const REQUESTS_MAX: usize = 10_000;
/// The longest that somebody may ask for: two weeks.
const WARM_SECONDS_MAX: i64 = 14 * 86_400;
/// The longest that a holder on call warms for alone: four hours.
const EMERGENCY_SECONDS_MAX: i64 = 4 * 3_600;
/// The longest reason, in characters.
const REASON_CHARACTERS_MAX: usize = 200;
/// Bytes of a box's name and its share.
const NAMED_SHARE_BYTES: usize = 16 + Share::BYTES;

/// What is known of open requests in memory.
#[derive(Default)]
pub(crate) struct Transits(HashMap<EntryNumber, Transit>);

/// The key that shares of one request are sealed to, and those that came.
struct Transit {
    key: SiteSecretKey,
    public: String,
    shares: HashMap<KeyId, HashMap<KeyId, Share>>,
}

impl Warden {
    /// Makes a request: for the owner, and for whoever could open the studies if they were not cold.
    pub(crate) async fn ask_for_cold(
        &self,
        caller: &Caller,
        asked: AskForCold,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        // whoever came by a link asks for nothing more than what it shows
        if matches!(caller.actor, Actor::Link { .. }) {
            return Err(self.refuse(caller, "ask-for-cold", None, policy::Denied::Role, now).await);
        }
        let manages = policy::decide(&caller.subject, Service::Cold, Target::Nothing, now).is_ok();
        let nothing = policy::denied_of_nothing(&caller.subject, Service::Open, now);
        // whoever could never open a study is told so before anything about the request
        if !manages && nothing != policy::Denied::Reach {
            return Err(self.refuse(caller, "ask-for-cold", None, nothing, now).await);
        }
        let reason = asked.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS_MAX || reason.chars().any(char::is_control) {
            return Err(field("reason", "why, in 1 to 200 characters"));
        }
        let longest = if asked.emergency { EMERGENCY_SECONDS_MAX } else { WARM_SECONDS_MAX };
        if asked.until <= now || now.plus_seconds(longest) < asked.until {
            return Err(field("until", "a time ahead: at most 14 days, for an emergency at most 4 hours"));
        }
        let named = self.named_studies(&asked.whom);
        let (patient, mut studies) = match named {
            Ok(named) => named,
            Err(refusal) if manages => return Err(refusal),
            // who is not there reads like who may not be reached
            Err(_) => return Err(self.refuse(caller, "ask-for-cold", None, nothing, now).await),
        };
        if !manages {
            let reachable = self.reachable(caller, now);
            let mut denied = nothing;
            studies.retain(|study| {
                let reach = reachable.ground(patient, *study).map(crate::list::reach_of);
                let target = Target::Study { patient, study: *study, reach };
                policy::decide(&caller.subject, Service::Open, target, now).map_err(|why| denied = why).is_ok()
            });
            if studies.is_empty() {
                return Err(self.refuse(caller, "ask-for-cold", None, denied, now).await);
            }
        }
        let basis = if asked.emergency { WarmingBasis::Emergency } else { WarmingBasis::Request };
        {
            let cold = self.cold.read().expect(HELD);
            studies.retain(|study| cold.is_cold(*study, now));
            if studies.is_empty() {
                return Err(field("whom", "somebody with cold studies; these are open already"));
            }
            if cold.open_requests(now).count() >= REQUESTS_MAX {
                return Err(Refusal::Throttled { seconds: 3_600 });
            }
        }
        studies.truncate(COLD_STUDIES_MAX);
        caller.touched()?;
        let count = studies.len() as u32;
        let studies: NumberSet = studies.into_iter().map(|study| study.0).collect();
        let body = EntryBody::WarmingRequested { patient, studies, basis, reason, until: asked.until };
        let appended = self.append(caller, vec![body], now)?;
        let request = appended.first().map(|(number, _)| *number).ok_or(Refusal::Internal)?;
        if asked.emergency {
            tracing::warn!(%request, "somebody asks for a patient's cold studies at once; call the holder on duty");
        }
        Ok(PageReply::Cold(ColdReply::Asked { request, studies: count }))
    }

    /// Requests that wait, oldest first.
    pub(crate) fn cold_requests(&self, caller: Option<&Caller>, now: Instant) -> Vec<ColdRequestRow> {
        let open: Vec<(EntryNumber, Request)> = {
            let cold = self.cold.read().expect(HELD);
            cold.open_requests(now).map(|(number, request)| (number, request.clone())).collect()
        };
        let threshold = self.cold.read().expect(HELD).holders.as_ref().map_or(0, |(_, threshold, _)| *threshold);
        let row = |(number, request): (EntryNumber, Request)| ColdRequestRow {
            answered: self.answered(number),
            from: origin(&request.actor),
            digest: self.warming_digest(number, &request),
            endorsed: self.endorsements(&request),
            may_decide: caller.is_some_and(|caller| self.may_decide(caller, &request, now)),
            request: number,
            actor: self.actor_words(&request.actor),
            patient: request.patient,
            studies: request.studies.len() as u32,
            basis: request.basis,
            reason: request.reason,
            asked: request.recorded,
            until: request.until,
            approved: self.answered(number).len() as u8,
            threshold,
        };
        open.into_iter().map(row).collect()
    }

    /// The names of the holders whose shares of a request are there.
    pub(crate) fn answered(&self, request: EntryNumber) -> Vec<String> {
        let holders: Vec<KeyId> = {
            let transits = self.transits.lock().expect(HELD);
            transits.0.get(&request).map(|transit| transit.shares.keys().copied().collect()).unwrap_or_default()
        };
        let cold = self.cold.read().expect(HELD);
        let mut names: Vec<String> = holders.into_iter().map(|holder| cold.name_of(holder)).collect();
        names.sort_unstable();
        names
    }

    /// Forgets the shares of a request that has ended.
    pub(crate) fn forget_shares(&self, request: EntryNumber) {
        self.transits.lock().expect(HELD).0.remove(&request);
    }

    /// A request as one holder decides on it, signed by the site.
    pub(crate) fn cold_request(
        &self,
        number: EntryNumber,
        holder: KeyId,
        now: Instant,
    ) -> Result<SignedColdRequest, Refusal> {
        let request = self.open_request(number, now)?;
        let mut shares = Vec::new();
        for row in self.boxes_of(&request.studies)? {
            let sealed = ColdBox::from_bytes(row.sealed).map_err(failed)?;
            if let Some(wrapped) = sealed.wrapped_share(holder) {
                shares.push(WrappedShare { study: row.study, name: row.name, wrapped: hex::encode(wrapped) });
            }
        }
        if shares.is_empty() || shares.len() > COLD_SHARES_MAX {
            return Err(field("holder", "a holder of shares of these studies; `leadglass cold state` lists them"));
        }
        let transit = {
            let mut transits = self.transits.lock().expect(HELD);
            transits.0.retain(|number, _| self.cold.read().expect(HELD).request(*number, now).is_some());
            transits.0.entry(number).or_insert_with(Transit::new).public.clone()
        };
        let endorsed = self.endorsements(&request).into_iter().map(|one| one.name).collect();
        let request = ColdRequest {
            version: 1,
            site: self.secrets.site,
            request: number,
            holder,
            patient: request.patient,
            studies: request.studies.len() as u32,
            basis: request.basis,
            reason: request.reason,
            actor: self.actor_words(&request.actor),
            asked: request.recorded,
            until: request.until,
            endorsed,
            transit,
            shares,
        };
        let request = serde_json::to_string(&request).map_err(failed)?;
        let signature = hex::encode(self.secrets.signing.sign(&SignedColdRequest::message(&request)));
        Ok(SignedColdRequest { request, signature })
    }

    /// Takes a holder's shares; with enough of them the studies are warm. What is wrong with an approval is said to whoever brings it, and
    /// is no entry: the holder's signature is what counts.
    pub(crate) fn approve_cold(&self, approval: &ColdApproval, now: Instant) -> Result<ColdReply, Refusal> {
        // not behind a sweep or a rotation: an emergency does not wait for those
        let _turn = self.warm_work.lock().expect(HELD);
        let (number, holder) = (approval.request, approval.holder);
        let request = self.open_request(number, now)?;
        let unfit =
            || field("approval", "one for this request as it is now; take the request again and approve it once more");
        let key = self.holder_key(holder)?.ok_or_else(unfit)?;
        let (public, shares) = {
            let transits = self.transits.lock().expect(HELD);
            let transit = transits.0.get(&number).ok_or_else(unfit)?;
            let sealed = hex::decode(&approval.sealed).map_err(|_| unfit())?;
            let info = ColdApproval::info(self.secrets.site, number, holder);
            (transit.public.clone(), transit.key.open_message(&info, &sealed).ok_or_else(unfit)?)
        };
        let message = ColdApproval::message(self.secrets.site, number, &public, &approval.sealed);
        let signature = hex::decode(&approval.signature).map_err(|_| unfit())?;
        key.verify(&message, &signature).map_err(|_| unfit())?;

        let mut named = HashMap::new();
        for named_share in shares.chunks(NAMED_SHARE_BYTES) {
            let (name, share) = named_share.split_first_chunk::<16>().ok_or_else(unfit)?;
            let share: &[u8; Share::BYTES] = share.try_into().map_err(|_| unfit())?;
            named.insert(KeyId(*name), Share::from_bytes(share));
        }
        let boxes = self.boxes_of(&request.studies)?;
        let (mut checked, mut alone) = (HashMap::new(), HashMap::new());
        let (mut emergency, mut refused) = (false, None);
        for row in &boxes {
            let sealed = ColdBox::from_bytes(row.sealed.clone()).map_err(failed)?;
            // what a holder may do with a box is what the set says that it was closed to
            let kind = self.cold.read().expect(HELD).kind_in(row.generation, holder);
            let (Some(kind), true) = (kind, sealed.wrapped_share(holder).is_some()) else { continue };
            // only what its box knows is kept: a share that nobody can check would spoil those of others
            match named.remove(&row.name) {
                Some(share) if sealed.is_share_of(holder, row.name, &share) => {
                    if kind != HolderKind::Sharing {
                        match self.may_release(holder, kind, &request, now) {
                            Ok(()) => {
                                emergency |= kind == HolderKind::Emergency;
                                alone.insert(row.name, share);
                            }
                            // it may still be one share of the boxes of another set
                            Err(refusal) => refused = Some(refusal),
                        }
                    } else if share.is_whole() && sealed.threshold() > 1 {
                        return Err(unfit());
                    } else {
                        checked.insert(row.name, share);
                    }
                }
                _ => return Err(unfit()),
            }
        }
        if checked.is_empty() && alone.is_empty() {
            // nothing was looked at, so nothing was answered
            return Err(refused.unwrap_or_else(unfit));
        }
        let until = self.ends(number, &request, emergency, now)?;
        let approved = EntryBody::WarmingApproved { request: number, holder };
        self.ledger.append(vec![(Actor::Warden, approved)], now).map_err(|error| self.cannot_record(&error))?;
        let shares = {
            let mut transits = self.transits.lock().expect(HELD);
            let transit = transits.0.get_mut(&number).ok_or_else(unfit)?;
            if !checked.is_empty() {
                transit.shares.insert(holder, checked);
            }
            if alone.is_empty() {
                transit.shares.clone()
            } else {
                // who is enough alone opens alone, for the time and out of the budget of that, and leaves nothing for others
                HashMap::from([(holder, alone)])
            }
        };
        let mut opened = self.open_boxes(boxes, &shares)?;
        if opened.failed {
            // locks may have been wrapped again between the reading and the opening
            opened = self.open_boxes(self.boxes_of(&request.studies)?, &shares)?;
        }
        let Opened { keys, by, names, missing, left, .. } = opened;
        if keys.is_empty() {
            return if missing > 0 {
                Ok(ColdReply::Approved { warmed: 0, missing, left, until })
            } else {
                Err(Refusal::Internal)
            };
        }
        let warmed = self.warm(number, &request, keys, by.into_iter().collect(), until, emergency)?;
        self.forget_boxes(&names);
        if left == 0 {
            self.forget_shares(number);
        }
        Ok(ColdReply::Approved { warmed, missing, left, until })
    }

    /// Forgets the shares of boxes that are open or gone: whoever released only such has answered nothing.
    pub(crate) fn forget_boxes(&self, names: &[KeyId]) {
        for transit in self.transits.lock().expect(HELD).0.values_mut() {
            transit.shares.values_mut().for_each(|shares| shares.retain(|name, _| !names.contains(name)));
            transit.shares.retain(|_, shares| !shares.is_empty());
        }
    }

    /// Until when what opens now stays open. Parts of one request end together, an emergency after four hours at most.
    fn ends(&self, number: EntryNumber, request: &Request, emergency: bool, now: Instant) -> Result<Instant, Refusal> {
        let part = self.cold.read().expect(HELD).warmings.get(&number).map(|part| part.until);
        let longest = if emergency { now.plus_seconds(EMERGENCY_SECONDS_MAX) } else { request.until };
        match part {
            Some(part) if emergency && longest < part => Err(field(
                "request",
                "one of which nothing is open for longer; ask anew for the studies that are still cold",
            )),
            Some(part) => Ok(request.until.min(longest).min(part)),
            None => Ok(request.until.min(longest)),
        }
    }

    /// Whether a holder may release shares for a request now. One that is enough alone has a budget.
    fn may_release(&self, holder: KeyId, kind: HolderKind, request: &Request, now: Instant) -> Result<(), Refusal> {
        let cold = self.cold.read().expect(HELD);
        let per_day = match kind {
            HolderKind::Sharing => return Ok(()),
            HolderKind::Service if request.basis != WarmingBasis::Order => {
                return Err(field("request", "one for the priors of an order; this holder warms nothing else alone"));
            }
            HolderKind::Service => cold.rule.service_per_day,
            HolderKind::Emergency => cold.rule.emergency_per_day,
        };
        if cold.warmed_alone(holder, now) >= per_day as usize {
            tracing::warn!(%holder, "a holder who warms alone has used up the day's budget");
            return Err(Refusal::Throttled { seconds: 3_600 });
        }
        Ok(())
    }

    /// Makes keys hot under an epoch of their own.
    fn warm(
        &self,
        number: EntryNumber,
        request: &Request,
        opened: Vec<(StudyNumber, Vec<BatchKeys>)>,
        by: Vec<KeyId>,
        until: Instant,
        emergency: bool,
    ) -> Result<u32, Refusal> {
        self.steps.before(KeyStep::BeginWarming)?;
        let epoch = {
            let _database = self.database.lock().expect(HELD);
            let part = self.cold.read().expect(HELD).warmings.contains_key(&number);
            let mut epochs = self.secrets.epochs.write().expect(HELD);
            // a part of the request is open already: its keys need the epoch that is there
            if part { epochs::of_warming(number) } else { epochs.begin_warming(number).map_err(failed)? }
        };
        self.steps.before(KeyStep::PutWarm)?;
        let studies: NumberSet = opened.iter().map(|(study, _)| study.0).collect();
        let (count, patient) = (studies.len() as u32, request.patient);
        let mut bodies = Vec::new();
        if let ([holder], true) = (by.as_slice(), emergency) {
            tracing::warn!(request = %number, "one holder alone has warmed a patient's cold studies; the officer reviews it");
            let evidence = Evidence::EmergencyWarming { patient, studies: count, request: number, holder: *holder };
            let finding = Finding { about: asked_by(&request.actor), reaction: Reaction::Noticed, evidence };
            bodies.push(EntryBody::FindingRaised { finding });
        }
        bodies.insert(0, EntryBody::Warmed(Warmed { request: number, patient, studies, until, by, emergency }));
        let entries = bodies.into_iter().map(|body| (Actor::Warden, body)).collect();
        self.change_keys(entries, Some(KeyStep::RecordWarm), |changes| {
            let epochs = self.secrets.epochs.read().expect(HELD);
            let key = epochs.key(epoch)?;
            for (study, keys) in &opened {
                if !changes.is_boxed(*study)? {
                    // shredded meanwhile
                    continue;
                }
                for keys in keys {
                    let wrapped = key.wrap(keys, self.secrets.site, &mut SystemRandom);
                    changes.put_key(*study, keys.key, epoch, &wrapped)?;
                }
            }
            Ok(())
        })?;
        Ok(count)
    }

    /// Ends a warming: its keys go, and with its epoch key every copy of them.
    pub(crate) fn end_warming(&self, request: EntryNumber, studies: NumberSet) -> Result<(), Refusal> {
        self.steps.before(KeyStep::EndWarming)?;
        let epoch = epochs::of_warming(request);
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
        let entries = vec![(Actor::Warden, EntryBody::WarmingEnded { request, studies: studies.clone() })];
        let changes = database.begin().map_err(failed)?;
        for study in studies.numbers() {
            changes.remove_of_epoch(StudyNumber(*study), epoch).map_err(failed)?;
        }
        self.announce(&changes, &entries).map_err(failed)?;
        changes.commit().map_err(failed)?;
        self.recent_keys.lock().expect(HELD).clear();
        self.leases.lock().expect(HELD).end_all();
        self.steps.before(KeyStep::DestroyWarming)?;
        self.secrets.epochs.write().expect(HELD).destroy(epoch).map_err(failed)?;
        self.steps.before(KeyStep::RecordEnd)?;
        self.append_announced(&mut database, entries).map_err(|error| self.cannot_record(&error))
    }

    /// Takes a request back.
    pub(crate) fn withdraw_cold(&self, caller: &Caller, number: EntryNumber, now: Instant) -> Result<(), Refusal> {
        self.open_request(number, now)?;
        self.append(caller, vec![EntryBody::WarmingWithdrawn { request: number, holder: None }], now)?;
        self.forget_shares(number);
        Ok(())
    }

    pub(crate) fn open_request(&self, number: EntryNumber, now: Instant) -> Result<Request, Refusal> {
        let cold = self.cold.read().expect(HELD);
        cold.request(number, now).cloned().ok_or_else(|| unknown("open request", "cold requests"))
    }

    fn boxes_of(&self, studies: &NumberSet) -> Result<Vec<ColdRow>, Refusal> {
        let reader = self.reader.lock().expect(HELD);
        let mut rows = Vec::new();
        for study in studies.numbers() {
            rows.extend(reader.cold_of(StudyNumber(*study)).map_err(failed)?);
        }
        Ok(rows)
    }

    /// Opens every box that the shares are enough for.
    fn open_boxes(
        &self,
        boxes: Vec<ColdRow>,
        shares: &HashMap<KeyId, HashMap<KeyId, Share>>,
    ) -> Result<Opened, Refusal> {
        let mut opened: HashMap<StudyNumber, (Vec<BatchKeys>, Vec<KeyId>)> = HashMap::new();
        let (mut closed, mut missing, mut failing) = (BTreeSet::new(), u8::MAX, false);
        for row in boxes {
            let sealed = ColdBox::from_bytes(row.sealed).map_err(failed)?;
            let of_box: Vec<Share> = shares.values().filter_map(|shares| shares.get(&row.name)).cloned().collect();
            let Ok(secret) = seal::combine(&of_box, sealed.threshold()) else {
                missing = missing.min(sealed.threshold().saturating_sub(of_box.len() as u8).max(1));
                closed.insert(row.study);
                continue;
            };
            match self.open_box(&sealed, &secret, row.name, row.lock) {
                Ok(keys) => {
                    let of_study = opened.entry(row.study).or_default();
                    of_study.0.extend(keys);
                    of_study.1.push(row.name);
                }
                Err(error) => {
                    tracing::error!(%error, study = %row.study, "a cold study does not open; restore warden.db from the vault");
                    failing = true;
                    closed.insert(row.study);
                }
            }
        }
        // a study whose every box does not open stays cold
        closed.iter().for_each(|study| drop(opened.remove(study)));
        let names: Vec<KeyId> = opened.values().flat_map(|(_, names)| names).copied().collect();
        let with = |shares: &HashMap<KeyId, Share>| names.iter().any(|name| shares.contains_key(name));
        let by = shares.iter().filter(|(_, shares)| with(shares)).map(|(holder, _)| *holder).collect();
        let keys = opened.into_iter().map(|(study, (keys, _))| (study, keys)).collect();
        let missing = if missing == u8::MAX { 0 } else { missing };
        Ok(Opened { keys, by, names, missing, left: closed.len() as u32, failed: failing })
    }

    pub(crate) fn open_box(
        &self,
        sealed: &ColdBox,
        secret: &Secret32,
        name: KeyId,
        lock: Option<(i64, Vec<u8>)>,
    ) -> Result<Vec<BatchKeys>, DatabaseError> {
        let damaged = || DatabaseError::Damaged { what: "lock of a cold study" };
        let (epoch, wrapped) = lock.ok_or_else(damaged)?;
        let epochs = self.secrets.epochs.read().expect(HELD);
        let lock = ColdLock::unwrap(epochs.key(epoch)?, self.secrets.site, name, &wrapped).map_err(|_| damaged())?;
        sealed.open(secret, &lock, self.secrets.site).map_err(|_| DatabaseError::Damaged { what: "cold study" })
    }
}

/// The network address that somebody asks from; empty where there is none.
pub(crate) fn origin(actor: &Actor) -> String {
    match actor {
        Actor::Person { origin, .. }
        | Actor::Device { origin, .. }
        | Actor::Link { origin, .. }
        | Actor::Stranger { origin } => origin.0.clone(),
        Actor::Owner | Actor::Warden => String::new(),
    }
}

/// Whose finding it is.
fn asked_by(actor: &Actor) -> Whose {
    match actor {
        Actor::Person { person, .. } => Whose::Person(*person),
        Actor::Device { device, .. } => Whose::Device(*device),
        Actor::Link { .. } | Actor::Owner | Actor::Stranger { .. } | Actor::Warden => Whose::Site,
    }
}

struct Opened {
    /// Of each study that opens.
    keys: Vec<(StudyNumber, Vec<BatchKeys>)>,
    /// Whose shares opened them.
    by: BTreeSet<KeyId>,
    /// Their boxes.
    names: Vec<KeyId>,
    /// How many more holders are needed for the next of what stays closed; 0 where nothing waits.
    missing: u8,
    /// Studies that stay closed.
    left: u32,
    /// Whether one did not open although there are enough.
    failed: bool,
}

impl Transit {
    fn new() -> Self {
        let key = SiteSecretKey::from_seed(&Secret32::generate(&mut SystemRandom));
        let public = hex::encode(key.public().to_bytes());
        Self { key, public, shares: HashMap::new() }
    }
}
