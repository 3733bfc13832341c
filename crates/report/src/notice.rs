//! The draft of a notification of the supervisory authority (GDPR Art. 33(3)), filled from an incident's facts for a human to
//! finish. What only a human knows stands in square brackets.

use protocol::{ClockStanding, Count, IncidentDetail};

use crate::fonts::Weight;
use crate::page::{ACCENT, INK, LEFT, LINE, Pages, SOFT, WARN};
use crate::pdf::{DRAWING, DrawError, Title, write};
use crate::when::{moment, number, window};
use crate::words::{Language, clock, patients, studies};

/// A part of the draft.
struct Section {
    title: &'static str,
    lines: Vec<String>,
}

/// The draft as text.
#[must_use]
pub fn notice_text(incident: &IncidentDetail, language: Language) -> String {
    let mut text = format!("{}\n{}\n\n", title(language), draft(language));
    for section in sections(incident, language) {
        text.push_str(section.title);
        text.push('\n');
        for line in &section.lines {
            text.push_str(&format!("  {}\n", line.replace('\n', "\n  ")));
        }
        text.push('\n');
    }
    text
}

/// The draft as PDF.
pub fn notice_pdf(incident: &IncidentDetail, language: Language) -> Result<Vec<u8>, DrawError> {
    let mut pages = Pages::new();
    let y = pages.y;
    pages.text_at(LEFT, y, Weight::Bold, 9.5, ACCENT, &incident.site);
    pages.gap(12.0);
    pages.title(18.0, title(language));
    pages.gap(4.0);
    pages.paragraph(Weight::Bold, 10.0, WARN, draft(language));
    pages.gap(4.0);
    pages.rule(LINE);
    for section in sections(incident, language) {
        pages.heading(section.title);
        for line in &section.lines {
            let open = line.starts_with('[');
            let colour = if open { WARN } else { INK };
            pages.paragraph(Weight::Regular, 10.0, colour, line);
            pages.gap(3.0);
        }
    }
    pages.gap(10.0);
    pages.paragraph(Weight::Regular, 8.5, SOFT, &moment(incident.now, language));
    let footer = format!("{} · {} {}", incident.site, language.choose("Incident", "Vorfall"), incident.row.incident);
    write(
        pages,
        &Title { title: title(language), footer: &footer, made: incident.now, language, drawing: DRAWING },
        &[],
    )
}

fn title(language: Language) -> &'static str {
    language.choose(
        "Notification of a personal data breach (GDPR Art. 33)",
        "Meldung einer Verletzung des Schutzes personenbezogener Daten (DSGVO Art. 33)",
    )
}

fn draft(language: Language) -> &'static str {
    language.choose(
        "DRAFT. Numbers and times come from the ledger; complete what stands in [brackets] before you send it.",
        "ENTWURF. Zahlen und Zeiten stammen aus dem Protokoll; ergänzen Sie vor dem Absenden, was in [Klammern] steht.",
    )
}

fn sections(incident: &IncidentDetail, language: Language) -> Vec<Section> {
    let say = |english: &'static str, german: &'static str| language.choose(english, german);
    vec![
        Section {
            title: say("1. Controller and contact (Art. 33(3)(b))", "1. Verantwortlicher und Kontakt (Art. 33 Abs. 3 Buchst. b)"),
            lines: contact(incident, language),
        },
        Section { title: say("2. When", "2. Wann"), lines: times(incident, language) },
        Section {
            title: say("3. Nature of the breach (Art. 33(3)(a))", "3. Art der Verletzung (Art. 33 Abs. 3 Buchst. a)"),
            lines: nature(incident, language),
        },
        Section {
            title: say(
                "4. Categories and approximate numbers (Art. 33(3)(a))",
                "4. Kategorien und ungefähre Zahlen (Art. 33 Abs. 3 Buchst. a)",
            ),
            lines: numbers(incident, language),
        },
        Section {
            title: say("5. Likely consequences (Art. 33(3)(c))", "5. Wahrscheinliche Folgen (Art. 33 Abs. 3 Buchst. c)"),
            lines: consequences(incident, language),
        },
        Section {
            title: say("6. Measures (Art. 33(3)(d))", "6. Maßnahmen (Art. 33 Abs. 3 Buchst. d)"),
            lines: measures(incident, language),
        },
        Section {
            title: say("7. Information of the persons concerned (Art. 34)", "7. Benachrichtigung der betroffenen Personen (Art. 34)"),
            lines: vec![
                say(
                    "[Whether, when and how they are told, or why not. The exposure report names them.]",
                    "[Ob, wann und wie sie benachrichtigt werden, oder warum nicht. Der Bericht über Reichweite und Zugriffe nennt sie.]",
                )
                .to_owned(),
            ],
        },
    ]
}

fn contact(incident: &IncidentDetail, language: Language) -> Vec<String> {
    let say = |english: &'static str, german: &'static str| language.choose(english, german);
    let mut lines = vec![
        incident.site.clone(),
        say("[Legal name, address, telephone]", "[Rechtlicher Name, Anschrift, Telefon]").to_owned(),
    ];
    let label = say("Data protection officer", "Datenschutzbeauftragte Person");
    lines.extend(incident.officers.iter().map(|officer| format!("{label}: {officer}")));
    if incident.officers.is_empty() {
        lines.push(format!("[{label}]"));
    }
    lines
}

fn times(incident: &IncidentDetail, language: Language) -> Vec<String> {
    let row = &incident.row;
    let mut lines = match language {
        Language::English => vec![
            format!("Time of the breach, as known: {}", window(row.window, language)),
            format!("Became aware: {}", moment(row.aware, language)),
        ],
        Language::German => vec![
            format!("Zeit der Verletzung, soweit bekannt: {}", window(row.window, language)),
            format!("Bekannt geworden: {}", moment(row.aware, language)),
        ],
    };
    for each in &row.clocks {
        let due = moment(each.due, language);
        let state = match (each.state, language) {
            (ClockStanding::Running, Language::English) => format!("due {due}"),
            (ClockStanding::Running, Language::German) => format!("fällig {due}"),
            (ClockStanding::Overdue, Language::English) => format!("was due {due} and is overdue"),
            (ClockStanding::Overdue, Language::German) => format!("war fällig {due} und ist überschritten"),
            (ClockStanding::Done | ClockStanding::DoneLate, _) => {
                let done = each.done.map(|done| moment(done, language)).unwrap_or_default();
                format!("{} {done}", language.choose("done", "erledigt"))
            }
        };
        lines.push(format!("{}: {state}", clock(each.clock, language)));
    }
    lines.push(
        language
            .choose(
                "[If later than 72 hours: the reasons for the delay, Art. 33(1)]",
                "[Falls später als 72 Stunden: die Gründe der Verzögerung, Art. 33 Abs. 1]",
            )
            .to_owned(),
    );
    lines
}

fn nature(incident: &IncidentDetail, language: Language) -> Vec<String> {
    let mut lines = vec![incident.row.title.clone()];
    let about = incident.row.about.join(", ");
    if !about.is_empty() {
        lines.push(format!("{}: {about}", language.choose("Concerns", "Betrifft")));
    }
    let kind = if incident.row.about.iter().any(|about| about.starts_with("disk:")) {
        language.choose(
            "Loss of a data carrier. What lay on it is sealed (AES-256-GCM, keys wrapped with X25519 and ML-KEM-768).",
            "Verlust eines Datenträgers. Was darauf lag, ist versiegelt (AES-256-GCM, Schlüssel mit X25519 und ML-KEM-768 umhüllt).",
        )
    } else {
        language.choose(
            "Breach of confidentiality: data may have been seen by somebody who should not have.",
            "Verletzung der Vertraulichkeit: Daten können von Unbefugten gesehen worden sein.",
        )
    };
    lines.push(kind.to_owned());
    lines.push(
        language.choose("[What happened, how it was noticed]", "[Was geschah und wie es bemerkt wurde]").to_owned(),
    );
    lines
}

fn numbers(incident: &IncidentDetail, language: Language) -> Vec<String> {
    let counted = |count: Count| {
        let (people, records) = (number(count.patients, language), number(count.studies, language));
        let (who, what) = (patients(count.patients, language), studies(count.studies, language));
        format!("{people} {who}, {records} {what}")
    };
    let (reachable, listed, opened) = (counted(incident.reachable), counted(incident.listed), counted(incident.opened));
    match language {
        Language::English => vec![
            "Persons concerned: patients. Data: names, birth dates, identifiers, dates and descriptions of examinations; images where they were opened (health data, Art. 9).".to_owned(),
            format!("Could have been reached at most: {reachable}"),
            format!("Names, dates and descriptions were shown: {listed}"),
            format!("Images were opened: {opened}"),
            "The numbers are computed from the ledger; each person is counted once. The signed exposure report is attached.".to_owned(),
        ],
        Language::German => vec![
            "Betroffene Personen: Patientinnen und Patienten. Daten: Namen, Geburtsdaten, Kennungen, Daten und Beschreibungen von Untersuchungen; Bilder, soweit sie geöffnet wurden (Gesundheitsdaten, Art. 9).".to_owned(),
            format!("Höchstens erreichbar: {reachable}"),
            format!("Namen, Daten und Beschreibungen angezeigt: {listed}"),
            format!("Bilder geöffnet: {opened}"),
            "Die Zahlen sind aus dem Protokoll berechnet; jede Person zählt einmal. Der signierte Bericht über Reichweite und Zugriffe liegt bei.".to_owned(),
        ],
    }
}

fn consequences(incident: &IncidentDetail, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    if incident.opened.patients > 0 {
        lines.push(language.choose(
            "Images and findings of these persons may be known to somebody who should not know them: loss of confidentiality of health data, possibly disclosure, embarrassment or extortion.",
            "Bilder dieser Personen können Unbefugten bekannt sein: Verlust der Vertraulichkeit von Gesundheitsdaten, möglich sind Veröffentlichung, Bloßstellung oder Erpressung.",
        ));
    }
    if incident.listed.patients > 0 {
        lines.push(language.choose(
            "Names, birth dates and the fact of an examination may be known: targeted fraud and phishing are possible.",
            "Namen, Geburtsdaten und die Tatsache einer Untersuchung können bekannt sein: gezielter Betrug und Phishing sind möglich.",
        ));
    }
    if lines.is_empty() {
        lines.push(language.choose(
            "According to the ledger nothing was shown to the accounts concerned and no image was opened by them.",
            "Nach dem Protokoll wurde den betroffenen Konten nichts angezeigt und von ihnen kein Bild geöffnet.",
        ));
    }
    lines.push(language.choose("[Assessment of the risk in this case]", "[Bewertung des Risikos in diesem Fall]"));
    lines.into_iter().map(str::to_owned).collect()
}

fn measures(incident: &IncidentDetail, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &incident.steps {
        if step.what == "noted" || step.what == "closed" {
            lines.push(format!("{}: {} ({})", moment(step.at, language), step.text, step.by));
        }
    }
    lines.push(
        language
            .choose(
                "[Sessions ended, relationships ended, keys rotated, persons informed, police]",
                "[Sitzungen beendet, Beziehungen beendet, Schlüssel erneuert, Personen informiert, Polizei]",
            )
            .to_owned(),
    );
    lines
}
