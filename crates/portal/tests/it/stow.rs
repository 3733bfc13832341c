//! Storing (PS3.18 section 10.5), and bodies that are not what they should be.

use serde_json::{Value, json};

use crate::dicom::{CT, Image, image};
use crate::harness::{As, Front, multipart, start};

const MULTIPART: &str = "multipart/related; type=\"application/dicom\"; boundary=b";

async fn store(front: &Front, path: &str, files: &[Vec<u8>]) -> (u16, Value) {
    let (content_type, body) = multipart(files);
    let answer = front.post_dicom(path, As::Modality, &content_type, body).await;
    assert_eq!(answer.field("content-type"), "application/dicom+json", "{}", answer.text());
    (answer.status, answer.json())
}

fn reasons(answer: &Value, sequence: &str) -> Vec<u64> {
    let items = answer[sequence]["Value"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["00081197"]["Value"][0].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn what_was_stored_is_named() {
    let front = start().await;
    let (status, answer) =
        store(&front, "/dicom-web/studies", &[image("1.2.3", 1, 1).to_bytes(), image("1.2.3", 1, 2).to_bytes()]).await;
    assert_eq!(status, 200);
    let base = format!("{}/dicom-web/studies/1.2.3", front.origin());
    assert_eq!(answer["00081190"], json!({"vr": "UR", "Value": [base]}));
    let stored = &answer["00081199"]["Value"];
    assert_eq!(stored.as_array().unwrap().len(), 2);
    assert_eq!(stored[0]["00081150"]["Value"][0], CT);
    assert_eq!(stored[0]["00081155"]["Value"][0], "1.2.3.1.1");
    assert_eq!(stored[0]["00081190"]["Value"][0], format!("{base}/series/1.2.3.1/instances/1.2.3.1.1"));
    assert!(answer.get("00081198").is_none() && answer.get("0008119A").is_none());
}

#[tokio::test]
async fn a_single_instance_may_be_the_whole_body() {
    let front = start().await;
    let answer = front
        .post_dicom("/dicom-web/studies", As::Modality, "application/dicom", image("1.2.3", 1, 1).to_bytes())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    front.handed_over().await;
    assert_eq!(
        front.get("/dicom-web/studies/1.2.3", As::Radiologist).await.parts()[0].1,
        image("1.2.3", 1, 1).to_bytes()
    );
}

#[tokio::test]
async fn some_stored_and_some_not_says_which() {
    let front = start().await;
    let cut = {
        let mut file = image("1.2.3", 1, 2).to_bytes();
        file.truncate(file.len() - 10);
        file
    };
    let files = [image("1.2.3", 1, 1).to_bytes(), b"no DICOM at all".to_vec(), cut, Vec::new()];
    let (status, answer) = store(&front, "/dicom-web/studies", &files).await;
    assert_eq!(status, 202);
    assert_eq!(answer["00081199"]["Value"].as_array().unwrap().len(), 1);
    assert_eq!(reasons(&answer, "0008119A"), [0xC000, 0xC000, 0xC000]);
    let (status, answer) = store(&front, "/dicom-web/studies", &files[1..]).await;
    assert_eq!(status, 409);
    assert!(answer.get("00081199").is_none());
}

#[tokio::test]
async fn an_instance_of_another_study_is_refused_by_name() {
    let front = start().await;
    let files = [image("1.2.3", 1, 1).to_bytes(), image("1.2.4", 1, 1).to_bytes()];
    let (status, answer) = store(&front, "/dicom-web/studies/1.2.3", &files).await;
    assert_eq!(status, 202);
    assert_eq!(reasons(&answer, "00081198"), [0xA900]);
    assert_eq!(answer["00081198"]["Value"][0]["00081155"]["Value"][0], "1.2.4.1.1");
    front.handed_over().await;
    assert_eq!(front.get("/dicom-web/studies/1.2.4", As::Radiologist).await.status, 404, "it is not kept");
}

#[tokio::test]
async fn the_same_bytes_twice_are_stored_once() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1)]).await;
    front.store(&[image("1.2.3", 1, 1)]).await;
    assert_eq!(front.get("/dicom-web/studies/1.2.3", As::Radiologist).await.parts().len(), 1);
}

#[tokio::test]
async fn many_parts_of_several_studies_are_stored() {
    let front = start().await;
    let images: Vec<Image> = (0..60).map(|number| image(&format!("1.2.{}", number % 3), 1, number)).collect();
    let answer = front.store(&images).await;
    assert_eq!(answer["00081199"]["Value"].as_array().unwrap().len(), 60);
    assert!(answer.get("00081190").is_none(), "no one study to name");
    let found = front.get("/dicom-web/studies/1.2.2/instances", As::Radiologist).await.json();
    assert_eq!(found.as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be_are_refused() {
    let front = start().await;
    let file = image("1.2.3", 1, 1).to_bytes();
    let part = |head: &str, content: &[u8]| [head.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat();
    let whole = [&part("--b\r\nContent-Type: application/dicom", &file)[..], b"--b--"].concat();
    let check = async |defect: &str, content_type: &str, body: Vec<u8>, expected: u16| {
        let answer = front.post_dicom("/dicom-web/studies", As::Modality, content_type, body).await;
        assert_eq!(answer.status, expected, "{defect}: {}", answer.text());
    };
    check("as it should be", MULTIPART, whole.clone(), 200).await;
    check("no content type", "", whole.clone(), 415).await;
    check("a form", "multipart/form-data; boundary=b", whole.clone(), 415).await;
    check("JSON", "application/json", b"{}".to_vec(), 415).await;
    check(
        "metadata with bulk data",
        "multipart/related; type=\"application/dicom+json\"; boundary=b",
        whole.clone(),
        415,
    )
    .await;
    check("no boundary", "multipart/related; type=\"application/dicom\"", whole.clone(), 400).await;
    check("an empty boundary", "multipart/related; type=\"application/dicom\"; boundary=\"\"", whole.clone(), 400)
        .await;
    check("a long boundary", &format!("multipart/related; boundary={}", "b".repeat(71)), whole.clone(), 400).await;
    check("another boundary", "multipart/related; type=\"application/dicom\"; boundary=c", whole.clone(), 400).await;
    check("an empty body", MULTIPART, Vec::new(), 400).await;
    check("no part", MULTIPART, b"--b--".to_vec(), 400).await;
    check("no end", MULTIPART, whole[..whole.len() - 5].to_vec(), 400).await;
    check("cut in a part", MULTIPART, whole[..whole.len() / 2].to_vec(), 400).await;
    check("a long preamble", MULTIPART, [&vec![b'x'; 20_000][..], b"\r\n", &whole].concat(), 400).await;
    check("a long part header", MULTIPART, part(&format!("--b\r\nX: {}", "x".repeat(9000)), &file), 400).await;
    check("a part header without colon", MULTIPART, part("--b\r\nnonsense", &file), 400).await;
    check(
        "a nested multipart",
        MULTIPART,
        [&part("--b\r\nContent-Type: multipart/related; boundary=c", &file)[..], b"--b--"].concat(),
        409,
    )
    .await;
    check("a picture", MULTIPART, [&part("--b\r\nContent-Type: image/jpeg", &file)[..], b"--b--"].concat(), 409).await;
    check("an answer in XML", MULTIPART, whole.clone(), 200).await;
    let xml = [("content-type", MULTIPART), ("accept", "application/dicom+xml")];
    assert_eq!(front.send("POST", "/dicom-web/studies", As::Modality, &xml, whole).await.status, 406);
    assert_eq!(front.intake.bytes_in_memory(), 0);
}

#[tokio::test]
async fn who_may_not_store_is_told_before_the_body_is_read() {
    let front = start().await;
    let (content_type, body) = multipart(&[image("1.2.3", 1, 1).to_bytes()]);
    for (who, status) in [(As::Stranger, 401), (As::Workstation, 403), (As::Radiologist, 403)] {
        let answer = front.post_dicom("/dicom-web/studies", who, &content_type, body.clone()).await;
        assert_eq!(answer.status, status, "{who:?}");
    }
    for value in ["Bearer wrong", "Bearer", "Basic dTpw", ""] {
        let fields = [("content-type", content_type.as_str()), ("authorization", value)];
        let answer = front.send("POST", "/dicom-web/studies", As::Stranger, &fields, body.clone()).await;
        assert_eq!(answer.status, 401, "{value:?}");
    }
    front.handed_over().await;
    assert_eq!(front.get("/dicom-web/studies", As::Radiologist).await.status, 204, "nothing was kept");
}

#[tokio::test]
async fn a_long_instance_costs_little_memory() {
    let front = start().await;
    // 64 MiB in one instance; what waits in memory is bounded by the intake, not by the instance
    let long = Image { rows: 2048, columns: 2048, frames: 8, ..image("1.2.3", 1, 1) };
    let file = long.to_bytes();
    let sending = front.post_dicom("/dicom-web/studies", As::Modality, "application/dicom", file.clone());
    let watching = async {
        let mut most = 0;
        loop {
            most = most.max(front.intake.bytes_in_memory());
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            if most > 32 * 1024 * 1024 {
                return most;
            }
        }
    };
    let answer = tokio::select! {
        answer = sending => answer,
        most = watching => panic!("{most} bytes wait in memory"),
    };
    assert_eq!(answer.status, 200, "{}", answer.text());
    front.handed_over().await;
    let whole = front
        .get_accepting(
            "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1",
            As::Radiologist,
            "application/dicom",
        )
        .await;
    assert!(whole.body == file, "{} bytes came back", whole.body.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searching_goes_on_while_many_store() {
    let front = &start().await;
    let storing = futures::future::join_all((0..8).map(async |sender: u32| {
        for round in 0..5 {
            let study = format!("1.2.{sender}.{round}");
            let files: Vec<_> = (0..4).map(|number| image(&study, 1, number).to_bytes()).collect();
            let (status, answer) = store(front, "/dicom-web/studies", &files).await;
            assert_eq!(status, 200, "{answer}");
        }
    }));
    let searching = async {
        loop {
            for path in ["/dicom-web/studies", "/dicom-web/series", "/dicom-web/studies/1.2.0.0/instances"] {
                let answer = front.get(path, As::Radiologist).await;
                assert!(matches!(answer.status, 200 | 204 | 404), "{path}: {}", answer.status);
            }
        }
    };
    tokio::select! {
        _ = storing => {}
        () = searching => {}
    }
    front.handed_over().await;
    let found = front.get("/dicom-web/studies", As::Radiologist).await.json();
    assert_eq!(found.as_array().unwrap().len(), 40);
}
