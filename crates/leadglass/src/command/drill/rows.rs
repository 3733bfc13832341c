//! The rows of a drill: what is claimed, what was seen, whether it held.

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
}

/// The rows as they come.
#[derive(Default)]
pub struct Rows(Vec<Row>);

impl Rows {
    /// Adds a row that was played.
    pub fn played(&mut self, claim: &str, held: bool, evidence: String) {
        let outcome = if held { Outcome::Held } else { Outcome::Failed };
        self.0.push(Row { claim: claim.to_owned(), outcome, evidence });
    }

    /// Adds a row that this version cannot play.
    pub fn missing(&mut self, claim: &str, evidence: &str) {
        self.0.push(Row { claim: claim.to_owned(), outcome: Outcome::NotInThisVersion, evidence: evidence.to_owned() });
    }

    /// Prints them; fails when one failed.
    pub fn print(&self, format: Format, drill: &str) -> Result<()> {
        let failed = self.0.iter().filter(|row| row.outcome == Outcome::Failed).count();
        match format {
            Format::Json => say!("{}", serde_json::json!({ "drill": drill, "failed": failed, "rows": self.0 })),
            Format::Text => {
                for row in &self.0 {
                    let word = match row.outcome {
                        Outcome::Held => "held  ",
                        Outcome::Failed => "FAILED",
                        Outcome::NotInThisVersion => "not in this version",
                    };
                    say!("{word}  {}", row.claim);
                    say!("        {}", row.evidence);
                }
            }
        }
        if failed > 0 {
            bail!(
                "{failed} rows of the drill {drill} did not hold; each says what was seen, see SECURITY.md for what is claimed"
            );
        }
        Ok(())
    }
}
