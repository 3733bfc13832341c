//! Cosignatures of witnesses (C2SP tlog-cosignature): Ed25519 `cosignature/v1`, and ML-DSA-44, which new deployments
//! should use: it commits to the cosigner's name and holds against quantum computers.
//!
//! A cosignature says: at this time, this is the largest tree of this ledger that I have seen, and it continues every
//! tree that I cosigned before.

use std::fmt;

use aws_lc_rs::signature::{KeyPair, ML_DSA_44, ML_DSA_44_SIGNING, PqdsaKeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use seal::{Secret32, SigningKey, VerifyingKey};

use crate::merkle::sha256;
use crate::note::{Checkpoint, NoteError, SignatureLine, SignedNote, is_name, signature_lines};

/// Signature type of Ed25519 cosignatures.
const ED25519: u8 = 4;
/// Signature type of ML-DSA-44 cosignatures.
const ML_DSA: u8 = 6;
/// Bytes of an ML-DSA-44 public key (FIPS 204).
const ML_DSA_PUBLIC_BYTES: usize = 1312;
/// Bytes of an ML-DSA-44 signature (FIPS 204).
const ML_DSA_SIGNATURE_BYTES: usize = 2420;
/// The longest name of a cosigner, in bytes: its length is one byte of what ML-DSA-44 signs.
pub const COSIGNER_NAME_BYTES_MAX: usize = 255;

/// The name and key that check one witness's cosignatures of one kind: C2SP's vkey of type 4 or 6.
#[derive(Clone, PartialEq, Eq)]
pub struct Cosigner {
    name: String,
    key: CosignerKey,
}

#[derive(Clone, PartialEq, Eq)]
enum CosignerKey {
    Ed25519(VerifyingKey),
    MlDsa44(Box<[u8]>),
}

impl CosignerKey {
    /// Signature type and key.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => [&[ED25519][..], &key.to_bytes()].concat(),
            Self::MlDsa44(key) => [&[ML_DSA][..], key].concat(),
        }
    }
}

impl Cosigner {
    /// Reads a vkey.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(NoteError::VerifierKey);
        let (name, _id, key) = (part()?, part()?, part()?);
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::VerifierKey)?;
        let key = match bytes.split_first() {
            Some((&ED25519, key)) => {
                CosignerKey::Ed25519(VerifyingKey::from_bytes(key.try_into().map_err(|_| NoteError::VerifierKey)?))
            }
            Some((&ML_DSA, key)) if key.len() == ML_DSA_PUBLIC_BYTES => CosignerKey::MlDsa44(key.into()),
            _ => return Err(NoteError::VerifierKey),
        };
        let cosigner = Self { name: name.to_owned(), key };
        // writing it again compares the key id, the case of its digits and the padding
        let held = is_name(name) && name.len() <= COSIGNER_NAME_BYTES_MAX && cosigner.to_text() == text;
        if held { Ok(cosigner) } else { Err(NoteError::VerifierKey) }
    }

    /// C2SP's vkey: name, key id and key.
    #[must_use]
    pub fn to_text(&self) -> String {
        let id: String = self.id().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}+{id}+{}", self.name, STANDARD.encode(self.key.bytes()))
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `ed25519` or `ml-dsa-44`.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self.key {
            CosignerKey::Ed25519(_) => "ed25519",
            CosignerKey::MlDsa44(_) => "ml-dsa-44",
        }
    }

    fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &self.key.bytes()]);
        *hash.0.first_chunk().expect("a hash has more than four bytes")
    }

    /// When this witness cosigned `note`, in seconds since 1970, if it did. A line that names this key and does not
    /// hold is an error: such a note is malformed.
    pub fn cosigned(&self, note: &[u8]) -> Result<Option<u64>, NoteError> {
        let note = SignedNote::parse(note)?;
        let checkpoint = Checkpoint::parse(note.text)?;
        self.check(note.text, &checkpoint, &note.lines)
    }

    fn check(
        &self,
        text: &str,
        checkpoint: &Checkpoint,
        lines: &[SignatureLine<'_>],
    ) -> Result<Option<u64>, NoteError> {
        let mut newest = None;
        for line in lines.iter().filter(|line| line.name == self.name && line.id == self.id()) {
            let (time, signature) = line.signature.split_first_chunk::<8>().ok_or(NoteError::Signature)?;
            let seconds = u64::from_be_bytes(*time);
            if seconds == 0 || i64::try_from(seconds).is_err() {
                return Err(NoteError::Signature);
            }
            match &self.key {
                CosignerKey::Ed25519(key) => {
                    key.verify(&ed25519_message(text, seconds), signature).map_err(|_| NoteError::Signature)?;
                }
                CosignerKey::MlDsa44(key) => UnparsedPublicKey::new(&ML_DSA_44, key)
                    .verify(&ml_dsa_message(&self.name, checkpoint, seconds)?, signature)
                    .map_err(|_| NoteError::Signature)?,
            }
            newest = newest.max(Some(seconds));
        }
        Ok(newest)
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({}, {})", self.name, self.algorithm())
    }
}

/// A witness's two keys. Who holds them cosigns in its name; losing them costs a new name and new vkeys everywhere.
pub struct CosigningKeys {
    name: String,
    ed25519: SigningKey,
    ml_dsa: PqdsaKeyPair,
}

impl CosigningKeys {
    /// The key pairs of two seeds. `None` when the name is no name of a cosigner.
    #[must_use]
    pub fn from_seeds(name: &str, ed25519: &Secret32, ml_dsa: &Secret32) -> Option<Self> {
        if !is_name(name) || name.len() > COSIGNER_NAME_BYTES_MAX {
            return None;
        }
        let ml_dsa = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, ml_dsa.expose())
            .expect("an ML-DSA-44 seed is any 32 bytes (FIPS 204)");
        Some(Self { name: name.to_owned(), ed25519: SigningKey::from_seed(ed25519), ml_dsa })
    }

    /// What checks its cosignatures: ML-DSA-44 first, then Ed25519.
    #[must_use]
    pub fn cosigners(&self) -> [Cosigner; 2] {
        [
            Cosigner { name: self.name.clone(), key: CosignerKey::MlDsa44(self.ml_dsa.public_key().as_ref().into()) },
            Cosigner { name: self.name.clone(), key: CosignerKey::Ed25519(self.ed25519.verifying_key()) },
        ]
    }

    /// Cosigns a note at a time in seconds since 1970: two signature lines, each with its newline. Whether the note
    /// deserves it was decided before.
    pub fn cosign(&self, note: &str, seconds: u64) -> Result<String, NoteError> {
        let text = SignedNote::parse(note.as_bytes())?.text;
        let checkpoint = &Checkpoint::parse(text)?;
        let [by_ml_dsa, by_ed25519] = self.cosigners();
        let mut signature = vec![0; ML_DSA_SIGNATURE_BYTES];
        self.ml_dsa
            .sign(&ml_dsa_message(&self.name, checkpoint, seconds)?, &mut signature)
            .expect("signing needs randomness; without it the operating system is of no use");
        let lines = [(by_ml_dsa, signature), (by_ed25519, self.ed25519.sign(&ed25519_message(text, seconds)).to_vec())];
        let line = |(cosigner, signature): (Cosigner, Vec<u8>)| {
            let bytes = [&cosigner.id()[..], &seconds.to_be_bytes(), &signature].concat();
            format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
        };
        Ok(lines.map(line).concat())
    }
}

/// Takes from a witness's answer the lines that hold under one of its known keys, and puts them under `note`. Lines of
/// unknown keys are passed over; `None` when no known key signed.
pub fn add_cosignatures(note: &str, answer: &str, cosigners: &[Cosigner]) -> Result<Option<String>, NoteError> {
    let signed = SignedNote::parse(note.as_bytes())?;
    let checkpoint = Checkpoint::parse(signed.text)?;
    let mut cosigned = note.to_owned();
    let mut held = false;
    for line in signature_lines(answer)? {
        let lines = [line];
        for cosigner in cosigners {
            if cosigner.check(signed.text, &checkpoint, &lines)?.is_some() {
                held = true;
                if !note.contains(lines[0].line) {
                    cosigned.push_str(lines[0].line);
                    cosigned.push('\n');
                }
            }
        }
    }
    Ok(held.then_some(cosigned))
}

/// What Ed25519 signs: two lines, then the note's text.
fn ed25519_message(text: &str, seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{text}").into_bytes()
}

/// What ML-DSA-44 signs: the structure `cosigned_message` of the whole tree.
fn ml_dsa_message(name: &str, checkpoint: &Checkpoint, seconds: u64) -> Result<Vec<u8>, NoteError> {
    let short = |text: &str| u8::try_from(text.len()).map_err(|_| NoteError::Checkpoint);
    let mut message = b"subtree/v1\n\0".to_vec();
    message.push(short(name)?);
    message.extend_from_slice(name.as_bytes());
    message.extend_from_slice(&seconds.to_be_bytes());
    message.push(short(&checkpoint.origin)?);
    message.extend_from_slice(checkpoint.origin.as_bytes());
    message.extend_from_slice(&0u64.to_be_bytes());
    message.extend_from_slice(&checkpoint.size.to_be_bytes());
    message.extend_from_slice(&checkpoint.root.0);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(seed: u8) -> CosigningKeys {
        let secret = |seed| Secret32::from_bytes(&[seed; 32]);
        CosigningKeys::from_seeds("witness.example/w1", &secret(seed), &secret(seed + 1)).unwrap()
    }

    fn note() -> String {
        let checkpoint = Checkpoint { origin: "leadglass/test".to_owned(), size: 42, root: sha256(&[b"x"]) };
        checkpoint.sign(&SigningKey::from_seed(&Secret32::from_bytes(&[9; 32])))
    }

    fn cosigned(keys: &CosigningKeys) -> String {
        let note = note();
        let answer = keys.cosign(&note, 1_764_000_000).unwrap();
        add_cosignatures(&note, &answer, &keys.cosigners()).unwrap().unwrap()
    }

    #[test]
    fn both_kinds_hold_under_their_vkeys_and_no_others() {
        let note = cosigned(&keys(1));
        for cosigner in keys(1).cosigners() {
            let parsed = Cosigner::parse(&cosigner.to_text()).unwrap();
            assert_eq!(parsed, cosigner);
            assert_eq!(parsed.cosigned(note.as_bytes()), Ok(Some(1_764_000_000)), "{parsed:?}");
        }
        for other in keys(3).cosigners() {
            assert_eq!(other.cosigned(note.as_bytes()), Ok(None));
        }
    }

    #[test]
    fn no_changed_time_size_or_root_passes() {
        let note = cosigned(&keys(1));
        let (_, mut lines) = note.split_at(note.find('\u{2014}').unwrap());
        lines = lines.trim_end();
        for changed in ["leadglass/test\n43\n", "leadglass/tesT\n42\n"] {
            let changed = note.replacen("leadglass/test\n42\n", changed, 1);
            for cosigner in keys(1).cosigners() {
                assert_eq!(cosigner.cosigned(changed.as_bytes()), Err(NoteError::Signature), "{cosigner:?}");
            }
        }
        for line in lines.lines().skip(1) {
            let (name, encoded) = line.rsplit_once(' ').unwrap();
            let mut bytes = STANDARD.decode(encoded).unwrap();
            for position in [4, 11, 12, bytes.len() - 1] {
                bytes[position] ^= 1;
                let changed = note.replace(line, &format!("{name} {}", STANDARD.encode(&bytes)));
                bytes[position] ^= 1;
                let refused = keys(1).cosigners().iter().any(|cosigner| cosigner.cosigned(changed.as_bytes()).is_err());
                assert!(refused, "byte {position}");
            }
        }
    }

    #[test]
    fn a_vkey_of_another_type_or_with_a_changed_id_is_refused() {
        let [ml_dsa, ed25519] = keys(1).cosigners().map(|cosigner| cosigner.to_text());
        assert!(Cosigner::parse(&ml_dsa.replacen('+', "x+", 1)).is_err());
        assert!(Cosigner::parse(&ed25519[..ed25519.len() - 4]).is_err());
        // a log's own key is no cosigner
        assert!(Cosigner::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").is_err());
    }

    #[test]
    fn the_example_of_the_specification_has_the_form_that_is_read() {
        let example = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
            \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
            \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
        let note = SignedNote::parse(example.as_bytes()).unwrap();
        assert_eq!(Checkpoint::parse(note.text).unwrap().size, 20_852_163);
        assert_eq!(note.lines[1].signature.len(), 8 + 64);
        assert_eq!(u64::from_be_bytes(*note.lines[1].signature.first_chunk().unwrap()), 1_679_315_147);
    }
}
