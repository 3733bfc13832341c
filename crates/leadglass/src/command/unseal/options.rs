//! `leadglass unseal` on the command line.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use seal::Keeper;

use super::new_root::StayArgs;
use crate::unseal::UnsealArgs;

/// `unseal`
#[derive(Debug, Subcommand)]
pub enum UnsealCommand {
    /// The methods that the root is sealed to.
    #[command(after_help = "Example: leadglass unseal list")]
    List,
    /// Add a method; an existing one unseals the root for it.
    #[command(subcommand)]
    Add(AddCommand),
    /// Remove a method.
    #[command(after_help = "Example: leadglass unseal remove 3fa94c01 --recovery-kit /media/stick/kit")]
    Remove {
        /// Its id, or its label.
        method: String,
        /// Removes it even if only methods stay that are lost with one machine.
        #[arg(long)]
        leave_only_machines: bool,
        /// How the root is unsealed.
        #[command(flatten)]
        with: UnsealArgs,
    },
    /// Put a new root in place of this one, while leadglass is stopped: copies of root.json from before open nothing of now.
    ///
    /// Every method stays unless --remove names it, with the passphrase, paper or key that it has, and each needs it now.
    #[command(
        after_help = "Example: leadglass unseal new-root --remove 3fa94c01 --passphrase-file /media/passphrase --recovery-kit /media/stick/kit"
    )]
    NewRoot {
        /// A method that goes, once for each: its id, its label or its kind.
        #[arg(long, value_name = "METHOD")]
        remove: Vec<String>,
        /// Goes on even if only methods stay that are lost with one machine.
        #[arg(long)]
        leave_only_machines: bool,
        /// What opens the methods that stay.
        #[command(flatten)]
        with: StayArgs,
    },
    /// Prove that the holders' shares are right. Opens nothing and puts nothing together; recorded in the ledger.
    #[command(
        after_help = "Example: leadglass unseal drill\n         leadglass unseal drill --share-file share-1-of-3.txt --share-file share-3-of-3.txt"
    )]
    Drill {
        /// A holder's share, once for each; `-` reads them from standard input until there are enough.
        #[arg(long, value_name = "FILE", default_value = "-")]
        share_file: Vec<PathBuf>,
        /// Asks for the shares of all holders, not only of as many as open.
        #[arg(long)]
        all: bool,
    },
}

/// `unseal add`
#[derive(Debug, Subcommand)]
pub enum AddCommand {
    /// A passphrase.
    #[command(
        after_help = "Example: leadglass unseal add passphrase --new-passphrase-file /media/new --recovery-kit /media/kit"
    )]
    Passphrase {
        /// The new passphrase; `-` reads one line of standard input.
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: PathBuf,
        /// What it is called.
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        /// How the root is unsealed.
        #[command(flatten)]
        with: UnsealArgs,
    },
    /// A recovery kit on paper.
    #[command(
        after_help = "Example: leadglass unseal add recovery-kit --new-recovery-kit /media/stick/kit --passphrase-file /media/passphrase"
    )]
    RecoveryKit {
        /// Writes the new kit there.
        #[arg(long, value_name = "FILE")]
        new_recovery_kit: PathBuf,
        /// What it is called.
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        /// How the root is unsealed.
        #[command(flatten)]
        with: UnsealArgs,
    },
    /// Shares for several people, of whom some must come together. A set that is there is replaced.
    #[command(
        after_help = "Example: leadglass unseal add shares --threshold 2 --holders 'Dr. A,Dr. B,Notary C' --passphrase-file /media/passphrase"
    )]
    Shares {
        /// How many of them open.
        #[arg(long, value_name = "T")]
        threshold: u8,
        /// Their names, separated by commas.
        #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
        holders: Vec<String>,
        /// Writes each share into a file of words and an SVG there instead of showing it.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// What the set is called.
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        /// How the root is unsealed.
        #[command(flatten)]
        with: UnsealArgs,
    },
    /// An `age` identity, of a hardware token for instance. Needs the program age or rage.
    #[command(
        after_help = "Example: leadglass unseal add age --recipient age1yubikey1q... --identity yubikey.txt --passphrase-file /media/passphrase"
    )]
    Age {
        /// An age recipient, once for each.
        #[arg(long, value_name = "AGE1...", required = true)]
        recipient: Vec<String>,
        /// The identity file; when given, it is tried before anything is changed.
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
        /// Where the identity is kept.
        #[arg(long, value_enum, value_name = "WHERE")]
        kind: Option<KeeperName>,
        /// What it is called.
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        /// How the root is unsealed.
        #[command(flatten)]
        with: UnsealArgs,
    },
    /// Any program: TPM 2.0 and Tang by clevis, a key service's client.
    #[command(
        after_help = "Example: leadglass unseal add command --passphrase-file /media/passphrase -- clevis encrypt sss '{\"t\":2,\"pins\":{\"tpm2\":{},\"tang\":{\"url\":\"http://tang.example\"}}}' -y"
    )]
    Command {
        /// The program that opens what SEAL has sealed. Split at spaces, no shell. It is tried, and not kept in DIR.
        #[arg(long, value_name = "COMMAND", default_value = crate::unseal::CLEVIS_DECRYPT)]
        open_with: String,
        /// Where what opens it is kept; told from the text when clevis has sealed it.
        #[arg(long, value_enum, value_name = "WHERE")]
        kind: Option<KeeperName>,
        /// What it is called.
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        /// How the root is unsealed.
        #[command(flatten)]
        with: UnsealArgs,
        /// The program that seals: the key on its standard input, the sealed text on its standard output.
        #[arg(last = true, required = true, value_name = "SEAL")]
        seal: Vec<String>,
    },
}

/// Where something is kept, on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KeeperName {
    /// In this machine's TPM alone.
    Tpm,
    /// On a Tang server.
    Tang,
    /// In both.
    TpmAndTang,
    /// At a key management service.
    KeyService,
    /// In a token that somebody carries.
    HardwareToken,
    /// In a file on this machine.
    ThisMachine,
    /// Elsewhere.
    Other,
}

impl From<KeeperName> for Keeper {
    fn from(name: KeeperName) -> Self {
        match name {
            KeeperName::Tpm => Self::Tpm,
            KeeperName::Tang => Self::Tang,
            KeeperName::TpmAndTang => Self::TpmAndTang,
            KeeperName::KeyService => Self::KeyService,
            KeeperName::HardwareToken => Self::HardwareToken,
            KeeperName::ThisMachine => Self::ThisMachine,
            KeeperName::Other => Self::Other,
        }
    }
}
