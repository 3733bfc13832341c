//! Whole instances and metadata (PS3.18 section 10.4).

use serde_json::json;

use crate::dicom::{EXPLICIT, Image, image};
use crate::harness::{As, start};

const STUDY: &str = "/dicom-web/studies/1.2.3";
const INSTANCE: &str = "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1";
const LOSSLESS: &str = "1.2.840.10008.1.2.4.70";

fn compressed() -> Image {
    Image { encapsulated: Some((LOSSLESS, vec![vec![0xff, 0xd8, 0xff, 0xd9]])), ..image("1.2.4", 1, 1) }
}

#[tokio::test]
async fn what_was_stored_comes_back_bit_for_bit() {
    let front = start().await;
    let images = [image("1.2.3", 1, 1), image("1.2.3", 1, 2), image("1.2.3", 2, 1)];
    front.store(&images).await;
    for (path, expected) in [
        (STUDY.to_owned(), &images[..]),
        (format!("{STUDY}/series/1.2.3.1"), &images[..2]),
        (INSTANCE.into(), &images[..1]),
    ] {
        for accept in [
            "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
            "multipart/related; type=\"application/dicom\"",
            "*/*",
        ] {
            let answer = front.get_accepting(&path, As::Radiologist, accept).await;
            assert_eq!(answer.status, 200, "{path} {accept}");
            assert!(
                answer.field("content-type").starts_with("multipart/related; type=\"application/dicom\"; boundary=")
            );
            let parts: Vec<_> = answer.parts();
            let expected: Vec<_> = expected
                .iter()
                .map(|image| (format!("application/dicom; transfer-syntax={EXPLICIT}"), image.to_bytes()))
                .collect();
            assert_eq!(parts, expected, "{path} {accept}");
        }
    }
    let head = front.send("HEAD", INSTANCE, As::Workstation, &[("accept", "application/dicom")], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let alone = front.get_accepting(INSTANCE, As::Workstation, "application/dicom").await;
    assert_eq!(alone.field("content-type"), format!("application/dicom; transfer-syntax={EXPLICIT}"));
    assert_eq!(alone.field("content-length"), images[0].to_bytes().len().to_string());
    assert_eq!(alone.body, images[0].to_bytes());
}

#[tokio::test]
async fn nothing_is_transcoded_and_the_refusal_says_so() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1), compressed()]).await;
    let check = async |path: &str, accept: &str, status: u16| {
        let answer = front.get_accepting(path, As::Radiologist, accept).await;
        assert_eq!(answer.status, status, "{path} {accept}: {}", answer.text());
        if status == 406 {
            assert!(answer.json()["hint"].as_str().unwrap().contains("transfer-syntax=*"), "{accept}");
        }
    };
    let typed = |syntax: &str| format!("multipart/related; type=\"application/dicom\"; transfer-syntax={syntax}");
    check(STUDY, &typed(EXPLICIT), 200).await;
    check(STUDY, &typed("1.2.840.10008.1.2.4.90"), 406).await;
    check("/dicom-web/studies/1.2.4", &typed(LOSSLESS), 200).await;
    check("/dicom-web/studies/1.2.4", &typed(EXPLICIT), 406).await;
    check("/dicom-web/studies/1.2.4", &format!("{}, {}", typed(EXPLICIT), typed(LOSSLESS)), 200).await;
    check(STUDY, "application/dicom", 406).await;
    check(STUDY, "application/zip", 406).await;
    check(INSTANCE, "image/jpeg", 406).await;
    check(INSTANCE, &format!("application/dicom; transfer-syntax={LOSSLESS}"), 406).await;
}

#[tokio::test]
async fn metadata_is_dicom_json_with_places_of_bulk_data() {
    let front = start().await;
    let images = [image("1.2.3", 1, 1), image("1.2.3", 1, 2), image("1.2.3", 2, 1)];
    front.store(&images).await;
    for (path, count) in [(STUDY.to_owned(), 3), (format!("{STUDY}/series/1.2.3.1"), 2), (INSTANCE.into(), 1)] {
        let answer = front.get(&format!("{path}/metadata"), As::Radiologist).await;
        assert_eq!((answer.status, answer.field("content-type")), (200, "application/dicom+json"), "{path}");
        let metadata = answer.json();
        assert_eq!(metadata.as_array().unwrap().len(), count, "{path}");
        assert_eq!(metadata[0]["00080018"], json!({"vr": "UI", "Value": ["1.2.3.1.1"]}));
        assert_eq!(metadata[0]["00100010"]["Value"][0]["Alphabetic"], "Doe^Jane");
    }
    let metadata = front.get(&format!("{INSTANCE}/metadata"), As::Radiologist).await.json();
    let place = metadata[0]["7FE00010"]["BulkDataURI"].as_str().unwrap();
    let path = place.strip_prefix(front.origin()).expect("where DICOMweb begins");
    let bulk = front.get(path, As::Radiologist).await;
    assert_eq!((bulk.status, bulk.field("content-type")), (200, "application/octet-stream"));
    assert_eq!(bulk.body, images[0].frame(1));
}

#[tokio::test]
async fn metadata_opens_no_pixel() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1)]).await;
    front.double.asked();
    front.get(&format!("{STUDY}/metadata"), As::Radiologist).await;
    assert_eq!(front.double.asked(), [("open listing", "radiologist")]);
    front.get(&format!("{INSTANCE}/frames/1"), As::Radiologist).await;
    assert_eq!(front.double.asked(), [("open", "radiologist")]);
    front.get(&format!("{INSTANCE}/frames/1"), As::Radiologist).await;
    front.get(&format!("{STUDY}/metadata"), As::Radiologist).await;
    assert!(front.double.asked().is_empty(), "inside the lease nothing is asked again");
    front.get(&format!("{INSTANCE}/frames/1"), As::Workstation).await;
    assert_eq!(front.double.asked(), [("open", "workstation")], "a lease is one caller's");
}

#[tokio::test]
async fn metadata_that_is_known_is_not_sent_again() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1)]).await;
    let path = format!("{STUDY}/metadata");
    let first = front.get(&path, As::Radiologist).await;
    let etag = first.field("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'));
    let ask = async |tag: &str| front.send("GET", &path, As::Radiologist, &[("if-none-match", tag)], "").await;
    for tag in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".into()] {
        let again = ask(&tag).await;
        assert_eq!((again.status, again.body.len(), again.field("etag")), (304, 0, etag.as_str()), "{tag}");
    }
    assert_eq!(ask("\"other\"").await.status, 200);
    let stranger = front.send("GET", &path, As::Stranger, &[("if-none-match", "*")], "").await;
    assert_eq!(stranger.status, 401, "a tag is no credential");
    front.store(&[image("1.2.3", 1, 2)]).await;
    let changed = ask(&etag).await;
    assert_eq!(changed.status, 200, "another instance came");
    assert_ne!(changed.field("etag"), etag);
}

#[tokio::test]
async fn metadata_is_compressed_for_those_who_take_it() {
    let front = start().await;
    front.store(&(1..=20).map(|number| image("1.2.3", 1, number)).collect::<Vec<_>>()).await;
    let path = format!("{STUDY}/metadata");
    let plain = front.get(&path, As::Radiologist).await;
    let small = front.send("GET", &path, As::Radiologist, &[("accept-encoding", "gzip")], "").await;
    assert_eq!((plain.field("content-encoding"), small.field("content-encoding")), ("", "gzip"));
    assert!(small.body.len() * 4 < plain.body.len(), "{} of {}", small.body.len(), plain.body.len());
    assert_eq!(small.field("etag"), format!("W/{}", plain.field("etag")));
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&small.body[..]), &mut read).unwrap();
    assert_eq!(read, plain.body);
}

#[tokio::test]
async fn a_moved_study_leaves_under_its_right_patient() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1)]).await;
    let patient = protocol::PatientRow {
        number: model::PatientNumber(9),
        id: "P9".into(),
        issuer: "SITE".into(),
        name: "Right^Rita".into(),
        birth_date: "19800101".into(),
        sex: "F".into(),
        studies: 1,
    };
    front.double.move_study("1.2.3", patient);
    let metadata = front.get(&format!("{INSTANCE}/metadata"), As::Radiologist).await;
    assert_eq!(metadata.json()[0]["00100010"]["Value"][0]["Alphabetic"], "Right^Rita");
    assert!(!metadata.text().contains("Doe^Jane"));
    let whole = front.get_accepting(INSTANCE, As::Radiologist, "application/dicom").await;
    assert_eq!(whole.status, 200);
    let find = |what: &[u8]| whole.body.windows(what.len()).any(|window| window == what);
    assert!(find(b"Right^Rita") && !find(b"Doe^Jane"));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1)]).await;
    for path in [
        "/dicom-web/studies/1.2.9",
        "/dicom-web/studies/1.2.9/metadata",
        "/dicom-web/studies/1.2.3/series/1.2.9",
        "/dicom-web/studies/1.2.3/series/1.2.9/metadata",
        "/dicom-web/studies/1.2.3/series/1.2.9/instances/1.2.3.1.1",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.9",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.9/metadata",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1/frames/2",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1/frames/1,2",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1/frames/4294967295",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1/bulkdata/0-99999999",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1/bulkdata/18446744073709551614-1",
        "/dicom-web/studies/1.2.3/series/1.2.9/thumbnail",
    ] {
        let answer = front.get(path, As::Radiologist).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
}
