//! `leadglass vault`.

use std::path::PathBuf;

use clap::Subcommand;

/// `vault`
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Make a vault in an empty folder on another filesystem.
    #[command(after_help = "Example: leadglass vault init /mnt/second-disk/vault")]
    Init {
        /// The folder.
        vault: PathBuf,
        /// Allow the filesystem of DIR: a rehearsal, no protection.
        #[arg(long)]
        allow_same_filesystem: bool,
    },
    /// Copy what is new, while serving.
    #[command(after_help = "Example: leadglass vault sync /mnt/second-disk/vault")]
    Sync {
        /// The folder.
        vault: PathBuf,
    },
    /// Read everything in the vault again and compare.
    #[command(after_help = "Example: leadglass vault verify /mnt/second-disk/vault")]
    Verify {
        /// The folder.
        vault: PathBuf,
    },
    /// Restore into DIR, which must not exist or be empty.
    #[command(after_help = "Example: leadglass vault restore /mnt/second-disk/vault --dir /srv/leadglass")]
    Restore {
        /// The folder.
        vault: PathBuf,
    },
}
