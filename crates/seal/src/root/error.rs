//! What can be wrong with an envelope, and why a root stays sealed.

use thiserror::Error;

use super::envelope::{JSON_BYTES_MAX, METHODS_MAX, VERSION};
use super::passphrase::PASSPHRASE_BYTES_MAX;
use super::share::SetId;

/// What is wrong with an envelope, or with what is to be put into one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Not an envelope.
    #[error("the root file is damaged or another file; restore root.json from the second copy")]
    Damaged,
    /// Written by a later version.
    #[error("the root file has format version {found}, this program reads up to version {VERSION}; update leadglass")]
    Version {
        /// The version found.
        found: u32,
    },
    /// None, or too many.
    #[error("a root file has 1 to {METHODS_MAX} unseal methods, not {found}; add one, or remove one first")]
    Methods {
        /// How many.
        found: usize,
    },
    /// Argon2id parameters out of bounds.
    #[error(
        "the cost of the passphrase is out of bounds (64 MiB to 4 GiB, 1 to 64 passes, 1 to 16 lanes); restore root.json from the second copy"
    )]
    Cost,
    /// Not enough memory to compute it.
    #[error("{memory_kib} KiB of memory are needed to unseal with the passphrase; free memory and start again")]
    Memory {
        /// How much is needed.
        memory_kib: u32,
    },
    /// Empty or far too long.
    #[error("a passphrase has 1 to {PASSPHRASE_BYTES_MAX} bytes; choose another one")]
    PassphraseLength,
    /// A label out of shape.
    #[error("a label has 1 to 100 characters without line breaks; choose another one")]
    Label,
    /// A share set out of bounds.
    #[error("a share set has 2 to 16 holders, and at least 2 of them open; choose other numbers")]
    ShareSet,
    /// What a program sealed is empty or too long.
    #[error(
        "the program gave {bytes} bytes of sealed text, 1 to {} are kept; let it seal the key alone",
        super::method::CIPHERTEXT_BYTES_MAX
    )]
    Ciphertext {
        /// How many it gave.
        bytes: usize,
    },
    /// The file would become too long.
    #[error("the root file would be longer than {JSON_BYTES_MAX} bytes; remove a method first")]
    Full,
    /// No method has this id.
    #[error("the root file has no such unseal method; `leadglass unseal list` names them")]
    NoSuchMethod,
}

/// Why the root stays sealed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnsealError {
    /// The passphrase does not fit.
    #[error("the passphrase does not fit; type it again, or use the recovery kit")]
    Passphrase,
    /// The kit is well typed and does not fit.
    #[error("this recovery kit is of another site or was replaced by a newer one; use that one, or the passphrase")]
    Kit,
    /// A share of a set that is not in force.
    #[error(
        "share {index} belongs to set {theirs}, in force is set {ours}; find the newer paper, or another holder of set {ours}"
    )]
    ShareOfAnotherSet {
        /// Which share.
        index: u8,
        /// The set that it says it is of.
        theirs: SetId,
        /// The set of the envelope.
        ours: SetId,
    },
    /// One share twice.
    #[error("share {index} was given twice; a quorum needs shares of different holders")]
    DuplicateShare {
        /// Which.
        index: u8,
    },
    /// Fewer than the threshold.
    #[error("{given} of the needed {needed} shares were given; ask further holders")]
    TooFewShares {
        /// How many.
        given: usize,
        /// How many open.
        needed: usize,
    },
    /// Well typed, of this set by its number, and not what was handed out.
    #[error("share {index} is not the one that was handed out; find the right paper, or ask another holder")]
    ForeignShare {
        /// Which.
        index: u8,
    },
    /// What a program gave back opens nothing.
    #[error(
        "what the program gave back is not the key of this method; use the identity or machine that it was sealed to"
    )]
    Key,
    /// The envelope has no such method.
    #[error("the root is not sealed to this method; `leadglass unseal list` names those that it is sealed to")]
    NoSuchMethod,
    /// The envelope itself.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}
