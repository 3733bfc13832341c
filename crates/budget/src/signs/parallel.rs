//! Parallel sessions: how often somebody goes back and forth between two of them.
//!
//! Moving on to a further workstation is no sign, nor is a phone beside a desk. Two people who work at the same time are: their uses
//! fall between each other's, and each of them looks like going back to a session that was left a moment ago.

use std::collections::VecDeque;

use model::{Instant, ParallelSessions, SessionId, UsedFrom};

/// The time that is looked at, in seconds.
const WITHIN_SECONDS: i64 = 3_600;
/// So often within it between different networks ...
const RETURNS_FAR: usize = 6;
/// ... and so often within one network, where somebody walks between a desk, a ward and a phone.
const RETURNS_NEAR: usize = 16;
/// Sessions that are told apart.
const SESSIONS_MAX: usize = 16;

#[derive(Clone, Default)]
pub(super) struct Parallel {
    /// Sessions by their last use, newest last.
    used: VecDeque<(Instant, UsedFrom, String)>,
    /// When one was gone back to from another, and whether that lay in another network.
    returns: VecDeque<(Instant, bool)>,
}

impl Parallel {
    /// A session is used from an address of `network`.
    pub(super) fn used(&mut self, used: &UsedFrom, network: String, at: Instant) -> Option<ParallelSessions> {
        if used.origin.0.is_empty() {
            return None;
        }
        let since = at.plus_seconds(-WITHIN_SECONDS);
        self.used.retain(|(last, ..)| *last > since);
        self.returns.retain(|(when, _)| *when > since);
        let before = self.position(used.session);
        let left = self.used.back().filter(|(_, last, _)| last.session != used.session).cloned();
        if let Some(before) = before {
            self.used.remove(before);
        }
        self.used.push_back((at, used.clone(), network.clone()));
        if self.used.len() > SESSIONS_MAX {
            self.used.pop_front();
        }
        let (_, other, other_network) = left.filter(|_| before.is_some())?;
        // two windows of one machine, or several machines behind one address
        if other.origin == used.origin {
            return None;
        }
        let far = network != other_network;
        self.returns.push_back((at, far));
        if self.returns.len() > 4 * RETURNS_NEAR {
            self.returns.pop_front();
        }
        let returns = self.returns.iter().filter(|(_, was_far)| *was_far || !far).count();
        let first = self.returns.iter().find(|(_, was_far)| *was_far || !far)?.0;
        (returns >= if far { RETURNS_FAR } else { RETURNS_NEAR }).then(|| ParallelSessions {
            one: used.clone(),
            other,
            returns: returns as u32,
            since: first,
        })
    }

    fn position(&self, session: SessionId) -> Option<usize> {
        self.used.iter().position(|(_, used, _)| used.session == session)
    }
}
