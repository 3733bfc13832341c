//! What a user types: forms, exit codes, refusals.

use serde_json::Value;

use crate::client::{ask, get};
use crate::installation::{Installation, PASSPHRASE};

#[test]
fn a_wrong_usage_ends_with_2_and_a_failure_with_1() {
    let site = Installation::stopped();
    for arguments in [
        &["nonsense"][..],
        &["init"],
        &["serve"],
        &["relate", "person:a@b.example"],
        &["person", "add", "a@b.example", "--name", "A", "--role", "king", "--organisation", "X"],
        &["device", "add", "X", "--organisation", "X", "--may", "fly"],
        &["exposure", "person:a@b.example", "--format", "xml"],
        &["ledger", "burn"],
        &["session", "end", "all"],
    ] {
        site.refused(2, arguments);
    }
    for arguments in [
        &["person", "list"][..],
        &["import", "/nowhere"],
        &["relate", "person:a@b.example", "site", "--until", "8h", "--basis", "x"],
        &["exposure", "person:a@b.example", "--from", "1h"],
        &["settle"],
    ] {
        let error = site.refused(1, arguments);
        assert!(error.contains("error: "), "{arguments:?}: {error}");
        assert!(error.contains("is not running") && error.contains("hint: start it"), "{arguments:?}: {error}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    let site = Installation::stopped();
    for command in [
        &["demo"][..],
        &["init"],
        &["serve"],
        &["import"],
        &["settle"],
        &["org", "add"],
        &["person", "add"],
        &["person", "enrol"],
        &["device", "add"],
        &["relate"],
        &["unrelate"],
        &["exposure"],
        &["move"],
        &["findings", "list"],
        &["findings", "acknowledge"],
        &["budget", "show"],
        &["budget", "set"],
        &["budget", "lift"],
        &["honey", "add"],
        &["honey", "list"],
        &["session", "list"],
        &["session", "end"],
        &["ledger", "verify"],
        &["ledger", "checkpoint"],
        &["ledger", "entries"],
        &["vault", "init"],
        &["vault", "sync"],
        &["vault", "verify"],
        &["vault", "restore"],
        &["doctor"],
        &["warden"],
        &["front"],
    ] {
        let output = site.run(&[command, &["--help"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("Example: leadglass"), "{command:?}: {text}");
    }
}

#[test]
fn init_refuses_what_would_not_protect() {
    let site = Installation::stopped();
    let error = site.refused(1, &["init", "--site", "X", "--passphrase-file", &site.path("kit")]);
    assert!(error.contains("is not empty"), "{error}");
    let fresh = |arguments: &[&str], input: &str| {
        let folder = site.path("fresh");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_leadglass"))
            .args(arguments)
            .args(["--dir", &folder])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .and_then(|mut child| {
                use std::io::Write;
                child.stdin.take().unwrap().write_all(input.as_bytes())?;
                child.wait_with_output()
            })
            .unwrap();
        assert!(!std::path::Path::new(&folder).exists() || output.status.success(), "nothing is left behind");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let init = ["init", "--site", "X", "--passphrase-file", "-"];
    let (code, error) = fresh(&init, "short\nno kit\n");
    assert!(code == Some(1), "{error}");
    let (code, error) = fresh(&init, "\n");
    assert!(code == Some(1) && error.contains("the passphrase is empty"), "{error}");
    let (code, error) = fresh(&init, &format!("{PASSPHRASE}\nthis is no kit\nneither\nnor this\n"));
    assert!(code == Some(1) && error.contains("was not typed back"), "{error}");
    let (code, error) =
        fresh(&[&init[..], &["--recovery-kit", &site.path("kit")]].concat(), &format!("{PASSPHRASE}\n"));
    assert!(code == Some(1) && error.contains("exists already"), "{error}");
}

#[test]
fn the_kit_printed_by_init_is_accepted_when_it_is_typed_back() {
    use std::io::{BufRead, BufReader, Write};
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_leadglass"))
        .args(["init", "--site", "X", "--passphrase-file", "-", "--dir"])
        .arg(folder.path().join("data"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(format!("{PASSPHRASE}\n").as_bytes()).unwrap();
    let mut kit = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
        if line.starts_with("    ") {
            kit.push_str(line.trim());
            kit.push(' ');
        }
        if line.starts_with("Type it back") {
            // as somebody types it: lower case, no hyphens
            input.write_all(format!("{}\n", kit.to_lowercase().replace('-', "")).as_bytes()).unwrap();
        }
    }
    assert!(child.wait().unwrap().success());
    assert!(folder.path().join("data/warden/root.json").exists());
}

#[test]
fn a_wrong_passphrase_opens_nothing_and_says_what_to_do() {
    let site = Installation::stopped();
    let output = site.run_with_input(
        &["serve", "--plain-http", "--http", "127.0.0.1:0", "--dicom", "none", "--passphrase-file", "-"],
        "another passphrase altogether",
    );
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("the root stays sealed") && error.contains("hint: "), "{error}");
}

#[test]
fn sigterm_ends_in_order_and_a_start_goes_on() {
    let mut site = Installation::new();
    site.ok(&["org", "add", "Practice"]);
    site.stop();
    site.start();
    let organisations = site.ok(&["org", "list"]);
    assert!(organisations.as_array().unwrap().iter().any(|row| row["name"] == "Practice"));
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
}

#[test]
fn what_is_named_wrongly_is_refused_with_a_sentence() {
    let site = Installation::new();
    site.ok(&["org", "add", "Practice"]);
    for (arguments, says) in [
        (&["org", "add", "Practice"][..], "exists already"),
        (&["org", "add", "practice"], "exists already"),
        (
            &["person", "add", "no-address", "--name", "A", "--role", "referrer", "--organisation", "Practice"],
            "is expected",
        ),
        (
            &["person", "add", "a@b.example", "--name", "A", "--role", "referrer", "--organisation", "Nowhere"],
            "there is no organisation",
        ),
        (
            &["device", "add", "D", "--organisation", "Practice", "--may", "store", "--from", "10.0.0.0/99"],
            "is expected",
        ),
        (&["relate", "person:a@b.example", "site", "--until", "8h", "--basis", "x"], "there is no person"),
        (&["relate", "org:Practice", "study:1.2.3", "--until", "8h", "--basis", "x"], "there is no study"),
        (&["relate", "org:Practice", "patient:12", "--until", "8h", "--basis", "x"], "ISSUER/ID"),
        (&["relate", "org:Practice", "everything", "--until", "8h", "--basis", "x"], "is expected"),
        (&["relate", "org:Practice", "site", "--until", "soon", "--basis", "x"], "is no time"),
        (&["relate", "org:Practice", "site", "--until", "now", "--basis", "x"], "after now"),
        (&["relate", "org:Practice", "site", "--until", "8h", "--basis", ""], "why"),
        (&["unrelate", "org:Practice", "site"], "there is no relationship"),
        (&["exposure", "org:Nowhere", "--from", "1h"], "there is no organisation"),
        (&["move", "abc", "patient:X/1", "--reason", "x"], "no StudyInstanceUID"),
        (&["move", "1.2.3", "patient:X/1", "--reason", "x"], "nothing here"),
    ] {
        let error = site.refused(1, arguments);
        assert!(error.contains(says), "{arguments:?}: {error}");
        let hint = error.lines().find_map(|line| line.strip_prefix("hint: "));
        assert!(hint.is_some_and(|hint| hint.len() > 10), "{arguments:?}: {error}");
    }
}

#[test]
fn the_ledger_verifies_from_its_files_and_continues_an_older_checkpoint() {
    let mut site = Installation::new();
    site.ok(&["org", "add", "Practice"]);
    let checkpoint = site.ok(&["ledger", "checkpoint"]);
    let old = site.path("checkpoint");
    std::fs::write(&old, checkpoint["checkpoint"].as_str().unwrap()).unwrap();
    site.ok(&["org", "add", "Another practice"]);
    // while serving, and stopped
    assert_eq!(site.ok(&["ledger", "verify", "--since", &old])["verified"], true);
    site.stop();
    assert_eq!(site.ok(&["ledger", "verify", "--since", &old])["verified"], true);
    // another site's checkpoint is not ours
    let other = Installation::stopped();
    let stranger = site.path("stranger");
    std::fs::write(&stranger, other.ok(&["ledger", "checkpoint"])["checkpoint"].as_str().unwrap()).unwrap();
    site.refused(1, &["ledger", "verify", "--since", &stranger]);
    // one changed byte in a tile
    let tile = std::fs::read_dir(site.dir().join("ledger/tile/entries")).unwrap().next().unwrap().unwrap().path();
    let tile = if tile.is_dir() { std::fs::read_dir(&tile).unwrap().next().unwrap().unwrap().path() } else { tile };
    let mut permissions = std::fs::metadata(&tile).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(&tile, permissions).unwrap();
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&tile, bytes).unwrap();
    site.refused(1, &["ledger", "verify"]);
}

#[test]
fn a_token_of_nobody_and_no_token_read_nothing() {
    let site = Installation::new();
    let token = site.with_devices();
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").status, 204);
    for bad in ["", "lgd_", "lgd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &token[..token.len() - 1], "x y z"]
    {
        assert_eq!(get(site.http(), bad, "/dicom-web/studies").status, 401, "{bad}");
    }
    assert_eq!(ask(site.http(), "GET", "/dicom-web/studies", &[], &[]).status, 401);
    let log = site.log();
    assert!(!log.contains(&token), "a token is in the log");
}

#[test]
fn while_the_warden_is_down_images_come_in_and_reading_says_that_it_waits() {
    let mut site = Installation::new();
    let token = site.with_devices();
    // once, so that the front knows the device
    assert_eq!(crate::installation::store(site.dicom(), vec![phantom::ct_instance(6, 6, 1, 1, 64, 64)]).unwrap(), [0]);
    site.stop();
    // the front alone, as if the warden had not come back
    let mut front = site
        .command(&["front", "--plain-http", "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(front.stdout.take().unwrap()), &mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let dicom = ready["dicom"].as_str().unwrap().parse().unwrap();
    let http = ready["http"].as_str().unwrap().parse().unwrap();
    let files = (1..4).map(|number| phantom::ct_instance(5, 5, 1, number, 64, 64)).collect();
    assert_eq!(crate::installation::store(dicom, files).unwrap(), [0, 0, 0]);
    let answer = get(http, &token, "/dicom-web/studies");
    assert_eq!(answer.status, 503, "{}", String::from_utf8_lossy(&answer.body));
    assert!(answer.header("retry-after").is_some());
    assert!(answer.json()["error"].as_str().unwrap().contains("waits for the warden"), "{}", answer.json());
    crate::installation::kill(front.id(), "KILL");
    front.wait().unwrap();
    crate::installation::wait_until("the front ended with its parent", || {
        std::os::unix::net::UnixStream::connect(site.dir().join("run/front.sock")).is_err()
    });
    // everything is handed over once the warden is back
    site.start();
    site.ok(&["settle"]);
    let rows = get(site.http(), &token, "/dicom-web/studies?PatientID=M00000005").json();
    assert_eq!(rows[0]["00201208"]["Value"][0], 3);
}

#[test]
fn the_demonstration_leaves_nothing_behind_however_it_ends() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo");
    for signal in ["INT", "TERM", "HUP"] {
        let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_leadglass"))
            .args(["demo", "--machine", "--http", "127.0.0.1:0", "--data", data])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(demo.stdout.take().unwrap()), &mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let folder = std::path::PathBuf::from(ready["dir"].as_str().unwrap());
        assert!(folder.is_dir());
        assert_eq!(ready["people"].as_array().unwrap().len(), 6);
        crate::installation::kill(demo.id(), signal);
        assert!(demo.wait().unwrap().success(), "{signal}");
        assert!(!folder.parent().unwrap().exists(), "{signal} leaves a folder behind");
        for role in ["front", "warden"] {
            let pid = ready["pids"][role].as_u64().unwrap();
            assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{signal} leaves the {role} behind");
        }
        for pid in ready["pids"]["codecs"].as_array().unwrap() {
            assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{signal} leaves a codec worker behind");
        }
    }
}

#[test]
fn the_demonstration_says_in_a_dozen_lines_who_signs_in_with_what() {
    let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_leadglass"))
        .args(["demo", "--http", "127.0.0.1:0", "--data", concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo")])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut said = std::io::BufRead::lines(std::io::BufReader::new(demo.stdout.take().unwrap()));
    let lines: Vec<String> = said.by_ref().take(12).map(Result::unwrap).collect();
    let people: Vec<Vec<&str>> = lines[6..].iter().map(|line| line.split_whitespace().collect()).collect();
    let roles: Vec<&str> = people.iter().map(|person| person[0]).collect();
    assert_eq!(roles, ["patient", "referrer", "radiologist", "technologist", "officer", "administrator"], "{lines:?}");
    for person in &people {
        assert!(person[1].ends_with("@demo.example") && person[2].len() >= 15, "{person:?}");
        assert!(person[3] == "code" && person[4].len() == 6 && person[4].parse::<u32>().is_ok(), "{person:?}");
    }
    // they are written again in place, so none may fill a second line of a terminal
    assert!(lines[6..].iter().all(|line| line.chars().count() <= 80), "{lines:?}");
    let file = lines[4].split_once("the others: ").unwrap().1.trim_end_matches("):");
    let links = std::fs::read_to_string(file).unwrap();
    assert_eq!(links.lines().count(), 6);
    assert!(links.lines().any(|link| link.starts_with("rae@") && link.ends_with(lines[5].trim())), "{links}");
    crate::installation::kill(demo.id(), "TERM");
    assert!(demo.wait().unwrap().success());
    assert_eq!(said.map(Result::unwrap).collect::<Vec<_>>(), [""; 0], "nothing more than a dozen lines");
    assert!(!std::path::Path::new(file).exists(), "the links go with everything else");
}
