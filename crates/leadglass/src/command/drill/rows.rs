//! The rows of a drill: what is claimed, what was seen, whether it held.

use std::time::Instant;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::cli::Format;
use crate::output::say;

/// How a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// What is claimed was seen.
    Held,
    /// It was not.
    Failed,
    /// This version does not do it; nothing is claimed.
    NotInThisVersion,
}

/// One row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What is claimed.
    pub claim: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was done and seen, with numbers.
    pub evidence: String,
    /// What the incident gave away there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<&'static str>,
}

/// One part of a drill and how long it took.
#[derive(Clone, Debug, Serialize)]
struct Part {
    part: &'static str,
    seconds: f64,
}

/// The rows as they come, and the seconds of each part.
#[derive(Default)]
pub struct Rows {
    rows: Vec<Row>,
    parts: Vec<Part>,
    incident: Option<&'static str>,
    running: Option<(&'static str, Instant)>,
}

impl Rows {
    /// The rows from here on are about this fact of the incident.
    pub fn about(&mut self, incident: &'static str) {
        self.incident = Some(incident);
    }

    /// A part begins; the one before it ends.
    pub fn begin(&mut self, part: &'static str) {
        self.end();
        self.running = Some((part, Instant::now()));
    }

    fn end(&mut self) {
        if let Some((part, began)) = self.running.take() {
            // tenths are what a reader compares
            let seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
            self.parts.push(Part { part, seconds });
        }
    }

    /// Adds a row that was played.
    pub fn played(&mut self, claim: &str, held: bool, evidence: String) {
        let outcome = if held { Outcome::Held } else { Outcome::Failed };
        self.rows.push(Row { claim: claim.to_owned(), outcome, evidence, incident: self.incident });
    }

    /// Adds a row that this version cannot play.
    pub fn missing(&mut self, claim: &str, evidence: &str) {
        let (claim, evidence, incident) = (claim.to_owned(), evidence.to_owned(), self.incident);
        self.rows.push(Row { claim, outcome: Outcome::NotInThisVersion, evidence, incident });
    }

    /// Prints them; fails when one failed.
    pub fn print(mut self, format: Format, drill: &str) -> Result<()> {
        self.end();
        let failed = self.rows.iter().filter(|row| row.outcome == Outcome::Failed).count();
        match format {
            Format::Json => {
                let mut report = serde_json::json!({ "drill": drill, "failed": failed, "rows": self.rows });
                if !self.parts.is_empty() {
                    report["parts"] = serde_json::json!(self.parts);
                }
                say!("{report}");
            }
            Format::Text => self.say(),
        }
        if failed > 0 {
            bail!(
                "{failed} rows of the drill {drill} did not hold; each says what was seen, see SECURITY.md for what is claimed"
            );
        }
        Ok(())
    }

    fn say(&self) {
        let mut incident = None;
        for row in &self.rows {
            if row.incident != incident
                && let Some(fact) = row.incident
            {
                say!("in the incident: {fact}");
            }
            incident = row.incident;
            let word = match row.outcome {
                Outcome::Held => "held  ",
                Outcome::Failed => "FAILED",
                Outcome::NotInThisVersion => "not in this version",
            };
            say!("{word}  {}", row.claim);
            say!("        {}", row.evidence);
        }
        if !self.parts.is_empty() {
            let parts = self.parts.iter().map(|part| format!("{} {:.1} s", part.part, part.seconds));
            let seconds: f64 = self.parts.iter().map(|part| part.seconds).sum();
            say!("{}; {seconds:.1} s in all", parts.collect::<Vec<_>>().join(", "));
        }
    }
}
