//! Enrolment links: the only way to bind an authenticator. Single use, and a newer one voids an older.

use model::{EntryBody, Instant, PersonId};
use protocol::{EnrolmentFor, Invalid, Refusal};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::record::{EnrolmentRecord, Key, PersonRecord, Record};
use crate::secret::{TokenHash, new_token};
use crate::{Changed, DirectoryError, ENROLMENT_SECONDS, People};

/// An enrolment link. The token exists here only; what is kept is its SHA-256.
///
/// Trust: who holds it becomes that person here. Losing it costs a new link.
#[derive(Clone)]
pub struct EnrolmentLink {
    /// For whom.
    pub person: PersonId,
    /// The token; the link is `/enrol#TOKEN`.
    pub token: String,
    /// Until when it works.
    pub until: Instant,
}

impl std::fmt::Debug for EnrolmentLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolmentLink")
            .field("person", &self.person)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// An authenticator cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnrolmentError {
    /// Unknown, used, expired or voided: which of these is not told.
    #[error("this link has been used or has expired; ask for a new one where you got it")]
    Link,
    /// The link sets another password and nothing else.
    #[error("this link sets another password and nothing else; ask for a link where you got your first one")]
    OnlyPassword,
    /// An organisation of this person takes passkeys only.
    #[error("your organisation takes passkeys only; bind a passkey instead")]
    PasswordNotAllowed,
    /// The password is refused; fixed words for why.
    #[error("this password cannot be used: {}", reasons.join(", "))]
    Password {
        /// As in `protocol::PasswordEstimate`.
        reasons: Vec<String>,
    },
    /// The code does not fit, or this enrolment took too long.
    #[error("the code does not fit; check that the phone's clock is right and use the code of this moment")]
    Code,
    /// The passkey's answer does not verify, or the ceremony took too long.
    #[error("the passkey did not verify; try again, or use another passkey")]
    Passkey,
    /// The passkey is not kept by the authenticator, so it cannot be found at sign-in.
    #[error("this authenticator cannot keep a passkey; use another one")]
    PasskeyNotDiscoverable,
    /// The passkey can be copied to other devices, and an organisation takes none such.
    #[error(
        "your organisation takes passkeys that stay on one device; use a security key, or a device that does not synchronise them"
    )]
    PasskeyCopied,
    /// The authenticator did not show that it is of a maker and model that an organisation takes.
    #[error("your organisation takes authenticators of certain makers and models only; use one that it gave you")]
    PasskeyNotAttested,
    /// Enough passkeys.
    #[error("this account has 20 passkeys, which is the most; use one of them")]
    PasskeysFull,
    /// The label is out of shape.
    #[error("the passkey's name is not usable; give it 1 to 128 characters on one line")]
    Label,
}

impl From<EnrolmentError> for Refusal {
    fn from(error: EnrolmentError) -> Self {
        let field =
            |field: &str, expected: &str| Invalid::Field { field: field.to_owned(), expected: expected.to_owned() };
        Self::Invalid(match error {
            EnrolmentError::PasswordNotAllowed | EnrolmentError::OnlyPassword => return Self::NotAllowed,
            EnrolmentError::Link => Invalid::EnrolmentLink,
            EnrolmentError::Password { reasons } => Invalid::Password(reasons.join(", ")),
            EnrolmentError::Code => Invalid::Code,
            EnrolmentError::Passkey => Invalid::Passkey,
            EnrolmentError::PasskeyNotDiscoverable => {
                field("passkey", "an authenticator that keeps passkeys (a phone, a computer or a FIDO2 key)")
            }
            EnrolmentError::PasskeyCopied => field(
                "passkey",
                "one that stays on one device: a security key, or a device that does not synchronise it",
            ),
            EnrolmentError::PasskeyNotAttested => {
                field("passkey", "an authenticator of a maker and model that your organisation takes")
            }
            EnrolmentError::PasskeysFull => field("passkey", "at most 20 passkeys"),
            EnrolmentError::Label => field("label", "1 to 128 characters on one line"),
        })
    }
}

impl People {
    /// Issues an enrolment link for a person. Older ones of that person stop working.
    pub fn issue_enrolment(
        &mut self,
        person: PersonId,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<EnrolmentLink>, DirectoryError> {
        if self.persons.get(&person).is_none_or(|record| !record.is_open(now)) {
            return Err(DirectoryError::UnknownPerson);
        }
        let token = new_token(random);
        let until = now.plus_seconds(ENROLMENT_SECONDS);
        self.put(Record::Enrolment(EnrolmentRecord::new(person, &token, until)));
        let entries = vec![EntryBody::EnrolmentIssued { person, until }];
        Ok(Changed { value: EnrolmentLink { person, token, until }, entries })
    }

    /// Whom an enrolment link is for.
    pub fn enrolment_for(&self, token: &str, now: Instant) -> Result<EnrolmentFor, EnrolmentError> {
        let (link, person) = self.enrolment(token, now)?;
        let (asked, password_until) = (self.asked_of(person), self.password_until(person));
        Ok(EnrolmentFor {
            name: person.name.clone(),
            email: person.email.clone(),
            role: person.role,
            password_allowed: self.password_allowed(person, now),
            until: link.until,
            password_until,
            device_bound: asked.device_bound,
            attested: asked.attested,
            replaces: replaces(link, person),
            only_password: link.only_password,
        })
    }

    /// The link and its person, if it works now.
    pub(crate) fn enrolment(
        &self,
        token: &str,
        now: Instant,
    ) -> Result<(&EnrolmentRecord, &PersonRecord), EnrolmentError> {
        let token = TokenHash::of(token);
        let link = self.enrolments.values().find(|link| link.token == token && now < link.until);
        let link = link.ok_or(EnrolmentError::Link)?;
        let person = self.persons.get(&link.person).filter(|person| person.is_open(now)).ok_or(EnrolmentError::Link)?;
        Ok((link, person))
    }

    /// Uses a link up.
    pub(crate) fn use_up_enrolment(&mut self, person: PersonId) {
        self.remove(Key::Enrolment(person));
    }
}

impl EnrolmentRecord {
    pub(crate) fn new(person: PersonId, token: &str, until: Instant) -> Self {
        let token = TokenHash::of(token);
        Self { person, token, until, replaces: false, only_password: false, wrong_codes: 0 }
    }
}

/// Whether what the person has goes when the link is used: it is lost, or the account is locked and nobody knows who else has it.
pub(crate) fn replaces(link: &EnrolmentRecord, person: &PersonRecord) -> bool {
    link.replaces || person.locked.is_some()
}
