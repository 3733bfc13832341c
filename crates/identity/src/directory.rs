//! Organisations and people: adding, finding, listing.

use model::{AuthenticatorRule, Authorisation, EntryBody, Instant, OrganisationId, PersonId, ProfessionalId, Role};
use protocol::{Invalid, OrganisationRow, PersonRow, Refusal};
use rand_core::CryptoRng;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::record::{Key, OrganisationRecord, PersonRecord, Record};
use crate::{Changed, EMAIL_BYTES_MAX, NAME_CHARACTERS_MAX, PROFESSIONAL_IDS_MAX, People};

/// A person to add.
#[derive(Clone)]
pub struct NewPerson {
    /// E-mail address, the login name; unique without regard to case.
    pub email: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Organisations; may be none.
    pub organisations: Vec<OrganisationId>,
    /// Whether this person may use a password and code even where an organisation takes passkeys only.
    pub password_and_code: bool,
}

/// A person, as others may see.
#[derive(Clone, Copy)]
pub struct Person<'a>(&'a PersonRecord);

/// An organisation.
#[derive(Clone, Copy)]
pub struct Organisation<'a>(&'a OrganisationRecord);

/// A person, an organisation or a device cannot be added or changed.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum DirectoryError {
    /// Somebody has this address already.
    #[error("somebody with this e-mail address exists already; use that account, or another address")]
    EmailTaken,
    /// A closed account had this address.
    #[error("a closed account had this e-mail address, and an address is not given again; use another")]
    EmailOfClosed,
    /// An organisation has this name already.
    #[error("an organisation of this name exists already; use it, or choose another name")]
    OrganisationTaken,
    /// A device has this name or AE title already.
    #[error("a device with this name or AE title exists already; choose another")]
    DeviceTaken,
    /// Somebody else has this professional identifier.
    #[error("somebody else has this professional identifier; take it away there first")]
    ProfessionalIdTaken,
    /// No such person.
    #[error("there is no such person; list them with `leadglass person list`")]
    UnknownPerson,
    /// No such organisation.
    #[error("there is no such organisation; list them with `leadglass org list`")]
    UnknownOrganisation,
    /// A field is out of shape.
    #[error("{field} is not usable: {expected} is expected")]
    Field {
        /// Which.
        field: &'static str,
        /// What is expected.
        expected: &'static str,
    },
}

impl From<DirectoryError> for Refusal {
    fn from(error: DirectoryError) -> Self {
        let unknown = |noun: &str, command: &str| {
            Self::Invalid(Invalid::Unknown { noun: noun.to_owned(), command: command.to_owned() })
        };
        match error {
            DirectoryError::EmailTaken | DirectoryError::OrganisationTaken | DirectoryError::DeviceTaken => {
                Self::Exists
            }
            DirectoryError::ProfessionalIdTaken => Self::ProfessionalIdTaken,
            DirectoryError::EmailOfClosed => Self::Invalid(Invalid::Field {
                field: "email".to_owned(),
                expected: "an address that no closed account had, because an address is not given again".to_owned(),
            }),
            DirectoryError::UnknownPerson => unknown("person", "person list"),
            DirectoryError::UnknownOrganisation => unknown("organisation", "org list"),
            DirectoryError::Field { field, expected } => {
                Self::Invalid(Invalid::Field { field: field.to_owned(), expected: expected.to_owned() })
            }
        }
    }
}

impl People {
    /// Adds an organisation.
    pub fn add_organisation(
        &mut self,
        name: &str,
        authorisation: Authorisation,
    ) -> Result<Changed<OrganisationId>, DirectoryError> {
        let name = normal_name("name", name)?;
        if self.organisation_by_name(&name).is_some() {
            return Err(DirectoryError::OrganisationTaken);
        }
        let organisation = OrganisationId(self.next.organisation);
        let entry = EntryBody::OrganisationAdded { organisation, name: name.clone(), authorisation };
        self.put(Record::Organisation(OrganisationRecord {
            organisation,
            name,
            authorisation,
            rule: AuthenticatorRule::default(),
        }));
        Ok(Changed { value: organisation, entries: vec![entry] })
    }

    /// Adds a person. Nobody signs in as that person before an enrolment link was used.
    pub fn add_person(
        &mut self,
        new: NewPerson,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<PersonId>, DirectoryError> {
        let email = normal_email(&new.email)?;
        let name = normal_name("name", &new.name)?;
        self.may_be_added(&email, &name)?;
        let mut organisations = new.organisations;
        organisations.sort_unstable();
        organisations.dedup();
        if organisations.iter().any(|organisation| !self.organisations.contains_key(organisation)) {
            return Err(DirectoryError::UnknownOrganisation);
        }
        let person = PersonId(self.next.person);
        let mut user_handle = vec![0; 16];
        random.fill_bytes(&mut user_handle);
        let mut entries =
            vec![EntryBody::PersonAdded { person, email: email.clone(), name: name.clone(), role: new.role }];
        entries.extend(organisations.iter().map(|&organisation| EntryBody::MemberJoined { person, organisation }));
        self.put(Record::Person(PersonRecord {
            person,
            email,
            name,
            role: new.role,
            organisations,
            password_and_code: new.password_and_code,
            user_handle,
            passkeys: Vec::new(),
            password: None,
            last_sign_in: None,
            known_origins: Vec::new(),
            closed: None,
            locked: None,
            professional_ids: Vec::new(),
            professional_id: None,
            until: None,
            lapsed: None,
            delegate_of: Vec::new(),
            password_until: None,
            vouched: None,
            rejoined: None,
        }));
        Ok(Changed { value: person, entries })
    }

    /// Whether somebody could be added with this address and name, for changes that wait.
    pub fn may_be_added(&self, email: &str, name: &str) -> Result<(), DirectoryError> {
        normal_name("name", name)?;
        match self.person_by_email(&normal_email(email)?) {
            Some(taken) if taken.closed.is_some() => Err(DirectoryError::EmailOfClosed),
            Some(_) => Err(DirectoryError::EmailTaken),
            None => Ok(()),
        }
    }

    /// Makes a person a member of an organisation. No entry when they are one already. A link from before works no more: it was issued
    /// for less.
    pub fn join(&mut self, person: PersonId, organisation: OrganisationId) -> Result<Changed<()>, DirectoryError> {
        if !self.organisations.contains_key(&organisation) {
            return Err(DirectoryError::UnknownOrganisation);
        }
        let mut record = self.persons.get(&person).ok_or(DirectoryError::UnknownPerson)?.clone();
        let Err(place) = record.organisations.binary_search(&organisation) else {
            return Ok(Changed { value: (), entries: Vec::new() });
        };
        record.organisations.insert(place, organisation);
        self.put(Record::Person(record));
        self.remove(Key::Enrolment(person));
        Ok(Changed { value: (), entries: vec![EntryBody::MemberJoined { person, organisation }] })
    }

    /// Ends a person's membership. No entry when they are no member.
    pub fn leave(&mut self, person: PersonId, organisation: OrganisationId) -> Result<Changed<()>, DirectoryError> {
        let mut record = self.persons.get(&person).ok_or(DirectoryError::UnknownPerson)?.clone();
        let entries = record.give_up(organisation);
        if !entries.is_empty() {
            self.put(Record::Person(record));
        }
        Ok(Changed { value: (), entries })
    }

    /// Gives a person a professional identifier, or takes it away. One identifier is one person's; no entry when nothing changes.
    pub fn set_professional_id(
        &mut self,
        person: PersonId,
        issuer: &str,
        id: &str,
        holds: bool,
    ) -> Result<Changed<()>, DirectoryError> {
        let (issuer, id) = (normal_name("issuer", issuer)?, normal_name("id", id)?);
        // one that ended may be opened again, and would have it then
        if holds && self.holders_of(&issuer, &id).any(|holder| holder.person != person) {
            return Err(DirectoryError::ProfessionalIdTaken);
        }
        let mut record = self.persons.get(&person).ok_or(DirectoryError::UnknownPerson)?.clone();
        let own = (issuer.clone(), id.clone());
        let held = record.professional_ids.contains(&own);
        if held == holds {
            return Ok(Changed { value: (), entries: Vec::new() });
        }
        record.professional_ids.retain(|one| *one != own);
        if holds {
            if record.professional_ids.len() >= PROFESSIONAL_IDS_MAX {
                let expected = "at most 16 professional identifiers of one person";
                return Err(DirectoryError::Field { field: "professional id", expected });
            }
            record.professional_ids.push(own);
        }
        self.put(Record::Person(record));
        Ok(Changed { value: (), entries: vec![EntryBody::ProfessionalIdChanged { person, issuer, id, holds }] })
    }

    /// The person with an open account who has this professional identifier; nobody when it names two.
    #[must_use]
    pub fn person_by_professional_id(&self, issuer: &str, id: &str) -> Option<Person<'_>> {
        let mut holders = self.holders_of(issuer, id);
        let one = holders.next()?;
        (holders.next().is_none() && one.lapsed.is_none()).then_some(Person(one))
    }

    /// All professional identifiers that orders name a person by.
    #[must_use]
    pub fn professional_ids(&self, person: PersonId) -> Vec<ProfessionalId> {
        self.persons.get(&person).map(named_by).unwrap_or_default()
    }

    fn holders_of(&self, issuer: &str, id: &str) -> impl Iterator<Item = &PersonRecord> {
        self.persons.values().filter(move |record| {
            record.closed.is_none() && record.professional_ids.iter().any(|(own, number)| own == issuer && number == id)
        })
    }

    /// A person by number.
    #[must_use]
    pub fn person(&self, person: PersonId) -> Option<Person<'_>> {
        self.persons.get(&person).map(Person)
    }

    /// A person by e-mail address.
    #[must_use]
    pub fn person_by_address(&self, email: &str) -> Option<Person<'_>> {
        normal_email(email).ok().and_then(|email| self.person_by_email(&email)).map(Person)
    }

    /// An organisation by number.
    #[must_use]
    pub fn organisation(&self, organisation: OrganisationId) -> Option<Organisation<'_>> {
        self.organisations.get(&organisation).map(Organisation)
    }

    /// An organisation by name, without regard to case.
    #[must_use]
    pub fn organisation_by_name(&self, name: &str) -> Option<Organisation<'_>> {
        let wanted = folded(name);
        self.organisations.values().find(|record| folded(&record.name) == wanted).map(Organisation)
    }

    /// All people, by number.
    #[must_use]
    pub fn person_rows(&self) -> Vec<PersonRow> {
        let row = |record: &PersonRecord| PersonRow {
            person: record.person,
            name: record.name.clone(),
            email: record.email.clone(),
            role: record.role,
            organisations: self.organisation_names(record),
            passkeys: record.passkeys.len() as u32,
            password: record.password.is_some(),
            last_sign_in: record.last_sign_in,
            closed: record.closed,
            locked: record.locked,
            professional_id: record.professional_id.clone(),
            professional_ids: named_by(record),
            until: record.until,
            delegate_of: self.names_of(&record.delegate_of),
        };
        self.persons.values().map(row).collect()
    }

    /// All organisations, by number.
    #[must_use]
    pub fn organisation_rows(&self, now: Instant) -> Vec<OrganisationRow> {
        let members = |organisation| {
            self.persons.values().filter(|person| person.organisations.contains(&organisation)).count() as u32
        };
        let row = |record: &OrganisationRecord| OrganisationRow {
            organisation: record.organisation,
            name: record.name.clone(),
            authorisation: record.authorisation,
            members: members(record.organisation),
            rule: record.rule.clone(),
            shut_out: self.shut_out(record.organisation, now),
        };
        self.organisations.values().map(row).collect()
    }

    pub(crate) fn organisation_names(&self, person: &PersonRecord) -> Vec<String> {
        self.names_of(&person.organisations)
    }

    pub(crate) fn names_of(&self, organisations: &[OrganisationId]) -> Vec<String> {
        let organisations = organisations.iter().filter_map(|number| self.organisations.get(number));
        organisations.map(|organisation| organisation.name.clone()).collect()
    }
}

impl<'a> Person<'a> {
    /// Number.
    #[must_use]
    pub fn id(self) -> PersonId {
        self.0.person
    }

    /// Name.
    #[must_use]
    pub fn name(self) -> &'a str {
        &self.0.name
    }

    /// E-mail address, normalised.
    #[must_use]
    pub fn email(self) -> &'a str {
        &self.0.email
    }

    /// Role.
    #[must_use]
    pub fn role(self) -> Role {
        self.0.role
    }

    /// Organisations, ascending.
    #[must_use]
    pub fn organisations(self) -> &'a [OrganisationId] {
        &self.0.organisations
    }
}

impl<'a> Organisation<'a> {
    /// Number.
    #[must_use]
    pub fn id(self) -> OrganisationId {
        self.0.organisation
    }

    /// Name.
    #[must_use]
    pub fn name(self) -> &'a str {
        &self.0.name
    }

    /// Which authenticators it accepts.
    #[must_use]
    pub fn authorisation(self) -> Authorisation {
        self.0.authorisation
    }
}

/// An e-mail address as it is compared: NFKC, lower case, without surrounding space.
pub(crate) fn normal_email(email: &str) -> Result<String, DirectoryError> {
    let out_of_shape = DirectoryError::Field { field: "email", expected: "an address like name@example.org" };
    if email.len() > 4 * EMAIL_BYTES_MAX {
        return Err(out_of_shape);
    }
    let email = folded(email);
    let refused =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | ',' | ';' | '<' | '>' | '"' | '\\');
    match email.rsplit_once('@') {
        Some((local, domain))
            if !local.is_empty()
                && !local.contains('@')
                && !domain.is_empty()
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && email.len() <= EMAIL_BYTES_MAX
                && !email.contains(refused) =>
        {
            Ok(email)
        }
        _ => Err(out_of_shape),
    }
}

/// What orders name this person by.
fn named_by(record: &PersonRecord) -> Vec<ProfessionalId> {
    let ids = record.professional_ids.iter().cloned();
    ids.map(|(issuer, id)| ProfessionalId { issuer, id }).collect()
}

/// A name as it is kept: NFC, one line, without surrounding space.
pub(crate) fn normal_name(field: &'static str, name: &str) -> Result<String, DirectoryError> {
    let name: String = name.trim().nfc().take(NAME_CHARACTERS_MAX + 1).collect();
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX || name.contains(char::is_control) {
        return Err(DirectoryError::Field { field, expected: "1 to 128 characters on one line" });
    }
    Ok(name)
}

/// Text as it is compared without regard to case and to how a character was typed.
pub(crate) fn folded(text: &str) -> String {
    text.trim().nfkc().collect::<String>().to_lowercase().nfkc().collect()
}
