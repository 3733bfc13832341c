//! The check that anyone makes of a report: nothing but the file and the site's public key.

use audit::{CheckedStatement, NoteVerifier, StatementError, StatementProof};
use protocol::ReportDocument;
use thiserror::Error;

use crate::extract::{ExtractError, extract};
use crate::pdf::{DrawError, drawing_of};
use crate::words::Language;
use crate::{document_of, pdf};

/// What was found to hold.
#[derive(Debug)]
pub struct VerifiedReport {
    /// What the report says.
    pub document: ReportDocument,
    /// The key that it was checked with.
    pub verifier: NoteVerifier,
    /// The checkpoints and the entry.
    pub statement: CheckedStatement,
    /// What the pages are.
    pub pages: Pages,
}

/// What the pages of a report are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Drawn from the signed document, byte for byte.
    Drawn(Language),
    /// The file is signed JSON without pages.
    None,
    /// They were not compared with the signed document: another version drew them, or somebody changed them.
    NotCompared,
}

/// Why a report is not taken.
#[derive(Debug, Error)]
pub enum ReportError {
    /// There is no report.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// The signature or a proof does not hold.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The document is none of this version.
    #[error("the report's content cannot be read; use the version of leadglass that wrote it")]
    Document,
    /// What the document says is not what its entry says.
    #[error("the report does not say what the ledger's entry says; take it from the site again")]
    Disagrees,
    /// The pages are not those of the signed document.
    #[error("the file was changed: its pages are not those of the signed report inside; take it from the site again")]
    PagesChanged,
    /// The pages were drawn by another version.
    #[error(
        "the signed report inside holds, but its pages cannot be compared: another version of leadglass drew them, or somebody changed them; draw them again with --pages FILE and read those"
    )]
    OtherDrawing,
    /// The PDF cannot be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
}

/// Checks a report's file with `verifier`, or with the key that it brings along, which whoever asks must then compare.
pub fn verify(file: &[u8], verifier: Option<&NoteVerifier>) -> Result<VerifiedReport, ReportError> {
    check(file, verifier, Err)
}

/// The same, but pages that another version drew are no error: they are not compared, which [`VerifiedReport::pages`] says. It
/// shows nothing about what such pages say.
pub fn verify_content(file: &[u8], verifier: Option<&NoteVerifier>) -> Result<VerifiedReport, ReportError> {
    check(file, verifier, |error| match error {
        ReportError::OtherDrawing => Ok(Pages::NotCompared),
        error => Err(error),
    })
}

fn check(
    file: &[u8],
    verifier: Option<&NoteVerifier>,
    not_drawn: impl FnOnce(ReportError) -> Result<Pages, ReportError>,
) -> Result<VerifiedReport, ReportError> {
    let found = extract(file)?;
    let proof = StatementProof::parse(found.signed.proof.as_bytes())?;
    let verifier = match verifier {
        Some(verifier) => verifier.clone(),
        None => proof.vkey()?,
    };
    let statement = proof.check(found.signed.document.as_bytes(), &verifier)?;
    let document = document_of(&found.signed.document)?;
    agrees(&document, &statement)?;
    let pages =
        if found.pdf { drawn(file, &found.signed).or_else(not_drawn)? } else { only_lines(file, &found.signed)? };
    Ok(VerifiedReport { document, verifier, statement, pages })
}

/// The document's own words about window, counts and checkpoint are those of the entry and of the proof.
fn agrees(document: &ReportDocument, statement: &CheckedStatement) -> Result<(), ReportError> {
    let report = &document.report;
    let model::EntryBody::ExposureReported(model::ExposureReported {
        window,
        reachable_patients,
        listed_patients,
        opened_patients,
        ..
    }) = &statement.entry.body
    else {
        return Err(ReportError::Disagrees);
    };
    let counts = (report.reachable.patients, report.listed.patients, report.opened.patients);
    let same = *window == report.window
        && counts == (*reachable_patients, *listed_patients, *opened_patients)
        && document.ledger == statement.checkpoint.origin
        && report.ledger_size == statement.computed.size;
    if same { Ok(()) } else { Err(ReportError::Disagrees) }
}

fn drawn(file: &[u8], signed: &protocol::SignedReport) -> Result<Pages, ReportError> {
    for language in Language::ALL {
        if pdf(signed, language)? == file {
            return Ok(Pages::Drawn(language));
        }
    }
    // the number stands in the file's metadata; whoever changes it only changes which refusal they get
    let ours = format!("leadglass, drawing {}", drawing_of(&document_of(&signed.document)?.report));
    let says_ours = file.windows(ours.len()).any(|window| window == ours.as_bytes());
    Err(if says_ours { ReportError::PagesChanged } else { ReportError::OtherDrawing })
}

fn only_lines(file: &[u8], signed: &protocol::SignedReport) -> Result<Pages, ReportError> {
    if file == crate::signed_json(signed).as_bytes() { Ok(Pages::None) } else { Err(ReportError::PagesChanged) }
}
