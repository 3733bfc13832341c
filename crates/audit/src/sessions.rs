//! Exposure of one session: what its person could reach while it lasted, and what was listed and opened in it.
//!
//! A session lasts from its sign-in, or from the first entry that names it, to the entry that ends it; without one, to the longest
//! that a session may last. Idle sessions end earlier and leave no entry: the report is never less than the truth.

use std::collections::HashMap;

use model::{Actor, Entry, EntryBody, Instant, PersonId, SessionId, Who, Window};

use crate::gathering::Gathering;
use crate::{Exposure, ExposureIndex, TimelinePart};

/// The longest that a session lasts, in seconds.
pub const SESSION_SECONDS_MAX: i64 = 24 * 60 * 60;

/// One session as the ledger shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub person: PersonId,
    /// From when until when at the latest.
    pub span: Window,
    tag: u32,
}

/// Every session that the ledger names.
#[derive(Default)]
pub(crate) struct Sessions(HashMap<SessionId, Session>);

impl Sessions {
    pub fn apply(&mut self, entry: &Entry) {
        let at = entry.recorded;
        if let Actor::Person { person, session, .. } = &entry.actor {
            self.see(*session, *person, at);
        }
        match &entry.body {
            EntryBody::SignedIn { person, session, .. } => self.see(*session, *person, at),
            EntryBody::SessionEnded { person, session } => {
                self.see(*session, *person, at);
                if let Some(session) = self.0.get_mut(session) {
                    session.span.to = session.span.to.min(at);
                }
            }
            _ => {}
        }
    }

    fn see(&mut self, session: SessionId, person: PersonId, at: Instant) {
        let tag = u32::try_from(self.0.len()).expect("fewer than four thousand million") + 1;
        let span = Window { from: at, to: at.plus_seconds(SESSION_SECONDS_MAX) };
        self.0.entry(session).or_insert(Session { person, span, tag });
    }

    /// What actions of a session carry.
    pub fn tag(&self, session: SessionId) -> u32 {
        self.0.get(&session).map_or(0, |session| session.tag)
    }
}

impl ExposureIndex {
    /// A session, when the ledger names it.
    #[must_use]
    pub fn session(&self, session: SessionId) -> Option<Session> {
        self.sessions.0.get(&session).copied()
    }

    /// What could be reached in a session and what was done in it, at some instant of `window`.
    #[must_use]
    pub fn report_session(&self, session: &Session, window: Window) -> Exposure {
        let who = Who::Person(session.person);
        let mut gathered = Gathering::new(self, window);
        let own = self.actions.of(who, window).filter(|action| action.session == session.tag);
        own.for_each(|action| gathered.take(action, action.lease));
        let reachable = session.span.intersect(&window).map(|span| self.reachable(who, span));
        gathered.finish(reachable.unwrap_or_default())
    }

    /// The same as parts of a plot.
    #[must_use]
    pub fn timeline_of_session(&self, session: &Session, window: Window, parts: u32) -> Vec<TimelinePart> {
        self.plot(window, parts, |each| {
            let all = self.actions.of(Who::Person(session.person), window);
            all.filter(|action| action.session == session.tag).for_each(|action| each(action, action.lease));
        })
    }
}
