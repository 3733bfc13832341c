//! What the pages show of cold studies: to whoever decides about requests, and to whoever asked.

use model::{EntryNumber, Instant, PatientNumber, WarmingBasis};
use serde::{Deserialize, Serialize};

use super::{ColdRequestRow, ColdState};
use crate::PatientRow;

/// What the page of cold studies shows. Nothing of it names a patient.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColdOverview {
    /// Holders, rule and counts.
    pub state: ColdState,
    /// Cold studies by the year of the study, newest first; those without a date last.
    pub years: Vec<ColdYear>,
    /// Requests that wait, oldest first.
    pub requests: Vec<ColdRequestRow>,
    /// What was warmed lately, newest first.
    pub warmed: Vec<WarmedRow>,
}

/// Cold studies of one year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColdYear {
    /// The year of StudyDate; `None` where there is none.
    pub year: Option<u16>,
    /// How many.
    pub studies: u64,
}

/// One warm-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmedRow {
    /// The request.
    pub request: EntryNumber,
    /// Who asked.
    pub actor: String,
    /// The patient's internal number.
    pub patient: PatientNumber,
    /// How many studies.
    pub studies: u32,
    /// Why it was asked for.
    pub basis: WarmingBasis,
    /// The reason in words.
    pub reason: String,
    /// When they were warmed.
    pub at: Instant,
    /// Until when.
    pub until: Instant,
    /// Whether they open now.
    pub open: bool,
    /// The holder who did it alone, as for an emergency.
    pub alone: Option<String>,
}

/// One request with names.
#[derive(Clone, Serialize, Deserialize)]
pub struct NamedColdRequest {
    /// The request's number.
    pub request: EntryNumber,
    /// The patient.
    pub patient: Option<PatientRow>,
    /// Date and description of each study.
    pub studies: Vec<String>,
}

/// Where one study stands, for whoever may open it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColdOfStudy {
    /// Whether it is cold now.
    pub cold: bool,
    /// Until when it opens, while it is warmed.
    pub warm_until: Option<Instant>,
    /// The last that whoever asks has asked for it.
    pub asked: Option<AskedForCold>,
    /// How many others wait for it.
    pub others: u32,
}

/// A request as whoever made it follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedForCold {
    /// Its number.
    pub request: EntryNumber,
    /// When.
    pub at: Instant,
    /// Until when it was asked for.
    pub until: Instant,
    /// The reason in words.
    pub reason: String,
    /// Holders who released their shares already.
    pub approved: u8,
    /// How many sharing holders are needed.
    pub threshold: u8,
    /// How many of those who decide stand behind it.
    pub endorsed: u8,
    /// Where it stands.
    pub state: AskedState,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedState {
    /// The holders have not agreed yet.
    Waiting,
    /// Somebody who decides refused it.
    Refused {
        /// When.
        at: Instant,
        /// Why.
        reason: String,
    },
    /// The holders agreed.
    Warmed {
        /// Until when it opens.
        until: Instant,
    },
    /// Its deadline passed.
    Over,
}
