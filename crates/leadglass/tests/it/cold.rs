//! Cold studies as people use them: holders' files, a refusal that says what to do, approvals here and elsewhere, orders at night.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use phantom::{ct_instance, uid};

use crate::client::{get, instance};
use crate::installation::{Installation, kill, store, wait_until};
use crate::persons::Person;

const HOLDER_PASSPHRASE: &str = "nine calm rivers of copper";

#[allow(clippy::disallowed_methods, reason = "a test puts a file where it should not be")]
fn write(path: &str, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Makes a holder's file sealed by a passphrase; its path.
pub fn holder(site: &Installation, name: &str) -> String {
    let path = site.path(&format!("{name}.holder"));
    let made = site
        .run_with_input(&["cold", "holder", "new", name, "--out", &path, "--passphrase-file", "-"], HOLDER_PASSPHRASE);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    path
}

/// A holder shows their key; the program's words.
pub fn prove(site: &Installation, file: &str) -> String {
    let arguments = ["cold", "holder", "prove", "--share-file", file, "--passphrase-file", "-"];
    // words on paper are sealed by nothing
    let count = if file.ends_with(".words") { arguments.len() - 2 } else { arguments.len() };
    let proved = site.run_with_input(&arguments[..count], HOLDER_PASSPHRASE);
    assert!(proved.status.success(), "{}", String::from_utf8_lossy(&proved.stderr));
    String::from_utf8(proved.stdout).unwrap()
}

/// What `doctor` says of holders' proofs, whether it is well, and what to do.
fn proofs(site: &Installation) -> (String, bool, String) {
    let said = site.run(&["doctor", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let findings = said["findings"].as_array().unwrap();
    let mut of_proofs = findings.iter().filter(|one| one["what"].as_str().unwrap().contains("shown their key"));
    let one = of_proofs.next().unwrap_or_else(|| panic!("doctor says nothing of it: {said}"));
    (one["what"].as_str().unwrap().to_owned(), one["holds"] == true, one["hint"].to_string())
}

fn approve(site: &Installation, request: &str, file: &str) -> serde_json::Value {
    let arguments = ["cold", "approve", request, "--share-file", file, "--passphrase-file", "-", "--format", "json"];
    let output = site.run_with_input(&arguments, HOLDER_PASSPHRASE);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn image(site: &Installation, token: &str, patient: u32) -> u16 {
    let (study, series) = (uid(&[9, patient, 1]), uid(&[9, patient, 1, 1]));
    instance(site.http(), token, &study, &series, &uid(&[9, patient, 1, 1, patient])).status
}

/// Three patients, one study each, all cold; two of two holders, one of them on paper.
fn cold_site() -> (Installation, String, String, String) {
    let site = Installation::new();
    let token = site.with_devices();
    let files = (1..=3).map(|patient| ct_instance(patient, 1, 1, patient, 32, 32)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    assert_eq!(site.ok(&["cold", "state"])["generation"], 0);
    assert_eq!(site.ok(&["cold", "sweep"])["studies"], 0, "without holders nothing goes cold");
    let (anna, words) = (holder(&site, "anna"), site.path("bela.words"));
    let id = site.ok(&["cold", "holder", "new", "bela", "--out", &words])["id"].as_str().unwrap().to_owned();
    let [anna_pub, words_pub] = [format!("{anna}.pub"), format!("{words}.pub")];
    let named = site.run(&["cold", "init", "--threshold", "2", "--holder", &anna_pub, "--holder", &words_pub]);
    let named = String::from_utf8(named.stdout).unwrap();
    assert!(named.contains("leadglass cold holder prove --share-file"), "the next step: {named}");
    site.ok(&["cold", "rule", "--after", "0s"]);
    // a key that nobody has would lose what is closed to it
    for (file, missing) in [(&anna, "anna, bela"), (&words, "bela")] {
        assert_eq!(site.ok(&["cold", "sweep"])["studies"], 0);
        let state = String::from_utf8(site.run(&["cold", "state"]).stdout).unwrap();
        assert!(state.contains(&format!("`leadglass cold holder prove`: {missing}.")), "{state}");
        let (what, holds, hint) = proofs(&site);
        assert!(
            what.ends_with(&format!(": {missing}")) && !holds && hint.contains("cold holder prove"),
            "{what} {hint}"
        );
        let said = prove(&site, file);
        assert_eq!(said.contains(&id), file.ends_with(".words"), "it says its key id: {said}");
    }
    assert!(proofs(&site).1);
    assert_eq!(site.ok(&["cold", "state"])["takes"], true);
    assert_eq!(site.ok(&["cold", "sweep"])["studies"], 3);
    (site, token, anna, words)
}

#[test]
fn a_cold_study_says_so_is_asked_for_and_opens_once_the_holders_have_agreed() {
    let (site, token, anna, words) = cold_site();
    let rows = get(site.http(), &token, "/dicom-web/studies").json();
    assert!(rows.as_array().unwrap().iter().all(|row| row["00080056"]["Value"][0] == "OFFLINE"), "{rows}");
    assert_eq!(image(&site, &token, 1), 409);
    let refused = get(site.http(), &token, &format!("/dicom-web/studies/{}/metadata", uid(&[9, 1, 1])));
    assert_eq!(refused.status, 409);
    assert!(refused.json()["error"].as_str().unwrap().contains("cold"), "{}", refused.json());
    assert_eq!(get(site.http(), &token, "/dicom-web/studies/1.2.3.4/metadata").status, 404);

    let study = format!("study:{}", uid(&[9, 1, 1]));
    let asked = site.ok(&["cold", "ask", &study, "--reason", "comparison", "--until", "8h"]);
    let request = asked["request"].to_string();
    assert_eq!(approve(&site, &request, &anna)["missing"], 1);
    // the other holder is elsewhere, with words on paper and the site's public key
    let (to_go, to_come) = (site.path("request.json"), site.path("approval.json"));
    site.ok(&["cold", "show", &request, "--holder", &format!("{words}.pub"), "--out", &to_go]);
    let elsewhere = Installation::empty();
    let vkey = site.dir().join("ledger/site.vkey").to_string_lossy().into_owned();
    elsewhere.ok(&[
        "cold",
        "approve",
        "--request-file",
        &to_go,
        "--share-file",
        &words,
        "--site-key",
        &vkey,
        "--out",
        &to_come,
    ]);
    assert_eq!(site.ok(&["cold", "submit", &to_come])["warmed"], 1);
    assert_eq!(image(&site, &token, 1), 200);
    assert_eq!(image(&site, &token, 2), 409, "another patient stays cold");
    assert!(site.refused(1, &["cold", "submit", &to_come]).contains("hint:"));

    // a request that somebody changed on its way is refused by the holder
    let next = site.ok(&["cold", "ask", &format!("study:{}", uid(&[9, 2, 1])), "--reason", "x"])["request"].to_string();
    let (honest, forged) = (site.path("honest.json"), site.path("forged.json"));
    site.ok(&["cold", "show", &next, "--holder", &format!("{words}.pub"), "--out", &honest]);
    let changed = std::fs::read_to_string(&honest).unwrap().replace("\\\"studies\\\":1", "\\\"studies\\\":9");
    write(&forged, &changed);
    let out = site.path("never.json");
    let arguments =
        ["cold", "approve", "--request-file", &forged, "--share-file", &words, "--site-key", &vkey, "--out", &out];
    assert!(elsewhere.refused(1, &arguments).contains("not signed"));
}

#[test]
fn an_order_at_night_is_answered_by_the_service_within_its_budget_and_nothing_else_is() {
    let (site, token, anna, _) = cold_site();
    let service = holder(&site, "service");
    let [anna_pub, service_pub] = [format!("{anna}.pub"), format!("{service}.pub")];
    // what is cold already stays with its own holders: warm it once, and it goes cold with the new ones
    site.ok(&["cold", "init", "--threshold", "1", "--holder", &anna_pub, "--service", &service_pub]);
    for file in [&anna, &service] {
        prove(&site, file);
    }
    let files = (4..=6).map(|patient| ct_instance(patient, 1, 1, patient, 32, 32)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    assert_eq!(site.ok(&["cold", "sweep"])["studies"], 3);

    let log = site.path("released");
    // torn by a crash: what follows is counted all the same
    write(&log, "{\"at\":17");
    let socket = site.dir().join("run/holder.sock").to_string_lossy().into_owned();
    let mut program = site
        .command(&["cold", "holder", "serve", "--socket", &socket, "--share-file", &service, "--passphrase-file", "-"])
        .args(["--per-day", "1", "--log", &log])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(format!("{HOLDER_PASSPHRASE}\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("\"ready\":true"), "{line}");

    let asked = site.ok(&["cold", "ask", &format!("study:{}", uid(&[9, 4, 1])), "--reason", "curious"]);
    site.ok(&["org", "add", "Praxis"]);
    // the first one is still with holders of before: it keeps no other waiting
    for patient in ["patient:DEMO/M00000001", "patient:DEMO/M00000005", "patient:DEMO/M00000006"] {
        site.ok(&["relate", "org:Praxis", patient, "--until", "30d", "--basis", "order 7"]);
    }
    wait_until("the priors of the first order are warm", || image(&site, &token, 5) == 200);
    assert_eq!(image(&site, &token, 4), 409, "a request that is no order waits for people");
    let waiting = site.ok(&["cold", "requests"]);
    let numbers: Vec<u64> = waiting.as_array().unwrap().iter().map(|row| row["request"].as_u64().unwrap()).collect();
    assert!(numbers.contains(&asked["request"].as_u64().unwrap()));
    assert_eq!(numbers.len(), 3, "the last order is beyond the program's budget: {waiting}");
    let lines = std::fs::read_to_string(&log).unwrap();
    let released: Vec<serde_json::Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(released.len(), 1, "{lines}");
    assert_eq!(released[0]["released"].as_array().unwrap().len(), 1, "it says which study: {lines}");
    kill(program.id(), "TERM");
    assert!(program.wait().unwrap().success());
}

#[test]
fn an_emergency_share_warms_one_patient_alone_for_hours_and_officer_and_patient_read_of_it() {
    let site = Installation::new();
    let token = site.with_devices();
    // the first patient has two studies
    let images = [(1, 1), (1, 2), (2, 1), (3, 1)];
    let files = images.iter().map(|(patient, study)| ct_instance(*patient, *study, 1, *patient, 32, 32)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    let status = |patient: u32, study: u32| {
        let (series, image) = (uid(&[9, patient, study, 1]), uid(&[9, patient, study, 1, patient]));
        instance(site.http(), &token, &uid(&[9, patient, study]), &series, &image).status
    };
    let [anna, bela, duty] = ["anna", "bela", "duty"].map(|name| holder(&site, name));
    let [anna_pub, bela_pub, duty_pub] = [&anna, &bela, &duty].map(|file| format!("{file}.pub"));
    let init = ["cold", "init", "--threshold", "2", "--holder", &anna_pub, "--holder", &bela_pub];
    site.ok(&[&init[..], &["--emergency", &duty_pub]].concat());
    for file in [&anna, &bela, &duty] {
        assert_eq!(site.ok(&["cold", "sweep"])["studies"], 0, "not to a key that nobody has shown");
        prove(&site, file);
    }
    site.ok(&["cold", "rule", "--after", "0s", "--emergency-per-day", "1"]);
    assert_eq!(site.ok(&["cold", "sweep"])["studies"], 4);
    assert!(images.iter().all(|(patient, study)| status(*patient, *study) == 409));

    // at night: one holder of two is not enough, whoever is on call is
    let ask = |patient: &str| {
        let asked =
            site.ok(&["cold", "ask", patient, "--reason", "bleeding, priors needed", "--until", "4h", "--emergency"]);
        (asked["request"].as_u64().unwrap(), asked["studies"].as_u64().unwrap())
    };
    let (request, studies) = ask("patient:DEMO/M00000001");
    assert_eq!(studies, 2);
    let one_of_two = approve(&site, &request.to_string(), &anna);
    assert_eq!((&one_of_two["warmed"], &one_of_two["missing"]), (&0.into(), &1.into()));
    assert_eq!(status(1, 1), 409);
    let alone = approve(&site, &request.to_string(), &duty);
    assert_eq!((&alone["warmed"], &alone["missing"]), (&2.into(), &0.into()), "{alone}");
    assert_eq!(images.map(|(patient, study)| status(patient, study)), [200, 200, 409, 409], "one patient, no other");

    // the ledger tells who asked, who answered, and that one holder alone was enough, until when
    let key = site.ok(&["cold", "state"])["holders"].as_array().unwrap().clone();
    let key = key.iter().find(|one| one["name"] == "duty").unwrap()["key"].clone();
    let asked = site.entries_of("warming-requested");
    assert_eq!((&asked[0]["basis"], &asked[0]["patient"]), (&"emergency".into(), &0.into()), "{asked:?}");
    let approved = site.entries_of("warming-approved");
    let of_request = approved.iter().filter(|entry| entry["request"] == request);
    assert_eq!(of_request.map(|entry| entry["holder"] == key).collect::<Vec<_>>(), [false, true], "{approved:?}");
    let warmed = site.entries_of("warmed");
    assert_eq!(warmed.len(), 1, "{warmed:?}");
    assert_eq!((&warmed[0]["request"], &warmed[0]["emergency"]), (&request.into(), &true.into()));
    assert_eq!(warmed[0]["by"], serde_json::json!([key]));
    let hours = (warmed[0]["until"].as_i64().unwrap() - warmed[0]["recorded"].as_i64().unwrap()) as f64 / 3.6e9;
    assert!((0.0..=4.0).contains(&hours), "{hours} hours");

    // the officer finds it, and the patient reads who asked, why, and who alone held the key
    let found = site.ok(&["findings", "list"]);
    let [found] = found.as_array().unwrap().as_slice() else { panic!("{found}") };
    let sentence = found["sentence"].as_str().unwrap();
    println!("{sentence}");
    assert!(sentence.contains("the owner of the machine asked for it"), "{sentence}");
    assert!(found["acknowledged"].is_null(), "it waits for the officer: {found}");
    site.ok(&["org", "add", "Patients", "--password-and-code"]);
    let told = |email: &str, record: &str| {
        let add = ["person", "add", email, "--name", "Somebody", "--role", "patient", "--organisation", "Patients"];
        let link = site.ok(&[&add[..], &["--record", record]].concat())["enrolment"].as_str().unwrap().to_owned();
        let rows = Person::enrol(&site, email, &link).get("/api/my/accesses").json()["rows"].clone();
        rows.as_array().unwrap().iter().filter(|row| row["warmed_by"].is_string()).cloned().collect::<Vec<_>>()
    };
    let rows = told("one@x.example", "DEMO/M00000001");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["warmed_by"], &rows[0]["basis"]), (&"duty".into(), &"bleeding, priors needed".into()));
    assert_eq!(told("two@x.example", "DEMO/M00000002"), Vec::<serde_json::Value>::new());

    // one patient a night was the rule: the next one needs the others
    let (next, _) = ask("patient:DEMO/M00000002");
    let arguments = ["cold", "approve", &next.to_string(), "--share-file", &duty, "--passphrase-file", "-"];
    let refused = site.run_with_input(&arguments, HOLDER_PASSPHRASE);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("hint:"), "{said}");
    assert_eq!(status(2, 1), 409);
    assert_eq!(approve(&site, &next.to_string(), &anna)["missing"], 1);
    assert_eq!(approve(&site, &next.to_string(), &bela)["warmed"], 1);
    assert_eq!(status(2, 1), 200);
    assert_eq!(site.entries_of("warmed").last().unwrap()["emergency"], false);
    assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
}

#[test]
fn the_holders_socket_answers_no_owner_and_no_reader() {
    let (site, ..) = cold_site();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = protocol::connect(&site.dir().join("run/holder.sock")).await.unwrap();
        let soon = || {
            let mut soon = protocol::context::current();
            soon.deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
            soon
        };
        use protocol::{ColdAsk, Credential, PageReply, PageRequest, Refusal};
        for request in [PageRequest::People, PageRequest::Cold(ColdAsk::Rotate), PageRequest::Cold(ColdAsk::Sweep)] {
            let answer = client.ask(soon(), Credential::Owner, request).await.unwrap();
            assert_eq!(answer.err(), Some(Refusal::NotAllowed));
        }
        assert_eq!(client.handover(soon(), Vec::new()).await.unwrap().err(), Some(Refusal::NotAllowed));
        let requests = client.ask(soon(), Credential::Owner, PageRequest::Cold(ColdAsk::Requests)).await.unwrap();
        assert!(matches!(requests, Ok(PageReply::Cold(_))));
    });
}

#[test]
fn a_shredded_patient_is_gone_and_the_certificate_says_what_a_vault_may_still_hold() {
    let site = Installation::new();
    let token = site.with_devices();
    let files = (1..=2).map(|patient| ct_instance(patient, 1, 1, patient, 32, 32)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    assert!(site.refused(2, &["shred"]).contains("required"));
    assert!(site.refused(1, &["shred", "patient:DEMO/NOBODY", "--reason", "x"]).contains("hint:"));
    let shredded = site.ok(&["shred", "patient:DEMO/M00000001", "--reason", "erasure asked for"]);
    let certificate = &shredded["certificates"][0];
    assert!(certificate["destroyed"].is_string() && certificate["out_of_vaults"].is_null(), "{shredded}");
    assert_eq!(image(&site, &token, 1), 404);
    assert_eq!(image(&site, &token, 2), 200);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").json().as_array().unwrap().len(), 1);
    let entry = certificate["entry"].to_string();
    let again = site.ok(&["shred", "--certificate", &entry]);
    assert_eq!(again["certificates"][0]["snapshots_needed"], 8);
    assert_eq!(site.ok(&["rotate"])["keys"], 1);
    assert_eq!(image(&site, &token, 2), 200);
}

#[test]
fn a_certificate_counts_the_window_that_vaults_have() {
    assert_eq!(warden::VAULT_WINDOW_SNAPSHOTS, replica::GENERATIONS_KEPT);
}

#[test]
fn holders_are_exchanged_and_the_former_ones_open_nothing_any_more() {
    let (site, token, anna, words) = cold_site();
    let [dora, emil] = ["dora", "emil"].map(|name| holder(&site, name));
    let [dora_pub, emil_pub] = [format!("{dora}.pub"), format!("{emil}.pub")];
    let hand_over = |file: &str, socket: &[&str]| {
        let sealed = file == words;
        let mut arguments = vec!["cold", "holder", "hand-over", "--share-file", file, "--format", "json"];
        arguments.extend_from_slice(socket);
        let set = site.ok(&["cold", "state"])["exchange"]["set"].as_str().unwrap_or("none").to_owned();
        arguments.extend_from_slice(&["--to", &set]);
        arguments.extend_from_slice(if sealed { &[] } else { &["--passphrase-file", "-"] });
        let output = site.run_with_input(&arguments, HOLDER_PASSPHRASE);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).map_err(|_| text)
    };
    let nobody = hand_over(&anna, &[]).unwrap_err();
    assert!(nobody.contains("\"hint\":\"") && nobody.contains("holder replace"), "nobody exchanges holders: {nobody}");
    let named = ["cold", "holder", "replace", "--threshold", "2", "--holder", &dora_pub, "--holder", &emil_pub];
    let replaced = site.ok(&named);
    assert_eq!(site.ok(&["cold", "state"])["unproven"], serde_json::json!(["dora", "emil"]));
    assert_eq!((&replaced["generation"], &replaced["behind"]), (&2.into(), &3.into()), "{replaced}");
    // nothing leaves for a key that nobody has, nor without the holder's word to whom
    let early = hand_over(&anna, &[]).unwrap_err();
    assert!(early.contains("cold holder prove") && early.contains("dora, emil"), "{early}");
    // whose key the site was never given is told whom to tell
    let frank = holder(&site, "frank");
    let arguments = ["cold", "holder", "prove", "--share-file", &frank, "--passphrase-file", "-"];
    let stranger = site.run_with_input(&arguments, HOLDER_PASSPHRASE);
    let text = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(!stranger.status.success() && text.contains("tell the officer: the site was given another key"), "{text}");
    for file in [&dora, &emil] {
        prove(&site, file);
    }
    assert_eq!(site.ok(&["cold", "state"])["unproven"], serde_json::json!([]));
    let blind = ["cold", "holder", "hand-over", "--share-file", &anna, "--passphrase-file", "-"];
    let refused = site.run_with_input(&blind, HOLDER_PASSPHRASE);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--to"));
    let other = "ab".repeat(32);
    let mut elsewhere = blind.to_vec();
    elsewhere.extend_from_slice(&["--to", &other]);
    let refused = site.run_with_input(&elsewhere, HOLDER_PASSPHRASE);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("others than --to"));
    assert_eq!(site.ok(&["cold", "state"])["exchange"]["waiting"], serde_json::json!([]), "nothing left");
    let first = hand_over(&anna, &[]).unwrap();
    assert_eq!((&first["handed_over"], &first["waiting"], &first["behind"]), (&3.into(), &3.into(), &3.into()));
    let state = site.ok(&["cold", "state"]);
    assert_eq!((&state["behind"], &state["exchange"]["waiting"]), (&3.into(), &serde_json::json!(["anna"])), "{state}");
    // the other one is elsewhere, over the socket that carries nothing else
    let socket = site.dir().join("run/holder.sock").to_string_lossy().into_owned();
    let second = hand_over(&words, &["--socket", &socket]).unwrap();
    assert_eq!((&second["reclosed"], &second["behind"]), (&3.into(), &0.into()), "{second}");
    assert_eq!(site.ok(&["cold", "state"])["rotation_owed"], false);

    let study = format!("study:{}", uid(&[9, 1, 1]));
    let request = site.ok(&["cold", "ask", &study, "--reason", "comparison"])["request"].to_string();
    let former = ["cold", "approve", &request, "--share-file", &anna, "--passphrase-file", "-"];
    let refused = site.run_with_input(&former, HOLDER_PASSPHRASE);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("hint:"));
    assert_eq!(image(&site, &token, 1), 409);
    assert_eq!(approve(&site, &request, &dora)["missing"], 1);
    assert_eq!(approve(&site, &request, &emil)["warmed"], 1);
    assert_eq!(image(&site, &token, 1), 200);
}
