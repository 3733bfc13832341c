//! The ledger and what is computed from it.
//!
//! - [`Ledger`] records entries: group commit, durable before it answers, in the C2SP tlog-tiles layout with signed
//!   checkpoints. [`Ledger::record`] turns a [`policy::Grant`] into a [`Receipt`], and nothing else does.
//! - [`verify`] recomputes a ledger from its files alone, without keys, also while it is written to.
//! - [`ReachState`] replays who may reach what; [`ExposureIndex`] answers what anybody could reach, what was listed to
//!   them and what they opened, over any window of the past.
//!
//! `docs/formats/ledger.md` describes every file and every byte.

mod actions;
mod exposure;
mod io;
mod journal;
mod leaf;
mod ledger;
mod merkle;
mod note;
mod payload;
mod pending;
mod proof;
mod publish;
mod publisher;
mod reach;
mod read;
mod sequencer;
mod tile;
mod timeline;
mod touches;
mod verify;

pub use exposure::{Access, Exposure, ExposureIndex, TIMELINE_PARTS_MAX, TimelinePart, Touch};
pub use io::{Disk, LedgerIo};
pub use ledger::{Ledger, LedgerKeys, LedgerOptions, OpenError};
pub use merkle::{ConsistencyProof, Frontier, Hash, InclusionProof, InvalidProof, leaf_hash, node_hash};
pub use note::{Checkpoint, NOTE_BYTES_MAX, NoteError, NoteVerifier};
pub use payload::{Day, DayKey, ENTRY_BYTES_MAX, PayloadError, PayloadKeys};
pub use pending::{Appended, Pending, PendingReceipt, Receipt};
pub use proof::{ProofError, Prover};
pub use reach::{Ground, ReachState, Reachable};
pub use read::{ReadError, Replay, ReplayError};
pub use sequencer::{APPEND_BYTES_MAX, APPEND_ENTRIES_MAX, AppendError, Observer};
pub use verify::{Verified, VerifyError, checkpoint, verify};
