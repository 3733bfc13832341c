//! `cargo xtask bench ledger`: what the warden does alone, on a real disk.
//!
//! - `releases`: keys released a second, each after its durable entry, through the front's socket.
//! - `proofs`: what checking one proof of a browser's key costs, apart.
//! - `exposure`: reports over ten million entries and a million patients.
//! - `cold`: a hundred thousand studies go cold.
//! - `new-root`: a hundred thousand studies under another root.
//! - `large`: memory and start of an installation with a million studies.
//!
//! Each part prints its rows as it ends; a run of all parts in full size writes `docs/benchmarks-ledger.md`.

mod cold;
mod exposure;
mod large;
mod new_root;
mod proofs;
mod releases;
pub mod rows;
pub mod site;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use rows::Rows;

/// Measures the ledger and the warden on this machine, and says which bars are met.
#[derive(Debug, Parser)]
#[command(name = "ledger", after_help = "Example: cargo xtask bench ledger --only releases")]
pub struct LedgerOptions {
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
    pub only: Vec<LedgerPart>,
    /// Studies of the large warden.
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub studies: u32,
    /// Entries of the exposure reports.
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    pub entries: u32,
    /// How long releases are counted at each number of callers, in seconds.
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub seconds: u64,
    /// The leadglass binary; the one beside this program when absent.
    #[arg(long, value_name = "FILE")]
    pub leadglass: Option<PathBuf>,
    /// Where folders are made: on the disk that is measured; the system's temporary folder when absent.
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// A folder in which the large site stays, and is found again.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Where the rows go besides the terminal; docs/benchmarks-ledger.md for a run of all parts in full size.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LedgerPart {
    /// Releases a second.
    Releases,
    /// Proof checking, apart.
    Proofs,
    /// Exposure reports.
    Exposure,
    /// Studies that go cold.
    Cold,
    /// Another root for many studies.
    NewRoot,
    /// A million studies.
    Large,
}

impl LedgerOptions {
    fn wants(&self, part: LedgerPart) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn scratch(&self) -> PathBuf {
        self.scratch.clone().unwrap_or_else(std::env::temp_dir)
    }

    fn leadglass(&self) -> Result<PathBuf> {
        match &self.leadglass {
            Some(path) => Ok(path.clone()),
            None => Ok(std::env::current_exe()?.with_file_name("leadglass")),
        }
    }

    fn written_to(&self) -> Option<PathBuf> {
        let full = self.only.is_empty() && self.studies >= 1_000_000 && self.entries >= 10_000_000;
        self.out.clone().or_else(|| full.then(|| PathBuf::from("docs/benchmarks-ledger.md")))
    }
}

type Measure = fn(&LedgerOptions, &mut Rows) -> Result<()>;

const PARTS: [(LedgerPart, Measure); 6] = [
    (LedgerPart::Releases, releases::measure),
    (LedgerPart::Proofs, |_, rows| proofs::measure(rows)),
    (LedgerPart::Exposure, exposure::measure),
    (LedgerPart::Cold, cold::measure),
    (LedgerPart::NewRoot, new_root::measure),
    (LedgerPart::Large, large::measure),
];

/// Runs the parts that are wanted, in the order in which the table has them.
pub fn run(options: &LedgerOptions) -> Result<()> {
    let mut rows = Rows::begin()?;
    let scratch = options.scratch();
    rows.look_at_disk(&scratch)?;
    for (part, measure) in PARTS {
        if options.wants(part) {
            measure(options, &mut rows)?;
            rows.look_at_disk(&scratch)?;
        }
    }
    rows.end();
    if let Some(path) = options.written_to() {
        rows.write(&path)?;
    }
    Ok(())
}
