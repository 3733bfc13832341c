//! The patients and studies of a report as CSV (RFC 4180), one line a study.
//!
//! A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV injection): a patient's name is
//! somebody else's text.

use model::{Instant, Tier};
use protocol::{ExposedPatient, ExposedStudy, ExposureReport, TouchRow};

use crate::words::{Language, person};

/// Writes a report. The first line names the columns; times are RFC 3339 in UTC.
#[must_use]
pub fn csv(report: &ExposureReport, language: Language) -> String {
    let head = match language {
        Language::English => [
            "patient",
            "issuer",
            "identifier",
            "born",
            "study date",
            "modalities",
            "description",
            "study uid",
            "reachable",
            "first listed",
            "last listed",
            "first opened",
            "last opened",
            "lease until",
            "origins",
        ],
        Language::German => [
            "Name",
            "Aussteller",
            "Kennung",
            "geboren",
            "Datum",
            "Modalitäten",
            "Beschreibung",
            "Study UID",
            "erreichbar",
            "zuerst aufgelistet",
            "zuletzt aufgelistet",
            "zuerst geöffnet",
            "zuletzt geöffnet",
            "Freigabe bis",
            "Herkunft",
        ],
    };
    let mut text = String::new();
    record(&mut text, head.iter().map(|title| (*title).to_owned()));
    for patient in &report.patients {
        if patient.details.is_empty() {
            record(&mut text, row(patient, None, language).into_iter());
        }
        for study in &patient.details {
            record(&mut text, row(patient, Some(study), language).into_iter());
        }
    }
    text
}

fn row(patient: &ExposedPatient, study: Option<&ExposedStudy>, language: Language) -> [String; 15] {
    let listed = study.and_then(|study| study.listed.as_ref());
    let opened = study.and_then(|study| study.opened.as_ref());
    let time = |touch: Option<&TouchRow>, of: fn(&TouchRow) -> Instant| {
        touch.map(|touch| rfc3339(of(touch))).unwrap_or_default()
    };
    let origins = || {
        let touches = listed.into_iter().chain(opened);
        let mut origins: Vec<&str> = touches.flat_map(|touch| &touch.origins).map(|origin| origin.0.as_str()).collect();
        origins.sort_unstable();
        origins.dedup();
        origins.join(" ")
    };
    let reachable = match study.and_then(|study| study.reachable) {
        Some(Tier::Open) => language.choose("open", "öffnen"),
        Some(Tier::List) => language.choose("list", "auflisten"),
        None => "",
    };
    [
        person(&patient.patient.name),
        patient.patient.issuer.clone(),
        patient.patient.id.clone(),
        patient.patient.birth_date.clone(),
        study.map(|study| study.date.clone()).unwrap_or_default(),
        study.map(|study| study.modalities.join(" ")).unwrap_or_default(),
        study.map(|study| study.description.clone()).unwrap_or_default(),
        study.and_then(|study| study.uid.as_ref()).map(|uid| uid.as_str().to_owned()).unwrap_or_default(),
        reachable.to_owned(),
        time(listed, |touch| touch.first),
        time(listed, |touch| touch.last),
        time(opened, |touch| touch.first),
        time(opened, |touch| touch.last),
        patient.lease_until.map(rfc3339).unwrap_or_default(),
        if study.is_some() {
            origins()
        } else {
            patient.origins.iter().map(|origin| origin.0.as_str()).collect::<Vec<_>>().join(" ")
        },
    ]
}

fn record(text: &mut String, cells: impl Iterator<Item = String>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&field(&cell));
    }
    text.push_str("\r\n");
}

fn field(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let guarded = if formula { format!("'{cell}") } else { cell.to_owned() };
    // always in quotes, so that no setting of separators breaks a cell apart
    format!("\"{}\"", guarded.replace('"', "\"\""))
}

fn rfc3339(at: Instant) -> String {
    jiff::Timestamp::from_microsecond(at.0).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_whatever_it_holds() {
        assert_eq!(field("Müller, Anna"), "\"Müller, Anna\"");
        assert_eq!(field("a \"b\"\r\nc"), "\"a \"\"b\"\"\r\nc\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert_eq!(field(formula), format!("\"'{formula}\""));
        }
        assert_eq!(field(""), "\"\"");
    }
}
