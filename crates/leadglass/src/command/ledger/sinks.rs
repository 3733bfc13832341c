//! `leadglass ledger sink`.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use protocol::{PageReply, PageRequest, SinkRow};
use serde_json::json;

use crate::cli::{Format, LedgerSinkCommand};
use crate::command::approve::is_made;
use crate::output::say;
use crate::owner::Owner;

/// `leadglass ledger sink`
pub fn sinks(dir: &Path, format: Format, command: LedgerSinkCommand) -> Result<()> {
    match command {
        LedgerSinkCommand::Add { path, allow_same_filesystem } => {
            let path = std::path::absolute(path)?;
            std::fs::create_dir_all(&path).context("the folder cannot be made; see whether its disk is mounted")?;
            let same = std::fs::metadata(&path)?.dev() == std::fs::metadata(dir)?.dev();
            if same && !allow_same_filesystem {
                bail!(
                    "{} is on the filesystem of DIR; choose another disk, or rehearse with --allow-same-filesystem",
                    path.display()
                );
            }
            audit::mark_sink(&path).context("the folder cannot be written; look at its rights")?;
            if !set(dir, format, &path, true)? {
                return Ok(());
            }
            match format {
                Format::Json => say!("{}", json!({ "sink": path })),
                Format::Text => {
                    say!(
                        "Every entry goes to {} too once `leadglass serve` is started again: the walls around the warden open for it then.",
                        path.display()
                    )
                }
            }
        }
        LedgerSinkCommand::Remove { path } => {
            let path = std::path::absolute(path)?;
            if !set(dir, format, &path, false)? {
                return Ok(());
            }
            match format {
                Format::Json => say!("{}", json!({ "removed": path })),
                Format::Text => {
                    say!("Entries go to {} no more once `leadglass serve` is started again.", path.display())
                }
            }
        }
        LedgerSinkCommand::List => {
            let PageReply::Health(health) = Owner::connect(dir)?.ask(PageRequest::Health)? else {
                bail!("the warden answered something else; run commands and serve from the same version")
            };
            match format {
                Format::Json => say!("{}", serde_json::to_string(&health.sinks)?),
                Format::Text => health.sinks.iter().for_each(|row| say!("{}", sink_in_words(row))),
            }
        }
    }
    Ok(())
}

/// Whether it was done at once; what waits for two persons is shown.
fn set(dir: &Path, format: Format, path: &Path, on: bool) -> Result<bool> {
    let path = path.to_str().context("the folder's name is no text; choose another")?.to_owned();
    is_made(format, Owner::connect(dir)?.ask(PageRequest::SetSink { path, on })?)
}

/// One line for a folder.
pub fn sink_in_words(row: &SinkRow) -> String {
    match (&row.away, row.behind) {
        (Some(why), _) => format!("{} is away: {why}; {} entries are in the other folder only", row.folder, row.behind),
        (None, 0) => format!("{} holds every entry", row.folder),
        (None, behind) => format!("{} lacks {behind} entries", row.folder),
    }
}
