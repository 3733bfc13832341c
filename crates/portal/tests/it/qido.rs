//! Searches (PS3.18 section 10.6).

use serde_json::json;

use crate::dicom::{Image, image};
use crate::harness::{As, start};

#[tokio::test]
async fn studies_have_the_attributes_of_the_standard() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1), image("1.2.3", 1, 2), image("1.2.3", 2, 1)]).await;
    for who in [As::Radiologist, As::Workstation] {
        let answer = front.get("/dicom-web/studies?PatientID=P1", who).await;
        assert_eq!((answer.status, answer.field("content-type")), (200, "application/dicom+json"));
        let study = &answer.json()[0];
        for (tag, vr, value) in [
            ("00080005", "CS", json!("ISO_IR 192")),
            ("00080020", "DA", json!("20260102")),
            ("00080030", "TM", json!("101112")),
            ("00080050", "SH", json!("A1")),
            ("00080056", "CS", json!("ONLINE")),
            ("00080061", "CS", json!("CT")),
            ("00081030", "LO", json!("Thorax")),
            ("00081190", "UR", json!(format!("{}/dicom-web/studies/1.2.3", front.origin()))),
            ("00100010", "PN", json!({"Alphabetic": "Doe^Jane"})),
            ("00100020", "LO", json!("P1")),
            ("00100030", "DA", json!("19700101")),
            ("00100040", "CS", json!("F")),
            ("0020000D", "UI", json!("1.2.3")),
            ("00200010", "SH", json!("S1")),
            ("00201206", "IS", json!(2)),
            ("00201208", "IS", json!(3)),
        ] {
            assert_eq!(study[tag], json!({"vr": vr, "Value": [value]}), "{tag}");
        }
        assert_eq!(study["00080090"], json!({"vr": "PN"}), "an attribute that is there and empty has no value");
        let tags: Vec<_> = study.as_object().unwrap().keys().collect();
        assert!(tags.is_sorted(), "{tags:?}");
    }
}

#[tokio::test]
async fn series_and_instances_have_theirs() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1), image("1.2.3", 1, 2), image("1.2.3", 2, 1)]).await;
    let series = front.get("/dicom-web/studies/1.2.3/series", As::Radiologist).await.json();
    assert_eq!(series.as_array().unwrap().len(), 2);
    assert_eq!(series[0]["00080060"], json!({"vr": "CS", "Value": ["CT"]}));
    assert_eq!(series[0]["00200011"], json!({"vr": "IS", "Value": [1]}));
    assert_eq!(series[0]["00201209"], json!({"vr": "IS", "Value": [2]}));
    assert!(series[0].get("00100010").is_none(), "the path names the study");
    let everywhere = front.get("/dicom-web/series?Modality=CT", As::Radiologist).await.json();
    assert_eq!(everywhere[0]["00100020"], json!({"vr": "LO", "Value": ["P1"]}), "here it does not");

    let place = "/dicom-web/studies/1.2.3/series/1.2.3.1/instances";
    let instances = front.get(place, As::Radiologist).await.json();
    assert_eq!(instances.as_array().unwrap().len(), 2);
    let first = &instances[0];
    assert_eq!(first["00080018"], json!({"vr": "UI", "Value": ["1.2.3.1.1"]}));
    assert_eq!(first["00200013"], json!({"vr": "IS", "Value": [1]}));
    assert_eq!(first["00280010"], json!({"vr": "US", "Value": [16]}));
    assert_eq!(first["00280100"], json!({"vr": "US", "Value": [16]}));
    assert_eq!(first["00083002"], json!({"vr": "UI", "Value": ["1.2.840.10008.1.2.1"]}));
    let retrieve = format!("{}{place}/1.2.3.1.1", front.origin());
    assert_eq!(first["00081190"], json!({"vr": "UR", "Value": [retrieve]}));

    let count = async |path: &str| {
        let answer = front.get(path, As::Radiologist).await;
        if answer.status == 204 { 0 } else { answer.json().as_array().unwrap().len() }
    };
    assert_eq!(count("/dicom-web/studies/1.2.3/instances").await, 3);
    assert_eq!(count("/dicom-web/studies/1.2.3/instances?InstanceNumber=1").await, 2);
    assert_eq!(count("/dicom-web/studies/1.2.3/instances?SOPInstanceUID=1.2.3.2.1").await, 1);
    assert_eq!(count("/dicom-web/studies/1.2.3/instances?00080018=1.2.3.2.1,1.2.3.1.1").await, 2);
    assert_eq!(count("/dicom-web/studies/1.2.3/series/1.2.3.2/instances?SeriesInstanceUID=1.2.3.1").await, 1);
    assert_eq!(count("/dicom-web/studies/1.2.3/series/1.2.99/instances").await, 0);
    assert_eq!(count("/dicom-web/instances?StudyInstanceUID=1.2.3").await, 3);
    assert_eq!(count("/dicom-web/instances?PatientID=P1&InstanceNumber=2").await, 1);
    assert_eq!(count("/dicom-web/instances?PatientID=P9").await, 0);
    let named = front.get("/dicom-web/instances?StudyInstanceUID=1.2.3&limit=1", As::Radiologist).await.json();
    assert_eq!(named[0]["00100010"]["Value"][0]["Alphabetic"], "Doe^Jane");
}

#[tokio::test]
async fn a_query_for_instances_that_nothing_bounds_says_what_to_add() {
    let front = start().await;
    for query in ["", "?limit=5", "?SOPInstanceUID=1.2.3", "?Modality=CT", "?PatientName=*", "?PatientID="] {
        let answer = front.get(&format!("/dicom-web/instances{query}"), As::Radiologist).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["hint"].as_str().unwrap().contains("StudyInstanceUID"), "{query}");
    }
}

#[tokio::test]
async fn nothing_found_is_an_answer_without_content() {
    let front = start().await;
    for path in ["/dicom-web/studies?PatientID=P9", "/dicom-web/studies/1.2.9/series", "/dicom-web/series"] {
        let answer = front.get(path, As::Radiologist).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{path}");
    }
}

#[tokio::test]
async fn pages_are_limited_and_say_that_there_is_more() {
    let front = start().await;
    let studies: Vec<Image> = (0..205).map(|number| image(&format!("1.2.3.{number}"), 1, 1)).collect();
    front.store(&studies).await;
    let page = async |query: &str| {
        let answer = front.get(&format!("/dicom-web/studies{query}"), As::Radiologist).await;
        let rows = if answer.status == 204 { 0 } else { answer.json().as_array().unwrap().len() };
        (rows, answer.field("warning").contains("There are more results"))
    };
    assert_eq!(page("").await, (200, true));
    assert_eq!(page("?limit=100000").await, (200, true));
    assert_eq!(page("?limit=3").await, (3, true));
    assert_eq!(page("?offset=200").await, (5, false));
    assert_eq!(page("?offset=203&limit=2").await, (2, false));
    assert_eq!(page("?offset=4000").await, (0, false));
    assert_eq!(page("?limit=0").await, (0, true));
    let mut seen = std::collections::BTreeSet::new();
    for offset in (0..210).step_by(50) {
        let answer = front.get(&format!("/dicom-web/studies?limit=50&offset={offset}"), As::Radiologist).await.json();
        for row in answer.as_array().unwrap() {
            assert!(seen.insert(row["0020000D"]["Value"][0].as_str().unwrap().to_owned()), "no row comes twice");
        }
    }
    assert_eq!(seen.len(), 205);
}

#[tokio::test]
async fn what_is_not_searched_by_is_said() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1)]).await;
    let warned = async |query: &str| {
        let answer = front.get(&format!("/dicom-web/studies?{query}"), As::Radiologist).await;
        assert_eq!(answer.status, 200, "{query}");
        answer.field("warning").contains("ignored")
    };
    assert!(warned("SliceThickness=1").await);
    assert!(warned("RequestAttributesSequence.ScheduledProcedureStepID=1").await);
    assert!(warned("nonsense=1").await);
    assert!(!warned("fuzzymatching=true&includefield=all&PatientName=Doe*").await);
}

#[tokio::test]
async fn only_dicom_json_is_offered() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1)]).await;
    let check = async |accept: &str, status: u16, content_type: &str| {
        for path in ["/dicom-web/studies", "/dicom-web/studies/1.2.3/series", "/dicom-web/studies/1.2.3/instances"] {
            let answer = front.get_accepting(path, As::Radiologist, accept).await;
            assert_eq!((answer.status, answer.field("content-type")), (status, content_type), "{path} {accept}");
        }
    };
    check("application/dicom+json", 200, "application/dicom+json").await;
    check("application/json", 200, "application/json").await;
    check("*/*", 200, "application/dicom+json").await;
    check("multipart/related; type=\"application/dicom+xml\"", 406, "application/json").await;
    check("text/html", 406, "application/json").await;
    check("application/dicom+json;q=0", 406, "application/json").await;
}

#[tokio::test]
async fn queries_out_of_shape_are_refused() {
    let front = start().await;
    for query in
        ["limit=-1", "limit=x", "offset=1.5", "fuzzymatching=maybe", "PatientID=1&PatientID=2", "PatientName=%ff"]
    {
        let answer = front.get(&format!("/dicom-web/studies?{query}"), As::Radiologist).await;
        assert_eq!(answer.status, 400, "{query}");
    }
    for path in [
        "/dicom-web/studies/abc/series",
        "/dicom-web/studies/1.2.3/series/x/instances",
        "/dicom-web/studies/..%2f/series",
    ] {
        assert_eq!(front.get(path, As::Radiologist).await.status, 400, "{path}");
    }
}
