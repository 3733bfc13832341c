//! The table, for the terminal and for `docs/benchmarks.md`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bar::Bar;
use crate::rows::{Measured, Row, Sample, Unit};

/// Prints the table.
pub fn print(measured: &Measured) {
    let mut text = String::new();
    table(&mut text, measured);
    notes(&mut text, measured);
    // an error here means that nobody reads
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Writes the page: beside, then renamed.
pub fn write(measured: &Measured, path: &Path) -> Result<()> {
    let beside = path.with_extension("md.new");
    let at = || format!("{} cannot be written; run from the repository or name a file with --out", path.display());
    std::fs::File::create(&beside).and_then(|mut file| file.write_all(page(measured).as_bytes())).with_context(at)?;
    std::fs::rename(&beside, path).with_context(at)
}

fn page(measured: &Measured) -> String {
    let mut page = String::from(
        "# Measured\n\n\
         Written by `cargo xtask bench`; run it to get the figures of another machine. Both archives run on one machine in one\n\
         run, in turns, and get the same images from the same sender. HTTP goes over TLS on both sides, with the same client,\n\
         HTTP/1.1 and keep-alive; in front of Orthanc a relay ends TLS, because the TLS of Debian's build ends with a\n\
         segmentation fault at the first request, and the last column is Orthanc without it.  C-STORE goes in the clear on both sides, but for\n\
         one row of leadglass alone, which names its share of the rate in the clear and has no bar. The\n\
         senders and clients run on the same cores as the archives. leadglass seals everything, syncs volume and journal\n\
         before it answers, and records every reading before the first byte leaves; Orthanc syncs its files and not its\n\
         index, and records nothing.\n\n",
    );
    table(&mut page, measured);
    notes(&mut page, measured);
    page.push_str(
        "\n## How\n\n\
         ```\n\
         apt install orthanc orthanc-dicomweb\n\
         cargo xtask bench                      # all of it\n\
         cargo xtask bench --quick              # a few minutes, less exact\n\
         cargo xtask bench --only qido,filled   # a part\n\
         ```\n\
         A row's figure is the median of its rounds: three; five for C-STORE and for first-time metadata; seven for whole\n\
         studies and for C-STORE into filled archives. Images are synthetic CT slices of 512 x 512 x 16 bit, 525 KB, with the attributes that a scanner writes, 200 to a series;\n\
         the archives are filled with studies of one 64 x 64 image. Orthanc runs with SQLite, the DICOMweb plugin,\n\
         `TCP_NODELAY=1`, keep-alive, no authentication, and 128 KiB PDUs.\n",
    );
    page
}

fn table(text: &mut String, measured: &Measured) {
    let aligned = |_: std::fmt::Result| ();
    aligned(writeln!(text, "| what | leadglass | Orthanc | ratio | bar | met | Orthanc in the clear |"));
    aligned(writeln!(text, "| --- | ---: | ---: | ---: | --- | --- | ---: |"));
    for row in &measured.rows {
        let met = match row.bar.met(row, &measured.machine) {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "-",
        };
        aligned(writeln!(
            text,
            "| {} | {} | {} | {} | {} | {met} | {} |",
            row.name,
            figure(row.ours(), row.unit),
            figure(row.theirs(), row.unit),
            ratio(row),
            row.bar.words(),
            figure(row.theirs_in_the_clear(), row.unit),
        ));
    }
}

fn notes(text: &mut String, measured: &Measured) {
    let machine = &measured.machine;
    let versions: Vec<String> = measured.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    text.push('\n');
    let mut line = |sentence: &str| {
        text.push_str("- ");
        text.push_str(sentence);
        text.push('\n');
    };
    line(&format!("Versions: {}.", versions.join("; ")));
    line(&format!(
        "Machine: {}, {} cores, {} MiB, Linux {}.",
        machine.processor, machine.cores, machine.memory_mib, machine.kernel
    ));
    line(&format!(
        "Disk, median of measurements between the rounds: {:.0} fdatasync/s after 4 KiB appends, {:.0} MB/s sequential with one fsync.",
        machine.disk.syncs, machine.disk.sequential
    ));
    line(&format!(
        "Date: {}. Load of the last minute before: {:.1}, after: {:.1}.",
        today(),
        machine.load_before,
        measured.load_after
    ));
    if machine.load_before > machine.cores as f64 / 2.0 {
        line(
            "Other programs kept the machine busy when the run began: what waits for disk or processor is lower than it would be.",
        );
    }
    for note in measured.notes.iter().chain(&crate::sending::sent_again()) {
        line(note);
    }
    for row in &measured.rows {
        if let (Bar::DiskShare { megabytes_each, .. }, Some(ours)) = (row.bar, row.ours()) {
            let rate = ours.value * megabytes_each;
            let share = rate / machine.disk.sequential * 100.0;
            text.push_str(&format!("- {}: {rate:.0} MB/s, {share:.0}% of the disk.\n", row.name));
        }
    }
}

fn figure(sample: Option<Sample>, unit: Unit) -> String {
    let Some(sample) = sample else { return "-".to_owned() };
    let number = |digits: usize| format!("{:.digits$}", sample.value);
    let figure = match unit {
        Unit::Instances => format!("{}/s", number(0)),
        Unit::Requests if sample.value < 100.0 => format!("{}/s", number(1)),
        Unit::Requests => format!("{}/s", number(0)),
        Unit::Megabytes => format!("{} MB/s", number(0)),
        Unit::Milliseconds => format!("{} ms", number(1)),
        Unit::Mib => format!("{} MiB", number(0)),
    };
    match (sample.p50, sample.p99) {
        (Some(p50), Some(p99)) => format!("{figure} (p50 {}, p99 {})", milliseconds(p50), milliseconds(p99)),
        _ => figure,
    }
}

fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 10.0 { format!("{milliseconds:.2} ms") } else { format!("{milliseconds:.0} ms") }
}

fn ratio(row: &Row) -> String {
    match (row.ours(), row.theirs()) {
        (Some(ours), Some(theirs)) if theirs.value > 0.0 => format!("{:.2}", ours.value / theirs.value),
        _ => "-".to_owned(),
    }
}

#[allow(clippy::disallowed_methods, reason = "the day stands on the page")]
/// The day of now.
pub fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_secs()).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    now.map(|now| now.to_string().chars().take("2026-11-24".len()).collect()).unwrap_or_default()
}
