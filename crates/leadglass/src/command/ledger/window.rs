//! `leadglass ledger export-window` and `leadglass ledger verify --refold`.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use model::{EntryNumber, Who, Window};
use protocol::{PageReply, PageRequest};
use serde_json::{Value, json};

use crate::cli::Format;
use crate::command::manage::when;
use crate::output::say;
use crate::owner::Owner;
use crate::time::{self, Direction};

/// `leadglass ledger export-window`
pub fn export(dir: &Path, format: Format, from: &str, to: &str, out: &Path) -> Result<()> {
    let now = time::now();
    let window =
        Window { from: when("--from", from, Direction::Back, now)?, to: when("--to", to, Direction::Back, now)? };
    let owner = Owner::connect(dir)?;
    let file = std::fs::File::create_new(out).with_context(|| format!("{} exists or cannot be made", out.display()))?;
    let mut file = BufWriter::new(file);
    let mut next = Some(EntryNumber(0));
    let mut written = 0u64;
    while let Some(from) = next {
        let PageReply::Window { lines, next: following } = owner.ask(PageRequest::ExportWindow { window, from })?
        else {
            bail!("the warden answered something else; run commands and serve from the same version")
        };
        for line in &lines {
            writeln!(file, "{line}")?;
        }
        written += lines.len() as u64;
        next = following;
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    match format {
        Format::Json => say!("{}", json!({ "window": out, "shown": written.saturating_sub(1) })),
        Format::Text => {
            say!(
                "Wrote {}: it opens the whole days from {} to {}.",
                out.display(),
                time::show(window.from),
                time::show(window.to)
            );
            say!("Hand it over like a key, with a copy of {}.", dir.join("ledger").display());
        }
    }
    Ok(())
}

/// `leadglass ledger verify --refold`
pub fn refold(ledger: &Path, format: Format, file: &Path, who: Option<&str>) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let folded = audit::refold(ledger, text.lines())?;
    let wanted: Vec<(&String, &Who)> =
        folded.names.iter().filter(|(name, _)| who.is_none_or(|who| who == *name)).collect();
    if wanted.is_empty() {
        bail!("nobody of this name is in the ledger up to the window's end; leave --who away to see everybody");
    }
    let rows: Vec<Value> = wanted.iter().map(|(name, who)| row(&folded, name, **who)).collect();
    match format {
        Format::Json => say!(
            "{}",
            json!({ "verified": true, "window": folded.window, "opened": folded.opened, "shown": folded.shown, "exposure": rows })
        ),
        Format::Text => {
            say!(
                "Verified and folded: {} entries opened by the window's keys, {} earlier ones shown.",
                folded.opened,
                folded.shown
            );
            say!("window     from {} to {}", time::show(folded.window.from), time::show(folded.window.to));
            for row in rows {
                let count =
                    |what: &str| format!("{} patients, {} studies", row[what]["patients"], row[what]["studies"]);
                let name = row["who"].as_str().unwrap_or_default();
                say!(
                    "{name}: reachable {}; listed {}; opened {}",
                    count("reachable"),
                    count("listed"),
                    count("opened")
                );
            }
        }
    }
    Ok(())
}

fn row(folded: &audit::Refolded, name: &str, who: Who) -> Value {
    let [reachable, listed, opened] = folded
        .index
        .report(who, folded.window)
        .counts()
        .map(|(patients, studies)| json!({ "patients": patients, "studies": studies }));
    json!({ "who": name, "reachable": reachable, "listed": listed, "opened": opened })
}
