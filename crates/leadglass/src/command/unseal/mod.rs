//! `leadglass unseal`: the methods that unseal the root, while serving or stopped.

mod add;
mod change;
mod doctor;
mod drill;
mod hand_out;
mod list;
mod new_root;
mod options;

use std::path::Path;

use anyhow::{Result, bail};

pub use doctor::findings;
pub use options::UnsealCommand;

use crate::cli::Format;
use crate::control;
use crate::unseal::{Method, UnsealArgs, Unsealed, find, unseal};

/// `leadglass unseal`
pub fn unseal_command(dir: &Path, format: Format, command: UnsealCommand) -> Result<()> {
    // the root, passphrases and shares pass through this process
    control::keep_to_itself("unseal");
    match command {
        UnsealCommand::List => list::list(dir, format),
        UnsealCommand::Add(command) => add::add(dir, format, command),
        UnsealCommand::Remove { method, leave_only_machines, with } => {
            remove(dir, format, &method, leave_only_machines, &with)
        }
        UnsealCommand::NewRoot { remove, leave_only_machines, with } => {
            new_root::new_root(dir, format, &remove, leave_only_machines, &with)
        }
        UnsealCommand::Drill { share_file, all } => drill::drill(dir, format, &share_file, all),
    }
}

fn remove(dir: &Path, format: Format, name: &str, leave_only_machines: bool, with: &UnsealArgs) -> Result<()> {
    let unsealed = open(dir, with)?;
    let method = find(&unsealed.envelope, name)?;
    if unsealed.envelope.methods()?.len() == 1 {
        bail!("{name} is the last unseal method; add another one first, without any the archive would be lost");
    }
    let envelope = unsealed.envelope.without(method.id)?;
    let change = change::Change { envelope, holders: Vec::new(), leave_only_machines };
    let outcome = change.submit(dir, &unsealed)?;
    let value = serde_json::json!({ "removed": method.id.to_string() });
    let older = "Copies of root.json from before, in the vault for instance, still open with it, until `leadglass unseal new-root`";
    let text = format!("Removed the method {} ({}). {older}.", method.id, method.kind.word());
    outcome.say(format, &value, &text)
}

/// Unseals by an existing method.
fn open(dir: &Path, with: &UnsealArgs) -> Result<Unsealed> {
    unseal(dir, &Method::read(dir, with)?)
}
