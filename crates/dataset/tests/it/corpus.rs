//! Real files, where they are at hand: `../shared/dicom` beside the repository. Without them these tests pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dataset::{FrameIndex, Limits, ScanError, Scanned, scan_file};
use serde_json::Value;

use crate::stream::{json, scan};

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/dicom");
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "LICENCES" {
            files(&path, found);
        } else if path.is_file() && name != "README.md" {
            found.push(path);
        }
    }
}

/// A few small real files of different make, for damage.
pub(crate) fn few() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = folder() else { return Vec::new() };
    [
        "12-odd-and-malformed/UN_sequence.dcm",
        "12-odd-and-malformed/nested_priv_SQ.dcm",
        "03-transfer-syntaxes/other/JPEG2000.dcm",
        "03-transfer-syntaxes/other/MR_small_bigendian.dcm",
        "03-transfer-syntaxes/other/SC_rgb_rle_2frame.dcm",
        "03-transfer-syntaxes/other/image_dfl.dcm",
        "04-charsets/chrH31.dcm",
        "09-rt/pydicom/rtplan.dcm",
    ]
    .iter()
    .map(|name| ((*name).to_owned(), std::fs::read(folder.join(name)).unwrap()))
    .collect()
}

#[test]
fn every_file_is_read_bit_for_bit_or_refused_with_a_reason() {
    let Some(folder) = folder() else { return };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let mut table: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let outcome = match scan(&bytes) {
            Ok(scanned) => {
                let value = json(&scanned);
                assert_eq!(value["00080018"]["Value"][0], scanned.instance.uid.as_str());
                frames_are_inside(&scanned, bytes.len() as u64);
                "read".to_owned()
            }
            Err(error) => {
                assert!(error.is_refusal());
                format!("{error:?}").split([' ', '{']).next().unwrap().to_owned()
            }
        };
        let part = path.strip_prefix(&folder).unwrap().components().next().unwrap();
        let part = part.as_os_str().to_string_lossy().into_owned();
        *table.entry(part).or_default().entry(outcome).or_default() += 1;
    }
    for (part, outcomes) in &table {
        println!("{part}: {outcomes:?}");
    }
    let count = |wanted: &str| table.values().filter_map(|outcomes| outcomes.get(wanted)).sum::<u32>();
    assert_eq!(paths.len(), 712);
    assert_eq!(count("read"), 686);
    assert_eq!(count("Unidentified"), 16);
    assert_eq!(count("MediaDirectory"), 8);
    assert_eq!(count("Truncated"), 2);
}

fn frames_are_inside(scanned: &Scanned, length: u64) {
    let metadata = &scanned.metadata;
    for number in 1..=metadata.frames.count() {
        let place = metadata.frames.place(number).unwrap();
        let inside = place.parts.iter().all(|part| part.offset + part.length <= length);
        assert!(metadata.deflated || inside && !place.parts.is_empty());
    }
}

#[test]
fn files_of_twelve_odd_kinds_are_refused_for_the_right_reason() {
    let Some(folder) = folder() else { return };
    for (name, expected) in [
        ("12-odd-and-malformed/MR_truncated.dcm", "Truncated { tag: 2145386512, offset: 1488 }"),
        ("12-odd-and-malformed/rtplan_truncated.dcm", "Truncated { tag: 805961904, offset: 1410 }"),
        ("12-odd-and-malformed/bad_sequence.dcm", r#"Unidentified { keyword: "SOPInstanceUID" }"#),
        ("12-odd-and-malformed/UN_sequence.dcm", r#"Unidentified { keyword: "SOPInstanceUID" }"#),
        ("12-odd-and-malformed/meta_missing_tsyntax.dcm", r#"Unidentified { keyword: "SOPClassUID" }"#),
        ("03-transfer-syntaxes/other/HTJ2K_08_RGB.dcm", r#"Unidentified { keyword: "StudyInstanceUID" }"#),
        ("11-dicomdir-filesets/DICOMDIR", "MediaDirectory"),
        ("11-dicomdir-filesets/DICOMDIR-bigEnd", "MediaDirectory"),
    ] {
        let error = scan(&std::fs::read(folder.join(name)).unwrap()).unwrap_err();
        assert_eq!(format!("{error:?}"), expected, "{name}");
    }
}

/// Expectations read off `dcmdump` and `dcm2json`, and for names off the standard's own examples (PS3.5 H, I, J, K).
#[test]
fn attributes_are_what_others_read() {
    let Some(folder) = folder() else { return };
    for (name, attributes) in [
        ("04-charsets/chrArab.dcm", &[("00100010/Value/0/Alphabetic", "قباني^لنزار")][..]),
        ("04-charsets/chrFren.dcm", &[("00100010/Value/0/Alphabetic", "Buc^Jérôme")]),
        ("04-charsets/chrFrenMulti.dcm", &[("00101001/Value/1/Alphabetic", "Buc^Jérôme")]),
        ("04-charsets/chrGerm.dcm", &[("00100010/Value/0/Alphabetic", "Äneas^Rüdiger")]),
        ("04-charsets/chrGreek.dcm", &[("00100010/Value/0/Alphabetic", "Διονυσιος")]),
        (
            "04-charsets/chrH31.dcm",
            &[
                ("00100010/Value/0/Alphabetic", "Yamada^Tarou"),
                ("00100010/Value/0/Ideographic", "山田^太郎"),
                ("00100010/Value/0/Phonetic", "やまだ^たろう"),
                ("00080005/Value/0", "ISO_IR 192"),
            ],
        ),
        ("04-charsets/chrJapMulti.dcm", &[("00100010/Value/0/Alphabetic", "やまだ^たろう")]),
        ("04-charsets/chrJapMultiExplicitIR6.dcm", &[("00101001/Value/1/Alphabetic", "やまだ^たろう")]),
        ("04-charsets/chrKoreanMulti.dcm", &[("00081070/Value/0/Alphabetic", "김희중")]),
        (
            "04-charsets/chrX2.dcm",
            &[("00100010/Value/0/Alphabetic", "Wang^XiaoDong"), ("00100010/Value/0/Ideographic", "王^小东")],
        ),
        (
            "03-transfer-syntaxes/other/CT_small.dcm",
            &[
                ("00080060/Value/0", "CT"),
                ("00100010/Value/0/Alphabetic", "CompressedSamples^CT1"),
                ("00280030/Value/0", "0.661468"),
                ("00280010/Value/0", "128"),
                ("7FE00010/BulkDataURI", "leadglass:6300-32768"),
            ],
        ),
        ("12-odd-and-malformed/badVR.dcm", &[("00280008/Value/0", "1A"), ("3004000E/Value/0", "1.0000000e-6")]),
        ("10-other-modalities/tcia-pt-mr-ct/3.dcm", &[("00400250/Value/0", "20090306")]),
    ] {
        let scanned = scan(&std::fs::read(folder.join(name)).unwrap()).unwrap();
        let value = json(&scanned);
        for (path, expected) in attributes {
            let found = value.pointer(&format!("/{path}")).unwrap_or(&Value::Null);
            let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            let same_number = found.parse::<f64>().ok().zip(expected.parse::<f64>().ok()).is_some_and(|(a, b)| a == b);
            assert!(found == *expected || same_number, "{name} {path}: {found}");
        }
    }
}

#[test]
fn frames_are_where_others_find_them() {
    let Some(folder) = folder() else { return };
    let frames = |name: &str| scan(&std::fs::read(folder.join(name)).unwrap()).unwrap().metadata.frames;
    for (name, count) in [
        ("05-projection/xa-multiframe/jpeg8bit.dcm", 96),
        ("06-ultrasound/examples_ybr_color.dcm", 30),
        ("06-ultrasound/OBXXXX1A_rle_2frame.dcm", 2),
        ("05-projection/cr/RG1_J2KI.dcm", 1),
        ("03-transfer-syntaxes/other/CT0012.fragmented_no_bot_jpeg_baseline.51.dcm", 2),
        ("08-seg/highdicom/seg_image_sm_dots_tiled_full.dcm", 1250),
        ("10-other-modalities/sm/sm_image_jpegls_nobot.dcm", 25),
        ("12-odd-and-malformed/emri_small_jpeg_2k_lossless_too_short.dcm", 10),
        ("12-odd-and-malformed/no-pixel-data.dcm", 0),
        ("07-sr-pdf/dcmqi/sr-tid1500-ct-liver-example.dcm", 0),
    ] {
        if folder.join(name).exists() {
            assert_eq!(frames(name).count(), count, "{name}");
        }
    }
    let FrameIndex::Native { offset, frame_bits, .. } = frames("08-seg/dcmqi/23x38x3/seg/label.seg") else {
        panic!("a segmentation has native frames");
    };
    assert_eq!((offset, frame_bits), (4382, 874));
}

#[test]
fn no_file_costs_more_than_ten_times_its_size_in_memory() {
    let Some(folder) = folder() else { return };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let before = crate::MEMORY.current_usage();
        crate::MEMORY.reset_peak_usage();
        let result: Result<Scanned, ScanError> = scan_file(&mut &bytes[..], &Limits::DEFAULT, &mut |_, _| Ok(()));
        let cost = crate::MEMORY.peak_usage().saturating_sub(before);
        drop(result);
        assert!(cost < 10 * bytes.len() + (1 << 20), "{} costs {cost} bytes", path.display());
    }
}
