//! Making and ending relationships, and reading who and whom they are about.

use model::{Change, EntryBody, EntryNumber, Instant, PatientNumber, Relationship, Tier, Uid, What, Who, Window};
use protocol::{PageReply, Refusal};

use super::HELD;
use super::directory::{field, unknown};
use crate::approvals::Asked;
use crate::state::Warden;
use crate::subject::Caller;

/// The longest basis, in characters.
const BASIS_CHARACTERS_MAX: usize = 200;

impl Warden {
    #[allow(clippy::too_many_arguments, reason = "the request's own fields")]
    pub(super) async fn relate(
        &self,
        caller: &Caller,
        who: &str,
        whom: &str,
        tier: Tier,
        window: Window,
        basis: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if window.to <= window.from || window.to <= now {
            return Err(field("until", "a time after the beginning and after now"));
        }
        let basis = basis.trim();
        if basis.is_empty() || basis.chars().count() > BASIS_CHARACTERS_MAX || basis.chars().any(char::is_control) {
            return Err(field("basis", "why, in 1 to 200 characters"));
        }
        let who = self.who_named(who)?;
        let what = self.what_named(whom)?;
        if self.has_left(who) {
            return Err(unknown("person or device", "person list"));
        }
        let relationship = Relationship { who, what, tier, window, basis: basis.to_owned(), entry: EntryNumber(0) };
        let appended = if what == What::Site {
            match self.ask_for(caller, Change::Relate { relationship }, now)? {
                Asked::Made(appended) => appended,
                Asked::Waits(row) => return Ok(PageReply::Proposed(row)),
            }
        } else {
            self.append(caller, vec![EntryBody::Related { relationship }], now)?
        };
        let entry = appended.first().map(|(number, _)| *number).ok_or(Refusal::Internal)?;
        let patient = match what {
            What::Patient(patient) => Some(patient),
            What::Study(study) => self.readable_registry()?.patient_of(study),
            What::Site => None,
        };
        if let Some(patient) = patient {
            // the patient's priors are asked for at once; the relationship stands whether or not that works
            if let Err(refusal) = self.ask_for_priors(Some(patient), now) {
                tracing::error!(%refusal, "the priors of a new relationship were not asked for; the next sweep does it");
            }
        }
        Ok(PageReply::Related { entry })
    }

    /// Ends every relationship between the two that still runs at `until`.
    pub(super) async fn unrelate(
        &self,
        caller: &Caller,
        who: &str,
        whom: &str,
        until: Instant,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let until = until.max(now);
        let who = self.who_named(who)?;
        let what = self.what_named(whom)?;
        let entries = self.relations.read().expect(HELD).running(who, what, until);
        let last = *entries.last().ok_or_else(|| unknown("relationship between the two", "relate"))?;
        let bodies = entries.into_iter().map(|entry| EntryBody::RelationshipEnded { entry, until }).collect();
        self.append(caller, bodies, now)?;
        // what a lease still gives must not outlive the reach that it rests on
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Related { entry: last })
    }

    /// Whether the account was closed or the device removed.
    fn has_left(&self, who: Who) -> bool {
        let people = self.people.lock().expect(HELD);
        match who {
            Who::Person(person) => people.is_closed(person),
            Who::Device(device) => people.device(device).is_some_and(identity::Device::is_removed),
            Who::Organisation(_) | Who::Link(_) => false,
        }
    }

    /// `person:EMAIL`, `org:NAME`, `device:NAME`, or `device:#N` for one that was removed: its name may be another's by now.
    pub(crate) fn who_named(&self, text: &str) -> Result<Who, Refusal> {
        let people = self.people.lock().expect(HELD);
        match text.split_once(':') {
            Some(("person", email)) => people
                .person_by_address(email)
                .map(|person| Who::Person(person.id()))
                .ok_or_else(|| unknown("person", "person list")),
            Some(("org", name)) => people
                .organisation_by_name(name)
                .map(|organisation| Who::Organisation(organisation.id()))
                .ok_or_else(|| unknown("organisation", "org list")),
            Some(("device", name)) => device_numbered(&people, name)
                .or_else(|| people.device_by_name(name))
                .map(|device| Who::Device(device.id()))
                .ok_or_else(|| unknown("device", "device list")),
            _ => Err(field("who", "person:EMAIL, org:NAME or device:NAME")),
        }
    }

    /// `patient:ISSUER/ID`, `study:UID` or `site`. A patient may be named before the first image comes: an order does.
    fn what_named(&self, text: &str) -> Result<What, Refusal> {
        match text.split_once(':') {
            None if text == "site" => Ok(What::Site),
            Some(("patient", identity)) => Ok(What::Patient(self.patient_named(identity)?)),
            Some(("study", uid)) => {
                let uid = Uid::parse(uid).map_err(|_| field("study", "a StudyInstanceUID"))?;
                let studies = self.registry.read().expect(HELD).studies_by_uid(&uid);
                match studies.as_slice() {
                    [study] => Ok(What::Study(*study)),
                    [] => Err(unknown("study", "import")),
                    _ => Err(field("study", "a StudyInstanceUID that one patient has; relate the patient instead")),
                }
            }
            _ => Err(field("whom", "patient:ISSUER/ID, study:UID or site")),
        }
    }

    /// `ISSUER/ID`; an empty issuer is the site's own. Makes the patient when there is none yet.
    pub(super) fn patient_named(&self, identity: &str) -> Result<PatientNumber, Refusal> {
        let (issuer, id) =
            identity.split_once('/').ok_or_else(|| field("patient", "ISSUER/ID, as in HOSPITAL/12345 or /12345"))?;
        let fits = |text: &str| text.chars().count() <= 64 && !text.chars().any(char::is_control);
        if id.trim().is_empty() || !fits(id) || !fits(issuer) {
            return Err(field("patient", "ISSUER/ID with at most 64 characters each"));
        }
        self.ensure_patient(issuer.trim(), id.trim())
    }
}

fn device_numbered<'p>(people: &'p identity::People, text: &str) -> Option<identity::Device<'p>> {
    let number = text.strip_prefix('#')?.parse().ok()?;
    people.device(model::DeviceId(number))
}
