//! Signed notes and checkpoints (C2SP signed-note and tlog-checkpoint).
//!
//! A checkpoint's text is three lines: origin, size, root in base64; further lines are kept as they are. A blank line
//! and signature lines follow. One signature must be the site's (Ed25519, signature type 1); lines of keys that are
//! not known, cosignatures of witnesses for one, are passed over, as the specification asks.

use base64::{Engine, engine::general_purpose::STANDARD};
use seal::{SigningKey, VerifyingKey};
use thiserror::Error;

use crate::merkle::{Hash, sha256};

/// The longest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// The signature type of Ed25519 (C2SP signed-note).
const ED25519: u8 = 1;

/// The head of a ledger: how many entries, and the root over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// The name and key that check a ledger's notes, C2SP's vkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key: VerifyingKey,
}

/// Why a note is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// It is longer than [`NOTE_BYTES_MAX`], or no text.
    #[error("the file is no signed note; take it from the site again")]
    Shape,
    /// No signature of the expected key is there.
    #[error("the note carries no signature of this site; it belongs to another site or was changed")]
    Unsigned,
    /// The site's signature does not fit the text.
    #[error("the site's signature does not fit the note; it was changed")]
    Signature,
    /// The text is no checkpoint.
    #[error("the note is signed but holds no checkpoint; take the checkpoint from the site again")]
    Checkpoint,
    /// It is the checkpoint of another ledger.
    #[error("the checkpoint belongs to another ledger; take this site's")]
    Origin,
    /// The text is no verifier key.
    #[error("the verifier key cannot be read; take it again from where it was printed")]
    VerifierKey,
}

impl Checkpoint {
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    /// The signed note.
    pub(crate) fn sign(&self, key: &SigningKey) -> String {
        NoteVerifier::new(&self.origin, key.verifying_key()).sign_text(&self.text(), key)
    }

    /// Reads a signed note and checks the site's signature.
    pub fn open(note: &[u8], verifier: &NoteVerifier) -> Result<Self, NoteError> {
        let checkpoint = Self::parse(verifier.open(note)?)?;
        if checkpoint.origin == verifier.name { Ok(checkpoint) } else { Err(NoteError::Origin) }
    }

    /// Reads a note's text (C2SP tlog-checkpoint); whether it is signed is another question.
    pub(crate) fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(NoteError::Checkpoint);
        let (origin, size, root) = (line()?, line()?, line()?);
        let canonical = size == "0" || !size.starts_with('0') && size.bytes().all(|byte| byte.is_ascii_digit());
        let size = size.parse().ok().filter(|_| canonical).ok_or(NoteError::Checkpoint)?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or(NoteError::Checkpoint)?;
        if origin.is_empty() {
            return Err(NoteError::Checkpoint);
        }
        Ok(Self { origin: origin.to_owned(), size, root: Hash(root) })
    }
}

impl NoteVerifier {
    /// The verifier of a ledger: its origin is the key's name.
    pub(crate) fn new(origin: &str, key: VerifyingKey) -> Self {
        Self { name: origin.to_owned(), key }
    }

    /// The name, which is the ledger's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> VerifyingKey {
        self.key
    }

    /// C2SP's vkey: name, key id and key.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut key = vec![ED25519];
        key.extend_from_slice(&self.key.to_bytes());
        let id: String = key_id(&self.name, &self.key).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}+{id}+{}", self.name, STANDARD.encode(key))
    }

    /// Reads a vkey.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(NoteError::VerifierKey);
        let (name, _id, key) = (part()?, part()?, part()?);
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::VerifierKey)?;
        let Some((&ED25519, key)) = bytes.split_first() else { return Err(NoteError::VerifierKey) };
        let key = VerifyingKey::from_bytes(key.try_into().map_err(|_| NoteError::VerifierKey)?);
        let verifier = Self { name: name.to_owned(), key };
        // writing it again compares the key id, the case of its digits and the padding
        if is_name(name) && verifier.to_text() == text { Ok(verifier) } else { Err(NoteError::VerifierKey) }
    }

    /// Signs a text, which ends with a newline. Its first line says what it is: no two kinds of note share one.
    pub(crate) fn sign_text(&self, text: &str, key: &SigningKey) -> String {
        let mut bytes = key_id(&self.name, &self.key).to_vec();
        bytes.extend_from_slice(&key.sign(text.as_bytes()));
        format!("{text}\n\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }

    /// Checks a note and returns its text, with the final newline.
    pub(crate) fn open<'n>(&self, note: &'n [u8]) -> Result<&'n str, NoteError> {
        let note = SignedNote::parse(note)?;
        let mut outcome = Err(NoteError::Unsigned);
        for line in note.lines.iter().filter(|line| line.name == self.name && line.id == key_id(&self.name, &self.key))
        {
            self.key.verify(note.text.as_bytes(), &line.signature).map_err(|_| NoteError::Signature)?;
            outcome = Ok(note.text);
        }
        outcome
    }
}

/// A note in its parts (C2SP signed-note); no signature is checked yet.
pub(crate) struct SignedNote<'n> {
    /// The text, with the final newline.
    pub text: &'n str,
    pub lines: Vec<SignatureLine<'n>>,
}

/// One signature of a note.
pub(crate) struct SignatureLine<'n> {
    /// The line as it stands, without newline.
    pub line: &'n str,
    pub name: &'n str,
    pub id: [u8; 4],
    pub signature: Vec<u8>,
}

impl<'n> SignedNote<'n> {
    pub fn parse(note: &'n [u8]) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Shape);
        }
        let note = std::str::from_utf8(note).map_err(|_| NoteError::Shape)?;
        if note.chars().any(|character| character.is_control() && character != '\n') {
            return Err(NoteError::Shape);
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Shape)?;
        Ok(Self { text: &note[..=split], lines: signature_lines(&note[split + 2..])? })
    }
}

/// Reads signature lines, each with its newline: those of a note, or a witness's answer.
pub(crate) fn signature_lines(text: &str) -> Result<Vec<SignatureLine<'_>>, NoteError> {
    let text = text.strip_suffix('\n').ok_or(NoteError::Shape)?;
    let read = |line| {
        let rest: &str = str::strip_prefix(line, "\u{2014} ").ok_or(NoteError::Shape)?;
        let (name, signature) = rest.split_once(' ').ok_or(NoteError::Shape)?;
        let signature = STANDARD.decode(signature).map_err(|_| NoteError::Shape)?;
        let Some((id, signature)) = signature.split_first_chunk::<4>() else { return Err(NoteError::Shape) };
        if !is_name(name) {
            return Err(NoteError::Shape);
        }
        Ok(SignatureLine { line, name, id: *id, signature: signature.to_vec() })
    };
    text.split('\n').map(read).collect()
}

/// The first four bytes of SHA-256 over name, newline, signature type and key (C2SP signed-note).
fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let hash = sha256(&[name.as_bytes(), b"\n", &[ED25519], &key.to_bytes()]);
    *hash.0.first_chunk().expect("a hash has more than four bytes")
}

pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|character: char| character.is_whitespace() || character == '+')
}

#[cfg(test)]
mod tests {
    use seal::Secret32;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Secret32::from_bytes(&[seed; 32]))
    }

    fn signed() -> (String, NoteVerifier, Checkpoint) {
        let checkpoint = Checkpoint { origin: "leadglass/test".to_owned(), size: 42, root: sha256(&[b"x"]) };
        let verifier = NoteVerifier::new("leadglass/test", key(1).verifying_key());
        (checkpoint.sign(&key(1)), verifier, checkpoint)
    }

    #[test]
    fn the_widely_shared_test_note_opens_with_its_vkey() {
        // the vector that implementations of signed notes share
        let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let verifier = NoteVerifier::parse(vkey).unwrap();
        assert_eq!(verifier.to_text(), vkey);
        let note = format!("{text}\n\u{2014} PeterNeumann {signature}\n");
        assert_eq!(verifier.open(note.as_bytes()), Ok(text));
        assert_eq!(NoteVerifier::parse(&vkey.replace("c74f20a3", "c74f20a4")), Err(NoteError::VerifierKey));
    }

    #[test]
    fn a_checkpoint_comes_back_as_it_was_signed() {
        let (note, verifier, checkpoint) = signed();
        assert_eq!(Checkpoint::open(note.as_bytes(), &verifier), Ok(checkpoint));
    }

    #[test]
    fn a_cosignature_of_an_unknown_witness_is_passed_over() {
        let (note, verifier, checkpoint) = signed();
        let note = format!("{note}\u{2014} witness.example {}\n", STANDARD.encode([7; 76]));
        assert_eq!(Checkpoint::open(note.as_bytes(), &verifier), Ok(checkpoint));
    }

    #[test]
    fn no_changed_byte_passes() {
        let (note, verifier, _) = signed();
        for position in 0..note.len() {
            for bit in 0..8 {
                let mut changed = note.clone().into_bytes();
                changed[position] ^= 1 << bit;
                assert!(Checkpoint::open(&changed, &verifier).is_err(), "byte {position}, bit {bit}");
            }
            assert!(Checkpoint::open(&note.as_bytes()[..position], &verifier).is_err(), "cut at {position}");
        }
    }

    #[test]
    fn no_changed_byte_of_the_vkey_passes() {
        let (note, verifier, _) = signed();
        let text = verifier.to_text();
        for position in 0..text.len() {
            for bit in 0..7 {
                let mut changed = text.clone().into_bytes();
                changed[position] ^= 1 << bit;
                let taken = std::str::from_utf8(&changed).ok().and_then(|text| NoteVerifier::parse(text).ok());
                if let Some(other) = taken {
                    assert!(Checkpoint::open(note.as_bytes(), &other).is_err(), "byte {position}, bit {bit}");
                }
            }
        }
    }

    #[track_caller]
    fn refused(text: &str, expected: NoteError) {
        let signature = key(1).sign(text.as_bytes());
        let mut bytes = key_id("leadglass/test", &key(1).verifying_key()).to_vec();
        bytes.extend_from_slice(&signature);
        let note = format!("{text}\n\u{2014} leadglass/test {}\n", STANDARD.encode(bytes));
        assert_eq!(Checkpoint::open(note.as_bytes(), &signed().1), Err(expected), "{text:?}");
    }

    #[test]
    fn a_signed_text_that_is_no_checkpoint_is_refused() {
        let root = STANDARD.encode([0; 32]);
        refused("leadglass/test\n", NoteError::Checkpoint);
        refused(&format!("leadglass/test\n007\n{root}\n"), NoteError::Checkpoint);
        refused(&format!("leadglass/test\n+7\n{root}\n"), NoteError::Checkpoint);
        refused(&format!("leadglass/test\n-7\n{root}\n"), NoteError::Checkpoint);
        refused(&format!("leadglass/test\n18446744073709551616\n{root}\n"), NoteError::Checkpoint);
        refused("leadglass/test\n7\nAAAA\n", NoteError::Checkpoint);
        refused(&format!("leadglass/other\n7\n{root}\n"), NoteError::Origin);
    }

    #[test]
    fn another_sites_signature_is_not_enough() {
        let (note, _, _) = signed();
        let other = NoteVerifier::new("leadglass/test", key(2).verifying_key());
        assert_eq!(Checkpoint::open(note.as_bytes(), &other), Err(NoteError::Unsigned));
    }
}
