//! The drawing of today, held against its bytes: whoever has a report of an earlier version must be able to compare its pages.

use std::path::Path;

use report::{DRAWING, Language, Pages, extract, pdf, verify};

fn testdata(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/report").join(name)).unwrap()
}

#[test]
fn a_report_is_drawn_as_its_drawings_number_says() {
    let lines = testdata("report.json");
    let vkey = String::from_utf8(testdata("site.vkey")).unwrap();
    let verified = verify(&lines, Some(&audit::NoteVerifier::parse(vkey.trim_end()).unwrap())).unwrap();
    assert_eq!(verified.pages, Pages::None);
    let signed = extract(&lines).unwrap().signed;
    let drawn: Vec<String> = Language::ALL
        .into_iter()
        .map(|language| {
            let drawn = pdf(&signed, language).unwrap();
            format!("{DRAWING} {} {}", language.tag(), audit::document_sha256(&drawn))
        })
        .collect();
    let expected = String::from_utf8(testdata("drawn.txt")).unwrap();
    let expected: Vec<&str> = expected.lines().filter(|line| line.starts_with(&format!("{DRAWING} "))).collect();
    assert_eq!(drawn, expected, "the pages changed: raise DRAWING and add these lines to testdata/report/drawn.txt");
}
