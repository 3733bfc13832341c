//! The keys of a window's days, for an auditor: asked for, then taken once.

use model::{EntryNumber, Window};
use serde::{Deserialize, Serialize};

/// What the owner asks about the keys of a window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum WindowRequest {
    /// That they may leave. The answer is the proposal, which is carried out already while the site is set up.
    Ask {
        /// Which window; the keys are those of the whole days that it touches.
        window: Window,
    },
    /// Take what was approved, a piece at a time.
    Take {
        /// The proposal that was carried out.
        proposal: EntryNumber,
        /// From which entry on; the first piece begins at 0 and holds the keys.
        from: EntryNumber,
    },
}
