//! People, organisations and devices: listing and adding.

use identity::{NewDevice, NewPerson};
use model::{Authorisation, DeviceMay, EntryBody, Instant, Relationship, Role, Tier, What, Who, Window};
use protocol::{Invalid, PageReply, Refusal};
use seal::SystemRandom;

use super::HELD;
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
        let changed = people.add_organisation(name, authorisation)?;
        self.commit(people, changed, &caller.actor, now)?;
        Ok(PageReply::Done)
    }

    /// Adds a person and issues the enrolment link. A patient gets the relationship of being the patient with it.
    pub(super) fn add_person(&self, caller: &Caller, new: PersonToAdd, now: Instant) -> Result<PageReply, Refusal> {
        // only the owner of the machine makes officers and administrators in this version
        let powerful = matches!(new.role, Role::Officer | Role::Administrator | Role::OfficerAdministrator);
        if powerful && caller.role().is_some() {
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
        let person = NewPerson {
            email: new.email,
            name: new.name,
            role: new.role,
            organisations: vec![organisation],
            password_and_code: new.password_and_code,
        };
        let mut changed = people.add_person(person, &mut SystemRandom)?;
        let person = changed.value;
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
        Ok(PageReply::EnrolmentLink { person, token: link.token, until: link.until })
    }

    pub(super) fn issue_enrolment(&self, caller: &Caller, email: &str, now: Instant) -> Result<PageReply, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        let person = people.person_by_address(email).ok_or_else(|| unknown("person", "person list"))?;
        let powerful = matches!(person.role(), Role::Officer | Role::Administrator | Role::OfficerAdministrator);
        if powerful && caller.role().is_some() {
            return Err(Refusal::NotAllowed);
        }
        let person = person.id();
        let changed = people.issue_enrolment(person, now, &mut SystemRandom)?;
        let link = self.commit(people, changed, &caller.actor, now)?;
        Ok(PageReply::EnrolmentLink { person, token: link.token, until: link.until })
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
        };
        let changed = people.add_device(device, &mut SystemRandom)?;
        let added = self.commit(people, changed, &caller.actor, now)?;
        Ok(PageReply::DeviceAdded { device: added.device, token: added.token })
    }
}

pub(super) fn unknown(noun: &str, command: &str) -> Refusal {
    Refusal::Invalid(Invalid::Unknown { noun: noun.to_owned(), command: command.to_owned() })
}

pub(super) fn field(field: &str, expected: &str) -> Refusal {
    Refusal::Invalid(Invalid::Field { field: field.to_owned(), expected: expected.to_owned() })
}
