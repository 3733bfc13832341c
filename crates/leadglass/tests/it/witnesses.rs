//! Witnesses of the built program: our own role, and a third party's.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::clients::python;
use crate::installation::{Installation, kill, wait_until};

/// A witness that runs.
pub struct RunningWitness {
    pub folder: tempfile::TempDir,
    pub url: String,
    pub vkeys: Vec<String>,
    child: Child,
}

fn leadglass(folder: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadglass"));
    command.args(arguments).arg("--dir").arg(folder).args(["--format", "json"]).stdin(Stdio::null());
    command
}

fn json(mut command: Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

impl RunningWitness {
    /// `leadglass witness` of our own.
    pub fn ours() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("witness");
        let made = json(leadglass(&dir, &["witness", "init", "--name", "witness.example/w1"]));
        let vkeys = made["vkeys"].as_array().unwrap().iter().map(|vkey| vkey.as_str().unwrap().to_owned()).collect();
        let (child, url) = serve(leadglass(&dir, &["witness", "serve", "--listen", "127.0.0.1:0"]));
        Self { folder, url, vkeys, child }
    }

    /// Has it know a site by the line of its ledger/site.vkey.
    pub fn knows(&self, site: &Installation) {
        let dir = self.folder.path().join("witness");
        json(leadglass(&dir, &["witness", "add-log", &vkey(site)]));
    }

    pub fn watches(&self, site: &Installation) {
        self.knows(site);
        let mut arguments = vec!["ledger", "witness", "add", &self.url];
        self.vkeys.iter().for_each(|vkey| arguments.extend(["--vkey", vkey]));
        site.ok(&arguments);
    }
}

impl Drop for RunningWitness {
    fn drop(&mut self) {
        kill(self.child.id(), "TERM");
        let _ = self.child.wait();
    }
}

fn serve(mut command: Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    (child, ready["http"].as_str().unwrap().to_owned())
}

/// The site's own key.
pub fn vkey(site: &Installation) -> String {
    std::fs::read_to_string(site.dir().join("ledger/site.vkey")).unwrap().trim_end().to_owned()
}

/// Waits until every witness has cosigned everything that there is.
pub fn wait_until_cosigned(site: &Installation) {
    wait_until("every witness has cosigned everything", || {
        let rows = site.ok(&["ledger", "witness", "list"]);
        let rows = rows.as_array().unwrap();
        // the journal included: what was answered a moment ago counts
        let size = site.ok(&["ledger", "verify"])["size"].clone();
        !rows.is_empty() && rows.iter().all(|row| row["cosigned"] == size && row["problem"].is_null())
    });
}

pub fn checkpoint_size(site: &Installation) -> u64 {
    let note = site.ok(&["ledger", "checkpoint"])["checkpoint"].as_str().unwrap().to_owned();
    note.lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn our_own_witness_cosigns_a_running_site_and_the_lag_is_shown() {
    let site = Installation::new();
    let doctor = site.ok(&["doctor"]);
    assert!(doctor.to_string().contains("no witness is configured"));
    let witness = RunningWitness::ours();
    witness.watches(&site);
    site.ok(&["org", "add", "Practice"]);
    wait_until_cosigned(&site);
    let note = site.ok(&["ledger", "checkpoint", "--cosigned"])["checkpoint"].as_str().unwrap().to_owned();
    for vkey in &witness.vkeys {
        let cosigner = audit::Cosigner::parse(vkey).unwrap();
        assert!(cosigner.cosigned(note.as_bytes()).unwrap().is_some(), "{cosigner:?}");
    }
    // a cosigned checkpoint is what `--since` takes, and it is the one that the witness shows
    std::fs::write(site.path("since"), &note).unwrap();
    site.ok(&["org", "add", "Another"]);
    assert_eq!(site.ok(&["ledger", "verify", "--since", &site.path("since")])["verified"], true);
    let status = json(leadglass(&witness.folder.path().join("witness"), &["witness", "status"]));
    assert!(status["logs"][0]["size"].as_u64().unwrap() >= 3);
    // away: the site goes on, and says how far the witness is behind
    let (url, dir) = (witness.url.clone(), witness.folder.path().join("witness"));
    kill(witness.child.id(), "KILL");
    wait_until("it is gone", || std::net::TcpStream::connect(url.trim_start_matches("http://")).is_err());
    site.ok(&["org", "add", "While it is away"]);
    wait_until("the lag is said", || {
        let row = site.ok(&["ledger", "witness", "list"])[0].clone();
        row["lag"].as_u64().unwrap() > 0
            && row["problem"].as_str().is_some_and(|what| what.contains("cannot be reached"))
    });
    let error = site.refused(1, &["doctor"]);
    assert!(error.contains("need a hand"), "{error}");
    // back on the same address
    let listen = url.trim_start_matches("http://").to_owned();
    let (child, _) = serve(leadglass(&dir, &["witness", "serve", "--listen", &listen]));
    wait_until_cosigned(&site);
    assert_eq!(site.ok(&["doctor"])["wrong"], 0);
    site.ok(&["ledger", "witness", "remove", &url]);
    site.refused(1, &["ledger", "witness", "remove", &url]);
    assert_eq!(site.ok(&["ledger", "witness", "list"]), serde_json::json!([]));
    kill(child.id(), "TERM");
}

#[test]
fn a_witness_that_is_no_witness_is_not_added() {
    let site = Installation::new();
    for (url, key) in [("ftp://witness", "x"), ("https://witness.example", "witness+00000000+AAAA")] {
        site.refused(1, &["ledger", "witness", "add", url, "--vkey", key]);
    }
    // a site's own key is no witness's
    site.refused(1, &["ledger", "witness", "add", "https://witness.example", "--vkey", &vkey(&site)]);
    site.refused(2, &["ledger", "witness", "add", "https://witness.example"]);
    site.refused(1, &["ledger", "checkpoint", "--cosigned"]);
    site.refused(1, &["ledger", "accept-loss", "--reason", "nothing was lost"]);
}

/// `aics-witness` 0.1.0 of PyPI, a witness of others, cosigns our ledger; `aics-tlog` 0.2.1 and `tlog-scales` 0.0.3, clients
/// of others, read our tiles and check our witness's two cosignatures.
#[test]
fn a_third_partys_witness_cosigns_and_third_party_clients_read_our_tiles() {
    let Some(python) = python() else { return };
    let site = Installation::new();
    let folder = tempfile::tempdir().unwrap();
    let aics = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command.args(["-m", "aics_witness"]).args(arguments).arg("--config").arg(folder.path().join("witness.json"));
        command
    };
    let output = aics(&["init", "--name", "aics.example/w1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let theirs = text.split_whitespace().find(|word| word.starts_with("aics.example/w1+")).unwrap().to_owned();
    let own = vkey(&site);
    let origin = own.split('+').next().unwrap();
    assert!(aics(&["add-log", "--origin", origin, "--vkey", &own]).output().unwrap().status.success());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let mut child = aics(&["serve", "--listen", &listen]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("aics-witness answers", || std::net::TcpStream::connect(&listen).is_ok());
    site.ok(&["ledger", "witness", "add", &format!("http://{listen}"), "--vkey", &theirs]);
    let ours = RunningWitness::ours();
    ours.watches(&site);
    for number in 0..40 {
        site.ok(&["org", "add", &format!("Practice {number}")]);
    }
    wait_until_cosigned(&site);
    let note = site.ok(&["ledger", "checkpoint", "--cosigned"])["checkpoint"].as_str().unwrap().to_owned();
    assert!(note.contains("witness.example/w1") || note.contains("aics.example/w1"));
    // their clients, on our files
    let notes = site.dir().join("witnesses/told");
    let mut script = Command::new(&python);
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tlog_clients.py"));
    script.arg(site.dir().join("ledger")).arg(&notes).arg(&own).arg(&theirs).args(&ours.vkeys);
    let output = script.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("all clients agree"), "{text}");
    kill(child.id(), "TERM");
    let _ = child.wait();
}
