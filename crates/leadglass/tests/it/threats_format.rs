//! THREATS: the format attack. Hostile DICOM and HTTP against the built program: it stays up, says why, keeps its memory bounded, and
//! nothing from data becomes a path, a line of the log or markup.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use phantom::{DataSet, ct_instance, uid};

use crate::client::{Answer, ask, get};
use crate::installation::{Installation, store};

/// What stands in hostile data and must be found nowhere outside of it.
const MARK: &str = "zq7hostile";

/// How much more memory the front may have taken at its peak, in KiB.
const GROWN_KIB_MAX: u64 = 160 * 1024;

fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn with_data(number: u32, patient: &str, name: &str) -> DataSet {
    let mut data = DataSet::new("1.2.840.10008.5.1.4.1.1.7", &uid(&[6, number]));
    data.text(0x0008_0060, "CS", "OT");
    data.text(0x0008_1030, "LO", &format!("<img src=x onerror=alert('{MARK}')>"));
    data.text(0x0010_0010, "PN", name);
    data.text(0x0010_0020, "LO", patient);
    data.text(0x0020_000D, "UI", &uid(&[6, number, 1]));
    data.text(0x0020_000E, "UI", &uid(&[6, number, 2]));
    data
}

/// An element in Explicit VR Little Endian with a length that is a lie.
fn long(tag: [u8; 4], vr: &[u8; 2], length: u32) -> Vec<u8> {
    [&tag[..], vr, &[0, 0], &length.to_le_bytes()].concat()
}

/// Files of which each attacks something else.
fn hostile_files() -> Vec<(&'static str, Vec<u8>)> {
    let whole = with_data(1, "H1", "Hostile^One").part10();
    let behind = |tail: &[u8]| [&whole[..], tail].concat();
    let mut nested = Vec::new();
    for _ in 0..200_000 {
        // (0040,A730) Content Sequence of undefined length, one item of undefined length
        nested.extend(long([0x40, 0x00, 0x30, 0xA7], b"SQ", u32::MAX));
        nested.extend([0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    }
    let bomb = {
        // a thousand sequences that each say that they are four gigabytes long
        let one = long([0x40, 0x00, 0x30, 0xA7], b"SQ", 0xFFFF_FFFE);
        one.repeat(1_000)
    };
    let mut ct = ct_instance(1, 1, 1, 1, 64, 64);
    let cut = ct.len() / 2;
    let cut_short = ct[..cut].to_vec();
    // rows and columns say 65,535; the pixels are 64 by 64
    for tag in [[0x28, 0x00, 0x10, 0x00], [0x28, 0x00, 0x11, 0x00]] {
        let at = ct.windows(4).position(|window| window == tag).unwrap();
        ct[at + 8..at + 10].copy_from_slice(&[0xFF, 0xFF]);
    }
    vec![
        ("sequences 200,000 deep", behind(&nested)),
        ("lengths of 4 GiB in every sequence", behind(&bomb)),
        ("pixel data of 4 GiB", behind(&long([0xE0, 0x7F, 0x10, 0x00], b"OW", 0xFFFF_FFFE))),
        ("fragments without an end", behind(&long([0xE0, 0x7F, 0x10, 0x00], b"OB", u32::MAX))),
        ("a meta group that is 4 GiB long", {
            let mut file = whole.clone();
            // the value of (0002,0000)
            file[140..144].copy_from_slice(&u32::MAX.to_le_bytes());
            file
        }),
        ("half an image", cut_short),
        ("an image that says it is 65,535 pixels wide and high", ct),
        ("nothing", Vec::new()),
        ("a mebibyte of 0xFF", vec![0xFF; 1 << 20]),
    ]
}

fn stow(site: &Installation, token: &str, file: &[u8]) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/dicom"),
        ("Accept", "application/dicom+json"),
    ];
    ask(site.http(), "POST", "/dicom-web/studies", &headers, file)
}

/// Sends bytes as they are; what comes back until the other side closes or says nothing for two seconds.
fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    // the other side may close while more is sent: that is an answer
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count) = stream.read(&mut part) {
        if count == 0 || answer.len() > 1 << 20 {
            break;
        }
        answer.extend_from_slice(&part[..count]);
    }
    answer
}

/// Requests that no client sends.
fn hostile_requests(port: u16, token: &str) -> Vec<(&'static str, Vec<u8>)> {
    let host = format!("Host: localhost:{port}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n");
    let of = |line: &str, more: &str, body: &str| format!("{line}\r\n{host}{more}\r\n{body}").into_bytes();
    let many: String = (0..5_000).map(|number| format!("X-{number}: {MARK}\r\n")).collect();
    let smuggled = format!("0\r\n\r\nGET /api/people HTTP/1.1\r\n{host}\r\n");
    vec![
        ("a path above the root", of("GET /../../../../etc/passwd HTTP/1.1", "", "")),
        ("the same, encoded", of("GET /%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", "", "")),
        ("the same, of an asset", of("GET /assets/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1", "", "")),
        ("a study that is a path", of("GET /dicom-web/studies/..%2F..%2Fwarden%2Fwarden.db HTTP/1.1", "", "")),
        ("a NUL in the path", of("GET /dicom-web/studies/1.2%00.3 HTTP/1.1", "", "")),
        ("a header of a mebibyte", of("GET / HTTP/1.1", &format!("X: {}\r\n", "a".repeat(1 << 20)), "")),
        ("five thousand headers", of("GET / HTTP/1.1", &many, "")),
        ("a path of 100 KiB", of(&format!("GET /{} HTTP/1.1", "a".repeat(100 << 10)), "", "")),
        ("two lengths", of("POST /dicom-web/studies HTTP/1.1", "Content-Length: 4\r\nContent-Length: 40\r\n", "abcd")),
        (
            "a length and chunks",
            of("POST /dicom-web/studies HTTP/1.1", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", &smuggled),
        ),
        (
            "a chunk of 16 EiB",
            of("POST /dicom-web/studies HTTP/1.1", "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nabc"),
        ),
        ("a negative length", of("POST /dicom-web/studies HTTP/1.1", "Content-Length: -1\r\n", "")),
        ("a line folded header", of("GET / HTTP/1.1", "X: a\r\n b\r\n", "")),
        ("no version", b"GET /\r\n\r\n".to_vec()),
        ("another protocol", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n".to_vec()),
        ("a query that is markup", of(&format!("GET /dicom-web/studies?<script>{MARK}</script>=1 HTTP/1.1"), "", "")),
        (
            "a field that is markup",
            of(&format!("GET /dicom-web/studies?includefield=%3Cscript%3E{MARK} HTTP/1.1"), "", ""),
        ),
        ("a limit past every number", of("GET /dicom-web/studies?limit=99999999999999999999999 HTTP/1.1", "", "")),
        (
            "a database's words",
            of("GET /dicom-web/studies?PatientID='%3B%20DROP%20TABLE%20record%3B-- HTTP/1.1", "", ""),
        ),
        ("a terminal's words", of(&format!("GET /dicom-web/studies?PatientName=%1B]0;{MARK}%07 HTTP/1.1"), "", "")),
    ]
}

/// Bytes on the DICOM port that no peer sends (PS3.8 9.3).
fn hostile_associations() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("an A-ASSOCIATE-RQ of 4 GiB", [&[1, 0][..], &u32::MAX.to_be_bytes(), &[0; 64]].concat()),
        ("a P-DATA-TF before an association", [&[4, 0][..], &12u32.to_be_bytes(), &[0; 12]].concat()),
        ("a PDU of an unknown type", [&[0x77, 0][..], &4u32.to_be_bytes(), b"abcd"].concat()),
        ("HTTP", format!("GET /{MARK} HTTP/1.1\r\n\r\n").into_bytes()),
        ("a mebibyte of 0xFF", vec![0xFF; 1 << 20]),
    ]
}

fn status_of(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    text.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

#[test]
fn the_format_attack_by_dicom_and_http_leaves_the_program_up_bounded_and_quiet() {
    let site = Installation::new();
    let token = site.with_devices();
    let pids = ["front", "warden"].map(|role| site.pid(role).unwrap());
    assert_eq!(store(site.dicom(), vec![ct_instance(9, 9, 1, 1, 64, 64)]).unwrap(), [0]);
    let before = peak_kib(pids[0]);

    for (what, file) in hostile_files() {
        let answer = stow(&site, &token, &file);
        let said = answer.json();
        println!("{what}: {} {}", answer.status, said["error"].as_str().unwrap_or_default());
        assert!(matches!(answer.status, 200 | 202 | 400 | 409 | 413), "{what}: {}", answer.status);
        if matches!(answer.status, 400 | 413) {
            assert!(said["error"].as_str().is_some_and(|error| error.contains(' ')), "{what} is refused by a sentence");
        }
        // the same over C-STORE, where its meta group can be read at all
        if dimse::sender::Outgoing::from_part10(file.clone()).is_some() {
            let _ = store(site.dicom(), vec![file]);
        }
    }
    let names = [
        ("P1", format!("../../../../{MARK}^<script>alert(1)</script>")),
        ("P2", format!("\u{1b}]0;{MARK}\u{7}^\r\nerror: forged line of a log")),
        ("P3", format!("'; DROP TABLE record; -- {MARK}")),
    ];
    for (number, (patient, name)) in (10..).zip(&names) {
        let answer = stow(&site, &token, &with_data(number, patient, name).part10());
        assert!(matches!(answer.status, 200 | 202 | 400 | 409), "{name:?}: {}", answer.status);
    }
    for (what, request) in hostile_requests(site.http().port(), &token) {
        let answer = raw(site.http(), &request);
        let status = status_of(&answer);
        println!("{what}: {status:?}, {} bytes", answer.len());
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.contains("root:"), "{what} reads a file");
        assert!(status.is_none_or(|status| status < 500), "{what}: {text}");
        let markup = text.to_lowercase().contains("content-type: text/html");
        assert!(!(markup && text.contains(MARK)), "{what} comes back as markup: {text}");
        assert!(text.matches("HTTP/1.").count() < 2, "{what} is two requests: {text}");
    }
    for (what, bytes) in hostile_associations() {
        let answer = raw(site.dicom(), &bytes);
        println!("{what}: {} bytes back", answer.len());
        // an A-ABORT (7) or an A-ASSOCIATE-RJ (3), or the connection is closed
        assert!(answer.first().is_none_or(|kind| matches!(kind, 3 | 7)), "{what}: {answer:?}");
    }

    // up, the same processes, still working
    site.ok(&["settle"]);
    assert_eq!(["front", "warden"].map(|role| site.pid(role).unwrap()), pids, "nobody fell over");
    assert_eq!(store(site.dicom(), vec![ct_instance(8, 8, 1, 1, 64, 64)]).unwrap(), [0]);
    site.ok(&["settle"]);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies?PatientID=M00000008").status, 200);
    let grown = peak_kib(pids[0]).saturating_sub(before);
    println!("the front's memory grew by {grown} KiB at its peak");
    assert!(grown < GROWN_KIB_MAX, "{grown} KiB");

    // what was listed is JSON, whoever wrote it
    let listed = get(site.http(), &token, "/dicom-web/studies?limit=200");
    assert!(listed.header("Content-Type").unwrap().starts_with("application/dicom+json"));
    assert_eq!(listed.header("X-Content-Type-Options"), Some("nosniff"));
    // nothing of it became a line of the log or a name of a file
    let log = site.log();
    for found in [MARK, "<script", "\u{1b}]", "forged line", "DROP TABLE", "Hostile^One"] {
        assert!(!log.contains(found), "{found:?} is in the log");
    }
    let mut folders = vec![site.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            assert!(!entry.file_name().to_string_lossy().contains(MARK), "{}", entry.path().display());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
}
