//! A fresh touch for one act: begun by the page, shown with the request that does the act, used up by it.
//!
//! The act is the request itself as the browser signed it ([`protocol::act_of`]), so nothing that a front says takes part. A
//! touch is verified at the door ([`Warden::caller`](crate::state::Warden)), and a flow that wants one asks [`Caller::touched`].

use dpop::Thumbprint;
use identity::{Changed, FreshError, PasswordCheck, Touch};
use model::{Actor, EntryBody, Instant, Origin, SessionId};
use protocol::{Fresh, PageReply, Refusal, Shown};
use seal::SystemRandom;

use crate::pages::HELD;
use crate::proof::OfSession;
use crate::refusals::About;
use crate::state::Warden;
use crate::subject::Caller;

impl Warden {
    /// A challenge for an act in the caller's session.
    pub(crate) fn begin_fresh(&self, caller: &Caller, act: Thumbprint, now: Instant) -> Result<PageReply, Refusal> {
        let Actor::Person { session, .. } = caller.actor else { return Err(Refusal::NotAllowed) };
        let begun = self.people.lock().expect(HELD).begin_fresh(session, act, now, &mut SystemRandom);
        begun.map(Into::into).map_err(|error| Refusal::from(&error))
    }

    /// That the person of a session is there and means this act. The entry `confirmed` is durable when this returns; a touch that
    /// does not verify is counted like a refused proof.
    pub(crate) async fn confirm(
        &self,
        of: &OfSession,
        act: Thumbprint,
        fresh: &Fresh,
        origin: &Origin,
        now: Instant,
    ) -> Result<Touch, Refusal> {
        let session = of.session;
        let person = of.person.ok_or(Refusal::NotAllowed)?;
        // the lock of a touch that holds is not kept over the count of one that does not
        let error = {
            let touched = match &fresh.shown {
                Shown::Passkey { credential } => {
                    let mut people = self.people.lock().expect(HELD);
                    let touched = people.finish_fresh_passkey(session, act, &fresh.ceremony, credential, now);
                    touched.map(|touch| (people, touch))
                }
                Shown::PasswordAndCode { password, code } => {
                    match self.begin_fresh_password(session, act, &fresh.ceremony, origin, now) {
                        Err(error) => Err(error),
                        Ok(check) => {
                            let password = password.clone();
                            let verified = self.slowly(move || check.verify(&password)).await?;
                            let mut people = self.people.lock().expect(HELD);
                            let touched = people.finish_fresh_password(session, act, verified, code, self.now());
                            touched.map(|touch| (people, touch))
                        }
                    }
                }
            };
            match touched {
                Ok((people, touch)) => {
                    let method = touch.method();
                    let body = EntryBody::Confirmed { person, act: act.to_string(), method };
                    let actor = Actor::Person { person, session, origin: origin.clone() };
                    return self.commit(people, Changed { value: touch, entries: vec![body] }, &actor, now);
                }
                Err(error) => error,
            }
        };
        if error != FreshError::SignedOut {
            self.count_refusal(About::Session(Some(person), session), "touch", origin, now).await?;
        }
        Err(Refusal::from(&error))
    }

    fn begin_fresh_password(
        &self,
        session: SessionId,
        act: Thumbprint,
        ceremony: &str,
        origin: &Origin,
        now: Instant,
    ) -> Result<PasswordCheck, FreshError> {
        self.people.lock().expect(HELD).begin_fresh_password(session, act, ceremony, origin, now)
    }
}
