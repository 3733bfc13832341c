//! The ledger and what is computed from it.
//!
//! - [`Ledger`] records entries: group commit, durable before it answers, in the C2SP tlog-tiles layout with signed
//!   checkpoints. [`Ledger::record`] turns a [`policy::Grant`] into a [`Receipt`], and nothing else does.
//! - [`verify()`] recomputes a ledger from its files alone, without keys, also while it is written to.
//! - [`ReachState`] replays who may reach what; [`ExposureIndex`] answers what anybody could reach, what was listed to
//!   them and what they opened, over any window of the past.
//!
//! `docs/formats/ledger.md` describes every file and every byte.

mod actions;
mod add_checkpoint;
mod cosignature;
mod disks;
mod entry_json;
mod erase;
mod exposure;
mod filings;
mod gathering;
mod incidents;
mod io;
mod journal;
mod keys;
mod leaf;
mod ledger;
mod links;
mod merkle;
mod note;
mod open;
mod payload;
mod pending;
mod proof;
mod publish;
mod publisher;
mod questions;
mod reach;
mod read;
mod reconcile;
mod refold;
mod rejoin;
mod replay;
mod sequencer;
mod sessions;
mod sink;
mod snapshot;
mod statement;
mod tile;
mod timeline;
mod touches;
mod verify;
mod witnesses;

pub use add_checkpoint::{ADD_CHECKPOINT_BYTES_MAX, AddCheckpoint, AddCheckpointError, decimal};
pub use cosignature::{COSIGNER_NAME_BYTES_MAX, Cosigner, CosigningKeys, add_cosignatures};
pub use disks::{Disk as HeldDisk, DiskKey, DiskKeys};
pub use exposure::{Access, Exposure, ExposureIndex, TIMELINE_PARTS_MAX, TimelinePart, Touch};
pub use incidents::{ClockState, Incident, Incidents, Step};
pub use io::{Disk, LedgerIo};
pub use keys::{FiledKey, KeyRelease};
pub use ledger::{EraseError, Ledger, LedgerKeys, LedgerOptions, SinkInfo, continues};
pub use merkle::{ConsistencyProof, Frontier, Hash, InclusionProof, InvalidProof, leaf_hash, node_hash};
pub use note::{Checkpoint, NOTE_BYTES_MAX, NoteError, NoteVerifier};
pub use open::OpenError;
pub use payload::{Day, DayKey, ENTRY_BYTES_MAX, PayloadError, PayloadKeys};
pub use pending::{Appended, Pending, PendingReceipt, Receipt};
pub use proof::{ProofError, Prover};
pub use questions::{Answer, Question, Questions};
pub use reach::{Ground, ReachState, Reachable};
pub use read::{Opened, ReadError, Reader, read_tile};
pub use reconcile::{Reconciled, first_is_away, forget_first_away, is_sink, mark_sink, reconcile, sink_ledger};
pub use refold::{RefoldError, Refolded, Shown, WindowHeader, refold};
pub use rejoin::{MARK as SINK_MARK, RejoinError};
pub use replay::{Replay, ReplayError};
pub use sequencer::{APPEND_BYTES_MAX, APPEND_ENTRIES_MAX, AppendError, Observer};
pub use sessions::{SESSION_SECONDS_MAX, Session};
pub use statement::{CheckedStatement, DiscloseError, StatementError, StatementProof, document_sha256};
pub use verify::{Verified, VerifyError, checkpoint, verify};
pub use witnesses::{
    Ahead, LossAccepted, TOLD, WITNESSES_MAX, WitnessAt, forget_ahead, read_accepted, read_ahead, read_sinks,
    read_witnesses, write_accepted, write_ahead, write_sinks, write_witnesses,
};

/// Every parser that reads a ledger's files, on any bytes. For the fuzz target; nothing else calls it.
#[doc(hidden)]
pub fn parse_anything(bytes: &[u8]) {
    let leaves = (0..4).filter_map(|width| leaf::read_entry_bundle(bytes, width).ok()).next_back().unwrap_or_default();
    let _ = leaf::read_payload_bundle(bytes, &leaves);
    for record in journal::records(bytes) {
        let again = journal::encode(record.first, record.entries.iter(), &record.note);
        assert!(bytes.windows(again.len()).any(|window| window == again), "a record is written in one way only");
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = tile::Place::parse(std::path::Path::new(text.as_ref()));
    if let Some((vkey, note)) = text.split_once('\n')
        && let Ok(verifier) = NoteVerifier::parse(vkey)
    {
        assert_eq!(verifier.to_text(), vkey);
        let _ = Checkpoint::open(note.as_bytes(), &verifier);
    }
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(
            AddCheckpoint::parse(request.to_body().as_bytes()),
            Ok(request),
            "a request is written in one way only"
        );
    }
    if let Some((vkey, note)) = text.split_once('\n')
        && let Ok(cosigner) = Cosigner::parse(vkey)
    {
        assert_eq!(cosigner.to_text(), vkey);
        let _ = cosigner.cosigned(note.as_bytes());
        let _ = add_cosignatures(note, note, &[cosigner]);
    }
    if let Ok(entry) = serde_json::from_slice::<model::Entry>(bytes) {
        let mut index = ExposureIndex::default();
        index.apply(model::EntryNumber(0), &entry);
        let window = model::Window { from: model::Instant(i64::MIN), to: model::Instant::MAX };
        let _ = index.timeline(model::Who::Person(model::PersonId(0)), window, 3);
    }
}
