//! Cold studies: holders, requests, approvals; rotation and shredding.
//!
//! A [`ColdRequest`] is what a holder decides on. It is signed by the site and names no patient: a number, a reason, a deadline, and the
//! holder's own wrapped shares. A [`ColdApproval`] carries these shares, sealed to the warden's key for this one request, and the holder's
//! signature; so it may pass through any hands.

mod exchange;
mod page;

use model::{
    ColdHolder, ColdRule, EntryNumber, HolderKind, Instant, KeyId, PatientNumber, SiteId, StudyNumber, Uid,
    WarmingBasis,
};
use serde::{Deserialize, Serialize};

pub use self::exchange::*;
pub use self::page::*;
use crate::ApprovalRow;

/// The most shares in one request.
pub const COLD_SHARES_MAX: usize = 4_000;
/// The most studies in one request.
pub const COLD_STUDIES_MAX: usize = 1_000;

/// A holder to be named.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewHolder {
    /// Who it is, in words.
    pub name: String,
    /// What the holder may do.
    pub kind: HolderKind,
    /// `seal::HolderPublicKey` as bytes.
    pub public: Vec<u8>,
}

/// Cold studies that somebody asks for.
#[derive(Clone, Serialize, Deserialize)]
pub struct AskForCold {
    /// `patient:ISSUER/ID` or `study:UID`.
    pub whom: String,
    /// Why.
    pub reason: String,
    /// When they go cold again.
    pub until: Instant,
    /// Whether it cannot wait.
    pub emergency: bool,
}

/// What is asked about cold studies.
#[derive(Clone, Serialize, Deserialize)]
pub enum ColdAsk {
    /// Name the holders (officer, owner).
    SetHolders {
        /// How many sharing holders are needed.
        threshold: u8,
        /// The holders.
        holders: Vec<NewHolder>,
    },
    /// Name the holders of everything that is cold, also of what is cold already (officer, owner).
    ReplaceHolders {
        /// How many sharing holders are needed.
        threshold: u8,
        /// The holders.
        holders: Vec<NewHolder>,
    },
    /// What a holder of before is to hand over (owner, holders).
    HandOver {
        /// Whose shares.
        holder: KeyId,
        /// Behind which box.
        after: Option<BoxPlace>,
    },
    /// Hand shares over (anybody: the signature says who).
    HandedOver(ColdHandedOver),
    /// Something sealed to a new holder (owner, holders).
    Challenge {
        /// Whose key.
        holder: KeyId,
    },
    /// Show that a new holder has their key (anybody: the answer says who).
    Prove(HolderProof),
    /// Set the rule (officer, owner).
    SetRule(ColdRule),
    /// Holders, rule and counts (officer, owner).
    State,
    /// Do what is due now (officer, owner).
    Sweep,
    /// Ask for cold studies (whoever may open them, and the owner).
    Ask(AskForCold),
    /// Open requests (officer, owner, holders).
    Requests,
    /// One request with the shares of a holder (officer, owner, holders).
    Request {
        /// Which.
        request: EntryNumber,
        /// Whose shares.
        holder: KeyId,
    },
    /// Release shares (anybody: the signature says who).
    Approve(ColdApproval),
    /// What the page of cold studies shows (whoever decides).
    Overview,
    /// One request with the patient's name and the studies (officer); recorded as a list.
    Named {
        /// Which.
        request: EntryNumber,
    },
    /// Stand behind a request (whoever decides, with a fresh touch).
    Endorse {
        /// Which.
        request: EntryNumber,
        /// The digest of the request as it was shown.
        digest: String,
    },
    /// End a request (whoever decides, with a fresh touch).
    Refuse {
        /// Which.
        request: EntryNumber,
        /// The digest of the request as it was shown.
        digest: String,
        /// Why.
        reason: String,
    },
    /// Where one study stands (whoever may open it).
    OfStudy {
        /// Which.
        study: Uid,
    },
    /// Take a request back (officer, owner).
    Withdraw {
        /// Which.
        request: EntryNumber,
    },
    /// Wrap everything again under a new epoch key and destroy the old ones (officer, owner).
    Rotate,
    /// Destroy the keys of a study or patient (officer, owner).
    Shred {
        /// `patient:ISSUER/ID` or `study:UID`.
        whom: String,
        /// Why.
        reason: String,
    },
    /// What is known of the destruction of a study's keys (officer, owner).
    Certificate {
        /// The entry that says they were removed.
        entry: EntryNumber,
    },
}

/// The answer.
#[derive(Clone, Serialize, Deserialize)]
pub enum ColdReply {
    /// Done.
    Done,
    /// The holders are named.
    HoldersSet {
        /// Which set.
        generation: u32,
    },
    /// Holders, rule and counts.
    State(ColdState),
    /// What a sweep did.
    Swept(Swept),
    /// A request was made.
    Asked {
        /// Its number.
        request: EntryNumber,
        /// How many studies it is about.
        studies: u32,
    },
    /// Open requests.
    Requests(Vec<ColdRequestRow>),
    /// A request, signed.
    Request(SignedColdRequest),
    /// Shares were taken.
    Approved {
        /// How many studies are warm now.
        warmed: u32,
        /// How many more holders are needed.
        missing: u8,
        /// How many studies of the request stay cold and wait for further holders.
        left: u32,
        /// Until when.
        until: Instant,
    },
    /// What the page shows.
    Overview(Box<ColdOverview>),
    /// One request with names.
    Named(Box<NamedColdRequest>),
    /// Where a study stands.
    OfStudy(Box<ColdOfStudy>),
    /// What a holder is to hand over, signed.
    HandOver(SignedHandOver),
    /// What a new holder answers, signed.
    Challenge(SignedHolderChallenge),
    /// Shares were handed over.
    HandedOver(HandedOver),
    /// A rotation.
    Rotated(Rotated),
    /// Certificates, one for each study.
    Certificates(Vec<ShredCertificate>),
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Studies that went cold.
    pub studies: u64,
    /// Studies whose warming ended.
    pub ended: u64,
    /// Requests for priors that were made.
    pub asked: u64,
    /// Keys that were wrapped again.
    pub rotated: u64,
}

/// A rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// The new epoch.
    pub epoch: i64,
    /// The epochs whose keys were destroyed.
    pub destroyed: Vec<i64>,
    /// How many keys were wrapped again.
    pub keys: u64,
}

/// Holders, rule and counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColdState {
    /// Which set of holders this is; 0 when there is none and nothing goes cold.
    pub generation: u32,
    /// How many sharing holders are needed.
    pub threshold: u8,
    /// The holders.
    pub holders: Vec<ColdHolder>,
    /// Names of present holders who have not shown yet that they have their key.
    pub unproven: Vec<String>,
    /// Whether studies go cold: not before there are holders, and all of them have shown their key.
    pub takes: bool,
    /// The rule.
    pub rule: ColdRule,
    /// Studies that are cold now.
    pub cold: u64,
    /// Studies that are warmed now.
    pub warm: u64,
    /// Requests that wait.
    pub requests: u64,
    /// Cold studies whose boxes are closed to holders of an earlier set.
    pub behind: u64,
    /// The exchange of holders that is open.
    pub exchange: Option<ColdExchange>,
    /// When the last rotation ended.
    pub last_rotation: Option<Instant>,
    /// Whether an old epoch key still waits for its destruction.
    pub rotation_owed: bool,
}

/// One request in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColdRequestRow {
    /// Its number.
    pub request: EntryNumber,
    /// Who asks.
    pub actor: String,
    /// The patient's internal number.
    pub patient: PatientNumber,
    /// How many studies.
    pub studies: u32,
    /// Why it is asked for.
    pub basis: WarmingBasis,
    /// The reason in words.
    pub reason: String,
    /// Since when.
    pub asked: Instant,
    /// The deadline.
    pub until: Instant,
    /// Holders who released their shares already.
    pub approved: u8,
    /// How many sharing holders are needed.
    pub threshold: u8,
    /// The names of the holders who released their shares already.
    pub answered: Vec<String>,
    /// The network address it was asked from; empty for what no device asked.
    pub from: String,
    /// SHA-256 of the exact request, in hexadecimal digits.
    pub digest: String,
    /// Who of those who decide stands behind it.
    pub endorsed: Vec<ApprovalRow>,
    /// Whether whoever asks may stand behind it or refuse it.
    pub may_decide: bool,
}

/// What a holder decides on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdRequest {
    /// Version of this structure; 2. Version 1 lacks `endorsed`.
    pub version: u8,
    /// The site.
    pub site: SiteId,
    /// The request's number.
    pub request: EntryNumber,
    /// The holder.
    pub holder: KeyId,
    /// The patient's internal number.
    pub patient: PatientNumber,
    /// How many studies.
    pub studies: u32,
    /// Why it is asked for.
    pub basis: WarmingBasis,
    /// The reason in words.
    pub reason: String,
    /// Who asks, in words.
    pub actor: String,
    /// Since when.
    pub asked: Instant,
    /// When the studies go cold again.
    pub until: Instant,
    /// The names of officers and administrators who stand behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endorsed: Vec<String>,
    /// `seal::SitePublicKey` that shares are sealed to: hexadecimal digits. Its secret half lives in the warden's memory only.
    pub transit: String,
    /// The holder's shares.
    pub shares: Vec<WrappedShare>,
}

/// One wrapped share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedShare {
    /// The study's internal number.
    pub study: StudyNumber,
    /// The box.
    pub name: KeyId,
    /// The share as wrapped to the holder: hexadecimal digits.
    pub wrapped: String,
}

/// A request and the site's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedColdRequest {
    /// [`ColdRequest`] as JSON.
    pub request: String,
    /// Ed25519 over [`SignedColdRequest::message`], by the site's signing key: hexadecimal digits.
    pub signature: String,
}

impl SignedColdRequest {
    /// What the site signs.
    #[must_use]
    pub fn message(request: &str) -> Vec<u8> {
        [b"leadglass cold request v1\n".as_slice(), request.as_bytes()].concat()
    }
}

/// Shares on their way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColdApproval {
    /// The request.
    pub request: EntryNumber,
    /// The holder.
    pub holder: KeyId,
    /// Names of boxes (16 bytes) and shares (33 bytes), sealed to the request's key: hexadecimal digits.
    pub sealed: String,
    /// Ed25519 over [`ColdApproval::message`], by the holder: hexadecimal digits.
    pub signature: String,
}

impl ColdApproval {
    /// What a holder signs.
    #[must_use]
    pub fn message(site: SiteId, request: EntryNumber, transit: &str, sealed: &str) -> Vec<u8> {
        let request = request.0.to_be_bytes();
        [b"leadglass cold approval v1\n".as_slice(), &site.0, &request, transit.as_bytes(), b"\n", sealed.as_bytes()]
            .concat()
    }

    /// What the shares are sealed for.
    #[must_use]
    pub fn info(site: SiteId, request: EntryNumber, holder: KeyId) -> Vec<u8> {
        [b"leadglass cold approval v1".as_slice(), &site.0, &request.0.to_be_bytes(), &holder.0].concat()
    }
}

/// What is known of the destruction of a study's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShredCertificate {
    /// The entry that says that the keys were removed.
    pub entry: EntryNumber,
    /// The study's internal number.
    pub study: StudyNumber,
    /// How many keys.
    pub keys: u32,
    /// When they were removed.
    pub removed: Instant,
    /// When the epoch key that older copies of them need was destroyed here; from then on nothing in DIR opens the study.
    pub destroyed: Option<Instant>,
    /// How many copies for vaults were taken since.
    pub snapshots_since: u64,
    /// When enough copies were taken that no vault with this window holds the keys any more. Until then the claim does not hold for vaults.
    pub out_of_vaults: Option<Instant>,
}

macro_rules! debug_without_content {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            /// The type only: it may name a patient or a reason.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

debug_without_content!(AskForCold, ColdAsk, ColdReply, NamedColdRequest);
