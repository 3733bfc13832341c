//! The table of `bench ledger`, printed as it grows.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::machine::{Disk, Machine, load};

/// What the rows do not say by themselves.
const READING: &str = "
## What to know about the rows

- **p99 in syncs.** A release is one sync of the ledger and the ways between caller, warden and sequencer and back. On a disk that syncs in 0.1 ms those ways, on two
  cores that the callers use too, are longer than the sync: the bar of 6 syncs is missed there although the time is below two milliseconds. A disk that syncs in some milliseconds
  hides them. Callers who ask as fast as they are answered wait for each other as well, so only the paced row has that bar.
- Going cold, a new root and exposure over that history are measured in this program, with the warden's own code and no process between; releases, start, memory and the officer's
  page are measured on the built program.
- The whole site is one report for each of 500 people; there is no command that gives all of them at once.
";

/// How the page begins.
const HEAD: &str = "# The ledger and the warden, measured

Written by `cargo xtask bench ledger` when a whole run ends. Everything runs on one machine; callers run on the same cores as
the warden that they ask.

";

/// The table so far.
pub struct Rows {
    machine: Machine,
    disks: Vec<Disk>,
    text: String,
    notes: Vec<String>,
}

impl Rows {
    pub fn begin() -> Result<Self> {
        let mut rows = Self { machine: Machine::of_now()?, disks: Vec::new(), text: String::new(), notes: Vec::new() };
        rows.line("| what | measured | bar | met |");
        rows.line("| --- | ---: | --- | --- |");
        Ok(rows)
    }

    /// A row; `met` is nothing when there is no bar.
    pub fn row(&mut self, what: &str, measured: &str, bar: &str, met: Option<bool>) {
        let met = match met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "-",
        };
        self.line(&format!("| {what} | {measured} | {bar} | {met} |"));
    }

    pub fn note(&mut self, note: String) {
        eprintln!("- {note}");
        self.notes.push(note);
    }

    /// Says on which machine, when, and what else it did.
    pub fn end(&mut self) {
        let Machine { processor, cores, memory_mib, kernel, load_before, .. } = &self.machine;
        let machine = format!("Machine: {processor}, {cores} cores, {memory_mib} MiB, Linux {kernel}.");
        let (today, disk) = (crate::report::today(), Disk::median(&self.disks));
        let when = format!("Date: {today}. Load of the last minute before: {load_before:.1}, after: {:.1}.", load());
        self.note(machine);
        self.note(format!(
            "Disk, median of measurements before and after each part: {:.0} fdatasync/s after 4 KiB appends, {:.0} MB/s sequential with one fsync.",
            disk.syncs, disk.sequential
        ));
        self.note(when);
        if self.machine.load_before > self.machine.cores as f64 / 2.0 {
            self.note("Other programs kept the machine busy when the run began.".to_owned());
        }
    }

    /// Looks at the disk that `folder` is on: it changes from minute to minute.
    pub fn look_at_disk(&mut self, folder: &Path) -> Result<()> {
        self.disks.push(Disk::measure(folder)?);
        Ok(())
    }

    /// Writes the page.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut page = format!("{HEAD}{}\n", self.text);
        for note in &self.notes {
            // writing into a text cannot fail
            let _ = writeln!(page, "- {note}");
        }
        page.push_str(READING);
        page.push_str("\n## How\n\n```\n");
        page.push_str("cargo xtask bench ledger                            # all of it\n");
        page.push_str("cargo xtask bench ledger --only releases,cold       # parts\n");
        page.push_str("cargo xtask bench ledger --only large --studies 50000\n```\n");
        let beside = path.with_extension("md.new");
        std::fs::File::create(&beside)
            .and_then(|mut file| file.write_all(page.as_bytes()))
            .and_then(|()| std::fs::rename(&beside, path))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    fn line(&mut self, line: &str) {
        // an error here means that nobody reads
        let _ = writeln!(std::io::stdout(), "{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }
}
