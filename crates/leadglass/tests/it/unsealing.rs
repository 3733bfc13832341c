//! Unseal methods through the front door: what each opens, how each is added and removed, and what is said when one fails.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use serde_json::Value;

use crate::installation::{Installation, PASSPHRASE};

pub const SERVE: [&str; 6] = ["serve", "--plain-http", "--http", "127.0.0.1:0", "--dicom", "none"];

/// Runs a command that unseals with the passphrase on its standard input; its JSON.
#[track_caller]
pub fn ok(site: &Installation, arguments: &[&str], input: &str) -> Value {
    let output = site.run_with_input(&[&["--format", "json"], arguments].concat(), input);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
pub fn refused(site: &Installation, arguments: &[&str], input: &str, says: &str) {
    let output = site.run_with_input(arguments, input);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output));
    let error = text(&output);
    assert!(error.contains(says) && error.contains("hint: "), "{arguments:?}: {error}");
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Adds shares for three holders; the words of each.
#[track_caller]
pub fn with_shares(site: &Installation, holders: &str) -> Vec<String> {
    let added = ok(
        site,
        &["unseal", "add", "shares", "--threshold", "2", "--holders", holders, "--passphrase-file", "-"],
        PASSPHRASE,
    );
    words(&added)
}

fn words(added: &Value) -> Vec<String> {
    added["shares"].as_array().unwrap().iter().map(|row| row["words"].as_str().unwrap().to_owned()).collect()
}

pub fn share_files(site: &Installation, shares: &[String]) -> Vec<String> {
    let file = |(number, share): (usize, &String)| {
        let path = site.path(&format!("share-{number}-{}", &share[..4]));
        std::fs::write(&path, share).unwrap();
        path
    };
    shares.iter().enumerate().map(file).collect()
}

/// An identity file of `age`, and its recipient.
pub fn age_identity(site: &Installation, name: &str) -> (String, String) {
    let path = site.path(name);
    let made = std::process::Command::new("age-keygen").args(["-o", &path]).output().unwrap();
    assert!(made.status.success(), "age is not installed (Debian: apt-get install age)");
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned())
}

pub fn entries(site: &Installation, kind: &str) -> Vec<Value> {
    let output = site.run(&["--format", "json", "ledger", "entries", "--limit", "500"]);
    let lines = String::from_utf8(output.stdout).unwrap();
    let entries = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].clone());
    entries.filter(|entry| entry["kind"] == kind).collect()
}

#[test]
fn two_of_three_holders_start_the_archive_and_the_ledger_names_them() {
    let mut site = Installation::new();
    let shares = with_shares(&site, "Dr. A, Dr. B,Notary C");
    let rows = site.ok(&["unseal", "list"]);
    assert_eq!(rows.as_array().unwrap().len(), 3);
    assert_eq!(rows[2]["holders"], serde_json::json!(["Dr. A", "Dr. B", "Notary C"]));
    let added = entries(&site, "unseal-method-added");
    assert_eq!(added[0]["shares"]["holders"][2], "Notary C");
    assert_eq!((added[0]["means"].as_str(), added[0]["shares"]["threshold"].as_u64()), (Some("shares"), Some(2)));
    let envelope = std::fs::read_to_string(site.dir().join("warden/root.json")).unwrap();
    assert!(!envelope.contains("Notary"), "who holds a share is nothing for a thief");
    site.stop();
    // typed on the terminal, one after the other, in any order
    site.start_with(&["--unseal", "shares"], &format!("{}\n{}", shares[2], shares[0]));
    site.stop();
    // as files
    let files = share_files(&site, &shares);
    site.start_with(&["--share-file", &files[1], "--share-file", &files[2]], "");
    let started = entries(&site, "warden-started");
    assert_eq!(started.last().unwrap()["unsealed_by"], "shares");
    assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
}

#[test]
fn shares_that_are_too_few_mixed_up_doubled_or_mistyped_are_named() {
    let site = Installation::stopped();
    let old = with_shares(&site, "A,B,C");
    let new = with_shares(&site, "A,B,D");
    let start = |input: &str, says: &str| {
        refused(&site, &[&SERVE[..], &["--unseal", "shares"]].concat(), input, says);
    };
    start(&new[0], "0 words were given");
    start(&format!("{}\n{}", new[0], new[0]), "share 1 was given twice");
    start(&format!("{}\n{}", new[0], old[1]), "share 2 belongs to set");
    let mut wrong: Vec<&str> = new[0].split_whitespace().collect();
    wrong[7] = if wrong[7] == "zoo" { "zebra" } else { "zoo" };
    start(&wrong.join(" "), "line 2 of the share is mistyped");
    wrong[7] = "leadglass";
    start(&wrong.join(" "), "word 3 of line 2 is none");
    let files = share_files(&site, &new);
    refused(&site, &[&SERVE[..], &["--share-file", &files[0]]].concat(), "", "1 of the needed 2 shares were given");
    refused(&site, &[&SERVE[..], &["--share-file", &site.path("nowhere")]].concat(), "", "cannot be read");
    // no share of the site's words in any message
    let log = site.run_with_input(&[&SERVE[..], &["--unseal", "shares"]].concat(), &format!("{}\n{}", new[0], old[1]));
    let said = text(&log);
    assert!(
        !new[0].split_whitespace().chain(old[1].split_whitespace()).any(|word| word.len() > 6 && said.contains(word))
    );
}

#[test]
fn a_lost_holder_is_replaced_by_the_others() {
    let mut site = Installation::new();
    let shares = with_shares(&site, "A,B,C");
    let files = share_files(&site, &shares);
    // C lost the paper: A and B make a new set with D
    let by_two = ["--share-file", &files[0], "--share-file", &files[1]];
    let again = ["unseal", "add", "shares", "--threshold", "2", "--holders", "A,B,D"];
    let added = ok(&site, &[&again[..], &by_two].concat(), "");
    assert_eq!(added["replaced"].as_array().unwrap().len(), 1);
    let new = words(&added);
    assert_eq!(entries(&site, "unseal-method-removed").len(), 1);
    site.stop();
    refused(&site, &[&SERVE[..], &by_two].concat(), "", "belongs to set");
    site.start_with(&["--unseal", "shares"], &format!("{}\n{}", new[2], new[1]));
}

#[test]
fn the_escrow_drill_proves_shares_and_opens_nothing() {
    let site = Installation::new();
    refused(&site, &["unseal", "drill"], "", "no share set to drill");
    let old = with_shares(&site, "A,B,C");
    let shares = with_shares(&site, "A,B,D");
    let doctor = String::from_utf8_lossy(&site.run(&["doctor"]).stdout).into_owned();
    assert!(doctor.contains("BAD  the holders' shares were proven"), "{doctor}");
    let proven = ok(&site, &["unseal", "drill"], &format!("{}\n{}", shares[0], shares[2]));
    assert_eq!(proven["proven"], serde_json::json!(["A", "D"]));
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
    let drilled = entries(&site, "escrow-drilled");
    assert_eq!(drilled[0]["proven"], serde_json::json!([1, 3]));
    assert_eq!(drilled[0]["signatures"].as_array().unwrap().len(), 2);
    // anybody can check the signatures with what the ledger says
    let added = entries(&site, "unseal-method-added").pop().unwrap();
    for (place, share) in [(0, 0), (1, 2)] {
        let key = hex::decode(added["shares"]["keys"][share].as_str().unwrap()).unwrap();
        let challenge = hex::decode(drilled[0]["challenge"].as_str().unwrap()).unwrap();
        let message = protocol::drill_message(added["shares"]["set"].as_str().unwrap(), &challenge.try_into().unwrap());
        let signature = hex::decode(drilled[0]["signatures"][place].as_str().unwrap()).unwrap();
        seal::VerifyingKey::from_bytes(key.try_into().unwrap()).verify(&message, &signature).unwrap();
    }
    // everybody at once
    let all = ok(&site, &["unseal", "drill", "--all"], &shares.join("\n"));
    assert_eq!(all["proven"].as_array().unwrap().len(), 3);
    // too few, doubled, of the old set, mistyped: named, and what was right is still recorded
    let files = share_files(&site, &shares);
    refused(&site, &["unseal", "drill", "--share-file", &files[0]], "", "only 1 shares were proven");
    refused(&site, &["unseal", "drill"], &format!("{}\n{}", shares[0], shares[0]), "given twice");
    refused(&site, &["unseal", "drill"], &format!("{}\n{}", shares[0], old[1]), "share 2 belongs to set");
    assert_eq!(entries(&site, "escrow-drilled").len(), 5);
    // whoever can write root.json can put a key of theirs there: the ledger knows the right one
    let path = site.dir().join("warden/root.json");
    let envelope = std::fs::read_to_string(&path).unwrap();
    let keys = |row: usize| added["shares"]["keys"][row].as_str().unwrap().to_owned();
    std::fs::write(&path, envelope.replace(&keys(0), &keys(1))).unwrap();
    refused(
        &site,
        &["unseal", "drill"],
        &format!("{}\n{}", shares[0], shares[1]),
        "share 1 is not the one that was handed out",
    );
    std::fs::write(&path, envelope).unwrap();
    ok(&site, &["unseal", "drill"], &format!("{}\n{}", shares[0], shares[1]));
}

/// What a camera reads on paper: the squares of the picture are drawn, then a reader of QR codes looks for one.
fn scanned(svg: &str) -> String {
    let numbers = |text: &str| -> Vec<usize> {
        text.split(|character: char| !character.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
    };
    let attribute =
        |name: &str| svg.rsplit_once(&format!(" {name}=\"")).unwrap().1.split_once('"').unwrap().0.to_owned();
    let [_, _, width, height] = numbers(&attribute("viewBox"))[..] else { panic!("{svg}") };
    let mut dark = vec![false; width * height];
    // `M{left} {top}h{width}v{height}H{left}V{top}`
    for square in attribute("d").split_inclusive('V').flat_map(|part| part.split('M').skip(1)) {
        let [left, top, across, down, ..] = numbers(square)[..] else { panic!("{square}") };
        for y in top..top + down {
            dark[y * width + left..y * width + left + across].fill(true);
        }
    }
    let pixel = |x: usize, y: usize| if dark[y * width + x] { 0 } else { 255 };
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, pixel);
    let codes = picture.detect_grids();
    assert_eq!(codes.len(), 1, "one code on the paper");
    codes[0].decode().unwrap().1
}

#[test]
fn shares_on_paper_are_words_and_codes_for_each_holder() {
    let site = Installation::stopped();
    let out = site.folder.path().join("papers");
    std::fs::create_dir(&out).unwrap();
    let folder = out.to_string_lossy().into_owned();
    let add =
        ["unseal", "add", "shares", "--threshold", "2", "--holders", "A,B", "--out", &folder, "--passphrase-file", "-"];
    let added = ok(&site, &add, PASSPHRASE);
    assert!(added["shares"][0]["words"].is_null());
    let paper = std::fs::read_to_string(out.join("share-1-of-2.txt")).unwrap();
    assert!(paper.contains("for A") && paper.contains("2 of 2 open"), "{paper}");
    // the code says what the words say, to a reader that knows nothing of how it was made
    for number in 1..=2 {
        let read = |end: &str| std::fs::read_to_string(out.join(format!("share-{number}-of-2.{end}"))).unwrap();
        let paper = read("txt");
        let words: Vec<&str> =
            paper.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect();
        assert!(words.len() > 20, "{number}: {} words", words.len());
        let code = scanned(&read("svg"));
        assert!(code.to_lowercase().split_whitespace().eq(words), "share {number}: the code says something else");
    }
    assert_eq!(std::fs::metadata(out.join("share-1-of-2.svg")).unwrap().permissions().mode() & 0o077, 0);
    // never over papers that are there
    refused(&site, &add, PASSPHRASE, "holds no shares");
    assert_eq!(site.ok(&["unseal", "list"])[2]["id"], added["added"], "the set that was handed out first is in force");
    let mut site = site;
    let file = |number: usize| out.join(format!("share-{number}-of-2.txt")).to_string_lossy().into_owned();
    site.start_with(&["--share-file", &file(2), "--share-file", &file(1)], "");
}

#[test]
fn an_age_identity_opens_and_that_of_somebody_else_does_not() {
    let mut site = Installation::new();
    let ((ours, recipient), (theirs, _)) = (age_identity(&site, "ours"), age_identity(&site, "theirs"));
    let add = ["unseal", "add", "age", "--recipient", &recipient, "--passphrase-file", "-"];
    refused(&site, &[&add[..], &["--identity", &theirs]].concat(), PASSPHRASE, "tried and does not open");
    assert_eq!(site.ok(&["unseal", "list"]).as_array().unwrap().len(), 2, "nothing was changed");
    ok(&site, &[&add[..], &["--identity", &ours, "--label", "token of the administrator"]].concat(), PASSPHRASE);
    refused(
        &site,
        &["unseal", "add", "age", "--recipient", "somebody", "--passphrase-file", "-"],
        PASSPHRASE,
        "no age recipient",
    );
    site.stop();
    site.start_with(&["--age-identity", &ours], "");
    site.stop();
    refused(&site, &[&SERVE[..], &["--age-identity", &theirs]].concat(), "", "age ended with");
    refused(&site, &[&SERVE[..], &["--age-identity", &site.path("nowhere")]].concat(), "", "is not there");
}

#[test]
fn a_token_opens_by_its_age_plugin_and_only_while_it_is_there() {
    let mut site = Installation::new();
    let plugins = site.folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let plugin = plugins.join("age-plugin-leadglasstest");
    std::fs::write(&plugin, include_str!("age-plugin-leadglasstest")).unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (token, identity) = (site.path("token"), site.path("identity"));
    std::fs::write(&token, [0x5a; 16]).unwrap();
    std::fs::write(&identity, "AGE-PLUGIN-LEADGLASSTEST-1QQQQQQQQC9Y5WK\n").unwrap();
    let path = format!("{}:{}", plugins.display(), std::env::var("PATH").unwrap());
    site.environment = vec![("PATH".to_owned(), path), ("LEADGLASS_TEST_TOKEN".to_owned(), token.clone())];
    let recipient = "age1leadglasstest1qqqqqqqq54tz4e";
    let add = ["unseal", "add", "age", "--recipient", recipient, "--identity", &identity, "--passphrase-file", "-"];
    ok(&site, &add, PASSPHRASE);
    assert_eq!(site.ok(&["unseal", "list"])[2]["keeper"], "hardware-token");
    site.stop();
    site.start_with(&["--age-identity", &identity], "");
    site.stop();
    std::fs::rename(&token, site.path("carried home")).unwrap();
    refused(&site, &[&SERVE[..], &["--age-identity", &identity]].concat(), "", "age ended with");
}

#[test]
fn any_program_opens_and_each_way_in_which_it_fails_is_a_sentence() {
    let mut site = Installation::new();
    // stands for the client of a key service: what it gives back is what it was given
    let with = ["unseal", "add", "command", "--kind", "key-service", "--passphrase-file", "-"];
    ok(&site, &[&with[..], &["--open-with", "rev", "--label", "key service", "--", "rev"]].concat(), PASSPHRASE);
    for (open, seal, says) in [
        ("rev", "cat", "gave the key back unsealed"),
        ("cat", "rev", "gave another key back"),
        ("true", "rev", "did not give a key back"),
        ("false", "rev", "ended with exit status: 1"),
        ("no-such-program-here", "rev", "cannot be started"),
        ("yes", "rev", "printed more than"),
        ("rev", "true", "1 to 6144 are kept"),
    ] {
        refused(&site, &[&with[..], &["--open-with", open, "--", seal]].concat(), PASSPHRASE, says);
    }
    let unkind = ["unseal", "add", "command", "--open-with", "rev", "--passphrase-file", "-", "--", "rev"];
    refused(&site, &unkind, PASSPHRASE, "say it with --kind");
    site.stop();
    // nothing that lies in DIR is run: whoever starts it names the program
    refused(&site, &[&SERVE[..], &["--unseal", "key service"]].concat(), "", "name it with --unseal-command");
    refused(
        &site,
        &[&SERVE[..], &["--unseal", "key service", "--unseal-command", "true"]].concat(),
        "",
        "did not give a key back",
    );
    site.start_with(&["--unseal", "key service", "--unseal-command", "rev"], "");
    assert_eq!(entries(&site, "warden-started").last().unwrap()["unsealed_by"], "command");
}

#[test]
fn methods_come_and_go_while_serving_and_while_stopped_and_the_last_stays() {
    let mut site = Installation::new();
    let new = site.path("new-passphrase");
    std::fs::write(&new, "another seven words that nobody guesses").unwrap();
    let short = site.path("short-passphrase");
    std::fs::write(&short, "too short").unwrap();
    let kit = site.path("kit");
    let add = |file: &str| {
        vec![
            "unseal".to_owned(),
            "add".to_owned(),
            "passphrase".to_owned(),
            "--new-passphrase-file".to_owned(),
            file.to_owned(),
            "--label".to_owned(),
            "of November".to_owned(),
            "--recovery-kit".to_owned(),
            kit.clone(),
        ]
    };
    let as_str = |words: &[String]| words.to_vec();
    let run =
        |site: &Installation, words: &[String]| site.run(&as_str(words).iter().map(String::as_str).collect::<Vec<_>>());
    let error = text(&run(&site, &add(&short)));
    assert!(error.contains("use at least 12"), "{error}");
    assert!(run(&site, &add(&new)).status.success());
    assert!(text(&run(&site, &add(&new))).contains("is called of November already"));
    let rows = site.ok(&["unseal", "list"]);
    assert_eq!(rows[2]["label"], "of November");
    // the old passphrase goes, while serving; by id, since two are of a kind
    let old = rows[0]["id"].as_str().unwrap().to_owned();
    refused(&site, &["unseal", "remove", "passphrase", "--recovery-kit", &kit], "", "several unseal methods");
    refused(&site, &["unseal", "remove", "nobody", "--recovery-kit", &kit], "", "no unseal method is called nobody");
    refused(
        &site,
        &["unseal", "remove", &old, "--passphrase-file", "-"],
        "not the passphrase at all",
        "the root stays sealed",
    );
    ok(&site, &["unseal", "remove", &old, "--recovery-kit", &kit], "");
    site.stop();
    refused(&site, &[&SERVE[..], &["--passphrase-file", "-"]].concat(), PASSPHRASE, "the root stays sealed");
    // the rest while stopped: a program that is lost with one machine, then the people's methods
    let rev = [
        "unseal",
        "add",
        "command",
        "--kind",
        "tang",
        "--open-with",
        "rev",
        "--label",
        "tang",
        "--passphrase-file",
        &new,
        "--",
        "rev",
    ];
    ok(&site, &rev, "");
    ok(&site, &["unseal", "remove", "of November", "--recovery-kit", &kit], "");
    let by_tang = ["--unseal", "tang", "--unseal-command", "rev"];
    refused(
        &site,
        &[&["unseal", "remove", "recovery-kit"], &by_tang[..]].concat(),
        "",
        "a broken one can lose the archive",
    );
    ok(&site, &[&["unseal", "remove", "recovery-kit", "--leave-only-machines"], &by_tang[..]].concat(), "");
    let doctor = site.run(&["doctor"]);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("BAD  an unseal method does not depend on one machine"));
    refused(&site, &[&["unseal", "remove", "tang"], &by_tang[..]].concat(), "", "is the last unseal method");
    site.start_with(&by_tang, "");
    assert_eq!(entries(&site, "unseal-method-added").len(), 2);
    assert_eq!(entries(&site, "unseal-method-removed").len(), 3);
    assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
}

#[test]
fn a_damaged_or_older_envelope_is_named() {
    let mut site = Installation::new();
    let path = site.dir().join("warden/root.json");
    let older = std::fs::read(&path).unwrap();
    let id = site.ok(&["unseal", "list"])[0]["id"].as_str().unwrap().to_owned();
    let kit = site.path("kit");
    ok(&site, &["unseal", "remove", &id, "--recovery-kit", &kit], "");
    // an old copy comes back: the method that was removed is in it
    std::fs::write(&path, &older).unwrap();
    let doctor = String::from_utf8_lossy(&site.run(&["doctor"]).stdout).into_owned();
    assert!(doctor.contains("was removed and is in root.json again"), "{doctor}");
    ok(&site, &["unseal", "remove", &id, "--recovery-kit", &kit], "");
    site.stop();
    std::fs::write(&path, &older[..older.len() / 2]).unwrap();
    refused(&site, &[&SERVE[..], &["--recovery-kit", &kit]].concat(), "", "damaged or another file");
    std::fs::write(&path, String::from_utf8(older).unwrap().replace("\"version\": 1", "\"version\": 9")).unwrap();
    refused(&site, &[&SERVE[..], &["--recovery-kit", &kit]].concat(), "", "update leadglass");
}
