//! Signing in with a password and a one-time code, in two halves with the slow part between them.

use dpop::Thumbprint;
use model::{Instant, Origin, PersonId, SignInMethod};
use rand_core::CryptoRng;

use crate::directory::{folded, normal_email};
use crate::one_time_code::{CodeVerdict, check_code};
use crate::password::{estimate, normalised};
use crate::password_hash::PasswordHash;
use crate::record::{PersonRecord, Record};
use crate::session::{SignInError, SignInReason, SignedIn};
use crate::throttle::{Attempt, origin_key};
use crate::{Changed, EMAIL_BYTES_MAX, KNOWN_ORIGIN_SECONDS, People};

/// A password to be checked: owned, so that it goes to another thread. Dropping it counts as a wrong attempt.
#[must_use = "an attempt that is not finished counts as wrong"]
pub struct PasswordCheck {
    pub(crate) person: Option<PersonId>,
    hash: PasswordHash,
    attempt: Attempt,
    origin: Origin,
    /// What must not make a password up; nothing for names that are not ours.
    context: Vec<String>,
}

/// A password that was checked. Only [`PasswordCheck::verify`] makes one, and it is used once.
#[must_use = "an attempt that is not finished counts as wrong"]
pub struct Verified {
    pub(crate) check: PasswordCheck,
    matches: bool,
    /// Whether a list of leaked passwords has it, or it would not be accepted today.
    known: bool,
}

impl PasswordCheck {
    /// Compares. Slow (see [`PasswordCost`](crate::PasswordCost)) and pure: call it outside every lock, at most
    /// [`PASSWORD_CHECKS_AT_ONCE_MAX`](crate::PASSWORD_CHECKS_AT_ONCE_MAX) at once.
    pub fn verify(self, password: &str) -> Verified {
        // a text that cannot be a password is hashed all the same, so that time does not tell
        let matches = match normalised(password) {
            Some(password) => self.hash.matches(&password),
            None => {
                self.hash.matches("");
                false
            }
        };
        Verified { check: self, matches, known: false }
    }

    /// The same, and whether the password is known: by a list of leaked ones, or because it would not be accepted today. All of it is
    /// looked at in every case, so that time does not tell.
    pub fn verify_against(self, password: &str, known: &dyn Fn(&str) -> bool) -> Verified {
        let context: Vec<&str> = self.context.iter().map(String::as_str).collect();
        let known = known(password) | !estimate(password, &context).accepted;
        Verified { known, ..self.verify(password) }
    }
}

impl Verified {
    /// Whether another password has to be chosen: [`People::finish_known_password`] goes on then, and no session begins.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.matches && self.known
    }
}

impl std::fmt::Debug for PasswordCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordCheck").field("person", &self.person).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}

impl People {
    /// Starts a sign-in with a password. Names that are not ours get a check too, which never matches.
    ///
    /// The attempt counts as wrong from here on, until [`finish_password`](Self::finish_password) finds it right: many
    /// at once get no further than one after the other.
    pub fn begin_password(&mut self, email: &str, origin: &Origin, now: Instant) -> Result<PasswordCheck, SignInError> {
        let cut: String = email.chars().take(EMAIL_BYTES_MAX).collect();
        let login_name = normal_email(email).unwrap_or_else(|_| folded(&cut));
        let person = self.person_by_email(&login_name);
        let known = person.is_some_and(|person| is_known(person, origin, now));
        let hash = person.and_then(|person| person.password.as_ref()).map(|password| password.hash.clone());
        let context = person.map(|person| self.password_context(person)).unwrap_or_default();
        let person = person.map(|person| person.person);
        let attempt = self.throttle.attempt(&login_name, origin, known, now).map_err(|delayed| {
            let mut error = SignInError::recorded(SignInReason::Throttled, person);
            error.wait_seconds = Some(delayed.seconds);
            error.entry = error.entry.filter(|_| delayed.first);
            error
        })?;
        let hash = hash.unwrap_or_else(|| PasswordHash::of_nobody(self.settings.password_cost));
        Ok(PasswordCheck { person, hash, attempt, origin: origin.clone(), context })
    }

    /// Finishes a sign-in with the one-time code, or a recovery code in its place. The session is bound to `key`, which the
    /// browser has shown that it holds.
    pub fn finish_password(
        &mut self,
        verified: Verified,
        code: &str,
        key: Thumbprint,
        user_agent: &str,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<SignedIn>, SignInError> {
        if verified.is_known() {
            return Err(SignInError::recorded(SignInReason::Leaked, verified.check.person));
        }
        let origin = verified.check.origin.clone();
        let (person, method) = self.confirm_password(verified, code, now)?;
        Ok(self.open_session(person, method, key, &origin, user_agent, now, random))
    }

    /// Judges password and code together, and uses the code up.
    pub(crate) fn confirm_password(
        &mut self,
        verified: Verified,
        code: &str,
        now: Instant,
    ) -> Result<(PersonId, SignInMethod), SignInError> {
        let Verified { check, matches, .. } = verified;
        let refused = |reason| SignInError::recorded(reason, check.person);
        let Some(mut record) = check.person.and_then(|person| self.persons.get(&person)).cloned() else {
            return Err(refused(SignInReason::Password));
        };
        let (allowed, open) = (self.password_allowed(&record, now), record.is_open(now));
        // the password may have been replaced while it was checked
        let password = record.password.as_mut().filter(|password| matches && password.hash.is(&check.hash));
        let Some(password) = password else { return Err(refused(SignInReason::Password)) };
        if !open {
            return Err(refused(SignInReason::Ended));
        }
        if !allowed {
            return Err(refused(SignInReason::NotAllowed));
        }
        let method = match check_code(password, code, now) {
            CodeVerdict::OneTimeCode { step } => {
                password.last_step = step;
                SignInMethod::PasswordAndCode
            }
            CodeVerdict::RecoveryCode { place } => {
                password.recovery_codes.remove(place);
                SignInMethod::PasswordAndRecoveryCode
            }
            CodeVerdict::Replayed => return Err(refused(SignInReason::CodeReplayed)),
            CodeVerdict::Wrong => return Err(refused(SignInReason::Code)),
        };
        let person = record.person;
        self.throttle.succeeded(&check.attempt);
        self.put(Record::Person(record));
        Ok((person, method))
    }
}

fn is_known(person: &PersonRecord, origin: &Origin, now: Instant) -> bool {
    let origin = origin_key(origin);
    let mut known = person.known_origins.iter();
    known.any(|known| known.origin == origin && now < known.last.plus_seconds(KNOWN_ORIGIN_SECONDS))
}
