//! Requests that no client of ours sends, as raw bytes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::dicom::image;
use crate::double::RADIOLOGIST;
use crate::harness::{As, Front, start};

/// Sends bytes and reads what comes until the other side closes.
async fn raw(front: &Front, bytes: &[u8]) -> String {
    exchange(front, bytes, false).await
}

/// Sends bytes, hangs up, and reads what comes all the same.
async fn cut_off(front: &Front, bytes: &[u8]) -> String {
    exchange(front, bytes, true).await
}

async fn exchange(front: &Front, bytes: &[u8], hang_up: bool) -> String {
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    // the other side may close while this is being written; what it said before counts
    let _ = stream.write_all(bytes).await;
    if hang_up {
        let _ = stream.shutdown().await;
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("an end");
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nCookie: __Host-leadglass={RADIOLOGIST}\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

#[track_caller]
fn check_status(answer: &str, allowed: &[&str], what: &str) {
    let status = answer.split(' ').nth(1).unwrap_or("closed");
    assert!(allowed.contains(&status), "{what}: {answer:.200}");
}

#[tokio::test]
async fn paths_that_climb_reach_nothing() {
    let front = start().await;
    front.store(&[image("1.2.3", 1, 1)]).await;
    for path in [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../../etc/passwd",
        "/assets/..%5c..%5cwin.ini",
        "/dicom-web/studies/..%2f..%2fetc%2fpasswd",
        "/dicom-web/studies/1.2.3/series/../../../../etc/passwd",
        "/dicom-web/studies/1.2.3%00/metadata",
        "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/%2e%2e/metadata",
        "//etc/passwd.txt",
        "/api/../front.db",
    ] {
        let answer = raw(&front, &get(path)).await;
        check_status(&answer, &["400", "404"], path);
        assert!(!answer.contains("root:"), "{path}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_dropped() {
    let front = start().await;
    let long = "x".repeat(300 * 1024);
    let many: String = (0..100).map(|number| format!("X-{number}: 1\r\n")).collect();
    let repeated = "Cookie: a=b\r\n".repeat(60);
    for (defect, request) in [
        ("garbage", "\x16\x03\x01\x02\0garbage\r\n\r\n".to_owned()),
        ("no version", "GET /\r\n\r\n".into()),
        ("a header without end", format!("GET / HTTP/1.1\r\nX: {long}")),
        ("a long header", format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(40_000))),
        ("many headers", format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")),
        ("a long address", format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(60_000))),
        ("two lengths", "POST /api/sign-out HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx".into()),
        ("a negative length", "POST /api/sign-out HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".into()),
        (
            "length and chunks",
            "POST /api/sign-out HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n".into(),
        ),
        ("a line break in a header", "GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n".into()),
        ("cookies without end", format!("GET /api/session HTTP/1.1\r\nHost: x\r\n{repeated}\r\n")),
    ] {
        let answer = cut_off(&front, request.as_bytes()).await;
        check_status(&answer, &["400", "401", "403", "413", "414", "431", "closed"], defect);
    }
    assert_eq!(front.get("/api/session", As::Radiologist).await.status, 200, "it goes on");
}

#[tokio::test]
async fn addresses_and_headers_past_their_limit_are_refused_with_a_sentence() {
    let front = start().await;
    let long = front.get(&format!("/dicom-web/studies?PatientName={}", "x".repeat(9000)), As::Radiologist).await;
    assert_eq!((long.status, long.json()["error"].is_string()), (414, true));
    let value = "x".repeat(17 * 1024);
    let header = front.send("GET", "/api/session", As::Radiologist, &[("x-long", value.as_str())], "").await;
    assert_eq!((header.status, header.json()["error"].is_string()), (431, true));
    let query = "a=1&".repeat(100);
    let many = front.get(&format!("/dicom-web/studies?{query}"), As::Radiologist).await;
    assert_eq!(many.status, 400);
}

#[tokio::test]
async fn a_body_that_lies_about_its_length_is_not_waited_for() {
    let front = start().await;
    let head = format!(
        "POST /api/people HTTP/1.1\r\nHost: x\r\nCookie: __Host-leadglass={RADIOLOGIST}\r\nX-Leadglass: 1\r\n\
         Connection: close\r\nOrigin: {}\r\nContent-Type: application/json\r\n",
        front.origin()
    );
    let announced = raw(&front, format!("{head}Content-Length: 99999999\r\n\r\n{{").as_bytes()).await;
    check_status(&announced, &["413"], "a length past the limit");
    let chunks = "ffff\r\n".to_owned() + &"x".repeat(0xffff) + "\r\n" + "ffff\r\n" + &"x".repeat(0xffff) + "\r\n";
    let endless = raw(&front, format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}").as_bytes()).await;
    check_status(&endless, &["413"], "chunks past the limit");
    let short = cut_off(&front, format!("{head}Content-Length: 100\r\n\r\n{{\"a\":").as_bytes()).await;
    check_status(&short, &["400", "408", "closed"], "a body that breaks off");
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let front = start().await;
    let file = image("1.2.3", 1, 1).to_bytes();
    let head = format!(
        "POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/dicom\r\n\
         Content-Length: {}\r\n\r\n",
        crate::double::MODALITY,
        file.len()
    );
    cut_off(&front, &[head.as_bytes(), &file[..file.len() / 2]].concat()).await;
    front.handed_over().await;
    assert_eq!(front.get("/dicom-web/studies", As::Radiologist).await.status, 204);
    assert_eq!(front.intake.bytes_in_memory(), 0);
}

#[tokio::test]
async fn a_portal_that_stops_lets_a_request_finish() {
    let front = start().await;
    let file = image("1.2.3", 1, 1).to_bytes();
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    let head = format!(
        "POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/dicom\r\n\
         Content-Length: {}\r\n\r\n",
        crate::double::MODALITY,
        file.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&file[..100]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let address = front.address();
    let (_, answer) = tokio::join!(front.portal.stop(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.write_all(&file[100..]).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    check_status(&answer, &["200"], "the request under way");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
