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
}

/// What a holder of before decides on when holders are exchanged. One decision, and as many pages of shares as there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdHandOver {
    /// Version of this structure; 1.
    pub version: u8,
    /// The site.
    pub site: SiteId,
    /// The proposal that allowed it.
    pub exchange: EntryNumber,
    /// The holder.
    pub holder: KeyId,
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
    /// What a holder signs.
    #[must_use]
    pub fn message(site: SiteId, exchange: EntryNumber, transit: &str, sealed: &str) -> Vec<u8> {
        let exchange = exchange.0.to_be_bytes();
        let context = b"leadglass cold handed over v1\n".as_slice();
        [context, &site.0, &exchange, transit.as_bytes(), b"\n", sealed.as_bytes()].concat()
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
    /// Cold studies that are still closed to holders of an earlier set.
    pub behind: u64,
}
