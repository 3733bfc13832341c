//! `leadglass ledger export-window` and `leadglass ledger verify --refold`.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use model::{EntryNumber, Who, Window};
use protocol::{PageReply, PageRequest, ProposalState, WindowRequest};
use serde_json::{Value, json};

use crate::cli::Format;
use crate::command::approve::told;
use crate::command::manage::when;
use crate::output::say;
use crate::owner::Owner;
use crate::time::{self, Direction};

/// `leadglass ledger export-window`: at once while the site is set up, else the proposal.
pub fn export(dir: &Path, format: Format, from: &str, to: &str, out: &Path) -> Result<()> {
    let now = time::now();
    let window =
        Window { from: when("--from", from, Direction::Back, now)?, to: when("--to", to, Direction::Back, now)? };
    if out.exists() {
        bail!("{} exists; name a new file", out.display());
    }
    match Owner::connect(dir)?.ask(PageRequest::ExportWindow(WindowRequest::Ask { window }))? {
        PageReply::Proposed(row) if matches!(row.state, ProposalState::CarriedOut { .. }) => {
            take(dir, format, row.proposal, out)
        }
        PageReply::Proposed(row) => {
            let proposal = row.proposal;
            told(format, PageReply::Proposed(row))?;
            if matches!(format, Format::Text) {
                say!(
                    "When it is carried out: leadglass ledger export-window --proposal {proposal} --out {}",
                    out.display()
                );
            }
            Ok(())
        }
        _ => bail!("the warden answered something else; run commands and serve from the same version"),
    }
}

/// Takes the keys of an export that was carried out, once.
pub fn take(dir: &Path, format: Format, proposal: EntryNumber, out: &Path) -> Result<()> {
    let owner = Owner::connect(dir)?;
    let file = std::fs::File::create_new(out).with_context(|| format!("{} exists or cannot be made", out.display()))?;
    let written = pieces(&owner, proposal, file);
    if written.is_err() && std::fs::metadata(out).is_ok_and(|file| file.len() == 0) {
        // refused: nothing came that anybody could want to keep
        let _ = std::fs::remove_file(out);
    }
    let written = written?;
    match format {
        Format::Json => say!("{}", json!({ "window": out, "shown": written.saturating_sub(1) })),
        Format::Text => {
            say!("Wrote {}: it opens the whole days of proposal {proposal}.", out.display());
            say!("Hand it over like a key, with a copy of {}.", dir.join("ledger").display());
        }
    }
    Ok(())
}

/// Writes piece after piece; says how many lines.
fn pieces(owner: &Owner, proposal: EntryNumber, file: std::fs::File) -> Result<u64> {
    let mut file = BufWriter::new(file);
    let mut next = Some(EntryNumber(0));
    let mut written = 0u64;
    while let Some(from) = next {
        let request = PageRequest::ExportWindow(WindowRequest::Take { proposal, from });
        let PageReply::Window { lines, next: following } = owner.ask(request)? else {
            bail!("the warden answered something else; run commands and serve from the same version")
        };
        for line in &lines {
            writeln!(file, "{line}")?;
        }
        written += lines.len() as u64;
        next = following;
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(written)
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
