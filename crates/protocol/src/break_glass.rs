//! Reaching a patient in an emergency, and what officers see of it.

use model::{EmergencyReason, EntryNumber, Instant, PersonId, Role, Verdict};
use serde::{Deserialize, Serialize};

use crate::PatientRow;

/// The longest text that says why, in characters.
pub const EMERGENCY_TEXT_CHARACTERS_MAX: usize = 200;
/// The shortest text that says why, in characters.
pub const EMERGENCY_TEXT_CHARACTERS_MIN: usize = 5;
/// The longest identifier, in characters.
pub const IDENTIFIER_CHARACTERS_MAX: usize = 64;

/// What is asked about break-glass.
#[derive(Clone, Serialize, Deserialize)]
pub enum BreakGlassRequest {
    /// What the form says: how long, and who is told.
    Terms,
    /// Reach one patient.
    Use(Emergency),
    /// Every use, newest first, and the rate (officer).
    Uses,
    /// One use, with the patient's name and what was opened: recorded as a list (officer).
    One {
        /// The entry of the use.
        used: EntryNumber,
    },
    /// Sign a use off (officer).
    Review {
        /// The entry of the use.
        used: EntryNumber,
        /// What was found.
        verdict: Verdict,
        /// Why.
        note: String,
    },
    /// End a use that still runs (officer).
    End {
        /// The entry of the use.
        used: EntryNumber,
    },
}

/// An emergency: one patient, exactly named by two of three, and why.
#[derive(Clone, Serialize, Deserialize)]
pub struct Emergency {
    /// Patient ID, or empty.
    pub patient_id: String,
    /// Birth date, `YYYYMMDD`, or empty.
    pub birth_date: String,
    /// Accession number, or empty.
    pub accession_number: String,
    /// Issuer of the patient ID; only where two patients share an ID.
    pub issuer: Option<String>,
    /// Why.
    pub reason: EmergencyReason,
    /// Why, in their own words.
    pub text: String,
    /// For how long, in seconds; shortened to what the site allows.
    pub seconds: i64,
}

/// What the form says before the glass is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlassTerms {
    /// The longest that one use lasts, in seconds.
    pub seconds_max: i64,
    /// Wrong tries that are left before there is a wait.
    pub tries_left: u32,
    /// Uses of whoever asks in the last 24 hours.
    pub uses_today: u32,
    /// How many officers will see it.
    pub officers: u32,
}

/// The glass is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenGlass {
    /// The entry of the use.
    pub used: EntryNumber,
    /// Until when.
    pub until: Instant,
}

/// Every use, for officers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BreakGlassUses {
    /// Newest first.
    pub rows: Vec<UseRow>,
    /// Uses per week, oldest first, weeks without a use among them.
    pub weeks: Vec<WeekOfUses>,
    /// Uses per person in the weeks shown, most first.
    pub persons: Vec<UsesOf>,
    /// Uses per organisation in the weeks shown, most first.
    pub organisations: Vec<UsesOf>,
    /// Wrong tries in the weeks shown.
    pub missed: u32,
}

/// One use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseRow {
    /// Its entry.
    pub used: EntryNumber,
    /// Who.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Their role now.
    pub role: Option<Role>,
    /// Their organisations.
    pub organisations: Vec<String>,
    /// When.
    pub at: Instant,
    /// Until when.
    pub until: Instant,
    /// Whether it runs now.
    pub running: bool,
    /// Why.
    pub reason: EmergencyReason,
    /// Why, in their own words.
    pub text: String,
    /// Studies whose images were opened under it.
    pub opened: u32,
    /// What an officer found.
    pub review: Option<ReviewRow>,
    /// Not reviewed in time.
    pub overdue: bool,
}

/// What an officer found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRow {
    /// Who.
    pub by: String,
    /// When.
    pub at: Instant,
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub note: String,
}

/// One use with the patient's name.
#[derive(Clone, Serialize, Deserialize)]
pub struct UseDetail {
    /// The use.
    pub row: UseRow,
    /// The patient.
    pub patient: Option<PatientRow>,
    /// Studies opened under it: when, and what they are called.
    pub opened: Vec<(Instant, String)>,
}

/// One week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekOfUses {
    /// Where it begins.
    pub from: Instant,
    /// Uses.
    pub uses: u32,
    /// Of which an officer found not justified.
    pub not_justified: u32,
}

/// The uses of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsesOf {
    /// Their name.
    pub name: String,
    /// How many.
    pub uses: u32,
    /// Of which an officer found not justified.
    pub not_justified: u32,
}
