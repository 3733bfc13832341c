//! Ceremonies under way: the half of WebAuthn or of a password enrolment that waits for the browser's answer.
//!
//! In memory only. A challenge is good for one answer: taking a ceremony ends it (WebAuthn section 13.4.3).

use std::collections::{BTreeMap, HashMap};

use dpop::Thumbprint;
use model::{Instant, Origin, PersonId, SessionId};
use rand_core::CryptoRng;
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyAuthentication, PasskeyRegistration};

use crate::password_hash::PasswordHash;
use crate::secret::{SecretBytes, TokenHash, new_token};
use crate::throttle::origin_key;
use crate::{CEREMONIES_MAX, CEREMONIES_PER_ORIGIN_MAX, CEREMONIES_PER_SESSION_MAX, CEREMONY_SECONDS};

/// Wrong codes that an authenticator app may give before its enrolment has to start again.
pub(crate) const CODE_TRIES: u8 = 5;

#[derive(Default)]
pub(crate) struct Ceremonies {
    /// In the order of their beginning.
    under_way: BTreeMap<u64, UnderWay>,
    by_name: HashMap<String, u64>,
    next: u64,
}

struct UnderWay {
    name: String,
    /// Who began it: an address, or the holder of an enrolment link.
    starter: Starter,
    until: Instant,
    ceremony: Ceremony,
}

#[derive(Clone, PartialEq, Eq)]
enum Starter {
    Origin(String),
    Enrolment(TokenHash),
    Session(SessionId),
}

pub(crate) enum Ceremony {
    /// With the browser's key, which the challenge names and the session will be bound to.
    SignIn(Box<DiscoverableAuthentication>, Thumbprint),
    BindPasskey(Box<PasskeyRegistration>),
    ConfirmCode(NewPassword),
    Fresh(Box<FreshWaiting>),
}

/// An act that waits for a fresh touch.
pub(crate) struct FreshWaiting {
    pub(crate) act: Thumbprint,
    pub(crate) key: Thumbprint,
    pub(crate) nonce: [u8; 32],
    /// Absent for a person without a passkey.
    pub(crate) state: Option<PasskeyAuthentication>,
}

/// A password that waits for a code: of its new secret, or of the one that stays.
pub(crate) struct NewPassword {
    pub(crate) person: PersonId,
    pub(crate) hash: PasswordHash,
    /// `None` where the old one stays.
    pub(crate) code_secret: Option<SecretBytes>,
    pub(crate) tries_left: u8,
}

impl NewPassword {
    pub(crate) fn new(person: PersonId, hash: PasswordHash, code_secret: Option<SecretBytes>) -> Self {
        Self { person, hash, code_secret, tries_left: CODE_TRIES }
    }
}

impl Ceremonies {
    /// Keeps a sign-in ceremony and names it. An address that begins too many loses its own oldest.
    pub(crate) fn begin_sign_in(
        &mut self,
        ceremony: Ceremony,
        origin: &Origin,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> String {
        self.begin(ceremony, Starter::Origin(origin_key(origin)), CEREMONIES_PER_ORIGIN_MAX, now, random)
    }

    /// Keeps a ceremony of an enrolment link; one link has one under way.
    pub(crate) fn begin_enrolment(
        &mut self,
        ceremony: Ceremony,
        link: TokenHash,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> String {
        self.begin(ceremony, Starter::Enrolment(link), 1, now, random)
    }

    /// Keeps a ceremony of an act in a session. A session that begins too many loses its own oldest.
    pub(crate) fn begin_fresh(
        &mut self,
        waiting: FreshWaiting,
        session: SessionId,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> String {
        let waiting = Ceremony::Fresh(Box::new(waiting));
        self.begin(waiting, Starter::Session(session), CEREMONIES_PER_SESSION_MAX, now, random)
    }

    /// Takes a ceremony of this session out.
    pub(crate) fn take_fresh(&mut self, name: &str, session: SessionId, now: Instant) -> Option<FreshWaiting> {
        match self.take(name, now, |starter| *starter == Starter::Session(session))? {
            Ceremony::Fresh(waiting) => Some(*waiting),
            _ => None,
        }
    }

    /// Takes a sign-in ceremony out.
    pub(crate) fn take_sign_in(&mut self, name: &str, now: Instant) -> Option<Ceremony> {
        self.take(name, now, |starter| matches!(starter, Starter::Origin(_)))
    }

    /// Takes a ceremony of this enrolment link out.
    pub(crate) fn take_enrolment(&mut self, name: &str, link: TokenHash, now: Instant) -> Option<Ceremony> {
        self.take(name, now, |starter| *starter == Starter::Enrolment(link))
    }

    /// A password that waits for its code, without taking it out: a typing error does not cost the whole enrolment.
    pub(crate) fn new_password(&mut self, name: &str, link: TokenHash, now: Instant) -> Option<&mut NewPassword> {
        let place = self.by_name.get(name)?;
        let under_way = self.under_way.get_mut(place)?;
        let fits = under_way.starter == Starter::Enrolment(link) && now < under_way.until;
        match &mut under_way.ceremony {
            Ceremony::ConfirmCode(password) if fits => Some(password),
            _ => None,
        }
    }

    pub(crate) fn sweep(&mut self, now: Instant) {
        let over: Vec<u64> =
            self.under_way.iter().filter(|(_, under_way)| now >= under_way.until).map(|(place, _)| *place).collect();
        over.into_iter().for_each(|place| self.drop_at(place));
    }

    fn begin(
        &mut self,
        ceremony: Ceremony,
        starter: Starter,
        most: usize,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> String {
        self.sweep(now);
        let own = |(place, under_way): (&u64, &UnderWay)| (under_way.starter == starter).then_some(*place);
        let own: Vec<u64> = self.under_way.iter().filter_map(own).collect();
        if own.len() >= most {
            own[..=own.len() - most].iter().for_each(|place| self.drop_at(*place));
        }
        if self.under_way.len() >= CEREMONIES_MAX
            && let Some(place) = self.crowding()
        {
            self.drop_at(place);
        }
        let name = new_token(random);
        let until = now.plus_seconds(CEREMONY_SECONDS);
        self.by_name.insert(name.clone(), self.next);
        self.under_way.insert(self.next, UnderWay { name: name.clone(), starter, until, ceremony });
        self.next += 1;
        name
    }

    fn take(&mut self, name: &str, now: Instant, fits: impl Fn(&Starter) -> bool) -> Option<Ceremony> {
        let place = *self.by_name.get(name)?;
        if !fits(&self.under_way.get(&place)?.starter) {
            return None;
        }
        self.by_name.remove(name);
        let under_way = self.under_way.remove(&place)?;
        (now < under_way.until).then_some(under_way.ceremony)
    }

    /// What makes room when there are too many: the oldest sign-in of the address that has most of them under way. Whoever holds a link
    /// or a session loses nothing to strangers, however many addresses these say they have.
    fn crowding(&self) -> Option<u64> {
        let mut of_origin: HashMap<&str, (usize, u64)> = HashMap::new();
        for (place, under_way) in &self.under_way {
            if let Starter::Origin(origin) = &under_way.starter {
                of_origin.entry(origin).or_insert((0, *place)).0 += 1;
            }
        }
        let most = of_origin.into_values().max_by_key(|(count, oldest)| (*count, std::cmp::Reverse(*oldest)));
        most.map(|(_, oldest)| oldest).or_else(|| self.under_way.first_key_value().map(|(place, _)| *place))
    }

    fn drop_at(&mut self, place: u64) {
        if let Some(under_way) = self.under_way.remove(&place) {
            self.by_name.remove(&under_way.name);
        }
    }
}
