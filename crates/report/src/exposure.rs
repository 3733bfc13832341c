//! The pages of an exposure report: about whom, the counts, what was done when, then each patient and study, then the proof.

use audit::StatementProof;
use model::Tier;
use protocol::{
    AboutFacts, Count, ExposedPatient, ExposedStudy, ExposureReport, ReportDocument, SignedReport, TouchRow,
};

use crate::fonts::Weight;
use crate::page::{ACCENT, Cell, Colour, Column, FIELD, INK, LEFT, LINE, PALE, Pages, RIGHT, SOFT, Step, WARN};
use crate::pdf::{Attachment, DrawError, Title, drawing_of, write};
use crate::reading::Kind;
use crate::statement::{about, checking, method, span, summary};
use crate::when::{date, moment, number, short, window};
use crate::words::{Language, identifier, patients, person, studies};

/// Draws a report whose document and proof were read already.
pub(crate) fn draw(
    signed: &SignedReport,
    document: &ReportDocument,
    proof: &StatementProof,
    language: Language,
) -> Result<Vec<u8>, DrawError> {
    let title = title(language);
    let pages = filled(document, proof, language);
    let sha256 = audit::document_sha256(signed.document.as_bytes());
    let footer = format!("{} · {title} · SHA-256 {}…", document.site, &sha256[..16]);
    let attachments = [
        Attachment {
            name: "exposure-report.json",
            description: language.choose("The report as it was signed", "Der Bericht, wie er signiert ist"),
            bytes: &signed.document,
        },
        Attachment {
            name: "statement-proof.json",
            description: language.choose("Signature and proofs", "Signatur und Beweise"),
            bytes: &signed.proof,
        },
    ];
    let title = format!("{title}: {}", document.report.who);
    write(
        pages,
        &Title { title: &title, footer: &footer, made: document.made, language, drawing: drawing_of(&document.report) },
        &attachments,
    )
}

fn title(language: Language) -> &'static str {
    language.choose("Exposure report", "Bericht über Reichweite und Zugriffe")
}

fn filled(document: &ReportDocument, proof: &StatementProof, language: Language) -> Pages {
    let report = &document.report;
    let mut pages = Pages::new();
    head(&mut pages, document, title(language), language);
    counts(&mut pages, report, language);
    for sentence in summary(report, language) {
        pages.paragraph(Weight::Regular, 10.0, INK, &sentence);
        pages.gap(3.0);
    }
    timeline(&mut pages, report, language);
    releases(&mut pages, report, language);
    table(&mut pages, report, language);
    pages.heading(language.choose("How it was computed", "Wie gerechnet wurde"));
    prose(&mut pages, &method(report, language));
    evidence(&mut pages, document, proof, language);
    pages
}

fn head(pages: &mut Pages, document: &ReportDocument, title: &str, language: Language) {
    let y = pages.y;
    pages.text_at(LEFT, y, Weight::Bold, 9.5, ACCENT, &document.site);
    pages.gap(12.0);
    pages.title(22.0, title);
    pages.gap(6.0);
    pages.rule(LINE);
    pages.gap(10.0);
    let say = |english: &'static str, german: &'static str| language.choose(english, german);
    pages.fact(say("About", "Über"), &about(&document.report, language));
    pages.fact(say("Window", "Zeitraum"), &window(document.report.window, language));
    let made = format!("{}, {}", moment(document.made, language), maker(&document.made_by, language));
    pages.fact(say("Made", "Erstellt"), &made);
    pages.fact(say("Times", "Zeiten"), say("Coordinated Universal Time (UTC)", "Koordinierte Weltzeit (UTC)"));
    pages.gap(12.0);
}

/// The warden's fixed words for who is nobody in particular.
fn maker(made_by: &str, language: Language) -> String {
    match (made_by, language) {
        ("owner of the machine", Language::German) => "von der Betreiberin oder dem Betreiber der Maschine".to_owned(),
        (name, Language::German) => format!("von {name}"),
        (name, Language::English) => format!("by {name}"),
    }
}

fn counts(pages: &mut Pages, report: &ExposureReport, language: Language) {
    const GAP: f32 = 10.0;
    const HEIGHT: f32 = 84.0;
    let width = (RIGHT - LEFT - 2.0 * GAP) / 3.0;
    pages.room(HEIGHT);
    let on_disk = matches!(report.about, AboutFacts::Disk { .. });
    let first = if on_disk {
        language.choose("On the disk", "Auf dem Datenträger")
    } else {
        language.choose("Reachable", "Erreichbar")
    };
    let cards: [(&str, Count, Colour); 3] = [
        (first, report.reachable, SOFT),
        (language.choose("Listed", "Aufgelistet"), report.listed, PALE),
        (language.choose("Opened", "Geöffnet"), report.opened, ACCENT),
    ];
    let y = pages.y;
    for (place, (name, count, colour)) in cards.into_iter().enumerate() {
        let x = LEFT + place as f32 * (width + GAP);
        pages.step(Step::Fill { x, y, width, height: HEIGHT, colour: FIELD });
        pages.step(Step::Fill { x, y, width, height: 3.0, colour });
        let big = number(count.patients, language);
        let beside = x + 10.0 + pages.fonts.width(Weight::Bold, 27.0, &big) + 5.0;
        let word = language.choose(patients(count.patients, language), "Personen");
        let fits = beside + pages.fonts.width(Weight::Regular, 9.0, word) < x + width - 4.0;
        let below = format!("{} {}", number(count.studies, language), studies(count.studies, language));
        let below = if fits { below } else { format!("{word}, {below}") };
        pages.element(Kind::Paragraph, |pages| {
            pages.text_at(x + 10.0, y + 20.0, Weight::Bold, 9.5, SOFT, &format!("{name} "));
            pages.text_at(x + 10.0, y + 49.0, Weight::Bold, 27.0, INK, &format!("{big} "));
            if fits {
                pages.text_at(beside, y + 49.0, Weight::Regular, 9.0, SOFT, &format!("{word} "));
            }
            pages.text_at(x + 10.0, y + 69.0, Weight::Regular, 9.0, INK, &below);
        });
    }
    pages.gap(HEIGHT + 14.0);
}

/// Patients listed and opened over the window, as bars with an axis.
fn timeline(pages: &mut Pages, report: &ExposureReport, language: Language) {
    let most = report.timeline.iter().map(|part| part.listed.max(part.opened)).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    pages.heading(language.choose("Patients over time", "Betroffene Personen im Verlauf"));
    pages.room(BARS_HEIGHT + 40.0);
    let frame = [LEFT, pages.y, RIGHT - LEFT, BARS_HEIGHT + 35.0];
    pages.element(Kind::Figure(in_words(report, language), frame), |pages| bars(pages, report, most, language));
}

/// How high the bars are, in points.
const BARS_HEIGHT: f32 = 74.0;

/// The bars for who does not see them.
fn in_words(report: &ExposureReport, language: Language) -> String {
    let parts = number(report.timeline.len() as u64, language);
    let most = |of: fn(&protocol::TimelinePart) -> u32| {
        number(report.timeline.iter().map(of).max().unwrap_or(0).into(), language)
    };
    let (listed, opened) = (most(|part| part.listed), most(|part| part.opened));
    match language {
        Language::English => format!(
            "Bars for {parts} equal parts of the window. In one part at most {listed} patients were listed and {opened} opened."
        ),
        Language::German => format!(
            "Balken für {parts} gleiche Teile des Zeitraums. In einem Teil wurden höchstens {listed} Personen aufgelistet und {opened} geöffnet."
        ),
    }
}

fn bars(pages: &mut Pages, report: &ExposureReport, most: u32, language: Language) {
    const HEIGHT: f32 = BARS_HEIGHT;
    let (left, top) = (LEFT + 28.0, pages.y + 4.0);
    let bottom = top + HEIGHT;
    let step = (RIGHT - left) / report.timeline.len() as f32;
    for (share, label) in [(1.0, most), (0.0, 0)] {
        let y = bottom - HEIGHT * share;
        pages.step(Step::Fill { x: left, y, width: RIGHT - left, height: 0.5, colour: LINE });
        pages.text_right(left - 5.0, y + 3.0, Weight::Regular, 7.5, SOFT, &number(u64::from(label), language));
    }
    for (place, part) in report.timeline.iter().enumerate() {
        let bars = [(part.listed, PALE, 0.08), (part.opened, ACCENT, 0.52)];
        for (value, colour, shift) in bars {
            let height = HEIGHT * value as f32 / most as f32;
            let x = left + (place as f32 + shift) * step;
            pages.step(Step::Fill { x, y: bottom - height, width: step * 0.4, height, colour });
        }
    }
    let y = bottom + 11.0;
    let from = report.timeline.first().map_or(report.window.from, |part| part.from);
    pages.text_at(left, y, Weight::Regular, 7.5, SOFT, &short(from, language));
    pages.text_right(RIGHT, y, Weight::Regular, 7.5, SOFT, &short(report.window.to, language));
    let y = y + 14.0;
    let mut x = left;
    for (colour, name) in
        [(PALE, language.choose("listed", "aufgelistet")), (ACCENT, language.choose("opened", "geöffnet"))]
    {
        pages.step(Step::Fill { x, y: y - 6.0, width: 7.0, height: 7.0, colour });
        pages.text_at(x + 10.0, y, Weight::Regular, 8.0, SOFT, name);
        x += 24.0 + pages.fonts.width(Weight::Regular, 8.0, name);
    }
    pages.y = y + 6.0;
}

/// To whom a key was released, when the report is about one.
fn releases(pages: &mut Pages, report: &ExposureReport, language: Language) {
    let AboutFacts::Key { releases, released, .. } = &report.about else { return };
    if releases.is_empty() {
        return;
    }
    pages.heading(language.choose("Releases of the key", "Freigaben des Schlüssels"));
    let german = language == Language::German;
    let columns = [
        Column { title: if german { "Eintrag" } else { "Entry" }, width: 52.0, right: true },
        Column { title: if german { "An" } else { "To" }, width: 150.0, right: false },
        Column { title: if german { "Von – bis" } else { "From – to" }, width: 180.0, right: false },
        Column { title: if german { "Was" } else { "What" }, width: 40.0, right: false },
        Column { title: if german { "Herkunft" } else { "From where" }, width: RIGHT - LEFT - 422.0, right: false },
    ];
    pages.table(&columns, |pages| {
        for release in releases {
            let what = match (release.images, german) {
                (true, false) => "images",
                (true, true) => "Bilder",
                (false, false) => "list",
                (false, true) => "Liste",
            };
            let cells = [
                Cell::plain(number(release.entry.0, language)).naming_row(),
                Cell::bold(&release.who),
                Cell::plain(span(release.lease.from, release.lease.to, language)),
                Cell::plain(what),
                Cell::soft(&release.origin.0),
            ];
            pages.table_row(&columns, &cells, 8.5, 0.0, true);
        }
    });
    if *released > releases.len() as u64 {
        let text = language.choose(
            "More releases than are printed here; the count is complete.",
            "Mehr Freigaben, als hier gedruckt sind; die Zahl ist vollständig.",
        );
        pages.paragraph(Weight::Regular, 9.0, WARN, text);
    }
}

fn table(pages: &mut Pages, report: &ExposureReport, language: Language) {
    pages.heading(language.choose("Patients and studies", "Betroffene Personen und Untersuchungen"));
    if report.patients.is_empty() {
        pages.paragraph(Weight::Regular, 10.0, INK, language.choose("Nobody.", "Niemand."));
        return;
    }
    if report.truncated {
        let text = match language {
            Language::English => format!(
                "The table holds the first {} patients, those that were opened before all others; the counts above are complete. A shorter window gives the rest.",
                number(report.patients.len() as u64, language)
            ),
            Language::German => format!(
                "Die Tabelle enthält die ersten {} Personen, zuerst die, deren Bilder geöffnet wurden; die Zahlen oben sind vollständig. Ein kürzerer Zeitraum gibt die übrigen.",
                number(report.patients.len() as u64, language)
            ),
        };
        pages.paragraph(Weight::Bold, 9.5, WARN, &text);
        pages.gap(4.0);
    }
    let german = language == Language::German;
    let columns = [
        Column { title: if german { "Person, Untersuchung" } else { "Patient, study" }, width: 186.0, right: false },
        Column { title: if german { "Reichweite" } else { "Reach" }, width: 52.0, right: false },
        Column { title: if german { "Aufgelistet" } else { "Listed" }, width: 84.0, right: false },
        Column { title: if german { "Geöffnet" } else { "Opened" }, width: 84.0, right: false },
        Column { title: if german { "Herkunft" } else { "From where" }, width: RIGHT - LEFT - 406.0, right: false },
    ];
    pages.table(&columns, |pages| {
        for patient in &report.patients {
            pages.table_row(&columns, &patient_cells(patient, language), 9.0, 26.0, true);
            for study in &patient.details {
                pages.table_row(&columns, &study_cells(study, language), 8.0, 0.0, false);
            }
            pages.gap(3.0);
        }
    });
    pages.rule(LINE);
}

fn patient_cells(patient: &ExposedPatient, language: Language) -> [Cell; 5] {
    let row = &patient.patient;
    let mut text = person(&row.name);
    if text.is_empty() {
        text = language.choose("(no name)", "(ohne Namen)").to_owned();
    }
    let born = date(&row.birth_date, language);
    let mut second = identifier(&row.issuer, &row.id);
    if !born.is_empty() {
        second.push_str(&format!(" · {} {born}", language.choose("born", "geboren")));
    }
    let count =
        |value: u32| if value == 0 { Cell::soft("–") } else { Cell::bold(number(u64::from(value), language)) };
    [
        Cell::bold(format!("{text}\n{second}")).naming_row(),
        count(patient.reachable),
        count(patient.listed),
        Cell { colour: if patient.opened > 0 { ACCENT } else { SOFT }, ..count(patient.opened) },
        Cell::soft(""),
    ]
}

fn study_cells(study: &ExposedStudy, language: Language) -> [Cell; 5] {
    let mut parts = vec![date(&study.date, language), study.modalities.join("/"), study.description.clone()];
    parts.retain(|part| !part.is_empty());
    let mut text = parts.join(" · ");
    if parts.is_empty() {
        text.push_str(language.choose("(no description)", "(ohne Beschreibung)"));
    }
    let reach = match study.reachable {
        Some(Tier::Open) => language.choose("images", "Bilder"),
        Some(Tier::List) => language.choose("names only", "nur Namen"),
        None => "–",
    };
    let touched = |touch: &Option<TouchRow>| match touch {
        Some(touch) => Cell::plain(span(touch.first, touch.last, language)),
        None => Cell::soft("–"),
    };
    let mut origins: Vec<&str> =
        study
            .listed
            .iter()
            .chain(&study.opened)
            .flat_map(|touch| &touch.origins)
            .map(|origin| {
                if origin.0.is_empty() { language.choose("this machine", "diese Maschine") } else { origin.0.as_str() }
            })
            .collect();
    origins.sort_unstable();
    origins.dedup();
    [
        Cell::plain(text).naming_row(),
        Cell::soft(reach),
        touched(&study.listed),
        touched(&study.opened),
        Cell::soft(origins.join(", ")),
    ]
}

fn prose(pages: &mut Pages, paragraphs: &[String]) {
    for paragraph in paragraphs {
        pages.paragraph(Weight::Regular, 9.5, INK, paragraph);
        pages.gap(4.0);
    }
}

fn evidence(pages: &mut Pages, document: &ReportDocument, proof: &StatementProof, language: Language) {
    pages.heading(language.choose("How to check it", "Wie man ihn prüft"));
    prose(pages, &checking(language));
    pages.gap(4.0);
    let say = |english: &'static str, german: &'static str| language.choose(english, german);
    pages.fact(say("Ledger", "Protokoll"), &document.ledger);
    if let Ok(key) = proof.vkey() {
        pages.fact(say("Public key", "Schlüssel"), &key.to_text());
    }
    pages.fact(say("Entry", "Eintrag"), &number(proof.entry_number().0, language));
    pages.fact(say("Computed from", "Berechnet aus"), document.report.checkpoint.trim_end());
    pages.fact(say("Recorded in", "Verzeichnet in"), proof.checkpoint().trim_end());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::page::{Finished, Placed};

    fn finished(language: Language) -> (ReportDocument, Finished) {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/report/report.json");
        let signed = crate::extract(&std::fs::read(file).unwrap()).unwrap().signed;
        let document: ReportDocument = crate::document_of(&signed.document).unwrap();
        let proof = StatementProof::parse(signed.proof.as_bytes()).unwrap();
        let pages = filled(&document, &proof, language).finish();
        (document, pages)
    }

    #[test]
    fn who_hears_a_report_hears_all_of_it_once_and_knows_each_cells_column() {
        for language in Language::ALL {
            let (document, Finished { pages, elements, .. }) = finished(language);
            let inside = |outer: usize| elements.iter().filter(move |element| element.within == Some(outer));
            let all = |kind: Kind| elements.iter().enumerate().filter(move |(_, element)| element.kind == kind);
            // headings: one title, then the second level, each with the words that stand there
            let headings: Vec<u16> = elements
                .iter()
                .filter_map(|element| match &element.kind {
                    Kind::Heading(level, title) => (!title.is_empty()).then_some(*level),
                    _ => None,
                })
                .collect();
            assert!(headings.len() >= 4 && headings[0] == 1 && headings[1..].iter().all(|level| *level == 2));
            // tables: one head for each, and every row as many cells as the head has, the first of which names the row
            assert_eq!(all(Kind::Table).count(), all(Kind::TableHead).count());
            let columns = elements.iter().filter(|element| element.kind == Kind::ColumnHeader).count();
            let mut rows = 0;
            for (row, element) in all(Kind::Row) {
                assert_eq!(inside(row).count(), columns / all(Kind::Table).count());
                if elements[element.within.unwrap()].kind == Kind::TableBody {
                    rows += 1;
                    assert_eq!(inside(row).next().unwrap().kind, Kind::RowHeader);
                }
            }
            let patients = &document.report.patients;
            assert_eq!(rows, patients.len() + patients.iter().map(|patient| patient.details.len()).sum::<usize>());
            // what is left out is what was said before: the heads that later pages repeat
            let silent: Vec<&Placed> = pages.iter().flatten().filter(|placed| placed.of.is_none()).collect();
            let texts = silent.iter().filter(|placed| matches!(placed.step, Step::Text { .. })).count();
            assert!(texts % columns == 0 && texts / columns < pages.len(), "{texts}");
            // and no element is empty
            for (index, element) in elements.iter().enumerate() {
                let drawn = pages.iter().flatten().any(|placed| placed.of == Some(index));
                assert!(drawn || inside(index).next().is_some(), "{element:?}");
            }
        }
    }
}
