//! A site with a few people, and what tests do all the time.

use identity::{
    Changed, EnrolmentError, NewPerson, PasswordCost, People, Settings, SignInError, SignInReason, SignedIn, code_at,
};
use model::{Authorisation, EntryBody, Instant, OrganisationId, Origin, PersonId, Role, SECOND};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

pub use crate::authenticator::HERE;
pub const DESK: &str = "192.0.2.7";
pub const BROWSER: &str = "Browser 1.0";
pub const GOOD_PASSWORD: &str = "zwölf leise Kraniche frühstücken";
/// The key of a browser.
pub const KEY: dpop::Thumbprint = dpop::Thumbprint([7; 32]);
pub const EMAIL: &str = "anna.beispiel@praxis-nord.example";

/// 2026-01-01T00:00:00Z.
pub const START: Instant = Instant(1_767_225_600 * SECOND);

pub struct Site {
    pub people: People,
    pub random: ChaCha20Rng,
    pub now: Instant,
    /// Takes a password and a code.
    pub relaxed: OrganisationId,
    /// Takes passkeys only.
    pub strict: OrganisationId,
}

/// Somebody with a password and an authenticator app.
pub struct WithPassword {
    pub person: PersonId,
    pub secret: String,
    pub recovery_codes: Vec<String>,
}

pub fn settings() -> Settings {
    let mut settings = Settings::for_origin("Radiologie am Fluss", HERE).unwrap();
    settings.password_cost = PasswordCost::new(8, 1).unwrap();
    settings
}

impl Site {
    pub fn new() -> Self {
        let mut people = People::new(settings()).unwrap();
        let relaxed = people.add_organisation("Praxis Nord", Authorisation::PasswordAndCode).unwrap().value;
        let strict = people.add_organisation("Lesegruppe", Authorisation::PasskeyOnly).unwrap().value;
        Self { people, random: ChaCha20Rng::seed_from_u64(42), now: START, relaxed, strict }
    }

    pub fn later(&mut self, seconds: i64) {
        self.now = self.now.plus_seconds(seconds);
    }

    pub fn person(&mut self, email: &str, organisations: &[OrganisationId]) -> PersonId {
        let new = NewPerson {
            email: email.to_owned(),
            name: "Dr. Anna Beispiel".to_owned(),
            role: Role::Radiologist,
            organisations: organisations.to_vec(),
            password_and_code: false,
        };
        self.people.add_person(new, &mut self.random).unwrap().value
    }

    pub fn link(&mut self, person: PersonId) -> String {
        self.people.issue_enrolment(person, self.now, &mut self.random).unwrap().value.token
    }

    pub fn enrol_password(&mut self, person: PersonId, password: &str) -> Result<WithPassword, EnrolmentError> {
        let token = self.link(person);
        let setting = self.people.password_setting(&token, self.now, &mut self.random)?;
        let hashed = setting.hash(password)?;
        let secret = self.people.begin_password_enrolment(hashed, self.now, &mut self.random)?;
        let code = code_at(&secret.secret, self.now).unwrap();
        let done =
            self.people.finish_password_enrolment(&token, &secret.ceremony, &code, self.now, &mut self.random)?;
        // the code that confirmed the enrolment is used up
        self.later(30);
        Ok(WithPassword { person, secret: secret.secret, recovery_codes: done.value.codes })
    }

    /// A radiologist of the relaxed organisation with `GOOD_PASSWORD`.
    pub fn anna(&mut self) -> WithPassword {
        let person = self.person(EMAIL, &[self.relaxed]);
        self.enrol_password(person, GOOD_PASSWORD).unwrap()
    }

    pub fn code(&self, who: &WithPassword) -> String {
        code_at(&who.secret, self.now).unwrap()
    }

    pub fn sign_in(&mut self, email: &str, password: &str, code: &str) -> Result<Changed<SignedIn>, SignInError> {
        self.sign_in_from(DESK, email, password, code)
    }

    pub fn sign_in_from(
        &mut self,
        origin: &str,
        email: &str,
        password: &str,
        code: &str,
    ) -> Result<Changed<SignedIn>, SignInError> {
        let check = self.people.begin_password(email, &Origin(origin.to_owned()), self.now)?;
        let verified = check.verify(password);
        self.people.finish_password(verified, code, KEY, BROWSER, self.now, &mut self.random)
    }

    #[track_caller]
    pub fn refused(&mut self, email: &str, password: &str, code: &str) -> SignInReason {
        self.sign_in(email, password, code).unwrap_err().reason
    }
}

/// The entries in short: their kind and who.
pub fn kinds(entries: &[EntryBody]) -> Vec<String> {
    let kind = |entry: &EntryBody| {
        let json = serde_json::to_value(entry).unwrap();
        json["kind"].as_str().unwrap().to_owned()
    };
    entries.iter().map(kind).collect()
}
