//! THREATS: the format attack. Hostile DICOM and HTTP against the built program: it stays up, says why, keeps its memory bounded, and
//! nothing from data becomes a path, a line of the log or markup.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use phantom::{DataSet, ct_instance, uid};

use crate::client::{Answer, ask, get};
use crate::installation::{Installation, has_ended, kill, store, wait_until};

/// What stands in hostile data and must be found nowhere outside of it.
const MARK: &str = "zq7hostile";

/// How much more memory the front may have taken at its peak, in KiB.
const GROWN_KIB_MAX: u64 = 160 * 1024;

pub fn peak_kib(pid: u32) -> u64 {
    memory_kib(pid, "VmHWM:").unwrap()
}

/// A line of a process's status; nothing when it is gone.
fn memory_kib(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find(|line| line.starts_with(name))?.split_whitespace().nth(1)?.parse().ok()
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

/// Whether a worker has a large frame.
pub fn is_at_work(pid: &u32) -> bool {
    memory_kib(*pid, "VmRSS:").is_some_and(|kib| kib > 100 * 1024)
}

/// The side of a frame with as many pixels as are rendered.
const SIDE: u16 = 8192;

/// An image of [`SIDE`] by [`SIDE`] pixels in RLE Lossless (PS3.5 Annex G) whose bytes are all 0: small as a file, large in memory.
pub fn large_image(number: u32, samples: u16, bits: u16) -> Vec<u8> {
    let mut data = with_data(number, &format!("L{number}"), &format!("Large^{MARK}"));
    data.number(0x0028_0002, samples);
    data.text(0x0028_0004, "CS", if samples == 3 { "RGB" } else { "MONOCHROME2" });
    if samples == 3 {
        data.number(0x0028_0006, 1);
    }
    for (tag, value) in [(0x0028_0010, SIDE), (0x0028_0011, SIDE), (0x0028_0100, bits), (0x0028_0101, bits)] {
        data.number(tag, value);
    }
    data.number(0x0028_0102, bits - 1);
    data.number(0x0028_0103, 0);
    let mut file = data.part10();
    let explicit = b"1.2.840.10008.1.2.1\0";
    let at = file.windows(explicit.len()).position(|window| window == explicit).unwrap();
    file[at + 18] = b'5';

    // a control byte of 129 repeats the next byte 128 times
    let segment = [129, 0].repeat(usize::from(SIDE) * usize::from(SIDE) / 128);
    let segments = usize::from(samples) * usize::from(bits) / 8;
    let offsets = (0..15).map(|at| if at < segments { 64 + at * segment.len() } else { 0 });
    let head = std::iter::once(segments).chain(offsets).flat_map(|number| (number as u32).to_le_bytes());
    let frame: Vec<u8> = head.chain(segment.repeat(segments)).collect();
    file.extend(long([0xE0, 0x7F, 0x10, 0x00], b"OB", u32::MAX));
    file.extend([0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0]);
    file.extend([0xFE, 0xFF, 0x00, 0xE0]);
    file.extend((frame.len() as u32).to_le_bytes());
    file.extend(frame);
    file.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    file
}

/// A site with small studies, of which it renders pictures.
pub struct Pictures {
    pub site: Installation,
    token: String,
}

impl Pictures {
    pub fn new(files: &[Vec<u8>]) -> Self {
        Self::at(Installation::new(), files)
    }

    pub fn at(site: Installation, files: &[Vec<u8>]) -> Self {
        let token = site.with_devices();
        for file in files {
            let answer = stow(&site, &token, file);
            assert_eq!(answer.status, 200, "{}", answer.json());
        }
        for study in 1..3 {
            assert_eq!(store(site.dicom(), vec![ct_instance(study, study, 1, 1, 64, 64)]).unwrap(), [0]);
        }
        site.ok(&["settle"]);
        Self { site, token }
    }

    /// The studies of these patients, by their StudyInstanceUID.
    pub fn study(&self, patient: &str) -> String {
        let found = get(self.site.http(), &self.token, &format!("/dicom-web/studies?PatientID={patient}")).json();
        found[0]["0020000D"]["Value"][0].as_str().unwrap_or_else(|| panic!("{patient}: {found}")).to_owned()
    }

    pub fn ask(&self, study: &str) -> Answer {
        self.ask_as(&self.token, study)
    }

    pub fn ask_as(&self, token: &str, study: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Accept", "image/jpeg")];
        ask(self.site.http(), "GET", &format!("/dicom-web/studies/{study}/rendered"), &headers, &[])
    }

    #[track_caller]
    pub fn shown(&self, study: &str) {
        let answer = self.ask(study);
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.body[..2], [0xFF, 0xD8]);
    }

    /// One frame was refused with a reason, a worker was counted as lost, and nothing of the data is in the log.
    #[track_caller]
    fn refused(&self, answer: &Answer, why: &str, lost: u32) {
        assert_eq!(answer.status, 406, "{}", answer.json());
        assert!(answer.json()["error"].as_str().unwrap().contains(why), "{}", answer.json());
        let log = self.site.log();
        assert_eq!(log.matches("a codec worker is lost and replaced").count(), lost as usize, "{log}");
        assert!(log.contains(&format!("lost={lost}")), "{log}");
        for found in [MARK, "Large^", "M00000001", "1.2.840.10008.1.2.5"] {
            assert!(!log.contains(found), "{found:?} is in the log");
        }
    }
}

#[test]
fn a_codec_worker_that_stands_still_costs_one_frame_and_the_others_go_on() {
    let pictures = Pictures::new(&[]);
    let [still, other] = ["M00000001", "M00000002"].map(|patient| pictures.study(patient));
    let front = pictures.site.pid("front").unwrap();
    pictures.shown(&still);
    let [worker] = pictures.site.workers()[..] else { panic!("{:?}", pictures.site.workers()) };
    kill(worker, "STOP");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pictures.ask(&still));
        for _ in 0..10 {
            pictures.shown(&other);
        }
        let answer = waiting.join().unwrap();
        pictures.refused(&answer, "takes longer to decode", 1);
    });
    assert!(!pictures.site.workers().contains(&worker), "it was ended from outside");
    pictures.shown(&still);
    pictures.shown(&other);
    assert_eq!(pictures.site.pid("front"), Some(front));
    assert_eq!(pictures.site.ok(&["doctor"])["wrong"], 0);
}

#[test]
fn a_codec_worker_that_is_killed_or_takes_too_much_memory_costs_one_frame_and_the_front_goes_on() {
    // 128 MiB of samples, which are rendered; 768 MiB of samples, for which no worker has the memory
    let pictures = Pictures::new(&[large_image(71, 1, 16), large_image(72, 3, 32)]);
    let [large, larger, small] = ["L71", "L72", "M00000001"].map(|patient| pictures.study(patient));
    let front = pictures.site.pid("front").unwrap();
    pictures.shown(&small);
    pictures.shown(&large);

    // killed in the middle of its work
    wait_until("the memory of the picture before is given back", || !pictures.site.workers().iter().any(is_at_work));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pictures.ask(&large));
        let mut busy = None;
        wait_until("a worker is at it", || {
            busy = pictures.site.workers().into_iter().find(is_at_work);
            busy.is_some()
        });
        kill(busy.unwrap(), "KILL");
        let answer = waiting.join().unwrap();
        pictures.refused(&answer, "the decoder failed with this frame", 1);
    });
    pictures.shown(&large);

    // out of memory
    let before = peak_kib(front);
    pictures.refused(&pictures.ask(&larger), "the decoder failed with this frame", 2);
    let grown = peak_kib(front).saturating_sub(before);
    println!("the front's memory grew by {grown} KiB at its peak");
    assert!(grown < GROWN_KIB_MAX, "{grown} KiB");
    pictures.shown(&small);

    // killed while they wait: no frame's fault
    for round in 0..5 {
        let workers = pictures.site.workers();
        workers.iter().for_each(|pid| kill(*pid, "KILL"));
        wait_until("they are gone", || workers.iter().all(|pid| has_ended(*pid)));
        pictures.shown(&small);
        assert!(!pictures.site.workers().is_empty(), "round {round}");
    }
    assert_eq!(pictures.site.pid("front"), Some(front), "it was never started again");
    assert_eq!(pictures.site.ok(&["doctor"])["wrong"], 0);
}

#[test]
fn one_codec_worker_sees_frames_of_one_study_and_none_outlives_its_parent() {
    let mut pictures = Pictures::new(&[]);
    let studies = ["M00000001", "M00000002"].map(|patient| pictures.study(patient));
    let mut seen = std::collections::HashMap::new();
    for round in 0..3 {
        for study in &studies {
            let before = pictures.site.workers();
            pictures.shown(study);
            let after = pictures.site.workers();
            if round == 0 {
                let new: Vec<_> = after.iter().filter(|pid| !before.contains(pid)).collect();
                println!("{study}: {before:?} became {after:?}");
                assert!(new.len() <= 1);
                seen.insert(study.clone(), after);
            } else {
                assert_eq!(before, after, "two studies and two places: nobody is replaced");
            }
        }
    }
    assert_eq!(seen.len(), 2);
    // one that stands still hears nothing, and ends with its parent all the same
    let workers = pictures.site.workers();
    assert_eq!(workers.len(), 2);
    kill(workers[0], "STOP");
    pictures.site.kill();
    wait_until("no worker is left", || workers.iter().all(|pid| has_ended(*pid)));
}
