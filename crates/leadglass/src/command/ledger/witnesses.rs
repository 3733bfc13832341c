//! `leadglass ledger witness` and `leadglass ledger accept-loss`.

use std::path::Path;

use anyhow::{Result, bail};
use audit::{
    Ahead, Checkpoint, Cosigner, LossAccepted, WitnessAt, read_ahead, read_witnesses, write_accepted, write_ahead,
};
use protocol::PageRequest;
use serde_json::json;
use witness::Status;

use crate::cli::{Format, LedgerWitnessCommand};
use crate::command::approve::is_made;
use crate::output::say;
use crate::owner::Owner;
use crate::time;

/// What a witness cosigned last, and how far behind that is.
pub struct Seen {
    pub witness: WitnessAt,
    pub status: Status,
    /// Entries cosigned, and when in seconds since 1970.
    pub cosigned: Option<(u64, u64)>,
    /// Entries that are younger.
    pub lag: u64,
    pub note: Option<String>,
}

/// Every witness of the ledger in `dir`, from the files alone.
pub fn seen(dir: &Path) -> Result<Vec<Seen>> {
    let folder = dir.join("witnesses");
    let witnesses = read_witnesses(&folder)?;
    if witnesses.is_empty() {
        return Ok(Vec::new());
    }
    let prover = audit::Prover::open(&dir.join("ledger"))?;
    let size = prover.checkpoint().1.size;
    let look = |witness: WitnessAt| {
        let note = Status::cosigned(&folder, &witness);
        let cosigned = note.as_deref().and_then(|note| {
            let size = Checkpoint::open(note.as_bytes(), prover.verifier()).ok()?.size;
            let cosigners = witness.vkeys.iter().filter_map(|vkey| Cosigner::parse(vkey).ok());
            let at = cosigners.filter_map(|cosigner| cosigner.cosigned(note.as_bytes()).ok().flatten()).max()?;
            Some((size, at))
        });
        let lag = size.saturating_sub(cosigned.map_or(0, |(cosigned, _)| cosigned));
        Seen {
            status: Status::read(&folder, &witness),
            cosigned,
            lag,
            note: note.filter(|_| cosigned.is_some()),
            witness,
        }
    };
    Ok(witnesses.into_iter().map(look).collect())
}

/// `leadglass ledger witness`
pub fn witnesses(dir: &Path, format: Format, command: LedgerWitnessCommand) -> Result<()> {
    match command {
        LedgerWitnessCommand::Add { url, vkey } => {
            let request = PageRequest::SetWitness { url: url.clone(), vkeys: vkey };
            if !is_made(format, Owner::connect(dir)?.ask(request)?)? {
                return Ok(());
            }
            let own = std::fs::read_to_string(dir.join("ledger/site.vkey"))?;
            match format {
                Format::Json => say!("{}", json!({ "witness": url, "vkey": own.trim_end() })),
                Format::Text => {
                    say!("{url} is asked from now on. Its operator must know this site's key:");
                    say!("  {}", own.trim_end());
                }
            }
        }
        LedgerWitnessCommand::Remove { url } => {
            let request = PageRequest::SetWitness { url: url.clone(), vkeys: Vec::new() };
            if !is_made(format, Owner::connect(dir)?.ask(request)?)? {
                return Ok(());
            }
            match format {
                Format::Json => say!("{}", json!({ "removed": url })),
                Format::Text => say!("{url} is asked no more."),
            }
        }
        LedgerWitnessCommand::List => {
            let rows = seen(dir)?;
            match format {
                Format::Json => {
                    let rows: Vec<_> = rows.iter().map(as_json).collect();
                    say!("{}", json!(rows));
                }
                Format::Text => rows.iter().for_each(|row| say!("{}", in_words(row))),
            }
        }
    }
    Ok(())
}

fn as_json(row: &Seen) -> serde_json::Value {
    json!({
        "url": row.witness.url,
        "name": row.status.name,
        "cosigned": row.cosigned.map(|(size, _)| size),
        "cosigned_at": row.cosigned.map(|(_, at)| time::show(instant(at))),
        "lag": row.lag,
        "problem": row.status.problem,
        "ahead": row.status.ahead,
        "proven": row.status.proven,
    })
}

/// One line for a witness.
pub fn in_words(row: &Seen) -> String {
    let cosigned = match row.cosigned {
        Some((size, at)) => format!("cosigned {size} entries at {}, {} are younger", time::show(instant(at)), row.lag),
        None => "has cosigned nothing yet".to_owned(),
    };
    let problem = row.status.problem.as_deref().map(|problem| format!("; {problem}")).unwrap_or_default();
    format!("{} ({}) {cosigned}{problem}", row.status.name, row.witness.url)
}

fn instant(seconds: u64) -> model::Instant {
    model::Instant(0).plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// The newest note that a witness cosigned.
pub fn newest_cosigned(dir: &Path) -> Result<String> {
    let newest = seen(dir)?.into_iter().max_by_key(|row| row.cosigned);
    match newest.and_then(|row| row.note) {
        Some(note) => Ok(note),
        None => bail!("no witness has cosigned yet; add one with `leadglass ledger witness add`"),
    }
}

/// What shows a loss. When the last entries are in the second folder only and that is not there, the owner accepts that whatever it
/// holds is lost: it is named, with what a witness has seen or else with this ledger's own checkpoint.
fn loss(dir: &Path) -> Result<Option<Ahead>> {
    let (ledger, folder) = (dir.join("ledger"), dir.join("witnesses"));
    let seen = read_ahead(&folder);
    if !audit::first_is_away(&ledger)? {
        return Ok(seen);
    }
    let note = match seen {
        Some(seen) => seen.note,
        None => audit::checkpoint(&ledger)?.0,
    };
    let place = audit::read_sinks(&folder)?.into_iter().next();
    Ok(Some(Ahead { witness: place.unwrap_or_else(|| "the second folder".to_owned()), note }))
}

/// `leadglass ledger accept-loss`
pub fn accept_loss(dir: &Path, format: Format, reason: &str) -> Result<()> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 200 || reason.chars().any(char::is_control) {
        bail!("--reason is not usable; say why in 1 to 200 characters");
    }
    let folder = dir.join("witnesses");
    let Some(ahead) = loss(dir)? else {
        bail!("nobody has seen more than this ledger holds; there is no loss to accept")
    };
    if Owner::connect(dir).is_ok() {
        bail!("the warden runs; stop `leadglass serve`, accept the loss, and start it again");
    }
    write_ahead(&folder, &ahead)?;
    write_accepted(&folder, &LossAccepted { note: ahead.note.clone(), reason: reason.to_owned() })?;
    let size = ahead.note.lines().nth(1).unwrap_or("?");
    match format {
        Format::Json => say!("{}", json!({ "accepted": size, "shown_by": ahead.witness })),
        Format::Text => {
            say!("The next start goes on without the entries up to {size} that {} has seen.", ahead.witness);
            say!("It begins a new origin line: then give ledger/site.vkey to each witness again.");
        }
    }
    Ok(())
}
