//! The ledger's files from outside: words that were erased, and tiles that a client of others reads over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;

use serde_json::{Value, json};
use tlog_tiles::{
    Checkpoint, Error, Hash, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash, stored_hash_index,
};

use crate::installation::{Installation, PASSPHRASE, kill, wait_until};
use crate::threats_insider::Scene;

const WORDS: &str = "the neighbour of Ms Quittenbaum looked";

/// Number and content of every entry.
fn entries(site: &Installation) -> Vec<Value> {
    let printed = site.run(&["ledger", "entries", "--limit", "1000", "--format", "json"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect()
}

fn number_of(site: &Installation, kind: &str) -> String {
    let all = entries(site);
    let found = all.iter().rev().find(|row| row["entry"]["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    found["number"].to_string()
}

fn erased(site: &Installation) -> (Value, Value) {
    let verified = site.ok(&["ledger", "verify"]);
    (verified["erased"].clone(), verified["erasures_owed"].clone())
}

#[test]
fn two_persons_erase_the_words_of_an_entry_and_the_ledger_verifies_everywhere() {
    let mut scene = Scene::new();
    let site = &scene.site;
    let vault = tempfile::tempdir().unwrap();
    let vault = vault.path().join("vault").to_string_lossy().into_owned();
    site.ok(&["vault", "init", &vault, "--allow-same-filesystem"]);
    site.ok(&["incident", "open", "--title", "a login was found", "--from", "1d"]);
    site.ok(&["incident", "note", "1", WORDS]);
    assert!(site.ok(&["incident", "show", "1"]).to_string().contains(WORDS));
    let note = number_of(site, "incident-noted");
    wait_until("the tiles hold it", || site.ok(&["ledger", "verify"])["erased"] == 0);
    site.ok(&["vault", "sync", &vault]);

    // one person alone, and what stays
    let related = number_of(site, "related");
    let error = site.refused(1, &["ledger", "erase", &related, "--reason", "asked for"]);
    assert!(error.contains("who could reach"), "{error}");
    let added = number_of(site, "person-added");
    let error = site.refused(1, &["ledger", "erase", &added, "--reason", "asked for"]);
    assert!(error.contains("whom or what a number stands for"), "{error}");
    site.refused(1, &["ledger", "erase", "100000", "--reason", "asked for"]);
    site.refused(1, &["ledger", "erase", &note, "--reason", " "]);
    let row = site.ok(&["ledger", "erase", &note, "--reason", "Art. 17, request of 3 November"]);
    scene.let_the_delay_pass("technologist");
    assert_eq!(scene.state(&row["proposal"]), "open", "one person alone erases nothing");
    let open = site.refused(1, &["ledger", "erase", &row["proposal"].to_string(), "--reason", "asked for"]);
    assert!(open.contains("a proposal that is decided"), "{open}");

    let shown = scene.proposals().into_iter().find(|shown| shown["proposal"] == row["proposal"]).unwrap();
    assert!(shown["words"].as_str().unwrap().contains(&format!("entry {note}")), "{shown}");
    assert_eq!(scene.officer.approve(&shown).status, 202);
    assert_eq!(scene.state(&row["proposal"]), "open", "the owner of the machine is no second person");
    assert_eq!(scene.admin.approve(&shown).status, 202);
    wait_until("a second person stands behind it", || scene.state(&row["proposal"]).get("carried-out").is_some());
    let told = site.ok(&["incident", "show", "1"]).to_string();
    assert!(!told.contains(WORDS) && told.contains("(erased)"), "{told}");
    let error = site.refused(1, &["ledger", "erase", &note, "--reason", "again"]);
    assert!(error.contains("exists already"), "{error}");
    wait_until("the payload is gone", || erased(site) == (json!(1), json!(0)));
    let folded = site.ok(&["exposure", "device:spy", "--from", "1d", "--to", "now"]);
    assert_eq!(folded["erased"], 1, "{folded}");

    // the vault follows at its next sync
    site.ok(&["vault", "sync", &vault]);
    assert_eq!(site.ok(&["vault", "verify", &vault])["damages"], json!([]));
    let restored = Installation::empty();
    restored.ok(&["vault", "restore", &vault]);
    assert_eq!(erased(&restored), (json!(1), json!(0)));

    // and after a restart nothing else is told
    scene.site.stop();
    scene.site.start();
    let told = scene.site.ok(&["incident", "show", "1"]).to_string();
    assert!(!told.contains(WORDS) && told.contains("(erased)"), "{told}");
    let kept: Vec<Value> = entries(&scene.site);
    let left = kept.iter().find(|row| row["number"].as_u64() == note.parse().ok()).unwrap();
    assert_eq!((&left["entry"]["kind"], &left["entry"]["text"]), (&json!("incident-noted"), &json!("(erased)")));
    assert_eq!(left["actor_name"], "owner of the machine");

    // another payload that is missing is named
    scene.site.stop();
    let payload = scene.site.dir().join("ledger/payload");
    let bundle = std::fs::read_dir(payload.join("000.p")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&bundle).unwrap();
    let length = u32::from_be_bytes(whole[..4].try_into().unwrap()) as usize;
    let by = number_after(&kept, "erased");
    let cut = [&[0; 4][..], &by.to_be_bytes(), &whole[4 + length..]].concat();
    std::fs::write(&bundle, cut).unwrap();
    let error = scene.site.refused(1, &["ledger", "verify"]);
    assert!(error.contains("lacks the payload of entry 0") && error.contains("no entry says"), "{error}");
    let refused = scene.site.run_with_input(&["serve", "--passphrase-file", "-", "--http", "none"], PASSPHRASE);
    assert!(!refused.status.success(), "it does not start");
}

fn number_after(entries: &[Value], kind: &str) -> u64 {
    entries.iter().find(|row| row["entry"]["kind"] == kind).unwrap()["number"].as_u64().unwrap()
}

#[test]
fn a_kill_between_the_erasure_and_the_payload_is_made_up_for_at_the_next_start() {
    let mut site = Installation::new();
    let second = site.path("second");
    site.add_second_folder(&second);
    wait_until("it is taken up", || is_whole(&site));
    site.ok(&["incident", "open", "--title", "a login was found", "--from", "1d"]);
    for round in 0..6 {
        site.ok(&["incident", "note", "1", WORDS]);
        let note = number_of(&site, "incident-noted");
        // the site is set up by its owner alone: it is carried out at once
        site.ok(&["ledger", "erase", &note, "--reason", "asked for"]);
        site.kill();
        let verified = site.ok(&["ledger", "verify"]);
        let (gone, owed) = (verified["erased"].as_u64().unwrap(), verified["erasures_owed"].as_u64().unwrap());
        assert_eq!(gone + owed, round + 1, "{verified}");
        site.start();
        wait_until("what was owed is done", || erased(&site) == (json!(round + 1), json!(0)));
        assert!(!site.ok(&["incident", "show", "1"]).to_string().contains(WORDS));
        let second = std::path::Path::new(&second).join("ledger");
        wait_until("the second folder follows", || {
            audit::verify(&second, None)
                .is_ok_and(|verified| (verified.erased, verified.erasures_owed) == (round + 1, 0))
        });
    }
}

fn is_whole(site: &Installation) -> bool {
    let listed = site.run(&["ledger", "sink", "list", "--format", "json"]);
    // the warden is started again now and then here
    let Ok(rows) = serde_json::from_slice::<Value>(&listed.stdout) else { return false };
    let rows = rows.as_array().unwrap();
    rows.len() == 2 && rows.iter().all(|row| row["away"].is_null() && row["behind"] == 0)
}

#[test]
fn a_second_folder_that_is_added_or_mounted_later_is_taken_up_at_the_next_start() {
    let mut site = Installation::new();
    let second = site.path("second");
    site.add_second_folder(&second);
    wait_until("it is taken up", || is_whole(&site));
    site.ok(&["org", "add", "First"]);
    let folder = std::path::PathBuf::from(&second);
    let size = |ledger: &std::path::Path| audit::verify(ledger, None).map(|verified| verified.size).ok();
    assert!(size(&folder.join("ledger")).is_some());
    // its disk is not there at a start
    site.stop();
    std::fs::rename(&folder, site.path("elsewhere")).unwrap();
    site.start();
    site.ok(&["org", "add", "While it is away"]);
    assert!(!is_whole(&site));
    std::fs::rename(site.path("elsewhere"), &folder).unwrap();
    site.stop();
    site.start();
    wait_until("it is taken up again", || is_whole(&site));
    site.ok(&["org", "add", "After that"]);
    wait_until("both hold the same", || size(&folder.join("ledger")) == size(&site.dir().join("ledger")));
}

/// tlog_tiles, Cloudflare's client (crates.io), on what `leadglass ledger serve` answers.
struct Client {
    address: SocketAddr,
}

impl Client {
    fn get(&self, method: &str, path: &str) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "{method} {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        (status, head, answer[end + 4..].to_vec())
    }

    fn checkpoint(&self) -> Checkpoint {
        let (status, _, note) = self.get("GET", "/checkpoint");
        assert_eq!(status, 200);
        // the client parses a note's text; its signatures stand behind an empty line
        let text = note.windows(2).position(|two| two == b"\n\n").expect("a note has signatures") + 1;
        Checkpoint::from_bytes(&note[..text]).unwrap()
    }
}

impl TileReader for Client {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        // C2SP tlog-tiles has one height and leaves it out of the path
        let path = |tile: &Tile| tile.path().replacen("tile/8/", "/tile/", 1);
        Ok(tiles.iter().map(|tile| self.get("GET", &path(tile)).2).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn a_published_client_reads_the_tiles_over_http_and_checks_inclusion_and_consistency() {
    let mut site = Installation::new();
    site.ok(&["org", "add", "First"]);
    let mut serving = site
        .command(&["ledger", "serve", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let client = Client { address: ready["http"].as_str().unwrap().trim_start_matches("http://").parse().unwrap() };

    let size = |site: &Installation| site.ok(&["ledger", "verify"])["size"].as_u64().unwrap();
    wait_until("the checkpoint follows", || client.checkpoint().size() == size(&site));
    let older = client.checkpoint();
    // enough for a full tile and one beside it
    site.ok(&["incident", "open", "--title", "a login was found", "--from", "1d"]);
    while size(&site) < 300 {
        site.ok(&["incident", "note", "1", "something"]);
    }
    wait_until("the checkpoint follows", || client.checkpoint().size() == size(&site));
    let newer = client.checkpoint();
    let verifier = audit::NoteVerifier::parse(&crate::witnesses::vkey(&site)).unwrap();
    let note = client.get("GET", "/checkpoint").2;
    assert_eq!(audit::Checkpoint::open(&note, &verifier).unwrap().size, newer.size(), "signed by the site");

    let reader = TileHashReader::new(newer.size(), *newer.hash(), &client);
    let proof = prove_tree(newer.size(), older.size(), &reader).unwrap();
    check_tree(&proof, newer.size(), *newer.hash(), older.size(), *older.hash()).unwrap();
    let other = Hash([7; 32]);
    assert!(check_tree(&proof, newer.size(), *newer.hash(), older.size(), other).is_err());
    for number in [0, 1, 255, 256, newer.size() - 1] {
        let (index, width) = (number / 256, (newer.size() - number / 256 * 256).min(256));
        let partial = if width == 256 { String::new() } else { format!(".p/{width}") };
        let (status, _, bundle) = client.get("GET", &format!("/tile/entries/{index:03}{partial}"));
        assert_eq!(status, 200);
        let leaf = nth_leaf(&bundle, (number % 256) as usize);
        let proof = prove_record(newer.size(), number, &reader).unwrap();
        check_record(&proof, newer.size(), *newer.hash(), number, record_hash(leaf)).unwrap();
        assert!(check_record(&proof, newer.size(), *newer.hash(), number, record_hash(b"another")).is_err());
        assert_eq!(reader.read_hashes(&[stored_hash_index(0, number)]).unwrap()[0], record_hash(leaf));
    }
    assert!(client.get("GET", "/tile/0/000").1.contains("immutable"));
    // no payload, no other file, no other way out of the folder, nothing to write
    for path in [
        "/payload/000",
        "/payload/000.p/44",
        "/site.vkey",
        "/lock",
        "/journal/00000001",
        "/tile/0/../../site.vkey",
        "/tile/0/999",
        "/tile/0/000.p/256",
        "/tile/0/001.p/255",
        "/tile//0/000",
        "//checkpoint",
        "/",
        "/tile/entries/..%2f..%2fsite.vkey",
    ] {
        assert_eq!(client.get("GET", path).0, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(client.get(method, "/checkpoint").0, 405);
    }
    kill(serving.id(), "TERM");
    assert!(serving.wait().unwrap().success());
    site.stop();
}

fn nth_leaf(bundle: &[u8], position: usize) -> &[u8] {
    let mut rest = bundle;
    for _ in 0..position {
        let length = u16::from_be_bytes([rest[0], rest[1]]) as usize;
        rest = &rest[2 + length..];
    }
    let length = u16::from_be_bytes([rest[0], rest[1]]) as usize;
    &rest[2..2 + length]
}
