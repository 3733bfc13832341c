//! A fresh touch: that the person of a session is there now, and means one act.
//!
//! The challenge is SHA-256 over a nonce, the browser's key and the act's digest, so an answer serves this act, once.
//! Where the person has no passkey, or their organisation takes passwords, a password with a code that was not used
//! before serves in its place: weaker, because nothing in it names the act.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dpop::Thumbprint;
use model::{Instant, Origin, PersonId, SessionId, SignInMethod};
use protocol::{PageReply, Refusal};
use rand_core::CryptoRng;
use thiserror::Error;
use webauthn_rs::prelude::{Passkey, PublicKeyCredential};

use crate::People;
use crate::ceremony::FreshWaiting;
use crate::passkey::{new_challenge, parse, to_value, with_challenge};
use crate::password_sign_in::{PasswordCheck, Verified};
use crate::record::Record;
use crate::session::{SignInError, SignedOut};

/// What a page is told so that the person can show that they are there.
#[derive(Clone)]
pub struct FreshChallenge {
    ceremony: String,
    options: Option<String>,
    nonce: String,
    password: bool,
}

impl From<FreshChallenge> for PageReply {
    fn from(challenge: FreshChallenge) -> Self {
        let FreshChallenge { ceremony, options, nonce, password } = challenge;
        Self::FreshChallenge { ceremony, options, nonce, password }
    }
}

impl std::fmt::Debug for FreshChallenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FreshChallenge").finish_non_exhaustive()
    }
}

/// Somebody was there and meant this act. Made here only, and used up by the act.
#[derive(Debug)]
#[must_use = "a touch is for one act"]
pub struct Touch {
    person: PersonId,
    session: SessionId,
    act: Thumbprint,
    method: SignInMethod,
    evidence: Option<String>,
}

impl Touch {
    /// Who.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// In which session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The act's digest.
    #[must_use]
    pub fn act(&self) -> Thumbprint {
        self.act
    }

    /// How.
    #[must_use]
    pub fn method(&self) -> SignInMethod {
        self.method
    }

    /// What anybody can check again with the passkey's public key, as JSON: `nonce`, `key`, `act` and the authenticator's `response`.
    /// A password leaves none.
    #[must_use]
    pub fn evidence(&self) -> Option<&str> {
        self.evidence.as_deref()
    }
}

/// There was no fresh touch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FreshError {
    /// The session ended.
    #[error("the session ended; sign in again")]
    SignedOut,
    /// The answer does not verify, is for another act, or took too long.
    #[error("the touch did not verify, or was for something else; try again")]
    Touch,
    /// Password and code are refused.
    #[error(transparent)]
    Password(#[from] SignInError),
}

impl From<SignedOut> for FreshError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<&FreshError> for Refusal {
    fn from(error: &FreshError) -> Self {
        match error {
            FreshError::SignedOut => Self::SignedOut,
            FreshError::Touch => Self::FreshNeeded,
            FreshError::Password(SignInError { wait_seconds: Some(seconds), .. }) => {
                Self::Throttled { seconds: *seconds }
            }
            FreshError::Password(_) => Self::FreshNeeded,
        }
    }
}

impl People {
    /// Begins a touch for an act in a session.
    pub fn begin_fresh(
        &mut self,
        session: SessionId,
        act: Thumbprint,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Result<FreshChallenge, FreshError> {
        let record = self.sessions.get(&session).ok_or(FreshError::SignedOut)?;
        let key = record.key.ok_or(FreshError::SignedOut)?;
        let person = self.persons.get(&record.person).ok_or(FreshError::SignedOut)?;
        let password = person.password.is_some() && self.password_allowed(person, now);
        let passkeys: Vec<Passkey> = person.passkeys.iter().map(|bound| bound.passkey.clone()).collect();
        let (nonce, challenge) = new_challenge(key, Some(act), random);
        let (mut state, mut options) = (None, None);
        if !passkeys.is_empty() {
            let (begun, waiting) =
                self.webauthn.start_passkey_authentication(&passkeys).map_err(|_| FreshError::Touch)?;
            state = Some(with_challenge(&waiting, "ast", &challenge));
            let mut begun = to_value(&begun);
            begun["publicKey"]["challenge"] = challenge.into();
            options = Some(begun.to_string());
        }
        let ceremony = self.ceremonies.begin_fresh(FreshWaiting { act, key, nonce, state }, session, now, random);
        Ok(FreshChallenge { ceremony, options, nonce: URL_SAFE_NO_PAD.encode(nonce), password })
    }

    /// Finishes a touch of an authenticator. The ceremony is over whatever comes out.
    pub fn finish_fresh_passkey(
        &mut self,
        session: SessionId,
        act: Thumbprint,
        ceremony: &str,
        credential: &str,
        now: Instant,
    ) -> Result<Touch, FreshError> {
        let waiting = self.fresh_waiting(session, act, ceremony, now)?;
        let state = waiting.state.ok_or(FreshError::Touch)?;
        let answer: PublicKeyCredential = parse(credential).ok_or(FreshError::Touch)?;
        let verified = self.webauthn.finish_passkey_authentication(&answer, &state).map_err(|_| FreshError::Touch)?;
        let person = self.sessions.get(&session).ok_or(FreshError::SignedOut)?.person;
        let mut record = self.persons.get(&person).ok_or(FreshError::SignedOut)?.clone();
        // the credential may have been taken from the person while the ceremony waited
        let bound = record
            .passkeys
            .iter()
            .any(|bound| bound.passkey.cred_id() == verified.cred_id() && self.fits(&record, bound));
        if !verified.user_verified() || !bound {
            return Err(FreshError::Touch);
        }
        for bound in &mut record.passkeys {
            bound.passkey.update_credential(&verified);
        }
        self.put(Record::Person(record));
        let response = to_value(&answer)["response"].take();
        let evidence = serde_json::json!({
            "nonce": URL_SAFE_NO_PAD.encode(waiting.nonce), "key": waiting.key, "act": act, "response": response,
        });
        Ok(Touch { person, session, act, method: SignInMethod::Passkey, evidence: Some(evidence.to_string()) })
    }

    /// Begins the check of a password that stands in for a touch; as in [`begin_password`](Self::begin_password), with its delays.
    pub fn begin_fresh_password(
        &mut self,
        session: SessionId,
        act: Thumbprint,
        ceremony: &str,
        origin: &Origin,
        now: Instant,
    ) -> Result<PasswordCheck, FreshError> {
        self.fresh_waiting(session, act, ceremony, now)?;
        let person = self.sessions.get(&session).ok_or(FreshError::SignedOut)?.person;
        let email = self.persons.get(&person).ok_or(FreshError::SignedOut)?.email.clone();
        Ok(self.begin_password(&email, origin, now)?)
    }

    /// Finishes it with a code that was not used before.
    pub fn finish_fresh_password(
        &mut self,
        session: SessionId,
        act: Thumbprint,
        verified: Verified,
        code: &str,
        now: Instant,
    ) -> Result<Touch, FreshError> {
        let person = self.sessions.get(&session).ok_or(FreshError::SignedOut)?.person;
        if verified.check.person != Some(person) {
            return Err(FreshError::Touch);
        }
        let (person, method) = self.confirm_password(verified, code, now)?;
        Ok(Touch { person, session, act, method, evidence: None })
    }

    fn fresh_waiting(
        &mut self,
        session: SessionId,
        act: Thumbprint,
        ceremony: &str,
        now: Instant,
    ) -> Result<FreshWaiting, FreshError> {
        let waiting = self.ceremonies.take_fresh(ceremony, session, now).ok_or(FreshError::Touch)?;
        let record = self.sessions.get(&session).ok_or(FreshError::SignedOut)?;
        let meant = waiting.act == act && record.key == Some(waiting.key);
        meant.then_some(waiting).ok_or(FreshError::Touch)
    }
}
