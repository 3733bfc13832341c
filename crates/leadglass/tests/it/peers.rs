//! Where other archives failed, each by name, against the built program. `docs/peers.md` lists these and the others.

use std::sync::atomic::{AtomicBool, Ordering};

use phantom::{DataSet, ct_instance, uid};
use serde_json::{Value, json};

use crate::client::{Answer, ask, get, instance};
use crate::clients::python;
use crate::installation::{Installation, PASSPHRASE, store};
use crate::persons::{PASSWORD, Person};

/// A secondary capture with one image and no pixels.
fn captured(patient: &str, name: &str, study: &str, instance: u32) -> DataSet {
    let mut data = DataSet::new("1.2.840.10008.5.1.4.1.1.7", &uid(&[5, instance]));
    data.text(0x0008_0060, "CS", "OT");
    data.text(0x0010_0010, "PN", name);
    data.text(0x0010_0020, "LO", patient);
    data.text(0x0020_000D, "UI", study);
    data.text(0x0020_000E, "UI", &uid(&[5, instance, 1]));
    data
}

/// A device that may list and open, with the relationships that are named.
fn reader(site: &Installation, name: &str, patients: &[&str]) -> String {
    let added = site.ok(&["device", "add", name, "--organisation", "Machines", "--may", "list,open", "--token"]);
    for patient in patients {
        let who = format!("device:{name}");
        site.ok(&["relate", &who, &format!("patient:{patient}"), "--until", "8h", "--basis", "order"]);
    }
    added["token"].as_str().unwrap().to_owned()
}

fn stow(site: &Installation, token: &str, file: &[u8]) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/dicom")];
    ask(site.http(), "POST", "/dicom-web/studies", &headers, file)
}

/// StudyInstanceUIDs of an answer of QIDO-RS.
fn studies_in(answer: &Answer) -> Vec<String> {
    assert!(matches!(answer.status, 200 | 204), "{}", String::from_utf8_lossy(&answer.body));
    let rows = answer.json();
    let of = |row: &Value| row["0020000D"]["Value"][0].as_str().unwrap().to_owned();
    let mut found: Vec<String> = rows.as_array().into_iter().flatten().map(of).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn access_is_right_when_patient_id_equals_study_instance_uid() {
    let site = Installation::new();
    site.with_devices();
    let (mine, other) = (uid(&[4, 1]), uid(&[4, 2]));
    // the identifier of one patient is the UID of the other patient's study, both ways
    let files = [captured(&mine, "Cross^One", &other, 1), captured(&other, "Cross^Two", &mine, 2)];
    assert_eq!(store(site.dicom(), files.iter().map(DataSet::part10).collect()).unwrap(), [0, 0]);
    site.ok(&["settle"]);
    let token = reader(&site, "one", &[&format!("/{mine}")]);
    assert_eq!(studies_in(&get(site.http(), &token, "/dicom-web/studies")), std::slice::from_ref(&other));
    assert_eq!(
        studies_in(&get(site.http(), &token, &format!("/dicom-web/studies?PatientID={mine}"))),
        std::slice::from_ref(&other)
    );
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{other}/metadata")).status, 200);
    for hidden in
        [format!("/dicom-web/studies?PatientID={other}"), format!("/dicom-web/studies?StudyInstanceUID={mine}")]
    {
        assert_eq!(studies_in(&get(site.http(), &token, &hidden)), Vec::<String>::new(), "{hidden}");
    }
    for below in ["", "/metadata", "/instances", "/rendered"] {
        assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{mine}{below}")).status, 404, "{below}");
    }
    // a relationship to a study of that UID is none to the patient of that identifier
    site.ok(&["device", "add", "two", "--organisation", "Machines", "--may", "list,open"]);
    site.ok(&["relate", "device:two", &format!("study:{mine}"), "--until", "8h", "--basis", "order"]);
    let two = site.ok(&["exposure", "device:two", "--from", "1d", "--to", "now"]);
    assert_eq!(two["reachable"], json!({ "patients": 1, "studies": 1 }));
}

#[test]
fn no_qido_level_is_stricter_or_laxer_than_another() {
    let site = Installation::new();
    site.with_devices();
    let files = (1..=3).map(|patient| ct_instance(patient, 1, 1, 1, 16, 16)).collect();
    assert_eq!(store(site.dicom(), files).unwrap(), [0; 3]);
    site.ok(&["settle"]);
    let token = reader(&site, "some", &["DEMO/M00000001", "DEMO/M00000003"]);
    let ask = |path: &str| studies_in(&get(site.http(), &token, path));
    let reached = [uid(&[9, 1, 1]), uid(&[9, 3, 1])];
    assert_eq!(ask("/dicom-web/studies"), reached);
    assert_eq!(ask("/dicom-web/series"), reached);
    for patient in 1..=3 {
        let (study, id) = (uid(&[9, patient, 1]), format!("M{patient:08}"));
        let wanted: Vec<String> = reached.iter().filter(|uid| **uid == study).cloned().collect();
        for level in ["studies", "series", "instances"] {
            for key in [format!("StudyInstanceUID={study}"), format!("PatientID={id}"), format!("0020000D={study}")] {
                assert_eq!(ask(&format!("/dicom-web/{level}?{key}")), wanted, "{level} {key}");
            }
        }
        let series = uid(&[9, patient, 1, 1]);
        for below in ["series".to_owned(), "instances".to_owned(), format!("series/{series}/instances")] {
            let answer = get(site.http(), &token, &format!("/dicom-web/studies/{study}/{below}"));
            if wanted.is_empty() {
                // as of a study that is nowhere
                let nowhere = format!("/dicom-web/studies/{}/{below}", uid(&[9, 99, 1]));
                let nowhere = get(site.http(), &token, &nowhere);
                assert_eq!((answer.status, &answer.body), (nowhere.status, &nowhere.body), "{below}");
                assert!(matches!(answer.status, 204 | 404), "{below}: {}", answer.status);
            } else {
                assert_eq!(studies_in(&answer), wanted, "{below}");
            }
        }
    }
}

#[test]
fn no_right_is_kept_past_the_end_of_token_session_or_relationship() {
    let mut site = Installation::new();
    site.with_devices();
    assert_eq!(store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 16, 16)]).unwrap(), [0]);
    site.ok(&["settle"]);
    let (study, series) = (uid(&[9, 1, 1]), uid(&[9, 1, 1, 1]));
    let open = |token: &str| instance(site.http(), token, &study, &series, &uid(&[9, 1, 1, 1, 1])).status;
    let (removed, related) =
        (reader(&site, "removed", &["DEMO/M00000001"]), reader(&site, "related", &["DEMO/M00000001"]));
    assert_eq!((open(&removed), open(&related)), (200, 200), "both have a lease");
    let officer = Person::with_passkey(&site, site.made["enrolment"].as_str().unwrap());
    let ended = officer.post("/api/devices/remove", &json!({ "name": "removed", "token": true }));
    assert_eq!(ended.status, 204, "{}", ended.json());
    assert_eq!(open(&removed), 401);
    let whom = json!({ "who": "device:related", "whom": "patient:DEMO/M00000001", "until": 0 });
    let ended = officer.post("/api/relationships/end", &whom);
    assert_eq!(ended.status, 204, "{}", ended.json());
    assert_eq!(open(&related), 404);

    site.ok(&["org", "add", "Practice", "--password-and-code"]);
    let person = ["person", "add", "r@x.example", "--name", "R", "--role", "referrer", "--organisation", "Practice"];
    let link = site.ok(&person)["enrolment"].as_str().unwrap().to_owned();
    site.ok(&["relate", "person:r@x.example", "patient:DEMO/M00000001", "--until", "8h", "--basis", "order"]);
    let person = Person::enrol(&site, "r@x.example", &link);
    let image = format!("/dicom-web/studies/{study}/metadata");
    assert_eq!(person.get(&image).status, 200, "in the middle of reading");
    assert_eq!(person.delete(&format!("/api/sessions/{}", person.session())).status, 204);
    assert_eq!(person.get(&image).status, 401);
    // and none comes back with a restart
    site.stop();
    site.start();
    let open = |token: &str| instance(site.http(), token, &study, &series, &uid(&[9, 1, 1, 1, 1])).status;
    assert_eq!((open(&removed), open(&related)), (401, 404));
}

#[test]
fn nothing_is_deleted_through_any_door_let_alone_past_the_right_to_see() {
    let (site, token) = Installation::with_image();
    let (study, series) = (uid(&[9, 1, 1]), uid(&[9, 1, 1, 1]));
    let bearer = format!("Bearer {token}");
    let place = format!("/dicom-web/studies/{study}/series/{series}/instances/{}", uid(&[9, 1, 1, 1, 1]));
    let levels = [
        "/dicom-web/studies".to_owned(),
        format!("/dicom-web/studies/{study}"),
        place.clone(),
        format!("/api/studies/{study}"),
    ];
    for path in &levels {
        for method in ["DELETE", "PUT", "PATCH"] {
            let answer = ask(site.http(), method, path, &[("Authorization", bearer.as_str())], b"");
            assert_eq!(answer.status, 405, "{method} {path}");
        }
    }
    for bulk in ["/dicom-web/reject", "/tools/bulk-delete", "/api/studies/delete", "/dicom-web/studies/delete"] {
        let answer = ask(site.http(), "POST", bulk, &[("Authorization", bearer.as_str())], b"{}");
        assert!(matches!(answer.status, 400 | 404 | 405 | 409 | 415), "{bulk}: {}", answer.status);
    }
    assert_eq!(get(site.http(), &token, &place).status, 200);
}

#[test]
fn the_same_patient_id_from_two_hospitals_opens_nothing_of_the_other() {
    let site = Installation::new();
    site.with_devices();
    let file = |issuer: &str, number: u32| {
        let mut data = captured("4508", &format!("Hospital{number}^Patient"), &uid(&[3, number]), number);
        data.text(0x0010_0021, "LO", issuer);
        data.part10()
    };
    assert_eq!(store(site.dicom(), vec![file("NORTH", 1), file("SOUTH", 2)]).unwrap(), [0, 0]);
    site.ok(&["settle"]);
    let token = reader(&site, "north", &["NORTH/4508"]);
    assert_eq!(studies_in(&get(site.http(), &token, "/dicom-web/studies?PatientID=4508")), [uid(&[3, 1])]);
    assert_eq!(get(site.http(), &token, &format!("/dicom-web/studies/{}/metadata", uid(&[3, 2]))).status, 404);
}

#[test]
fn a_path_in_a_data_set_names_no_file() {
    let site = Installation::new();
    let token = site.with_devices();
    let climbing = "../../../../../../tmp/climbed-zq9";
    let mut data = captured(climbing, "../../climbed-zq9^/etc/passwd", &uid(&[2, 1]), 1);
    data.text(0x0008_0050, "SH", "../../zq9");
    data.text(0x0008_103E, "LO", "/tmp/climbed-zq9");
    data.text(0x0004_1500, "CS", "..\\..\\climbed-zq9");
    assert_eq!(stow(&site, &token, &data.part10()).status, 200);
    // a UID is digits and full stops, or the object is refused
    for bad in ["../../climbed-zq9", "1.2/../../climbed-zq9", "/tmp/climbed-zq9"] {
        let answer = stow(&site, &token, &captured("P", "Climb^UID", bad, 2).part10());
        assert!(matches!(answer.status, 400 | 409), "{bad}: {}", answer.status);
    }
    site.ok(&["settle"]);
    let mut folders = vec![site.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            assert!(!entry.path().to_string_lossy().contains("zq9"), "{}", entry.path().display());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    assert!(!std::path::Path::new("/tmp/climbed-zq9").exists());
}

#[test]
fn sizes_that_overflow_and_bombs_are_refused_and_cost_no_memory() {
    let site = Installation::new();
    let token = site.with_devices();
    let mut image = ct_instance(1, 1, 1, 1, 16, 16);
    // 65,535 rows and columns of 16 pixels each; then as many samples and frames as a number takes
    for tag in [[0x28, 0, 0x10, 0], [0x28, 0, 0x11, 0]] {
        let at = image.windows(4).position(|window| window == tag).unwrap();
        image[at + 8..at + 10].copy_from_slice(&[0xFF, 0xFF]);
    }
    let _ = stow(&site, &token, &image);
    let mut frames = DataSet::new("1.2.840.10008.5.1.4.1.1.7", &uid(&[5, 9]));
    for (tag, value) in [(0x0010_0020, "B"), (0x0008_0060, "OT"), (0x0028_0008, "2147483647")] {
        frames.text(tag, if tag == 0x0028_0008 { "IS" } else { "LO" }, value);
    }
    frames.text(0x0020_000D, "UI", &uid(&[5, 9, 1]));
    frames.text(0x0020_000E, "UI", &uid(&[5, 9, 2]));
    for tag in [0x0028_0002, 0x0028_0010, 0x0028_0011] {
        frames.bytes(tag, "US", &[0xFF, 0xFF]);
    }
    frames.bytes(0x7FE0_0010, "OW", &[0; 64]);
    let _ = stow(&site, &token, &frames.part10());
    site.ok(&["settle"]);
    for (study, series, instance) in
        [([9, 1, 1].as_slice(), [9, 1, 1, 1].as_slice(), [9, 1, 1, 1, 1].as_slice()), (&[5, 9, 1], &[5, 9, 2], &[5, 9])]
    {
        let place = format!("/dicom-web/studies/{}/series/{}/instances/{}", uid(study), uid(series), uid(instance));
        for below in ["rendered", "thumbnail", "frames/1", "frames/2147483647", "bulkdata/18446744073709551615-1"] {
            let answer = get(site.http(), &token, &format!("{place}/{below}"));
            assert!(matches!(answer.status, 200 | 400 | 404 | 406), "{below}: {}", answer.status);
            assert!(answer.body.len() < 1 << 20, "{below}: {} bytes", answer.body.len());
        }
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid("front").unwrap())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kib < 512 * 1024, "{peak}");
}

#[test]
fn a_polyglot_preamble_is_no_program_for_a_browser_and_none_in_what_is_taken_home() {
    let site = Installation::new();
    site.with_devices();
    let mut file = ct_instance(1, 1, 1, 1, 16, 16);
    file[..4].copy_from_slice(b"MZ\x90\0");
    file[60..64].copy_from_slice(&128u32.to_le_bytes());
    assert_eq!(store(site.dicom(), vec![ct_instance(1, 1, 1, 2, 16, 16)]).unwrap(), [0]);
    let token = site.with_reader("sender");
    assert_eq!(stow(&site, &token, &file).status, 200);
    site.ok(&["settle"]);
    let served = instance(site.http(), &token, &uid(&[9, 1, 1]), &uid(&[9, 1, 1, 1]), &uid(&[9, 1, 1, 1, 1]));
    assert_eq!(served.body, file, "bit for bit, as an image");
    assert!(served.header("content-type").is_some_and(|kind| kind.starts_with("application/dicom;")));
    assert_eq!(served.header("x-content-type-options"), Some("nosniff"));

    site.ok(&["org", "add", "Practice", "--password-and-code"]);
    let person = ["person", "add", "r@x.example", "--name", "R", "--role", "referrer", "--organisation", "Practice"];
    let link = site.ok(&person)["enrolment"].as_str().unwrap().to_owned();
    site.ok(&["relate", "person:r@x.example", "patient:DEMO/M00000001", "--until", "8h", "--basis", "order"]);
    let answer = Person::enrol(&site, "r@x.example", &link)
        .post(&format!("/api/studies/{}/download", uid(&[9, 1, 1])), &json!({}));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let Some(python) = python() else { return };
    let (zip, unpacked) = (site.path("study.zip"), site.path("unpacked"));
    std::fs::write(&zip, &answer.body).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/file_set.py");
    let arguments = [script, &zip, answer.header("leadglass-secret").unwrap(), &unpacked];
    let output = std::process::Command::new(python).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    for name in read["names"].as_array().unwrap() {
        let bytes = std::fs::read(format!("{unpacked}/{}", name.as_str().unwrap())).unwrap();
        assert_eq!((&bytes[..128], &bytes[128..132]), (&[0; 128][..], &b"DICM"[..]), "{name}");
    }
}

#[test]
fn a_patients_name_that_is_a_script_comes_back_as_data_only() {
    let site = Installation::new();
    let token = site.with_devices();
    let script = "<script>alert('zq8')</script>";
    assert_eq!(stow(&site, &token, &captured(script, script, &uid(&[2, 8]), 8).part10()).status, 200);
    site.ok(&["settle"]);
    let typed = "%3Cscript%3Ealert('zq8')%3C%2Fscript%3E";
    for path in [
        "/dicom-web/studies".to_owned(),
        format!("/dicom-web/studies/{}/metadata", uid(&[2, 8])),
        "/api/studies".to_owned(),
        format!("/dicom-web/studies?PatientName={typed}"),
        format!("/dicom-web/studies?{typed}=1"),
        format!("/dicom-web/studies/{typed}/metadata"),
        format!("/api/studies?words={typed}"),
        format!("/api/studies?order={typed}"),
        format!("/{typed}"),
        format!("/study/{typed}"),
    ] {
        let answer = get(site.http(), &token, &path);
        let kind = answer.header("content-type").unwrap_or_default().to_owned();
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"), "{path}");
        if !kind.contains("json") {
            assert!(!String::from_utf8_lossy(&answer.body).contains("zq8"), "{path} ({kind})");
        }
    }
}

#[test]
fn searching_during_parallel_storing_never_fails_and_finds_everything_at_the_end() {
    let site = Installation::new();
    let token = site.with_devices();
    let (senders, each) = (4, 8);
    let ready = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let storing: Vec<_> = (1..=senders)
            .map(|sender| {
                let (site, token) = (&site, &token);
                scope.spawn(move || {
                    for number in 1..=each {
                        let answer = stow(site, token, &ct_instance(sender, number, 1, 1, 16, 16));
                        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                    }
                })
            })
            .collect();
        let searching = scope.spawn(|| {
            let mut asked = 0;
            while !ready.load(Ordering::Relaxed) {
                for path in ["/dicom-web/studies", "/dicom-web/series", "/dicom-web/instances?PatientID=M00000001"] {
                    let answer = get(site.http(), &token, path);
                    assert!(matches!(answer.status, 200 | 204), "{path}: {}", answer.status);
                    asked += 1;
                }
            }
            asked
        });
        let stored: Vec<_> = storing.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ready.store(true, Ordering::Relaxed);
        assert!(searching.join().unwrap() >= 3);
        assert!(stored.iter().all(Result::is_ok));
    });
    site.ok(&["settle"]);
    let found = get(site.http(), &token, "/dicom-web/studies?limit=200");
    assert_eq!(studies_in(&found).len() as u32, senders * each);
}

#[test]
fn a_list_is_a_disclosure_recorded_bounded_by_reach_and_told_to_the_patient() {
    let site = Installation::new();
    site.with_devices();
    let files = (1..=4).map(|patient| ct_instance(patient, 1, 1, 1, 16, 16)).collect();
    assert_eq!(store(site.dicom(), files).unwrap(), [0; 4]);
    site.ok(&["settle"]);
    site.ok(&["org", "add", "Practice", "--password-and-code"]);
    let add = |email: &str, role: &str| {
        let person = ["person", "add", email, "--name", email, "--role", role, "--organisation", "Practice"];
        let link = site.ok(&person)["enrolment"].as_str().unwrap().to_owned();
        site.ok(&["relate", &format!("person:{email}"), "patient:DEMO/M00000001", "--until", "8h", "--basis", "order"]);
        Person::enrol(&site, email, &link)
    };
    let (patient, referrer) = (add("p@x.example", "patient"), add("r@x.example", "referrer"));
    // neither every wildcard nor somebody else's name or birth date lists more than the reach
    for query in ["", "?PatientName=*", "?PatientName=Measured*", "?PatientID=M*", "?PatientBirthDate=19700101"] {
        assert_eq!(studies_in(&referrer.get(&format!("/dicom-web/studies{query}"))), [uid(&[9, 1, 1])], "{query}");
    }
    assert_eq!(studies_in(&referrer.get("/dicom-web/studies?PatientID=M00000002")), Vec::<String>::new());
    assert!(!site.entries_of("listed").is_empty(), "an entry stands before an answer");
    let exposure = site.ok(&["exposure", "person:r@x.example", "--from", "1d", "--to", "now"]);
    assert_eq!(exposure["listed"], json!({ "patients": 1, "studies": 1 }), "{exposure}");
    assert_eq!(exposure["opened"], json!({ "patients": 0, "studies": 0 }), "{exposure}");
    let rows = patient.get("/api/my/accesses").json();
    assert!(rows["rows"].as_array().unwrap().iter().any(|row| row["who"] == "r@x.example"), "{rows}");
}

#[test]
fn one_leaked_key_and_repeated_content_open_nothing_else() {
    let mut site = Installation::new();
    site.with_devices();
    // the same pixels twice, in studies of two patients: under one key and one IV their bytes would be alike
    let pixels: Vec<u8> =
        (0..200_000u32).flat_map(|number| (number.wrapping_mul(2_654_435_761) >> 16).to_le_bytes()).collect();
    let file = |patient: &str, number: u32| {
        let mut data = captured(patient, "Same^Pixels", &uid(&[1, number]), number);
        data.bytes(0x7FE0_0010, "OW", &pixels);
        data.part10()
    };
    assert_eq!(store(site.dicom(), vec![file("A", 1), file("B", 2)]).unwrap(), [0, 0]);
    site.ok(&["settle"]);
    site.stop();
    let mut seen = std::collections::HashSet::new();
    let (mut repeated, mut bytes) = (0, 0);
    let mut folders = vec![site.dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_type().unwrap().is_file() && entry.path().starts_with(site.dir().join("front")) {
                let read = std::fs::read(entry.path()).unwrap();
                bytes += read.len();
                for block in read.chunks_exact(16).filter(|block| block.iter().any(|byte| *byte != block[0])) {
                    repeated += usize::from(!seen.insert(<[u8; 16]>::try_from(block).unwrap()));
                }
            }
        }
    }
    assert!(bytes > 2 * pixels.len(), "both are there: {bytes} bytes");
    assert!(repeated < 64, "{repeated} blocks of 16 bytes are there twice");
}

#[test]
fn neither_index_nor_passwords_nor_tokens_lie_in_the_clear() {
    let mut site = Installation::new();
    let token = site.with_devices();
    assert_eq!(store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 16, 16)]).unwrap(), [0]);
    site.ok(&["settle"]);
    site.ok(&["org", "add", "Practice", "--password-and-code"]);
    let person = ["person", "add", "r@x.example", "--name", "R", "--role", "referrer", "--organisation", "Practice"];
    let link = site.ok(&person)["enrolment"].as_str().unwrap().to_owned();
    let person = Person::enrol(&site, "r@x.example", &link);
    let code = person.recovery_code();
    site.stop();
    let study = uid(&[9, 1, 1]);
    let secrets =
        [&token, PASSPHRASE, PASSWORD, &code, link.split_once('#').unwrap().1, "M00000001", "Measured000001", &study];
    let mut folders = vec![site.dir()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_type().unwrap().is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                read += 1;
                for secret in secrets {
                    let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                    assert!(!found, "{} holds a secret of {} characters", entry.path().display(), secret.len());
                }
            }
        }
    }
    assert!(read > 5, "{read} files");
}

#[test]
fn a_server_as_it_is_installed_lets_nobody_in() {
    let site = Installation::new();
    for route in portal::routes::ROUTES.iter().filter(|route| !policy::is_open_to_strangers(route.service)) {
        let mut path = crate::requests::path(route, &crate::requests::Names::default());
        if route.path == "/dicom-web/instances" {
            // what bounds it: a search without anything is refused by its shape
            path.push_str("?StudyInstanceUID=1.2.3");
        }
        let (kind, body) = (crate::requests::content_type(route), crate::requests::body(route).to_string());
        let origin = format!("http://localhost:{}", site.http().port());
        let fields = [("Content-Type", kind), ("X-Leadglass", "1"), ("Origin", origin.as_str())];
        for bearer in [None, Some("Bearer "), Some("Bearer admin"), Some("Basic YWRtaW46YWRtaW4=")] {
            let credential = bearer.map(|bearer| ("Authorization", bearer));
            let fields: Vec<_> = fields.into_iter().chain(credential).collect();
            let answer = ask(site.http(), route.method.as_str(), &path, &fields, body.as_bytes());
            assert_eq!(answer.status, 401, "{} {} {bearer:?}", route.method, route.path);
        }
    }
    for calling in ["ORTHANC", "DCM4CHEE", "ANY-SCU", "STORESCU", "CT1"] {
        let object = dimse::sender::Outgoing::from_part10(ct_instance(1, 1, 1, 1, 16, 16)).unwrap();
        assert!(
            dimse::sender::Sender::connect(site.dicom(), calling, "LEADGLASS", vec![object.kind()]).is_err(),
            "{calling}"
        );
    }
    // and what is not said to be served in the clear is not
    assert!(site.ready["http"].as_str().unwrap().starts_with("http://localhost"), "{}", site.ready);
}
