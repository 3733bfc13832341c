//! Which studies are cold and what is asked for, replayed from the ledger like reach itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{
    Actor, ColdHolder, ColdRule, Entry, EntryBody, EntryNumber, HolderKind, Instant, KeyId, NumberSet, PatientNumber,
    PersonId, StudyNumber, Warmed, WarmingBasis,
};

/// Seconds of the day that the holders' budgets are counted in.
const DAY_SECONDS: i64 = 86_400;

/// Somebody asks for cold studies of one patient.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) actor: Actor,
    pub(crate) patient: PatientNumber,
    pub(crate) studies: NumberSet,
    pub(crate) basis: WarmingBasis,
    pub(crate) reason: String,
    pub(crate) recorded: Instant,
    pub(crate) until: Instant,
    /// Who of those who decide stands behind it.
    pub(crate) endorsed: Vec<Endorsement>,
}

/// Somebody who decides stands behind a request.
#[derive(Clone, Debug)]
pub(crate) struct Endorsement {
    pub(crate) person: PersonId,
    pub(crate) at: Instant,
    pub(crate) signed: bool,
}

/// A request that somebody who decides refused.
#[derive(Clone, Debug)]
pub(crate) struct RefusedRequest {
    pub(crate) request: Request,
    pub(crate) at: Instant,
    pub(crate) reason: String,
}

/// Studies that are warm until a deadline.
#[derive(Clone, Debug)]
pub(crate) struct Warming {
    pub(crate) patient: PatientNumber,
    pub(crate) studies: NumberSet,
    pub(crate) until: Instant,
    pub(crate) basis: WarmingBasis,
}

/// That cold studies of a patient were warmed: the patient is told.
#[derive(Clone, Debug)]
pub(crate) struct WarmUp {
    pub(crate) entry: EntryNumber,
    pub(crate) at: Instant,
    pub(crate) until: Instant,
    pub(crate) number: EntryNumber,
    pub(crate) request: Request,
    /// The holder who did it alone, as for an emergency.
    pub(crate) alone: Option<KeyId>,
}

/// Cold studies, requests and warmings.
#[derive(Default)]
pub(crate) struct Cold {
    pub(crate) rule: ColdRule,
    /// Generation and threshold of the present holders.
    pub(crate) holders: Option<(u32, u8, Vec<ColdHolder>)>,
    /// Every holder that ever was, by key, as named last: for its name alone.
    known: HashMap<KeyId, ColdHolder>,
    /// What each holder of each set may do with the boxes that are closed to it.
    kinds: HashMap<(u32, KeyId), HolderKind>,
    cold: Bits,
    warm: HashMap<StudyNumber, (Instant, EntryNumber)>,
    requests: BTreeMap<EntryNumber, Request>,
    refused: BTreeMap<EntryNumber, RefusedRequest>,
    pub(crate) warmings: BTreeMap<EntryNumber, Warming>,
    /// When the last image of each study came, in microseconds.
    last_stored: Vec<i64>,
    pub(crate) shredded: BTreeSet<StudyNumber>,
    /// Keys were taken away after the last rotation: what is left of them opens until the next one.
    pub(crate) rotation_owed: bool,
    pub(crate) last_rotation: Option<Instant>,
    /// Until when a patient's relationship lasted when their priors were last asked for.
    priors_asked: HashMap<PatientNumber, Instant>,
    /// Patients whose priors were refused when they were asked for last.
    priors_refused: BTreeSet<PatientNumber>,
    /// Warmings that one holder did alone, oldest first.
    alone: Vec<(Instant, KeyId)>,
    /// Every warm-up of each patient, oldest first.
    warm_ups: HashMap<PatientNumber, Vec<WarmUp>>,
    /// When copies for vaults were taken, oldest first.
    pub(crate) snapshots: Vec<Instant>,
}

impl Cold {
    /// Takes the next entry.
    pub(crate) fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        let at = entry.recorded;
        match &entry.body {
            EntryBody::Stored { study, .. } => {
                let index = study.0 as usize;
                if self.last_stored.len() <= index {
                    self.last_stored.resize(index + 1, i64::MIN);
                }
                self.last_stored[index] = at.0;
            }
            EntryBody::ColdHoldersSet { generation, threshold, holders } => {
                self.known.extend(holders.iter().map(|holder| (holder.key, holder.clone())));
                self.kinds.extend(holders.iter().map(|holder| ((*generation, holder.key), holder.kind)));
                self.holders = Some((*generation, *threshold, holders.clone()));
            }
            EntryBody::ColdRuleSet { rule } => self.rule = *rule,
            EntryBody::WentCold { studies, .. } => {
                studies.numbers().iter().for_each(|study| self.cold.set(*study, true));
                self.rotation_owed = true;
            }
            EntryBody::WarmingRequested { patient, studies, basis, reason, until } => {
                if *basis == WarmingBasis::Order {
                    self.priors_asked.insert(*patient, *until);
                    self.priors_refused.remove(patient);
                }
                let request = Request {
                    actor: entry.actor.clone(),
                    patient: *patient,
                    studies: studies.clone(),
                    basis: *basis,
                    reason: reason.clone(),
                    recorded: at,
                    until: *until,
                    endorsed: Vec::new(),
                };
                self.requests.insert(number, request);
            }
            EntryBody::WarmingEndorsed { request, evidence, .. } => {
                if let (Some(request), Actor::Person { person, .. }) = (self.requests.get_mut(request), &entry.actor)
                    && request.endorsed.iter().all(|one| one.person != *person)
                {
                    request.endorsed.push(Endorsement { person: *person, at, signed: evidence.is_some() });
                }
            }
            EntryBody::WarmingRefused { request: number, reason, .. } => {
                if let Some(request) = self.requests.remove(number) {
                    if request.basis == WarmingBasis::Order {
                        self.priors_refused.insert(request.patient);
                    }
                    self.refused.insert(*number, RefusedRequest { request, at, reason: reason.clone() });
                }
            }
            EntryBody::ColdReclosed { .. } => {
                // what is left of the boxes of before opens with their holders' shares until the next rotation
                self.rotation_owed = true;
            }
            EntryBody::WarmingWithdrawn { request, holder: None } => drop(self.requests.remove(request)),
            EntryBody::Warmed(Warmed { request, patient, studies, until, by, emergency }) => {
                let (asked_in, asked) = (*request, self.requests.remove(request));
                let basis = asked.as_ref().map_or(WarmingBasis::Request, |asked| asked.basis);
                if let Some(asked) = asked {
                    // studies that are with other holders still wait for them
                    let rest: NumberSet =
                        asked.studies.numbers().iter().copied().filter(|study| self.waits(*study, studies)).collect();
                    if !rest.is_empty() {
                        self.requests.insert(*request, Request { studies: rest, ..asked.clone() });
                    }
                    let request = Request { studies: studies.clone(), ..asked };
                    let alone = by.first().filter(|_| *emergency && by.len() == 1).copied();
                    let up = WarmUp { entry: number, at, until: *until, number: asked_in, request, alone };
                    self.warm_ups.entry(*patient).or_default().push(up);
                }
                for study in studies.numbers() {
                    self.warm.insert(StudyNumber(*study), (*until, *request));
                }
                let before = self.warmings.remove(request);
                let (studies, until) = match before {
                    None => (studies.clone(), *until),
                    Some(part) => (
                        part.studies.numbers().iter().chain(studies.numbers()).copied().collect(),
                        part.until.max(*until),
                    ),
                };
                self.warmings.insert(*request, Warming { patient: *patient, studies, until, basis });
                if let [one] = by.as_slice()
                    && self.is_alone(*one)
                {
                    self.alone.push((at, *one));
                }
            }
            EntryBody::WarmingEnded { request, .. } => {
                self.warmings.remove(request);
                self.warm.retain(|_, (_, by)| by != request);
            }
            EntryBody::Shredded { study, .. } => {
                self.shredded.insert(*study);
                self.cold.set(study.0, false);
                self.warm.remove(study);
                self.rotation_owed = true;
            }
            EntryBody::KeysRotated { .. } => {
                self.rotation_owed = false;
                self.last_rotation = Some(at);
            }
            EntryBody::Erased { entry, left } => match &left.body {
                EntryBody::WarmingRequested { reason, .. } => {
                    let refused = self.refused.get_mut(entry).map(|refused| &mut refused.request);
                    if let Some(request) = self.requests.get_mut(entry).or(refused) {
                        request.reason.clone_from(reason);
                    }
                    for up in self.warm_ups.values_mut().flatten().filter(|up| up.number == *entry) {
                        up.request.reason.clone_from(reason);
                    }
                }
                EntryBody::WarmingRefused { request, reason, .. } => {
                    if let Some(refused) = self.refused.get_mut(request) {
                        refused.reason.clone_from(reason);
                    }
                }
                _ => {}
            },
            EntryBody::SnapshotTaken { .. } => self.snapshots.push(at),
            _ => {}
        }
    }

    /// Takes holders that a record of the database has and the ledger lost: what is closed to them can still be approved by them.
    pub(crate) fn also_known(&mut self, generation: u32, holder: &ColdHolder) {
        self.known.entry(holder.key).or_insert_with(|| holder.clone());
        self.kinds.entry((generation, holder.key)).or_insert(holder.kind);
    }

    /// Whether a study is cold and not warmed.
    pub(crate) fn is_cold(&self, study: StudyNumber, now: Instant) -> bool {
        self.cold.get(study.0) && self.warm.get(&study).is_none_or(|(until, _)| *until <= now)
    }

    /// Until when a warmed study may be opened; `None` when it is not cold at all.
    pub(crate) fn warm_until(&self, study: StudyNumber) -> Option<Instant> {
        self.cold.get(study.0).then(|| self.warm.get(&study).map_or(Instant(i64::MIN), |(until, _)| *until))
    }

    /// When the last image of a study came.
    pub(crate) fn last_stored(&self, study: StudyNumber) -> Instant {
        Instant(self.last_stored.get(study.0 as usize).copied().unwrap_or(i64::MIN))
    }

    /// Cold studies, warmed ones included, ascending.
    pub(crate) fn studies(&self) -> impl Iterator<Item = StudyNumber> {
        self.cold.iter().map(StudyNumber)
    }

    /// Requests that nobody has answered and whose deadline has not passed, oldest first.
    pub(crate) fn open_requests(&self, now: Instant) -> impl Iterator<Item = (EntryNumber, &Request)> {
        let open = self.requests.iter().filter(move |(_, request)| now < request.until);
        open.map(|(number, request)| (*number, request))
    }

    /// One request, while it is open.
    pub(crate) fn request(&self, number: EntryNumber, now: Instant) -> Option<&Request> {
        self.requests.get(&number).filter(|request| now < request.until)
    }

    /// Every request about a study that was neither answered nor refused, also those whose deadline has passed, oldest first.
    pub(crate) fn requests_about(&self, study: StudyNumber) -> impl Iterator<Item = (EntryNumber, &Request)> {
        let about = self.requests.iter().filter(move |(_, request)| request.studies.contains(study.0));
        about.map(|(number, request)| (*number, request))
    }

    /// Every request about a study that somebody refused, oldest first.
    pub(crate) fn refused_about(&self, study: StudyNumber) -> impl Iterator<Item = (EntryNumber, &RefusedRequest)> {
        let about = self.refused.iter().filter(move |(_, refused)| refused.request.studies.contains(study.0));
        about.map(|(number, refused)| (*number, refused))
    }

    /// Every time that cold studies were warmed since then, oldest first.
    pub(crate) fn warm_ups_since(&self, since: Instant) -> Vec<&WarmUp> {
        let mut found: Vec<_> = self.warm_ups.values().flatten().filter(|up| since <= up.at).collect();
        found.sort_unstable_by_key(|up| up.entry);
        found
    }

    /// Every time that a study was warmed.
    pub(crate) fn warm_ups_about(&self, study: StudyNumber) -> impl Iterator<Item = &WarmUp> {
        self.warm_ups.values().flatten().filter(move |up| up.request.studies.contains(study.0))
    }

    /// Whether a patient's priors were asked for already while their relationship lasted until then.
    pub(crate) fn priors_asked(&self, patient: PatientNumber, until: Instant) -> bool {
        self.priors_asked.get(&patient) == Some(&until)
    }

    /// Every time that cold studies of a patient were warmed, oldest first.
    pub(crate) fn warm_ups_of(&self, patient: PatientNumber) -> &[WarmUp] {
        self.warm_ups.get(&patient).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a holder of any generation is called.
    pub(crate) fn name_of(&self, holder: KeyId) -> String {
        self.known.get(&holder).map_or_else(|| format!("holder {holder}"), |known| known.name.clone())
    }

    /// What a holder may do with the boxes of one set.
    pub(crate) fn kind_in(&self, generation: u32, holder: KeyId) -> Option<HolderKind> {
        self.kinds.get(&(generation, holder)).copied()
    }

    /// Whether a holder is known, and whether one share of theirs was ever not enough.
    pub(crate) fn shares(&self, holder: KeyId) -> Option<bool> {
        let mut kinds = self.kinds.iter().filter(|((_, key), _)| *key == holder).map(|(_, kind)| *kind).peekable();
        kinds.peek()?;
        Some(kinds.any(|kind| kind == HolderKind::Sharing))
    }

    fn is_alone(&self, holder: KeyId) -> bool {
        self.kinds.iter().any(|((_, key), kind)| *key == holder && *kind != HolderKind::Sharing)
    }

    /// Whether a study of a request stays cold when others are warmed.
    fn waits(&self, study: u32, warmed: &NumberSet) -> bool {
        !warmed.contains(study) && self.cold.get(study) && !self.shredded.contains(&StudyNumber(study))
    }

    /// Whether a patient's priors were refused when they were asked for last.
    pub(crate) fn priors_refused(&self, patient: PatientNumber) -> bool {
        self.priors_refused.contains(&patient)
    }

    /// How many patients a holder has warmed alone within a day.
    pub(crate) fn warmed_alone(&self, holder: KeyId, now: Instant) -> usize {
        let since = now.plus_seconds(-DAY_SECONDS);
        self.alone.iter().rev().take_while(|(at, _)| since < *at).filter(|(_, by)| *by == holder).count()
    }
}

/// A set of numbers, one bit each.
#[derive(Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn get(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn set(&mut self, number: u32, on: bool) {
        let index = number as usize / 64;
        if self.0.len() <= index {
            self.0.resize(index + 1, 0);
        }
        let bit = 1 << (number % 64);
        if on { self.0[index] |= bit } else { self.0[index] &= !bit }
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        let words = self.0.iter().enumerate();
        words.flat_map(|(index, word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index as u32 * 64 + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(cold: &mut Cold, number: u64, at: i64, body: EntryBody) {
        let entry = Entry { version: Entry::VERSION, recorded: Instant(at), actor: Actor::Warden, body };
        cold.apply(EntryNumber(number), &entry);
    }

    fn set(numbers: &[u32]) -> NumberSet {
        numbers.iter().copied().collect()
    }

    #[test]
    fn a_study_is_cold_then_warm_until_the_deadline_then_cold_again_by_itself() {
        let mut cold = Cold::default();
        let study = StudyNumber(70);
        assert!(!cold.is_cold(study, Instant(0)));
        apply(&mut cold, 1, 0, EntryBody::WentCold { studies: set(&[3, 70]), generation: 1 });
        assert!(cold.is_cold(study, Instant(5)) && !cold.is_cold(StudyNumber(4), Instant(5)));
        assert_eq!(cold.studies().collect::<Vec<_>>(), [StudyNumber(3), study]);
        let warmed = EntryBody::Warmed(Warmed {
            request: EntryNumber(2),
            patient: PatientNumber(1),
            studies: set(&[70]),
            until: Instant(10),
            by: vec![KeyId([1; 16])],
            emergency: false,
        });
        apply(&mut cold, 3, 6, warmed);
        assert!(!cold.is_cold(study, Instant(9)) && cold.is_cold(study, Instant(10)));
        assert!(cold.is_cold(StudyNumber(3), Instant(9)), "the other one stays cold");
        apply(&mut cold, 4, 10, EntryBody::WarmingEnded { request: EntryNumber(2), studies: set(&[70]) });
        assert!(cold.is_cold(study, Instant(9)));
    }

    #[test]
    fn an_erased_reason_leaves_the_page_at_once_and_who_endorses_twice_is_one() {
        let mut cold = Cold::default();
        let request = |reason: &str| EntryBody::WarmingRequested {
            patient: PatientNumber(1),
            studies: set(&[70]),
            basis: WarmingBasis::Request,
            reason: reason.to_owned(),
            until: Instant(10),
        };
        apply(&mut cold, 1, 0, EntryBody::WentCold { studies: set(&[70]), generation: 1 });
        apply(&mut cold, 2, 1, request("the name of somebody"));
        let person =
            Actor::Person { person: PersonId(4), session: model::SessionId([1; 16]), origin: model::Origin::default() };
        for number in [3, 4] {
            let body = EntryBody::WarmingEndorsed { request: EntryNumber(2), digest: String::new(), evidence: None };
            let entry = Entry { version: Entry::VERSION, recorded: Instant(2), actor: person.clone(), body };
            cold.apply(EntryNumber(number), &entry);
        }
        assert_eq!(cold.request(EntryNumber(2), Instant(3)).map(|request| request.endorsed.len()), Some(1));
        let warmed = Warmed {
            request: EntryNumber(2),
            patient: PatientNumber(1),
            studies: set(&[70]),
            until: Instant(10),
            by: vec![KeyId([1; 16])],
            emergency: false,
        };
        apply(&mut cold, 5, 3, EntryBody::Warmed(warmed));
        let left = Entry { version: Entry::VERSION, recorded: Instant(1), actor: Actor::Warden, body: request("") };
        apply(&mut cold, 6, 4, EntryBody::Erased { entry: EntryNumber(2), left: Box::new(left) });
        let reasons: Vec<_> = cold.warm_ups_of(PatientNumber(1)).iter().map(|up| up.request.reason.as_str()).collect();
        assert_eq!(reasons, [""]);
    }
}
