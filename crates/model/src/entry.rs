//! What the ledger records. An entry's plaintext is this structure as JSON; `docs/formats/ledger.md` describes it.
//!
//! An entry holds internal numbers, never a patient's name or identifier. People who act are named by number;
//! their names stand in the entry that added them.

mod accounts;
mod actor;
mod body;
mod refused;
mod sharing;
mod unseal;

use serde::{Deserialize, Serialize};

pub use accounts::{AccountEnds, AuthenticatorsSet, DelegateSet, PasswordUntil, ProfessionalIdSet, ResetVouched};
pub use actor::{Actor, Origin, SignInMethod};
pub use body::EntryBody;
pub use refused::{AssociationRefused, ProofRefused};
pub use sharing::{LinkEnd, LinkFor, LinkMade, LinkOpened, LinkRefused, LinkWrong, OpinionAsked};
pub use unseal::{EscrowDrilled, RootRenewed, ShareSetAdded, UnsealMethodAdded, UnsealMethodGone, UnsealMethodRenamed};

use crate::{Instant, Tier};

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this structure; 1.
    pub version: u8,
    /// When the warden recorded it. Never decreases from entry to entry.
    pub recorded: Instant,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    #[serde(flatten)]
    pub body: EntryBody,
}

impl Entry {
    /// The version written today.
    pub const VERSION: u8 = 1;
}

/// What of a study was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenScope {
    /// Keys that open every image of the study.
    Images,
    /// The listing key only: instances are listed, no pixel opens.
    Listing,
    /// Every image, to be taken along as a file.
    Download,
}

impl OpenScope {
    /// How far it reaches.
    #[must_use]
    pub fn tier(self) -> Tier {
        match self {
            Self::Images | Self::Download => Tier::Open,
            Self::Listing => Tier::List,
        }
    }
}

/// Entries that somebody has seen and that are nowhere any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossAccepted {
    /// Who showed it: a witness's address, or a second sink's folder.
    pub shown_by: String,
    /// How many entries it signs for.
    pub shown_size: u64,
    /// The root over them, in hexadecimal digits.
    pub shown_root: String,
    /// How many entries this ledger had. What came after them, up to `shown_size`, is lost.
    pub kept: u64,
    /// The origin line of checkpoints from here on.
    pub origin: String,
    /// Why it is lost.
    pub reason: String,
}

impl EntryBody {
    /// The highest tier that reading this entry's subject takes, for entries that release something.
    #[must_use]
    pub fn released(&self) -> Option<Tier> {
        match self {
            Self::Listed { .. } => Some(Tier::List),
            Self::Opened { scope, .. } => Some(scope.tier()),
            _ => None,
        }
    }
}
