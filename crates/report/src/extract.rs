//! Finding the signed document and its proof in a file: in a PDF as it was drawn here, or in the two lines of signed JSON.
//!
//! This reads no PDF: both attachments lie in it as they are, each in one line that begins in a known way. That is enough, because
//! the pages are drawn again from them and compared with the whole file.

use protocol::SignedReport;
use thiserror::Error;

/// The largest file that is looked at, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

const DOCUMENT: &[u8] = b"{\"leadglass\":\"exposure-report/";
const PROOF: &[u8] = b"{\"leadglass\":\"statement-proof/";

/// What was found in a file.
pub struct Extracted {
    /// The document and its proof.
    pub signed: SignedReport,
    /// Whether the file is a PDF.
    pub pdf: bool,
}

/// Why nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExtractError {
    /// The file is no report.
    #[error("the file holds no signed report; give the PDF or the signed JSON as it came from the site")]
    NoReport,
    /// There is more than one.
    #[error("the file holds more than one report; give the file as it came from the site")]
    Several,
}

/// Looks for a report in a file's bytes.
pub fn extract(file: &[u8]) -> Result<Extracted, ExtractError> {
    let signed = SignedReport { document: only(file, DOCUMENT)?, proof: only(file, PROOF)? };
    Ok(Extracted { signed, pdf: file.starts_with(b"%PDF-") })
}

fn only(file: &[u8], beginning: &[u8]) -> Result<String, ExtractError> {
    let mut lines = lines_that_begin(file, beginning);
    let line = lines.next().ok_or(ExtractError::NoReport)?;
    if lines.next().is_some() {
        return Err(ExtractError::Several);
    }
    String::from_utf8(line.to_vec()).map_err(|_| ExtractError::NoReport)
}

fn lines_that_begin<'f>(file: &'f [u8], beginning: &'f [u8]) -> impl Iterator<Item = &'f [u8]> {
    file.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(move |line| line.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_refused_in_a_sentence() {
        let one = "{\"leadglass\":\"exposure-report/1\"}\n{\"leadglass\":\"statement-proof/1\"}\n";
        assert!(extract(one.as_bytes()).is_ok_and(|found| !found.pdf));
        for (file, expected) in [
            (String::new(), ExtractError::NoReport),
            ("%PDF-1.7\n%%EOF".to_owned(), ExtractError::NoReport),
            (one.replace("statement", "other"), ExtractError::NoReport),
            (format!("{one}{one}"), ExtractError::Several),
        ] {
            assert_eq!(extract(file.as_bytes()).err(), Some(expected), "{file}");
        }
        assert_eq!(
            extract(b"{\"leadglass\":\"exposure-report/1\xff\n{\"leadglass\":\"statement-proof/1").err(),
            Some(ExtractError::NoReport)
        );
    }
}
