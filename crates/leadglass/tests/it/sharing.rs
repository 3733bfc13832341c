//! Sharing one study with somebody outside, and taking it along, through the built program.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use phantom::{DEMO_ISSUER, DataSet, ct_instance, uid};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::Answer;
use crate::clients::{have, python};
use crate::installation::{Installation, store};
use crate::persons::Person;
use crate::threats_format::peak_kib;

const IMAGES: u32 = 3;

/// Two patients: the first has a study of two series and another study.
pub fn with_images() -> Installation {
    let site = Installation::new();
    site.with_devices();
    let mut files = Vec::new();
    for series in 1..=2 {
        files.extend((1..=IMAGES).map(|number| ct_instance(1, 1, series, number, 16, 16)));
    }
    files.push(ct_instance(1, 2, 1, 1, 16, 16));
    files.push(ct_instance(2, 1, 1, 1, 16, 16));
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    site.ok(&["org", "add", "Patients", "--password-and-code"]);
    site
}

pub fn patient(site: &Installation) -> Person {
    let email = "patient@home.example";
    let add = ["person", "add", email, "--name", "Pat Home", "--role", "patient", "--organisation", "Patients"];
    let link = site.ok(&add)["enrolment"].as_str().unwrap().to_owned();
    let (who, whom) = (format!("person:{email}"), "patient:DEMO/M00000001");
    site.ok(&["relate", &who, whom, "--until", "90d", "--basis", "the patient"]);
    Person::enrol(site, email, &link)
}

pub fn study() -> String {
    uid(&[9, 1, 1])
}

pub fn share(person: &Person, study: &str) -> Value {
    let body = json!({ "purpose": "outside", "seconds": 86_400, "note": "Dr. Away" });
    let answer = person.post(&format!("/api/studies/{study}/links"), &body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// Every entry, as text.
fn entries(site: &Installation) -> String {
    let output = site.run(&["ledger", "entries", "--limit", "1000", "--format", "json"]);
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Somebody outside, in a browser of their own.
pub struct Guest(pub RefCell<Browser>);

impl Guest {
    fn new(site: &Installation) -> Self {
        Self(RefCell::new(Browser::new(site.http())))
    }

    fn open(&self, link: &Value, code: &str) -> Answer {
        let mut browser = self.0.borrow_mut();
        let answer = browser.post("/api/link/open", &json!({ "secret": link["secret"], "code": code }));
        if answer.status == 200 {
            browser.signed_in(&answer);
        }
        answer
    }

    pub fn opened(site: &Installation, link: &Value) -> Self {
        let guest = Self::new(site);
        let answer = guest.open(link, link["code"].as_str().unwrap());
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        guest
    }

    pub fn get(&self, path: &str) -> Answer {
        self.0.borrow_mut().get(path)
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.0.borrow_mut().post(path, body)
    }
}

#[test]
fn a_link_and_its_code_open_one_study_in_one_browser_until_the_patient_ends_it() {
    let site = with_images();
    let person = patient(&site);
    let link = share(&person, &study());
    let guest = Guest::opened(&site, &link);
    let shown = guest.get("/api/link").json();
    assert_eq!((shown["maker"].as_str(), shown["by_patient"].as_bool()), (Some("Pat Home"), Some(true)));
    let detail = guest.get(&format!("/api/studies/number/{}", shown["study"]));
    assert_eq!(detail.status, 200, "{}", String::from_utf8_lossy(&detail.body));
    assert_eq!(detail.json()["study"]["uid"], study());
    assert_eq!(detail.json()["priors"], json!([]), "the patient's other study is not there");
    let metadata = guest.get(&format!("/dicom-web/studies/{}/metadata", study()));
    assert_eq!(metadata.json().as_array().map(Vec::len), Some(2 * IMAGES as usize));
    let image = format!("/dicom-web/studies/{}/series/{}", study(), uid(&[9, 1, 1, 1]));
    assert_eq!(guest.get(&image).status, 200);
    for other in [uid(&[9, 1, 2]), uid(&[9, 2, 1]), "1.2.3".to_owned()] {
        assert_eq!(guest.get(&format!("/dicom-web/studies/{other}")).status, 404, "{other}");
        assert_eq!(guest.post(&format!("/api/studies/{other}/download"), &json!({})).status, 404, "{other}");
    }
    for own in ["/api/session", "/api/sessions", "/api/my/studies", "/api/my/accesses", "/api/people", "/api/links"] {
        assert_eq!(guest.get(own).status, 403, "{own}");
    }
    // the same cookie in another browser
    let thief = Guest::new(&site);
    {
        let (mut thief, guest) = (thief.0.borrow_mut(), guest.0.borrow());
        thief.token.clone_from(&guest.token);
        thief.session.clone_from(&guest.session);
    }
    assert_eq!(thief.get(&image).status, 401);

    let exposure = site.ok(&["exposure", "link:0", "--from", "1d", "--to", "now"]);
    assert_eq!(exposure["reachable"], json!({ "patients": 1, "studies": 1 }));
    assert_eq!(exposure["opened"], json!({ "patients": 1, "studies": 1 }));
    let rows = person.get("/api/my/accesses").json();
    let through = |row: &&Value| row["sharing"]["kind"] == "by-link";
    let through: Vec<&Value> = rows["rows"].as_array().unwrap().iter().filter(through).collect();
    assert!(through.iter().any(|row| row["opened"] == true), "{through:?}");
    assert!(through.iter().all(|row| row["who"] == "a person with the link that Pat Home made"), "{through:?}");

    let links = person.get("/api/links").json();
    assert_eq!((&links["rows"][0]["openings"], &links["rows"][0]["note"]), (&json!(1), &json!("Dr. Away")));
    assert_eq!(person.delete("/api/links/0").status, 204);
    assert_eq!(guest.get(&image).status, 401, "at once");
    let again = Guest::new(&site).open(&link, link["code"].as_str().unwrap());
    assert_eq!((again.status, again.json()["link"].as_str()), (400, Some("ended")));
}

#[test]
fn a_forwarded_link_without_its_code_is_dead_after_ten_tries_and_no_secret_is_written_anywhere() {
    let mut site = with_images();
    let person = patient(&site);
    let link = share(&person, &study());
    let (secret, code) = (link["secret"].as_str().unwrap(), link["code"].as_str().unwrap());
    let forwarded = Guest::new(&site);
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    for left in [9, 8, 7] {
        let answer = forwarded.open(&link, wrong);
        assert_eq!(
            (answer.status, &answer.json()["link"], &answer.json()["left"]),
            (400, &json!("code"), &json!(left))
        );
    }
    let answer = forwarded.open(&link, wrong);
    assert_eq!(answer.status, 429, "now it waits");
    assert!(answer.json()["seconds"].as_u64().is_some_and(|seconds| (1..=5).contains(&seconds)), "{}", answer.json());
    assert_eq!(forwarded.open(&link, code).status, 429, "the right one too");
    let other = json!({ "secret": "A".repeat(43), "code": code });
    assert_eq!(Guest::new(&site).open(&other, code).json()["link"], "ended", "whoever has no secret learns nothing");
    assert_eq!(person.get("/api/links").json()["rows"][0]["tries"], 3);
    let text = entries(&site);
    assert!(text.contains("link-refused") && !text.contains(secret) && !text.contains(code), "entries hold no secret");
    site.stop();
    let log = site.log();
    assert!(!log.contains(secret) && !log.contains(code), "nor does the log");
    let mut folders = vec![site.dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                for text in [secret, code] {
                    let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
                    assert!(!found, "{}", entry.path().display());
                }
            }
        }
    }
}

#[test]
fn a_second_opinion_is_in_the_colleagues_list_and_the_patient_reads_who_asked() {
    let site = with_images();
    let person = patient(&site);
    let clinician = |email: &str, role: &str| {
        let add = ["person", "add", email, "--name", email, "--role", role, "--organisation", "Patients"];
        let link = site.ok(&add)["enrolment"].as_str().unwrap().to_owned();
        Person::enrol(&site, email, &link)
    };
    let (doctor, colleague) = (clinician("doctor@x.example", "referrer"), clinician("col@x.example", "radiologist"));
    site.ok(&["relate", "person:doctor@x.example", "patient:DEMO/M00000001", "--until", "9d", "--basis", "referral"]);
    let colleagues = doctor.get("/api/opinions/askable").json();
    assert_eq!(colleagues.as_array().unwrap().iter().map(|row| &row["email"]).collect::<Vec<_>>(), ["col@x.example"]);
    assert_eq!(colleague.get("/api/studies").json()["studies"], json!([]));
    let body = json!({ "colleague": "col@x.example", "reason": "is this a fracture" });
    let asked = doctor.post(&format!("/api/studies/{}/second-opinion", study()), &body);
    assert_eq!(asked.status, 200, "{}", String::from_utf8_lossy(&asked.body));
    let seen = colleague.get("/api/studies").json();
    assert_eq!(seen["studies"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen["studies"][0]["uid"], study());
    let rows = person.get("/api/my/accesses").json();
    let told = rows["rows"].as_array().unwrap().iter().find(|row| row["sharing"]["kind"] == "opinion-asked").unwrap();
    assert_eq!((&told["who"], &told["basis"]), (&json!("doctor@x.example"), &json!("is this a fracture")));
    assert_eq!(doctor.delete(&format!("/api/opinions/{}", asked.json()["opinion"])).status, 204);
    assert_eq!(colleague.get("/api/studies").json()["studies"], json!([]));
}

/// Takes the study along into a file; what opens it.
fn download(answer: &Answer, into: &Path) -> String {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), Some("application/zip"));
    std::fs::write(into, &answer.body).unwrap();
    answer.header("leadglass-secret").unwrap().to_owned()
}

#[test]
fn a_study_is_taken_along_as_a_file_set_that_others_read() {
    let site = with_images();
    let person = patient(&site);
    let link = share(&person, &study());
    let guest = Guest::opened(&site, &link);
    let path = format!("/api/studies/{}/download", study());
    let (own, through) = (site.path("own.zip"), site.path("through.zip"));
    let first = download(&person.post(&path, &json!({})), Path::new(&own));
    let second = download(&guest.post(&path, &json!({})), Path::new(&through));
    assert_ne!(first, second, "each has a secret of its own");
    for zip in [&own, &through] {
        let bytes = std::fs::read(zip).unwrap();
        for part in [b"DICM".as_slice(), b"M00000001", study().as_bytes()] {
            assert!(!bytes.windows(part.len()).any(|window| window == part), "{}", String::from_utf8_lossy(part));
        }
    }
    assert_eq!(entries(&site).matches("\"download\"").count(), 2, "each is an entry");
    let rows = person.get("/api/my/accesses").json();
    assert!(rows["rows"].as_array().unwrap().iter().any(|row| row["sharing"]["download"] == true));

    let Some(python) = python() else { return };
    let unpacked = site.path("unpacked");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/file_set.py");
    let output = Command::new(python).args([script, &own, &first, &unpacked]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["wrong"], "refused", "another secret opens nothing");
    assert_eq!((&read["patients"], &read["studies"]), (&json!(["M00000001"]), &json!([study()])));
    assert_eq!(read["series"].as_array().map(Vec::len), Some(2));
    let instances: BTreeSet<&str> = read["instances"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(instances.len(), 2 * IMAGES as usize);
    let names: Vec<&str> = read["names"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!((names.len(), names[0]), (1 + instances.len(), "DICOMDIR"));
    let plain = |part: &str| part.len() <= 8 && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    assert!(names.iter().all(|name| name.split('/').all(plain)), "{names:?}");
    if !have("dcmdump") {
        return;
    }
    let dump = Command::new("dcmdump").arg(format!("{unpacked}/DICOMDIR")).output().unwrap();
    let text = String::from_utf8_lossy(&dump.stdout).into_owned();
    assert!(dump.status.success() && dump.stderr.is_empty(), "{}", String::from_utf8_lossy(&dump.stderr));
    for (kind, count) in [("PATIENT", 1), ("STUDY", 1), ("SERIES", 2), ("IMAGE", 2 * IMAGES as usize)] {
        let found =
            text.lines().filter(|line| line.contains("DirectoryRecordType") && line.contains(&format!("[{kind}]")));
        assert_eq!(found.count(), count, "{kind}\n{text}");
    }
}

/// An image whose samples are all 0, of so many rows and columns.
fn blank(instance: u32, side: u16) -> Vec<u8> {
    let mut data = DataSet::new("1.2.840.10008.5.1.4.1.1.7", &uid(&[9, 1, 3, 1, instance]));
    data.text(0x0008_0060, "CS", "OT");
    data.text(0x0010_0010, "PN", "Measured000001^Patient");
    data.text(0x0010_0020, "LO", "M00000001");
    data.text(0x0010_0021, "LO", DEMO_ISSUER);
    data.text(0x0020_000D, "UI", &uid(&[9, 1, 3]));
    data.text(0x0020_000E, "UI", &uid(&[9, 1, 3, 1]));
    data.text(0x0020_0013, "IS", &instance.to_string());
    data.number(0x0028_0002, 1);
    data.text(0x0028_0004, "CS", "MONOCHROME2");
    for (tag, value) in [(0x0028_0010, side), (0x0028_0011, side), (0x0028_0100, 16), (0x0028_0101, 16)] {
        data.number(tag, value);
    }
    data.number(0x0028_0102, 15);
    data.number(0x0028_0103, 0);
    data.words(0x7FE0_0010, "OW", &vec![0; usize::from(side) * usize::from(side)]);
    data.part10()
}

#[test]
fn a_large_study_is_taken_along_while_front_and_warden_hold_a_few_blocks_of_it() {
    /// 8 MiB of samples each.
    const SIDE: u16 = 2_048;
    const LARGE: u32 = 24;
    /// A third of the study: who kept the whole of it would be far beyond.
    const GROWN_KIB_MAX: u64 = 64 * 1_024;
    let mut site = with_images();
    let person = patient(&site);
    let large = uid(&[9, 1, 3]);
    assert!(store(site.dicom(), (1..=LARGE).map(|n| blank(n, SIDE)).collect()).unwrap().iter().all(|one| *one == 0));
    site.ok(&["settle"]);
    let link = share(&person, &large);
    // another front, so that the peak of taking the study in hides nothing
    site.stop();
    site.start();
    let guest = Guest::opened(&site, &link);
    let path = format!("/api/studies/{large}/download");
    assert_eq!(guest.get(&format!("/dicom-web/studies/{large}/metadata")).status, 200);
    let peaks = ["front", "warden"].map(|role| peak_kib(site.pid(role).unwrap()));
    let answer = guest.post(&path, &json!({}));
    assert_eq!(answer.status, 200);
    let whole = u64::from(LARGE) * 2 * u64::from(SIDE) * u64::from(SIDE);
    assert!(answer.body.len() as u64 > whole && whole / 1_024 == 3 * GROWN_KIB_MAX, "{} bytes", answer.body.len());
    for (role, before) in ["front", "warden"].into_iter().zip(peaks) {
        let grown = peak_kib(site.pid(role).unwrap()) - before;
        println!("{} MiB taken along: the {role} grew by {grown} KiB at its peak", whole >> 20);
        assert!(grown < GROWN_KIB_MAX, "the {role} grew by {grown} KiB");
    }
}

#[test]
fn the_owner_lists_links_and_ends_all_of_somebody_with_one_command_and_the_warden_releases_nothing_more() {
    let site = with_images();
    let person = patient(&site);
    let (link, _) = (share(&person, &study()), share(&person, &uid(&[9, 1, 2])));
    let guest = Guest::opened(&site, &link);
    let image = format!("/dicom-web/studies/{}/thumbnail", study());
    assert_eq!(guest.get(&image).status, 200);
    let running = site.ok(&["link", "list", "--running", "--of", "person:patient@home.example"]);
    let numbers: Vec<&Value> = running.as_array().unwrap().iter().map(|row| &row["link"]).collect();
    assert_eq!(numbers, [&json!(1), &json!(0)], "the newest first");
    assert_eq!((&running[1]["openings"], &running[1]["email"]), (&json!(1), &json!("patient@home.example")));
    let session = running[0]["session"].as_str().unwrap().to_owned();
    assert_eq!(session, person.session());
    let said = site.refused(1, &["link", "end", "everything"]);
    assert!(said.contains("all, person:EMAIL, study:NUMBER"), "{said}");
    assert_eq!(site.ok(&["link", "end", &format!("study:{}", uid(&[9, 2, 1]))]), json!({ "ended": [] }));
    assert_eq!(guest.get(&image).status, 200, "that was another study");
    assert_eq!(site.ok(&["link", "end", "person:patient@home.example"]), json!({ "ended": [0, 1] }));
    // whatever asks the warden; the front goes on with a lease that it was given before, as it does after every command of the owner
    assert_eq!(guest.get("/api/link").status, 401);
    assert_eq!(guest.get("/dicom-web/studies").status, 401);
    assert_eq!(guest.post(&format!("/api/studies/{}/download", study()), &json!({})).status, 401);
    let again = Guest::new(&site).open(&link, link["code"].as_str().unwrap());
    assert_eq!((again.status, again.json()["link"].as_str()), (400, Some("ended")));
    assert_eq!(site.ok(&["link", "list", "--running"]), json!([]));
    let ended = site.entries_of("link-ended");
    assert_eq!(ended.iter().map(|entry| &entry["link"]).collect::<Vec<_>>(), [&json!(0), &json!(1)]);
    assert!(ended.iter().all(|entry| entry["actor"] == "owner"), "{ended:?}");
    let report = site.ok(&["exposure", &format!("session:{session}"), "--from", "1d", "--to", "now"]);
    let made = report["about"]["session"]["links"].as_array().unwrap();
    assert_eq!(made.iter().map(|one| &one["ended"]).collect::<Vec<_>>(), [&json!("revoked"), &json!("revoked")]);
}
