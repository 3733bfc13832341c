//! The body of `add-checkpoint` (C2SP tlog-witness): old size, consistency proof, checkpoint.

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;

use crate::merkle::{ConsistencyProof, Hash};
use crate::note::{Checkpoint, NOTE_BYTES_MAX, NoteError, SignedNote};

/// The most lines of a consistency proof.
const PROOF_LINES_MAX: usize = 63;
/// The longest body, in bytes.
pub const ADD_CHECKPOINT_BYTES_MAX: usize = NOTE_BYTES_MAX + 64 * 64;

/// A request to cosign a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness cosigned last.
    pub old_size: u64,
    /// That the checkpoint's tree continues the tree of that size.
    pub proof: Vec<Hash>,
    /// The signed note.
    pub note: String,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// Why a body is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddCheckpointError {
    /// The lines before the checkpoint are not as they must be.
    #[error("the request must be `old <size>`, at most {PROOF_LINES_MAX} hashes, an empty line and a checkpoint")]
    Shape,
    /// The checkpoint is none.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The old size is larger than the checkpoint's.
    #[error("the old size is larger than the checkpoint's")]
    OldSize,
}

impl AddCheckpoint {
    /// Puts a request together.
    pub fn new(proof: ConsistencyProof, note: &str) -> Result<Self, AddCheckpointError> {
        let checkpoint = Checkpoint::parse(SignedNote::parse(note.as_bytes())?.text)?;
        Ok(Self { old_size: proof.old_size, proof: proof.path, note: note.to_owned(), checkpoint })
    }

    /// The body.
    #[must_use]
    pub fn to_body(&self) -> String {
        let proof: String = self.proof.iter().map(|hash| STANDARD.encode(hash.0) + "\n").collect();
        format!("old {}\n{proof}\n{}", self.old_size, self.note)
    }

    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, AddCheckpointError> {
        let body = std::str::from_utf8(body).map_err(|_| AddCheckpointError::Shape)?;
        let (head, note) = body.split_once("\n\n").ok_or(AddCheckpointError::Shape)?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old_size = old_size.ok_or(AddCheckpointError::Shape)?;
        let hash = |line: &str| -> Option<Hash> { STANDARD.decode(line).ok()?.try_into().ok().map(Hash) };
        let proof: Vec<Hash> = lines.map(hash).collect::<Option<_>>().ok_or(AddCheckpointError::Shape)?;
        if proof.len() > PROOF_LINES_MAX {
            return Err(AddCheckpointError::Shape);
        }
        let checkpoint = Checkpoint::parse(SignedNote::parse(note.as_bytes())?.text)?;
        if old_size > checkpoint.size {
            return Err(AddCheckpointError::OldSize);
        }
        Ok(Self { old_size, proof, note: note.to_owned(), checkpoint })
    }
}

/// A size as the specification writes it: digits without leading zeros.
#[must_use]
pub fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::sha256;
    use seal::{Secret32, SigningKey};

    fn request(lines: usize) -> AddCheckpoint {
        let checkpoint = Checkpoint { origin: "leadglass/test".to_owned(), size: 42, root: sha256(&[b"x"]) };
        let note = checkpoint.sign(&SigningKey::from_seed(&Secret32::from_bytes(&[9; 32])));
        AddCheckpoint { old_size: 7, proof: vec![sha256(&[b"y"]); lines], note, checkpoint }
    }

    #[test]
    fn a_request_comes_back_as_it_was_written() {
        for lines in [0, 1, PROOF_LINES_MAX] {
            let request = request(lines);
            assert_eq!(AddCheckpoint::parse(request.to_body().as_bytes()), Ok(request));
        }
    }

    #[track_caller]
    fn refused(body: &str, expected: AddCheckpointError) {
        assert_eq!(AddCheckpoint::parse(body.as_bytes()), Err(expected), "{body:?}");
    }

    #[test]
    fn anything_else_is_refused() {
        let body = request(1).to_body();
        refused(&request(PROOF_LINES_MAX + 1).to_body(), AddCheckpointError::Shape);
        refused(&body.replacen("old 7", "old 07", 1), AddCheckpointError::Shape);
        refused(&body.replacen("old 7", "old +7", 1), AddCheckpointError::Shape);
        refused(&body.replacen("old 7", "Old 7", 1), AddCheckpointError::Shape);
        refused(&body.replacen("old 7", "old 43", 1), AddCheckpointError::OldSize);
        refused(&body.replacen("old 7\n", "old 7\nAAAA\n", 1), AddCheckpointError::Shape);
        refused("", AddCheckpointError::Shape);
        refused("old 7\n\n", AddCheckpointError::Note(NoteError::Shape));
        refused(&body[..body.len() - 1], AddCheckpointError::Note(NoteError::Shape));
    }
}
