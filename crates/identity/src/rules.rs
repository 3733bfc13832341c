//! Which authenticators organisations take: passwords with a sunset, passkeys that stay on one device, authenticators of known
//! makers, and the times of an assurance level.
//!
//! NIST SP 800-63B-4 section 2.2.3: at AAL2 reauthentication after 24 hours at the most and, where there is a limit, after 1 hour
//! without use. Section 2.3.3: at AAL3 after 12 hours and after 15 minutes; section 2.3.2: the key does not leave the authenticator,
//! so nothing that synchronises is taken. Of several organisations the strictest holds, because a sign-in reaches the patients of all.

use model::{
    Assurance, AuthenticatorRule, AuthenticatorsSet, Authorisation, EntryBody, Instant, OrganisationId, PasswordUntil,
    PersonId,
};
use protocol::{Invalid, Refusal};
use thiserror::Error;
use webauthn_rs::prelude::{Passkey, RegisterPublicKeyCredential, Uuid};
use webauthn_rs_core::proto::{AttestationCaList, AttestationMetadata, Credential, RegistrationState};

use crate::passkey::to_value;
use crate::record::{PasskeyRecord, PersonRecord, Record, Shown};
use crate::secret::sha256;
use crate::{
    AAL2_ABSOLUTE_SECONDS, AAL2_IDLE_SECONDS, AAL3_ABSOLUTE_SECONDS, AAL3_IDLE_SECONDS, Changed, DirectoryError,
    PASSWORD_SUNSET_SECONDS, People,
};

/// A rule cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleError {
    /// No such organisation.
    #[error("there is no such organisation; list them with `leadglass org list`")]
    UnknownOrganisation,
    /// A password would be taken for longer than a year, or at a level that takes none.
    #[error("a password is taken for a year at the most, and never where keys have to stay on their device")]
    Password,
    /// A maker's certificate cannot be read, or there are too many.
    #[error("a maker's certificate is not usable; give at most 8 X.509 certificates in PEM form")]
    Maker,
    /// A model is no AAGUID, or names no maker.
    #[error("a model is not usable; give its AAGUID as the maker publishes it, beside the maker's certificate")]
    Model,
}

impl From<RuleError> for Refusal {
    fn from(error: RuleError) -> Self {
        let field = |field: &str, expected: &str| {
            Self::Invalid(Invalid::Field { field: field.to_owned(), expected: expected.to_owned() })
        };
        match error {
            RuleError::UnknownOrganisation => DirectoryError::UnknownOrganisation.into(),
            RuleError::Password => field(
                "password until",
                "a moment at most a year ahead, and nothing where keys have to stay on their device",
            ),
            RuleError::Maker => field("makers", "at most 8 X.509 certificates in PEM form"),
            RuleError::Model => {
                field("models", "at most 64 AAGUIDs of authenticators, beside their makers' certificates")
            }
        }
    }
}

/// What a person's organisations ask of authenticators, all of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) device_bound: bool,
    pub(crate) attested: bool,
}

impl People {
    /// The rule of an organisation.
    #[must_use]
    pub fn rule(&self, organisation: OrganisationId) -> Option<&AuthenticatorRule> {
        self.organisations.get(&organisation).map(|record| &record.rule)
    }

    /// A rule as it would be kept, or why it would not be.
    pub fn rule_fits(&self, rule: &AuthenticatorRule, now: Instant) -> Result<(), RuleError> {
        let latest = now.plus_seconds(AuthenticatorRule::PASSWORD_SECONDS_MAX);
        if rule
            .password_until
            .is_some_and(|until| until > latest || rule.wants_device_bound() || !rule.makers.is_empty())
        {
            return Err(RuleError::Password);
        }
        if rule.makers.len() > AuthenticatorRule::MAKERS_MAX || (!rule.makers.is_empty() && makers(rule).is_none()) {
            return Err(RuleError::Maker);
        }
        let named = rule.models.iter().all(|model| Uuid::parse_str(model).is_ok());
        if rule.models.len() > AuthenticatorRule::MODELS_MAX
            || !named
            || (rule.makers.is_empty() && !rule.models.is_empty())
        {
            return Err(RuleError::Model);
        }
        Ok(())
    }

    /// Sets which authenticators an organisation takes. Sessions of members whose authenticators do not fit any more end, except
    /// `kept`.
    pub fn set_rule(
        &mut self,
        organisation: OrganisationId,
        rule: AuthenticatorRule,
        kept: Option<model::SessionId>,
        now: Instant,
    ) -> Result<Changed<()>, RuleError> {
        self.rule_fits(&rule, now)?;
        let mut record = self.organisations.get(&organisation).ok_or(RuleError::UnknownOrganisation)?.clone();
        let stricter = !record.rule.is_at_least_as_strict_as(&rule);
        record.authorisation = match rule.password_until {
            Some(_) => Authorisation::PasswordAndCode,
            None => Authorisation::PasskeyOnly,
        };
        record.rule = rule.clone();
        self.put(Record::Organisation(record));
        let mut entries = vec![EntryBody::AuthenticatorsSet(Box::new(AuthenticatorsSet { organisation, rule }))];
        if stricter {
            let members = self.persons.values().filter(|person| person.organisations.contains(&organisation));
            let members: Vec<PersonId> = members.map(|person| person.person).collect();
            entries.extend(members.into_iter().flat_map(|person| self.end_all_but(person, kept).entries));
        }
        Ok(Changed { value: (), entries })
    }

    /// Gives a sunset to whatever takes a password and has none: what an earlier version allowed without end, and what was just
    /// allowed.
    pub fn give_sunsets(&mut self, now: Instant) -> Vec<EntryBody> {
        let until = now.plus_seconds(PASSWORD_SUNSET_SECONDS);
        let endless = self.organisations.values().filter(|record| {
            record.authorisation == Authorisation::PasswordAndCode && record.rule.password_until.is_none()
        });
        let organisations: Vec<_> = endless.cloned().collect();
        let endless = self
            .persons
            .values()
            .filter(|record| record.password_and_code && record.password_until.is_none() && record.closed.is_none());
        let persons: Vec<_> = endless.cloned().collect();
        let mut entries = Vec::with_capacity(organisations.len() + persons.len());
        for mut record in organisations {
            record.rule.password_until = Some(until);
            let (organisation, rule) = (record.organisation, record.rule.clone());
            self.put(Record::Organisation(record));
            entries.push(EntryBody::AuthenticatorsSet(Box::new(AuthenticatorsSet { organisation, rule })));
        }
        for mut record in persons {
            record.password_until = Some(until);
            let person = record.person;
            self.put(Record::Person(record));
            entries.push(EntryBody::PasswordUntil(PasswordUntil { person, until }));
        }
        entries
    }

    /// Until when a password and code sign this person in; `None` where they never do. The person's own exception, or every organisation
    /// allows it. One organisation that takes passkeys only is enough to refuse, and no exception holds where keys have to stay on
    /// their device.
    pub(crate) fn password_until(&self, person: &PersonRecord) -> Option<Instant> {
        let rules = || person.organisations.iter().filter_map(|number| self.organisations.get(number));
        if rules().any(|record| record.rule.wants_device_bound() || !record.rule.makers.is_empty()) {
            return None;
        }
        if person.password_and_code {
            return Some(person.password_until.unwrap_or(Instant::MAX));
        }
        let allowed = rules().all(|record| record.authorisation == Authorisation::PasswordAndCode);
        let ends = rules().map(|record| record.rule.password_until.unwrap_or(Instant::MAX));
        ends.min().filter(|_| allowed)
    }

    /// Whether a password and code may sign this person in now.
    pub(crate) fn password_allowed(&self, person: &PersonRecord, now: Instant) -> bool {
        self.password_until(person).is_some_and(|until| now < until)
    }

    /// How long this person's sessions live: without use, and at the most, in seconds.
    pub(crate) fn session_seconds(&self, person: &PersonRecord) -> (i64, i64) {
        let site = (self.settings.session_idle_seconds, self.settings.session_absolute_seconds);
        let rules = person.organisations.iter().filter_map(|number| self.organisations.get(number));
        let asked = rules.map(|record| match record.rule.assurance {
            None => site,
            Some(Assurance::Aal2) => (AAL2_IDLE_SECONDS, AAL2_ABSOLUTE_SECONDS),
            Some(Assurance::Aal3) => (AAL3_IDLE_SECONDS, AAL3_ABSOLUTE_SECONDS),
        });
        asked.reduce(|one, other| (one.0.min(other.0), one.1.min(other.1))).unwrap_or(site)
    }

    /// What this person's organisations ask.
    pub(crate) fn asked_of(&self, person: &PersonRecord) -> Asked {
        let rules = person.organisations.iter().filter_map(|number| self.organisations.get(number));
        rules.fold(Asked::default(), |asked, record| Asked {
            device_bound: asked.device_bound || record.rule.wants_device_bound(),
            attested: asked.attested || !record.rule.makers.is_empty(),
        })
    }

    /// Whether a passkey fits what the organisations ask now.
    pub(crate) fn fits(&self, person: &PersonRecord, bound: &PasskeyRecord) -> bool {
        !(self.asked_of(person).device_bound && is_copied(&bound.passkey)) && self.takes(person, &bound.shown)
    }

    /// Whether what an authenticator showed of its origin is enough for every rule of now.
    pub(crate) fn takes(&self, person: &PersonRecord, shown: &Shown) -> bool {
        self.rules_about_makers(person).all(|rule| {
            let made = rule.makers.iter().any(|maker| shown.makers.contains(&digest_of(maker)));
            made && (rule.models.is_empty() || shown.model.as_ref().is_some_and(|model| names(&rule.models, model)))
        })
    }

    fn rules_about_makers(&self, person: &PersonRecord) -> impl Iterator<Item = &AuthenticatorRule> {
        let rules = person.organisations.iter().filter_map(|number| self.organisations.get(number));
        rules.map(|record| &record.rule).filter(|rule| !rule.makers.is_empty())
    }

    /// Members of an organisation who have authenticators of which none fits.
    pub(crate) fn shut_out(&self, organisation: OrganisationId, now: Instant) -> u32 {
        let members = self.persons.values().filter(|person| person.organisations.contains(&organisation));
        let shut = members.filter(|person| {
            let password = person.password.is_some() && self.password_allowed(person, now);
            person.can_sign_in() && !password && !person.passkeys.iter().any(|bound| self.fits(person, bound))
        });
        shut.count() as u32
    }

    /// What the authenticator shows in this registration: the statement is verified anew with each maker's certificate alone (WebAuthn
    /// section 7.1 steps 21 to 24).
    pub(crate) fn shown(
        &self,
        person: &PersonRecord,
        answer: &RegisterPublicKeyCredential,
        state: &RegistrationState,
    ) -> Shown {
        let mut shown = Shown::default();
        for maker in self.rules_about_makers(person).flat_map(|rule| &rule.makers) {
            let verified = certificate(maker)
                .and_then(|certificate| self.core.register_credential(answer, state, Some(&certificate)).ok());
            let (Some(credential), digest) = (verified, digest_of(maker)) else { continue };
            shown.model = model_of(&credential);
            if !shown.makers.contains(&digest) {
                shown.makers.push(digest);
            }
        }
        shown
    }
}

/// The makers' certificates; `None` where one cannot be read.
fn makers(rule: &AuthenticatorRule) -> Option<AttestationCaList> {
    let mut list = AttestationCaList::default();
    for maker in &rule.makers {
        list.union(&certificate(maker)?);
    }
    Some(list)
}

/// One maker's certificate.
fn certificate(pem: &str) -> Option<AttestationCaList> {
    AttestationCaList::try_from(pem.as_bytes()).ok()
}

/// What a maker's certificate is called in a record: it may be written with other line ends than before.
fn digest_of(pem: &str) -> String {
    let text: String = pem.split_whitespace().collect();
    sha256(&[text.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn model_of(credential: &Credential) -> Option<String> {
    match &credential.attestation.metadata {
        AttestationMetadata::Packed { aaguid } | AttestationMetadata::Tpm { aaguid, .. } => Some(aaguid.to_string()),
        _ => None,
    }
}

fn names(models: &[String], model: &str) -> bool {
    let model = Uuid::parse_str(model).ok();
    models.iter().any(|taken| model.is_some() && Uuid::parse_str(taken).ok() == model)
}

/// Whether a passkey can be copied to other devices: its flag BE.
pub(crate) fn is_copied(passkey: &Passkey) -> bool {
    to_value(passkey)["cred"]["backup_eligible"] == true
}
