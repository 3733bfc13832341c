//! Signing in, enrolling, signing out. Slow hashing runs outside every lock, two at a time.

use std::sync::Arc;

use identity::SessionInfo;
use model::{Actor, EntryBody, Instant, Origin, SessionId};
use protocol::{Proof, Refusal, SignInReply, SignInRequest};
use seal::SystemRandom;

use crate::leases::Holder;
use crate::pages::HELD;
use crate::proof::OfSession;
use crate::state::Warden;
use crate::subject::recordable;

impl Warden {
    /// One step.
    pub(crate) async fn sign_in(
        self: &Arc<Self>,
        origin: &Origin,
        request: SignInRequest,
        now: Instant,
    ) -> Result<SignInReply, Refusal> {
        let rng = &mut SystemRandom;
        let origin = &recordable(origin);
        let stranger = Actor::Stranger { origin: origin.clone() };
        match request {
            SignInRequest::PasskeyBegin { key } => {
                Ok(self.people.lock().expect(HELD).begin_passkey(key, origin, now, rng).into())
            }
            SignInRequest::PasskeyFinish { ceremony, credential, user_agent } => {
                let mut people = self.people.lock().expect(HELD);
                match people.finish_passkey(&ceremony, &credential, origin, &user_agent, now, rng) {
                    Ok(changed) => self.signed_in(people, changed, origin, now),
                    Err(error) => self.sign_in_refused(people, &error, stranger, now),
                }
            }
            SignInRequest::Password { email, password, code, user_agent, proof } => {
                let key = self.prove_sign_in(&proof, "/api/sign-in/password")?;
                let check = self.people.lock().expect(HELD).begin_password(&email, origin, now);
                let check = match check {
                    Ok(check) => check,
                    Err(error) => {
                        return self.sign_in_refused(self.people.lock().expect(HELD), &error, stranger, now);
                    }
                };
                let known = self.known_anywhere();
                let verified = self.slowly(move || check.verify_against(&password, &known)).await?;
                let now = self.now();
                let mut people = self.people.lock().expect(HELD);
                if verified.is_known() {
                    return match people.finish_known_password(verified, &code, now, rng) {
                        Ok(changed) => self.choose_another(people, changed, &stranger, now),
                        Err(error) => self.sign_in_refused(people, &error, stranger, now),
                    };
                }
                match people.finish_password(verified, &code, key, &user_agent, now, rng) {
                    Ok(changed) => self.signed_in(people, changed, origin, now),
                    Err(error) => self.sign_in_refused(people, &error, stranger, now),
                }
            }
            SignInRequest::EnrolmentLook { token } => {
                Ok(SignInReply::Enrolment(self.people.lock().expect(HELD).enrolment_for(&token, now)?))
            }
            SignInRequest::EnrolPasskeyBegin { token, key } => {
                Ok(self.people.lock().expect(HELD).begin_passkey_enrolment(&token, key, now, rng)?.into())
            }
            SignInRequest::EnrolPasskeyFinish { token, ceremony, credential, label } => {
                let mut people = self.people.lock().expect(HELD);
                let changed = people.finish_passkey_enrolment(&token, &ceremony, &credential, &label, now)?;
                self.commit(people, changed, &stranger, now)?;
                Ok(SignInReply::Enrolled { recovery_codes: Vec::new() })
            }
            SignInRequest::EnrolPasswordBegin { token, password } => {
                let setting = self.people.lock().expect(HELD).password_setting(&token, now, rng)?;
                let known = self.known_anywhere();
                let hashed = self.slowly(move || setting.hash_against(&password, &known)).await??;
                let now = self.now();
                Ok(self.people.lock().expect(HELD).begin_password_enrolment(hashed, now, rng)?.into())
            }
            SignInRequest::EnrolPasswordFinish { token, ceremony, code } => {
                let mut people = self.people.lock().expect(HELD);
                match people.finish_password_enrolment(&token, &ceremony, &code, now, rng) {
                    Ok(changed) => {
                        let codes = self.commit(people, changed, &stranger, now)?;
                        Ok(SignInReply::Enrolled { recovery_codes: codes.codes })
                    }
                    Err(error) => {
                        // a wrong code stays counted, whatever is taken back or restarted next
                        if people.is_dirty() {
                            let counted = identity::Changed { value: (), entries: Vec::new() };
                            self.commit(people, counted, &stranger, now)?;
                        }
                        Err(error.into())
                    }
                }
            }
            SignInRequest::PasswordEstimate { token, password } => {
                let setting = self.people.lock().expect(HELD).password_setting(&token, now, rng)?;
                let known = self.known_passwords();
                let estimate = self.slowly(move || setting.estimate_against(&password, &known)).await?;
                Ok(SignInReply::Estimate(estimate))
            }
            SignInRequest::OpenLink { secret, code, proof } => {
                self.open_link((&secret, code), &proof, origin, now).await
            }
            SignInRequest::SignOut { token, proof } => self.sign_out(&token, &proof, origin, now).await,
        }
    }

    /// A session that is bound to no key is one of an earlier version: nothing is served to it, and its cookie ends it.
    async fn sign_out(
        &self,
        token: &str,
        proof: &Proof,
        origin: &Origin,
        now: Instant,
    ) -> Result<SignInReply, Refusal> {
        let found = self.people.lock().expect(HELD).look_at_session(token, now);
        let Ok(SessionInfo { session, person, key, .. }) = found else {
            return self.leave_link(token, proof, origin, now).await;
        };
        if key.is_some() {
            self.prove_sign_out(&OfSession { session, person: Some(person), key }, proof, origin, now).await?;
        }
        let mut people = self.people.lock().expect(HELD);
        let changed = people.sign_out(token).map_err(|_| Refusal::SignedOut)?;
        let actor = Actor::Person { person, session, origin: origin.clone() };
        self.commit(people, changed, &actor, now)?;
        self.leases.lock().expect(HELD).end(Holder::Session(session));
        Ok(SignInReply::Done)
    }

    fn signed_in(
        &self,
        people: std::sync::MutexGuard<'_, identity::People>,
        changed: identity::Changed<identity::SignedIn>,
        origin: &Origin,
        now: Instant,
    ) -> Result<SignInReply, Refusal> {
        let session = &changed.value.session;
        let actor = Actor::Person { person: session.person, session: session.session, origin: origin.clone() };
        let signed_in = self.commit(people, changed, &actor, now)?;
        Ok(SignInReply::SignedIn { token: signed_in.token, me: signed_in.me })
    }

    /// Password and code are right, and others know the password: it opens nothing but the choice of another.
    fn choose_another(
        &self,
        people: std::sync::MutexGuard<'_, identity::People>,
        changed: identity::Changed<identity::EnrolmentLink>,
        actor: &Actor,
        now: Instant,
    ) -> Result<SignInReply, Refusal> {
        let ended = ended_sessions(&changed.entries);
        let link = self.commit(people, changed, actor, now)?;
        self.end_leases(&ended);
        Ok(SignInReply::ChooseAnother { token: link.token, until: link.until })
    }

    pub(crate) fn end_leases(&self, sessions: &[SessionId]) {
        let mut leases = self.leases.lock().expect(HELD);
        sessions.iter().for_each(|session| leases.end(Holder::Session(*session)));
    }

    fn sign_in_refused(
        &self,
        people: std::sync::MutexGuard<'_, identity::People>,
        error: &identity::SignInError,
        actor: Actor,
        now: Instant,
    ) -> Result<SignInReply, Refusal> {
        let entries = error.entry.clone().into_iter().collect();
        self.commit(people, identity::Changed { value: (), entries }, &actor, now)?;
        Err(error.into())
    }

    /// Runs something slow on a blocking thread, a few at a time: a flood of sign-ins waits instead of taking all memory.
    pub(crate) async fn slowly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let place = Arc::clone(&self.slow_places).acquire_owned().await.map_err(|_| Refusal::Internal)?;
        let result = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        result.await.map_err(|_| Refusal::Internal)
    }
}

/// The sessions that entries say have ended.
pub(crate) fn ended_sessions(entries: &[EntryBody]) -> Vec<SessionId> {
    let ended = |entry: &EntryBody| match entry {
        EntryBody::SessionEnded { session, .. } => Some(*session),
        _ => None,
    };
    entries.iter().filter_map(ended).collect()
}
