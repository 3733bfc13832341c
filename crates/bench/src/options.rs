//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::rows::Part;

/// Measures leadglass against Orthanc on this machine, in turns, and says which bars are met.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    after_help = "Example: cargo xtask bench --quick\nExample: cargo xtask bench --only qido --studies 20000"
)]
pub struct Options {
    /// Small numbers: a few minutes, for finding out whether something moved. Nothing is written.
    #[arg(long)]
    pub quick: bool,
    /// Only these parts of the table.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
    pub only: Vec<Part>,
    /// How many one-instance studies leadglass is filled with.
    #[arg(long, value_name = "N")]
    pub studies: Option<u32>,
    /// How long Orthanc is filled, in seconds; it gets as many studies as it takes in that time, at most as many as leadglass.
    #[arg(long, value_name = "SECONDS")]
    pub fill_seconds: Option<u64>,
    /// Rounds, of which the median is shown.
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// How long one HTTP row runs in one round, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS")]
    pub milliseconds: Option<u64>,
    /// Measures leadglass alone.
    #[arg(long)]
    pub alone: bool,
    /// The leadglass binary; the one beside this program when absent.
    #[arg(long, value_name = "FILE")]
    pub leadglass: Option<PathBuf>,
    /// Where the report goes; docs/benchmarks.md for a full run, nowhere otherwise.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where the archives' folders are made; the system's temporary folder when absent.
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

impl Options {
    /// Whether a part is measured.
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// How many one-instance studies leadglass is filled with.
    pub fn studies(&self) -> u32 {
        self.studies.unwrap_or(if self.quick { 5_000 } else { 100_000 })
    }

    /// How long Orthanc is filled.
    pub fn fill_time(&self) -> Duration {
        Duration::from_secs(self.fill_seconds.unwrap_or(if self.quick { 15 } else { 360 }))
    }

    /// Rounds.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 }).max(1)
    }

    /// How long one HTTP row runs in one round.
    pub fn row_time(&self) -> Duration {
        Duration::from_millis(self.milliseconds.unwrap_or(if self.quick { 1_000 } else { 4_000 }))
    }

    /// Where the report goes.
    pub fn written_to(&self) -> Option<PathBuf> {
        let full = !self.quick && self.only.is_empty() && !self.alone;
        self.out.clone().or_else(|| full.then(|| PathBuf::from("docs/benchmarks.md")))
    }
}
