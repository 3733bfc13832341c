//! Accounts beside their coming and going: when they end by themselves, who may add colleagues, what a chamber calls somebody,
//! and the word of those who say that somebody lost their authenticators.

use model::{
    AccountEnds, DelegateSet, EntryBody, Instant, OrganisationId, PersonId, ProfessionalId, ProfessionalIdSet,
    ResetVouched, Role,
};
use protocol::{ColleagueRow, Refusal};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::record::{Key, PersonRecord, Record, Vouch};
use crate::{Changed, DirectoryError, EnrolmentLink, People, REJOINED_SECONDS, VOUCH_SECONDS};

/// Something about an account cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AccountError {
    /// No such person, or the account is closed.
    #[error("there is no such person, or the account is closed; list them with `leadglass person list`")]
    UnknownPerson,
    /// The right is for members.
    #[error("this person is no member of that organisation; let them join it first")]
    NoMember,
    /// Only whoever works with patients adds colleagues.
    #[error("this role adds no colleagues; the right is for referrers, radiologists and technologists")]
    Role,
    /// Whoever decides about others ends by an act of two persons, never by itself.
    #[error("the account of an officer or administrator does not end by itself; close it when they leave")]
    Decides,
    /// In the past.
    #[error("this moment has passed; give one that is ahead, or close the account")]
    Past,
}

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Self {
        let field = |field: &str, expected: &str| {
            Self::Invalid(protocol::Invalid::Field { field: field.to_owned(), expected: expected.to_owned() })
        };
        match error {
            AccountError::UnknownPerson => DirectoryError::UnknownPerson.into(),
            AccountError::NoMember => field("organisation", "one that this person is a member of"),
            AccountError::Role => field("role", "referrer, radiologist or technologist"),
            AccountError::Decides => field("until", "nothing, for an officer or administrator"),
            AccountError::Past => field("until", "a moment that is ahead"),
        }
    }
}

impl People {
    /// Sets when an account ends by itself. One that has ended is open again, without memberships.
    pub fn set_until(
        &mut self,
        person: PersonId,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Changed<()>, AccountError> {
        let mut record = self.open_account(person)?.clone();
        if until.is_some() && record.role.decides() {
            return Err(AccountError::Decides);
        }
        if until.is_some_and(|until| until <= now) {
            return Err(AccountError::Past);
        }
        if record.until == until && record.lapsed.is_none() {
            return Ok(Changed { value: (), entries: Vec::new() });
        }
        record.until = until;
        record.lapsed = None;
        self.put(Record::Person(record));
        Ok(Changed { value: (), entries: vec![EntryBody::AccountEnds(AccountEnds { person, until })] })
    }

    /// Ends the accounts whose time has come: sessions, link, memberships and rights go, the authenticators stay for when the
    /// account is opened again. The value says whose.
    pub fn lapse(&mut self, now: Instant) -> Changed<Vec<PersonId>> {
        let due: Vec<PersonRecord> = self.persons.values().filter(|record| record.is_due(now)).cloned().collect();
        let (mut entries, mut whose) = (Vec::new(), Vec::new());
        for mut record in due {
            let person = record.person;
            entries.push(EntryBody::AccountLapsed { person });
            entries.extend(self.end_all(person).entries);
            entries.extend(record.give_up_all());
            record.lapsed = Some(now);
            self.put(Record::Person(record));
            self.remove(Key::Enrolment(person));
            whose.push(person);
        }
        Changed { value: whose, entries }
    }

    /// Lets somebody join again whose account ended by itself, who is a member of nothing and enrolled, as a delegate may. `None` for
    /// everybody else: an address alone makes nobody a colleague.
    pub fn rejoin(
        &mut self,
        person: PersonId,
        organisation: OrganisationId,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Option<Changed<()>>, AccountError> {
        let record = self.open_account(person)?;
        let ended = record.lapsed.is_some() && record.organisations.is_empty();
        if !ended || !record.can_sign_in() {
            return Ok(None);
        }
        let mut entries = self.set_until(person, until, now)?.entries;
        entries.extend(self.join(person, organisation).map_err(|_| AccountError::NoMember)?.entries);
        let mut record = self.open_account(person)?.clone();
        record.rejoined = Some(now);
        self.put(Record::Person(record));
        Ok(Some(Changed { value: (), entries }))
    }

    /// Whether a delegate let this account join again a short time ago: until somebody would have noticed, colleagues get no link to it.
    #[must_use]
    pub fn has_just_rejoined(&self, person: PersonId, now: Instant) -> bool {
        let rejoined = self.persons.get(&person).and_then(|record| record.rejoined);
        rejoined.is_some_and(|at| now < at.plus_seconds(REJOINED_SECONDS))
    }

    /// Gives or takes the right to add colleagues to an organisation. No entry when nothing changes. A link from before works no more
    /// when it is given: it was issued for less.
    pub fn set_delegate(
        &mut self,
        person: PersonId,
        organisation: OrganisationId,
        delegate: bool,
    ) -> Result<Changed<()>, AccountError> {
        let mut record = self.open_account(person)?.clone();
        if record.delegate_of.contains(&organisation) == delegate {
            return Ok(Changed { value: (), entries: Vec::new() });
        }
        if delegate && !record.organisations.contains(&organisation) {
            return Err(AccountError::NoMember);
        }
        if delegate && !record.may_be_delegate() {
            return Err(AccountError::Role);
        }
        record.delegate_of.retain(|of| *of != organisation);
        if delegate {
            record.delegate_of.push(organisation);
            self.remove(Key::Enrolment(person));
        }
        self.put(Record::Person(record));
        let entry = EntryBody::DelegateSet(DelegateSet { person, organisation, delegate });
        Ok(Changed { value: (), entries: vec![entry] })
    }

    /// Sets what a chamber, an authority or a payer calls somebody, as a delegate says. Orders do not go by it: anybody could be
    /// claimed to be somebody else, and would read that person's patients.
    pub fn state_professional_id(
        &mut self,
        person: PersonId,
        professional_id: Option<ProfessionalId>,
    ) -> Result<Changed<()>, AccountError> {
        let mut record = self.open_account(person)?.clone();
        if record.professional_id == professional_id {
            return Ok(Changed { value: (), entries: Vec::new() });
        }
        record.professional_id.clone_from(&professional_id);
        self.put(Record::Person(record));
        let entry = EntryBody::ProfessionalIdSet(ProfessionalIdSet { person, professional_id });
        Ok(Changed { value: (), entries: vec![entry] })
    }

    /// Issues a link that replaces what the person had: it is lost. Sessions end now, the authenticators when the link is used.
    pub fn issue_reset(
        &mut self,
        person: PersonId,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<EnrolmentLink>, DirectoryError> {
        let mut entries = vec![EntryBody::ResetVouched(ResetVouched { person, until: now })];
        let ended = self.end_all(person).entries;
        let link = self.issue_enrolment(person, now, random)?;
        if let Some(mut record) = self.enrolments.get(&person).cloned() {
            record.replaces = true;
            self.put(Record::Enrolment(record));
        }
        if let Some(mut record) = self.persons.get(&person).cloned() {
            record.vouched = None;
            self.put(Record::Person(record));
        }
        entries.extend(ended);
        entries.extend(link.entries);
        Ok(Changed { value: link.value, entries })
    }

    /// Takes the word of a colleague that somebody lost their authenticators. The value says whether another one said so before, recently,
    /// and counts: then it is time for [`issue_reset`](Self::issue_reset).
    pub fn vouch(
        &mut self,
        person: PersonId,
        by: PersonId,
        counts: impl Fn(&Self, PersonId) -> bool,
        now: Instant,
    ) -> Result<Changed<bool>, AccountError> {
        let mut record = self.open_account(person)?.clone();
        let before = record.vouched.as_ref().filter(|vouch| now < vouch.until && counts(self, vouch.by));
        if before.is_some_and(|vouch| vouch.by != by) {
            return Ok(Changed { value: true, entries: Vec::new() });
        }
        let until = now.plus_seconds(VOUCH_SECONDS);
        record.vouched = Some(Vouch { by, until });
        self.put(Record::Person(record));
        let entry = EntryBody::ResetVouched(ResetVouched { person, until });
        Ok(Changed { value: false, entries: vec![entry] })
    }

    /// Whether `by` may say that `person` lost their authenticators: their account can be used now, and they have every membership and
    /// every right of that person, and a role that covers theirs.
    #[must_use]
    pub fn may_vouch(&self, by: PersonId, person: PersonId, covers: impl Fn(Role, Role) -> bool, now: Instant) -> bool {
        let (Some(voucher), Some(lost)) = (self.persons.get(&by), self.persons.get(&person)) else { return false };
        let usable = voucher.is_open(now) && voucher.lapsed.is_none() && voucher.can_sign_in();
        let has_all = |own: &[OrganisationId], theirs: &[OrganisationId]| theirs.iter().all(|one| own.contains(one));
        by != person
            && usable
            && covers(voucher.role, lost.role)
            && has_all(&voucher.organisations, &lost.organisations)
            && has_all(&voucher.delegate_of, &lost.delegate_of)
    }

    /// Whether the account ended by itself, or is about to in this very moment.
    #[must_use]
    pub fn is_lapsed(&self, person: PersonId, now: Instant) -> bool {
        self.persons.get(&person).is_some_and(|record| !record.is_open(now))
    }

    /// Everybody in the organisations of `of`, by organisation and name.
    #[must_use]
    pub fn colleague_rows(&self, of: PersonId, now: Instant) -> Vec<ColleagueRow> {
        let Some(caller) = self.persons.get(&of) else { return Vec::new() };
        let mut rows = Vec::new();
        for organisation in caller.organisations.iter().filter_map(|number| self.organisations.get(number)) {
            let number = organisation.organisation;
            let mine = caller.delegate_of.contains(&number);
            let here = self.persons.values().filter(|person| person.organisations.contains(&number));
            // a patient may be a member of an organisation, and is nobody's colleague
            let colleagues = here.filter(|person| person.closed.is_none() && person.role != model::Role::Patient);
            rows.extend(colleagues.map(|person| ColleagueRow {
                organisation: organisation.name.clone(),
                name: person.name.clone(),
                email: person.email.clone(),
                role: person.role,
                professional_id: person.professional_id.clone(),
                enrolled: person.is_enrolled(),
                until: person.until,
                delegate: person.delegate_of.contains(&number),
                mine: mine && person.may_be_delegate() && person.person != of,
                me: person.person == of,
                vouched_until: person.vouched.as_ref().map(|vouch| vouch.until).filter(|until| now < *until),
            }));
        }
        rows.sort_by(|one, other| {
            (&one.organisation, &one.name, &one.email).cmp(&(&other.organisation, &other.name, &other.email))
        });
        rows
    }

    pub(crate) fn open_account(&self, person: PersonId) -> Result<&PersonRecord, AccountError> {
        self.persons.get(&person).filter(|record| record.closed.is_none()).ok_or(AccountError::UnknownPerson)
    }
}

impl PersonRecord {
    /// Whether the account is neither closed nor at its end.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        self.closed.is_none() && self.until.is_none_or(|until| now < until)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.closed.is_none() && self.lapsed.is_none() && !self.is_open(now)
    }

    pub(crate) fn may_be_delegate(&self) -> bool {
        !self.role.decides() && self.role != model::Role::Patient
    }

    /// Gives up one membership with the right that hangs on it.
    pub(crate) fn give_up(&mut self, organisation: OrganisationId) -> Vec<EntryBody> {
        let person = self.person;
        let mut entries = Vec::new();
        if self.delegate_of.contains(&organisation) {
            self.delegate_of.retain(|of| *of != organisation);
            entries.push(EntryBody::DelegateSet(DelegateSet { person, organisation, delegate: false }));
        }
        if let Ok(place) = self.organisations.binary_search(&organisation) {
            self.organisations.remove(place);
            entries.push(EntryBody::MemberLeft { person, organisation });
        }
        entries
    }

    /// Gives up every membership.
    pub(crate) fn give_up_all(&mut self) -> Vec<EntryBody> {
        self.vouched = None;
        self.organisations.clone().into_iter().flat_map(|organisation| self.give_up(organisation)).collect()
    }

    /// Gives up every right to add colleagues: the role does not go with it.
    pub(crate) fn give_up_rights(&mut self) -> Vec<EntryBody> {
        let person = self.person;
        let of = std::mem::take(&mut self.delegate_of).into_iter();
        of.map(|organisation| EntryBody::DelegateSet(DelegateSet { person, organisation, delegate: false })).collect()
    }
}
