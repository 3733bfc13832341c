//! Writes the ledger of `testdata/ledger/v2-kinds`: every kind of entry that is written since the first version, one of them
//! erased, closed cleanly, with a checkpoint that a witness cosigned.
//!
//! `cargo run -p audit --example golden_kinds -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind
//! writes a folder beside it. Keys, times and entries are fixed; nonces, salts and ML-DSA signatures are random in each run,
//! because nothing is sealed with a nonce that can be foretold.

mod accounts;
mod changes;
mod guarding;
mod looking;
mod story;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit::{CosigningKeys, Ledger, LedgerKeys, LedgerOptions, add_cosignatures, checkpoint};
use model::{Actor, EntryBody, EntryNumber, SiteId, Standing};
use seal::{RootSecret, Secret32};

use crate::story::{START, Story};

/// The site of the first version's golden ledgers, with another number.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x02\0\0\0\0\0\0\0\0\0\0\0\xff");
/// When the witness cosigns, in seconds since 1970: five days after the first entry.
const COSIGNED: u64 = 1_764_000_000 + 5 * 86_400;

fn keys() -> LedgerKeys {
    LedgerKeys::from_root(&RootSecret::from_bytes(&[0x42; 32]))
}

/// Tiles and checkpoint are written when the ledger closes, so that no run depends on how fast it is.
fn quiet() -> LedgerOptions {
    LedgerOptions {
        journal_bytes: 64 * 1024,
        publish_entries: u64::MAX,
        publish_after: Duration::from_secs(3600),
        ..LedgerOptions::default()
    }
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    fs::File::create(path)?.write_all(content.as_bytes())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name the folder to write into")?);
    let (closed, origin) = (folder.join("closed"), format!("leadglass/{SITE}"));
    fs::create_dir_all(&folder)?;
    Ledger::create(&closed, &keys(), &origin)?;

    let mut story = Story::default();
    accounts::tell(&mut story, SITE);
    let to_erase = looking::tell(&mut story);
    guarding::tell(&mut story);
    let erasing = changes::tell(&mut story, to_erase);
    let (ledger, _) = Ledger::open_with(&closed, keys(), &origin, quiet())?;
    for (actor, body, recorded) in story.entries {
        ledger.append(vec![(actor, body)], recorded)?;
    }
    drop(ledger);

    // the run that erases takes the payload out of the files of the run before
    let (ledger, _) = Ledger::open_with(&closed, keys(), &origin, quiet())?;
    let effect = vec![
        (Actor::Warden, ledger.erasure(to_erase)?),
        (Actor::Warden, EntryBody::CarriedOut { proposal: erasing, standing: Standing::TwoPersons }),
    ];
    ledger.append(effect, START.plus_seconds(4 * 86_400))?;
    let mut lines = String::new();
    for (_, entry) in ledger.read(EntryNumber(0), Ledger::READ_ENTRIES_MAX)? {
        lines.push_str(&serde_json::to_string(&entry)?);
        lines.push('\n');
    }
    drop(ledger);
    write(&folder.join("entries.jsonl"), &lines)?;

    let seed = |byte| Secret32::from_bytes(&[byte; 32]);
    let witness = CosigningKeys::from_seeds("witness.example/golden", &seed(0x51), &seed(0x52)).ok_or("no name")?;
    let (note, _) = checkpoint(&closed)?;
    let answer = witness.cosign(&note, COSIGNED)?;
    let cosigned = add_cosignatures(&note, &answer, &witness.cosigners())?.ok_or("the witness did not cosign")?;
    write(&folder.join("cosigned"), &cosigned)?;
    let vkeys: String = witness.cosigners().iter().map(|cosigner| format!("{}\n", cosigner.to_text())).collect();
    write(&folder.join("witness.vkeys"), &vkeys)?;
    Ok(())
}
