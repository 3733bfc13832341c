//! Sessions: an opaque token in a cookie, an idle limit and an absolute limit (SP 800-63B-4 section 5).

use dpop::Thumbprint;
use model::{EntryBody, Instant, OrganisationId, Origin, PersonId, Role, SECOND, SessionId, SignInMethod};
use protocol::{Me, PersonSessionRow, Refusal, SessionRow, SignInReply};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::record::{Key, KnownOrigin, Record, SessionRecord};
use crate::secret::{TokenHash, new_token};
use crate::throttle::origin_key;
use crate::{
    Changed, KNOWN_ORIGINS_MAX, People, SESSION_TOUCH_SECONDS, SESSIONS_PER_PERSON_MAX, USER_AGENT_CHARACTERS_MAX,
};

/// Somebody signed in. The token exists here only; what is kept is its SHA-256.
#[derive(Clone)]
pub struct SignedIn {
    /// For the cookie.
    pub token: String,
    /// The session, always a new one.
    pub session: SessionInfo,
    /// Who, as the pages show it.
    pub me: Me,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("session", &self.session).finish_non_exhaustive()
    }
}

impl From<SignedIn> for SignInReply {
    fn from(signed_in: SignedIn) -> Self {
        Self::SignedIn { token: signed_in.token, me: signed_in.me }
    }
}

/// A session that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub person: PersonId,
    /// That person's role.
    pub role: Role,
    /// That person's organisations.
    pub organisations: Vec<OrganisationId>,
    /// Those to which they may add colleagues.
    pub delegate_of: Vec<OrganisationId>,
    /// How they signed in.
    pub method: SignInMethod,
    /// The key of the browser that signed in; no request holds without a proof of it.
    pub key: Option<Thumbprint>,
    /// Since when.
    pub since: Instant,
    /// When it ends if nothing is done.
    pub idle_until: Instant,
    /// When it ends at the latest.
    pub absolute_until: Instant,
}

/// No session, or it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no such session, or it ended; sign in again")]
pub struct SignedOut;

impl From<SignedOut> for Refusal {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

/// A sign-in was refused. To the outside every cause reads the same.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("sign-in was refused; check e-mail address, password and code, and try again")]
pub struct SignInError {
    /// Why, for the ledger only.
    pub reason: SignInReason,
    /// Whose login name was used, when it is one of ours.
    pub person: Option<PersonId>,
    /// How long to wait, in seconds, when there were too many attempts. The same for names that are not ours.
    pub wait_seconds: Option<u32>,
    /// What the ledger must hold before the answer leaves. `None` when this delay is recorded already, so that a
    /// stranger cannot fill the ledger by hammering.
    pub entry: Option<EntryBody>,
}

/// Why a sign-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignInReason {
    /// Wrong password, or no such account.
    Password,
    /// Wrong one-time or recovery code.
    Code,
    /// A one-time code that was used before.
    CodeReplayed,
    /// Too many attempts.
    Throttled,
    /// The passkey's answer does not verify.
    Passkey,
    /// The passkey's signature counter went back: there may be two copies of it (WebAuthn section 6.1.1).
    PasskeyCounter,
    /// This person may not sign in with a password.
    NotAllowed,
    /// The account is locked: its password was found in a dump.
    Locked,
    /// The password is in a list of leaked ones, so it opens no session.
    Leaked,
    /// The account ended by itself.
    Ended,
    /// The passkey is none that the person's organisations take.
    Authenticator,
}

impl SignInReason {
    /// The fixed word that stands in [`EntryBody::SignInRefused`].
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::CodeReplayed => "code-replayed",
            Self::Throttled => "throttled",
            Self::Passkey => "passkey",
            Self::PasskeyCounter => "passkey-counter",
            Self::NotAllowed => "not-allowed",
            Self::Locked => "locked",
            Self::Leaked => "leaked",
            Self::Ended => "ended",
            Self::Authenticator => "authenticator",
        }
    }
}

impl SignInError {
    pub(crate) fn recorded(reason: SignInReason, person: Option<PersonId>) -> Self {
        let entry = EntryBody::SignInRefused { person, reason: reason.word().to_owned() };
        Self { reason, person, wait_seconds: None, entry: Some(entry) }
    }
}

impl From<&SignInError> for Refusal {
    fn from(error: &SignInError) -> Self {
        match error.wait_seconds {
            Some(seconds) => Self::Throttled { seconds },
            None => Self::SignInFailed,
        }
    }
}

impl People {
    /// The session of a token, which counts as a use of it. `last_used` is written once a minute at the most, so a
    /// crash sets it back by less than [`SESSION_TOUCH_SECONDS`].
    pub fn session(&mut self, token: &str, now: Instant) -> Result<SessionInfo, SignedOut> {
        let session = self.session_by_token_hash(TokenHash::of(token)).ok_or(SignedOut)?;
        let record = self.sessions.get(&session).ok_or(SignedOut)?;
        if !self.is_alive(record, now) {
            // over by itself: no entry, `ended before its time` is what entries say
            self.remove(Key::Session(session));
            return Err(SignedOut);
        }
        if now > record.last_used {
            let mut used = record.clone();
            used.last_used = now;
            if self.written_long_ago(session, now) {
                self.put(Record::Session(used));
                self.touched.insert(session, now);
            } else {
                self.sessions.insert(session, used);
            }
        }
        self.session_info(session).ok_or(SignedOut)
    }

    /// The session of a token, without using it: what its proof is held against.
    pub fn look_at_session(&self, token: &str, now: Instant) -> Result<SessionInfo, SignedOut> {
        self.session_numbered(self.session_by_token_hash(TokenHash::of(token)).ok_or(SignedOut)?, now)
    }

    /// A session that lives, without using it.
    pub fn session_numbered(&self, session: SessionId, now: Instant) -> Result<SessionInfo, SignedOut> {
        let alive = self.sessions.get(&session).is_some_and(|record| self.is_alive(record, now));
        self.session_info(session).filter(|_| alive).ok_or(SignedOut)
    }

    /// Who holds a session, as the pages show it.
    #[must_use]
    pub fn me(&self, session: SessionId) -> Option<Me> {
        let info = self.session_info(session)?;
        let person = self.persons.get(&info.person)?;
        let left = person.password.as_ref().map_or(0, |password| password.recovery_codes.len());
        Some(Me {
            person: person.person,
            name: person.name.clone(),
            email: person.email.clone(),
            role: person.role,
            organisations: self.organisation_names(person),
            session,
            idle_until: info.idle_until,
            absolute_until: info.absolute_until,
            recovery_codes_left: left as u32,
            site: self.settings.site_name.clone(),
            delegate_of: self.names_of(&person.delegate_of),
            account_until: person.until,
            password_until: self.password_until(person).filter(|_| person.password.is_some()),
        })
    }

    /// Whose session it is, also just after it expired.
    #[must_use]
    pub fn session_owner(&self, session: SessionId) -> Option<PersonId> {
        self.sessions.get(&session).map(|record| record.person)
    }

    /// Everybody's living sessions, newest first. `current` is the caller's.
    #[must_use]
    pub fn all_session_rows(&self, current: Option<SessionId>, now: Instant) -> Vec<PersonSessionRow> {
        let row = |person: &PersonId, session| {
            let person = self.persons.get(person);
            let (name, email) = person.map(|one| (one.name.clone(), one.email.clone())).unwrap_or_default();
            PersonSessionRow { session, name, email }
        };
        let of = |person: &PersonId| {
            let rows = self.session_rows(*person, current, now).into_iter();
            rows.map(|session| row(person, session)).collect::<Vec<_>>()
        };
        let holders: std::collections::BTreeSet<PersonId> =
            self.sessions.values().map(|record| record.person).collect();
        let mut rows: Vec<_> = holders.iter().flat_map(of).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.session.since, row.session.session)));
        rows
    }

    /// A person's living sessions, newest first. `current` is the caller's.
    #[must_use]
    pub fn session_rows(&self, person: PersonId, current: Option<SessionId>, now: Instant) -> Vec<SessionRow> {
        let alive = self.sessions.values().filter(|record| record.person == person && self.is_alive(record, now));
        let mut rows: Vec<_> = alive
            .map(|record| SessionRow {
                session: record.session,
                person: record.person,
                since: record.since,
                last_used: record.last_used,
                origin: record.origin.clone(),
                user_agent: record.user_agent.clone(),
                method: record.method,
                current: current == Some(record.session),
            })
            .collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.since), row.session));
        rows
    }

    /// Ends a session by its number. Whether the caller may is for policy to say.
    pub fn end_session(&mut self, session: SessionId) -> Result<Changed<PersonId>, SignedOut> {
        let person = self.session_owner(session).ok_or(SignedOut)?;
        self.remove(Key::Session(session));
        Ok(Changed { value: person, entries: vec![EntryBody::SessionEnded { person, session }] })
    }

    /// Ends a session by its token: signing out.
    pub fn sign_out(&mut self, token: &str) -> Result<Changed<PersonId>, SignedOut> {
        let session = self.session_by_token_hash(TokenHash::of(token)).ok_or(SignedOut)?;
        self.end_session(session)
    }

    /// Ends all sessions of a person.
    pub fn end_all(&mut self, person: PersonId) -> Changed<usize> {
        self.end_all_but(person, None)
    }

    /// Ends all sessions of a person except one.
    pub(crate) fn end_all_but(&mut self, person: PersonId, kept: Option<SessionId>) -> Changed<usize> {
        let ends = |record: &&SessionRecord| record.person == person && Some(record.session) != kept;
        let mut sessions: Vec<_> = self.sessions.values().filter(ends).collect();
        sessions.sort_by_key(|record| (record.since, record.session));
        let sessions: Vec<_> = sessions.into_iter().map(|record| record.session).collect();
        let mut entries = Vec::with_capacity(sessions.len());
        for &session in &sessions {
            self.remove(Key::Session(session));
            entries.push(EntryBody::SessionEnded { person, session });
        }
        Changed { value: sessions.len(), entries }
    }

    /// Forgets what is over by itself: sessions, enrolment links, ceremonies, attempts. Call it every few minutes.
    pub fn sweep(&mut self, now: Instant) {
        let over: Vec<_> =
            self.sessions.values().filter(|record| !self.is_alive(record, now)).map(|record| record.session).collect();
        for session in over {
            self.remove(Key::Session(session));
        }
        let over: Vec<_> =
            self.enrolments.values().filter(|record| now >= record.until).map(|record| record.person).collect();
        for person in over {
            self.remove(Key::Enrolment(person));
        }
        let sessions = &self.sessions;
        self.touched.retain(|session, _| sessions.contains_key(session));
        self.ceremonies.sweep(now);
        self.throttle.sweep(now);
    }

    /// A new session for somebody who has just proved who they are, bound to their browser's key. Never continues an old one.
    #[allow(clippy::too_many_arguments, reason = "who, how, with what, from where, when")]
    pub(crate) fn open_session(
        &mut self,
        person: PersonId,
        method: SignInMethod,
        key: Thumbprint,
        origin: &Origin,
        user_agent: &str,
        now: Instant,
        random: &mut dyn CryptoRng,
    ) -> Changed<SignedIn> {
        let mut entries = Vec::new();
        let rows = self.session_rows(person, None, now);
        for row in rows.iter().skip(SESSIONS_PER_PERSON_MAX - 1) {
            self.remove(Key::Session(row.session));
            entries.push(EntryBody::SessionEnded { person, session: row.session });
        }
        let token = new_token(random);
        let mut session = SessionId([0; 16]);
        random.fill_bytes(&mut session.0);
        let user_agent = user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARACTERS_MAX).collect();
        self.put(Record::Session(SessionRecord {
            session,
            token: TokenHash::of(&token),
            person,
            since: now,
            last_used: now,
            origin: origin.clone(),
            user_agent,
            method,
            key: Some(key),
        }));
        self.touched.insert(session, now);
        self.signed_in_at(person, origin, now);
        entries.push(EntryBody::SignedIn { person, session, method });
        let info = self.session_info(session).expect("the session was just put");
        let me = self.me(session).expect("a session's person exists");
        Changed { value: SignedIn { token, session: info, me }, entries }
    }

    fn signed_in_at(&mut self, person: PersonId, origin: &Origin, now: Instant) {
        let Some(mut record) = self.persons.get(&person).cloned() else { return };
        let origin = origin_key(origin);
        record.last_sign_in = Some(now);
        record.known_origins.retain(|known| known.origin != origin);
        record.known_origins.insert(0, KnownOrigin { origin, last: now });
        record.known_origins.truncate(KNOWN_ORIGINS_MAX);
        self.put(Record::Person(record));
    }

    fn session_info(&self, session: SessionId) -> Option<SessionInfo> {
        let record = self.sessions.get(&session)?;
        let person = self.persons.get(&record.person)?;
        Some(SessionInfo {
            session,
            person: record.person,
            role: person.role,
            organisations: person.organisations.clone(),
            delegate_of: person.delegate_of.clone(),
            method: record.method,
            key: record.key,
            since: record.since,
            idle_until: self.idle_until(record),
            absolute_until: self.absolute_until(record),
        })
    }

    fn is_alive(&self, record: &SessionRecord, now: Instant) -> bool {
        now < self.idle_until(record) && now < self.absolute_until(record)
    }

    fn idle_until(&self, record: &SessionRecord) -> Instant {
        let Some(person) = self.persons.get(&record.person) else { return record.since };
        record.last_used.plus_seconds(self.session_seconds(person).0).min(self.absolute_until(record))
    }

    /// Never later than the account itself.
    fn absolute_until(&self, record: &SessionRecord) -> Instant {
        let Some(person) = self.persons.get(&record.person) else { return record.since };
        let latest = record.since.plus_seconds(self.session_seconds(person).1);
        person.until.map_or(latest, |until| latest.min(until))
    }

    fn written_long_ago(&self, session: SessionId, now: Instant) -> bool {
        // a session loaded from a record was written by an earlier run
        let written = self.touched.get(&session);
        written.is_none_or(|written| now.0.saturating_sub(written.0) >= SESSION_TOUCH_SECONDS * SECOND)
    }
}
