//! Which method unseals, as it is said on the command line.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use seal::{Method as Known, MethodKind, RootEnvelope};
use zeroize::Zeroizing;

use super::{read_envelope, shares};
use crate::command::read_passphrase;

/// How the root is unsealed.
#[derive(Clone, Debug, Default, Args)]
#[group(required = true, multiple = true)]
pub struct UnsealArgs {
    /// The passphrase that unseals the root; `-` reads one line of standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["recovery_kit", "share_file", "age_identity", "unseal_command"])]
    pub passphrase_file: Option<PathBuf>,
    /// Unseals with the recovery kit instead; `-` reads one line of standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["share_file", "age_identity", "unseal_command"])]
    pub recovery_kit: Option<PathBuf>,
    /// Unseals with this method: its id, its label or its kind, as `leadglass unseal list` shows them.
    #[arg(long, value_name = "METHOD")]
    pub unseal: Option<String>,
    /// A holder's share, once for each; `-` reads them from standard input until there are enough.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["age_identity", "unseal_command"])]
    pub share_file: Vec<PathBuf>,
    /// The identity file of an `age` method; it may name a plugin.
    #[arg(long, value_name = "FILE", conflicts_with = "unseal_command")]
    pub age_identity: Option<PathBuf>,
    /// The program that opens a `command` method; `clevis decrypt` when clevis has sealed it. Split at spaces, no shell.
    #[arg(long, value_name = "COMMAND")]
    pub unseal_command: Option<String>,
}

/// A method with what it needs.
#[derive(Clone)]
pub enum Method {
    /// A passphrase.
    Passphrase(Zeroizing<String>),
    /// The kit's text.
    RecoveryKit(Zeroizing<String>),
    /// The words of enough shares, one after the other.
    Shares(Zeroizing<String>),
    /// An identity file.
    Age {
        /// Which method; the only one when absent.
        name: Option<String>,
        /// The file.
        identity: PathBuf,
    },
    /// A program.
    Command {
        /// Which method; the only one when absent.
        name: Option<String>,
        /// The program; `clevis decrypt` when absent.
        command: Option<String>,
    },
}

impl Method {
    /// Reads what the options name: files, standard input, the terminal.
    pub fn read(dir: &Path, arguments: &UnsealArgs) -> Result<Self> {
        let name = arguments.unseal.clone();
        if let Some(path) = &arguments.passphrase_file {
            return Ok(Self::Passphrase(read_passphrase(path)?));
        }
        if let Some(path) = &arguments.recovery_kit {
            return Ok(Self::RecoveryKit(read_passphrase(path)?));
        }
        if let Some(identity) = &arguments.age_identity {
            // a role runs in another folder than whoever typed this
            return Ok(Self::Age { name, identity: std::path::absolute(identity)? });
        }
        if let Some(command) = &arguments.unseal_command {
            return Ok(Self::Command { name, command: Some(command.clone()) });
        }
        let (envelope, _) = read_envelope(dir)?;
        let named = name.as_deref().unwrap_or("shares");
        let method = find(&envelope, named)?;
        match method.kind {
            MethodKind::Shares(set) => {
                let typed = [PathBuf::from("-")];
                let files = if arguments.share_file.is_empty() { &typed[..] } else { &arguments.share_file };
                Ok(Self::Shares(shares::collect(files, &set)?))
            }
            MethodKind::Command(_) if arguments.share_file.is_empty() => Ok(Self::Command { name, command: None }),
            MethodKind::Passphrase => bail!("the method {named} is a passphrase; name its file with --passphrase-file"),
            MethodKind::RecoveryKit => bail!("the method {named} is a recovery kit; name its file with --recovery-kit"),
            MethodKind::Age(_) => bail!("the method {named} is an age identity; name its file with --age-identity"),
            MethodKind::Command(_) => bail!("the method {named} takes no shares; leave --share-file out"),
        }
    }

    /// The word that the ledger records.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passphrase(_) => "passphrase",
            Self::RecoveryKit(_) => "recovery-kit",
            Self::Shares(_) => "shares",
            Self::Age { .. } => "age",
            Self::Command { .. } => "command",
        }
    }

    /// Whether it may run a program: a plugin of `age` is one.
    pub fn is_a_program(&self) -> bool {
        matches!(self, Self::Age { .. } | Self::Command { .. })
    }

    /// The options for the warden as a child; secrets are not among them.
    pub fn arguments(&self) -> Vec<OsString> {
        let named = |name: &Option<String>| {
            name.iter().flat_map(|name| [OsString::from("--unseal"), name.into()]).collect::<Vec<_>>()
        };
        match self {
            Self::Passphrase(_) => vec!["--passphrase-file".into(), "-".into()],
            Self::RecoveryKit(_) => vec!["--recovery-kit".into(), "-".into()],
            Self::Shares(_) => vec!["--share-file".into(), "-".into()],
            Self::Age { name, identity } => [named(name), vec!["--age-identity".into(), identity.into()]].concat(),
            Self::Command { name, command } => {
                let command = command.iter().flat_map(|command| [OsString::from("--unseal-command"), command.into()]);
                let name = name.clone().or_else(|| Some("command".to_owned()));
                named(&name).into_iter().chain(command).collect()
            }
        }
    }

    /// The line that the warden as a child reads, for methods that are not looked up anew.
    pub fn line(&self) -> Option<&str> {
        match self {
            Self::Passphrase(text) | Self::RecoveryKit(text) | Self::Shares(text) => Some(text),
            Self::Age { .. } | Self::Command { .. } => None,
        }
    }
}

/// What unseals and lies on the archive's own filesystem is carried away with it.
pub fn warn_of_what_lies_beside(dir: &Path, arguments: &UnsealArgs) {
    let device = |path: &Path| std::fs::metadata(path).ok().map(|metadata| metadata.dev());
    let one = [&arguments.passphrase_file, &arguments.recovery_kit, &arguments.age_identity];
    let files = one.into_iter().flatten().chain(&arguments.share_file);
    for file in files.filter(|file| file.as_path() != Path::new("-")) {
        if device(file).is_some_and(|found| Some(found) == device(dir)) {
            eprintln!(
                "warning: {} lies on the same filesystem as the archive; whoever carries that disk away can open it. Keep it on another medium.",
                file.display()
            );
        }
    }
}

/// The method of this id, label or kind.
pub fn find(envelope: &RootEnvelope, name: &str) -> Result<Known> {
    let methods = envelope.methods()?;
    let by_id = methods.iter().find(|method| method.id.to_string() == name);
    if let Some(method) = by_id {
        return Ok(method.clone());
    }
    let mut named = methods.iter().filter(|method| method.label.as_deref() == Some(name) || method.kind.word() == name);
    match (named.next(), named.next()) {
        (Some(method), None) => Ok(method.clone()),
        (Some(_), Some(_)) => {
            bail!("several unseal methods are called {name}; name one by its id, `leadglass unseal list` shows them")
        }
        (None, _) => bail!("no unseal method is called {name}; `leadglass unseal list` names them"),
    }
}
