//! Share links: what opens them, and the sessions of those who opened one.
//!
//! A link is opened by two things that travel apart: a secret of 256 random bits in the link, and a code of eight digits that is told.
//! The secret is kept as SHA-256, the code as Argon2id: somebody who reads the records still has to guess the code against the slow
//! hash, and has no secret to use it with. Nobody who holds the link alone gets more than [`crate::LINK_TRIES_MAX`] guesses.
//!
//! Sessions are in memory only. A restart ends them, and the code is typed again.

use std::collections::HashMap;

use dpop::Thumbprint;
use model::{Instant, LinkId, SessionId};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::password_hash::{PasswordHash, new_salt};
use crate::secret::{TokenHash, new_token};
use crate::{LINK_CODE_DIGITS, PasswordCost, SESSION_ABSOLUTE_SECONDS, SESSION_IDLE_SECONDS};

/// A link that was made. Secret and code exist here only.
pub struct NewLink {
    /// For the link's fragment.
    pub secret: Zeroizing<String>,
    /// Eight digits, to be told by another way than the link.
    pub code: Zeroizing<String>,
}

/// What is kept of both.
#[derive(Clone, Serialize, Deserialize)]
pub struct LinkDoor {
    /// The first ones say none.
    #[serde(default = "version_1")]
    version: u8,
    secret: TokenHash,
    code: PasswordHash,
}

const DOOR_VERSION: u8 = 1;

fn version_1() -> u8 {
    1
}

/// A link's secret as it is looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkSecretHash(TokenHash);

/// The record is none of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record of a share link is out of shape; restore the warden's database from the vault")]
pub struct NotALink;

impl NewLink {
    /// A fresh secret and code.
    #[must_use]
    pub fn new(random: &mut dyn CryptoRng) -> Self {
        Self { secret: Zeroizing::new(new_token(random)), code: Zeroizing::new(new_code(random)) }
    }
}

impl LinkDoor {
    /// What is kept of a link. Slow: call it outside every lock.
    #[must_use]
    pub fn of(link: &NewLink, cost: PasswordCost, random: &mut dyn CryptoRng) -> Self {
        let (secret, code) = (TokenHash::of(&link.secret), PasswordHash::of(&link.code, cost, new_salt(random)));
        Self { version: DOOR_VERSION, secret, code }
    }

    /// Whether this is the code. Slow, whatever is typed: call it outside every lock.
    #[must_use]
    pub fn takes(&self, typed: &str) -> bool {
        let code: Zeroizing<String> =
            Zeroizing::new(typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(64).collect());
        self.code.matches(&code)
    }

    /// What its secret is looked up by.
    #[must_use]
    pub fn secret(&self) -> LinkSecretHash {
        LinkSecretHash(self.secret)
    }

    /// As it is sealed and written.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("hashes are JSON")
    }

    /// As it was written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotALink> {
        let door: Self = serde_json::from_slice(bytes).map_err(|_| NotALink)?;
        if door.version == DOOR_VERSION { Ok(door) } else { Err(NotALink) }
    }
}

impl LinkSecretHash {
    /// Of what a link's fragment holds.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(TokenHash::of(secret))
    }
}

impl std::fmt::Debug for LinkDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkDoor(..)")
    }
}

impl std::fmt::Debug for NewLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewLink(..)")
    }
}

/// One browser in which a link is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSession {
    /// Its number.
    pub session: SessionId,
    /// The link.
    pub link: LinkId,
    /// The browser's key; no request holds without a proof of it.
    pub key: Thumbprint,
    since: Instant,
    last_used: Instant,
}

impl LinkSession {
    /// When it ends at the latest, whatever the link says.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.since.plus_seconds(SESSION_ABSOLUTE_SECONDS)
    }

    fn is_alive(&self, now: Instant) -> bool {
        now < self.until() && now < self.last_used.plus_seconds(SESSION_IDLE_SECONDS)
    }
}

/// Every browser in which a link is open.
#[derive(Default)]
pub struct LinkSessions(HashMap<TokenHash, LinkSession>);

impl LinkSessions {
    /// Opens a link in a browser; gives the token for its cookie. One browser has one session of a link.
    pub fn open(
        &mut self,
        link: LinkId,
        key: Thumbprint,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> (String, LinkSession) {
        self.0.retain(|_, session| !(session.link == link && session.key == key));
        let token = new_token(random);
        let mut session = SessionId([0; 16]);
        random.fill_bytes(&mut session.0);
        let session = LinkSession { session, link, key, since: now, last_used: now };
        self.0.insert(TokenHash::of(&token), session);
        (token, session)
    }

    /// The session of a token, without using it.
    #[must_use]
    pub fn look_at(&self, token: &str, now: Instant) -> Option<LinkSession> {
        self.0.get(&TokenHash::of(token)).filter(|session| session.is_alive(now)).copied()
    }

    /// The same by its number.
    #[must_use]
    pub fn numbered(&self, session: SessionId, now: Instant) -> Option<LinkSession> {
        self.0.values().find(|open| open.session == session && open.is_alive(now)).copied()
    }

    /// It was used: the time without use begins anew.
    pub fn used(&mut self, token: &str, now: Instant) {
        if let Some(session) = self.0.get_mut(&TokenHash::of(token)) {
            session.last_used = session.last_used.max(now);
        }
    }

    /// Ends one.
    pub fn end(&mut self, session: SessionId) {
        self.0.retain(|_, open| open.session != session);
    }

    /// Ends those of a link; gives their numbers.
    pub fn end_of(&mut self, link: LinkId) -> Vec<SessionId> {
        self.0.extract_if(|_, open| open.link == link).map(|(_, open)| open.session).collect()
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Instant) {
        self.0.retain(|_, session| session.is_alive(now));
    }
}

/// Digits, each as likely as every other.
fn new_code(random: &mut dyn CryptoRng) -> String {
    let mut code = String::with_capacity(LINK_CODE_DIGITS);
    while code.len() < LINK_CODE_DIGITS {
        let mut byte = [0];
        random.fill_bytes(&mut byte);
        // 250 is the largest multiple of ten: what lies above would favour some digits
        if byte[0] < 250 {
            code.push(char::from(b'0' + byte[0] % 10));
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    const NOW: Instant = Instant(0);

    fn cost() -> PasswordCost {
        PasswordCost::new(8, 1).expect("a small cost is one")
    }

    #[test]
    fn only_the_whole_code_opens_however_it_is_spaced() {
        let random = &mut ChaCha20Rng::seed_from_u64(11);
        let link = NewLink::new(random);
        let door = LinkDoor::of(&link, cost(), random);
        let code = link.code.as_str();
        assert_eq!((code.len(), code.bytes().all(|byte| byte.is_ascii_digit())), (LINK_CODE_DIGITS, true));
        let spaced = format!(" {} - {}\n", &code[..4], &code[4..]);
        for right in [code, &spaced] {
            assert!(door.takes(right), "{right:?}");
        }
        let turned: String = code.chars().rev().collect();
        let other = format!("{}{}", &code[..7], if code.ends_with('1') { '2' } else { '1' });
        for wrong in ["", &code[..7], &format!("{code}0"), &turned, &other, "٤٨٢١٧٧٣٠"] {
            assert!(!door.takes(wrong), "{wrong:?}");
        }
        assert!(door.secret() == LinkSecretHash::of(&link.secret));
        let again = LinkDoor::from_bytes(&door.to_bytes()).expect("it was written here");
        assert!(again.takes(code) && again.secret() == door.secret());
        assert_eq!(LinkDoor::from_bytes(b"{}").err(), Some(NotALink));
        let written = String::from_utf8(door.to_bytes()).expect("it is JSON");
        let of_version = |said: &str| LinkDoor::from_bytes(written.replace("\"version\":1,", said).as_bytes());
        assert!(of_version("").is_ok_and(|door| door.takes(code)), "the first ones say no version");
        assert_eq!(of_version("\"version\":2,").err(), Some(NotALink));
        let shown = format!("{link:?} {door:?}");
        assert!(!shown.contains(code) && !shown.contains(link.secret.as_str()), "{shown}");
    }

    #[test]
    fn the_digits_of_codes_are_even() {
        let random = &mut ChaCha20Rng::seed_from_u64(12);
        let mut seen = [0u32; 10];
        for _ in 0..2_000 {
            new_code(random).bytes().for_each(|digit| seen[usize::from(digit - b'0')] += 1);
        }
        // 1,600 of each are expected; four standard deviations are 152
        assert!(seen.iter().all(|count| count.abs_diff(1_600) < 160), "seed 12: {seen:?}");
    }

    #[test]
    fn a_session_ends_by_itself_with_its_link_and_when_the_same_browser_opens_again() {
        let random = &mut ChaCha20Rng::seed_from_u64(13);
        let mut sessions = LinkSessions::default();
        let (link, key) = (LinkId(3), Thumbprint([1; 32]));
        let (first, one) = sessions.open(link, key, NOW, random);
        assert_eq!(sessions.look_at(&first, NOW), Some(one));
        assert_eq!(sessions.look_at("another", NOW), None);
        let idle = NOW.plus_seconds(SESSION_IDLE_SECONDS);
        assert_eq!(sessions.look_at(&first, idle), None);
        sessions.used(&first, NOW.plus_seconds(60));
        assert!(sessions.look_at(&first, idle).is_some());
        let (second, again) = sessions.open(link, key, NOW, random);
        assert_eq!((sessions.look_at(&first, NOW), sessions.numbered(one.session, NOW)), (None, None));
        sessions.used(&second, NOW.plus_seconds(SESSION_ABSOLUTE_SECONDS));
        assert_eq!(sessions.look_at(&second, NOW.plus_seconds(SESSION_ABSOLUTE_SECONDS)), None);
        let (other, _) = sessions.open(LinkId(4), key, NOW, random);
        assert_eq!(sessions.end_of(link), [again.session]);
        assert!(sessions.look_at(&second, NOW).is_none() && sessions.look_at(&other, NOW).is_some());
        sessions.sweep(idle);
        assert!(sessions.0.is_empty());
    }
}
