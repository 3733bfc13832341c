//! What a report says in sentences: the summary, what it is about, how it was computed, how it is checked.

use model::{Instant, LinkEnd};
use protocol::{AboutFacts, Count, ExposureReport, SessionLink};

use crate::when::{moment, number, window};
use crate::words::{Language, disk_part, patients, role, studies};

/// Who or what a report is about, in a line.
pub(crate) fn about(report: &ExposureReport, language: Language) -> String {
    match &report.about {
        AboutFacts::Person { name, role: of, organisations, .. } => {
            let mut text = name.clone();
            if let Some(of) = of {
                text.push_str(&format!(", {}", role(*of, language)));
            }
            if !organisations.is_empty() {
                text.push_str(&format!(" ({})", organisations.join(", ")));
            }
            format!("{text}\n{}", report.who)
        }
        AboutFacts::Organisation { name } => {
            format!("{} {name}", language.choose("Organisation", "Organisation"))
        }
        AboutFacts::Device { name, .. } => format!("{} {name}", language.choose("Device", "Gerät")),
        AboutFacts::Session { session, name, span, .. } => {
            format!("{} {name}\n{session}\n{}", language.choose("Session of", "Sitzung von"), window(*span, language))
        }
        AboutFacts::Key { key, .. } => format!("{} {key}", language.choose("Batch key", "Schlüssel")),
        AboutFacts::Link { link, maker, note, span, .. } => {
            let mut text = format!("{} {link}", language.choose("Share link", "Freigabelink"));
            text.push_str(&format!("\n{} {maker}", language.choose("made by", "erstellt von")));
            if !note.is_empty() {
                text.push_str(&format!(" ({note})"));
            }
            format!("{text}\n{}", window(*span, language))
        }
        AboutFacts::Disk { disk, filesystem, .. } => {
            let mut text = format!("{} {disk}", language.choose("Disk", "Datenträger"));
            if !filesystem.is_empty() {
                text.push_str(&format!("\n{} {filesystem}", language.choose("filesystem", "Dateisystem")));
            }
            text
        }
    }
}

fn counted(count: Count, language: Language) -> String {
    format!(
        "{} {} {} {} {}",
        number(count.patients, language),
        patients(count.patients, language),
        language.choose("with", "mit"),
        number(count.studies, language),
        studies(count.studies, language)
    )
}

/// The summary, in sentences.
pub(crate) fn summary(report: &ExposureReport, language: Language) -> Vec<String> {
    let (reachable, listed, opened) =
        (counted(report.reachable, language), counted(report.listed, language), counted(report.opened, language));
    let mut sentences = match (&report.about, language) {
        (AboutFacts::Disk { .. }, Language::English) => vec![
            format!("On this disk lay sealed images of {reachable}."),
            format!(
                "Inside the window, somebody with an account here was shown the names of {listed} and opened images of {opened} of them, each with an entry in the ledger."
            ),
        ],
        (AboutFacts::Disk { .. }, Language::German) => vec![
            format!("Auf diesem Datenträger lagen versiegelte Bilder von: {reachable}."),
            format!(
                "Im Zeitraum wurden davon Personen mit Konto hier die Namen angezeigt von: {listed}; Bilder geöffnet von: {opened}. Jeder Vorgang hat einen Eintrag im Protokoll."
            ),
        ],
        (AboutFacts::Key { .. }, Language::English) => {
            vec![format!(
                "The key opens images of {reachable}. With it, {listed} were listed and {opened} opened inside the window."
            )]
        }
        (AboutFacts::Key { .. }, Language::German) => vec![format!(
            "Der Schlüssel öffnet Bilder von: {reachable}. Mit ihm im Zeitraum aufgelistet: {listed}; geöffnet: {opened}."
        )],
        (_, Language::English) => vec![format!(
            "Inside the window, {reachable} could be reached. {listed} were listed: names and dates were shown. {opened} were opened: keys to images were released."
        )],
        (_, Language::German) => vec![format!(
            "Im Zeitraum waren erreichbar: {reachable}. Aufgelistet, also mit Namen und Daten angezeigt: {listed}. Geöffnet, also mit Schlüsseln zu den Bildern: {opened}."
        )],
    };
    sentences.extend(particulars(report, language));
    let unexpired = report.unexpired;
    if unexpired.patients > 0 {
        sentences.push(match language {
            Language::English => format!(
                "At the end of the window a release for {} had not ended yet. The counts include the whole of it.",
                counted(unexpired, language)
            ),
            Language::German => format!(
                "Am Ende des Zeitraums lief noch eine Freigabe für: {}. Die Zahlen zählen sie ganz.",
                counted(unexpired, language)
            ),
        });
    }
    sentences
}

fn link_end(ended: Option<LinkEnd>, language: Language) -> &'static str {
    match ended {
        None => language.choose("The link still runs.", "Der Link gilt noch."),
        Some(LinkEnd::Revoked) => language.choose("Somebody ended it.", "Er wurde von jemandem beendet."),
        Some(LinkEnd::Guessed) => {
            language.choose("It ended after too many wrong codes.", "Er endete nach zu vielen falschen Codes.")
        }
        Some(LinkEnd::Expired) => language.choose("Its time is over.", "Seine Zeit ist abgelaufen."),
        Some(LinkEnd::Maker) => language.choose(
            "It ended because who made it does not reach the study any more.",
            "Er endete, weil wer ihn erstellt hat, die Untersuchung nicht mehr erreicht.",
        ),
    }
}

/// What of a session goes on after it: the share links that were made in it. Reports from before they were named say nothing.
fn links_made(links: &[SessionLink], language: Language) -> Vec<String> {
    if links.is_empty() {
        return vec![
            language.choose("No share link was made in it.", "Darin wurde kein Freigabelink erstellt.").to_owned(),
        ];
    }
    let one = |one: &SessionLink| {
        let (link, study, openings) =
            (one.link, number(u64::from(one.study.0), language), number(one.openings.into(), language));
        let note = if one.note.is_empty() { String::new() } else { format!(" ({})", one.note) };
        let made = moment(one.span.from, language);
        let what = match language {
            Language::English => {
                format!(
                    "Share link {link}{note} was made in it on {made}, for study {study}, and opened {openings} times."
                )
            }
            Language::German => format!(
                "Darin wurde am {made} der Freigabelink {link}{note} für die Untersuchung {study} erstellt und {openings}-mal geöffnet."
            ),
        };
        format!("{what} {}", link_end(one.ended, language))
    };
    let goes_on = language.choose(
        "What went out by these links is part of the counts, also after the session.",
        "Was durch diese Links hinausging, ist in den Zahlen enthalten, auch nach der Sitzung.",
    );
    links.iter().map(one).chain([goes_on.to_owned()]).collect()
}

fn particulars(report: &ExposureReport, language: Language) -> Vec<String> {
    match &report.about {
        AboutFacts::Session { links: Some(links), .. } => links_made(links, language),
        AboutFacts::Key { filed, released_before, released, .. } => {
            let since = filed.map(|filed| moment(filed, language));
            let mut sentences = Vec::new();
            if let Some(since) = since {
                sentences.push(match language {
                    Language::English => format!("It was filed on {since}."),
                    Language::German => format!("Er wurde am {since} abgelegt."),
                });
            }
            sentences.push(match (released_before + released, language) {
                (0, Language::English) => "It was never released to anybody through the warden.".to_owned(),
                (0, Language::German) => "Er wurde durch den Wächter nie an jemanden freigegeben.".to_owned(),
                (_, Language::English) => format!(
                    "It was released {} times before the window and {} times inside it.",
                    number(*released_before, language),
                    number(*released, language)
                ),
                (_, Language::German) => format!(
                    "Er wurde vor dem Zeitraum {}-mal und darin {}-mal freigegeben.",
                    number(*released_before, language),
                    number(*released, language)
                ),
            });
            sentences
        }
        AboutFacts::Link { ended, openings, browsers, downloads, tries, .. } => {
            let [openings, browsers] = [*openings, *browsers].map(|count| number(count.into(), language));
            let [downloads, tries] = [*downloads, *tries].map(|count| number(count.into(), language));
            vec![
                match language {
                    Language::English => format!(
                        "Until now the link was opened {openings} times with its secret and its code, in {browsers} browsers, and the study was taken along as files {downloads} times; {tries} times the code was wrong."
                    ),
                    Language::German => format!(
                        "Bis jetzt wurde der Link {openings}-mal mit seinem Geheimnis und seinem Code geöffnet, in {browsers} Browsern, und die Untersuchung {downloads}-mal als Dateien mitgenommen; {tries}-mal war der Code falsch."
                    ),
                },
                link_end(*ended, language).to_owned(),
                language
                    .choose(
                        "Who opened it, this site does not know: whoever had the link and the code. What they did with what they saw is outside of this report.",
                        "Wer ihn geöffnet hat, weiß dieses Haus nicht: wer den Link und den Code hatte. Was mit dem Gesehenen geschah, liegt außerhalb dieses Berichts.",
                    )
                    .to_owned(),
            ]
        }
        AboutFacts::Disk { holds, keys, studies_opened_before, .. } => {
            let keys = number(*keys, language);
            let before = number(*studies_opened_before, language);
            let mut sentences = vec![
                match language {
                    Language::English => format!(
                        "What lay there is sealed under {keys} keys. The keys themselves are wrapped and do not open without the site's root, which lies on no disk in the clear. Before the window, {before} of the studies had been opened by somebody with an account; inside the window, {}.",
                        number(report.opened.studies, language)
                    ),
                    Language::German => format!(
                        "Was dort lag, ist mit {keys} Schlüsseln versiegelt. Die Schlüssel selbst sind umhüllt und öffnen sich nicht ohne die Wurzel des Hauses, die auf keinem Datenträger offen liegt. Vor dem Zeitraum waren {before} der Untersuchungen von Personen mit Konto geöffnet worden, im Zeitraum {}.",
                        number(report.opened.studies, language)
                    ),
                },
                match language {
                    Language::English => "A key that was released to somebody's browser was not written to this disk by leadglass. What a reader's own machine kept is outside of this report.".to_owned(),
                    Language::German => "Ein freigegebener Schlüssel wurde von leadglass nicht auf diesen Datenträger geschrieben. Was ein Gerät der Lesenden behielt, liegt außerhalb dieses Berichts.".to_owned(),
                },
            ];
            sentences.extend(holds.iter().map(|held| {
                let part = disk_part(held.part, language);
                let from = moment(held.from, language);
                match (held.until, language) {
                    (None, Language::English) => format!("It holds {part} since {from}."),
                    (None, Language::German) => format!("Darauf liegt seit {from}: {part}."),
                    (Some(until), Language::English) => {
                        format!("It holds {part}, seen first on {from}, as of {}.", moment(until, language))
                    }
                    (Some(until), Language::German) => {
                        format!("Darauf liegt, zuerst gesehen am {from}, Stand {}: {part}.", moment(until, language))
                    }
                }
            }));
            sentences
        }
        _ => Vec::new(),
    }
}

/// How the numbers come about.
pub(crate) fn method(report: &ExposureReport, language: Language) -> Vec<String> {
    let entries = number(report.ledger_size, language);
    let mut sentences = how_computed(&entries, language);
    if report.erased > 0 {
        let erased = number(report.erased, language);
        sentences.push(match language {
            Language::English => format!("Entries of the window without the words that somebody wrote into them, erased since: {erased}. No number here rests on those words."),
            Language::German => format!("Einträge des Zeitraums, denen der Wortlaut fehlt, den jemand hineinschrieb, seither gelöscht: {erased}. Keine Zahl hier beruht auf diesem Wortlaut."),
        });
    }
    sentences
}

fn how_computed(entries: &str, language: Language) -> Vec<String> {
    match language {
        Language::English => vec![
            format!("The report is computed from the entries that the site's ledger held at that moment ({entries} of them), and from nothing else. Every release of a name or of a key has an entry that was on disk before the release."),
            "Reachable: at some moment of the window a recorded relationship reached the study, and the role allowed it. It need not have been looked at.".to_owned(),
            "Listed: name, dates or descriptions were shown. Opened: keys to the images were released. A release runs for up to five minutes; the whole of it counts, whether it was used or not. So the report is never less than the truth.".to_owned(),
            "What it cannot say: what somebody did with an image after it was released, and what a person with full control of the running machine read from memory.".to_owned(),
        ],
        Language::German => vec![
            format!("Der Bericht ist aus den Einträgen berechnet, die das Protokoll des Hauses in diesem Moment hatte (Anzahl: {entries}), und aus nichts anderem. Jede Freigabe eines Namens oder Schlüssels hat einen Eintrag, der vor der Freigabe auf dem Datenträger stand."),
            "Erreichbar: In einem Moment des Zeitraums reichte eine eingetragene Beziehung bis zu der Untersuchung, und die Rolle erlaubte es. Angesehen worden sein muss sie nicht.".to_owned(),
            "Aufgelistet: Name, Daten oder Beschreibungen wurden angezeigt. Geöffnet: Schlüssel zu den Bildern wurden freigegeben. Eine Freigabe läuft bis zu fünf Minuten; sie zählt ganz, ob genutzt oder nicht. Der Bericht sagt also nie weniger als die Wahrheit.".to_owned(),
            "Was er nicht sagen kann: was jemand mit einem freigegebenen Bild getan hat, und was jemand mit voller Gewalt über die laufende Maschine aus deren Speicher las.".to_owned(),
        ],
    }
}

/// How anybody checks it.
pub(crate) fn checking(language: Language) -> Vec<String> {
    match language {
        Language::English => vec![
            "This file holds the report as signed data, with the proof that the ledger recorded it, as two attachments. To check it, take leadglass from its publisher, not from the site, and run:".to_owned(),
            "    leadglass ledger verify --report THIS-FILE --key KEY".to_owned(),
            "with the site's public key as it was given to you on another way than this file. The check finds a changed byte anywhere in the file, another site's signature, and an entry that the ledger does not hold. A checkpoint that you kept (--checkpoint FILE) must be the report's where both have the same size; where they differ, the site's ledger files show with `leadglass ledger verify --since` that one continues the other.".to_owned(),
            "The check cannot show that no entry was left out of the count. For that an auditor is given the keys of the window's entries and computes the report again.".to_owned(),
        ],
        Language::German => vec![
            "Diese Datei enthält den Bericht als signierte Daten und den Beweis, dass das Protokoll ihn kennt, als zwei Anhänge. Zum Prüfen nehmen Sie leadglass vom Herausgeber, nicht vom Haus, und rufen auf:".to_owned(),
            "    leadglass ledger verify --report DIESE-DATEI --key SCHLÜSSEL".to_owned(),
            "mit dem öffentlichen Schlüssel des Hauses, den Sie auf anderem Weg als mit dieser Datei bekommen haben. Die Prüfung findet jedes geänderte Byte der Datei, die Signatur eines anderen Hauses und einen Eintrag, den das Protokoll nicht hat. Ein aufbewahrter Prüfpunkt (--checkpoint DATEI) muss bei gleicher Größe der des Berichts sein; bei anderer Größe zeigen die Dateien des Protokolls mit `leadglass ledger verify --since`, dass einer den anderen fortsetzt.".to_owned(),
            "Die Prüfung kann nicht zeigen, dass kein Eintrag ausgelassen wurde. Dafür bekommt ein Prüfer die Schlüssel der Einträge des Zeitraums und rechnet neu.".to_owned(),
        ],
    }
}

/// The span of a touch in a table cell.
pub(crate) fn span(first: Instant, last: Instant, language: Language) -> String {
    let first_text = crate::when::short(first, language);
    let last_text = crate::when::short(last, language);
    if first_text == last_text { first_text } else { format!("{first_text} – {last_text}") }
}
