//! The exposure report, as pages and commands show it.

use model::{Instant, Origin, Window};
use serde::{Deserialize, Serialize};

use crate::PatientRow;

/// A number of patients and studies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Patients.
    pub patients: u64,
    /// Studies.
    pub studies: u64,
}

/// What could be reached, what was listed and what was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureReport {
    /// About whom, as asked.
    pub who: String,
    /// Over which time.
    pub window: Window,
    /// What a relationship granted at some instant of the window.
    pub reachable: Count,
    /// What was listed, leases included.
    pub listed: Count,
    /// What was opened, leases included.
    pub opened: Count,
    /// What of it a lease still covered at the window's end.
    pub unexpired: Count,
    /// About whom or what, in names and dates.
    pub about: crate::AboutFacts,
    /// The patients, opened ones first; at most [`EXPOSURE_PATIENTS_MAX`] rows, `truncated` says whether there are more.
    pub patients: Vec<ExposedPatient>,
    /// Whether rows are missing (counts never are).
    pub truncated: bool,
    /// The window cut into equal parts, for the plot.
    pub timeline: Vec<TimelinePart>,
    /// Entries in the ledger when this was computed.
    pub ledger_size: u64,
    /// The signed checkpoint over them.
    pub checkpoint: String,
}

/// The most patients in one report over RPC.
pub const EXPOSURE_PATIENTS_MAX: usize = 10_000;

/// One patient of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposedPatient {
    /// The patient, named (an officer may know whom to tell).
    pub patient: PatientRow,
    /// Studies reachable.
    pub reachable: u32,
    /// Studies listed.
    pub listed: u32,
    /// Studies opened.
    pub opened: u32,
    /// First and last listing or opening.
    pub first: Option<Instant>,
    /// Last.
    pub last: Option<Instant>,
    /// From where, distinct.
    pub origins: Vec<Origin>,
    /// When the last lease ends.
    pub lease_until: Option<Instant>,
    /// The studies; fewer than the counts say when the report holds [`crate::EXPOSURE_STUDIES_MAX`] of them.
    pub details: Vec<crate::ExposedStudy>,
}

/// One part of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelinePart {
    /// Where it begins.
    pub from: Instant,
    /// Patients listed in it.
    pub listed: u32,
    /// Patients opened in it.
    pub opened: u32,
}
