//! `leadglass unseal add`: each new method is tried before anything changes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use seal::{
    CIPHERTEXT_BYTES_MAX, EnvelopeError, Keeper, MethodId, MethodKind, NewShares, PassphraseCost, RecoveryKit,
    RootEnvelope, Secret32, SystemRandom, UnsealMethod,
};
use serde_json::json;

use super::change::Change;
use super::options::{AddCommand, KeeperName};
use super::{hand_out, open};
use crate::cli::Format;
use crate::command::{read_passphrase, write_recovery_kit};
use crate::unseal::{Program, UnsealArgs, Unsealed, age_keeper, clevis_keeper, key_of, open_with_age, seal_with_age};

/// Adds a method.
pub fn add(dir: &Path, format: Format, command: AddCommand) -> Result<()> {
    match command {
        AddCommand::Passphrase { new_passphrase_file, label, with } => {
            let unsealed = open(dir, &with)?;
            let passphrase = read_passphrase(&new_passphrase_file)?;
            let characters = passphrase.trim().chars().count();
            if characters < warden::PASSPHRASE_CHARACTERS_MIN {
                bail!(warden::InitError::ShortPassphrase { characters });
            }
            let method = UnsealMethod::Passphrase { passphrase: &passphrase, cost: PassphraseCost::default() };
            let (envelope, id) = with_method(&unsealed, &method, label.as_deref())?;
            if envelope.unseal_with_passphrase(&passphrase).ok().as_ref() != Some(&unsealed.root) {
                bail!("the new passphrase does not unseal what was just sealed; nothing was changed, try again");
            }
            submit(dir, format, &unsealed, envelope, id, "a passphrase")
        }
        AddCommand::RecoveryKit { new_recovery_kit, label, with } => {
            let unsealed = open(dir, &with)?;
            let kit = RecoveryKit::generate(&mut SystemRandom);
            let (envelope, id) = with_method(&unsealed, &UnsealMethod::RecoveryKit(&kit), label.as_deref())?;
            write_recovery_kit(&kit, &new_recovery_kit)?;
            submit(dir, format, &unsealed, envelope, id, "a recovery kit")
        }
        AddCommand::Shares { threshold, holders, out, label, with } => {
            shares(dir, format, &with, threshold, holders, out, label)
        }
        AddCommand::Age { recipient, identity, kind, label, with } => {
            let unsealed = open(dir, &with)?;
            let key = Secret32::generate(&mut SystemRandom);
            let ciphertext = seal_with_age(&key, &recipient)?;
            let keeper = kind.map_or_else(|| age_keeper(&recipient), Keeper::from);
            match &identity {
                Some(identity) => tried(&key, &open_with_age(identity)?, &ciphertext)?,
                None => eprintln!("warning: the identity was not tried; start once with it before you rely on it"),
            }
            let method = UnsealMethod::Age { key: &key, ciphertext: &ciphertext, keeper };
            let (envelope, id) = with_method(&unsealed, &method, label.as_deref())?;
            submit(dir, format, &unsealed, envelope, id, "an age identity")
        }
        AddCommand::Command { open_with, kind, label, with, seal } => {
            sealed_by_program(dir, format, &with, &Program::parse(&open_with)?, kind, label, seal)
        }
    }
}

/// A new set: another polynomial, so shares of the one before do not fit any more.
fn shares(
    dir: &Path,
    format: Format,
    with: &UnsealArgs,
    threshold: u8,
    holders: Vec<String>,
    out: Option<PathBuf>,
    label: Option<String>,
) -> Result<()> {
    let holders: Vec<String> = holders.iter().map(|name| name.trim().to_owned()).collect();
    if holders.iter().any(String::is_empty)
        || (1..holders.len()).any(|place| holders[..place].contains(&holders[place]))
    {
        bail!("each holder has a name of their own; separate the names by commas");
    }
    let unsealed = open(dir, with)?;
    let new = NewShares::split(threshold.into(), holders.len(), &mut SystemRandom)?;
    let (mut envelope, id) = with_method(&unsealed, &UnsealMethod::Shares(&new), label.as_deref())?;
    let mut replaced = Vec::new();
    for method in unsealed.envelope.methods()? {
        if let MethodKind::Shares(set) = method.kind {
            envelope = envelope.without(method.id)?;
            replaced.push(set.set.to_string());
        }
    }
    if envelope.unseal_with_shares(&new.shares[..usize::from(threshold)]).ok().as_ref() != Some(&unsealed.root) {
        bail!("the new shares do not unseal what was just sealed; nothing was changed, try again");
    }
    let shown = hand_out::hand_out(dir, format, &new, &holders, out.as_deref())?;
    let change = Change { envelope, holders: holders.clone(), leave_only_machines: false };
    let outcome = change.submit(dir, &unsealed).context("the shares that were shown are void; nothing was changed")?;
    let value = json!({
        "added": id.to_string(), "set": new.set.set.to_string(), "threshold": threshold, "replaced": replaced, "shares": shown,
    });
    let mut text = format!("Added the share set {} as {id}: {threshold} of {} open.", new.set.set, holders.len());
    for old in &replaced {
        text.push_str(&format!(
            "\nSet {old} does not open this installation any more. Copies of root.json from before, in the vault for instance, still open with its shares: collect and destroy them."
        ));
    }
    text.push_str("\nRun `leadglass unseal drill` now, so that every holder knows that their paper is right.");
    outcome.say(format, &value, &text)
}

fn sealed_by_program(
    dir: &Path,
    format: Format,
    with: &UnsealArgs,
    opener: &Program,
    kind: Option<KeeperName>,
    label: Option<String>,
    sealer: Vec<String>,
) -> Result<()> {
    let unsealed = open(dir, with)?;
    let key = Secret32::generate(&mut SystemRandom);
    let digits = zeroize::Zeroizing::new(hex::encode(key.expose()));
    let ciphertext = Program::of(sealer)?.run(digits.as_bytes())?;
    if ciphertext.windows(digits.len()).any(|window| window == digits.as_bytes()) {
        bail!("the program gave the key back unsealed; name one that seals it");
    }
    if ciphertext.is_empty() || ciphertext.len() > CIPHERTEXT_BYTES_MAX {
        bail!(EnvelopeError::Ciphertext { bytes: ciphertext.len() });
    }
    tried(&key, opener, &ciphertext)?;
    let found = clevis_keeper(&ciphertext);
    let keeper = match (kind.map(Keeper::from), found) {
        (Some(said), _) => said,
        (None, Some(found)) => found,
        (None, None) => {
            bail!("clevis has not sealed this, so leadglass cannot tell where the key is kept; say it with --kind")
        }
    };
    let method = UnsealMethod::Command { key: &key, ciphertext: &ciphertext, keeper };
    let (envelope, id) = with_method(&unsealed, &method, label.as_deref())?;
    if found.unwrap_or(keeper).goes_with_the_machine() {
        eprintln!(
            "warning: this machine alone opens this method; who carries it away has everything. Seal to a TPM and a Tang server on another machine together."
        );
    }
    submit(dir, format, &unsealed, envelope, id, "a command")
}

/// Whether a program gives the key back.
fn tried(key: &Secret32, opener: &Program, ciphertext: &[u8]) -> Result<()> {
    let given =
        key_of(opener, ciphertext).context("the new method was tried and does not open; nothing was changed")?;
    if given != *key {
        bail!("the program {} gave another key back than was sealed; nothing was changed", opener.name());
    }
    Ok(())
}

fn with_method(
    unsealed: &Unsealed,
    method: &UnsealMethod<'_>,
    label: Option<&str>,
) -> Result<(RootEnvelope, MethodId)> {
    if let Some(label) = label
        && unsealed.envelope.methods()?.iter().any(|method| method.label.as_deref() == Some(label))
    {
        bail!("another unseal method is called {label} already; choose another --label");
    }
    Ok(unsealed.envelope.with(&unsealed.root, method, label, &mut SystemRandom)?)
}

fn submit(
    dir: &Path,
    format: Format,
    unsealed: &Unsealed,
    envelope: RootEnvelope,
    id: MethodId,
    what: &str,
) -> Result<()> {
    let outcome = Change { envelope, holders: Vec::new(), leave_only_machines: false }.submit(dir, unsealed)?;
    let text = format!("Added {what} as {id}. It was tried and unseals the root.");
    outcome.say(format, &json!({ "added": id.to_string() }), &text)
}
