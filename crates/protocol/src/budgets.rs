//! Findings and budgets as pages and commands show them.

use model::{Ceilings, EntryNumber, Finding, Instant, Measure, Span};
use serde::{Deserialize, Serialize};

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    /// The entry that raised it.
    pub entry: EntryNumber,
    /// When.
    pub at: Instant,
    /// Whose reading, as `Budget` takes it.
    pub whose: String,
    /// The same in words.
    pub name: String,
    /// What was found.
    pub finding: Finding,
    /// The same in one sentence.
    pub sentence: String,
    /// When an officer acknowledged it.
    pub acknowledged: Option<Instant>,
    /// The officer's note.
    pub note: String,
}

/// Somebody's volume and limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetReport {
    /// Whose, as asked.
    pub whose: String,
    /// The same in words.
    pub name: String,
    /// One row for each measure and span.
    pub rows: Vec<BudgetRow>,
    /// The last 56 days, oldest first.
    pub days: Vec<BudgetDay>,
    /// What is stopped until an officer lifts it.
    pub stopped: Vec<Measure>,
    /// Since when a fresh touch is waited for.
    pub asked: Option<Instant>,
    /// What was set by hand.
    pub ceilings: Ceilings,
}

/// One measure over one span. A limit that is absent does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetRow {
    /// What is counted.
    pub measure: Measure,
    /// Over which time.
    pub span: Span,
    /// Patients now, as they count.
    pub patients: u32,
    /// What is normal.
    pub normal: u32,
    /// Past it each further patient waits.
    pub slow: Option<u32>,
    /// Past it a fresh touch is asked for.
    pub touch: Option<u32>,
    /// Past it reading of this kind stops.
    pub stop: Option<u32>,
    /// What the limits go by: `own`, `peers`, `role`, `set` or `nothing` yet.
    pub basis: String,
}

/// Distinct patients who were new to the reader on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetDay {
    /// Where the day begins.
    pub from: Instant,
    /// Opened, something new about them.
    pub opened_due: u32,
    /// Opened, nothing new about them.
    pub opened_other: u32,
    /// Listed, something new about them.
    pub listed_due: u32,
    /// Listed, nothing new about them.
    pub listed_other: u32,
}
