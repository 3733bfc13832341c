//! Passwords that others know: choosing another at sign-in, and locking an account whose password was found in a dump.

use model::{EntryBody, Instant, PersonId};
use rand_core::CryptoRng;

use crate::password::normalised;
use crate::password_hash::PasswordHash;
use crate::record::{EnrolmentRecord, Key, PersonRecord, Record};
use crate::secret::new_token;
use crate::{Changed, EnrolmentLink, KNOWN_PASSWORD_LINK_SECONDS, People, SignInError, SignInReason, Verified};

/// A password's hash, to hold against what stands in a dump: owned, so that it goes to another thread.
#[derive(Clone)]
pub struct StoredPassword {
    person: PersonId,
    hash: PasswordHash,
    set: Instant,
}

/// An account whose password was in a dump. Only [`StoredPassword::found`] makes one.
#[must_use = "an account whose password is known is to be locked"]
pub struct FoundPassword(StoredPassword);

impl StoredPassword {
    /// Whether this is the password. Slow and pure: call it outside every lock, as a sign-in's.
    #[must_use]
    pub fn found(&self, password: &str) -> Option<FoundPassword> {
        let password = normalised(password)?;
        self.hash.matches(&password).then(|| FoundPassword(self.clone()))
    }
}

impl FoundPassword {
    /// Whose.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.0.person
    }

    /// Since when it was the password: nobody signed in with it before.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.0.set
    }
}

impl std::fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredPassword").field("person", &self.person).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for FoundPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoundPassword").field("person", &self.person()).finish_non_exhaustive()
    }
}

impl People {
    /// The login names of everybody whose account is open.
    pub fn login_names(&self) -> impl Iterator<Item = (PersonId, &str)> {
        let open = self.persons.values().filter(|person| person.closed.is_none());
        open.map(|person| (person.person, person.email.as_str()))
    }

    /// The password of a person, when there is one and the account is open.
    #[must_use]
    pub fn stored_password(&self, person: PersonId) -> Option<StoredPassword> {
        let record = self.persons.get(&person).filter(|record| record.closed.is_none())?;
        let password = record.password.as_ref()?;
        Some(StoredPassword { person, hash: password.hash.clone(), set: password.set })
    }

    /// Locks the account of a password that was found: sessions and links end; password, one-time-code secret and recovery codes
    /// are removed; nobody signs in, with a passkey neither, before a new enrolment link was used. Nothing when the password was
    /// replaced meanwhile.
    pub fn lock(&mut self, found: &FoundPassword, incident: u32, now: Instant) -> Option<Changed<PersonId>> {
        let FoundPassword(StoredPassword { person, hash, .. }) = found;
        let record = self.persons.get(person).filter(|record| record.closed.is_none())?;
        record.password.as_ref().filter(|password| password.hash.is(hash))?;
        let mut record = record.clone();
        record.lock(now);
        let mut entries = self.end_all(*person).entries;
        entries.push(EntryBody::AccountLocked { person: *person, incident });
        self.put(Record::Person(record));
        self.remove(Key::Enrolment(*person));
        Some(Changed { value: *person, entries })
    }

    /// Removes a password that was found and signs nobody in any more, so that no later rule makes it good again. Nobody is locked
    /// for it. Whether it was so.
    pub fn forget_unused(&mut self, found: &FoundPassword, now: Instant) -> bool {
        let FoundPassword(StoredPassword { person, hash, .. }) = found;
        let Some(record) = self.persons.get(person).filter(|record| record.closed.is_none()) else { return false };
        let same = record.password.as_ref().is_some_and(|password| password.hash.is(hash));
        if !same || self.password_allowed(record, now) {
            return false;
        }
        let mut record = record.clone();
        record.password = None;
        self.put(Record::Person(record));
        true
    }

    /// Goes on with a sign-in whose password is known from a leak: the code is used up, sessions that there are end, and what comes
    /// of it is a link to choose another password, for some minutes. Never a lock. The link sets a password and nothing else: whoever has
    /// the password and saw one code binds nothing of their own by it, and voids no link that replaces what was lost.
    pub fn finish_known_password(
        &mut self,
        verified: Verified,
        code: &str,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<EnrolmentLink>, SignInError> {
        let (person, _) = self.confirm_password(verified, code, now)?;
        if self.enrolments.get(&person).is_some_and(|link| link.replaces && now < link.until) {
            return Err(SignInError::recorded(SignInReason::Leaked, Some(person)));
        }
        let mut entries = vec![EntryBody::LeakedPasswordUsed { person }];
        entries.extend(self.end_all(person).entries);
        let token = new_token(random);
        let until = now.plus_seconds(KNOWN_PASSWORD_LINK_SECONDS);
        self.put(Record::Enrolment(EnrolmentRecord {
            only_password: true,
            ..EnrolmentRecord::new(person, &token, until)
        }));
        entries.push(EntryBody::EnrolmentIssued { person, until });
        Ok(Changed { value: EnrolmentLink { person, token, until }, entries })
    }
}

impl PersonRecord {
    pub(crate) fn lock(&mut self, now: Instant) {
        self.locked = Some(now);
        self.vouched = None;
        self.password = None;
        self.known_origins.clear();
    }
}
