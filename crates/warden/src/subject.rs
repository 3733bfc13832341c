//! From what a caller holds to who asks.

use std::sync::Arc;

use dpop::Thumbprint;
use identity::Touch;
use model::{Actor, Instant, Origin, Role, Who};
use policy::Subject;
use protocol::{Asking, Credential, PageRequest, Proof, Refusal};

use crate::leases::Holder;
use crate::proof::OfSession;
use crate::refusals::About;
use crate::state::{Channel, Warden};

/// The longest address that is recorded, in characters.
const ORIGIN_CHARACTERS_MAX: usize = 64;

/// A caller whose credential holds now.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) subject: Subject,
    pub(crate) actor: Actor,
    /// Who holds relationships, among them a share link; nobody for the owner and strangers.
    pub(crate) who: Option<Who>,
    /// Who holds leases.
    pub(crate) holder: Option<Holder>,
    /// The fresh touch that this request came with.
    pub(crate) touch: Option<Arc<Touch>>,
}

impl Caller {
    /// The person's role, when it is a person.
    pub(crate) fn role(&self) -> Option<Role> {
        match &self.subject {
            Subject::Person { role, .. } => Some(*role),
            _ => None,
        }
    }

    /// That somebody who can be asked was there and means this request. Nobody asks a device or the owner of the machine.
    pub(crate) fn touched(&self) -> Result<Option<&Touch>, Refusal> {
        match (&self.actor, &self.touch) {
            (Actor::Person { .. }, None) => Err(Refusal::FreshNeeded),
            (_, touch) => Ok(touch.as_deref()),
        }
    }
}

impl Warden {
    /// Who asks for this. A session or token that does not hold is a refusal, not a stranger, so that a page can say 'sign in
    /// again'; so is one whose proof does not hold for what is asked.
    pub(crate) async fn caller(
        &self,
        credential: &Credential,
        channel: Channel,
        asking: Asking<'_>,
        now: Instant,
    ) -> Result<Caller, Refusal> {
        match credential {
            Credential::Owner if channel == Channel::Owner => {
                Ok(Caller { subject: Subject::Owner, actor: Actor::Owner, who: None, holder: None, touch: None })
            }
            // a holder's socket carries requests and approvals only
            _ if channel == Channel::Holder => Err(Refusal::NotAllowed),
            Credential::Owner => {
                self.count_refusal(About::Nobody, "owner-on-front", &Origin::default(), now).await?;
                Err(Refusal::NotAllowed)
            }
            Credential::Stranger { origin } => Ok(Caller {
                subject: Subject::Stranger,
                actor: Actor::Stranger { origin: recordable(origin) },
                who: None,
                holder: None,
                touch: None,
            }),
            Credential::Session { token, origin, proof } => {
                self.session_caller(token, &recordable(origin), proof, asking, now).await
            }
            Credential::DeviceToken { token, origin } => {
                self.device_caller(token, &recordable(origin), (None, None), asking, now).await
            }
            Credential::BoundToken { token, origin, proof, certificate } => {
                let shown = (proof.as_deref(), *certificate);
                self.device_caller(token, &recordable(origin), shown, asking, now).await
            }
        }
    }

    /// The same caller after a wait: meanwhile sessions end, roles change, tokens are removed.
    pub(crate) fn still(&self, caller: &Caller) -> Result<Caller, Refusal> {
        let people = self.people.lock().expect("no holder panics");
        let mut caller = caller.clone();
        match &caller.actor {
            Actor::Person { session, .. } => {
                let session = people.session_numbered(*session, self.now()).map_err(|_| Refusal::SignedOut)?;
                caller.subject = subject_of(session);
            }
            Actor::Link { session, .. } => {
                caller.subject = self.link_subject_of(*session, self.now()).ok_or(Refusal::SignedOut)?;
            }
            Actor::Device { device, .. } => {
                let device = people.device(*device).filter(|device| device.has_token());
                device.ok_or(Refusal::SignedOut)?;
            }
            Actor::Owner | Actor::Stranger { .. } | Actor::Warden => {}
        }
        Ok(caller)
    }

    async fn session_caller(
        &self,
        token: &str,
        origin: &Origin,
        proof: &Proof,
        asking: Asking<'_>,
        now: Instant,
    ) -> Result<Caller, Refusal> {
        // looking does not use it: a cookie without a proof keeps no session alive
        let found = self.people.lock().expect("no holder panics").look_at_session(token, now);
        let Ok(found) = found else {
            if let Some(caller) = self.link_caller(token, origin, proof, asking, now).await? {
                return Ok(caller);
            }
            self.count_refusal(About::Nobody, "session", origin, now).await?;
            return Err(Refusal::SignedOut);
        };
        let of = OfSession { session: found.session, person: Some(found.person), key: found.key };
        self.prove_session(&of, proof, asking, origin, now).await?;
        let used = self.people.lock().expect("no holder panics").session(token, now);
        let session = used.map_err(|_| Refusal::SignedOut)?;
        // a front that first asks which study a number is does not use the touch up with that
        let only_named = matches!(asking, Asking::Page(PageRequest::StudyUid { .. }));
        let touch = match proof.fresh().filter(|_| !only_named) {
            Some((fresh, act)) => Some(Arc::new(self.confirm(&of, act, &fresh, origin, now).await?)),
            None => None,
        };
        Ok(Caller {
            actor: Actor::Person { person: session.person, session: session.session, origin: origin.clone() },
            who: Some(Who::Person(session.person)),
            holder: Some(Holder::Session(session.session)),
            subject: subject_of(session),
            touch,
        })
    }

    async fn device_caller(
        &self,
        token: &str,
        origin: &Origin,
        shown: (Option<&Proof>, Option<Thumbprint>),
        asking: Asking<'_>,
        now: Instant,
    ) -> Result<Caller, Refusal> {
        let found = {
            let people = self.people.lock().expect("no holder panics");
            let device = people.device_by_token(token, now);
            device.map(|device| (device.id(), device.may().to_vec(), device.from().to_vec(), device.bound()))
        };
        let Some((device, may, from, bound)) = found else {
            self.count_refusal(About::Nobody, "token", origin, now).await?;
            return Err(Refusal::SignedOut);
        };
        let address = origin.0.parse().map_err(|_| Refusal::NotAllowed)?;
        if !protocol::admits(&from, address) {
            return Err(Refusal::NotAllowed);
        }
        if let Some(bound) = bound {
            self.prove_device((device, bound), token, shown, asking, origin, now).await?;
        }
        self.people.lock().expect("no holder panics").token_used(token, now);
        Ok(Caller {
            subject: Subject::Device { device, may },
            actor: Actor::Device { device, origin: origin.clone() },
            who: Some(Who::Device(device)),
            holder: Some(Holder::Device(device)),
            touch: None,
        })
    }
}

fn subject_of(session: identity::SessionInfo) -> Subject {
    Subject::Person {
        person: session.person,
        role: session.role,
        organisations: session.organisations,
        delegate_of: session.delegate_of,
        session_until: session.absolute_until,
    }
}

/// An address as it is recorded. The front says it, and an address is short: a longer text would make an entry that the ledger does
/// not take, and with it what the entry counts.
pub(crate) fn recordable(origin: &Origin) -> Origin {
    Origin(origin.0.chars().take(ORIGIN_CHARACTERS_MAX).collect())
}
