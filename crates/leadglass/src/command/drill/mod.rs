//! `leadglass drill NAME`: plays an incident of the past on an installation of its own and says row by row what held.

mod pin;
mod played;
mod rows;
mod stolen_disk;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use crate::cli::Format;
use crate::control;

/// `drill`
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Thieves carry disks, backups and a whole server away: synthetic patients, real everything else. Leaves nothing behind.
    #[command(after_help = "Example: leadglass drill stolen-disk --format json")]
    StolenDisk,
    /// The stand-in for a key server in a drill: seals and opens with a key that lies elsewhere.
    #[command(hide = true)]
    Pin {
        /// `seal` or `open`.
        what: pin::Direction,
        /// Where the key lies.
        key: PathBuf,
    },
}

/// `leadglass drill`; exit code 1 when a row does not hold.
pub fn drill(format: Format, command: DrillCommand) -> Result<()> {
    control::keep_to_itself("drill");
    match command {
        DrillCommand::StolenDisk => stolen_disk::stolen_disk(format),
        DrillCommand::Pin { what, key } => pin::pin(what, &key),
    }
}
