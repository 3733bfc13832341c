//! Clients that take their time, with limits made small.

use std::time::Duration;

use portal::{HttpLimits, Tls, development_certificate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::dicom::{Image, image};
use crate::double::{MODALITY, RADIOLOGIST};
use crate::harness::{As, Front, start_with};

const HEALTH: &[u8] = b"GET /api/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

const A_MOMENT: Duration = Duration::from_millis(200);

/// What comes until the other side hangs up. It must, or the test ends in an error of its own.
async fn until_hung_up(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    // a connection that is reset has ended too
    let _ = read.expect("the other side hangs up");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn front(limits: HttpLimits) -> Front {
    start_with(None, limits).await
}

#[tokio::test]
async fn a_header_that_does_not_end_is_dropped() {
    let front = front(HttpLimits { header: A_MOMENT, ..HttpLimits::default() }).await;
    for beginning in
        ["", "P", "PRI * HTTP/2.0\r\n", "GET /api/health HTTP/1.1\r\n", "GET /api/health HTTP/1.1\r\nHost: x\r\nX: y"]
    {
        let mut stream = TcpStream::connect(front.address()).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let answer = until_hung_up(&mut stream).await;
        assert!(!answer.contains("200 OK"), "{beginning:?}: {answer}");
    }
}

#[tokio::test]
async fn a_connection_that_idles_between_requests_is_dropped() {
    let front = front(HttpLimits { header: A_MOMENT, ..HttpLimits::default() }).await;
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(until_hung_up(&mut stream).await.contains("200 OK"));
}

#[tokio::test]
async fn a_body_that_does_not_come_on_is_dropped_and_nothing_is_kept() {
    let front = front(HttpLimits { body_stall: A_MOMENT, ..HttpLimits::default() }).await;
    let file = image("1.2.3", 1, 1).to_bytes();
    let json = format!(
        "POST /api/people HTTP/1.1\r\nHost: x\r\nCookie: __Host-leadglass={RADIOLOGIST}\r\nX-Leadglass: 1\r\nOrigin: {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        front.origin()
    );
    let dicom = format!(
        "POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {MODALITY}\r\n\
         Content-Type: application/dicom\r\nContent-Length: {}\r\n\r\n",
        file.len()
    );
    for bytes in [json.into_bytes(), [dicom.as_bytes(), &file[..file.len() - 1]].concat()] {
        let mut stream = TcpStream::connect(front.address()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let answer = until_hung_up(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    front.handed_over().await;
    assert_eq!(front.get("/dicom-web/studies", As::Radiologist).await.status, 204);
}

#[tokio::test]
async fn who_is_still_sending_hears_why_it_is_refused() {
    let front = front(HttpLimits::default()).await;
    let own = format!(
        "Cookie: __Host-leadglass={RADIOLOGIST}\r\nX-Leadglass: 1\r\nOrigin: {}\r\nContent-Type: application/json\r\n",
        front.origin()
    );
    for (path, headers, status) in [
        ("/api/people", own.as_str(), "413"),
        ("/api/people", "Content-Type: application/json\r\n", "403"),
        ("/dicom-web/studies", "Content-Type: application/dicom\r\n", "401"),
    ] {
        let mut stream = TcpStream::connect(front.address()).await.unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: 1000000\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..10 {
            // the answer is known long before the last of it
            tokio::time::sleep(A_MOMENT / 10).await;
            stream.write_all(&[b' '; 100_000]).await.unwrap();
        }
        let answer = until_hung_up(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with('}'), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_dropped() {
    let front = front(HttpLimits { write_stall: A_MOMENT, ..HttpLimits::default() }).await;
    // more than the buffers of both sockets
    front.store(&[Image { rows: 2048, columns: 2048, frames: 4, ..image("1.2.3", 1, 1) }]).await;
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    let request = format!(
        "GET /dicom-web/studies/1.2.3 HTTP/1.1\r\nHost: x\r\nCookie: __Host-leadglass={RADIOLOGIST}\r\nAccept: */*\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(A_MOMENT * 10).await;
    let answer = until_hung_up(&mut stream).await;
    assert!(answer.len() < 32 * 1024 * 1024, "{} bytes came all the same", answer.len());
}

/// Begins a download and takes only the beginning of what comes.
async fn begin_download(front: &Front) -> (TcpStream, String) {
    let path = "/api/studies/1.2.3/download";
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nCookie: __Host-leadglass={RADIOLOGIST}\r\nX-Leadglass: 1\r\nOrigin: {}\r\n\
         Sec-Fetch-Site: same-origin\r\nDPoP: {}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
        front.origin(),
        front.proof("POST", path, b"{}")
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut beginning = vec![0; 1024];
    let read = stream.read(&mut beginning).await.unwrap();
    (stream, String::from_utf8_lossy(&beginning[..read]).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_takes_one_study_along_at_a_time() {
    let front = front(HttpLimits::default()).await;
    // more than the buffers of both sockets
    front.store(&[Image { rows: 2048, columns: 2048, frames: 4, ..image("1.2.3", 1, 1) }]).await;
    let (held, first) = begin_download(&front).await;
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    for _ in 0..3 {
        let (_, second) = begin_download(&front).await;
        let second = second.to_lowercase();
        assert!(second.starts_with("http/1.1 429") && second.contains("retry-after: 30"), "{second}");
    }
    // whoever is told to wait has opened nothing
    let opened = front.double.asked().iter().filter(|(method, _)| *method == "open").count();
    assert_eq!(opened, 1);
    drop(held);
    // the place is free once the front has seen that
    loop {
        let (_, again) = begin_download(&front).await;
        if again.starts_with("HTTP/1.1 200") {
            break;
        }
        tokio::time::sleep(A_MOMENT).await;
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_come_on_is_dropped() {
    let made = development_certificate(&["localhost"]).unwrap();
    let tls = Tls::from_pem(made.certificate_pem.as_bytes(), made.key_pem.as_bytes()).unwrap();
    let limits = HttpLimits { tls_handshake: A_MOMENT, ..HttpLimits::default() };
    let front = start_with(Some(tls), limits).await;
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    assert_eq!(until_hung_up(&mut stream).await, "");
}

#[tokio::test]
async fn while_all_connections_are_busy_a_newcomer_waits_for_a_place() {
    let front = front(HttpLimits { connections: 1, ..HttpLimits::default() }).await;
    let mut first = TcpStream::connect(front.address()).await.unwrap();
    let head = format!(
        "POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {MODALITY}\r\n\
         Content-Type: application/dicom\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n"
    );
    first.write_all(head.as_bytes()).await.unwrap();
    // it is heard, and holds the only place
    let mut said = [0; 12];
    first.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 100");
    let mut second = TcpStream::connect(front.address()).await.unwrap();
    second.write_all(HEALTH).await.unwrap();
    let mut byte = [0];
    let waits = tokio::time::timeout(A_MOMENT, second.read(&mut byte)).await;
    assert!(waits.is_err(), "the second waits while the first holds its place");
    drop(first);
    assert!(until_hung_up(&mut second).await.contains("200 OK"));
}

#[tokio::test]
async fn who_rests_makes_room_for_a_newcomer() {
    let patient = Duration::from_secs(600);
    let front = front(HttpLimits { connections: 2, header: patient, ..HttpLimits::default() }).await;
    let mut resting = TcpStream::connect(front.address()).await.unwrap();
    resting.write_all(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut said = [0; 15];
    resting.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 200 OK");
    for round in 0..5 {
        let mut silent = TcpStream::connect(front.address()).await.unwrap();
        let mut newcomer = TcpStream::connect(front.address()).await.unwrap();
        newcomer.write_all(HEALTH).await.unwrap();
        assert!(until_hung_up(&mut newcomer).await.contains("200 OK"), "round {round}");
        // whoever had to go has gone
        if round == 0 {
            assert!(!until_hung_up(&mut resting).await.contains("HTTP/1.1"));
        } else {
            silent.write_all(HEALTH).await.unwrap();
            assert!(until_hung_up(&mut silent).await.contains("200 OK"), "round {round}");
        }
    }
}

#[tokio::test]
async fn strangers_from_many_addresses_who_say_nothing_keep_nobody_out() {
    let patient = Duration::from_secs(600);
    let made = development_certificate(&["localhost"]).unwrap();
    let tls = Tls::from_pem(made.certificate_pem.as_bytes(), made.key_pem.as_bytes()).unwrap();
    let limits = HttpLimits { connections: 40, strangers: 20, tls_handshake: patient, ..HttpLimits::default() };
    let front = start_with(Some(tls), limits).await;
    let mut strangers = Vec::new();
    for number in 1..=100 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(std::net::SocketAddr::from(([127, 0, 1, number], 0))).unwrap();
        let mut stranger = socket.connect(front.address()).await.unwrap();
        if number % 2 == 0 {
            stranger.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
        }
        strangers.push(stranger);
    }
    let shaken = crate::tls::shaken(&front, &made.certificate_pem, &[b"http/1.1"]);
    let mut stream = tokio::time::timeout(Duration::from_secs(20), shaken).await.expect("a newcomer is heard");
    stream.write_all(HEALTH).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn requests_that_do_not_end_are_cut_off_at_the_end() {
    let front = front(HttpLimits { drain: A_MOMENT, ..HttpLimits::default() }).await;
    let mut stream = TcpStream::connect(front.address()).await.unwrap();
    let head = format!(
        "POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {MODALITY}\r\n\
         Content-Type: application/dicom\r\nContent-Length: 1000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(A_MOMENT).await;
    // the test ends only when this does
    front.portal.stop().await;
}
