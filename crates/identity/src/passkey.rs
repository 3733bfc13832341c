//! Passkeys (W3C WebAuthn Level 3): discoverable credentials, user verification required.
//!
//! The challenge is SHA-256 over a nonce of the given randomness and the thumbprint of the browser's key, so that an answer
//! binds no other key: the ceremony that webauthn-rs starts is opened, its challenge replaced, and everything about it is
//! verified by webauthn-rs as usual.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dpop::Thumbprint;
use model::{EntryBody, Instant, Origin, PersonId, SignInMethod};
use protocol::SignInReply;
use rand_core::CryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    AuthenticationResult, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Uuid,
    WebauthnError,
};
use webauthn_rs_core::proto::RegistrationState;

use crate::ceremony::Ceremony;
use crate::directory::normal_name;
use crate::enrolment::replaces;
use crate::record::{PasskeyRecord, PersonRecord, Record, Shown};
use crate::rules::is_copied;
use crate::session::{SignInError, SignInReason, SignedIn};
use crate::{CREDENTIAL_BYTES_MAX, Changed, EnrolmentError, PASSKEYS_PER_PERSON_MAX, People};

/// A WebAuthn ceremony that waits for the browser.
#[derive(Clone)]
pub struct PasskeyCeremony {
    /// Names it in the next step.
    pub ceremony: String,
    /// `{"publicKey": ...}` for `navigator.credentials`, as JSON with base64url.
    pub options: String,
    /// What the challenge is made of, beside the browser's key; base64url.
    pub nonce: String,
}

impl std::fmt::Debug for PasskeyCeremony {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasskeyCeremony").finish_non_exhaustive()
    }
}

impl From<PasskeyCeremony> for SignInReply {
    fn from(ceremony: PasskeyCeremony) -> Self {
        Self::Ceremony { ceremony: ceremony.ceremony, options: ceremony.options, nonce: ceremony.nonce }
    }
}

impl People {
    /// Starts a sign-in with whichever passkey the browser finds for this site (section 7.2). The session will be bound to
    /// `key`.
    pub fn begin_passkey(
        &mut self,
        key: Thumbprint,
        origin: &Origin,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> PasskeyCeremony {
        let (options, state) =
            self.webauthn.start_discoverable_authentication().expect("a discoverable ceremony has no input to refuse");
        let (nonce, challenge) = new_challenge(key, None, random);
        let state = with_challenge(&state, "ast", &challenge);
        let mut options = to_value(&options);
        options["publicKey"]["challenge"] = json!(challenge);
        // the page asks for conditional mediation where it wants it
        options.as_object_mut().expect("options are an object").remove("mediation");
        let ceremony = self.ceremonies.begin_sign_in(Ceremony::SignIn(Box::new(state), key), origin, now, random);
        PasskeyCeremony { ceremony, options: options.to_string(), nonce: URL_SAFE_NO_PAD.encode(nonce) }
    }

    /// Finishes a sign-in with a passkey. The ceremony is over whatever comes out.
    pub fn finish_passkey(
        &mut self,
        ceremony: &str,
        credential: &str,
        origin: &Origin,
        user_agent: &str,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<Changed<SignedIn>, SignInError> {
        let (person, key, verified) = match self.verify_passkey(ceremony, credential, now) {
            Ok(verified) => verified,
            Err((reason, person)) => {
                let mut error = SignInError::recorded(reason, person);
                let counter_went_back = reason == SignInReason::PasskeyCounter;
                if !self.throttle.wrong_passkey(origin, now) && !counter_went_back {
                    error.entry = None;
                }
                return Err(error);
            }
        };
        let mut record = self.persons.get(&person).expect("the person was just verified").clone();
        for bound in &mut record.passkeys {
            // the signature counter of the one that was used moves on
            bound.passkey.update_credential(&verified);
        }
        self.put(Record::Person(record));
        Ok(self.open_session(person, SignInMethod::Passkey, key, origin, user_agent, now, random))
    }

    fn verify_passkey(
        &mut self,
        ceremony: &str,
        credential: &str,
        now: Instant,
    ) -> Result<(PersonId, Thumbprint, AuthenticationResult), (SignInReason, Option<PersonId>)> {
        const WRONG: (SignInReason, Option<PersonId>) = (SignInReason::Passkey, None);
        let Some(Ceremony::SignIn(state, key)) = self.ceremonies.take_sign_in(ceremony, now) else { return Err(WRONG) };
        let credential: PublicKeyCredential = parse(credential).ok_or(WRONG)?;
        // section 7.2 step 6: the user handle must be there and its person must own the credential
        let handle = credential.get_user_unique_id().ok_or(WRONG)?;
        let person = self.person_by_handle(handle).ok_or(WRONG)?;
        let wrong = |reason| (reason, Some(person.person));
        let bound = person
            .passkeys
            .iter()
            .find(|bound| bound.passkey.cred_id().as_slice() == credential.raw_id.as_slice())
            .ok_or(wrong(SignInReason::Passkey))?;
        let verified = self
            .webauthn
            .finish_discoverable_authentication_v2(&credential, *state, &bound.passkey)
            .map_err(|error| match error {
                WebauthnError::CredentialPossibleCompromise => wrong(SignInReason::PasskeyCounter),
                _ => wrong(SignInReason::Passkey),
            })?;
        if !verified.user_verified() {
            return Err(wrong(SignInReason::Passkey));
        }
        if person.locked.is_some() {
            return Err(wrong(SignInReason::Locked));
        }
        if !person.is_open(now) {
            return Err(wrong(SignInReason::Ended));
        }
        if !self.fits(person, bound) || (verified.backup_eligible() && self.asked_of(person).device_bound) {
            return Err(wrong(SignInReason::Authenticator));
        }
        Ok((person.person, key, verified))
    }

    /// Starts binding a passkey to the person of an enrolment link (section 7.1).
    pub fn begin_passkey_enrolment(
        &mut self,
        token: &str,
        key: Thumbprint,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<PasskeyCeremony, EnrolmentError> {
        let (link, person) = self.enrolment(token, now)?;
        if link.only_password {
            return Err(EnrolmentError::OnlyPassword);
        }
        // what is lost makes room, and may turn up again
        let stays = if replaces(link, person) { &[][..] } else { &person.passkeys[..] };
        if stays.len() >= PASSKEYS_PER_PERSON_MAX {
            return Err(EnrolmentError::PasskeysFull);
        }
        let handle = Uuid::from_slice(&person.user_handle).map_err(|_| EnrolmentError::Passkey)?;
        let bound = stays.iter().map(|bound| bound.passkey.cred_id().clone()).collect();
        let (options, state) = self
            .webauthn
            .start_passkey_registration(handle, &person.email, &person.name, Some(bound))
            .map_err(|_| EnrolmentError::Passkey)?;
        let (link, asked) = (link.token, self.asked_of(person));
        let (nonce, challenge) = new_challenge(key, None, random);
        let state = with_challenge(&state, "rs", &challenge);
        let mut options = to_value(&options);
        options["publicKey"]["challenge"] = json!(challenge);
        // section 5.4.6: the authenticator must keep the credential, or sign-in without a name cannot find it
        options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
        options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(true);
        if asked.attested {
            // section 5.4.7: the statement as the authenticator makes it
            options["publicKey"]["attestation"] = json!("direct");
        }
        let ceremony = self.ceremonies.begin_enrolment(Ceremony::BindPasskey(Box::new(state)), link, now, random);
        Ok(PasskeyCeremony { ceremony, options: options.to_string(), nonce: URL_SAFE_NO_PAD.encode(nonce) })
    }

    /// Binds a passkey. The link is used up.
    pub fn finish_passkey_enrolment(
        &mut self,
        token: &str,
        ceremony: &str,
        credential: &str,
        label: &str,
        now: Instant,
    ) -> Result<Changed<PersonId>, EnrolmentError> {
        let (link, person) = self.enrolment(token, now)?;
        if link.only_password {
            return Err(EnrolmentError::OnlyPassword);
        }
        let (link, replaces, mut record) = (link.token, replaces(link, person), person.clone());
        let label = normal_name("label", label).map_err(|_| EnrolmentError::Label)?;
        let Some(Ceremony::BindPasskey(state)) = self.ceremonies.take_enrolment(ceremony, link, now) else {
            return Err(EnrolmentError::Passkey);
        };
        let credential: RegisterPublicKeyCredential = parse(credential).ok_or(EnrolmentError::Passkey)?;
        // section 10.1.3: the browser says whether the authenticator keeps it; many say nothing when it does
        let properties = credential.extensions.cred_props.as_ref();
        if properties.and_then(|properties| properties.rk) == Some(false) {
            return Err(EnrolmentError::PasskeyNotDiscoverable);
        }
        let passkey =
            self.webauthn.finish_passkey_registration(&credential, &state).map_err(|_| EnrolmentError::Passkey)?;
        // section 7.1 step 26: one credential, one person
        if self.persons.values().any(|person| holds(person, &passkey)) {
            return Err(EnrolmentError::Passkey);
        }
        let asked = self.asked_of(&record);
        if asked.device_bound && is_copied(&passkey) {
            return Err(EnrolmentError::PasskeyCopied);
        }
        let shown = if asked.attested {
            self.shown(&record, &credential, &registration_state(&state))
        } else {
            Shown::default()
        };
        if !self.takes(&record, &shown) {
            return Err(EnrolmentError::PasskeyNotAttested);
        }
        let person = record.person;
        let mut entries = if replaces { record.lose_authenticators() } else { Vec::new() };
        record.locked = None;
        record.passkeys.push(PasskeyRecord { label: label.clone(), bound: now, passkey, shown });
        self.put(Record::Person(record));
        self.use_up_enrolment(person);
        entries.push(EntryBody::PasskeyBound { person, label });
        if replaces {
            entries.extend(self.end_all(person).entries);
        }
        Ok(Changed { value: person, entries })
    }
}

/// The state as the half that knows attestation reads it.
fn registration_state(state: &PasskeyRegistration) -> RegistrationState {
    let inner = to_value(state)["rs"].take();
    serde_json::from_value(inner).expect("a ceremony has a state; tests register with it")
}

fn holds(person: &PersonRecord, passkey: &Passkey) -> bool {
    person.passkeys.iter().any(|bound| bound.passkey.cred_id() == passkey.cred_id())
}

pub(crate) fn parse<T: DeserializeOwned>(credential: &str) -> Option<T> {
    if credential.len() > CREDENTIAL_BYTES_MAX {
        return None;
    }
    serde_json::from_str(credential).ok()
}

/// A nonce of 256 random bits (section 13.4.3 asks for at least 128), and the challenge of it, the browser's key and the act
/// as base64url.
pub(crate) fn new_challenge(
    key: Thumbprint,
    act: Option<Thumbprint>,
    random: &mut dyn CryptoRng,
) -> ([u8; 32], String) {
    let mut nonce = [0; 32];
    random.fill_bytes(&mut nonce);
    (nonce, URL_SAFE_NO_PAD.encode(dpop::challenge(&nonce, key, act)))
}

pub(crate) fn with_challenge<T: Serialize + DeserializeOwned>(state: &T, inner: &str, challenge: &str) -> T {
    let mut state = to_value(state);
    let place = state.get_mut(inner).and_then(|inner| inner.get_mut("challenge"));
    *place.expect("a ceremony has a challenge; tests register and sign in with it") = json!(challenge);
    serde_json::from_value(state).expect("a ceremony with another challenge is a ceremony")
}

pub(crate) fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("WebAuthn structures are JSON")
}
