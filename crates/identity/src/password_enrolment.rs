//! Setting a password by an enrolment link: password, one-time-code secret, a code to confirm it, recovery codes.

use model::{EntryBody, Instant, PersonId};
use protocol::{PasswordEstimate, SignInReply};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::ceremony::{CODE_TRIES, Ceremony, NewPassword};
use crate::enrolment::replaces;
use crate::one_time_code::{CodeVerdict, check_code, new_code_secret, new_recovery_codes, otpauth_uri, step_of, typed};
use crate::password::{estimate, normalised, reasons};
use crate::password_hash::{PasswordHash, SALT_BYTES, new_salt};
use crate::record::{EnrolmentRecord, PasswordRecord, PersonRecord, Record};
use crate::secret::TokenHash;
use crate::{Changed, EnrolmentError, PasswordCost, People};

/// A password that is about to be set: owned, so that it goes to another thread.
pub struct PasswordSetting {
    person: PersonId,
    link: TokenHash,
    context: Vec<String>,
    cost: PasswordCost,
    salt: [u8; SALT_BYTES],
}

/// An accepted password, hashed. Only [`PasswordSetting::hash`] makes one.
pub struct HashedPassword {
    person: PersonId,
    link: TokenHash,
    hash: PasswordHash,
}

/// A one-time-code secret, to be shown once; every text but the first is empty where the old secret stays.
#[derive(Clone)]
pub struct CodeSecret {
    /// Names the enrolment in the next step.
    pub ceremony: String,
    /// `otpauth://` URI.
    pub uri: String,
    /// The URI as an SVG picture: a `rect` and a `path`, no style, no script.
    pub qr_svg: String,
    /// The secret in Base32, to type.
    pub secret: String,
}

/// Recovery codes, to be shown once; none where the old ones stay.
#[derive(Clone)]
pub struct RecoveryCodes {
    /// Whose.
    pub person: PersonId,
    /// Four groups of four characters each.
    pub codes: Vec<String>,
}

impl PasswordSetting {
    /// How strong a password would be. Nothing is kept.
    #[must_use]
    pub fn estimate(&self, password: &str) -> PasswordEstimate {
        let context: Vec<&str> = self.context.iter().map(String::as_str).collect();
        estimate(password, &context)
    }

    /// The same, where a password that is known from a leak is not accepted. `known` reads lists and takes microseconds.
    #[must_use]
    pub fn estimate_against(&self, password: &str, known: &dyn Fn(&str) -> bool) -> PasswordEstimate {
        let mut estimate = self.estimate(password);
        if known(password) {
            let others = estimate.reasons.into_iter().filter(|reason| reason != reasons::FINE);
            estimate.reasons = std::iter::once(reasons::LEAKED.to_owned()).chain(others).collect();
            estimate.accepted = false;
            estimate.score = 0;
        }
        estimate
    }

    /// Accepts and hashes a password that no leak has, or says why not. Slow and pure but for `known`, as [`hash`](Self::hash).
    pub fn hash_against(self, password: &str, known: &dyn Fn(&str) -> bool) -> Result<HashedPassword, EnrolmentError> {
        if known(password) {
            return Err(EnrolmentError::Password { reasons: vec![reasons::LEAKED.to_owned()] });
        }
        self.hash(password)
    }

    /// Accepts and hashes a password, or says why not. Slow and pure: call it outside every lock, at most
    /// [`PASSWORD_CHECKS_AT_ONCE_MAX`](crate::PASSWORD_CHECKS_AT_ONCE_MAX) at once.
    pub fn hash(self, password: &str) -> Result<HashedPassword, EnrolmentError> {
        let estimate = self.estimate(password);
        let normalised = normalised(password).filter(|_| estimate.accepted);
        let normalised = normalised.ok_or(EnrolmentError::Password { reasons: estimate.reasons })?;
        let hash = PasswordHash::of(&normalised, self.cost, self.salt);
        Ok(HashedPassword { person: self.person, link: self.link, hash })
    }
}

impl From<CodeSecret> for SignInReply {
    fn from(secret: CodeSecret) -> Self {
        Self::OneTimeCodeSecret {
            ceremony: secret.ceremony,
            uri: secret.uri,
            qr_svg: secret.qr_svg,
            secret: secret.secret,
        }
    }
}

macro_rules! debug_without_content {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

debug_without_content!(PasswordSetting, HashedPassword, CodeSecret, RecoveryCodes);

impl People {
    /// Starts setting (or only estimating) a password for the person of an enrolment link.
    pub fn password_setting(
        &self,
        token: &str,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<PasswordSetting, EnrolmentError> {
        let (link, person) = self.enrolment(token, now)?;
        if !self.password_allowed(person, now) {
            return Err(EnrolmentError::PasswordNotAllowed);
        }
        Ok(PasswordSetting {
            person: person.person,
            link: link.token,
            context: self.password_context(person),
            cost: self.settings.password_cost,
            salt: new_salt(random),
        })
    }

    /// Texts whose words must not make up this person's password.
    pub(crate) fn password_context(&self, person: &PersonRecord) -> Vec<String> {
        let settings = &self.settings;
        let mut context = vec![settings.site_name.clone(), person.name.clone(), person.email.clone()];
        context.push(settings.rp_id.clone());
        context.extend(self.organisation_names(person));
        context
    }

    /// Makes the one-time-code secret for an accepted password. Nothing holds before a code confirmed it. With a link that sets another
    /// password only the old secret stays, and none is shown.
    pub fn begin_password_enrolment(
        &mut self,
        hashed: HashedPassword,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<CodeSecret, EnrolmentError> {
        // the link may have been voided while the password was hashed
        let link = self.enrolments.get(&hashed.person);
        let link = link.filter(|link| link.token == hashed.link && now < link.until).ok_or(EnrolmentError::Link)?;
        let person = self.persons.get(&hashed.person).ok_or(EnrolmentError::Link)?;
        if link.only_password {
            let waiting = Ceremony::ConfirmCode(NewPassword::new(hashed.person, hashed.hash, None));
            let ceremony = self.ceremonies.begin_enrolment(waiting, hashed.link, now, random);
            return Ok(CodeSecret { ceremony, uri: String::new(), qr_svg: String::new(), secret: String::new() });
        }
        let code_secret = new_code_secret(random);
        let (uri, secret) = otpauth_uri(&code_secret, &self.settings.site_name, &person.email);
        let qr_svg = qr_svg(&uri);
        let waiting = Ceremony::ConfirmCode(NewPassword::new(hashed.person, hashed.hash, Some(code_secret)));
        let ceremony = self.ceremonies.begin_enrolment(waiting, hashed.link, now, random);
        Ok(CodeSecret { ceremony, uri, qr_svg, secret })
    }

    /// Confirms the secret by a code of the moment and sets the password. The link is used up, a former password with
    /// its secret and recovery codes is gone, and this person's sessions end. With a link that sets another password only, secret and
    /// recovery codes stay, and a further code of them confirms it: whoever has the password and one code has no second one.
    pub fn finish_password_enrolment(
        &mut self,
        token: &str,
        ceremony: &str,
        code: &str,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<RecoveryCodes>, EnrolmentError> {
        let (link, person) = self.enrolment(token, now)?;
        if !self.password_allowed(person, now) {
            return Err(EnrolmentError::PasswordNotAllowed);
        }
        let (link, mut record, replaces) = (link.clone(), person.clone(), replaces(link, person));
        if link.only_password {
            return self.finish_another_password(link, record, ceremony, code, now);
        }
        let waiting = self.ceremonies.new_password(ceremony, link.token, now).ok_or(EnrolmentError::Code)?;
        let code = typed(code).map(Zeroizing::new);
        let step = code.zip(waiting.code_secret.as_ref()).and_then(|(code, secret)| step_of(secret, &code, now));
        let Some(step) = step else {
            waiting.tries_left -= 1;
            if waiting.tries_left == 0 {
                self.ceremonies.take_enrolment(ceremony, link.token, now);
            }
            return Err(EnrolmentError::Code);
        };
        let waiting = self.take_new_password(&link, ceremony, now)?;
        let code_secret = waiting.code_secret.ok_or(EnrolmentError::Code)?;
        let person = record.person;
        let (codes, recovery_codes) = new_recovery_codes(random);
        record.locked = None;
        let mut entries = if replaces { record.lose_authenticators() } else { Vec::new() };
        record.password =
            Some(PasswordRecord { hash: waiting.hash, set: now, code_secret, last_step: step, recovery_codes });
        entries.extend(self.set_password(record));
        Ok(Changed { value: RecoveryCodes { person, codes }, entries })
    }

    /// Sets another password beside the secret and the recovery codes that there are. Five wrong codes cost the link.
    fn finish_another_password(
        &mut self,
        mut link: EnrolmentRecord,
        mut record: PersonRecord,
        ceremony: &str,
        code: &str,
        now: Instant,
    ) -> Result<Changed<RecoveryCodes>, EnrolmentError> {
        self.ceremonies.new_password(ceremony, link.token, now).ok_or(EnrolmentError::Code)?;
        let password = record.password.as_mut().ok_or(EnrolmentError::Link)?;
        match check_code(password, code, now) {
            CodeVerdict::OneTimeCode { step } => password.last_step = step,
            CodeVerdict::RecoveryCode { place } => drop(password.recovery_codes.remove(place)),
            CodeVerdict::Replayed | CodeVerdict::Wrong => {
                link.wrong_codes = link.wrong_codes.saturating_add(1);
                if link.wrong_codes < CODE_TRIES {
                    self.put(Record::Enrolment(link));
                } else {
                    self.use_up_enrolment(link.person);
                }
                return Err(EnrolmentError::Code);
            }
        }
        let waiting = self.take_new_password(&link, ceremony, now)?;
        (password.hash, password.set) = (waiting.hash, now);
        let person = record.person;
        let entries = self.set_password(record);
        Ok(Changed { value: RecoveryCodes { person, codes: Vec::new() }, entries })
    }

    fn take_new_password(
        &mut self,
        link: &EnrolmentRecord,
        ceremony: &str,
        now: Instant,
    ) -> Result<NewPassword, EnrolmentError> {
        let Some(Ceremony::ConfirmCode(waiting)) = self.ceremonies.take_enrolment(ceremony, link.token, now) else {
            return Err(EnrolmentError::Code);
        };
        assert_eq!(waiting.person, link.person, "a ceremony belongs to the person of its link");
        Ok(waiting)
    }

    fn set_password(&mut self, record: PersonRecord) -> Vec<EntryBody> {
        let person = record.person;
        self.put(Record::Person(record));
        self.use_up_enrolment(person);
        let mut entries = vec![EntryBody::PasswordSet { person }];
        entries.extend(self.end_all(person).entries);
        entries
    }
}

/// The URI as an SVG element, without an XML declaration so that it stands inside a page.
/// A QR code as SVG, empty when the text is too long for one.
#[must_use]
pub fn qr_svg(uri: &str) -> String {
    let code = QrCode::with_error_correction_level(uri, EcLevel::M)
        .or_else(|_| QrCode::with_error_correction_level(uri, EcLevel::L));
    let Ok(code) = code else {
        // names at their limits do not fit a QR code; the secret can be typed
        return String::new();
    };
    let svg = code.render::<svg::Color<'_>>().min_dimensions(200, 200).quiet_zone(true).build();
    let start = svg.find("<svg").unwrap_or(0);
    svg[start..].to_owned()
}
