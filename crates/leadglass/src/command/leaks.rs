//! `leadglass leaks`: lists of leaked passwords, and dumps of stolen logins.

mod check;
mod letter;
mod load;

use std::path::Path;

use ::leaks::{FALSE_POSITIVES_ONE_IN, Lists, Named};
use anyhow::{Result, bail};
use serde_json::json;

use crate::cli::{Format, LeaksCommand};
use crate::output::say;

/// `leadglass leaks`
pub fn leaks(dir: &Path, format: Format, command: LeaksCommand) -> Result<()> {
    match command {
        LeaksCommand::Load { file, name } => load::load(dir, format, &file, name.as_deref()),
        LeaksCommand::List { verify } => list(dir, format, verify),
        LeaksCommand::Remove { name } => remove(dir, format, &name),
        LeaksCommand::Check { dump, letters } => check::check(dir, format, &dump, letters.as_deref()),
        LeaksCommand::Letters { folder } => letter::letters(dir, format, &folder),
    }
}

/// Works without a running warden: the files are the owner's.
fn list(dir: &Path, format: Format, verify: bool) -> Result<()> {
    let folder = dir.join(warden::LEAK_LISTS);
    let lists = Lists::open(&folder);
    let mut broken = 0;
    let mut rows = Vec::new();
    for Named { name, filter } in lists.all() {
        let checked = filter.as_ref().map_err(ToString::to_string).and_then(|filter| {
            let whole = if verify { filter.verify() } else { Ok(()) };
            whole.map(|()| filter).map_err(|error| error.to_string())
        });
        match &checked {
            Ok(filter) => {
                let (kind, hashes, bytes) = (filter.kind().word(), filter.hashes(), filter.bytes());
                let digest = hex::encode(filter.digest());
                rows.push(json!({ "name": name, "hash": kind, "hashes": hashes, "bytes": bytes, "digest": digest }));
                if format == Format::Text {
                    say!("{name}\t{kind}\t{hashes} hashes\t{bytes} bytes");
                }
            }
            Err(error) => {
                broken += 1;
                rows.push(json!({ "name": name, "error": error }));
                if format == Format::Text {
                    say!("{name}\tcannot be used: {error}");
                }
            }
        }
    }
    match format {
        Format::Json => say!("{}", json!({ "lists": rows, "false_positives_one_in": FALSE_POSITIVES_ONE_IN })),
        Format::Text if rows.is_empty() => {
            say!("No list is loaded; passwords are held against the built-in ones only.")
        }
        Format::Text => {}
    }
    if broken > 0 {
        bail!("{broken} lists cannot be used; load them again with `leadglass leaks load`");
    }
    Ok(())
}

fn remove(dir: &Path, format: Format, name: &str) -> Result<()> {
    let path = ::leaks::path(&dir.join(warden::LEAK_LISTS), name);
    if !::leaks::is_name(name) || std::fs::remove_file(path).is_err() {
        bail!("there is no list of this name; `leadglass leaks list` says which there are");
    }
    match format {
        Format::Json => say!("{}", json!({ "removed": name })),
        Format::Text => say!("{name} is removed; an installation that runs records that within seconds."),
    }
    Ok(())
}
