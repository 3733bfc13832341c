//! `leadglass ledger`: verify and checkpoint need the files only, entries needs a running warden.

mod sinks;
mod window;
mod witnesses;

use std::path::Path;

use anyhow::{Result, bail};
use model::EntryNumber;
use protocol::{PageReply, PageRequest};
use serde_json::{Value, json};

use super::verify_report::{Question, verify_report};
use crate::cli::{Format, LedgerCommand};
use crate::output::say;
use crate::owner::Owner;
use crate::time;

pub use sinks::sink_in_words;
pub use witnesses::{in_words, seen};

/// `leadglass ledger`
pub fn ledger(dir: &Path, format: Format, command: LedgerCommand) -> Result<()> {
    let folder = dir.join("ledger");
    match command {
        LedgerCommand::Verify { report: Some(file), key, checkpoint, pages, language, .. } => {
            let question = Question {
                file: &file,
                key: key.as_deref(),
                checkpoint: checkpoint.as_deref(),
                pages: pages.as_deref(),
                language: report::Language::from_tag(&language).unwrap_or_default(),
            };
            verify_report(dir, format, &question)?;
        }
        LedgerCommand::Verify { refold: Some(file), who, .. } => {
            window::refold(&folder, format, &file, who.as_deref())?
        }
        LedgerCommand::ExportWindow { from, to, proposal, out } => match (from, proposal) {
            (_, Some(proposal)) => window::take(dir, format, EntryNumber(proposal), &out)?,
            (Some(from), None) => window::export(dir, format, &from, &to, &out)?,
            (None, None) => bail!("nothing says which window; give --from, or --proposal for one that was approved"),
        },
        LedgerCommand::Verify { since, .. } => {
            let verified = audit::verify(&folder, since.as_deref())?;
            match format {
                Format::Json => say!(
                    "{}",
                    json!({ "verified": true, "size": verified.size, "root": verified.root.to_string(), "checkpoint": verified.checkpoint })
                ),
                Format::Text => {
                    say!("Verified: {} entries, every byte of {} recomputed.", verified.size, folder.display());
                    say!("root {}", verified.root);
                }
            }
        }
        LedgerCommand::Sink(command) => sinks::sinks(dir, format, command)?,
        LedgerCommand::Witness(command) => witnesses::witnesses(dir, format, command)?,
        LedgerCommand::AcceptLoss { reason } => witnesses::accept_loss(dir, format, &reason)?,
        LedgerCommand::Checkpoint { cosigned } => {
            let text = if cosigned { witnesses::newest_cosigned(dir)? } else { audit::checkpoint(&folder)?.0 };
            match format {
                Format::Json => say!("{}", json!({ "checkpoint": text })),
                Format::Text => say!("{}", text.trim_end()),
            }
        }
        LedgerCommand::Entries { from, limit } => {
            let owner = Owner::connect(dir)?;
            let mut next = from;
            let mut left = limit;
            let mut rows = Vec::new();
            while left > 0 {
                let request = PageRequest::Entries { from: EntryNumber(next), limit: left };
                let PageReply::Entries { entries, .. } = owner.ask(request)? else {
                    bail!("the warden answered something else; run commands and serve from the same version")
                };
                if entries.is_empty() {
                    break;
                }
                next += entries.len() as u64;
                left = left.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
                rows.extend(entries);
            }
            for row in rows {
                let mut entry: Value = serde_json::from_str(&row.entry)?;
                portal::identifiers(&mut entry);
                match format {
                    Format::Json => {
                        say!("{}", json!({ "number": row.number, "actor_name": row.actor_name, "entry": entry }));
                    }
                    Format::Text => {
                        let at = time::show(model::Instant(entry["recorded"].as_i64().unwrap_or_default()));
                        say!("{}\t{at}\t{}\t{}", row.number, row.actor_name, entry["kind"].as_str().unwrap_or("?"));
                    }
                }
            }
        }
    }
    Ok(())
}
