//! Hostile dumps: what reads them has nothing, what they are packed in fills nothing, and what was found before the end counts.

use std::io::{Read, Write};
use std::process::{Child, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::installation::{Installation, kill, wait_until};
use crate::threats_leaks::{add, set_password, token};

const ANNA: &str = "anna@clinic.example";
const BERT: &str = "bert@clinic.example";
const PASSWORD: &str = "vortrag kastanie 41 regal";

/// A site with two people who have a password.
fn site() -> Installation {
    let site = Installation::new();
    site.ok(&["org", "add", "Clinic", "--password-and-code"]);
    for email in [ANNA, BERT] {
        let token = add(&site, email);
        set_password(&mut Browser::new(site.http()), &token, PASSWORD)
            .unwrap_or_else(|refused| panic!("{}", refused.json()));
    }
    site
}

/// The process that reads a dump for this one, once it is inside its walls.
fn reader_of(check: &Child) -> u32 {
    let pid = check.id();
    let reader = || {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        children.split_whitespace().next().and_then(|pid| pid.parse::<u32>().ok())
    };
    let status = |pid| std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    wait_until("it is inside its walls", || reader().is_some_and(|pid| status(pid).contains("Seccomp:\t2")));
    reader().unwrap()
}

fn start(site: &Installation, dump: &str) -> Child {
    let mut command = site.command(&["leaks", "check", dump, "--format", "json"]);
    command.env("SOMEBODYS_SECRET", "in the environment");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What it printed, and its last word, which must be a failure.
#[track_caller]
fn failed(mut check: Child) -> (Value, Value) {
    drop(check.stdin.take());
    let output = check.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    let printed = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"));
    (printed, serde_json::from_str(error.lines().last().unwrap()).unwrap())
}

#[test]
fn whoever_reads_a_dump_is_inside_walls_and_what_it_found_before_it_was_killed_counts() {
    let site = site();
    let mut check = start(&site, "-");
    let reader = reader_of(&check);
    let file = |name: &str| std::fs::read_to_string(format!("/proc/{reader}/{name}")).unwrap();
    let status = file("status");
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Threads:\t1"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    let limits = file("limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(limit("Max address space"), ["1073741824", "1073741824"]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(format!("/proc/{reader}/mem")).unwrap());
    assert_eq!(owner, 0, "no other process of the user looks into its memory");
    // which root alone sees
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0 {
        assert_eq!(file("environ").trim_end_matches('\0'), "");
        let open: Vec<String> = std::fs::read_dir(format!("/proc/{reader}/fd"))
            .unwrap()
            .map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap().to_string_lossy().into_owned())
            .collect();
        // the dump, perhaps pipes of whoever started all of this, nothing to complain on; and one socket, which is not the owner's
        let is_of_nobody = |path: &&String| **path == "/dev/null" || path.starts_with("pipe:");
        let mut others: Vec<&String> = open.iter().filter(|path| !is_of_nobody(path)).collect();
        others.dedup();
        assert!(matches!(others[..], [socket] if socket.starts_with("socket:")), "{open:?}");
    }
    // who holds the owner's connection stands in walls, too
    let status = std::fs::read_to_string(format!("/proc/{}/status", check.id())).unwrap();
    assert!(status.contains("Seccomp:\t2"), "{status}");

    // it takes 256 KiB at once; what it reads after them was preceded by word of what it found in them
    let mut input = check.stdin.take().unwrap();
    input.write_all(format!("{ANNA}:{PASSWORD}\n{BERT}:another\n").as_bytes()).unwrap();
    input.write_all("somebody@mail.example:geheim\n".repeat(50_000).as_bytes()).unwrap();
    kill(reader, "KILL");
    let (printed, error) = failed(check);
    assert!(error["error"].as_str().unwrap().contains("ended in the middle"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("in parts"), "{error}");
    assert_eq!((&printed["whole"], &printed["walls"]["calls"]), (&json!(false), &json!("stands")), "{printed}");
    assert_eq!(printed["verified"][0]["email"], ANNA, "{printed}");
    assert_eq!(printed["named"][0]["email"], BERT, "{printed}");
    let people = site.ok(&["person", "list"]);
    let locked =
        |email: &str| people.as_array().unwrap().iter().any(|row| row["email"] == email && row["locked"].is_number());
    assert!(locked(ANNA) && !locked(BERT), "{people}");
}

#[test]
fn a_reader_that_stands_still_is_ended_by_an_interruption_and_what_it_told_counts() {
    let site = site();
    for signal in ["INT", "TERM"] {
        let mut check = start(&site, "-");
        let reader = reader_of(&check);
        let mut input = check.stdin.take().unwrap();
        input.write_all(format!("{BERT}:another\n").as_bytes()).unwrap();
        // what it reads after 256 KiB was preceded by word of what it found in them
        input.write_all("somebody@mail.example:geheim\n".repeat(50_000).as_bytes()).unwrap();
        kill(reader, "STOP");
        kill(check.id(), signal);
        let (printed, error) = failed(check);
        assert!(error["error"].as_str().unwrap().contains("interrupted"), "{signal}: {error}");
        assert!(error["hint"].as_str().unwrap().contains("give the dump again"), "{signal}: {error}");
        assert_eq!((&printed["whole"], &printed["named"][0]["email"]), (&json!(false), &json!(BERT)), "{printed}");
        let status = || std::fs::read_to_string(format!("/proc/{reader}/status")).unwrap_or_default();
        wait_until("it ended with the one who asked", || status().is_empty() || status().contains("State:\tZ"));
    }
}

#[test]
fn who_asked_and_ends_leaves_nobody_who_reads_on() {
    let site = site();
    let mut check = start(&site, "-");
    let reader = reader_of(&check);
    // its input stays open: it does not end because there is no more to read
    let input = check.stdin.take();
    check.kill().unwrap();
    check.wait().unwrap();
    let status = || std::fs::read_to_string(format!("/proc/{reader}/status")).unwrap_or_default();
    wait_until("it ended with the one who asked", || status().is_empty() || status().contains("State:\tZ"));
    drop(input);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn a_dump_that_is_made_to_fill_machines_is_read_to_a_limit_and_who_stood_in_it_before_counts() {
    let site = site();
    let line = format!("{BERT}:another\n");
    let gzip_bomb = [gzip(line.as_bytes()), gzip(&vec![b'x'; 1 << 20]).repeat(100)].concat();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in [("first.txt", line.as_bytes()), ("second.txt.gz", &gzip_bomb)] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    let zip_bomb = zip.finish().unwrap().into_inner();
    let mut cut = gzip([line.as_bytes(), &vec![b'x'; 9_999]].concat().as_slice());
    cut.pop();
    for (number, (dump, said, then)) in [
        (gzip_bomb, "unpacks to far more than a dump does", "unpack it yourself"),
        (zip_bomb, "unpacks to far more than a dump does", "unpack it yourself"),
        ([b"PK\x03\x04", line.as_bytes()].concat(), "the zip archive cannot be read", "unpack it yourself"),
        (cut, "cannot be read to its end", "was looked at"),
        ([b"7z\xbc\xaf\x27\x1c\n", line.as_bytes()].concat(), "not unpacked here", "unpack it and give the text"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = site.path(&format!("dump-{number}"));
        std::fs::write(&path, dump).unwrap();
        let (printed, error) = failed(start(&site, &path));
        assert!(error["error"].as_str().unwrap().contains(said), "{error}");
        assert!(error["hint"].as_str().unwrap().contains(then), "{error}");
        assert_eq!(printed["whole"], false);
        let named = if [2, 4].contains(&number) { Value::Null } else { json!(BERT) };
        assert_eq!(printed["named"][0]["email"], named, "{number}: {printed}");
    }
    // an archive with a member that is not read is not all of it
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in [("first.txt", line.as_bytes()), ("second.rar", b"Rar!\x1a\x07\0")] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    let path = site.path("dump.zip");
    std::fs::write(&path, zip.finish().unwrap().into_inner()).unwrap();
    let printed = site.ok(&["leaks", "check", &path]);
    assert_eq!((&printed["skipped_members"], &printed["whole"]), (&json!(1), &json!(false)), "{printed}");
    assert_eq!(printed["named"][0]["email"], BERT, "{printed}");
    // and a line that does not end
    let mut check = start(&site, "-");
    let mut input = check.stdin.take().unwrap();
    input.write_all(line.as_bytes()).unwrap();
    // it is not listened to for ever
    let endless = std::io::copy(&mut std::io::repeat(b'x').take(1 << 30), &mut input);
    assert!(endless.is_err(), "a gibibyte of one line was read");
    let (printed, error) = failed(check);
    assert!(error["error"].as_str().unwrap().contains("a line of more than 256 MiB"), "{error}");
    assert_eq!(printed["named"][0]["email"], BERT, "{printed}");
}

#[test]
fn who_is_locked_without_a_letter_is_said_to_be_untold_and_gets_one_later() {
    let site = site();
    let dump = site.path("dump.txt");
    std::fs::write(&dump, format!("{ANNA}:{PASSWORD}\n{BERT}:{PASSWORD}\n")).unwrap();
    let checked = site.run(&["leaks", "check", &dump]);
    assert!(checked.status.success(), "{checked:?}");
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("nobody has been told yet") && said.contains("leadglass leaks letters FOLDER"), "{said}");
    let folder = site.path("letters");
    let told = site.ok(&["leaks", "letters", &folder]);
    assert_eq!((&told["written"], &told["there_already"]), (&json!(2), &json!(0)));
    let letters: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for person in [ANNA, BERT] {
        let own: Vec<&String> = letters.iter().filter(|letter| letter.contains(person)).collect();
        assert!(own.len() == 1 && own[0].contains("gesperrt") && !own[0].contains(PASSWORD), "{letters:?}");
    }
    let told = site.ok(&["leaks", "letters", &folder]);
    assert_eq!((&told["written"], &told["there_already"]), (&json!(0), &json!(2)), "again it writes none");
    // who is back gets none
    let link = token(&site.ok(&["person", "enrol", ANNA]));
    set_password(&mut Browser::new(site.http()), &link, "fenster ahorn 90 trommel")
        .unwrap_or_else(|refused| panic!("{}", refused.json()));
    let told = site.ok(&["leaks", "letters", &site.path("later")]);
    assert_eq!((&told["written"], &told["there_already"]), (&json!(1), &json!(0)));
    // with letters nobody is said to be untold
    let other = site.path("other.txt");
    std::fs::write(&other, "nobody@example.org:nothing\n").unwrap();
    let said = String::from_utf8(site.run(&["leaks", "check", &other, "--letters", &folder]).stdout).unwrap();
    assert!(!said.contains("told yet"), "{said}");
}

#[test]
fn what_fails_after_accounts_are_locked_takes_away_neither_word_of_them_nor_what_is_left_to_do() {
    let mut site = site();
    let device = ["device", "add", "viewer", "--organisation", "Clinic", "--may", "list", "--token"];
    let token = site.ok(&device)["token"].as_str().unwrap().to_owned();
    // a letter that cannot be written: something of its name is there, whichever number its incident gets
    let people = site.ok(&["person", "list"]);
    let anna = people.as_array().unwrap().iter().find(|row| row["email"] == ANNA).unwrap()["person"].clone();
    let letters = site.path("letters");
    std::fs::create_dir(&letters).unwrap();
    for incident in 1..9 {
        std::fs::write(format!("{letters}/incident-{incident}-account-{anna}.txt"), "").unwrap();
    }
    let dump = site.path("dump.txt");
    std::fs::write(&dump, format!("{ANNA}:{PASSWORD}\n{BERT}:{PASSWORD}\n{token}\n")).unwrap();
    let mut check = site.command(&["leaks", "check", &dump, "--letters", &letters, "--format", "json"]);
    let check = check.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (printed, error) = failed(check);
    assert!(error["error"].as_str().unwrap().contains("cannot be written"), "{error}");
    assert_eq!((&printed["whole"], &printed["tokens"][0]["name"]), (&json!(false), &json!("viewer")), "{printed}");
    let locked: Vec<&Value> = printed["verified"].as_array().unwrap().iter().map(|row| &row["email"]).collect();
    assert_eq!(locked, [ANNA, BERT], "{printed}");
    assert_eq!(crate::client::get(site.http(), &token, "/dicom-web/studies").status, 401, "the token has ended");
    let written =
        |name: std::ffi::OsString| std::fs::metadata(format!("{letters}/{}", name.to_string_lossy())).unwrap().len();
    let letters_written =
        std::fs::read_dir(&letters).unwrap().filter(|entry| written(entry.as_ref().unwrap().file_name()) > 0).count();
    assert_eq!(letters_written, 1, "the other letter is there");

    // the warden goes while the dump is read: what was read is said all the same
    let mut check = start(&site, "-");
    reader_of(&check);
    site.kill();
    check.stdin.take().unwrap().write_all(format!("{ANNA}:{PASSWORD}\n{token}\n").as_bytes()).unwrap();
    let (printed, error) = failed(check);
    assert!(error["error"].as_str().unwrap().contains("the warden went away"), "{error}");
    assert_eq!(
        (&printed["lines"], &printed["logins"], &printed["verified"], &printed["whole"]),
        (&json!(2), &json!(1), &json!([]), &json!(false)),
        "{printed}"
    );
}
