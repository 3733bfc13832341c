//! What is called along the way while a new root is made: by tests in front of each durable step, and by whoever shows how far it is.

use std::io;

use super::NewRootError;

/// A step in front of which a test may end the warden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootStep {
    /// Before anything.
    Copy,
    /// The database is copied, still sealed to the old root.
    Seal,
    /// It is sealed to the new root, and nobody has looked at it yet.
    Check,
    /// It was looked at.
    Envelope,
    /// All is there and not named yet.
    Name,
    /// It is named, and the old `root.json` is in force.
    Replace,
}

impl RootStep {
    /// All, in their order.
    pub const ALL: [Self; 6] = [Self::Copy, Self::Seal, Self::Check, Self::Envelope, Self::Name, Self::Replace];
}

/// How far it is: keys that were wrapped again, instances, and keys that were looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RootProgress {
    /// Done.
    pub done: u64,
    /// Of so many.
    pub of: u64,
}

/// Called along the way.
pub trait RootHooks {
    /// In front of each step; an error ends the change there. Only tests do anything here.
    fn before(&mut self, step: RootStep) -> io::Result<()> {
        let _ = step;
        Ok(())
    }

    /// After every few thousand.
    fn progress(&mut self, progress: RootProgress) {
        let _ = progress;
    }
}

/// Looks away.
pub struct NoHooks;

impl RootHooks for NoHooks {}

/// A closure that shows progress.
impl<F: FnMut(RootProgress)> RootHooks for F {
    fn progress(&mut self, progress: RootProgress) {
        self(progress);
    }
}

/// The hooks with the count so far.
pub(super) struct Watch<'h> {
    hooks: &'h mut dyn RootHooks,
    progress: RootProgress,
}

impl<'h> Watch<'h> {
    pub(super) fn new(hooks: &'h mut dyn RootHooks) -> Self {
        Self { hooks, progress: RootProgress::default() }
    }

    pub(super) fn before(&mut self, step: RootStep) -> Result<(), NewRootError> {
        Ok(self.hooks.before(step)?)
    }

    pub(super) fn expect(&mut self, of: u64) {
        self.progress.of = of;
        self.hooks.progress(self.progress);
    }

    pub(super) fn done(&mut self, rows: u64) {
        self.progress.done += rows;
        self.hooks.progress(self.progress);
    }
}
