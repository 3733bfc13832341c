//! What ends: accounts, roles, passkeys, devices and their tokens.
//!
//! The record of a closed account and of a removed device stays, so that an old entry keeps its name and an address is
//! never given to somebody else in silence.

use model::{AccountEnds, DeviceId, EntryBody, Instant, OrganisationId, PersonId, Role, SessionId};
use protocol::{Invalid, PasskeyRow, Refusal};
use thiserror::Error;

use crate::record::{Key, PasskeyRecord, PersonRecord, Record};
use crate::secret::sha256;
use crate::{Changed, People};

/// Something cannot be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RemovalError {
    /// No such person, or the account is closed.
    #[error("there is no such person, or the account is closed; list them with `leadglass person list`")]
    UnknownPerson,
    /// No such device, or it was removed.
    #[error("there is no such device, or it was removed; list them with `leadglass device list`")]
    UnknownDevice,
    /// No such passkey.
    #[error("there is no such passkey; look at the list again")]
    UnknownPasskey,
    /// Nothing would be left to sign in with.
    #[error("this is the last way to sign in to this account; bind another first, or close the account")]
    LastAuthenticator,
    /// The person has this role already.
    #[error("this person has that role already; nothing was changed")]
    SameRole,
}

impl From<RemovalError> for Refusal {
    fn from(error: RemovalError) -> Self {
        let unknown = |noun: &str, command: &str| {
            Self::Invalid(Invalid::Unknown { noun: noun.to_owned(), command: command.to_owned() })
        };
        match error {
            RemovalError::UnknownPerson => unknown("person", "person list"),
            RemovalError::UnknownDevice => unknown("device", "device list"),
            RemovalError::UnknownPasskey => Self::NotFound,
            RemovalError::LastAuthenticator => Self::Invalid(Invalid::Field {
                field: "this passkey".to_owned(),
                expected: "one that is not the last way to sign in; bind another first, or close the account"
                    .to_owned(),
            }),
            RemovalError::SameRole => Self::Exists,
        }
    }
}

impl People {
    /// Everybody who enrolled and holds one of these roles, by number; who is locked, too.
    #[must_use]
    pub fn enrolled(&self, holds: impl Fn(Role) -> bool) -> Vec<(PersonId, Role)> {
        let enrolled = |person: &&PersonRecord| person.is_enrolled() && holds(person.role);
        self.persons.values().filter(enrolled).map(|person| (person.person, person.role)).collect()
    }

    /// Those of them who can sign in now.
    #[must_use]
    pub fn able(&self, holds: impl Fn(Role) -> bool) -> Vec<(PersonId, Role)> {
        let able = |person: &&PersonRecord| person.can_sign_in() && holds(person.role);
        self.persons.values().filter(able).map(|person| (person.person, person.role)).collect()
    }

    /// Whether the account is locked: its password was found in a dump.
    #[must_use]
    pub fn is_locked(&self, person: PersonId) -> bool {
        self.persons.get(&person).is_some_and(|record| record.locked.is_some())
    }

    /// Whether somebody enrolled with this account. A lock takes nobody's enrolment away: a further link is not the first one.
    #[must_use]
    pub fn is_enrolled(&self, person: PersonId) -> bool {
        self.persons.get(&person).is_some_and(PersonRecord::is_enrolled)
    }

    /// Whether the account was closed.
    #[must_use]
    pub fn is_closed(&self, person: PersonId) -> bool {
        self.persons.get(&person).is_some_and(|record| record.closed.is_some())
    }

    /// Gives a person another role. A link that was issued for the old one works no more. Whoever comes to decide about others enrols
    /// anew: one person alone may have issued the links by which this account was enrolled, and may hold a passkey of it.
    pub fn set_role(&mut self, person: PersonId, to: Role) -> Result<Changed<()>, RemovalError> {
        let mut record = self.open_person(person)?.clone();
        let from = record.role;
        if from == to {
            return Err(RemovalError::SameRole);
        }
        let mut entries = Vec::new();
        if to.decides() && !from.decides() {
            entries = self.end_all(person).entries;
            entries.extend(record.lose_authenticators());
        }
        if !(record.may_be_delegate() && to != Role::Patient && !to.decides()) {
            entries.extend(record.give_up_rights());
        }
        if to.decides() && record.until.take().is_some() {
            entries.push(EntryBody::AccountEnds(AccountEnds { person, until: None }));
        }
        entries.push(EntryBody::RoleChanged { person, from, to });
        record.role = to;
        self.put(Record::Person(record));
        self.remove(Key::Enrolment(person));
        Ok(Changed { value: (), entries })
    }

    /// Voids the open links of people who come to reach more than when these were issued.
    pub fn void_enrolments(&mut self, voided: impl Fn(PersonId, &[OrganisationId]) -> bool) {
        let reaches =
            |person: &PersonId| self.persons.get(person).is_some_and(|one| voided(*person, &one.organisations));
        let links: Vec<PersonId> = self.enrolments.keys().filter(|person| reaches(person)).copied().collect();
        links.into_iter().for_each(|person| self.remove(Key::Enrolment(person)));
    }

    /// Closes an account: sessions, links, authenticators and memberships end. The name stays, the address is not given again.
    pub fn close_person(&mut self, person: PersonId, now: Instant) -> Result<Changed<()>, RemovalError> {
        let mut record = self.open_person(person)?.clone();
        let mut entries = self.end_all(person).entries;
        entries.extend(record.give_up_all());
        entries.push(EntryBody::PersonClosed { person });
        record.close(now);
        self.put(Record::Person(record));
        self.remove(Key::Enrolment(person));
        Ok(Changed { value: (), entries })
    }

    /// The passkeys of a person, oldest first.
    #[must_use]
    pub fn passkey_rows(&self, person: PersonId) -> Vec<PasskeyRow> {
        let record = self.persons.get(&person);
        let passkeys = record.map(|record| record.passkeys.as_slice()).unwrap_or_default();
        let row = |one: &PasskeyRecord| PasskeyRow { passkey: one.id(), label: one.label.clone(), bound: one.bound };
        passkeys.iter().map(row).collect()
    }

    /// Removes one passkey, never the last way to sign in. The person's sessions end except `kept`, the one that asks for it: which
    /// of them the passkey opened nobody remembers.
    pub fn remove_passkey(
        &mut self,
        person: PersonId,
        passkey: &str,
        kept: Option<SessionId>,
    ) -> Result<Changed<()>, RemovalError> {
        let mut record = self.open_person(person)?.clone();
        let place = record.passkeys.iter().position(|bound| bound.id() == passkey);
        let removed = record.passkeys.remove(place.ok_or(RemovalError::UnknownPasskey)?);
        if !record.has_authenticators() {
            return Err(RemovalError::LastAuthenticator);
        }
        self.put(Record::Person(record));
        let mut entries = vec![removed.removed_from(person)];
        entries.extend(self.end_all_but(person, kept).entries);
        Ok(Changed { value: (), entries })
    }

    /// Removes a device: it neither sends nor reads any more, and its AE title and name are free.
    pub fn remove_device(&mut self, device: DeviceId, now: Instant) -> Result<Changed<()>, RemovalError> {
        let mut record = self.devices.get(&device).filter(|record| record.removed.is_none()).cloned();
        let record = record.as_mut().ok_or(RemovalError::UnknownDevice)?;
        record.remove(now);
        self.put(Record::Device(record.clone()));
        Ok(Changed { value: (), entries: vec![EntryBody::DeviceRemoved { device }] })
    }

    fn open_person(&self, person: PersonId) -> Result<&PersonRecord, RemovalError> {
        self.persons.get(&person).filter(|record| record.closed.is_none()).ok_or(RemovalError::UnknownPerson)
    }
}

impl PersonRecord {
    pub(crate) fn is_enrolled(&self) -> bool {
        self.closed.is_none() && (self.has_authenticators() || self.locked.is_some())
    }

    pub(crate) fn can_sign_in(&self) -> bool {
        self.closed.is_none() && self.locked.is_none() && self.has_authenticators()
    }

    pub(crate) fn has_authenticators(&self) -> bool {
        !self.passkeys.is_empty() || self.password.is_some()
    }

    /// Takes every authenticator away.
    pub(crate) fn lose_authenticators(&mut self) -> Vec<EntryBody> {
        let person = self.person;
        self.password = None;
        std::mem::take(&mut self.passkeys).into_iter().map(|passkey| passkey.removed_from(person)).collect()
    }

    pub(crate) fn close(&mut self, now: Instant) {
        self.closed = Some(now);
        self.organisations.clear();
        self.delegate_of.clear();
        self.vouched = None;
        self.rejoined = None;
        self.passkeys.clear();
        self.password = None;
        self.known_origins.clear();
    }
}

impl crate::record::DeviceRecord {
    pub(crate) fn remove(&mut self, now: Instant) {
        self.removed = Some(now);
        self.lose_tokens();
        self.ae_title = None;
    }
}

impl PasskeyRecord {
    fn removed_from(self, person: PersonId) -> EntryBody {
        EntryBody::PasskeyRemoved { person, passkey: self.id(), label: self.label }
    }

    /// What the ledger and the pages call it: the start of the digest of its credential id.
    pub(crate) fn id(&self) -> String {
        let digest = sha256(&[self.passkey.cred_id().as_slice()]);
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
