//! What is read of streams that are taken in.

use dataset::{FileMeta, Limits, MetadataObject, Region, file_meta, scan_dataset, scan_file};
use model::Uid;
use serde_json::json;

use crate::stream::{Dripping, Encoding, UNDEFINED, attribute, encapsulated, json, padded, part10, scan};

const EXPLICIT: Encoding = Encoding::Explicit;

/// A data set with a bit of everything.
fn rich(encoding: Encoding) -> Vec<Vec<u8>> {
    let e = encoding;
    vec![
        e.element(0x0020_0010, "SH", b"S1"),
        e.element(0x0020_0011, "IS", b"7 "),
        e.element(0x0020_0013, "IS", b"12"),
        e.element(0x0028_1050, "DS", b"40\\400"),
        e.element(0x0028_1051, "DS", b"400\\2000"),
        e.sequence(0x0040_0275, &[e.element(0x0040_0007, "LO", b"one "), Vec::new()], false),
        e.sequence(0x0040_A730, &[e.sequence(0x0040_A730, &[e.element(0x0040_A160, "UT", b"deep")], true)], true),
    ]
}

#[test]
fn one_data_set_reads_alike_in_every_encoding() {
    let texts = Encoding::ALL.map(|encoding| {
        let scanned = scan(&encoding.file(&rich(encoding))).unwrap();
        assert_eq!(scanned.metadata.transfer_syntax.as_str(), encoding.uid());
        assert!(scanned.metadata.part10);
        let mut value = json(&scanned);
        assert_eq!(value["00083002"], json!({"vr": "UI", "Value": [encoding.uid()]}));
        value["00083002"].take();
        (value, scanned.note([0; 32]))
    });
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[1], texts[2]);
    let (value, note) = &texts[0];
    assert_eq!(value["00400275"], json!({"vr": "SQ", "Value": [{"00400007": {"vr": "LO", "Value": ["one"]}}, {}]}));
    assert_eq!(value["0040A730"]["Value"][0]["0040A730"]["Value"][0]["0040A160"]["Value"], json!(["deep"]));
    assert_eq!(note.study.uid.as_str(), "1.2.3");
    assert_eq!(note.series.uid.as_str(), "1.2.3.5");
    assert_eq!(note.instance.uid.as_str(), "1.2.3.4");
    assert_eq!((note.study.id.as_str(), note.series.number.as_str(), note.instance.number.as_str()), ("S1", "7", "12"));
    assert_eq!(note.instance.frames, 1);
}

#[test]
fn data_sets_without_preamble_or_meta_group_are_recognised() {
    for encoding in Encoding::ALL {
        let bare = encoding.dataset(&rich(encoding));
        let scanned = scan(&bare).unwrap();
        assert_eq!(scanned.metadata.transfer_syntax.as_str(), encoding.uid());
        assert_eq!((scanned.metadata.dataset_offset, scanned.metadata.part10), (0, false));

        let meta = EXPLICIT.element(0x0002_0010, "UI", &padded(encoding.uid()));
        let scanned = scan(&[meta, bare.clone()].concat()).unwrap();
        assert_eq!(scanned.metadata.transfer_syntax.as_str(), encoding.uid());
        assert!(!scanned.metadata.part10);

        let no_syntax = [&[0; 128], &b"DICM"[..], &EXPLICIT.element(0x0002_0001, "OB", &[0, 1]), &bare].concat();
        let scanned = scan(&no_syntax).unwrap();
        assert_eq!(scanned.metadata.transfer_syntax.as_str(), encoding.uid());
        assert!(!scanned.metadata.part10);
    }
}

#[test]
fn a_transfer_syntax_that_the_bytes_belie_is_corrected() {
    for (said, is) in [
        (Encoding::Explicit, Encoding::Implicit),
        (Encoding::Implicit, Encoding::Explicit),
        (Encoding::Explicit, Encoding::Big),
    ] {
        let scanned = scan(&part10(said.uid(), &is.dataset(&rich(is)))).unwrap();
        assert_eq!(scanned.metadata.transfer_syntax.as_str(), is.uid(), "{said:?} was said");
        assert!(!scanned.metadata.part10, "its header must not leave as it is");
    }
}

#[test]
fn a_stream_in_small_pieces_reads_as_in_one() {
    let stream = EXPLICIT.file(&[
        rich(EXPLICIT).concat(),
        EXPLICIT.image(64, 600, "2"),
        EXPLICIT.element(0x7FE0_0010, "OW", &[7; 153_600]),
    ]);
    let whole = scan(&stream).unwrap();
    for step in [1, 2, 3, 7, 1000, 65_537] {
        let mut kept = Vec::new();
        let scanned = scan_file(&mut Dripping { bytes: &stream, step }, &Limits::DEFAULT, &mut |bytes, _| {
            kept.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
        assert_eq!(scanned.metadata, whole.metadata, "{step} bytes at a time");
        assert!(kept == stream);
    }
}

#[test]
fn a_c_store_data_set_is_stored_behind_a_header() {
    let uid = |text| Uid::parse(text).unwrap();
    let meta = FileMeta {
        sop_class: uid("1.2.840.10008.5.1.4.1.1.7"),
        sop_instance: uid("1.2.3.4"),
        transfer_syntax: uid("1.2.840.10008.1.2"),
        source_ae: Some("CT1".to_owned()),
    };
    let dataset = Encoding::Implicit.dataset(&rich(Encoding::Implicit));
    let mut kept = Vec::new();
    let mut regions = Vec::new();
    let scanned = scan_dataset(&mut &dataset[..], &meta, &Limits::DEFAULT, &mut |bytes, region| {
        kept.extend_from_slice(bytes);
        regions.push(region);
        Ok(())
    })
    .unwrap();
    regions.dedup();
    assert_eq!(regions, [Region::Preamble, Region::Meta, Region::DataSet]);
    assert_eq!(kept, [file_meta(&meta), dataset].concat());
    assert_eq!(scanned.length, kept.len() as u64);
    let again = scan(&kept).unwrap();
    assert_eq!(again.metadata, scanned.metadata);
    assert!(again.metadata.part10);
}

#[test]
fn the_header_has_the_elements_of_part_10_in_order_and_a_true_group_length() {
    let uid = |text| Uid::parse(text).unwrap();
    let header = file_meta(&FileMeta {
        sop_class: uid("1.2"),
        sop_instance: uid("1.2.3"),
        transfer_syntax: uid("1.2.840.10008.1.2.1"),
        source_ae: None,
    });
    assert_eq!(&header[..132], [&[0; 128], &b"DICM"[..]].concat());
    let length = u32::from_le_bytes(header[140..144].try_into().unwrap()) as usize;
    assert_eq!(header.len(), 144 + length);
    assert_eq!(header.len() % 2, 0);
    let dataset = EXPLICIT.dataset(&[]);
    assert_eq!(scan(&[header.clone(), dataset].concat()).unwrap().metadata.dataset_offset, header.len() as u64);
}

#[test]
fn a_deflated_data_set_is_kept_deflated_and_read_inflated() {
    use std::io::{Read, Write};
    let dataset = EXPLICIT.dataset(&[
        rich(EXPLICIT).concat(),
        EXPLICIT.image(16, 16, "1"),
        EXPLICIT.element(0x7FE0_0010, "OW", &[9; 512]),
    ]);
    let plain = scan(&part10(EXPLICIT.uid(), &dataset)).unwrap();
    for wrapped in [false, true] {
        let mut deflated = Vec::new();
        if wrapped {
            let mut writer = flate2::write::ZlibEncoder::new(&mut deflated, flate2::Compression::best());
            writer.write_all(&dataset).unwrap();
            writer.finish().unwrap();
        } else {
            let mut writer = flate2::write::DeflateEncoder::new(&mut deflated, flate2::Compression::best());
            writer.write_all(&dataset).unwrap();
            writer.finish().unwrap();
        }
        deflated.extend_from_slice(&[0; 3]);
        let stream = part10("1.2.840.10008.1.2.1.99", &deflated);
        let scanned = scan(&stream).unwrap();
        assert!(scanned.metadata.deflated);
        assert_eq!(scanned.note([0; 32]), plain.note([0; 32]));
        let mut all = Vec::new();
        let offset = scanned.metadata.dataset_offset;
        dataset::inflated(&stream[..], offset, 1 << 20).unwrap().read_to_end(&mut all).unwrap();
        assert_eq!(all[..offset as usize], stream[..offset as usize]);
        assert!(all[offset as usize..] == dataset);
        let place = scanned.metadata.frames.place(1).unwrap();
        let part = place.parts[0];
        assert_eq!(all[part.offset as usize..][..part.length as usize], [9; 512]);
    }
}

#[test]
fn attributes_sent_as_un_are_read_by_the_dictionary() {
    let inner =
        Encoding::Implicit.sequence(0x0040_0275, &[Encoding::Implicit.element(0x0040_0007, "LO", b"step")], true);
    for encoding in [Encoding::Explicit, Encoding::Big] {
        let stream = encoding.file(&[
            encoding.element(0x0010_0020, "UN", b"4711"),
            encoding.element(0x0028_0010, "UN", &[2, 1]),
            encoding.element(0x0040_0275, "UN", &inner[8..]),
        ]);
        let scanned = scan(&stream).unwrap();
        assert_eq!(scanned.patient.id, "4711");
        let value = json(&scanned);
        assert_eq!(value["00280010"], json!({"vr": "US", "Value": [258]}));
        assert_eq!(value["00400275"]["Value"][0]["00400007"]["Value"], json!(["step"]));
    }
}

#[test]
fn un_of_undefined_length_is_a_sequence_implicit_or_not() {
    for inner in [Encoding::Implicit, Encoding::Explicit] {
        let item = inner.element(0x0040_0007, "LO", b"step");
        let content =
            [inner.item(0xFFFE_E000, UNDEFINED), item, inner.item(0xFFFE_E00D, 0), inner.item(0xFFFE_E0DD, 0)].concat();
        let stream = EXPLICIT.file(&[
            [EXPLICIT.header(0x0009_1001, "UN", UNDEFINED), content].concat(),
            EXPLICIT.element(0x0020_0010, "SH", b"after "),
        ]);
        let scanned = scan(&stream).unwrap();
        let value = json(&scanned);
        assert_eq!(value["00091001"]["vr"], "SQ");
        assert_eq!(value["00091001"]["Value"][0]["00400007"]["Value"], json!(["step"]), "{inner:?}");
        assert_eq!(scanned.study.id, "after");
    }
}

#[test]
fn private_attributes_keep_creator_and_bytes() {
    let stream = Encoding::Implicit.file(&[
        Encoding::Implicit.element(0x0029_0010, "LO", b"MAKER "),
        Encoding::Implicit.element(0x0029_1001, "UN", b"abc\0"),
    ]);
    assert_eq!(attribute(&stream, "00290010"), json!({"vr": "LO", "Value": ["MAKER"]}));
    assert_eq!(attribute(&stream, "00291001"), json!({"vr": "UN", "InlineBinary": "YWJjAA=="}));
}

#[test]
fn wrong_and_unknown_vrs_are_read_past() {
    let e = EXPLICIT;
    let strange = [e.tag(0x0018_1000), b"ZZ\0\0".to_vec(), e.u32(4).to_vec(), b"data".to_vec()].concat();
    let spaces = [e.tag(0x0018_1001), b"  ".to_vec(), e.u16(4).to_vec(), b"text".to_vec()].concat();
    let implicit = Encoding::Implicit.element(0x0018_1002, "UI", b"1.2\0");
    let stream = e.file(&[strange, spaces, implicit, e.element(0x0020_0010, "SH", b"after ")]);
    let scanned = scan(&stream).unwrap();
    assert_eq!(scanned.study.id, "after");
    let value = json(&scanned);
    assert_eq!(value["00181000"], json!({"vr": "LO", "Value": ["data"]}));
    assert_eq!(value["00181002"], json!({"vr": "UI", "Value": ["1.2"]}));
}

#[test]
fn odd_lengths_are_read() {
    let stream =
        EXPLICIT.file(&[EXPLICIT.element(0x0020_0010, "SH", b"odd"), EXPLICIT.element(0x0020_0011, "IS", b"1")]);
    let scanned = scan(&stream).unwrap();
    assert_eq!((scanned.study.id.as_str(), scanned.series.number.as_str()), ("odd", "1"));
}

#[test]
fn tags_out_of_order_are_sorted_and_the_last_of_two_counts() {
    let item = [EXPLICIT.element(0x0040_0009, "SH", b"b "), EXPLICIT.element(0x0040_0007, "LO", b"a ")].concat();
    let stream = EXPLICIT.file(&[
        EXPLICIT.element(0x0020_0010, "SH", b"first "),
        EXPLICIT.sequence(0x0040_0275, &[item], false),
        EXPLICIT.element(0x0010_0020, "LO", b"late"),
        EXPLICIT.element(0x0020_0010, "SH", b"last"),
    ]);
    let scanned = scan(&stream).unwrap();
    assert_eq!((scanned.study.id.as_str(), scanned.patient.id.as_str()), ("last", "late"));
    let text = String::from_utf8(scanned.metadata.json).unwrap();
    let behind_identifiers = text.split_once(r#""00100020""#).unwrap().1;
    assert_eq!(
        behind_identifiers,
        concat!(
            r#":{"vr":"LO","Value":["late"]},"0020000D":{"vr":"UI","Value":["1.2.3"]},"#,
            r#""0020000E":{"vr":"UI","Value":["1.2.3.5"]},"00200010":{"vr":"SH","Value":["last"]},"#,
            r#""00400275":{"vr":"SQ","Value":[{"00400007":{"vr":"LO","Value":["a"]},"00400009":{"vr":"SH","Value":["b"]}}]}}"#,
        )
    );
}

#[test]
fn group_lengths_and_padding_are_no_attributes() {
    let stream = EXPLICIT
        .file(&[EXPLICIT.element(0x0040_0000, "UL", &[9, 0, 0, 0]), EXPLICIT.element(0xFFFC_FFFC, "OB", &[0; 8])]);
    let value = json(&scan(&stream).unwrap());
    assert!(value.get("00400000").is_none() && value.get("FFFCFFFC").is_none());
}

#[test]
fn long_values_are_bulk_data_in_the_stream() {
    let long_text = vec![b'x'; 70_000];
    let elements = [
        EXPLICIT.element(0x0042_0011, "OB", &[1; 1024]),
        EXPLICIT.element(0x0042_0012, "LO", b"text/plain"),
        EXPLICIT.element(0x0070_0022, "UN", &[2; 1026]),
        EXPLICIT.element(0x0040_A160, "UT", &long_text),
        EXPLICIT.sequence(0x0088_0200, &[EXPLICIT.element(0x7FE0_0010, "OW", &[3; 2000])], false),
    ];
    let stream = EXPLICIT.file(&elements);
    let value = json(&scan(&stream).unwrap());
    assert!(value["00420011"]["InlineBinary"].is_string());
    let found = |attribute: &serde_json::Value| {
        let uri = attribute["BulkDataURI"].as_str().unwrap().strip_prefix("leadglass:").unwrap();
        let (offset, length) = uri.split_once('-').unwrap();
        stream[offset.parse::<usize>().unwrap()..][..length.parse::<usize>().unwrap()].to_vec()
    };
    assert_eq!(found(&value["0040A160"]), long_text);
    let icon = &value["00880200"]["Value"][0]["7FE00010"];
    assert_eq!(icon["vr"], "OW");
    assert_eq!(found(icon), [3; 2000]);
}

#[test]
fn text_is_utf_8_whatever_it_was() {
    let stream = EXPLICIT.file(&[
        EXPLICIT.element(0x0008_0005, "CS", b"ISO_IR 100"),
        EXPLICIT.element(0x0010_0010, "PN", b"M\xFCller^J\xF6rg "),
        EXPLICIT.sequence(
            0x0008_1140,
            &[
                EXPLICIT.element(0x0008_0104, "LO", b"\xE4 "),
                [
                    EXPLICIT.element(0x0008_0005, "CS", b"ISO_IR 192"),
                    EXPLICIT.element(0x0008_0104, "LO", "ä ж".as_bytes()),
                ]
                .concat(),
            ],
            true,
        ),
    ]);
    let scanned = scan(&stream).unwrap();
    assert_eq!(scanned.patient.name, "Müller^Jörg");
    let value = json(&scanned);
    assert_eq!(value["00080005"]["Value"], json!(["ISO_IR 192"]));
    assert_eq!(value["00100010"]["Value"][0]["Alphabetic"], "Müller^Jörg");
    assert_eq!(value["00081140"]["Value"][0]["00080104"]["Value"], json!(["ä"]));
    assert_eq!(value["00081140"]["Value"][1]["00080104"]["Value"], json!(["ä ж"]));
}

#[test]
fn missing_delimiters_inside_are_supplied() {
    let e = EXPLICIT;
    let item = e.element(0x0040_0007, "LO", b"step");
    let open_item = [e.item(0xFFFE_E000, UNDEFINED), item.clone()].concat();
    // the first item has no delimiter; neither has the second, before the end of the sequence
    let content = [open_item.clone(), open_item, e.item(0xFFFE_E0DD, 0)].concat();
    let stream = e.file(&[
        [e.header(0x0040_0275, "SQ", UNDEFINED), content].concat(),
        e.element(0x0040_0244, "DA", b"20200101"),
        e.item(0xFFFE_E00D, 0),
    ]);
    let scanned = scan(&stream).unwrap();
    assert_eq!(json(&scanned)["00400275"]["Value"].as_array().unwrap().len(), 2);
    assert_eq!(scanned.series.date, "20200101");
}

#[test]
fn what_follows_the_pixel_data_does_not_matter() {
    let image = [EXPLICIT.image(2, 2, "1"), EXPLICIT.element(0x7FE0_0010, "OW", &[5; 8])].concat();
    for tail in
        [&[0; 600][..], b"garbage garbage garbage", &[0xFF; 9], &[1], b"\xFC\xFF\xFC\xFFOB\0\0\xFF\x00\x00\x00\0\0"]
    {
        let scanned = scan(&EXPLICIT.file(&[image.clone(), tail.to_vec()])).unwrap();
        assert_eq!(scanned.metadata.frames.count(), 1, "{tail:?}");
    }
    let again = EXPLICIT.header(0x7FE0_0010, "OW", 0x7FFF_FFFE);
    let stream = EXPLICIT.file(&[image.clone(), again, vec![0; 40]]);
    let scanned = scan(&stream).unwrap();
    let place = scanned.metadata.frames.place(1).unwrap();
    assert_eq!(stream[place.parts[0].offset as usize..][..8], [5; 8]);
    let padded = scan(&EXPLICIT.file(&[vec![0; 600]])).unwrap();
    assert_eq!(padded.metadata.frames.count(), 0);
}

#[test]
fn a_last_delimiter_may_be_missing_when_every_frame_is_there() {
    let pixels = encapsulated(&[&[], &[1; 20], &[2; 20]]);
    let whole = part10("1.2.840.10008.1.2.5", &EXPLICIT.dataset(&[EXPLICIT.image(2, 2, "2"), pixels]));
    let scanned = scan(&whole[..whole.len() - 8]).unwrap();
    assert_eq!(scanned.metadata.frames, scan(&whole).unwrap().metadata.frames);
    assert_eq!(scanned.metadata.frames.count(), 2);
}

#[test]
fn metadata_comes_back_as_it_was_stored() {
    let stream = EXPLICIT.file(&[
        rich(EXPLICIT).concat(),
        EXPLICIT.image(2, 2, "1"),
        EXPLICIT.element(0x7FE0_0010, "OW", &[5; 8]),
    ]);
    let metadata = scan(&stream).unwrap().metadata;
    let bytes = metadata.to_bytes();
    assert_eq!(MetadataObject::from_bytes(&bytes).unwrap(), metadata);
    assert_eq!(MetadataObject::json_of(&bytes).unwrap(), metadata.json);
    for length in 0..bytes.len() - metadata.json.len() {
        assert_eq!(MetadataObject::from_bytes(&bytes[..length]), Err(dataset::MetadataError::Damaged), "{length}");
    }
    let mut later = bytes;
    later[0] = 9;
    assert_eq!(MetadataObject::from_bytes(&later), Err(dataset::MetadataError::Version(9)));
}

#[test]
fn debug_output_shows_no_patient() {
    let stream = EXPLICIT.file(&[EXPLICIT.element(0x0010_0010, "PN", b"Canary^Yellow ")]);
    let scanned = scan(&stream).unwrap();
    let shown = format!("{scanned:?} {:?}", scanned.metadata);
    assert!(!shown.contains("Canary") && !shown.contains("1.2.3"), "{shown}");
}
