//! The table of `bench ledger`, printed as it grows.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::machine::{Machine, load};

const BEGIN: &str = "<!-- bench ledger: begin -->\n";
const END: &str = "<!-- bench ledger: end -->\n";

/// The table so far.
pub struct Rows {
    machine: Machine,
    text: String,
    notes: Vec<String>,
}

impl Rows {
    pub fn begin() -> Result<Self> {
        let mut rows = Self { machine: Machine::of_now()?, text: String::new(), notes: Vec::new() };
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
        let machine = &self.machine;
        let about = format!(
            "Machine: {}, {} cores, {} MiB, Linux {}. Date: {}. Load of the last minute before: {:.1}, after: {:.1}.",
            machine.processor,
            machine.cores,
            machine.memory_mib,
            machine.kernel,
            crate::report::today(),
            machine.load_before,
            load()
        );
        self.note(about);
    }

    /// Puts the table between its marks in a page.
    pub fn write(&self, path: &Path) -> Result<()> {
        let page = std::fs::read_to_string(path).unwrap_or_else(|_| "# Measured\n".to_owned());
        let mut part = String::from(BEGIN);
        part.push_str("## The ledger\n\nWritten by `cargo xtask bench ledger`.\n\n");
        part.push_str(&self.text);
        part.push('\n');
        for note in &self.notes {
            // writing into a text cannot fail
            let _ = writeln!(part, "- {note}");
        }
        part.push_str(END);
        let page = match (page.find(BEGIN), page.find(END)) {
            (Some(begin), Some(end)) => format!("{}{part}{}", &page[..begin], &page[end + END.len()..]),
            _ => format!("{page}\n{part}"),
        };
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
