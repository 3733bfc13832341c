//! `unseal new-root` through the front door: every kind of method stays with what it has, nothing of before is left in the folder, and what
//! stands in its way is said.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use phantom::ct_instance;
use protocol::{NewRootAsked, PageRequest, UnsealRequest};
use seal::{MethodId, MethodSecret, RecoveryKit, RootEnvelope, RootSecret, Secret32, SystemRandom};

use crate::client::get;
use crate::installation::{Installation, PASSPHRASE, store};
use crate::tang::Tang;
use crate::threats_root::opened_with;
use crate::threats_thief::{copy, seal_to, stays_shut};
use crate::unsealing::{SERVE, age_identity, entries, ok, refused, share_files, text, with_shares};

fn envelope(site: &Installation) -> (RootEnvelope, Vec<u8>) {
    let json = std::fs::read(site.dir().join("warden/root.json")).unwrap();
    (RootEnvelope::from_json(&json).unwrap(), json)
}

fn studies(site: &Installation, token: &str) -> usize {
    get(site.http(), token, "/dicom-web/studies").json().as_array().unwrap().len()
}

/// Starts with a method, finds the one image, and stops.
#[track_caller]
fn opens(site: &mut Installation, token: &str, arguments: &[&str], input: &str) {
    site.start_with(arguments, input);
    assert_eq!(studies(site, token), 1, "{arguments:?}");
    site.stop();
}

/// The root that a `root.json` gives to whoever has what a program needs.
fn root_by(program: &[&str], envelope: &RootEnvelope, label: &str) -> RootSecret {
    let id: MethodId =
        envelope.methods().unwrap().iter().find(|method| method.label.as_deref() == Some(label)).unwrap().id;
    let mut command = Command::new(program[0]);
    let mut child = command.args(&program[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&envelope.ciphertext(id).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program:?}");
    let key = hex::decode(String::from_utf8(output.stdout).unwrap().trim()).unwrap();
    envelope.unseal_with_key(id, &Secret32::from_bytes(&key.try_into().unwrap())).unwrap()
}

#[test]
fn real_age_and_tang_methods_stay_with_what_they_have_and_those_that_were_removed_open_nothing() {
    let (mut site, token) = Installation::with_image();
    let ((ours, recipient), (theirs, of_them)) = (age_identity(&site, "ours"), age_identity(&site, "theirs"));
    for (label, recipient, identity) in [("token of ours", &recipient, &ours), ("token of theirs", &of_them, &theirs)] {
        let add = ["unseal", "add", "age", "--recipient", recipient, "--identity", identity, "--label", label];
        ok(&site, &[&add[..], &["--passphrase-file", "-"]].concat(), PASSPHRASE);
    }
    let (near, far) = (Tang::start(), Tang::start());
    for (label, tang) in [("near tang", &near), ("far tang", &far)] {
        let pin = format!("{{\"url\":\"{}\"}}", tang.url());
        seal_to(&site, label, &["clevis", "encrypt", "tang", &pin, "-y"]);
    }
    let kit = site.path("kit");
    site.stop();
    let (old, older) = envelope(&site);
    let id = old.site().unwrap();
    let gone = [
        root_by(&["age", "--decrypt", "--identity", &theirs], &old, "token of theirs"),
        root_by(&["clevis", "decrypt"], &old, "far tang"),
    ];
    for root in &gone {
        assert_eq!(opened_with(&site.dir(), id, root), (1, 1), "the search finds it before");
    }

    let new = ["unseal", "new-root", "--remove", "token of theirs", "--remove", "far tang", "--passphrase-file", "-"];
    let new = [&new[..], &["--recovery-kit", &kit, "--age-identity"]].concat();
    // what is not at hand is named: another identity, a key server that does not answer
    near.out_of_reach();
    let error = text(&site.run_with_input(&[&new[..], &[theirs.as_str()]].concat(), PASSPHRASE));
    assert!(error.contains("(age, --age-identity)") && error.contains("(command, --unseal-command)"), "{error}");
    assert_eq!(envelope(&site).1, older, "nothing was changed");
    near.within_reach();
    let made = ok(&site, &[&new[..], &[ours.as_str()]].concat(), PASSPHRASE);
    assert_eq!((made["root"].as_u64(), made["methods"].as_array().unwrap().len()), (Some(2), 4));

    // each that stays opens by the same program, file and server as before
    opens(&mut site, &token, &["--age-identity", &ours], "");
    opens(&mut site, &token, &["--unseal", "near tang"], "");
    opens(&mut site, &token, &["--recovery-kit", &kit], "");
    opens(&mut site, &token, &["--passphrase-file", "-"], PASSPHRASE);
    // each that went opens nothing, though its identity is there and its server answers
    let error = stays_shut(&site, &["--age-identity", &theirs]);
    assert!(error.contains("age ended with"), "{error}");
    let error = stays_shut(&site, &["--unseal", "far tang"]);
    assert!(error.contains("no unseal method is called far tang"), "{error}");
    let today = envelope(&site).1;
    std::fs::write(site.dir().join("warden/root.json"), &older).unwrap();
    for by in [&["--unseal", "token of theirs", "--age-identity", &theirs][..], &["--unseal", "far tang"]] {
        let error = stays_shut(&site, by);
        assert!(error.contains("warden.db is sealed to another root"), "{by:?}: {error}");
    }
    for root in &gone {
        assert_eq!(opened_with(&site.dir(), id, root), (0, 0));
    }
    std::fs::write(site.dir().join("warden/root.json"), today).unwrap();
    opens(&mut site, &token, &["--unseal", "near tang"], "");
}

/// So many bytes of a sealed value are looked for.
const PIECE: usize = 16;

/// What the folder of the warden holds sealed to the root of now, cut in pieces: records and wrapped keys behind their headers, keyed
/// digests, epoch keys, `root.json`.
fn sealed_values(warden: &Path) -> Vec<Vec<[u8; PIECE]>> {
    let database = rusqlite::Connection::open(warden.join("warden.db")).unwrap();
    // the header of an object names key and place, which stay; behind it stand salt, commitment and what is sealed
    let mut values = Vec::new();
    for (query, header) in [
        ("SELECT sealed FROM record", 38),
        ("SELECT wrapped FROM keyring", 5),
        ("SELECT wrapped FROM cold_lock", 5),
        ("SELECT name FROM instance", 0),
        ("SELECT content FROM instance", 0),
    ] {
        let mut statement = database.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        values.extend(rows.map(|value| value.unwrap()[header..].to_vec()));
    }
    for epoch in std::fs::read_dir(warden.join("epochs")).unwrap() {
        values.push(std::fs::read(epoch.unwrap().path()).unwrap()[38..].to_vec());
    }
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(warden.join("root.json")).unwrap()).unwrap();
    let methods = json["methods"].as_array().unwrap();
    // hexadecimal digits, two a byte
    values.extend(methods.iter().map(|method| method["sealed"].as_str().unwrap().as_bytes()[2 * 38..].to_vec()));
    values.iter().map(|value| value.chunks_exact(PIECE).map(|piece| piece.try_into().unwrap()).collect()).collect()
}

/// The pieces that stand anywhere in any file below a folder.
fn found(folder: &Path, pieces: &HashSet<[u8; PIECE]>) -> BTreeSet<[u8; PIECE]> {
    let mut begins = vec![false; 1 << 16];
    let beginning = |bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    pieces.iter().for_each(|piece| begins[beginning(piece)] = true);
    let mut there = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            there.extend(found(&path, pieces));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let windows = bytes.windows(PIECE).filter(|window| begins[beginning(window)]);
            let windows = windows.map(|window| <[u8; PIECE]>::try_from(window).unwrap());
            there.extend(windows.filter(|window| pieces.contains(window)));
        }
    }
    there
}

#[test]
fn no_sealed_value_of_before_is_left_in_any_file_of_the_warden_after_a_new_root() {
    let (mut site, token) = Installation::with_image();
    let warden = site.dir().join("warden");
    let files = (2..=9).map(|patient| ct_instance(patient, patient, 1, 1, 16, 16)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    let mut values = sealed_values(&warden);
    site.ok(&["shred", "patient:DEMO/M00000002", "--reason", "erasure asked for"]);
    site.ok(&["rotate"]);
    values.extend(sealed_values(&warden));
    // the studies' records are written over
    let files = (3..=9).map(|patient| ct_instance(patient, patient, 1, 2, 16, 16)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    // ended without a word, so that the log stays beside the database; looked at in a copy, so that it stays after that too
    site.kill();
    assert!(std::fs::metadata(warden.join("warden.db-wal")).unwrap().len() > 0, "a log is there");
    let copied = tempfile::tempdir().unwrap();
    copy(&warden, copied.path());
    let now = sealed_values(copied.path());
    values.extend(now.iter().cloned());
    let pieces: HashSet<_> = values.iter().flatten().copied().collect();
    let before = found(&warden, &pieces);
    // of what is there now everything but what a page's end cuts
    assert!(now.iter().all(|value| value.iter().any(|piece| before.contains(piece))), "the search finds it before");
    let current: HashSet<_> = now.iter().flatten().copied().collect();
    let over = before.iter().filter(|piece| !current.contains(*piece)).count();
    println!("{} values, {} of {} pieces found, {over} of them written over", now.len(), before.len(), pieces.len());
    assert!(now.len() > 30 && over > 0, "and what was written over: it stands in the log");

    let new = ["unseal", "new-root", "--remove", "recovery-kit", "--passphrase-file", "-"];
    ok(&site, &new, PASSPHRASE);
    assert_eq!(found(&warden, &pieces).len(), 0);
    site.start();
    assert_eq!(studies(&site, &token), 8);
    site.kill();
    assert_eq!(found(&warden, &pieces).len(), 0);
    // one key file that somebody left there is found
    let one = values.iter().find(|value| !value.is_empty()).unwrap();
    std::fs::write(warden.join("left"), one.concat()).unwrap();
    assert_eq!(found(&warden, &pieces).len(), one.iter().collect::<HashSet<_>>().len());
}

#[test]
fn a_new_root_names_what_is_missing_and_each_method_that_stays_keeps_what_opens_it() {
    let (mut site, token) = Installation::with_image();
    let shares = with_shares(&site, "A,B,C");
    let files = share_files(&site, &shares);
    let kit = site.path("kit");
    let all = [
        "unseal",
        "new-root",
        "--passphrase-file",
        "-",
        "--recovery-kit",
        &kit,
        "--share-file",
        &files[0],
        "--share-file",
        &files[2],
    ];
    // nothing is made while somebody is served, and nothing without each secret
    refused(&site, &all, PASSPHRASE, "stop leadglass and give this command again");
    site.stop();
    refused(&site, &all[..4], PASSPHRASE, "nothing that was given opens");
    let missing = text(&site.run_with_input(&all[..4], PASSPHRASE));
    assert!(missing.contains("recovery-kit, --recovery-kit") && missing.contains("shares, --share-file"), "{missing}");
    refused(&site, &all, "another passphrase altogether", "(passphrase, --passphrase-file)");
    let every = ["unseal", "new-root", "--remove", "passphrase", "--remove", "recovery-kit", "--remove", "shares"];
    refused(&site, &every, "", "no unseal method would stay");
    let made = ok(&site, &all, PASSPHRASE);
    assert_eq!((made["root"].as_u64(), made["methods"].as_array().unwrap().len()), (Some(2), 3));
    // the same passphrase, kit and papers
    let papers = format!("{}\n{}", shares[1], shares[2]);
    for (arguments, input) in [
        (vec!["--passphrase-file", "-"], PASSPHRASE),
        (vec!["--recovery-kit", &kit], ""),
        (vec!["--unseal", "shares"], papers.as_str()),
    ] {
        site.start_with(&arguments, input);
        let answer = get(site.http(), &token, "/dicom-web/studies");
        assert_eq!(answer.json().as_array().unwrap().len(), 1, "{arguments:?}");
        site.stop();
    }
    site.start();
    // the holders of the set are known as before, and so is the drill
    let rows = site.ok(&["unseal", "list"]);
    assert_eq!(rows[2]["holders"], serde_json::json!(["A", "B", "C"]));
    ok(&site, &["unseal", "drill"], &format!("{}\n{}", shares[0], shares[1]));
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
    let list = String::from_utf8_lossy(&site.run(&["unseal", "list"]).stdout).into_owned();
    assert!(list.contains("root 2 since") && list.contains("(0 days)"), "{list}");
    let renewed = entries(&site, "root-renewed");
    assert_eq!((renewed.len(), renewed[0]["stayed"].as_array().unwrap().len()), (1, 3));
    assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
}

fn clock() -> model::Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    model::Instant(i64::try_from(since.as_micros()).unwrap())
}

/// What the command does up to the moment in which the new root is in force, as if it had been killed there.
fn new_root_and_killed(site: &Installation) {
    let dir = site.dir();
    let json = std::fs::read(dir.join("warden/root.json")).unwrap();
    let old = RootEnvelope::from_json(&json).unwrap();
    let (before, root) = (old.unseal_with_passphrase(PASSPHRASE).unwrap(), RootSecret::generate(&mut SystemRandom));
    let kit = RecoveryKit::parse(&std::fs::read_to_string(site.path("kit")).unwrap()).unwrap();
    let secrets = [MethodSecret::Passphrase(PASSPHRASE.to_owned().into()), MethodSecret::RecoveryKit(kit)];
    let ids = old.methods().unwrap().into_iter().map(|method| method.id);
    let stay: Vec<_> = ids.zip(secrets).collect();
    let (envelope, stayed) = old.renewed(&before, &root, &stay, &mut SystemRandom).unwrap();
    let (based_on, removed) = (seal::sha256(&json), Vec::new());
    let mut asked = NewRootAsked { based_on, removed, leave_only_machines: false, signature: Vec::new() };
    asked.signature = before.unseal_signing_key().sign(&asked.message()).to_vec();
    let unseal = warden::Unseal::Root { root: before.clone(), by: "passphrase" };
    let settings = warden::Settings { dir, unseal, origin: "http://localhost:8443".to_owned(), clock };
    let warden = warden::Warden::start(settings).unwrap();
    let request = PageRequest::Unseal(UnsealRequest::NewRoot(Box::new(asked)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(warden.ask_as_owner(request)).unwrap();
    warden.renew_root(&warden::NewRoot { before, root, envelope, stayed }, &mut warden::NoHooks).unwrap();
}

#[test]
fn a_new_root_whose_command_was_killed_is_finished_by_serve_inside_its_walls() {
    let (mut site, token) = Installation::with_image();
    site.stop();
    let public = || std::fs::read_to_string(site.dir().join("front/site.json")).unwrap();
    let before = public();
    new_root_and_killed(&site);
    let half = site.dir().join("warden/new-root");
    assert!(half.join("warden.db").exists() && public() == before);
    // a copy of a stopped site would be half of one and half of the other
    let vault = site.path("vault");
    site.ok(&["vault", "init", &vault, "--allow-same-filesystem"]);
    let error = site.refused(1, &["vault", "sync", &vault]);
    assert!(error.contains("another root is being put in place"), "{error}");

    site.start();
    assert!(!half.exists());
    let after = std::fs::read_to_string(site.dir().join("front/site.json")).unwrap();
    assert_ne!(after, before, "the front seals to the new key");
    assert_eq!(store(site.dicom(), vec![ct_instance(2, 2, 1, 1, 16, 16)]).unwrap(), [0]);
    site.ok(&["settle"]);
    assert_eq!(get(site.http(), &token, "/dicom-web/studies").json().as_array().unwrap().len(), 2);
    assert_eq!(entries(&site, "root-renewed").len(), 1);
    let list = String::from_utf8_lossy(&site.run(&["unseal", "list"]).stdout).into_owned();
    assert!(list.contains("root 2 since") && !list.contains("is kept until"), "{list}");
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
    site.ok(&["vault", "sync", &vault]);
}

#[test]
fn beside_a_sync_of_a_vault_no_root_is_made_and_none_that_is_half_in_place_is_finished() {
    let (mut site, token) = Installation::with_image();
    site.stop();
    let (_, older) = envelope(&site);
    // as a sync of a stopped site holds the folder while it copies
    let sync = || {
        let folder = File::open(site.dir().join("warden")).unwrap();
        folder.lock_shared().unwrap();
        folder
    };
    let copying = sync();
    let new = ["unseal", "new-root", "--remove", "recovery-kit", "--passphrase-file", "-"];
    refused(&site, &new, PASSPHRASE, "a start or a sync of a vault, and the old root stays");
    assert_eq!(envelope(&site).1, older);
    drop(copying);
    new_root_and_killed(&site);
    let copying = sync();
    refused(&site, &[&SERVE[..], &["--passphrase-file", "-"]].concat(), PASSPHRASE, "another process changes the root");
    assert!(site.dir().join("warden/new-root/warden.db").exists(), "it is as it was");
    drop(copying);
    site.start();
    assert_eq!(studies(&site, &token), 1);
    assert!(!site.dir().join("warden/new-root").exists());
    site.stop();
    // one that only starts does not wait for it
    let copying = File::open(site.dir().join("warden")).unwrap();
    copying.lock_shared().unwrap();
    site.start();
    assert_eq!(studies(&site, &token), 1);
}

#[test]
fn an_older_root_json_that_comes_back_when_the_old_database_is_out_of_the_way_is_named_and_nothing_is_lost() {
    let (mut site, token) = Installation::with_image();
    site.stop();
    let older = envelope(&site).1;
    new_root_and_killed(&site);
    let warden = site.dir().join("warden");
    // the first thing that whoever finishes does
    std::fs::rename(warden.join("warden.db"), warden.join("new-root/old.db")).unwrap();
    std::fs::write(warden.join("root.json"), &older).unwrap();
    let files = || {
        let there = std::fs::read_dir(warden.join("new-root")).unwrap().map(|entry| entry.unwrap().file_name());
        there.collect::<BTreeSet<_>>()
    };
    let before = files();
    let remove = ["unseal", "remove", "recovery-kit", "--passphrase-file", "-"];
    refused(&site, &remove, PASSPHRASE, "put that one back, a copy lies in that folder");
    assert_eq!(files(), before);
    std::fs::copy(warden.join("new-root/root.json"), warden.join("root.json")).unwrap();
    site.start();
    assert_eq!(studies(&site, &token), 1);
    assert_eq!(entries(&site, "root-renewed").len(), 1);
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
}
