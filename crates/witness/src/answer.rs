//! `add-checkpoint`, decided (C2SP tlog-witness v1.1.0): one function, in the order of the specification.

use std::fs;

use audit::{AddCheckpoint, Checkpoint, ConsistencyProof, Frontier, Hash, NoteVerifier};

use crate::files::{hash_of, write};
use crate::logs::{Log, Witness};

/// The most requests of a log that are kept as evidence of its contradicting itself.
const EVIDENCE_MAX: usize = 100;
/// The content type of a size.
pub(crate) const SIZE: &str = "text/x.tlog.size";
const TEXT: &str = "text/plain; charset=utf-8";

/// What is answered over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Content type.
    pub content_type: &'static str,
    /// Body.
    pub body: String,
}

impl Answer {
    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self { status, content_type: TEXT, body: format!("{body}\n") }
    }
}

impl Witness {
    /// Decides on a request at a time in seconds since 1970. The new checkpoint is durable before this returns.
    pub fn add_checkpoint(&self, body: &[u8], seconds: u64) -> Answer {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(error) => return Answer::text(400, &error.to_string()),
        };
        let logs = self.logs.read().expect("no holder panics");
        let Some(log) = logs.get(&request.checkpoint.origin) else {
            return Answer::text(404, "this log is not known here");
        };
        if !is_signed(&request, &log.verifiers) {
            return Answer::text(403, "no key of this log signed the checkpoint");
        }
        let mut last = log.last.lock().expect("no holder panics");
        let (size, root) = newest(log, &last);
        if request.old_size != size {
            if request.checkpoint.size == size && request.checkpoint.root != root {
                log.keep_evidence(body);
            }
            return Answer { status: 409, content_type: SIZE, body: format!("{size}\n") };
        }
        if !continues(&request, root) {
            log.keep_evidence(body);
            return Answer::text(422, "the checkpoint does not continue what was cosigned before");
        }
        let Ok(lines) = self.keys.cosign(&request.note, seconds) else {
            return Answer::text(400, "the checkpoint's origin is too long to be cosigned");
        };
        // only signatures that were checked are kept: the log's own, and ours
        let Some(note) = own_lines(&request.note, &log.verifiers).map(|note| note + &lines) else {
            return Answer::text(403, "no key of this log signed the checkpoint");
        };
        // crash before this: nothing was cosigned, the log asks again. After it, before the answer: the log asks
        // again with the old size and is told the new one
        if let Err(error) = write(&log.dir.join("checkpoint"), note.as_bytes()) {
            tracing::error!(%error, "the checkpoint cannot be kept, so nothing is cosigned");
            return Answer::text(503, "nothing can be kept now, so nothing is cosigned");
        }
        *last = note;
        Answer { status: 200, content_type: TEXT, body: lines }
    }

    /// The note cosigned last of the log whose origin has this SHA-256 (monitor retrieval).
    pub fn latest(&self, origin_hash: &str) -> Answer {
        let logs = self.logs.read().expect("no holder panics");
        let log = logs.iter().find(|(origin, _)| hash_of(origin) == origin_hash).map(|(_, log)| log);
        let note = log.map(|log| log.last.lock().expect("no holder panics").clone()).filter(|note| !note.is_empty());
        match note {
            Some(body) => Answer { status: 200, content_type: TEXT, body },
            None => Answer::text(404, "nothing was cosigned for this log"),
        }
    }
}

impl Log {
    /// Keeps a request that the log signed and that contradicts what it signed before.
    fn keep_evidence(&self, body: &[u8]) {
        let folder = self.dir.join("evidence");
        let kept = fs::create_dir_all(&folder).and_then(|()| {
            let there = fs::read_dir(&folder)?.count();
            if there >= EVIDENCE_MAX { Ok(()) } else { write(&folder.join(format!("{there:04}")), body) }
        });
        tracing::error!(kept = kept.is_ok(), "a log asked for a cosignature on a history that contradicts its own");
    }
}

/// Whether a trusted key signed, and none of the trusted keys' lines is false.
fn is_signed(request: &AddCheckpoint, verifiers: &[NoteVerifier]) -> bool {
    let checked = verifiers.iter().map(|verifier| Checkpoint::open(request.note.as_bytes(), verifier));
    let (mut signed, mut false_line) = (false, false);
    for outcome in checked {
        match outcome {
            Ok(_) => signed = true,
            Err(audit::NoteError::Unsigned) => {}
            Err(_) => false_line = true,
        }
    }
    signed && !false_line
}

/// Size and root cosigned last; the empty tree before the first.
fn newest(log: &Log, last: &str) -> (u64, Hash) {
    let opened = log.verifiers.iter().find_map(|verifier| Checkpoint::open(last.as_bytes(), verifier).ok());
    opened.map_or_else(|| (0, Frontier::default().root()), |checkpoint| (checkpoint.size, checkpoint.root))
}

fn continues(request: &AddCheckpoint, root: Hash) -> bool {
    let proof =
        ConsistencyProof { old_size: request.old_size, new_size: request.checkpoint.size, path: request.proof.clone() };
    proof.check(root, request.checkpoint.root).is_ok()
}

/// The note with only those signature lines that a trusted key made.
fn own_lines(note: &str, verifiers: &[NoteVerifier]) -> Option<String> {
    let (text, lines) = note.rsplit_once("\n\n")?;
    let held: String = lines
        .lines()
        .filter(|line| {
            let alone = format!("{text}\n\n{line}\n");
            verifiers.iter().any(|verifier| Checkpoint::open(alone.as_bytes(), verifier).is_ok())
        })
        .map(|line| format!("{line}\n"))
        .collect();
    (!held.is_empty()).then(|| format!("{text}\n\n{held}"))
}
