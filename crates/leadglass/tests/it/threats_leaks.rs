//! Leaked passwords: lists that none may be in, and dumps that name people. Incident 1 of the four, its first three rows.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::Answer;
use crate::installation::{Installation, wait_until};
use crate::persons::Person;

const PASSWORD: &str = "vortrag kastanie 41 regal";
const ANOTHER: &str = "teekanne wolke 77 schiene";
/// What stands in dumps and must stand nowhere afterwards.
const CANARY: &str = "kanarienvogel-5f0c1d";

fn entries(site: &Installation, kind: &str) -> Vec<Value> {
    let output = site.run(&["ledger", "entries", "--limit", "1000", "--format", "json"]);
    let lines = String::from_utf8(output.stdout).unwrap();
    let entries = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].clone());
    entries.filter(|entry| entry["kind"] == kind).collect()
}

pub fn sha1(password: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A person of the organisation, by their link's token.
pub fn add(site: &Installation, email: &str) -> String {
    let added = site.ok(&[
        "person",
        "add",
        email,
        "--name",
        email,
        "--role",
        "radiologist",
        "--organisation",
        "Clinic",
        "--password-and-code",
    ]);
    token(&added)
}

pub fn token(printed: &Value) -> String {
    printed["enrolment"].as_str().unwrap_or_else(|| panic!("{printed}")).split_once('#').unwrap().1.to_owned()
}

pub fn set_password(browser: &mut Browser, token: &str, password: &str) -> Result<Vec<String>, Answer> {
    let begun = browser.post("/api/enrolment/password/begin", &json!({ "token": token, "password": password }));
    if begun.status >= 300 {
        return Err(begun);
    }
    let begun = begun.json();
    let code = identity::code_at(begun["secret"].as_str().unwrap(), now()).unwrap();
    let finish = json!({ "token": token, "ceremony": begun["ceremony"], "code": code });
    let finished = browser.post("/api/enrolment/password/finish", &finish).json();
    Ok(serde_json::from_value(finished["recovery_codes"].clone()).unwrap())
}

pub fn sign_in(browser: &mut Browser, email: &str, password: &str, code: &str) -> Answer {
    browser.post("/api/sign-in/password", &json!({ "email": email, "password": password, "code": code }))
}

fn now() -> model::Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    model::Instant(i64::try_from(since.as_micros()).unwrap())
}

/// Files in a folder, at any depth.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[track_caller]
fn holds_nothing_of(folder: &Path, secrets: &[&str]) {
    for path in files(folder) {
        // sockets cannot be read
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in {}", path.display());
        }
    }
}

#[test]
fn a_leaked_password_is_refused_when_it_is_set_and_opens_no_session_later_and_nobody_is_locked_out() {
    let site = Installation::new();
    site.ok(&["org", "add", "Clinic", "--password-and-code"]);
    let officer =
        ["person", "add", "officer@clinic.example", "--name", "O", "--role", "officer", "--organisation", "Clinic"];
    let officer = site.ok(&[&officer[..], &["--password-and-code"]].concat());
    let officer = Person::enrol(&site, "officer@clinic.example", officer["enrolment"].as_str().unwrap());
    let (email, mut browser) = ("anna@clinic.example", Browser::new(site.http()));
    let mut codes =
        set_password(&mut browser, &add(&site, email), PASSWORD).unwrap_or_else(|refused| panic!("{}", refused.json()));
    let answer = sign_in(&mut browser, email, PASSWORD, &codes.pop().unwrap());
    browser.signed_in(&answer);
    assert_eq!(browser.get("/api/session").status, 200);

    // the list is loaded beside the running site, and holds at once
    let list = site.path("list.txt");
    std::fs::write(&list, format!("{}:3\n{}:1\n", sha1(PASSWORD), sha1("letmein"))).unwrap();
    let loaded = site.ok(&["leaks", "load", &list]);
    assert_eq!((&loaded["name"], &loaded["hashes"], &loaded["resumed"]), (&json!("sha1"), &json!(2), &json!(false)));
    assert_eq!(site.ok(&["leaks", "list", "--verify"])["lists"][0]["hashes"], 2);

    // a sign-in with it is right, and goes on only to choosing another
    let mut other = Browser::new(site.http());
    let wrong = sign_in(&mut other, email, PASSWORD, "000000");
    assert_eq!(wrong.status, 401, "without the code nobody learns anything");
    let answer = sign_in(&mut other, email, PASSWORD, &codes.pop().unwrap());
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert!(answer.header("set-cookie").is_none(), "no session");
    let link = answer.json()["choose_another"].as_str().unwrap().to_owned();
    assert_eq!(browser.get("/api/session").status, 401, "sessions that there were have ended");

    // the same one again is refused with a reason, another one is taken and signs in
    let estimate =
        other.post("/api/enrolment/password/estimate", &json!({ "token": link, "password": PASSWORD })).json();
    assert_eq!((&estimate["accepted"], &estimate["reasons"][0]), (&json!(false), &json!("leaked")));
    let Err(refused) = set_password(&mut other, &link, PASSWORD) else { panic!("a leaked password was set") };
    assert_eq!(refused.status, 400);
    assert!(refused.json().to_string().contains("leaked"), "{}", refused.json());
    // by a further code of the app or list that there is: whoever saw one code sets no password, and is shown no new secret
    let begun = other.post("/api/enrolment/password/begin", &json!({ "token": link, "password": ANOTHER })).json();
    assert_eq!(begun["secret"], "");
    let further = |code: &str| json!({ "token": link, "ceremony": begun["ceremony"], "code": code });
    assert_eq!(other.post("/api/enrolment/password/finish", &further("000000")).status, 400);
    let done = other.post("/api/enrolment/password/finish", &further(&codes.pop().unwrap())).json();
    assert_eq!(done["recovery_codes"], json!([]), "those that there are stay");
    let answer = sign_in(&mut other, email, ANOTHER, &codes.pop().unwrap());
    other.signed_in(&answer);
    assert_eq!(other.get("/api/session").status, 200);

    assert_eq!(entries(&site, "leaked-password-used").len(), 1);
    assert_eq!(entries(&site, "account-locked").len(), 0, "a filter never locks");
    let lists = || entries(&site, "leak-lists-read").pop().map(|entry| entry["lists"].clone());
    wait_until("the ledger says that the list is there", || lists().is_some_and(|lists| lists[0]["hashes"] == 2));
    let listed = officer.get("/api/leaks").json()["lists"][0].clone();
    assert_eq!((&listed["name"], &listed["hash"], &listed["hashes"]), (&json!("sha1"), &json!("sha1"), &json!(2)));
    assert!(listed["since"].is_number() && listed["readable"] == true, "{listed}");
    site.ok(&["leaks", "remove", "sha1"]);
    wait_until("the ledger says that the list is gone", || lists() == Some(json!([])));
}

#[test]
fn a_dump_that_holds_a_password_locks_its_account_opens_an_incident_and_leaves_nothing_of_itself() {
    let mut site = Installation::new();
    site.ok(&["org", "add", "Clinic", "--password-and-code"]);
    let [officer, administrator] = ["officer", "administrator"].map(|role| {
        let (email, by) = (format!("{role}@clinic.example"), ["--organisation", "Clinic", "--password-and-code"]);
        let added = site.ok(&[&["person", "add", &email, "--name", role, "--role", role][..], &by].concat());
        Person::enrol(&site, &email, added["enrolment"].as_str().unwrap())
    });
    let (anna, bert, carl) = ("anna.beispiel@clinic.example", "bert@clinic.example", "carl@clinic.example");
    let mut browsers = Vec::new();
    for email in [anna, bert, carl] {
        let mut browser = Browser::new(site.http());
        let mut codes = set_password(&mut browser, &add(&site, email), PASSWORD)
            .unwrap_or_else(|refused| panic!("{}", refused.json()));
        let answer = sign_in(&mut browser, email, PASSWORD, &codes.pop().unwrap());
        browser.signed_in(&answer);
        browsers.push((browser, codes));
    }

    let dump = site.path("dump.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&dump).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("logs/passwords.txt", options).unwrap();
    for number in 0..20_000 {
        writeln!(zip, "https://shop{number}.example/:somebody{number}@mail.example:{CANARY}{number}").unwrap();
    }
    // malware took one of them; another has a namesake, whose password is another
    writeln!(zip, "https://images.clinic.example:8443/:ANNA.Beispiel@clinic.example:{PASSWORD}\r").unwrap();
    writeln!(zip, "anna.beispiel@clinic.example;{CANARY}-older").unwrap();
    writeln!(zip, "bert@mail.example:{CANARY}-bert").unwrap();
    zip.finish().unwrap();

    let letters = site.path("letters");
    let checked = site.ok(&["leaks", "check", &dump, "--letters", &letters]);
    assert_eq!((&checked["lines"], &checked["whole"]), (&json!(20_003), &json!(true)));
    let (verified, named) = (checked["verified"].as_array().unwrap(), checked["named"].as_array().unwrap());
    assert_eq!(verified.len(), 1, "{checked}");
    assert_eq!((&verified[0]["email"], &verified[0]["incident"]), (&json!(anna), &json!(1)));
    assert_eq!(verified[0]["reachable"]["patients"], 0, "its exposure is there");
    assert_eq!(named.len(), 1, "{checked}");
    assert_eq!((&named[0]["email"], &named[0]["by_name"], &named[0]["tried"]), (&json!(bert), &json!(true), &json!(1)));

    // locked: the session is over, and password and code open nothing any more
    let [(first, codes), (second, _), (third, _)] = &mut browsers[..] else { panic!("three") };
    assert_eq!(first.get("/api/session").status, 401);
    let mut elsewhere = Browser::new(site.http());
    assert_eq!(sign_in(&mut elsewhere, anna, PASSWORD, &codes.pop().unwrap()).status, 401);
    // whoever is only named, and whoever is not, works on
    assert_eq!((second.get("/api/session").status, third.get("/api/session").status), (200, 200));
    let people = site.ok(&["person", "list"]);
    let row = people.as_array().unwrap().iter().find(|row| row["email"] == anna).unwrap();
    assert!(row["locked"].is_number() && row["password"] == false, "{row}");

    // the incident has the exposure, and says that the person is to be told by another way
    let incident = site.ok(&["incident", "show", "1"]);
    assert_eq!(incident["row"]["about"], json!([format!("person:{anna}")]));
    let steps: Vec<(&str, &str)> = incident["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["what"].as_str().unwrap(), step["text"].as_str().unwrap()))
        .collect();
    assert_eq!(steps.iter().map(|(what, _)| *what).collect::<Vec<_>>(), ["opened", "noted", "report"]);
    assert!(steps[1].1.contains("never by e-mail") && steps[1].1.contains(anna), "{}", steps[1].1);
    let findings = site.ok(&["findings", "list"]);
    let sentence = findings[0]["sentence"].as_str().unwrap();
    assert!(sentence.contains("same name before the @ as bert@clinic.example"), "{sentence}");
    assert_eq!(entries(&site, "account-locked").len(), 1);
    let letter = std::fs::read_to_string(files(Path::new(&letters)).pop().unwrap()).unwrap();
    assert!(letter.contains(anna) && letter.contains("gesperrt"), "{letter}");

    // the officer's page says the same, and an administrator does not have it
    let page = officer.get("/api/leaks").json();
    let locked = &page["locked"][0];
    assert_eq!(
        (&locked["email"], &locked["incident"], &locked["locked"]),
        (&json!(anna), &json!(1), &json!(true)),
        "{page}"
    );
    let row = &page["named"][0];
    assert_eq!((&row["email"], &row["by_name"], &row["tried"]), (&json!(bert), &json!(true), &json!(1)), "{page}");
    assert!(!page.to_string().contains(CANARY), "{page}");
    assert_eq!(administrator.get("/api/leaks").status, 403);

    // nothing of the dump stands anywhere: not in DIR, not in the log, not in a letter
    std::fs::remove_file(&dump).unwrap();
    holds_nothing_of(site.folder.path(), &[CANARY, PASSWORD]);

    // the lock holds over a restart, and ends with a link that is handed over
    site.kill();
    site.start();
    let mut elsewhere = Browser::new(site.http());
    assert_eq!(sign_in(&mut elsewhere, anna, PASSWORD, &codes.pop().unwrap()).status, 401);
    let link = token(&site.ok(&["person", "enrol", anna]));
    let mut codes = set_password(&mut elsewhere, &link, ANOTHER).unwrap_or_else(|refused| panic!("{}", refused.json()));
    let answer = sign_in(&mut elsewhere, anna, ANOTHER, &codes.pop().unwrap());
    elsewhere.signed_in(&answer);
    assert_eq!(elsewhere.get("/api/session").status, 200);
    // the same dump once more locks nobody
    let (text, again) = (format!("{anna}:{PASSWORD}\n{carl}:{CANARY}\n"), ["leaks", "check", "-", "--format", "json"]);
    let output = site.run_with_input(&again, &text);
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((checked["verified"].as_array().unwrap().len(), checked["named"].as_array().unwrap().len()), (0, 2));
}

#[test]
fn a_token_of_a_device_in_a_log_is_found_and_ended_and_the_device_is_given_another() {
    let site = Installation::new();
    site.ok(&["org", "add", "Clinic"]);
    let add = ["device", "add", "viewer", "--organisation", "Clinic", "--may", "list", "--token"];
    let added = site.ok(&[&add[..], &["--token-until", "20d"]].concat());
    let token = added["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("lgd_") && token.len() == 53 && added["token_until"].is_string(), "{added}");
    let lists = |token: &str| crate::client::get(site.http(), token, "/dicom-web/studies").status;
    assert!(lists(&token) < 300);
    let doctor = String::from_utf8(site.run(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("the token of viewer ends"), "{doctor}");

    let log = format!("GET /dicom-web/studies 200\n> Authorization: Bearer {token}\nlgd_{}\n", "x".repeat(49));
    let output = site.run_with_input(&["leaks", "check", "-", "--format", "json"], &log);
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!((&checked["tokens"][0]["name"], &checked["tokens"][0]["incident"]), (&json!("viewer"), &json!(1)));
    assert_eq!(checked["tokens"].as_array().unwrap().len(), 1);
    assert_eq!(lists(&token), 401);
    assert_eq!(site.ok(&["incident", "show", "1"])["row"]["about"], json!(["device:viewer"]));
    let rotated = site.ok(&["device", "rotate", "viewer"]);
    assert!(rotated["before_until"].is_null(), "{rotated}");
    assert!(lists(rotated["token"].as_str().unwrap()) < 300);
    let doctor = String::from_utf8(site.run(&["doctor"]).stdout).unwrap();
    assert!(!doctor.contains("the token of viewer"), "{doctor}");
    holds_nothing_of(site.folder.path(), &[&token, rotated["token"].as_str().unwrap()]);

    // the networks of the site, by the same machinery as other rules
    site.ok(&["network", "add", "Berlin", "10.1.0.0/16", "--at", "52.52,13.40"]);
    site.ok(&["network", "add", "VPN", "10.9.0.0/16"]);
    site.ok(&["network", "remove", "vpn"]);
    let networks = site.ok(&["network", "list"]);
    assert_eq!(networks["networks"].as_array().unwrap().len(), 1, "{networks}");
    assert_eq!(networks["networks"][0]["at"], json!({ "latitude": 5252, "longitude": 1340 }));
    let places = site.path("places.csv");
    std::fs::write(&places, "198.51.100.0/24,52.52,13.40\n").unwrap();
    assert_eq!(site.ok(&["network", "places", &places])["places"], 1);
    std::fs::write(&places, "198.51.100.0/24,Berlin\n").unwrap();
    let refused = site.run(&["network", "places", &places]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("line 1") && said.contains("hint: give CSV"), "{said}");
    assert_eq!(site.ok(&["network", "places", "--none"])["places"], 0);
}

#[test]
fn a_load_that_is_killed_goes_on_and_comes_to_the_same_list() {
    let site = Installation::stopped();
    let mut text = String::new();
    let mut number = 1_u64;
    for _ in 0..300_000 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:016X}{number:024X}:1\n", number ^ (number << 29)));
    }
    let list = site.path("list.txt");
    std::fs::write(&list, text).unwrap();
    let mut load = site.command(&["leaks", "load", &list]).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let folder = site.dir().join("warden/leaks");
    let state = folder.join("sha1.loading/state.json");
    let written = || {
        let state = std::fs::read(&state).unwrap_or_default();
        let state = serde_json::from_slice::<Value>(&state).unwrap_or_default();
        state["shards"].as_array().map_or(0, Vec::len)
    };
    while written() == 0 {
        assert!(load.try_wait().unwrap().is_none(), "it ended before a shard was written");
        std::thread::yield_now();
    }
    load.kill().unwrap();
    assert!(!load.wait().unwrap().success(), "it was killed in the middle");
    assert!(!folder.join("sha1.leaks").exists() && state.exists());
    assert_eq!(site.ok(&["leaks", "list"])["lists"], json!([]), "half a list is none");

    let loaded = site.ok(&["leaks", "load", &list]);
    assert_eq!(loaded["resumed"], true, "{loaded}");
    assert!(!folder.join("sha1.loading").exists());
    site.ok(&["leaks", "load", &list, "--name", "whole"]);
    let [gone_on, whole] = ["sha1", "whole"].map(|name| std::fs::read(folder.join(format!("{name}.leaks"))).unwrap());
    assert!(gone_on == whole, "byte for byte");
    assert_eq!(site.ok(&["leaks", "list", "--verify"])["lists"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_list_and_no_dump_is_refused_with_what_to_do() {
    let site = Installation::stopped();
    let file = site.path("combo.txt");
    std::fs::write(&file, format!("anna@clinic.example:{CANARY}\n")).unwrap();
    let said = site.refused(1, &["leaks", "load", &file]);
    assert!(said.contains("leaks check") && !said.contains(CANARY), "{said}");
    let list = site.path("list.txt");
    std::fs::write(&list, format!("{}:1\nanna@clinic.example:{CANARY}\n", sha1("x"))).unwrap();
    let said = site.refused(1, &["leaks", "load", &list]);
    assert!(said.contains("line 2") && !said.contains(CANARY), "{said}");
    let said = site.refused(1, &["leaks", "load", &site.path("nowhere")]);
    assert!(said.contains("is not there"), "{said}");
    std::fs::write(&list, format!("{}:1\n", sha1("x"))).unwrap();
    assert!(site.refused(1, &["leaks", "load", &list, "--name", "../x"]).contains("--name"));
    assert!(site.refused(1, &["leaks", "remove", "../root"]).contains("no list"));
    assert!(site.refused(1, &["leaks", "check", &file]).contains("leadglass serve"), "the warden has to run");
}
