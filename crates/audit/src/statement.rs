//! Statements: documents about a ledger that the site signs and that the ledger itself remembers.
//!
//! A statement is a document, any bytes, and a [`StatementProof`]: a signed note over the document's SHA-256, the entry that names
//! the same SHA-256, and the proof that this entry is in the ledger of a signed checkpoint, which continues the checkpoint that the
//! document was computed from. So whoever holds the site's public key finds every changed byte, and the site cannot give two
//! people different documents without an entry for each.
//!
//! `docs/formats/report.md` describes the bytes.

use base64::{Engine, engine::general_purpose::STANDARD};
use model::{Entry, EntryBody, EntryNumber, ExposureReported};
use seal::SigningKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::leaf::Leaf;
use crate::ledger::Ledger;
use crate::merkle::{ConsistencyProof, Hash, InclusionProof, sha256};
use crate::note::{Checkpoint, NOTE_BYTES_MAX, NoteError, NoteVerifier};
use crate::proof::ProofError;
use crate::read::ReadError;
use crate::{ENTRY_BYTES_MAX, Prover};

/// The form of a proof that this version writes.
const FORM: &str = "statement-proof/1";
/// The longest path of a proof, in hashes.
const PATH_HASHES_MAX: usize = 128;

/// What proves a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementProof {
    /// `statement-proof/1`.
    leadglass: String,
    /// The site's public key. It proves nothing by standing here: compare it with one that was kept elsewhere.
    vkey: String,
    /// A signed note over the document's SHA-256.
    note: String,
    /// The checkpoint that the document was computed from.
    computed: String,
    /// A later checkpoint that covers the entry.
    checkpoint: String,
    /// Hashes that show that the later checkpoint continues the former.
    consistency: Vec<String>,
    /// The entry that names the document.
    entry: u64,
    /// Its salt and JSON, in base64.
    entry_salted: String,
    /// SHA-256 of its sealed payload.
    payload_sha256: String,
    /// Length of its sealed payload.
    payload_bytes: u32,
    /// Hashes that show that it is in the ledger.
    inclusion: Vec<String>,
}

/// What was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedStatement {
    /// The checkpoint that the document was computed from.
    pub computed: Checkpoint,
    /// The later one that covers the entry.
    pub checkpoint: Checkpoint,
    /// The entry that names the document.
    pub number: EntryNumber,
    /// What it says.
    pub entry: Entry,
}

/// Why a statement is not taken.
#[derive(Debug, Error)]
pub enum StatementError {
    /// The proof is no proof of this version.
    #[error("the proof cannot be read; take the file from the site again, or use the version that wrote it")]
    Shape,
    /// It is another site's.
    #[error("the report is signed by another site, or by nobody; ask for the public key of the site that it names")]
    OtherSite,
    /// The document is not what was signed.
    #[error("the report was changed after it was signed; take it from the site again")]
    Changed,
    /// The signature does not fit.
    #[error("the site's signature does not fit the report; it was changed, take it from the site again")]
    Signature,
    /// A checkpoint does not hold.
    #[error("the report's checkpoint does not hold ({0}); take the report from the site again")]
    Checkpoint(NoteError),
    /// The entry is not in the ledger of the checkpoint.
    #[error(
        "the ledger of the checkpoint does not hold the report's entry; the proof was changed or belongs to another ledger"
    )]
    NotIncluded,
    /// The entry names another document.
    #[error("the ledger's entry names another report; take the report from the site again")]
    OtherEntry,
    /// The checkpoint that was computed from is no beginning of the later one.
    #[error("the report was computed from entries that the ledger does not begin with; the ledger was rewritten")]
    Forked,
}

/// Why a statement cannot be made.
#[derive(Debug, Error)]
pub enum DiscloseError {
    /// The entry is not published yet, or a tile cannot be read.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The entry cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A checkpoint that the ledger itself made cannot be read.
    #[error("the ledger's checkpoint cannot be read; run `leadglass ledger verify`")]
    Checkpoint(#[from] NoteError),
}

/// SHA-256 of a document, in hexadecimal digits, as its entry names it.
#[must_use]
pub fn document_sha256(document: &[u8]) -> String {
    sha256(&[document]).to_string()
}

impl Ledger {
    /// Signs a document that the entry `number` names. The entry must be published: within about a second of its recording this
    /// answers [`ProofError::Beyond`].
    pub fn state(
        &self,
        document: &[u8],
        computed: &str,
        number: EntryNumber,
        signing: &SigningKey,
    ) -> Result<StatementProof, DiscloseError> {
        let verifier = self.verifier().clone();
        let mut prover = Prover::open(self.dir())?;
        let (leaf, salted) = self.disclosed(number)?;
        let (_, inclusion) = prover.inclusion(number)?;
        let consistency = prover.consistency(Checkpoint::open(computed.as_bytes(), &verifier)?.size)?;
        let name = verifier.name();
        let text = format!("{name}/report\nsha256 {}\nbytes {}\n", document_sha256(document), document.len());
        Ok(StatementProof {
            leadglass: FORM.to_owned(),
            vkey: verifier.to_text(),
            note: verifier.sign_text(&text, signing),
            computed: computed.to_owned(),
            checkpoint: prover.checkpoint().0.to_owned(),
            consistency: consistency.path.iter().map(ToString::to_string).collect(),
            entry: number.0,
            entry_salted: STANDARD.encode(salted),
            payload_sha256: leaf.payload_sha256.to_string(),
            payload_bytes: leaf.payload_bytes,
            inclusion: inclusion.path.iter().map(ToString::to_string).collect(),
        })
    }
}

impl StatementProof {
    /// Reads a proof.
    pub fn parse(json: &[u8]) -> Result<Self, StatementError> {
        let proof: Self = serde_json::from_slice(json).map_err(|_| StatementError::Shape)?;
        let limited = proof.note.len() <= NOTE_BYTES_MAX
            && proof.entry_salted.len() <= 2 * ENTRY_BYTES_MAX
            && proof.inclusion.len() <= PATH_HASHES_MAX
            && proof.consistency.len() <= PATH_HASHES_MAX;
        if proof.leadglass == FORM && limited { Ok(proof) } else { Err(StatementError::Shape) }
    }

    /// The key that the proof brings along. Whoever trusts it trusts the file.
    pub fn vkey(&self) -> Result<NoteVerifier, StatementError> {
        NoteVerifier::parse(&self.vkey).map_err(|_| StatementError::Shape)
    }

    /// The entry that names the document.
    #[must_use]
    pub fn entry_number(&self) -> EntryNumber {
        EntryNumber(self.entry)
    }

    /// The later checkpoint, as text.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// Checks a document with the site's public key.
    pub fn check(&self, document: &[u8], verifier: &NoteVerifier) -> Result<CheckedStatement, StatementError> {
        let text = verifier.open(self.note.as_bytes()).map_err(|error| match error {
            NoteError::Unsigned => StatementError::OtherSite,
            NoteError::Signature => StatementError::Signature,
            _ => StatementError::Shape,
        })?;
        // a proof that names another key than it is checked with was changed, though nothing rests on that line
        if self.vkey != verifier.to_text() {
            return Err(StatementError::OtherSite);
        }
        let sha256 = document_sha256(document);
        if text != format!("{}/report\nsha256 {sha256}\nbytes {}\n", verifier.name(), document.len()) {
            return Err(StatementError::Changed);
        }
        let open = |note: &str| Checkpoint::open(note.as_bytes(), verifier).map_err(StatementError::Checkpoint);
        let (computed, checkpoint) = (open(&self.computed)?, open(&self.checkpoint)?);
        let consistency =
            ConsistencyProof { old_size: computed.size, new_size: checkpoint.size, path: hashes(&self.consistency)? };
        consistency.check(computed.root, checkpoint.root).map_err(|_| StatementError::Forked)?;

        let salted = STANDARD.decode(&self.entry_salted).map_err(|_| StatementError::Shape)?;
        let leaf = Leaf {
            payload_sha256: hash(&self.payload_sha256)?,
            commitment: crate::merkle::sha256(&[&salted]),
            payload_bytes: self.payload_bytes,
            // a report's entry erases nothing
            erases: None,
        };
        let inclusion = InclusionProof { number: self.entry, size: checkpoint.size, path: hashes(&self.inclusion)? };
        inclusion.check(leaf.hash(), checkpoint.root).map_err(|_| StatementError::NotIncluded)?;
        let entry = crate::payload::entry_of_salted(&salted).ok_or(StatementError::Shape)?;
        match &entry.body {
            EntryBody::ExposureReported(ExposureReported { sha256: Some(named), .. }) if *named == sha256 => {}
            _ => return Err(StatementError::OtherEntry),
        }
        if computed.size > self.entry {
            return Err(StatementError::Forked);
        }
        Ok(CheckedStatement { computed, checkpoint, number: EntryNumber(self.entry), entry })
    }
}

fn hashes(texts: &[String]) -> Result<Vec<Hash>, StatementError> {
    texts.iter().map(|text| hash(text)).collect()
}

fn hash(text: &str) -> Result<Hash, StatementError> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit)) {
        return Err(StatementError::Shape);
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| StatementError::Shape)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| StatementError::Shape)?;
    }
    Ok(Hash(bytes))
}
