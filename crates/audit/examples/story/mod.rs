//! Writes a golden ledger: `closed`, closed cleanly, and its entries as text beside it.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use audit::{Ledger, LedgerKeys, LedgerOptions};
use model::{Actor, EntryBody, EntryNumber, Instant, SiteId};
use seal::RootSecret;

/// Into the folder that the command names: an entry each `step_seconds`, the first at `start`.
pub fn write(
    site: SiteId,
    start: Instant,
    step_seconds: i64,
    entries: impl IntoIterator<Item = (Actor, EntryBody)>,
) -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name the folder to write into")?);
    let (closed, origin) = (folder.join("closed"), format!("leadglass/{site}"));
    fs::create_dir_all(&folder)?;
    let keys = || LedgerKeys::from_root(&RootSecret::from_bytes(&[0x42; 32]));
    Ledger::create(&closed, &keys(), &origin)?;
    // tiles and checkpoint are written when the ledger closes, so that no run depends on how fast it is
    let quiet = LedgerOptions {
        journal_bytes: 64 * 1024,
        publish_entries: u64::MAX,
        publish_after: Duration::from_secs(3600),
        ..LedgerOptions::default()
    };
    let (ledger, _) = Ledger::open_with(&closed, keys(), &origin, quiet)?;
    for (number, entry) in (0..).zip(entries) {
        ledger.append(vec![entry], start.plus_seconds(number * step_seconds))?;
    }
    let mut lines = String::new();
    for (_, entry) in ledger.read(EntryNumber(0), Ledger::READ_ENTRIES_MAX)? {
        lines.push_str(&serde_json::to_string(&entry)?);
        lines.push('\n');
    }
    drop(ledger);
    fs::File::create(folder.join("entries.jsonl"))?.write_all(lines.as_bytes())?;
    Ok(())
}
