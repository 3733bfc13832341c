//! Setting a password by an enrolment link: password, one-time-code secret, a code to confirm it, recovery codes.

use model::{EntryBody, Instant, PersonId};
use protocol::{PasswordEstimate, SignInReply};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::ceremony::{Ceremony, NewPassword};
use crate::one_time_code::{new_code_secret, new_recovery_codes, otpauth_uri, step_of, typed};
use crate::password::{estimate, normalised, reasons};
use crate::password_hash::{PasswordHash, SALT_BYTES, new_salt};
use crate::record::{PasswordRecord, PersonRecord, Record};
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

/// A one-time-code secret, to be shown once.
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

/// Recovery codes, to be shown once.
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

    /// Makes the one-time-code secret for an accepted password. Nothing holds before a code confirmed it.
    pub fn begin_password_enrolment(
        &mut self,
        hashed: HashedPassword,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<CodeSecret, EnrolmentError> {
        // the link may have been voided while the password was hashed
        let link = self.enrolments.get(&hashed.person);
        link.filter(|link| link.token == hashed.link && now < link.until).ok_or(EnrolmentError::Link)?;
        let person = self.persons.get(&hashed.person).ok_or(EnrolmentError::Link)?;
        let code_secret = new_code_secret(random);
        let (uri, secret) = otpauth_uri(&code_secret, &self.settings.site_name, &person.email);
        let qr_svg = qr_svg(&uri);
        let waiting = Ceremony::ConfirmCode(NewPassword::new(hashed.person, hashed.hash, code_secret));
        let ceremony = self.ceremonies.begin_enrolment(waiting, hashed.link, now, random);
        Ok(CodeSecret { ceremony, uri, qr_svg, secret })
    }

    /// Confirms the secret by a code of the moment and sets the password. The link is used up, a former password with
    /// its secret and recovery codes is gone, and this person's sessions end.
    pub fn finish_password_enrolment(
        &mut self,
        token: &str,
        ceremony: &str,
        code: &str,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<RecoveryCodes>, EnrolmentError> {
        let (link, person) = self.enrolment(token, now)?;
        let allowed = self.password_allowed(person, now);
        let (link, replaces, mut record) = (link.token, link.replaces, person.clone());
        if !allowed {
            return Err(EnrolmentError::PasswordNotAllowed);
        }
        let waiting = self.ceremonies.new_password(ceremony, link, now).ok_or(EnrolmentError::Code)?;
        let code = typed(code).map(Zeroizing::new);
        let Some(step) = code.and_then(|code| step_of(&waiting.code_secret, &code, now)) else {
            waiting.tries_left -= 1;
            if waiting.tries_left == 0 {
                self.ceremonies.take_enrolment(ceremony, link, now);
            }
            return Err(EnrolmentError::Code);
        };
        let Some(Ceremony::ConfirmCode(waiting)) = self.ceremonies.take_enrolment(ceremony, link, now) else {
            return Err(EnrolmentError::Code);
        };
        let person = record.person;
        assert_eq!(waiting.person, person, "a ceremony belongs to the person of its link");
        let (codes, recovery_codes) = new_recovery_codes(random);
        record.locked = None;
        let mut entries = if replaces { record.lose_authenticators() } else { Vec::new() };
        record.password = Some(PasswordRecord {
            hash: waiting.hash,
            set: now,
            code_secret: waiting.code_secret,
            last_step: step,
            recovery_codes,
        });
        self.put(Record::Person(record));
        self.use_up_enrolment(person);
        entries.push(EntryBody::PasswordSet { person });
        entries.extend(self.end_all(person).entries);
        Ok(Changed { value: RecoveryCodes { person, codes }, entries })
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
