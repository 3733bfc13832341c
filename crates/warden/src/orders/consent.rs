//! Consents: whom a patient denies → who that is here → the ends of what orders gave them, and nothing from new orders while it holds.
//!
//! A consent only narrows, and only what orders give. One that denies somebody is changed by the sender that told it, or by a person who has
//! a kept message done: whoever tells orders must not be able to give itself what a patient denied to it. A state of it that came before
//! another one does not come back by being sent again while its message is remembered.

use std::collections::{HashMap, HashSet};

use identity::People;
use model::{
    ConsentTold, DeviceId, EntryBody, EntryNumber, Instant, KeyedDigest, OrderRule, OrderSource, PatientNumber,
    Relationship, SECOND, What, Who,
};
use protocol::{DeniedActors, ErrorCode, OrderEvent, OrderMessage, OrderProblem, PatientConsent};
use registry::Registry;

use super::names::{patient_name, person_of};
use super::plan::Step;
use super::{NotTaken, OrderSender};
use crate::pages::HELD;
use crate::state::Warden;

/// Where a problem says that a consent keeps somebody away.
pub(super) const DENIED: &str = "Consent.provision";
/// What ends after the year 9999 has no end: systems write that for *until it is changed*.
const UNTIL_MAX: Instant = Instant(253_402_300_800 * SECOND);

/// A consent, as it was told last.
struct Consent {
    /// Whose identifier named it.
    patient: PatientNumber,
    denied: Vec<Who>,
    until: Instant,
    device: DeviceId,
    at: Instant,
    /// The message that told it.
    control: KeyedDigest,
}

/// Consents that hold or held, by what they are called.
#[derive(Default)]
pub(crate) struct Consents {
    told: HashMap<KeyedDigest, Consent>,
    /// Those that deny somebody, or did until they were over.
    denying: HashMap<Who, HashSet<KeyedDigest>>,
}

impl Consents {
    pub(super) fn tell(&mut self, told: &ConsentTold, at: Instant) {
        let ConsentTold { patient, consent, denied, until, source } = told;
        for who in denied {
            self.denying.entry(*who).or_default().insert(*consent);
        }
        let (until, denied) = (until.unwrap_or(Instant::MAX), denied.clone());
        let now = Consent { patient: *patient, denied, until, device: source.device, at, control: source.control };
        let before = self.told.insert(*consent, now).map(|before| before.denied).unwrap_or_default();
        let no_more = before.into_iter().filter(|who| !told.denied.contains(who));
        for who in no_more {
            if let Some(denying) = self.denying.get_mut(&who) {
                denying.remove(consent);
            }
        }
    }

    /// Whose a consent is, who told it and when, while it denies somebody.
    fn denying(&self, consent: KeyedDigest, now: Instant) -> Option<(PatientNumber, DeviceId, Instant)> {
        let known = self.told.get(&consent).filter(|consent| !consent.denied.is_empty() && now < consent.until);
        known.map(|consent| (consent.patient, consent.device, consent.at))
    }

    /// Whether another state of a consent was told since this message.
    fn is_past(&self, consent: KeyedDigest, control: KeyedDigest) -> bool {
        self.told.get(&consent).is_some_and(|consent| consent.control != control)
    }

    /// Whose consents keep somebody away.
    pub(super) fn denying_to(&self, who: Who, now: Instant) -> impl Iterator<Item = PatientNumber> {
        let consents = self.denying.get(&who).into_iter().flatten().filter_map(|consent| self.told.get(consent));
        consents.filter(move |consent| now < consent.until).map(|consent| consent.patient)
    }
}

impl Warden {
    /// Whether a message that was taken before tells of a consent that was told otherwise since.
    pub(super) fn tells_past_consent(
        &self,
        sender: &OrderSender,
        message: &OrderMessage,
        source: &OrderSource,
    ) -> bool {
        let orders = self.orders.read().expect(HELD);
        message.events.iter().any(|event| match event {
            OrderEvent::Consent(told) => {
                orders.consents.is_past(self.entity_digest(sender, b"consent", &told.consent), source.control)
            }
            _ => false,
        })
    }

    pub(super) fn plan_consent(
        &self,
        sender: &OrderSender,
        rule: &OrderRule,
        told: &PatientConsent,
        people: &People,
        registry: &Registry,
        now: Instant,
    ) -> Result<Step, NotTaken> {
        let PatientConsent { patient, consent, denied, until } = told;
        let patient = patient_name(rule, patient, ("PID", 3))?;
        let consent = self.entity_digest(sender, b"consent", consent);
        let known = self.known_patient(registry, &patient);
        let other = |why: &str| OrderProblem::at(ErrorCode::UnknownKey, "Consent.identifier", 0, why);
        {
            let orders = self.orders.read().expect(HELD);
            if let Some((of, by, at)) = orders.consents.denying(consent, now) {
                if Some(orders.stays(of)) != known {
                    return Err(other("the consent of this identifier is known for another patient").into());
                }
                if by != sender.device && sender.kept.is_none() {
                    return Err(other("another sender told this consent, and changes it").into());
                }
                if sender.kept.is_some_and(|kept| kept <= at) {
                    return Err(other(
                        "another state of this consent was told since this one was kept; throw this one away",
                    )
                    .into());
                }
            }
        }
        let mut denied = denied_here(rule, people, denied)?;
        let until = until.filter(|until| *until < UNTIL_MAX);
        // one that is over denies nobody any more
        if until.is_some_and(|until| until <= now) {
            denied.clear();
        }
        Ok(Step::Consent { patient, consent, denied, until })
    }

    /// The ends of what orders gave with a patient to those whom a consent denies.
    pub(super) fn ended_by_denial(&self, patient: PatientNumber, denied: &[Who], now: Instant) -> Vec<EntryBody> {
        let orders = self.orders.read().expect(HELD);
        let given: Vec<EntryNumber> = orders.given_with(patient).collect();
        let index = self.index.read().expect(HELD);
        let lasting = given.into_iter().filter_map(|entry| index.reach().relationship(entry));
        let ended = lasting.filter(|one| now < one.window.to && denied.contains(&one.who));
        ended.map(|one| EntryBody::RelationshipEnded { entry: one.entry, until: now }).collect()
    }

    /// Where two records become one: ends what orders gave with either to whom a consent of the other denies it, and gives what goes along.
    pub(super) fn ended_by_merge(
        &self,
        going: Vec<Relationship>,
        from: PatientNumber,
        to: PatientNumber,
        now: Instant,
    ) -> (Vec<EntryBody>, Vec<Relationship>) {
        let staying = self.index.read().expect(HELD).reach().running_with(What::Patient(to), now);
        let orders = self.orders.read().expect(HELD);
        let given: HashSet<EntryNumber> = orders.given_with(from).chain(orders.given_with(to)).collect();
        let ended = |one: &Relationship, by| given.contains(&one.entry) && orders.denies(by, one.who, now);
        let (ending, going): (Vec<_>, Vec<_>) = going.into_iter().partition(|one| ended(one, to));
        let ending = ending.into_iter().chain(staying.into_iter().filter(|one| ended(one, from)));
        (ending.map(|one| EntryBody::RelationshipEnded { entry: one.entry, until: now }).collect(), going)
    }
}

/// Who of those here a consent denies. One that names somebody who is not known is refused whole: it would be taken for more than it is.
fn denied_here(rule: &OrderRule, people: &People, denied: &DeniedActors) -> Result<Vec<Who>, OrderProblem> {
    let unknown = |why: &str| OrderProblem::at(ErrorCode::UnknownKey, "Consent.provision.actor", 0, why);
    let mut found = Vec::new();
    for one in &denied.people {
        let person = person_of(people, one);
        let why = "nobody here has this professional identifier with its authority";
        found.push(Who::Person(person.ok_or_else(|| unknown(why))?));
    }
    for name in &denied.organisations {
        let by_name = || people.organisation_by_name(name).map(|organisation| organisation.id());
        let organisation = rule.places.get(name).copied().or_else(by_name);
        let why = "no organisation here has this name, and no place of the rule";
        found.push(Who::Organisation(organisation.ok_or_else(|| unknown(why))?));
    }
    let mut once = HashSet::new();
    found.retain(|who| once.insert(*who));
    Ok(found)
}
