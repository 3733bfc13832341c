//! Sharing one study: links for people outside, a second opinion inside.

use model::{EntryNumber, Instant, LinkEnd, LinkFor, LinkId, Origin, PatientNumber, SessionId, StudyNumber, Uid};
use serde::{Deserialize, Serialize};

use crate::SecretText;

/// What a link is for, and why a second opinion is wanted: the longest text, in characters.
pub const SHARING_TEXT_CHARACTERS_MAX: usize = 200;
/// The most openings of one link in a row.
pub const LINK_OPENINGS_SHOWN_MAX: usize = 100;
/// The most links in one answer, the newest first.
pub const LINK_ROWS_MAX: usize = 1_000;

/// What is asked about share links.
#[derive(Clone, Serialize, Deserialize)]
pub enum LinkRequest {
    /// Share one study (wants a fresh touch). What is 0 or empty is as the site has it.
    Make {
        /// The study.
        study: Uid,
        /// For whom.
        purpose: LinkFor,
        /// For how long, in seconds.
        seconds: i64,
        /// How many browsers may open it.
        browsers: u8,
        /// For whom, in words that the maker, officers and the patient read.
        note: String,
    },
    /// The caller's own links.
    Own,
    /// Everybody's, or those of somebody or something (officer).
    All {
        /// As [`Self::EndAll`] has it; empty: all.
        of: String,
    },
    /// End one: one's own, or anybody's (officer).
    End {
        /// Which.
        link: LinkId,
    },
    /// End all of one's own that run.
    EndOwn,
    /// End all that run of somebody or something (officer).
    EndAll {
        /// `person:EMAIL` who made them, `study:NUMBER` or `study:UID`, `session:ID` that they were made in, `link:NUMBER`, or `all`.
        of: String,
    },
    /// What the caller's own link shows.
    Shown,
}

/// A link that was made. Secret and code are shown once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MadeLink {
    /// Its number, which opens nothing.
    pub link: LinkId,
    /// For the fragment of the link: `/link#SECRET`, so that it never reaches a server's log.
    pub secret: SecretText,
    /// What is told separately.
    pub code: SecretText,
    /// The whole link as an SVG QR code.
    pub qr_svg: SecretText,
    /// Until when it works.
    pub until: Instant,
}

/// Links, and what the caller may do about new ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The newest first, of everybody's those that run before the others; at most [`LINK_ROWS_MAX`].
    pub rows: Vec<LinkRow>,
    /// Whether the site lets the caller share.
    pub may_share: bool,
    /// The longest that a link lasts here, in days.
    pub days_max: u16,
}

/// One link. It names no patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// Which.
    pub link: LinkId,
    /// The study.
    pub study: StudyNumber,
    /// The patient whom it was filed under then.
    pub patient: PatientNumber,
    /// Who made it, by name.
    pub maker: String,
    /// Their e-mail address, which names them.
    pub email: String,
    /// The session that it was made in, in hexadecimal digits.
    pub session: String,
    /// For whom.
    pub purpose: LinkFor,
    /// For whom, in the maker's words.
    pub note: String,
    /// When it was made.
    pub made: Instant,
    /// Until when it works.
    pub until: Instant,
    /// How many browsers opened it.
    pub browsers: u32,
    /// How many may.
    pub browsers_max: u8,
    /// How often it was opened with secret and code.
    pub openings: u32,
    /// When and from where, the newest first; at most [`LINK_OPENINGS_SHOWN_MAX`].
    pub opened: Vec<LinkOpening>,
    /// How often the study was taken along as files.
    pub downloads: u32,
    /// Wrong codes.
    pub tries: u32,
    /// How many wrong codes there may be.
    pub tries_max: u32,
    /// When it ended before its time or was found over.
    pub ended: Option<Instant>,
    /// How.
    pub end: Option<LinkEnd>,
}

/// One opening of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkOpening {
    /// The entry.
    pub entry: EntryNumber,
    /// When.
    pub at: Instant,
    /// From where.
    pub origin: Origin,
}

/// What an open link shows, to whoever opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedStudy {
    /// Which link.
    pub link: LinkId,
    /// The session, which proofs name.
    pub session: SessionId,
    /// The study.
    pub study: StudyNumber,
    /// Who shared it, by name.
    pub maker: String,
    /// Whether that is the patient.
    pub by_patient: bool,
    /// Their organisations.
    pub organisations: Vec<String>,
    /// Until when the link works.
    pub until: Instant,
    /// When this session ends at the latest.
    pub session_until: Instant,
    /// The site.
    pub site: String,
}

/// What is asked about second opinions.
#[derive(Clone, Serialize, Deserialize)]
pub enum OpinionRequest {
    /// Ask a colleague about one study.
    Ask {
        /// The study.
        study: Uid,
        /// The colleague's e-mail address.
        colleague: String,
        /// For how long, in seconds; 0 is two weeks.
        seconds: i64,
        /// Why, which the colleague, officers and the patient read.
        reason: String,
    },
    /// Those that the caller asked for or was asked for.
    Own,
    /// End one that the caller asked for.
    End {
        /// The entry that asked.
        opinion: EntryNumber,
    },
    /// Clinicians who share an organisation with the caller.
    Askable,
}

/// One second opinion. It names no patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpinionRow {
    /// The entry that asked.
    pub opinion: EntryNumber,
    /// The study.
    pub study: StudyNumber,
    /// Who asked, by name.
    pub asker: String,
    /// Whom, by name.
    pub colleague: String,
    /// Whether the caller asked; else they were asked.
    pub own: bool,
    /// Why.
    pub reason: String,
    /// When.
    pub asked: Instant,
    /// Until when.
    pub until: Instant,
}

/// A clinician who may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskableRow {
    /// Name.
    pub name: String,
    /// E-mail address, which names them.
    pub email: String,
    /// Organisations by name.
    pub organisations: Vec<String>,
}
