//! Unsealing the root: one function, which runs at the very start of a role or a command, before anything else is opened and
//! before the warden walls itself in, because a method may need a program, a terminal or the network.
//!
//! What stands in DIR is never run: programs are named by whoever starts leadglass, or are `clevis decrypt`.

mod age;
mod clevis;
mod method;
mod program;
mod shares;

pub use age::{age_keeper, open_with_age, seal_with_age};
pub use clevis::{CLEVIS_DECRYPT, clevis_keeper};
pub use method::{Method, UnsealArgs, find, warn_of_what_lies_beside};
pub use program::{Program, ProgramError};
pub use shares::{collect as collect_shares, read_one, split as split_shares};

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use seal::{KitError, MethodKind, RecoveryKit, RootEnvelope, RootSecret, RootShare as Share, Secret32};
use zeroize::Zeroizing;

/// The root while it is unsealed, and the envelope that it came from.
pub struct Unsealed {
    /// The root.
    pub root: RootSecret,
    /// The envelope.
    pub envelope: RootEnvelope,
    /// The file as it was read.
    pub json: Vec<u8>,
    /// The word for the method.
    pub by: &'static str,
}

/// Unseals the root of the installation in `dir`.
pub fn unseal(dir: &Path, method: &Method) -> Result<Unsealed> {
    let (envelope, json) = read_envelope(dir)?;
    let root = match method {
        Method::Passphrase(passphrase) => stays_sealed(envelope.unseal_with_passphrase(passphrase))?,
        Method::RecoveryKit(text) => {
            let kit = RecoveryKit::parse(text).map_err(|error: KitError| anyhow!(error))?;
            stays_sealed(envelope.unseal_with_kit(&kit))?
        }
        Method::Shares(texts) => {
            let shares = shares::split(texts)?;
            let shares: Vec<Share> = shares.iter().map(|text| Share::parse(text)).collect::<Result<_, _>>()?;
            stays_sealed(envelope.unseal_with_shares(&shares))?
        }
        Method::Age { name, identity } => {
            let method = find(&envelope, name.as_deref().unwrap_or("age"))?;
            let ciphertext = envelope.ciphertext(method.id)?;
            let key = key_of(&open_with_age(identity)?, &ciphertext)?;
            stays_sealed(envelope.unseal_with_key(method.id, &key))?
        }
        Method::Command { name, command } => {
            let method = find(&envelope, name.as_deref().unwrap_or("command"))?;
            let MethodKind::Command(_) = method.kind else {
                bail!("the method {} is no command; see `leadglass unseal list`", method.id)
            };
            let ciphertext = envelope.ciphertext(method.id)?;
            let program = match command {
                Some(command) => Program::parse(command)?,
                None if clevis_keeper(&ciphertext).is_some() => Program::parse(CLEVIS_DECRYPT)?,
                None => bail!(
                    "leadglass does not know which program opens the method {}; name it with --unseal-command",
                    method.id
                ),
            };
            let key = key_of(&program, &ciphertext).with_context(|| clevis::sealed_hint(&ciphertext))?;
            stays_sealed(envelope.unseal_with_key(method.id, &key))?
        }
    };
    Ok(Unsealed { root, envelope, json, by: method.word() })
}

/// Runs a program over a sealed key: the key comes back as 64 hexadecimal digits.
pub fn key_of(program: &Program, ciphertext: &[u8]) -> Result<Secret32> {
    let output = program.run(ciphertext)?;
    let digits = output.trim_ascii();
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, key.as_mut_slice()).map_err(|_| ProgramError::NoKey { program: program.name() })?;
    Ok(Secret32::from_bytes(&key))
}

/// Reads `DIR/warden/root.json`.
pub fn read_envelope(dir: &Path) -> Result<(RootEnvelope, Vec<u8>)> {
    let json = match std::fs::read(dir.join("warden/root.json")) {
        Ok(json) => json,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(crate::owner::not_running(dir)),
        Err(error) => {
            return Err(error).context("warden/root.json cannot be read; check the path and the rights");
        }
    };
    Ok((RootEnvelope::from_json(&json)?, json))
}

fn stays_sealed(opened: Result<RootSecret, seal::UnsealError>) -> Result<RootSecret> {
    opened.map_err(|error| {
        let text = error.to_string();
        // what happened; what to do
        let (what, hint) = text.split_once("; ").unwrap_or((&text, "see `leadglass unseal list`"));
        anyhow!("the root stays sealed: {what}; {hint}")
    })
}
