//! `leadglass exposure`: printed, or signed into a file.

use std::path::Path;

use anyhow::{Context, Result, bail};
use model::Window;
use protocol::{AboutFacts, ExposureReport, PageReply, PageRequest, ReportDocument, SealedUnder, SignedReport};
use report::Language;
use serde_json::json;

use super::manage::when;
use crate::cli::{ExposureArgs, Format};
use crate::output::{say, write_new};
use crate::owner::Owner;
use crate::time::{self, Direction};

/// Prints the three counts, then the patients; or writes a signed report.
pub fn exposure(dir: &Path, format: Format, arguments: &ExposureArgs) -> Result<()> {
    let now = time::now();
    let window = Window {
        from: when("--from", &arguments.from, Direction::Back, now)?,
        to: when("--to", &arguments.to, Direction::Back, now)?,
    };
    if let Some(output) = &arguments.output {
        return signed(dir, format, arguments, window, output);
    }
    let request = PageRequest::Exposure { who: arguments.who.clone(), window };
    let PageReply::Exposure(report) = Owner::connect(dir)?.ask(request)? else {
        bail!("the warden answered something else; run commands and serve from the same version")
    };
    if format == Format::Json {
        say!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    print(&report);
    Ok(())
}

fn print(report: &ExposureReport) {
    let window = report.window;
    say!("{} from {} to {}", report.who, time::show(window.from), time::show(window.to));
    let rows = [("reachable", report.reachable), ("listed", report.listed), ("opened", report.opened)];
    for (what, count) in rows.into_iter().chain([("unexpired", report.unexpired)]) {
        say!("{what:>10}: {:>8} patients {:>8} studies", count.patients, count.studies);
    }
    match &report.about {
        AboutFacts::Key { released_before, released: 0, .. } if *released_before == 0 => {
            say!("never released to anybody through the warden");
        }
        AboutFacts::Key { released_before, released, .. } => {
            say!("released {released_before} times before the window, {released} times inside it");
        }
        AboutFacts::Link { maker, openings, browsers, downloads, tries, .. } => {
            say!(
                "the link that {maker} made, opened {openings} times in {browsers} browsers, {downloads} downloads, {tries} wrong codes"
            );
        }
        AboutFacts::Session { links: Some(links), .. } => {
            for link in links {
                let runs = if link.ended.is_none() { ", and runs" } else { "" };
                let (number, study, openings) = (link.link, link.study, link.openings);
                say!("made link {number} to study {study} in it, opened {openings} times{runs}");
            }
            if links.iter().any(|link| link.ended.is_none()) {
                say!("end them: leadglass link end {}", report.who);
            }
        }
        AboutFacts::Disk { keys, studies_opened_before, sealed_under, .. } => {
            say!(
                "sealed under {keys} keys; {studies_opened_before} of the studies were opened by somebody before the window, {} inside it",
                report.opened.studies
            );
            for SealedUnder { key, study, released } in sealed_under.iter().flatten() {
                let released = if *released { "released" } else { "never released" };
                say!("key:{key}\tstudy {study}\t{released}");
            }
            if sealed_under.as_ref().is_some_and(|named| (named.len() as u64) < *keys) {
                say!("... more keys than are named here");
            }
        }
        _ => {}
    }
    for row in &report.patients {
        let first = row.first.map_or_else(|| "-".to_owned(), time::show);
        say!(
            "{}/{}\t{}\treachable {}\tlisted {}\topened {}\tfirst {first}",
            row.patient.issuer,
            row.patient.id,
            row.patient.name,
            row.reachable,
            row.listed,
            row.opened
        );
    }
    if report.truncated {
        say!("... more patients than are printed here; the counts are complete");
    }
    if report.erased > 0 {
        say!(
            "{} entries of this time lack the words that somebody wrote, erased since; no count rests on them",
            report.erased
        );
    }
    say!("computed from {} entries of the ledger", report.ledger_size);
}

fn signed(dir: &Path, format: Format, arguments: &ExposureArgs, window: Window, output: &Path) -> Result<()> {
    let language = Language::from_tag(&arguments.language).unwrap_or_default();
    let extension = output.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default().to_owned();
    if !matches!(extension.as_str(), "pdf" | "json" | "csv") {
        bail!("{} has no known ending; name a file that ends in .pdf, .json or .csv", output.display());
    }
    if output.exists() {
        bail!("{} exists already; name a new file", output.display());
    }
    let request = PageRequest::SignedExposure { who: arguments.who.clone(), window, incident: arguments.incident };
    let PageReply::SignedExposure(signed) = Owner::connect(dir)?.ask(request)? else {
        bail!("the warden answered something else; run commands and serve from the same version")
    };
    let bytes = render(&signed, &extension, language)?;
    write_new(output, &bytes)?;
    let proof = audit::StatementProof::parse(signed.proof.as_bytes())?;
    let value = json!({
        "written": output, "sha256": audit::document_sha256(signed.document.as_bytes()),
        "entry": proof.entry_number().0, "key": proof.vkey()?.to_text(),
    });
    match format {
        Format::Json => say!("{value}"),
        Format::Text => {
            say!("Written to {}; recorded as entry {}.", output.display(), proof.entry_number());
            say!(
                "Whoever gets it checks it with: leadglass ledger verify --report FILE --key {}",
                proof.vkey()?.to_text()
            );
        }
    }
    Ok(())
}

fn render(signed: &SignedReport, extension: &str, language: Language) -> Result<Vec<u8>> {
    Ok(match extension {
        "pdf" => report::pdf(signed, language)?,
        "csv" => {
            let document: ReportDocument = serde_json::from_str(&signed.document).context("the report is JSON")?;
            report::csv(&document.report, language).into_bytes()
        }
        _ => report::signed_json(signed).into_bytes(),
    })
}
