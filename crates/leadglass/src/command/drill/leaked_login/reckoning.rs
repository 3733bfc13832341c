//! Afterwards: what each account exposed, and whether the ledger is complete.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use model::Window;
use protocol::{ExposureReport, PageReply, PageRequest};
use serde_json::Value;

use super::harvest::Taken;
use super::scene::Scene;
use crate::command::drill::played::{Played, said, text};
use crate::command::drill::rows::Rows;
use crate::command::drill::stolen_disk::copy;
use crate::output::write_new;
use crate::time;

/// The ledger before the attack.
pub struct Before {
    /// How many entries it had.
    pub entries: u64,
    /// The file with its checkpoint, as a privacy officer keeps it.
    checkpoint: std::path::PathBuf,
}

impl Before {
    pub fn keep(scene: &Scene) -> Result<Self> {
        let printed = scene.site.ok(&["ledger", "checkpoint"], "")?;
        let note = printed["checkpoint"].as_str().unwrap_or_default();
        let checkpoint = scene.folder.join("checkpoint");
        write_new(&checkpoint, note.as_bytes())?;
        // C2SP tlog-checkpoint: origin, size, root
        let entries = note.lines().nth(1).and_then(|size| size.parse().ok());
        Ok(Self { entries: entries.context("the checkpoint has no size; play the drill again")?, checkpoint })
    }
}

/// The report of each account against what the attacker counted.
pub fn exposure(rows: &mut Rows, scene: &Scene, taken: &[Taken]) -> Result<()> {
    rows.about("nobody could say how much had been reachable; elsewhere 298,532 people were told because of 29");
    let (mut exact, mut said) = (true, Vec::new());
    let owner = scene.owner()?;
    let now = time::now();
    let window = Window { from: now.plus_seconds(-3_600), to: now };
    for (account, taken) in scene.accounts.iter().zip(taken) {
        let reply = owner.ask(PageRequest::Exposure { who: account.subject(), window })?;
        let PageReply::Exposure(report) = reply else { bail!("the warden answered something else; run one version") };
        let reachable = account.referred.clone().map_or(scene.patients as usize, Iterator::count);
        exact &= is(&report, reachable, taken);
        said.push(format!(
            "{}: {} reachable, {} listed, {} opened",
            account.name, report.reachable.patients, report.listed.patients, report.opened.patients
        ));
    }
    rows.played(
        "what each account could reach, listed and opened is a number at once, and what the attacker counted",
        exact,
        said.join("; "),
    );
    Ok(())
}

/// Whether a report says what was counted, patient by patient.
fn is(report: &ExposureReport, reachable: usize, taken: &Taken) -> bool {
    let of = |which: fn(&protocol::ExposedPatient) -> u32| -> BTreeSet<&str> {
        report.patients.iter().filter(|row| which(row) > 0).map(|row| row.patient.id.as_str()).collect()
    };
    let counts = [report.reachable, report.listed, report.opened].map(|count| count.patients as usize);
    let listed: BTreeSet<&str> = taken.listed.keys().map(String::as_str).collect();
    let opened: BTreeSet<&str> = taken.opened.iter().map(String::as_str).collect();
    counts == [reachable, listed.len(), opened.len()]
        && of(|row| row.listed) == listed
        && of(|row| row.opened) == opened
}

/// The files alone, with a checkpoint of before; and a copy in which somebody changed one byte.
pub fn ledger(rows: &mut Rows, scene: &Scene, before: &Before) -> Result<()> {
    rows.about("'no unusual access' was a guess: nobody could show that the record was whole");
    let since = text(&before.checkpoint)?;
    let verified = scene.site.ok(&["ledger", "verify", "--since", since], "")?;
    let size = verified["size"].as_u64().unwrap_or_default();
    let findings = scene.site.ok(&["findings", "list"], "")?;
    let during = |row: &&Value| row["entry"].as_u64().is_some_and(|entry| entry >= before.entries);
    let during = findings.as_array().into_iter().flatten().filter(during).count();
    let forged = Played::at(scene.folder.join("forged"));
    copy(&scene.site.dir().join("ledger"), &forged.dir().join("ledger"))?;
    flip(&forged.dir().join("ledger"))?;
    let refused = forged.run(&["ledger", "verify", "--since", since], "")?;
    let evidence = if refused.status.success() { "it verified".to_owned() } else { said(&refused) };
    rows.played(
        "the record is complete: its files verify against a checkpoint of before, and a changed copy does not",
        verified["verified"] == true && size > before.entries && during > 0 && !refused.status.success(),
        format!("{size} entries verified, {} of them from before the attack; {during} findings were entered while it happened; one byte changed in a copy: {evidence}", before.entries),
    );
    Ok(())
}

/// Changes one byte in the middle of the largest file.
fn flip(folder: &Path) -> Result<()> {
    let (mut largest, mut folders) = (None, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                largest = largest.max(Some((entry.metadata()?.len(), entry.path())));
            }
        }
    }
    let (length, path) = largest.context("the ledger has no files; play the drill again")?;
    let mut bytes = std::fs::read(&path)?;
    let middle = usize::try_from(length / 2)?;
    *bytes.get_mut(middle).context("the ledger's file is empty; play the drill again")? ^= 1;
    std::fs::remove_file(&path)?;
    write_new(&path, &bytes)
}
