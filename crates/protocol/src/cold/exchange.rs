//! Exchanging the holders of what is cold: pages of shares that holders of before hand over.

use model::{ColdHolder, EntryNumber, Instant, KeyId, SiteId, StudyNumber};
use serde::{Deserialize, Serialize};

use super::WrappedShare;

/// The place of a box: its study and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BoxPlace {
    /// The study's internal number.
    pub study: StudyNumber,
    /// The box.
    pub name: KeyId,
}

/// An exchange of holders that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColdExchange {
    /// The proposal that allowed it.
    pub exchange: EntryNumber,
    /// Until when shares may be handed over.
    pub until: Instant,
    /// Whose shares the warden's memory holds now, waiting for those of others.
    pub waiting: Vec<String>,
    /// SHA-256 of the new set, in hexadecimal digits: what a holder of before names with `--to`.
    pub set: String,
}

/// Something sealed to a new holder's key. Who opens it has the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolderChallenge {
    /// Version of this structure; 1.
    pub version: u8,
    /// The site.
    pub site: SiteId,
    /// Which set of holders it is about.
    pub generation: u32,
    /// How many of the sharing holders are needed.
    pub threshold: u8,
    /// The holders of that set.
    pub to: Vec<ColdHolder>,
    /// The holder.
    pub holder: KeyId,
    /// 32 random bytes, sealed to the holder: hexadecimal digits.
    pub sealed: String,
}

impl HolderChallenge {
    /// What it is sealed for.
    #[must_use]
    pub fn info(site: SiteId, generation: u32, holder: KeyId) -> Vec<u8> {
        [b"leadglass cold holder challenge v1".as_slice(), &site.0, &generation.to_be_bytes(), &holder.0].concat()
    }
}

/// A challenge and the site's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHolderChallenge {
    /// [`HolderChallenge`] as JSON.
    pub challenge: String,
    /// Ed25519 over [`SignedHolderChallenge::message`], by the site's signing key: hexadecimal digits.
    pub signature: String,
}

impl SignedHolderChallenge {
    /// What the site signs.
    #[must_use]
    pub fn message(challenge: &str) -> Vec<u8> {
        [b"leadglass cold holder challenge v1\n".as_slice(), challenge.as_bytes()].concat()
    }
}

/// A new holder's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderProof {
    /// Which set of holders.
    pub generation: u32,
    /// The holder.
    pub holder: KeyId,
    /// The 32 bytes: hexadecimal digits.
    pub answer: String,
    /// Ed25519 over [`HolderProof::message`], by the holder: hexadecimal digits.
    pub signature: String,
}

impl HolderProof {
    /// What a holder signs. `set` is the digest of the set in hexadecimal digits.
    #[must_use]
    pub fn message(site: SiteId, generation: u32, set: &str, answer: &str) -> Vec<u8> {
        let context = b"leadglass cold holder proof v1\n".as_slice();
        [context, &site.0, &generation.to_be_bytes(), set.as_bytes(), b"\n", answer.as_bytes()].concat()
    }
}

/// What a holder of before decides on when holders are exchanged. One decision, and as many pages of shares as there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdHandOver {
    /// Version of this structure; 2.
    pub version: u8,
    /// The site.
    pub site: SiteId,
    /// The proposal that allowed it.
    pub exchange: EntryNumber,
    /// The holder.
    pub holder: KeyId,
    /// Which set of holders the new one is.
    pub generation: u32,
    /// How many of the new sharing holders are needed.
    pub threshold: u8,
    /// Who holds it from then on.
    pub to: Vec<ColdHolder>,
    /// `seal::SitePublicKey` that shares are sealed to: hexadecimal digits. Its secret half lives in the warden's memory only.
    pub transit: String,
    /// The holder's shares.
    pub shares: Vec<WrappedShare>,
    /// Where the next page begins behind; absent on the last one.
    pub next: Option<BoxPlace>,
}

/// A page and the site's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHandOver {
    /// [`ColdHandOver`] as JSON.
    pub page: String,
    /// Ed25519 over [`SignedHandOver::message`], by the site's signing key: hexadecimal digits.
    pub signature: String,
}

impl SignedHandOver {
    /// What the site signs.
    #[must_use]
    pub fn message(page: &str) -> Vec<u8> {
        [b"leadglass cold hand-over v1\n".as_slice(), page.as_bytes()].concat()
    }
}

/// Shares of a page on their way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColdHandedOver {
    /// The proposal that allowed it.
    pub exchange: EntryNumber,
    /// The holder.
    pub holder: KeyId,
    /// Studies (4 bytes, most significant first), names of boxes (16 bytes) and shares (33 bytes), sealed to the exchange's key:
    /// hexadecimal digits.
    pub sealed: String,
    /// Ed25519 over [`ColdHandedOver::message`], by the holder: hexadecimal digits.
    pub signature: String,
}

impl ColdHandedOver {
    /// What a holder signs: also to whom, by the new set's generation and digest.
    #[must_use]
    pub fn message(
        site: SiteId,
        exchange: EntryNumber,
        (generation, set): (u32, &str),
        transit: &str,
        sealed: &str,
    ) -> Vec<u8> {
        let (exchange, generation) = (exchange.0.to_be_bytes(), generation.to_be_bytes());
        let context = b"leadglass cold handed over v2\n".as_slice();
        let to = [&site.0, exchange.as_slice(), &generation, set.as_bytes(), b"\n"].concat();
        [context, &to, transit.as_bytes(), b"\n", sealed.as_bytes()].concat()
    }

    /// What the shares are sealed for.
    #[must_use]
    pub fn info(site: SiteId, exchange: EntryNumber, holder: KeyId) -> Vec<u8> {
        [b"leadglass cold handed over v1".as_slice(), &site.0, &exchange.0.to_be_bytes(), &holder.0].concat()
    }
}

/// What became of a page of shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// Boxes that are closed to the present holders now.
    pub reclosed: u64,
    /// Boxes of this page that wait for the shares of further holders.
    pub waiting: u64,
    /// Boxes of this page that are damaged, or whose share does not fit: they stay as they are.
    pub damaged: u64,
    /// Cold studies that are still closed to holders of an earlier set.
    pub behind: u64,
}
