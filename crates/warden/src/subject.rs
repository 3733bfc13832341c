//! From what a caller holds to who asks.

use model::{Actor, Instant, Origin, Role, Who};
use policy::Subject;
use protocol::{Credential, Refusal};

use crate::leases::Holder;
use crate::state::{Channel, Warden};

/// A caller whose credential holds now.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) subject: Subject,
    pub(crate) actor: Actor,
    /// Who holds relationships; nobody for the owner and strangers.
    pub(crate) who: Option<Who>,
    /// Who holds leases.
    pub(crate) holder: Option<Holder>,
}

impl Caller {
    /// The person's role, when it is a person.
    pub(crate) fn role(&self) -> Option<Role> {
        match &self.subject {
            Subject::Person { role, .. } => Some(*role),
            _ => None,
        }
    }
}

impl Warden {
    /// Who asks. A session or token that does not hold is a refusal, not a stranger, so that a page can say 'sign in again'.
    pub(crate) fn caller(&self, credential: &Credential, channel: Channel, now: Instant) -> Result<Caller, Refusal> {
        match credential {
            Credential::Owner if channel == Channel::Owner => {
                Ok(Caller { subject: Subject::Owner, actor: Actor::Owner, who: None, holder: None })
            }
            // a holder's socket carries requests and approvals only
            _ if channel == Channel::Holder => Err(Refusal::NotAllowed),
            Credential::Owner => Err(Refusal::NotAllowed),
            Credential::Stranger { origin } => Ok(Caller {
                subject: Subject::Stranger,
                actor: Actor::Stranger { origin: origin.clone() },
                who: None,
                holder: None,
            }),
            Credential::Session { token, origin } => self.session_caller(token, origin, now),
            Credential::DeviceToken { token, origin } => self.device_caller(token, origin),
        }
    }

    fn session_caller(&self, token: &str, origin: &Origin, now: Instant) -> Result<Caller, Refusal> {
        let mut people = self.people.lock().expect("no holder panics");
        let session = people.session(token, now).map_err(|_| Refusal::SignedOut)?;
        Ok(Caller {
            subject: Subject::Person {
                person: session.person,
                role: session.role,
                organisations: session.organisations,
                session_until: session.absolute_until,
            },
            actor: Actor::Person { person: session.person, session: session.session, origin: origin.clone() },
            who: Some(Who::Person(session.person)),
            holder: Some(Holder::Session(session.session)),
        })
    }

    fn device_caller(&self, token: &str, origin: &Origin) -> Result<Caller, Refusal> {
        let people = self.people.lock().expect("no holder panics");
        let device = people.device_by_token(token).ok_or(Refusal::SignedOut)?;
        let address = origin.0.parse().map_err(|_| Refusal::NotAllowed)?;
        if !protocol::admits(device.from(), address) {
            return Err(Refusal::NotAllowed);
        }
        Ok(Caller {
            subject: Subject::Device { device: device.id(), may: device.may().to_vec() },
            actor: Actor::Device { device: device.id(), origin: origin.clone() },
            who: Some(Who::Device(device.id())),
            holder: Some(Holder::Device(device.id())),
        })
    }
}
