//! `age` and `rage`: keys sealed to recipients, plugins such as age-plugin-yubikey among them.
//!
//! The program is called, not linked: the library adds 83 packages to the build (most of them for translated messages), and
//! plugins are programs in any case.

use std::path::Path;

use anyhow::{Result, bail};
use seal::{Keeper, Secret32};
use zeroize::Zeroizing;

use super::Program;

/// The most recipients of one method.
const RECIPIENTS_MAX: usize = 16;

/// What opens a text with an identity file; the file may name a plugin.
pub fn open_with_age(identity: &Path) -> Result<Program> {
    if !identity.exists() {
        bail!("the age identity {} is not there; name the file with --age-identity", identity.display());
    }
    let Some(identity) = identity.to_str() else {
        bail!("the path of the age identity is not Unicode; choose another")
    };
    let words = vec![program()?, "--decrypt".to_owned(), "--identity".to_owned(), identity.to_owned()];
    Ok(Program::of(words)?.asking_on_terminal())
}

/// Seals a key to recipients.
pub fn seal_with_age(key: &Secret32, recipients: &[String]) -> Result<Vec<u8>> {
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
        bail!("an age method has 1 to {RECIPIENTS_MAX} recipients; name each with --recipient");
    }
    let mut words = vec![program()?, "--encrypt".to_owned(), "--armor".to_owned()];
    for recipient in recipients {
        if !recipient.starts_with("age1") && !recipient.starts_with("ssh-") {
            bail!("{recipient} is no age recipient; it begins with age1 or ssh-");
        }
        words.extend(["--recipient".to_owned(), recipient.clone()]);
    }
    let digits = Zeroizing::new(hex::encode(key.expose()));
    Ok(Program::of(words)?.run(digits.as_bytes())?.to_vec())
}

/// Where the identities are kept, as far as the recipients say: those of plugins are `age1NAME1...`.
pub fn age_keeper(recipients: &[String]) -> Keeper {
    let of_plugin = |recipient: &String| recipient.strip_prefix("age1").is_some_and(|rest| rest.contains('1'));
    if recipients.iter().all(of_plugin) { Keeper::HardwareToken } else { Keeper::Other }
}

fn program() -> Result<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there =
        ["age", "rage"].into_iter().find(|name| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()));
    match there {
        Some(name) => Ok(name.to_owned()),
        None => bail!("neither age nor rage is installed; install one (Debian: apt-get install age)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_of_plugins_are_hardware_tokens() {
        // bech32 has no `1` in its data, so a second one ends the name of a plugin
        let plain = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".to_owned();
        let token = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt".to_owned();
        assert_eq!(age_keeper(std::slice::from_ref(&plain)), Keeper::Other);
        assert_eq!(age_keeper(std::slice::from_ref(&token)), Keeper::HardwareToken);
        assert_eq!(age_keeper(&[plain, token]), Keeper::Other);
    }
}
