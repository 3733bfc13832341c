//! What changes on output.

use dataset::{apply_overlay, output_header, overlay_part10, rewrite_bulk_uris};
use protocol::PatientAttributes;
use serde_json::{Value, json};

use crate::stream::{Encoding, encapsulated, json, part10, scan};

fn patient(name: &str) -> PatientAttributes {
    PatientAttributes {
        id: "NEW-1".to_owned(),
        issuer: "HOSPITAL".to_owned(),
        name: name.to_owned(),
        birth_date: "19700102".to_owned(),
        sex: "F".to_owned(),
    }
}

fn misfiled(e: Encoding) -> Vec<Vec<u8>> {
    vec![
        e.element(0x0010_0000, "UL", &e.u32(99)),
        e.element(0x0010_0010, "PN", b"Wrong^Person"),
        e.element(0x0010_0020, "LO", b"OLD-1 "),
        e.element(0x0010_0040, "CS", b"M "),
        e.sequence(0x0010_1002, &[e.element(0x0010_0020, "LO", b"OLD-2 ")], false),
        e.element(0x0010_1010, "AS", b"030Y"),
        e.element(0x0010_1040, "LO", b"OLD-STREET 1"),
        e.element(0x0010_2154, "SH", b"OLD-5550"),
        e.element(0x0010_4000, "LT", b"OLD-REMARK"),
        e.sequence(0x0040_0275, &[e.element(0x0040_0007, "LO", b"kept")], true),
    ]
}

fn overlaid(stream: &[u8], patient: &PatientAttributes) -> Vec<u8> {
    let metadata = scan(stream).unwrap().metadata;
    let mut out = Vec::new();
    overlay_part10(&mut &stream[..], &metadata, patient, &mut |bytes| {
        out.extend_from_slice(bytes);
        Ok(())
    })
    .unwrap();
    out
}

#[test]
fn the_json_of_a_moved_study_names_the_right_patient_only() {
    let stream = Encoding::Explicit.file(&misfiled(Encoding::Explicit));
    let overlay = apply_overlay(&scan(&stream).unwrap().metadata.json, &patient("Right^Ä"));
    let value: Value = serde_json::from_slice(&overlay).unwrap();
    assert_eq!(value["00100010"], json!({"vr": "PN", "Value": [{"Alphabetic": "Right^Ä"}]}));
    assert_eq!(value["00100020"], json!({"vr": "LO", "Value": ["NEW-1"]}));
    assert_eq!(value["00100021"]["Value"], json!(["HOSPITAL"]));
    assert_eq!(value["00100030"], json!({"vr": "DA", "Value": ["19700102"]}));
    assert_eq!(value["00100040"]["Value"], json!(["F"]));
    assert_eq!(value["00101010"]["Value"], json!(["030Y"]));
    assert_eq!(value["00400275"]["Value"][0]["00400007"]["Value"], json!(["kept"]));
    let text = String::from_utf8(overlay).unwrap();
    assert!(!text.contains("OLD-") && !text.contains("Wrong"), "{text}");
    let places: Vec<_> =
        ["00080018", "00100010", "00100020", "00100021", "00100030", "00100040", "00101010", "0020000D"]
            .iter()
            .map(|tag| text.find(tag).unwrap())
            .collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn a_moved_data_set_leaves_with_the_right_patient_and_everything_else_as_it_was() {
    for e in Encoding::ALL {
        let pixels = e.element(0x7FE0_0010, "OW", &[7; 100_000]);
        let stream = e.file(&[misfiled(e).concat(), e.image(2, 2, "1"), pixels.clone()]);
        let out = overlaid(&stream, &patient("Right^One"));
        let scanned = scan(&out).unwrap();
        assert_eq!(scanned.patient, patient("Right^One"));
        assert!(!out.windows(4).any(|window| window == b"OLD-"), "{e:?}");
        assert!(out.ends_with(&pixels));
        let expected = apply_overlay(&scan(&stream).unwrap().metadata.json, &patient("Right^One"));
        let mut expected: Value = serde_json::from_slice(&expected).unwrap();
        let mut found = json(&scanned);
        // offsets move with the header
        expected["7FE00010"].take();
        found["7FE00010"].take();
        assert_eq!(found, expected, "{e:?}");
    }
}

#[test]
fn names_take_the_repertoire_of_the_data_set() {
    let e = Encoding::Explicit;
    let stream = |charset: &[u8]| {
        let charset = if charset.is_empty() { Vec::new() } else { e.element(0x0008_0005, "CS", charset) };
        part10(e.uid(), &[charset, e.dataset(&misfiled(e))].concat())
    };
    for (charset, name, expected) in [
        (&b"ISO_IR 100"[..], "Jörg^Ж", "Jörg^?"),
        (b"ISO_IR 144", "Жук^Ö", "Жук^?"),
        (b"ISO_IR 192", "Jörg^Ж山", "Jörg^Ж山"),
        (b"GB18030 ", "王^小东", "王^小东"),
        (b"", "Jörg^Ж", "Jörg^Ж"),
        (b"ISO_IR 6", "Jörg^Ж", "Jörg^Ж"),
        (b"", "Plain^Name", "Plain^Name"),
    ] {
        let scanned = scan(&overlaid(&stream(charset), &patient(name))).unwrap();
        assert_eq!(scanned.patient.name, expected, "{}", String::from_utf8_lossy(charset));
    }
}

#[test]
fn patient_attributes_are_added_where_there_were_none() {
    let e = Encoding::Implicit;
    for elements in [vec![], vec![e.element(0x0040_0244, "DA", b"20200101")]] {
        let scanned = scan(&overlaid(&e.file(&elements), &patient("Right^One"))).unwrap();
        assert_eq!(scanned.patient, patient("Right^One"));
    }
}

#[test]
fn a_deflated_data_set_leaves_inflated() {
    use std::io::Write;
    let e = Encoding::Explicit;
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(&e.dataset(&misfiled(e))).unwrap();
    let out = overlaid(&part10("1.2.840.10008.1.2.1.99", &writer.finish().unwrap()), &patient("Right^One"));
    let scanned = scan(&out).unwrap();
    assert_eq!(scanned.patient, patient("Right^One"));
    assert_eq!(scanned.metadata.transfer_syntax.as_str(), e.uid());
}

#[test]
fn fragments_pass_through() {
    let e = Encoding::Explicit;
    let pixels = encapsulated(&[&[], &[0xFF, 0xD8, 0xFF, 1]]);
    let stream =
        part10("1.2.840.10008.1.2.4.50", &e.dataset(&[misfiled(e).concat(), e.image(2, 2, "1"), pixels.clone()]));
    assert!(overlaid(&stream, &patient("Right^One")).ends_with(&pixels));
}

#[test]
fn streams_without_a_header_leave_with_one() {
    let bare = Encoding::Implicit.dataset(&[]);
    let metadata = scan(&bare).unwrap().metadata;
    let header = output_header(&metadata, &[]);
    let scanned = scan(&[header, bare].concat()).unwrap();
    assert!(scanned.metadata.part10);
    assert_eq!(scanned.metadata.transfer_syntax, metadata.transfer_syntax);
    let file = Encoding::Explicit.file(&[]);
    let metadata = scan(&file).unwrap().metadata;
    let stored = &file[..metadata.dataset_offset as usize];
    assert_eq!(output_header(&metadata, stored), stored);
}

#[test]
fn bulk_uris_get_their_prefix_and_values_that_look_like_them_do_not() {
    let e = Encoding::Explicit;
    let lure = br#""BulkDataURI":"leadglass:1-2" and BulkDataURI":"leadglass:3-4"#;
    let stream = e.file(&[e.element(0x0040_A160, "UT", lure), e.element(0x7FE0_0010, "OW", &[0; 32])]);
    let metadata = scan(&stream).unwrap().metadata;
    let mut out = b"[".to_vec();
    rewrite_bulk_uris(&metadata.json, "https://here/bulkdata/", &mut out);
    out.push(b',');
    rewrite_bulk_uris(b"{}", "x", &mut out);
    out.push(b']');
    let value: Value = serde_json::from_slice(&out).unwrap();
    let uri = value[0]["7FE00010"]["BulkDataURI"].as_str().unwrap();
    assert_eq!(uri, format!("https://here/bulkdata/{}-32", stream.len() - 32));
    assert_eq!(value[0]["0040A160"]["Value"][0].as_str().unwrap().as_bytes(), lure);
}
