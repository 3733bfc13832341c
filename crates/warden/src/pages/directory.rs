//! People, organisations and devices: listing and adding.

use identity::{NewDevice, NewPerson};
use model::{Authorisation, Change, DeviceMay, EntryBody, Instant, Relationship, Role, Tier, What, Who, Window};
use protocol::{Invalid, PageReply, Refusal};
use seal::SystemRandom;

use super::HELD;
use crate::approvals::Asked;
use crate::removals::open_person;
use crate::state::Warden;
use crate::subject::Caller;

pub(super) struct PersonToAdd {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) organisation: String,
    pub(super) password_and_code: bool,
    pub(super) own_record: Option<String>,
}

pub(super) struct DeviceToAdd {
    pub(super) name: String,
    pub(super) organisation: String,
    pub(super) may: Vec<DeviceMay>,
    pub(super) ae_title: Option<String>,
    pub(super) from: Vec<String>,
    pub(super) token: bool,
    pub(super) bound: Option<protocol::TokenBinding>,
    pub(super) token_until: Option<Instant>,
}

impl Warden {
    pub(super) fn add_organisation(
        &self,
        caller: &Caller,
        name: &str,
        authorisation: Authorisation,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        let mut changed = people.add_organisation(name, authorisation)?;
        changed.entries.extend(people.give_sunsets(now));
        self.commit(people, changed, &caller.actor, now)?;
        Ok(PageReply::Done)
    }

    /// Adds a person and issues the enrolment link. A patient gets the relationship of being the patient with it.
    pub(super) fn add_person(&self, caller: &Caller, new: PersonToAdd, now: Instant) -> Result<PageReply, Refusal> {
        // while the site is set up only the owner of the machine makes officers and administrators
        let decides = policy::decides(new.role);
        if decides && caller.role().is_some() && self.is_setting_up(now) {
            return Err(Refusal::NotAllowed);
        }
        let own_patient = match (&new.own_record, new.role) {
            (Some(identity), Role::Patient) => Some(self.patient_named(identity)?),
            (None, _) => None,
            (Some(_), _) => return Err(field("own record", "none, except for the role patient")),
        };
        let mut people = self.people.lock().expect(HELD);
        let organisation =
            people.organisation_by_name(&new.organisation).ok_or_else(|| unknown("organisation", "org list"))?.id();
        let reads_all = self.relations.read().expect(HELD).reaches_site(Who::Organisation(organisation), now)
            || self.proposals.read().expect(HELD).would_raise(None, &[organisation]);
        if decides || reads_all {
            if own_patient.is_some() {
                return Err(field("organisation", "one that does not read the whole site, for a patient"));
            }
            drop(people);
            return self.add_person_by_approval(caller, new, organisation, now);
        }
        let person = NewPerson {
            email: new.email,
            name: new.name,
            role: new.role,
            organisations: vec![organisation],
            password_and_code: new.password_and_code,
        };
        let mut changed = people.add_person(person, &mut SystemRandom)?;
        let person = changed.value;
        changed.entries.extend(people.give_sunsets(now));
        let link = people.issue_enrolment(person, now, &mut SystemRandom)?;
        changed.entries.extend(link.entries);
        if let Some(patient) = own_patient {
            changed.entries.push(EntryBody::Related {
                relationship: Relationship {
                    who: Who::Person(person),
                    what: What::Patient(patient),
                    tier: Tier::Open,
                    window: Window { from: now, to: Instant::MAX },
                    basis: "is the patient".to_owned(),
                    entry: model::EntryNumber(0),
                },
            });
        }
        let link = link.value;
        self.commit(people, changed, &caller.actor, now)?;
        Ok(self.link_reply(person, link))
    }

    /// Somebody who decides about others, or who would read the whole site from the first day, is added by two persons.
    fn add_person_by_approval(
        &self,
        caller: &Caller,
        new: PersonToAdd,
        organisation: model::OrganisationId,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let email = new.email.clone();
        self.people.lock().expect(HELD).may_be_added(&new.email, &new.name)?;
        let change = Change::AddPerson {
            email: new.email,
            name: new.name,
            role: new.role,
            organisation,
            password_and_code: new.password_and_code,
        };
        match self.ask_for(caller, change, now)? {
            Asked::Waits(row) => Ok(PageReply::Proposed(row)),
            Asked::Made(_) => {
                let person = open_person(&self.people.lock().expect(HELD), &email)?;
                self.link_for(caller, person, false, now)
            }
        }
    }

    /// A link for somebody who reaches single patients only is issued at once. Whoever holds a link of somebody who decides about others
    /// or reads the whole site, or will when a change that waits is carried out, becomes that person: two persons stand before it. The
    /// owner of the machine issues the first one. `lost` replaces what the person had.
    pub(crate) fn issue_enrolment(
        &self,
        caller: &Caller,
        email: &str,
        lost: bool,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let (person, decides, enrolled, organisations) = {
            let people = self.people.lock().expect(HELD);
            let person = open_person(&people, email)?;
            let one = people.person(person).ok_or(Refusal::NotFound)?;
            (person, one.role().decides(), people.is_enrolled(person), one.organisations().to_vec())
        };
        let (approved, will) = {
            let proposals = self.proposals.read().expect(HELD);
            (proposals.link_approved(person, now), proposals.would_raise(Some(person), &organisations))
        };
        let by_person = caller.role().is_some();
        if decides && !approved && by_person && (!enrolled || self.is_setting_up(now)) {
            return Err(Refusal::NotAllowed);
        }
        let mut holders = organisations.into_iter().map(Who::Organisation).chain([Who::Person(person)]);
        let reads_all = {
            let relations = self.relations.read().expect(HELD);
            holders.any(|who| relations.reaches_site(who, now))
        };
        if (enrolled || by_person)
            && (decides || reads_all || will)
            && !approved
            && let Asked::Waits(row) = self.ask_for(caller, Change::Enrol { person }, now)?
        {
            return Ok(PageReply::Proposed(row));
        }
        self.link_for(caller, person, lost, now)
    }

    fn link_for(
        &self,
        caller: &Caller,
        person: model::PersonId,
        lost: bool,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if lost {
            caller.touched()?;
            return self.reset(caller, person, now);
        }
        let mut people = self.people.lock().expect(HELD);
        let changed = people.issue_enrolment(person, now, &mut SystemRandom)?;
        let link = self.commit(people, changed, &caller.actor, now)?;
        Ok(self.link_reply(person, link))
    }

    pub(crate) fn link_reply(&self, person: model::PersonId, link: identity::EnrolmentLink) -> PageReply {
        let people = self.people.lock().expect(HELD);
        let origin = people.settings().origins.first().map(String::as_str).unwrap_or_default();
        let qr_svg = identity::qr_svg(&format!("{origin}/enrol#{}", link.token));
        PageReply::EnrolmentLink { person, token: link.token, qr_svg, until: link.until }
    }

    pub(super) fn add_device(&self, caller: &Caller, new: DeviceToAdd, now: Instant) -> Result<PageReply, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        let organisation =
            people.organisation_by_name(&new.organisation).ok_or_else(|| unknown("organisation", "org list"))?.id();
        let device = NewDevice {
            name: new.name,
            organisation,
            may: new.may,
            ae_title: new.ae_title,
            from: new.from,
            token: new.token,
            bound: new.bound,
            token_until: new.token_until,
        };
        let changed = people.add_device(device, now, &mut SystemRandom)?;
        let added = self.commit(people, changed, &caller.actor, now)?;
        Ok(PageReply::DeviceAdded { device: added.device, token: added.token, token_until: added.token_until })
    }

    /// Gives a device a new token; whoever holds the one before goes on for a while, so leases stay.
    pub(super) fn rotate_token(
        &self,
        caller: &Caller,
        name: &str,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        // whoever holds it acts as the device
        caller.touched()?;
        let mut people = self.people.lock().expect(HELD);
        let device = people.device_by_name(name).ok_or_else(|| unknown("device", "device list"))?.id();
        let changed = people.rotate_token(device, until, now, &mut SystemRandom)?;
        let identity::RotatedToken { token, until, before_until } = self.commit(people, changed, &caller.actor, now)?;
        Ok(PageReply::TokenRotated { token, until, before_until })
    }
}

pub(crate) fn unknown(noun: &str, command: &str) -> Refusal {
    Refusal::Invalid(Invalid::Unknown { noun: noun.to_owned(), command: command.to_owned() })
}

pub(crate) fn field(field: &str, expected: &str) -> Refusal {
    Refusal::Invalid(Invalid::Field { field: field.to_owned(), expected: expected.to_owned() })
}
