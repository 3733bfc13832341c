//! What a caller sees of a long operation, and where tests make it fail.

use std::io;

/// How far an operation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are done.
    pub done: u64,
    /// Bytes in all, as far as it is known: it may grow.
    pub total: u64,
}

/// The durable steps of a sync and of a restore, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The front writes its snapshot.
    FrontSnapshot,
    /// Bytes are appended to a volume's copy.
    VolumeWrite,
    /// A volume's copy is synced.
    VolumeSync,
    /// A small file is written.
    FileWrite,
    /// A small file gets its name.
    FileRename,
    /// The warden writes its snapshot.
    WardenSnapshot,
    /// The ledger is copied.
    Ledger,
    /// A manifest is written.
    ManifestWrite,
    /// A manifest gets its name: from here on the generation counts.
    ManifestRename,
    /// Files of old generations are removed.
    Prune,
    /// A restored file is written.
    RestoreWrite,
    /// A restore is complete, and said so.
    RestoreComplete,
    /// A restored folder is moved into place.
    RestoreMove,
}

impl Step {
    /// Every step of a sync.
    pub const SYNC: [Self; 10] = [
        Self::FrontSnapshot,
        Self::VolumeWrite,
        Self::VolumeSync,
        Self::FileWrite,
        Self::FileRename,
        Self::WardenSnapshot,
        Self::Ledger,
        Self::ManifestWrite,
        Self::ManifestRename,
        Self::Prune,
    ];
    /// Every step of a restore.
    pub const RESTORE: [Self; 3] = [Self::RestoreWrite, Self::RestoreComplete, Self::RestoreMove];
}

/// Called along the way. `()`-like use: [`NoHooks`].
pub trait Hooks {
    /// Before each durable step; an error ends the operation there. Only tests do anything here.
    fn before(&mut self, step: Step) -> io::Result<()> {
        let _ = step;
        Ok(())
    }

    /// After every few megabytes.
    fn progress(&mut self, progress: Progress) {
        let _ = progress;
    }
}

/// Looks away.
pub struct NoHooks;

impl Hooks for NoHooks {}

/// A closure that shows progress.
impl<F: FnMut(Progress)> Hooks for F {
    fn progress(&mut self, progress: Progress) {
        self(progress);
    }
}

/// The hooks with the count so far.
pub(crate) struct Watch<'h> {
    hooks: &'h mut dyn Hooks,
    progress: Progress,
}

impl<'h> Watch<'h> {
    pub fn new(hooks: &'h mut dyn Hooks) -> Self {
        Self { hooks, progress: Progress::default() }
    }

    pub fn before(&mut self, step: Step) -> io::Result<()> {
        self.hooks.before(step)
    }

    pub fn expect(&mut self, bytes: u64) {
        self.progress.total += bytes;
        self.hooks.progress(self.progress);
    }

    pub fn done(&mut self, bytes: u64) {
        self.progress.done += bytes;
        self.progress.total = self.progress.total.max(self.progress.done);
        self.hooks.progress(self.progress);
    }

    pub fn bytes_done(&self) -> u64 {
        self.progress.done
    }
}
