//! `leadglass drill NAME`: plays an incident of the past on an installation of its own and says row by row what held.

mod browser;
mod ending;
mod http;
mod leaked_login;
mod pin;
mod played;
mod rows;
mod stolen_disk;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::cli::Format;
use crate::control;

/// `drill`
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Thieves carry disks, backups and a whole server away: synthetic patients, real everything else. Leaves nothing behind.
    #[command(after_help = "Example: leadglass drill stolen-disk --format json")]
    StolenDisk(AsItWas),
    /// Three leaked logins open an archive of twenty years: synthetic patients, real everything else. Leaves nothing behind.
    #[command(
        after_help = "Example: leadglass drill leaked-login --format json\n\nUnder three minutes in a release build; a debug build takes longer, and --patients N plays the same rows with fewer."
    )]
    LeakedLogin(LeakedLoginArgs),
    /// The stand-in for a key server in a drill: seals and opens with a key that lies elsewhere.
    #[command(hide = true)]
    Pin {
        /// `seal` or `open`.
        what: pin::Direction,
        /// Where the key lies.
        key: PathBuf,
    },
}

/// `drill leaked-login`
#[derive(Debug, Args)]
pub struct LeakedLoginArgs {
    /// How many patients the archive has.
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u32).range(leaked_login::PATIENTS_MIN..=100_000))]
    pub patients: u32,
    #[command(flatten)]
    as_it_was: AsItWas,
}

/// What a drill plays for its tests only: things as they were in the incident. Rows must fail then.
#[derive(Debug, Args)]
pub struct AsItWas {
    #[cfg(debug_assertions)]
    #[arg(long, hide = true)]
    as_it_was: bool,
}

impl AsItWas {
    #[cfg(debug_assertions)]
    fn holds(&self) -> bool {
        self.as_it_was
    }

    /// Never, in a program that is used.
    #[cfg(not(debug_assertions))]
    fn holds(&self) -> bool {
        false
    }
}

/// `leadglass drill`; exit code 1 when a row does not hold.
pub fn drill(format: Format, command: DrillCommand) -> Result<()> {
    control::keep_to_itself("drill");
    match command {
        DrillCommand::StolenDisk(as_it_was) => {
            ending::watch();
            stolen_disk::stolen_disk(format, as_it_was.holds())
        }
        DrillCommand::LeakedLogin(arguments) => {
            ending::watch();
            leaked_login::leaked_login(format, arguments.patients, arguments.as_it_was.holds())
        }
        DrillCommand::Pin { what, key } => pin::pin(what, &key),
    }
}
