//! The draft of a notice, filled from an incident.

use model::{Clock, EntryNumber, Window};
use protocol::{ClockRow, ClockStanding, Count, IncidentDetail, IncidentRow, IncidentStep};
use report::{Language, notice_pdf, notice_text};

use crate::samples::NOW;

fn incident() -> IncidentDetail {
    let clock = |clock: Clock, state, done| ClockRow { clock, due: clock.due(NOW), state, done };
    IncidentDetail {
        row: IncidentRow {
            incident: 2,
            title: "A login was found in a dump".to_owned(),
            about: vec!["person:c.reader@praxis.example".to_owned()],
            window: Window { from: NOW.plus_seconds(-30 * 86_400), to: NOW },
            aware: NOW,
            opened: NOW,
            closed: None,
            clocks: vec![
                clock(Clock::Nis2EarlyWarning, ClockStanding::Overdue, None),
                clock(Clock::GdprNotification, ClockStanding::Running, None),
                clock(Clock::NdbAssessment, ClockStanding::Done, Some(NOW.plus_seconds(60))),
            ],
        },
        steps: vec![IncidentStep {
            entry: EntryNumber(9),
            at: NOW,
            by: "Dr. Käthe Čermák".to_owned(),
            what: "noted".to_owned(),
            text: "All sessions of the account ended".to_owned(),
        }],
        reachable: Count { patients: 1_204, studies: 3_377 },
        listed: Count { patients: 61, studies: 148 },
        opened: Count { patients: 6, studies: 9 },
        site: "Röntgenpraxis am Markt".to_owned(),
        officers: vec!["Dr. Käthe Čermák, dsb@praxis.example".to_owned()],
        now: NOW,
    }
}

#[test]
fn the_draft_holds_the_facts_and_says_what_a_human_must_add() {
    let english = notice_text(&incident(), Language::English);
    for fact in [
        "1,204 patients, 3,377 studies",
        "6 patients, 9 studies",
        "A login was found in a dump",
        "dsb@praxis.example",
        "26 Nov 2025, 17:35:02 UTC",
        "due 29 Nov 2025, 17:35:02 UTC",
        "is overdue",
        "All sessions of the account ended",
        "[What happened",
    ] {
        assert!(english.contains(fact), "{fact} in\n{english}");
    }
    let german = notice_text(&incident(), Language::German);
    for fact in ["1.204 betroffene Personen", "DSGVO Art. 33", "fällig 29.11.2025", "[Rechtlicher Name", "Art. 34"] {
        assert!(german.contains(fact), "{fact} in\n{german}");
    }
    for language in Language::ALL {
        let drawn = notice_pdf(&incident(), language).unwrap();
        assert!(drawn.starts_with(b"%PDF-1.7"));
        if let Ok(folder) = std::env::var("LEADGLASS_REPORT_SAMPLES") {
            std::fs::write(std::path::Path::new(&folder).join(format!("notice-{}.pdf", language.tag())), drawn)
                .unwrap();
        }
    }
}
