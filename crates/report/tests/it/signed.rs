//! A signed report, and everything that may be wrong with one.

use model::{DiskPart, EntryNumber, LinkEnd, LinkId, Origin, StudyNumber, Window};
use protocol::{AboutFacts, HeldPart, ReleaseRow, SealedUnder, SessionLink};
use report::{Language, Pages, ReportError, csv, pdf, signed_json, verify, verify_content};

use crate::samples::{NOW, Site, patient};

/// Writes what the tests drew where `LEADGLASS_REPORT_SAMPLES` says, for people who look at it.
fn keep(name: &str, bytes: &[u8]) {
    if let Ok(folder) = std::env::var("LEADGLASS_REPORT_SAMPLES") {
        std::fs::write(std::path::Path::new(&folder).join(name), bytes).unwrap();
    }
}

#[test]
fn a_report_is_drawn_alike_each_time_and_accepted_with_the_sites_key() {
    let site = Site::new(7);
    let signed = site.sign(|_| {});
    for language in Language::ALL {
        let drawn = pdf(&signed, language).unwrap();
        keep(&format!("person-{}.pdf", language.tag()), &drawn);
        assert_eq!(drawn, pdf(&signed, language).unwrap(), "drawing twice gives the same bytes");
        for key in [Some(site.vkey()), None] {
            let verified = verify(&drawn, key.as_ref()).unwrap();
            assert_eq!(verified.pages, Pages::Drawn(language));
            assert_eq!(verified.verifier, site.vkey());
            assert_eq!(verified.document.report.opened.patients, 6);
            assert!(verified.statement.checkpoint.size > verified.statement.computed.size);
        }
    }
    let lines = signed_json(&signed);
    keep("report.json", lines.as_bytes());
    keep("site.vkey", format!("{}\n", site.vkey().to_text()).as_bytes());
    assert_eq!(verify(lines.as_bytes(), Some(&site.vkey())).unwrap().pages, Pages::None);
}

#[test]
fn one_flipped_byte_anywhere_is_refused() {
    let site = Site::new(7);
    let signed = site.sign(|report| report.patients.truncate(2));
    let drawn = pdf(&signed, Language::English).unwrap();
    // every byte would take as many drawings as there are bytes: each part of the file is hit, with the seed below
    let mut dice: u64 = 0x1ead_91a5_5ee0_0001;
    println!("seed {dice:#x}");
    let mut positions: Vec<usize> = (0..60)
        .map(|_| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice % drawn.len() as u64) as usize
        })
        .collect();
    positions.extend([0, 5, drawn.len() / 2, drawn.len() - 2, drawn.len() - 1]);
    for position in positions {
        let mut changed = drawn.clone();
        changed[position] ^= 1;
        assert!(verify(&changed, Some(&site.vkey())).is_err(), "byte {position} of {}", drawn.len());
    }
    for (name, changed) in [
        ("cut", drawn[..drawn.len() - 1].to_vec()),
        ("longer", [&drawn[..], b"\n"].concat()),
        ("an update behind the end", [&drawn[..], b"1 0 obj\n<<>>\nendobj\n%%EOF"].concat()),
    ] {
        assert!(matches!(verify(&changed, None), Err(ReportError::PagesChanged)), "{name}");
    }
    let lines = signed_json(&signed);
    for position in 0..lines.len() {
        let mut changed = lines.clone().into_bytes();
        changed[position] ^= 1;
        assert!(verify(&changed, Some(&site.vkey())).is_err(), "byte {position} of the JSON");
    }
}

/// Changed pages that say that another version drew them.
fn said_to_be_of_another_version(drawn: &[u8]) -> Vec<u8> {
    let creator = b"leadglass, drawing ";
    let places = (0..drawn.len() - creator.len()).filter(|place| drawn[*place..].starts_with(creator));
    let mut changed = drawn.to_vec();
    places.for_each(|place| changed[place + creator.len()] = b'9');
    assert_ne!(changed, drawn, "the number stands in the file");
    [&changed[..], b"\n% other pages\n"].concat()
}

#[test]
fn pages_that_were_not_compared_are_never_said_to_belong_to_the_report() {
    let site = Site::new(7);
    let drawn = pdf(&site.sign(|_| {}), Language::English).unwrap();
    let changed = said_to_be_of_another_version(&drawn);
    assert!(matches!(verify(&changed, Some(&site.vkey())), Err(ReportError::OtherDrawing)));
    assert_eq!(verify_content(&changed, Some(&site.vkey())).unwrap().pages, Pages::NotCompared);
    assert_eq!(verify_content(&drawn, Some(&site.vkey())).unwrap().pages, Pages::Drawn(Language::English));
    // what is known to be changed stays refused
    let longer = [&drawn[..], b"\n"].concat();
    assert!(matches!(verify_content(&longer, None), Err(ReportError::PagesChanged)));
    assert!(verify_content(&changed, Some(&Site::new(8).vkey())).is_err());
}

#[test]
fn another_site_another_document_and_another_proof_are_refused_by_name() {
    let (site, other) = (Site::new(7), Site::new(8));
    let (one, two) = (site.sign(|_| {}), site.sign(|report| report.opened.patients = 2));
    let foreign = other.sign(|_| {});
    let refused = |document: &str, proof: &str| {
        let lines = format!("{document}\n{proof}\n");
        verify(lines.as_bytes(), Some(&site.vkey())).unwrap_err().to_string()
    };
    assert!(refused(&foreign.document, &foreign.proof).contains("another site"));
    assert!(refused(&one.document, &two.proof).contains("changed after it was signed"));
    assert!(refused(&one.document.replace("4711-0", "4711-9"), &one.proof).contains("changed after it was signed"));

    let proof: serde_json::Value = serde_json::from_str(&one.proof).unwrap();
    let later: serde_json::Value = serde_json::from_str(&two.proof).unwrap();
    let alien: serde_json::Value = serde_json::from_str(&foreign.proof).unwrap();
    let with = |field: &str, value: &serde_json::Value| {
        // the order of fields is part of the form
        let (from, to) = (format!("\"{field}\":{}", proof[field]), format!("\"{field}\":{value}"));
        assert!(one.proof.contains(&from), "{field}");
        refused(&one.document, &one.proof.replace(&from, &to))
    };
    let error = with("checkpoint", &later["checkpoint"]);
    assert!(error.contains("does not begin with"), "a later checkpoint without its path: {error}");
    assert!(with("checkpoint", &alien["checkpoint"]).contains("checkpoint does not hold"));
    assert!(with("computed", &later["checkpoint"]).contains("ledger"));
    assert!(with("entry_salted", &later["entry_salted"]).contains("does not hold the report's entry"));
    assert!(with("entry", &later["entry"]).contains("does not hold the report's entry"));
    assert!(with("note", &alien["note"]).contains("another site"));
    // the whole proof of another entry: it proves another document
    let swapped = two.proof.replace(&later["note"].to_string(), &proof["note"].to_string());
    assert!(refused(&one.document, &swapped).contains("names another report"));
}

#[test]
fn a_report_that_says_something_else_than_its_entry_is_refused() {
    let site = Site::new(7);
    // a site that signs one thing and records another: what an honest warden never does
    let signed = site.sign(|report| report.ledger_size += 1);
    let error = verify(signed_json(&signed).as_bytes(), Some(&site.vkey())).unwrap_err();
    assert!(matches!(error, ReportError::Disagrees), "{error}");
}

fn session_with(links: Option<Vec<SessionLink>>) -> AboutFacts {
    AboutFacts::Session {
        session: "0123456789abcdef0123456789abcdef".to_owned(),
        name: "Dr. Clemens Reader".to_owned(),
        span: Window { from: NOW.plus_seconds(-3_000), to: NOW },
        links,
    }
}

#[test]
fn a_session_without_a_word_about_links_is_read_and_written_as_before_they_were_named() {
    let text = r#"{"session":{"session":"ab","name":"Dr. Clemens Reader","span":{"from":1,"to":2}}}"#;
    let before: AboutFacts = serde_json::from_str(text).unwrap();
    assert!(matches!(&before, AboutFacts::Session { links: None, .. }));
    assert_eq!(serde_json::to_string(&before).unwrap(), text, "what was signed are these bytes");
}

#[test]
fn a_disk_a_key_and_a_session_are_drawn_too() {
    let site = Site::new(7);
    let held = |part, until: Option<i64>| HeldPart {
        part,
        from: NOW.plus_seconds(-900_000),
        until: until.map(|seconds| NOW.plus_seconds(seconds)),
    };
    let release = |n: u64| ReleaseRow {
        entry: EntryNumber(n),
        who: "Dr. Clemens Reader".to_owned(),
        lease: Window { from: NOW.plus_seconds(-3_000), to: NOW.plus_seconds(-2_700) },
        origin: Origin("192.0.2.17".to_owned()),
        images: n.is_multiple_of(2),
    };
    let id = "0123456789abcdef0123456789abcdef".to_owned();
    let abouts = [
        AboutFacts::Disk {
            disk: id.clone(),
            filesystem: "8d9f3c1e-5a77-4a55-9d7c-6f3f1f0b9a11".to_owned(),
            holds: vec![held(DiskPart::Images, Some(-60)), held(DiskPart::Ledger, None)],
            keys: 3_377,
            studies_opened_before: 210,
            sealed_under: Some(vec![SealedUnder { key: id.clone(), study: StudyNumber(4), released: true }]),
        },
        AboutFacts::Key {
            key: id.clone(),
            filed: Some(NOW.plus_seconds(-90_000)),
            released_before: 0,
            released: 12,
            releases: (0..9).map(release).collect(),
        },
        session_with(None),
        session_with(Some(vec![
            SessionLink {
                link: LinkId(4),
                study: StudyNumber(17),
                note: "Dr. Away".to_owned(),
                span: Window { from: NOW.plus_seconds(-2_000), to: NOW.plus_seconds(600_000) },
                openings: 3,
                ended: None,
            },
            SessionLink {
                link: LinkId(5),
                study: StudyNumber(17),
                note: String::new(),
                span: Window { from: NOW.plus_seconds(-1_000), to: NOW.plus_seconds(-500) },
                openings: 0,
                ended: Some(LinkEnd::Revoked),
            },
        ])),
    ];
    for (name, about) in ["disk", "key", "session", "session-with-links"].into_iter().zip(abouts) {
        let signed = site.sign(|report| {
            report.about = about;
            report.who = format!("{name}:0123456789abcdef0123456789abcdef");
        });
        for language in Language::ALL {
            let drawn = pdf(&signed, language).unwrap();
            keep(&format!("{name}-{}.pdf", language.tag()), &drawn);
            assert_eq!(verify(&drawn, Some(&site.vkey())).unwrap().pages, Pages::Drawn(language));
            let number = if name == "session-with-links" { 3 } else { 2 };
            let creator = format!("leadglass, drawing {number}");
            let says = drawn.windows(creator.len()).any(|window| window == creator.as_bytes());
            assert!(says, "{name}: a program that does not draw the links says that it draws otherwise");
        }
    }
}

#[test]
fn a_thousand_patients_fill_pages_and_nobody_is_missing() {
    let site = Site::new(7);
    let signed = site.sign(|report| {
        report.patients = (0..1_000).map(|n| patient(n, &format!("Family{n:04}^Given"), "19700101")).collect();
    });
    let drawn = pdf(&signed, Language::German).unwrap();
    keep("thousand-de.pdf", &drawn);
    assert!(verify(&drawn, Some(&site.vkey())).is_ok());
    let report = &verify(&drawn, None).unwrap().document.report;
    let lines = csv(report, Language::English);
    assert_eq!(lines.lines().count(), 1 + report.patients.iter().map(|row| row.details.len()).sum::<usize>());
    assert!((0..1_000).all(|n| lines.contains(&format!("FAMILY{n:04}"))));
    assert!(lines.ends_with("\r\n"));
}
