//! Reports that are handed out: PDF, CSV and the draft of a notice, in English and German; and the check that anyone makes of them.
//!
//! Nothing here does I/O or reads a clock. A PDF is a drawing of a signed document that lies in it as an attachment, with its proof.
//! The same document, proof and language always give the same bytes, so [`verify()`] draws the pages again and compares them: a
//! changed byte anywhere in the file is found.
//!
//! `docs/formats/report.md` describes the files.

mod csv;
mod exposure;
mod extract;
mod fonts;
mod notice;
mod page;
mod pdf;
mod reading;
mod statement;
mod tags;
mod verify;
mod when;
mod words;

pub use csv::csv;
pub use extract::{ExtractError, Extracted, FILE_BYTES_MAX, extract};
pub use notice::{notice_pdf, notice_text};
pub use pdf::{DRAWING, DrawError};
pub use verify::{Pages, ReportError, VerifiedReport, verify, verify_content};
pub use words::Language;

use protocol::{ReportDocument, SignedReport};

/// Draws a signed report.
pub fn pdf(signed: &SignedReport, language: Language) -> Result<Vec<u8>, ReportError> {
    let document: ReportDocument = document_of(&signed.document)?;
    let proof = audit::StatementProof::parse(signed.proof.as_bytes())?;
    Ok(exposure::draw(signed, &document, &proof, language)?)
}

/// The signed report as JSON: two lines, the document and its proof.
#[must_use]
pub fn signed_json(signed: &SignedReport) -> String {
    format!("{}\n{}\n", signed.document, signed.proof)
}

fn document_of(text: &str) -> Result<ReportDocument, ReportError> {
    let document: ReportDocument = serde_json::from_str(text).map_err(|_| ReportError::Document)?;
    if document.leadglass == protocol::REPORT_FORM { Ok(document) } else { Err(ReportError::Document) }
}
