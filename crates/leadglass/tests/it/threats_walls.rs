//! The lines of the threat table that walls answer for, against the built program.

use std::net::TcpListener;

use phantom::ct_instance;
use serde_json::Value;

use crate::client::get;
use crate::installation::{Installation, PASSPHRASE, kill, store, wait_until};
use crate::witnesses::{RunningWitness, wait_until_cosigned};

/// What came of each attempt of a role's intruder.
fn tried(site: &Installation, role: &str, port: u16, without_walls: bool) -> Value {
    let port = port.to_string();
    let mut arguments = vec!["wall-test", role, "--port", &port];
    if without_walls {
        arguments.push("--without-walls");
    }
    site.ok(&arguments)
}

#[track_caller]
fn check(outcome: &Value, allowed: &[&str], refused: &[&str]) {
    for what in allowed {
        assert!(outcome["tried"][what].is_null(), "{what}: {}", outcome["tried"][what]);
    }
    for what in refused {
        let error = outcome["tried"][what].as_str();
        println!("{what}: {}", error.unwrap_or_else(|| panic!("{what} was not refused")));
    }
}

const FILES: [&str; 6] = [
    "read /etc/passwd",
    "read another role's file",
    "write into another role's file",
    "list DIR",
    "read another process's memory",
    "read another process's environment",
];

/// What would make the warden's walls wider at its next start, or accept a loss in the owner's name; and the ledger.
const WATCHED: [&str; 2] = ["name a second folder", "change the ledger"];

const CALLS: [&str; 12] = [
    "put a socket in the owner's place",
    "connect to the owner's socket",
    "connect to the warden's socket",
    "listen on a TCP port",
    "send a datagram",
    "connect with the first bytes",
    "listen at a port of the kernel's choice",
    "run a program",
    "start the own program again",
    "signal another process",
    "make a file in memory to run",
    "allow core dumps again",
];

const OWN: [&str; 3] = ["write in the own folder", "remove from the own folder", "start a thread"];

/// The wall around files stands, or the ready line and `doctor` say that it does not.
#[track_caller]
fn files_are_walled_or_said_not_to_be(site: &Installation, outcome: &Value, role: &str, refused: &[&str]) {
    let findings = site.run(&["doctor", "--format", "json"]);
    let findings: Value = serde_json::from_slice(&findings.stdout).unwrap();
    let line = format!("the {role}'s wall around files: ");
    let said = findings["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["what"].as_str().is_some_and(|what| what.starts_with(&line)));
    let said = said.unwrap_or_else(|| panic!("doctor says nothing of the {role}'s files: {findings}"));
    assert_eq!(site.ready["walls"][role]["files"], outcome["standing"]["files"]);
    match outcome["standing"]["files"].as_str().unwrap() {
        "absent" => assert_eq!(said["holds"], false, "doctor must say that the wall is absent"),
        _ => {
            assert_eq!(said["holds"], true, "{said}");
            check(outcome, &[], refused);
        }
    }
}

#[test]
fn remote_code_execution_in_the_front_reaches_no_other_file_no_network_and_no_owner() {
    let site = Installation::new();
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let outcome = tried(&site, "front", port, false);
    assert_eq!(outcome["standing"]["calls"], "stands", "every Linux that this runs on has seccomp");
    check(&outcome, &OWN, &CALLS);
    check(&outcome, &[], &["connect to a TCP port", "connect to another TCP port"]);
    files_are_walled_or_said_not_to_be(
        &site,
        &outcome,
        "front",
        &[&FILES[..], &WATCHED, &["read the sealed root"]].concat(),
    );
    // the same attempts work without the walls, so the refusals above are theirs
    let open = tried(&site, "front", port, true);
    let always = ["allow core dumps again", "read another process's memory", "read another process's environment"];
    let open_ones: Vec<&str> =
        FILES.iter().chain(&CALLS).chain(&WATCHED).filter(|what| !always.contains(*what)).copied().collect();
    check(&open, &open_ones, &[]);
}

#[test]
fn code_in_the_warden_has_no_network_and_reads_nothing_of_the_front() {
    let site = Installation::new();
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let outcome = tried(&site, "warden", somebody.local_addr().unwrap().port(), false);
    check(&outcome, &OWN, &CALLS);
    check(&outcome, &["read the sealed root"], &["connect to a TCP port", "connect to another TCP port"]);
    files_are_walled_or_said_not_to_be(&site, &outcome, "warden", &FILES);
}

#[test]
fn code_in_the_line_reaches_the_other_machine_s_port_and_nothing_else() {
    let site = Installation::new();
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let dials = tried(&site, "line-that-dials", port, false);
    let calls: Vec<&str> = CALLS.into_iter().filter(|what| *what != "listen on a TCP port").collect();
    check(&dials, &["connect to a TCP port"], &calls);
    if dials["standing"]["files"] == "stands" {
        check(&dials, &[], &["connect to another TCP port", "listen on a TCP port", "write in the own folder"]);
        check(&dials, &[], &FILES);
    }
    std::fs::create_dir(site.dir().join("line")).unwrap();
    let listens = tried(&site, "line-that-listens", port, false);
    check(&listens, &[], &[&CALLS[..], &["connect to a TCP port", "connect to another TCP port"]].concat());
}

#[test]
fn code_in_the_courier_reads_the_ledger_reaches_its_witness_and_changes_nothing_that_the_warden_believes() {
    let site = Installation::new();
    let witness = RunningWitness::ours();
    witness.watches(&site);
    wait_until_cosigned(&site);
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let outcome = tried(&site, "courier", somebody.local_addr().unwrap().port(), false);
    assert_eq!(outcome["standing"]["calls"], "stands");
    check(&outcome, &OWN, &CALLS);
    check(&outcome, &["connect to a TCP port", "read the list of second folders"], &[]);
    let pid = site.pid("courier").unwrap();
    let said: Value = serde_json::from_slice(&std::fs::read(site.dir().join("run/courier.walls")).unwrap()).unwrap();
    assert_eq!(said["pid"], pid);
    every_thread_is_filtered(pid);
    if said["walls"]["files"] != "absent" {
        check(&outcome, &[], &[&FILES[..], &WATCHED, &["read the sealed root"]].concat());
    }
    if said["walls"]["files"] == "stands" {
        check(&outcome, &[], &["connect to another TCP port"]);
    }
    let doctor = String::from_utf8(site.run(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("the courier's wall around files: "), "{doctor}");
    // a witness that is added later has another port: the courier begins again and finds it
    let another = RunningWitness::ours();
    another.watches(&site);
    wait_until_cosigned(&site);
    assert_ne!(site.pid("courier").unwrap(), pid, "inside its walls it reaches no port that it did not know");
}

#[test]
fn code_in_whoever_asks_for_ranges_of_leaked_passwords_has_no_file_and_one_port() {
    let site = Installation::new();
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let outcome = tried(&site, "ranges", somebody.local_addr().unwrap().port(), false);
    let calls: Vec<&str> = CALLS.into_iter().filter(|what| *what != "listen on a TCP port").collect();
    check(&outcome, &["connect to a TCP port"], &calls);
    if outcome["standing"]["files"] == "stands" {
        check(&outcome, &[], &["connect to another TCP port", "listen on a TCP port", "write in the own folder"]);
        check(&outcome, &[], &[&FILES[..], &WATCHED, &["read the sealed root"]].concat());
    }
}

#[test]
fn code_in_whoever_reads_a_dump_has_no_other_file_no_network_and_no_owner() {
    let site = Installation::new();
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let outcome = tried(&site, "dump", port, false);
    assert_eq!(outcome["standing"]["calls"], "stands");
    let network = ["connect to a TCP port", "connect to another TCP port"];
    let more =
        ["read the sealed root", "read the list of second folders", "read what was left open", "reserve two gibibytes"];
    check(&outcome, &[], &[&OWN[..], &FILES, &WATCHED, &CALLS, &network, &more].concat());
    let open = tried(&site, "dump", port, true);
    check(&open, &[&OWN[..], &WATCHED, &network, &more, &["connect to the owner's socket"]].concat(), &[]);
}

#[test]
fn code_in_a_codec_worker_opens_no_file_makes_no_socket_and_starts_no_program() {
    let site = Installation::new();
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let outcome = tried(&site, "codecs", port, false);
    assert_eq!(outcome["standing"]["calls"], "stands");
    let network = ["connect to a TCP port", "connect to another TCP port"];
    let more =
        ["read the sealed root", "read the list of second folders", "read what was left open", "reserve two gibibytes"];
    // not a file of its own either, nor a thread; the wall around system calls refuses files on a kernel without Landlock, too
    check(&outcome, &[], &[&OWN[..], &FILES, &WATCHED, &CALLS, &network, &more].concat());
    let open = tried(&site, "codecs", port, true);
    check(&open, &[&OWN[..], &WATCHED, &network, &more, &["read /etc/passwd", "run a program"]].concat(), &[]);

    // those that run are inside as well, and have no more memory than they need and nobody's environment
    assert_eq!(site.ready["walls"]["codecs"], outcome["standing"]);
    let workers = site.workers();
    assert!(!workers.is_empty());
    for pid in &workers {
        every_thread_is_filtered(*pid);
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let limit = |name: &str| {
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(limit("Max address space"), ["1073741824", "1073741824"]);
        assert_eq!(limit("Max core file size"), ["0", "0"]);
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(format!("/proc/{pid}/mem")).unwrap());
        assert_eq!(owner, 0, "no other process of the user looks into its memory");
        // which root alone sees
        if rustix_uid() == 0 {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
            assert_eq!(String::from_utf8_lossy(&environment).trim_end_matches('\0'), "LEADGLASS_LOG=info,tarpc=warn");
        }
    }
    let doctor = String::from_utf8(site.run(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("the codec worker 1's wall around system calls: stands"), "{doctor}");
    assert!(doctor.contains("the codec worker 1's wall around files: "), "{doctor}");
}

#[test]
fn code_in_serve_starts_no_program_but_its_own_and_reads_no_file_of_others() {
    let site = Installation::new();
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let outcome = tried(&site, "serve", port, false);
    assert_eq!(outcome["standing"]["calls"], "stands");
    let work = ["list DIR", "connect to the owner's socket", "start the own program again", "connect to a TCP port"];
    check(&outcome, &[&OWN[..], &work].concat(), &["make a file in memory to run", "connect with the first bytes"]);
    let files = ["read /etc/passwd", "read another role's file", "write into another role's file", "run a program"];
    match outcome["standing"]["files"].as_str().unwrap() {
        "absent" => println!("this kernel has no Landlock"),
        standing => {
            check(&outcome, &[], &files);
            check(&outcome, &[], &["read another process's memory", "read another process's environment"]);
            if standing == "stands" {
                check(&outcome, &[], &["listen on a TCP port", "signal another process"]);
            }
        }
    }
    check(&tried(&site, "serve", port, true), &files, &[]);
    assert_eq!(site.ready["walls"]["serve"], outcome["standing"], "the running one has the same walls");
    every_thread_is_filtered(site.pid("serve").unwrap());
    let doctor = String::from_utf8(site.run(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("the parent's wall around files: "), "{doctor}");
}

#[track_caller]
fn every_thread_is_filtered(pid: u32) {
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.contains("Seccomp:\t2"), "{status}");
    }
}

#[test]
fn the_running_roles_are_inside_their_walls() {
    let site = Installation::new();
    for role in ["front", "warden", "serve"] {
        let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid(role).unwrap())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim_start_matches(':').trim().to_owned()
        };
        assert_eq!(of("Seccomp"), "2", "{role}: a filter stands");
        assert_eq!(of("NoNewPrivs"), "1", "{role}");
        assert_eq!(site.ready["walls"][role]["calls"], "stands");
        assert!(matches!(site.ready["walls"][role]["files"].as_str(), Some("stands" | "partly" | "absent")));
    }
    // not a thread that was started before
    for role in ["front", "warden"] {
        every_thread_is_filtered(site.pid(role).unwrap());
    }
}

#[test]
fn root_on_the_machine_finds_no_core_dump_and_another_process_of_the_user_finds_no_memory() {
    let site = Installation::new();
    let same_user = rustix_uid();
    for role in ["serve", "front", "warden"] {
        let pid = site.pid(role).unwrap();
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert!(line.split_whitespace().skip(4).take(2).eq(["0", "0"]), "{line}");
        // the kernel gives the memory of a process that is not dumpable to root, whoever runs it
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(format!("/proc/{pid}/mem")).unwrap());
        assert_eq!(owner, 0, "{role} of user {same_user}");
    }
    // and the warden's is locked, or `doctor` says that it is not
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid("warden").unwrap())).unwrap();
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap().trim().to_owned();
    match site.ready["walls"]["warden"]["memory"].as_str().unwrap() {
        "locked" => assert_ne!(locked, "0 kB"),
        _ => {
            let doctor = String::from_utf8(site.run(&["doctor"]).stdout).unwrap();
            assert!(doctor.contains("the warden's memory may be swapped"), "{doctor}");
        }
    }
}

fn rustix_uid() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap())
}

#[test]
fn a_front_that_was_taken_over_leaves_no_key_of_its_own_for_the_next_start() {
    let mut site = Installation::new();
    let other = Installation::stopped();
    let path = site.dir().join("front/site.json");
    let honest = std::fs::read_to_string(&path).unwrap();
    site.stop();
    // what it can write: the keys of a site of its own, under this site's id
    let mut forged: Value = serde_json::from_str(&honest).unwrap();
    let theirs: Value = serde_json::from_slice(&std::fs::read(other.dir().join("front/site.json")).unwrap()).unwrap();
    for key in ["public_key", "verifying_key"] {
        forged[key] = theirs[key].clone();
        std::fs::write(&path, forged.to_string()).unwrap();
        let serve = ["serve", "--plain-http", "--http", "127.0.0.1:0", "--dicom", "none", "--passphrase-file", "-"];
        let output = site.run_with_input(&serve, PASSPHRASE);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("front/site.json was changed"), "{error}");
        forged[key] = serde_json::from_str::<Value>(&honest).unwrap()[key].clone();
    }
    // nor does another machine's front get it by an introduction
    let introduction: Value = serde_json::from_slice(&site.run(&["warden", "pin"]).stdout).unwrap();
    assert_eq!(introduction["site"], serde_json::from_str::<Value>(&honest).unwrap());
    std::fs::write(&path, honest).unwrap();
    site.start();
}

#[test]
fn a_front_inside_its_walls_finds_the_warden_again_when_that_was_started_again() {
    let site = Installation::new();
    let token = site.with_devices();
    // once, so that the front knows the device
    assert_eq!(store(site.dicom(), vec![ct_instance(9, 9, 1, 1, 64, 64)]).unwrap(), [0]);
    for round in 1..4 {
        let before = site.pid("warden").unwrap();
        kill(before, "KILL");
        wait_until("another warden runs", || site.pid("warden").is_some_and(|pid| pid != before));
        assert_eq!(store(site.dicom(), vec![ct_instance(round, round, 1, 1, 64, 64)]).unwrap(), [0]);
        site.ok(&["settle"]);
        let answer = get(site.http(), &token, "/dicom-web/studies");
        assert_eq!(answer.json().as_array().unwrap().len() as u32, round + 1);
    }
}

#[test]
fn a_warden_that_stands_still_is_noticed_and_reading_goes_on_when_it_moves() {
    let site = Installation::new();
    let token = site.with_devices();
    assert_eq!(store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 64, 64)]).unwrap(), [0]);
    site.ok(&["settle"]);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").status, 200);
    let warden = site.pid("warden").unwrap();
    kill(warden, "STOP");
    let began = std::time::Instant::now();
    let answer = get(site.http(), &token, "/dicom-web/studies");
    let noticed = began.elapsed();
    let said = answer.json();
    let again = std::time::Instant::now();
    let later = get(site.http(), &token, "/dicom-web/studies").status;
    let at_once = again.elapsed();
    // images are taken in meanwhile
    let stored = store(site.dicom(), vec![ct_instance(2, 2, 1, 1, 64, 64)]);
    kill(warden, "CONT");
    println!("noticed after {noticed:?}, the next one after {at_once:?}");
    assert_eq!(answer.status, 503, "{said}");
    assert!(said["error"].as_str().unwrap().contains("waits for the warden"), "{said}");
    assert_eq!(later, 503);
    assert_eq!(stored.unwrap(), [0]);
    assert!(noticed.as_secs() < 15, "long before a call's own deadline of 20 seconds: {noticed:?}");
    wait_until("reading goes on", || get(site.http(), &token, "/dicom-web/studies").status == 200);
    site.ok(&["settle"]);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").json().as_array().unwrap().len(), 2);
    assert_eq!(site.pid("warden"), Some(warden), "it was not started again");
}
