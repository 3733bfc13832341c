//! Frames, bulk data and pictures.

use crate::dicom::{EXPLICIT, Image, image};
use crate::harness::{As, start};

const INSTANCE: &str = "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1";
const LOSSLESS: &str = "1.2.840.10008.1.2.4.70";

#[tokio::test]
async fn frames_come_one_by_one_or_together() {
    let front = start().await;
    let movie = Image { frames: 5, ..image("1.2.3", 1, 1) };
    front.store(std::slice::from_ref(&movie)).await;
    let part = |number| (format!("application/octet-stream; transfer-syntax={EXPLICIT}"), movie.frame(number));
    let viewer = "multipart/related; type=application/octet-stream; transfer-syntax=*";
    for (list, numbers) in [("1", &[1][..]), ("2,5", &[2, 5]), ("5,4,3,2,1", &[5, 4, 3, 2, 1]), ("3,3", &[3, 3])] {
        let answer = front.get_accepting(&format!("{INSTANCE}/frames/{list}"), As::Radiologist, viewer).await;
        assert_eq!(answer.status, 200, "{list}: {}", answer.text());
        assert_eq!(answer.parts(), numbers.iter().map(|&number| part(number)).collect::<Vec<_>>(), "{list}");
    }
    let alone = front.get_accepting(&format!("{INSTANCE}/frames/4"), As::Radiologist, "application/octet-stream").await;
    assert_eq!(alone.field("content-type"), part(4).0);
    assert_eq!(alone.body, movie.frame(4));
    let both =
        front.get_accepting(&format!("{INSTANCE}/frames/4,5"), As::Radiologist, "application/octet-stream").await;
    assert_eq!(both.status, 406, "one part cannot hold two frames");
    for list in ["0", "6", "1,6", "", "x", "1-2", "..%2f1"] {
        let answer = front.get_accepting(&format!("{INSTANCE}/frames/{list}"), As::Radiologist, viewer).await;
        assert!(matches!(answer.status, 400 | 404), "{list}: {}", answer.status);
    }
}

#[tokio::test]
async fn compressed_frames_leave_as_they_are_stored() {
    let front = start().await;
    let fragments = vec![vec![0xff, 0xd8, 1, 1, 0xff, 0xd9], vec![0xff, 0xd8, 2, 2, 2, 2, 0xff, 0xd9]];
    let movie = Image { frames: 2, encapsulated: Some((LOSSLESS, fragments.clone())), ..image("1.2.3", 1, 1) };
    front.store(&[movie]).await;
    let check = async |accept: &str, expected: Option<(&str, &[u8])>| {
        let answer = front.get_accepting(&format!("{INSTANCE}/frames/2"), As::Radiologist, accept).await;
        match expected {
            None => assert_eq!(answer.status, 406, "{accept}"),
            Some((media_type, content)) => {
                assert_eq!(answer.status, 200, "{accept}: {}", answer.text());
                let content_type = format!("{media_type}; transfer-syntax={LOSSLESS}");
                let parts = if answer.field("content-type").starts_with("multipart") {
                    answer.parts()
                } else {
                    vec![(answer.field("content-type").to_owned(), answer.body.to_vec())]
                };
                assert_eq!(parts, [(content_type, content.to_vec())], "{accept}");
            }
        }
    };
    check("*/*", Some(("image/jpeg", &fragments[1]))).await;
    check("image/jpeg", Some(("image/jpeg", &fragments[1]))).await;
    check(
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        Some(("application/octet-stream", &fragments[1])),
    )
    .await;
    check("multipart/related; type=application/octet-stream", None).await;
    check("multipart/related; type=image/jls", None).await;
    check("image/png", None).await;
}

#[tokio::test]
async fn bulk_data_comes_in_ranges() {
    let front = start().await;
    let stored = image("1.2.3", 1, 1);
    front.store(std::slice::from_ref(&stored)).await;
    let file = stored.to_bytes();
    let path = format!("{INSTANCE}/bulkdata/132-100");
    let ask = async |range: &str| front.send("GET", &path, As::Radiologist, &[("range", range)], "").await;
    let whole = front.get(&path, As::Radiologist).await;
    assert_eq!((whole.status, whole.field("accept-ranges"), &whole.body[..]), (200, "bytes", &file[132..232]));
    let part = ask("bytes=10-19").await;
    assert_eq!((part.status, part.field("content-range"), &part.body[..]), (206, "bytes 10-19/100", &file[142..152]));
    let tail = ask("bytes=-5").await;
    assert_eq!((tail.status, tail.field("content-range"), &tail.body[..]), (206, "bytes 95-99/100", &file[227..232]));
    let outside = ask("bytes=100-").await;
    assert_eq!((outside.status, outside.field("content-range")), (416, "bytes */100"));
    let multipart =
        front.get_accepting(&path, As::Radiologist, "multipart/related; type=\"application/octet-stream\"").await;
    assert_eq!(multipart.parts(), [("application/octet-stream".to_owned(), file[132..232].to_vec())]);
    for place in ["x", "1", "1-", "-1", "1-2-3", "18446744073709551615-1"] {
        let answer = front.get(&format!("{INSTANCE}/bulkdata/{place}"), As::Radiologist).await;
        assert_eq!(answer.status, 400, "{place}");
    }
}

#[tokio::test]
async fn pictures_are_jpeg_or_a_clear_refusal() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1), image("1.2.3", 1, 2), image("1.2.3", 1, 3)]).await;
    let broken =
        Image { encapsulated: Some(("1.2.840.10008.1.2.4.100", vec![vec![1, 2, 3, 4]])), ..image("1.2.4", 1, 1) };
    front.store(&[broken]).await;
    for path in [
        "/dicom-web/studies/1.2.3/rendered",
        "/dicom-web/studies/1.2.3/thumbnail",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/rendered",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/thumbnail",
    ] {
        let answer = front.get(path, As::Radiologist).await;
        assert_eq!((answer.status, answer.field("content-type")), (200, "image/jpeg"), "{path}: {}", answer.text());
        assert!(answer.body.starts_with(&[0xff, 0xd8]), "{path}");
    }
    for below in
        ["/rendered", "/thumbnail", "/frames/1/rendered?window=2048,100&viewport=8,8&quality=50", "/frames/1/thumbnail"]
    {
        let answer = front.get(&format!("{INSTANCE}{below}"), As::Radiologist).await;
        assert_eq!((answer.status, answer.field("content-type")), (200, "image/jpeg"), "{below}: {}", answer.text());
    }
    let refused = front.get("/dicom-web/studies/1.2.4/rendered", As::Radiologist).await;
    assert_eq!(refused.status, 406);
    assert!(!refused.json()["error"].as_str().unwrap().is_empty());
    for (path, accept, status) in [
        ("/rendered", "image/png", 406),
        ("/rendered", "image/jpeg", 200),
        ("/rendered", "image/*", 200),
        ("/rendered?window=1", "*/*", 400),
        ("/rendered?viewport=0,0", "*/*", 400),
        ("/rendered?quality=0", "*/*", 400),
        ("/frames/2/rendered", "*/*", 404),
        ("/frames/1,2/rendered", "*/*", 400),
    ] {
        let answer = front.get_accepting(&format!("{INSTANCE}{path}"), As::Radiologist, accept).await;
        assert_eq!(answer.status, status, "{path} {accept}");
    }
}

#[tokio::test]
async fn an_object_of_thousands_of_frames_is_served() {
    let front = start().await;
    let movie = Image { rows: 4, columns: 4, frames: 8800, ..image("1.2.3", 1, 1) };
    front.store(std::slice::from_ref(&movie)).await;
    let last =
        front.get_accepting(&format!("{INSTANCE}/frames/8800"), As::Radiologist, "application/octet-stream").await;
    assert_eq!((last.status, &last.body[..]), (200, &movie.frame(8800)[..]));
    let list = (1..=8800).step_by(40).map(|number: u32| number.to_string()).collect::<Vec<_>>().join(",");
    let many = front.get(&format!("{INSTANCE}/frames/{list}"), As::Radiologist).await;
    assert_eq!(many.parts().len(), 220);
    assert_eq!(front.get(&format!("{INSTANCE}/frames/8801"), As::Radiologist).await.status, 404);
}
