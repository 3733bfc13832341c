//! `leadglass ledger verify --report FILE`: for whoever was given a report. Needs no installation and no secret.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use audit::{Checkpoint, NOTE_BYTES_MAX, NoteVerifier};
use report::{FILE_BYTES_MAX, Language, Pages, ReportError, VerifiedReport};
use serde_json::json;

use crate::cli::Format;
use crate::output::{say, write_new};
use crate::time;

/// What `ledger verify --report` was given.
pub struct Question<'q> {
    /// The report's file.
    pub file: &'q Path,
    /// The site's public key, as text or in a file.
    pub key: Option<&'q str>,
    /// A checkpoint that was kept.
    pub checkpoint: Option<&'q Path>,
    /// Where to draw the pages again.
    pub pages: Option<&'q Path>,
    /// In which language.
    pub language: Language,
}

/// Checks a report and says what holds.
pub fn verify_report(dir: &Path, format: Format, question: &Question<'_>) -> Result<()> {
    let bytes = read(question.file, FILE_BYTES_MAX)?;
    let (key, whence) = key(dir, question.key)?;
    let verified = match report::verify(&bytes, key.as_ref()) {
        Ok(verified) => verified,
        Err(ReportError::OtherDrawing) if question.pages.is_some() => report::verify_content(&bytes, key.as_ref())?,
        Err(error) => return Err(error.into()),
    };
    if let Some(path) = question.pages {
        write_new(path, &report::pdf(&report::extract(&bytes)?.signed, question.language)?)?;
    }
    let kept = question.checkpoint.map(|path| fits(path, &verified)).transpose()?;
    answer(format, &verified, question, whence, kept);
    Ok(())
}

/// The key to check with, and where it comes from: from the argument, from the ledger in DIR, or from the report itself.
fn key(dir: &Path, argument: Option<&str>) -> Result<(Option<NoteVerifier>, &'static str)> {
    let parse = |text: &str| NoteVerifier::parse(text.trim_end_matches(['\r', '\n']));
    if let Some(argument) = argument {
        if let Ok(key) = parse(argument) {
            return Ok((Some(key), "the key that was given"));
        }
        let bytes = read(Path::new(argument), NOTE_BYTES_MAX as u64)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| anyhow!("{argument} holds no public key; take DIR/ledger/site.vkey"))?;
        let key = parse(&text).map_err(|_| anyhow!("{argument} holds no public key; take DIR/ledger/site.vkey"))?;
        return Ok((Some(key), "the key that was given"));
    }
    match std::fs::read_to_string(dir.join("ledger/site.vkey")) {
        Ok(text) => Ok((Some(parse(&text)?), "the key of the installation in DIR")),
        Err(_) => Ok((None, "the key that the report brings along")),
    }
}

/// Whether a checkpoint that somebody kept and the report's are of one ledger. Where their sizes differ, the files of the ledger
/// would be needed to tell a fork from growth; equal sizes must have equal roots.
fn fits(path: &Path, verified: &VerifiedReport) -> Result<&'static str> {
    let note = read(path, NOTE_BYTES_MAX as u64)?;
    let kept = Checkpoint::open(&note, &verified.verifier).map_err(|error| {
        anyhow!("the checkpoint in {} is not this site's ({error}); take the one that you kept of it", path.display())
    })?;
    for signed in [&verified.statement.computed, &verified.statement.checkpoint] {
        if kept.size == signed.size {
            if kept.root == signed.root {
                return Ok("the checkpoint that was kept is the report's");
            }
            bail!(
                "the report's ledger is another than that of the kept checkpoint; the ledger was forked; keep both and ask the site"
            );
        }
    }
    bail!(
        "the kept checkpoint has {} entries, the report's have {} and {}; verify the ledger's files with `leadglass ledger verify --since`",
        kept.size,
        verified.statement.computed.size,
        verified.statement.checkpoint.size
    )
}

fn answer(format: Format, verified: &VerifiedReport, question: &Question<'_>, whence: &str, kept: Option<&str>) {
    let report = &verified.document.report;
    let pages = match verified.pages {
        Pages::Drawn(language) => language.tag(),
        Pages::None => "none",
        Pages::NotCompared => "not-compared",
    };
    if format == Format::Json {
        let value = json!({
            "verified": true, "site": verified.document.site, "ledger": verified.document.ledger,
            "key": verified.verifier.to_text(), "key_from": whence, "entry": verified.statement.number.0,
            "computed_from": verified.statement.computed.size, "checkpoint": verified.statement.checkpoint.size,
            "about": report.who, "reachable": report.reachable, "listed": report.listed, "opened": report.opened,
            "pages": pages, "kept_checkpoint": kept,
        });
        say!("{value}");
        return;
    }
    let site = &verified.document.site;
    match (verified.pages, question.pages) {
        (Pages::NotCompared, drawn) => {
            say!("Verified: the signed report inside the file is what the site \"{site}\" signed.");
            say!(
                "The pages of {} were NOT compared: another version of leadglass drew them, or somebody changed them.",
                question.file.display()
            );
            drawn.iter().for_each(|drawn| say!("Read {} instead, which was drawn from it now.", drawn.display()));
        }
        (Pages::Drawn(_) | Pages::None, _) => {
            say!("Verified: the report is what the site \"{site}\" signed, and every byte of the file belongs to it.")
        }
    }
    say!("about      {} from {} to {}", report.who, time::show(report.window.from), time::show(report.window.to));
    for (what, count) in [("reachable", report.reachable), ("listed", report.listed), ("opened", report.opened)] {
        say!("{what:<10} {} patients, {} studies", count.patients, count.studies);
    }
    say!("made       {} by {}", time::show(verified.document.made), verified.document.made_by);
    say!("entry      {} of the ledger {}", verified.statement.number, verified.document.ledger);
    say!("key        {}", verified.verifier.to_text());
    say!(
        "           {whence}{}",
        if whence.contains("brings along") { ": compare it with the one that the site gave you elsewhere" } else { "" }
    );
    if let Some(kept) = kept {
        say!("checkpoint {kept}");
    }
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)
        .with_context(|| format!("the file {} cannot be read; check the path and the rights", path.display()))?;
    if metadata.len() > bytes_max {
        bail!("{} is larger than such a file is; name another", path.display());
    }
    std::fs::read(path)
        .with_context(|| format!("the file {} cannot be read; check the path and the rights", path.display()))
}
