//! Exposure of one session: what its person, or whoever opened a share link, could reach while it lasted, and what was listed and opened
//! in it. What went out by a share link that was made in it counts as well, also after its end: the link goes on.
//!
//! A session lasts from its sign-in, or from the first entry that names it, to the entry that ends it; without one, to the longest
//! that a session may last. Idle sessions end earlier and leave no entry: the report is never less than the truth.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;

use model::{Actor, Entry, EntryBody, Instant, LinkId, SessionId, Who, Window};

use crate::actions::Action;
use crate::gathering::Gathering;
use crate::{Exposure, ExposureIndex, TimelinePart};

/// The longest that a session lasts, in seconds.
pub const SESSION_SECONDS_MAX: i64 = 24 * 60 * 60;

/// One session as the ledger shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose: a person's, or a share link's.
    pub who: Who,
    /// From when until when at the latest.
    pub span: Window,
    id: SessionId,
    tag: u32,
}

/// Every session that the ledger names.
#[derive(Default)]
pub(crate) struct Sessions {
    all: HashMap<SessionId, Session>,
    /// Those of each link that did not end.
    of_links: HashMap<LinkId, Vec<SessionId>>,
}

impl Sessions {
    pub fn apply(&mut self, entry: &Entry) {
        let at = entry.recorded;
        match &entry.actor {
            Actor::Person { person, session, .. } => self.see(*session, Who::Person(*person), at),
            Actor::Link { link, session, .. } => self.see(*session, Who::Link(*link), at),
            _ => {}
        }
        match &entry.body {
            EntryBody::SignedIn { person, session, .. } => self.see(*session, Who::Person(*person), at),
            EntryBody::SessionEnded { person, session } => {
                self.see(*session, Who::Person(*person), at);
                self.end(*session, at);
            }
            EntryBody::LinkOpened(opened) => self.see(opened.session, Who::Link(opened.link), at),
            EntryBody::LinkLeft { session, .. } => self.end(*session, at),
            EntryBody::LinkEnded { link, .. } => {
                for session in self.of_links.remove(link).unwrap_or_default() {
                    self.end(session, at);
                }
            }
            _ => {}
        }
    }

    fn see(&mut self, session: SessionId, who: Who, at: Instant) {
        let tag = u32::try_from(self.all.len()).expect("fewer than four thousand million") + 1;
        let span = Window { from: at, to: at.plus_seconds(SESSION_SECONDS_MAX) };
        if let Place::Vacant(place) = self.all.entry(session) {
            place.insert(Session { who, span, id: session, tag });
            if let Who::Link(link) = who {
                self.of_links.entry(link).or_default().push(session);
            }
        }
    }

    fn end(&mut self, session: SessionId, at: Instant) {
        if let Some(session) = self.all.get_mut(&session) {
            session.span.to = session.span.to.min(at);
        }
    }

    /// What actions of a session carry.
    pub fn tag(&self, session: SessionId) -> u32 {
        self.all.get(&session).map_or(0, |session| session.tag)
    }
}

impl ExposureIndex {
    /// A session, when the ledger names it.
    #[must_use]
    pub fn session(&self, session: SessionId) -> Option<Session> {
        self.sessions.all.get(&session).copied()
    }

    /// What could be reached in a session and what was done in it, at some instant of `window`.
    #[must_use]
    pub fn report_session(&self, session: &Session, window: Window) -> Exposure {
        let mut gathered = Gathering::new(self, window);
        self.each_action_of_session(session, window, |action| gathered.take(action, action.lease));
        let own = session.span.intersect(&window).map(|span| self.reach.spans(session.who, span));
        let links = self.links.in_session(session.id).iter();
        let by_links = links.flat_map(|link| self.reach.spans(Who::Link(*link), window));
        gathered.finish(self.reached(own.unwrap_or_default().into_iter().chain(by_links)))
    }

    /// The same as parts of a plot.
    #[must_use]
    pub fn timeline_of_session(&self, session: &Session, window: Window, parts: u32) -> Vec<TimelinePart> {
        self.plot(window, parts, |each| {
            self.each_action_of_session(session, window, |action| each(action, action.lease));
        })
    }

    /// The share links that were made in a session.
    #[must_use]
    pub fn links_of_session(&self, session: SessionId) -> &[LinkId] {
        self.links.in_session(session)
    }

    fn each_action_of_session(&self, session: &Session, window: Window, mut each: impl FnMut(&Action)) {
        let own = self.actions.of(session.who, window).filter(|action| action.session == session.tag);
        own.for_each(&mut each);
        for link in self.links.in_session(session.id) {
            self.actions.of(Who::Link(*link), window).for_each(&mut each);
        }
    }
}
