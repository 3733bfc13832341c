//! What is recorded of share links and of second opinions. The relationship that each makes stands in the entry just before.

use serde::{Deserialize, Serialize};

use crate::{Instant, LinkId, PatientNumber, PersonId, SessionId, StudyNumber};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkFor {
    /// Somebody outside, for days.
    Outside,
    /// Somebody in the same room, who reads a QR code, for minutes.
    Room,
}

/// A share link was made. Neither its secret nor its code is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkMade {
    /// Which.
    pub link: LinkId,
    /// The patient.
    pub patient: PatientNumber,
    /// The study, the only one that it reaches.
    pub study: StudyNumber,
    /// For whom.
    pub purpose: LinkFor,
    /// Until when.
    pub until: Instant,
    /// How many browsers may open it.
    pub browsers: u8,
    /// For whom, in the maker's own words.
    pub note: String,
}

/// Somebody opened a link with its secret and its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkOpened {
    /// Which.
    pub link: LinkId,
    /// The session that this began.
    pub session: SessionId,
    /// Thumbprint of the browser's key (RFC 7638), base64url: the session holds with this key only.
    pub browser: String,
}

/// Why a link did not open for somebody who had its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkWrong {
    /// The code was wrong.
    Code,
    /// As many browsers as may have opened it before.
    Browsers,
}

/// Somebody had a link's secret and did not get in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRefused {
    /// Which.
    pub link: LinkId,
    /// Why.
    pub wrong: LinkWrong,
    /// How many wrong codes there were so far, this one included.
    pub tries: u32,
}

/// How a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkEnd {
    /// Somebody ended it.
    Revoked,
    /// Too many wrong codes.
    Guessed,
    /// Its time was over.
    Expired,
    /// Who made it does not reach the study any more.
    Maker,
}

/// A person asked a colleague for a second opinion on one study.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpinionAsked {
    /// Whom.
    pub colleague: PersonId,
    /// The patient.
    pub patient: PatientNumber,
    /// The study, the only one that it reaches.
    pub study: StudyNumber,
    /// Until when.
    pub until: Instant,
    /// Why, in their own words.
    pub reason: String,
}
