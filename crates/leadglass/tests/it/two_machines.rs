//! Front and warden on two machines: introduced to each other, over a line that is slow, is cut and comes back.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use phantom::{ct_instance, uid};
use serde_json::Value;

use crate::client::{get, instance};
use crate::installation::{Installation, PASSPHRASE, kill, store, wait_until};
use crate::relay::Relay;

/// One role's own parent, ended with this.
struct Machine {
    child: Child,
    ready: Value,
}

impl Drop for Machine {
    fn drop(&mut self) {
        kill(self.child.id(), "TERM");
        let _ = self.child.wait();
    }
}

fn started(mut command: Command, input: &str, log: &str) -> Machine {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{input}\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready = serde_json::from_str(&line).unwrap_or(Value::Null);
    Machine { child, ready }
}

/// A warden's machine and, in another folder, a front's.
struct TwoMachines {
    site: Installation,
    /// Where programs of the warden's machine run: in a network of its own, or nowhere special.
    network: Option<Network>,
}

impl TwoMachines {
    fn new(network: Option<Network>) -> Self {
        Self { site: Installation::stopped(), network }
    }

    fn warden(&self) -> Machine {
        self.warden_by(&["--passphrase-file", "-"], PASSPHRASE)
    }

    /// The warden, unsealed like this.
    fn warden_by(&self, unseal: &[&str], input: &str) -> Machine {
        let address = self.network.as_ref().map_or("127.0.0.1:0".to_owned(), |network| format!("{}:0", network.inside));
        let arguments = ["warden", "--origin", "http://localhost:8443", "--listen", &address];
        let plain = self.site.command(&[&arguments[..], unseal].concat());
        let command = match &self.network {
            Some(network) => network.inside(&plain),
            None => plain,
        };
        let machine = started(command, input, &self.site.path("log"));
        assert_eq!(machine.ready["role"], "warden", "{}", self.site.log());
        machine
    }

    fn front_dir(&self) -> String {
        self.site.path("front machine")
    }

    fn on_the_front(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadglass"));
        command.args(arguments).arg("--dir").arg(self.front_dir()).env("LEADGLASS_LOG", "info,tarpc=warn");
        command
    }

    /// Takes the introduction to the front's machine; the front's pin.
    fn introduced(&self) -> String {
        let introduction = self.site.path("warden.json");
        std::fs::write(&introduction, self.site.run(&["warden", "pin"]).stdout).unwrap();
        let output = self.on_the_front(&["front", "pin", &introduction, "--format", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let pin: Value = serde_json::from_slice(&output.stdout).unwrap();
        pin["pin"].as_str().unwrap().to_owned()
    }

    /// The same, and the warden's site knows that front by this name from now on.
    fn known_as(&self, name: &str) -> String {
        let pin = self.introduced();
        self.site.ok(&["warden", "pin", "add", &pin, "--name", name]);
        pin
    }

    fn front(&self, warden: &str) -> Machine {
        let arguments =
            ["front", "--warden", warden, "--plain-http", "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0"];
        let machine = started(self.on_the_front(&arguments), "", &self.site.path("front log"));
        assert_eq!(machine.ready["role"], "front", "{}", self.front_log());
        machine
    }

    fn front_log(&self) -> String {
        std::fs::read_to_string(self.site.path("front log")).unwrap_or_default()
    }

    /// Waits until the front's outbox is recorded by the warden.
    fn settle(&self) {
        let output = self.on_the_front(&["settle", "--format", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn until_found(front: &Machine, token: &str) {
    wait_until("the front found its warden", || {
        matches!(get(address(front, "http"), token, "/dicom-web/studies").status, 200 | 204)
    });
}

fn address(machine: &Machine, of: &str) -> SocketAddr {
    machine.ready[of].as_str().unwrap_or_else(|| panic!("{}", machine.ready)).parse().unwrap()
}

/// The warden's network, joined to this one by one cable that can be pulled and made slow.
struct Network {
    name: String,
    inside: String,
}

impl Network {
    /// A new one, where this user may make one.
    fn new(number: u8) -> Option<Self> {
        let name = format!("lg{}-{number}", std::process::id());
        let cable = format!("lg{number}v{}", std::process::id() % 100_000);
        let (here, inside) = (format!("10.83.{number}.1/30"), format!("10.83.{number}.2"));
        if !ip(&["netns", "add", &name]) {
            return None;
        }
        let network = Self { name: name.clone(), inside: inside.clone() };
        let peer = format!("{cable}p");
        assert!(ip(&["link", "add", &cable, "type", "veth", "peer", "name", &peer, "netns", &name]));
        assert!(ip(&["addr", "add", &here, "dev", &cable]) && ip(&["link", "set", &cable, "up"]));
        let cidr = format!("{inside}/30");
        assert!(ip(&["-n", &name, "addr", "add", &cidr, "dev", &peer]));
        assert!(ip(&["-n", &name, "link", "set", &peer, "up"]) && ip(&["-n", &name, "link", "set", "lo", "up"]));
        Some(network)
    }

    /// The same program inside.
    fn inside(&self, program: &Command) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program.get_program()).args(program.get_args());
        command.env("LEADGLASS_LOG", "info,tarpc=warn");
        command
    }

    fn pull(&self, plugged: bool) {
        let cable = self.cable();
        assert!(ip(&["-n", &self.name, "link", "set", &cable, if plugged { "up" } else { "down" }]));
    }

    /// At most so many kilobits a second out of the warden's machine; whether this kernel can.
    fn slow(&self, kilobits: u32) -> bool {
        let (cable, rate) = (self.cable(), format!("{kilobits}kbit"));
        let arguments = ["-n", &self.name, "qdisc", "add", "dev", &cable, "root", "tbf", "rate", &rate];
        let arguments = [&arguments[..], &["burst", "16kb", "latency", "400ms"]].concat();
        Command::new("tc").args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn cable(&self) -> String {
        let output =
            Command::new("ip").args(["-n", &self.name, "-o", "link", "show", "type", "veth"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().nth(1).unwrap().split('@').next().unwrap().to_owned()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // the cable goes with it
        ip(&["netns", "delete", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Reads one instance through the front.
fn read(front: &Machine, token: &str, study: u32, number: u32) -> (u16, Vec<u8>) {
    let answer = instance(
        address(front, "http"),
        token,
        &uid(&[9, study, study]),
        &uid(&[9, study, study, 1]),
        &uid(&[9, study, study, 1, number]),
    );
    (answer.status, answer.body)
}

fn image(study: u32, number: u32) -> Vec<u8> {
    ct_instance(study, study, 1, number, 64, 64)
}

/// The line is cut: images come in, reading says that it waits. It comes back: everything acknowledged is handed over.
fn cut_and_back(machines: &TwoMachines, front: &Machine, token: &str, cut: impl Fn(bool)) {
    assert_eq!(store(address(front, "dicom"), vec![image(1, 1)]).unwrap(), [0]);
    machines.settle();
    assert_eq!(read(front, token, 1, 1).0, 200);
    cut(true);
    let waits = get(address(front, "http"), token, "/dicom-web/studies");
    assert_eq!(waits.status, 503, "{}", String::from_utf8_lossy(&waits.body));
    assert!(waits.json()["error"].as_str().unwrap().contains("waits for the warden"), "{}", waits.json());
    let files = (1..=20).map(|number| image(2, number)).collect();
    assert_eq!(store(address(front, "dicom"), files).unwrap(), [0; 20], "images are taken in while the line is cut");
    cut(false);
    wait_until("reading goes on", || get(address(front, "http"), token, "/dicom-web/studies").status == 200);
    machines.settle();
    for number in 1..=20 {
        let (status, body) = read(front, token, 2, number);
        assert_eq!(status, 200, "instance {number}");
        let data_set = |file: &[u8]| dimse::sender::Outgoing::from_part10(file.to_vec()).unwrap().data_set;
        assert!(data_set(&body) == data_set(&image(2, number)), "instance {number} differs");
    }
    assert_eq!(machines.site.ok(&["ledger", "verify"])["verified"], true);
}

#[test]
fn a_line_that_is_cut_and_comes_back_loses_nothing_that_was_acknowledged() {
    let machines = TwoMachines::new(None);
    let warden = machines.warden();
    machines.known_as("front in the city");
    let token = machines.site.with_devices();
    let relay = Relay::new(address(&warden, "listen"));
    let front = machines.front(&relay.address().to_string());
    until_found(&front, &token);
    cut_and_back(&machines, &front, &token, |cut| relay.cut(cut));
    assert_eq!(front.ready["walls"]["line"]["calls"], "stands");
    assert_eq!(front.ready["walls"]["codecs"]["calls"], "stands");
    assert!(warden.ready["walls"]["codecs"].is_null(), "who holds the keys decodes nothing");
    assert_eq!(warden.ready["walls"]["line"]["calls"], "stands");
    assert_eq!(warden.ready["secret"], Value::Null, "the line's key stays between the processes");
}

#[test]
fn a_slow_line_is_no_dead_warden() {
    let machines = TwoMachines::new(None);
    let warden = machines.warden();
    machines.known_as("front in the country");
    let token = machines.site.with_devices();
    let relay = Relay::new(address(&warden, "listen"));
    // another continent: 150 ms each way
    relay.delay(150);
    let front = machines.front(&relay.address().to_string());
    until_found(&front, &token);
    let files = (1..=30).map(|number| image(3, number)).collect();
    assert_eq!(store(address(&front, "dicom"), files).unwrap(), [0; 30]);
    machines.settle();
    for number in 1..=30 {
        assert_eq!(read(&front, &token, 3, number).0, 200, "instance {number}");
    }
}

#[test]
fn across_network_namespaces_a_pulled_cable_and_a_slow_one_lose_nothing() {
    let Some(network) = Network::new(1) else {
        let uid = Command::new("id").arg("-u").output().unwrap().stdout;
        assert_ne!(uid, b"0\n", "root makes a network namespace with iproute2; install it");
        println!("not root: the line is tested over loopback only");
        return;
    };
    let machines = TwoMachines::new(Some(network));
    let warden = machines.warden();
    let network = machines.network.as_ref().unwrap();
    machines.known_as("front next door");
    let token = machines.site.with_devices();
    let front = machines.front(warden.ready["listen"].as_str().unwrap());
    until_found(&front, &token);
    cut_and_back(&machines, &front, &token, |cut| network.pull(!cut));
    if network.slow(512) {
        println!("slow: 512 kbit/s out of the warden's machine");
        let files = (1..=20).map(|number| image(4, number)).collect();
        assert_eq!(store(address(&front, "dicom"), files).unwrap(), [0; 20]);
        machines.settle();
        for number in 1..=20 {
            assert_eq!(read(&front, &token, 4, number).0, 200, "instance {number}");
        }
    } else {
        println!("this kernel makes no cable slow; the relay's test does");
    }
}

#[test]
fn a_front_that_was_not_introduced_is_refused_and_one_that_is_forgotten_is_cut_off() {
    let machines = TwoMachines::new(None);
    let warden = machines.warden();
    let pin = machines.introduced();
    let token = machines.site.with_devices();
    let front = machines.front(warden.ready["listen"].as_str().unwrap());
    let studies = || get(address(&front, "http"), &token, "/dicom-web/studies");
    wait_until("the warden's side refuses it", || {
        machines.site.log().contains("somebody with another key was refused")
    });
    assert_eq!(studies().status, 503);
    machines.site.ok(&["warden", "pin", "add", &pin, "--name", "late"]);
    wait_until("it is let in", || studies().status == 204);
    assert_eq!(machines.site.ok(&["warden", "pin", "list"])[0]["name"], "late");
    machines.site.ok(&["warden", "pin", "remove", &pin]);
    wait_until("it is cut off", || studies().status == 503);
    let entries = machines.site.run(&["ledger", "entries", "--limit", "500", "--format", "json"]);
    let entries = String::from_utf8(entries.stdout).unwrap();
    for kind in ["front-introduced", "front-forgotten"] {
        assert!(
            entries.lines().any(|line| line.contains(kind) && line.contains(&pin)),
            "{kind} is an entry: {entries}"
        );
    }
    machines.site.refused(1, &["warden", "pin", "remove", &pin]);
    machines.site.refused(2, &["warden", "pin", "add", "not a pin", "--name", "x"]);
}

#[test]
fn the_owner_s_socket_is_not_on_the_line_and_the_front_s_machine_holds_no_key_of_the_archive() {
    let machines = TwoMachines::new(None);
    let warden = machines.warden();
    machines.known_as("front");
    let _front = machines.front(warden.ready["listen"].as_str().unwrap());
    // on the front's machine the owner's commands find nobody
    let output = machines.on_the_front(&["org", "add", "Intruders"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let mut names: Vec<String> = std::fs::read_dir(machines.front_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["front", "line", "run"], "no folder of the warden");
    let error = machines.site.refused(1, &["warden", "--passphrase-file", &machines.site.path("kit")]);
    assert!(error.contains("did not start") || error.contains("sealed"), "{error}");
}

/// The disk that a folder says it lies on, as reports name it.
fn disk_of(folder: &str) -> String {
    let file: Value = serde_json::from_slice(&std::fs::read(format!("{folder}/disk.json")).unwrap()).unwrap();
    let disk: model::DiskId = serde_json::from_value(file["disk"].clone()).unwrap();
    format!("disk:{disk}")
}

#[test]
fn a_report_says_what_lay_on_the_disk_of_the_front_s_machine_and_that_nothing_lay_on_the_warden_s() {
    let machines = TwoMachines::new(None);
    let warden = machines.warden();
    machines.known_as("front");
    let token = machines.site.with_devices();
    let front = machines.front(warden.ready["listen"].as_str().unwrap());
    until_found(&front, &token);
    let files = [1, 2].map(|study| image(study, 1)).to_vec();
    assert_eq!(store(address(&front, "dicom"), files).unwrap(), [0; 2]);
    machines.settle();
    let disk = disk_of(&format!("{}/front", machines.front_dir()));
    let known = || machines.site.run(&["exposure", &disk, "--from", "1h", "--format", "json"]).status.success();
    wait_until("the front told of its disk", known);
    let lay_on = |disk: &str| machines.site.ok(&["exposure", disk, "--from", "1h"]);
    let before = lay_on(&disk);
    assert_eq!((&before["reachable"]["studies"], &before["opened"]["studies"]), (&2.into(), &0.into()));
    assert_eq!(before["about"]["disk"]["keys"], 2, "{before}");
    assert_eq!(read(&front, &token, 1, 1).0, 200);
    let after = lay_on(&disk);
    assert_eq!((&after["reachable"]["studies"], &after["opened"]["studies"]), (&2.into(), &1.into()));
    let of_warden = disk_of(&machines.site.dir().join("warden").to_string_lossy());
    assert_ne!(of_warden, disk, "two folders that were made apart have two ids");
    assert_eq!(lay_on(&of_warden)["reachable"]["studies"], 0, "no image lies there");
}

#[test]
fn a_front_without_an_introduction_says_what_to_do() {
    let machines = TwoMachines::new(None);
    for arguments in [&["front", "pin"][..], &["front", "--warden", "127.0.0.1:1"]] {
        let output = machines.on_the_front(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("leadglass front pin"), "{error}");
    }
    let error = machines.site.refused(1, &["warden", "pin"]);
    assert!(error.contains("start it once"), "{error}");
}

/// The methods to unseal with that this site gets beside its passphrase: what starts the warden with each, and what is typed then.
fn more_methods(site: &Installation) -> Vec<(&'static str, Vec<String>, String)> {
    let with_passphrase = |arguments: &[&str]| {
        let output = site.run_with_input(&[arguments, &["--passphrase-file", "-"]].concat(), PASSPHRASE);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let key = site.path("identity");
    let made = Command::new("age-keygen").args(["-o", &key]).output().unwrap();
    assert!(made.status.success(), "age is not installed (Debian: apt-get install age)");
    let text = std::fs::read_to_string(&key).unwrap();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    with_passphrase(&["unseal", "add", "age", "--recipient", recipient, "--identity", &key]);
    // stands for the client of a key service: what it gives back is what it was given
    let program = ["unseal", "add", "command", "--kind", "key-service", "--label", "key service", "--open-with", "rev"];
    let output = site.run_with_input(&[&program[..], &["--passphrase-file", "-", "--", "rev"]].concat(), PASSPHRASE);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let papers = site.path("papers");
    std::fs::create_dir(&papers).unwrap();
    with_passphrase(&["unseal", "add", "shares", "--threshold", "2", "--holders", "A,B,C", "--out", &papers]);
    let share = |number: u8| format!("{papers}/share-{number}-of-3.txt");
    let words = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    vec![
        ("age", words(&["--age-identity", &key]), String::new()),
        ("command", words(&["--unseal", "key service", "--unseal-command", "rev"]), String::new()),
        ("shares", words(&["--share-file", &share(3), "--share-file", &share(1)]), String::new()),
    ]
}

#[test]
fn however_the_warden_is_unsealed_its_pin_is_the_same_and_an_introduced_front_finds_it() {
    let machines = TwoMachines::new(None);
    let first = machines.warden();
    machines.known_as("front");
    let token = machines.site.with_devices();
    let own_pin = || {
        let introduction: Value = serde_json::from_slice(&machines.site.run(&["warden", "pin"]).stdout).unwrap();
        introduction["pin"].as_str().unwrap().to_owned()
    };
    let known = own_pin();
    let methods = more_methods(&machines.site);
    drop(first);
    for (number, (method, unseal, typed)) in (1..).zip(methods) {
        let unseal: Vec<&str> = unseal.iter().map(String::as_str).collect();
        let warden = machines.warden_by(&unseal, &typed);
        assert_eq!(own_pin(), known, "{method}: the pin follows from the root");
        let front = machines.front(warden.ready["listen"].as_str().unwrap());
        wait_until("the front found its warden", || {
            matches!(get(address(&front, "http"), &token, "/dicom-web/studies").status, 200 | 204)
        });
        assert_eq!(store(address(&front, "dicom"), vec![image(number, 1)]).unwrap(), [0], "{method}");
        machines.settle();
        assert_eq!(read(&front, &token, number, 1).0, 200, "{method}");
        // the parent of a warden that a program unseals says that its wall around files is not whole
        let around = &warden.ready["walls"]["serve"];
        assert_eq!(around["calls"], "stands");
        if method != "shares" {
            assert_ne!(around["files"], "stands", "{method}");
        }
        println!("{method}: {around}");
        assert_eq!(front.ready["walls"]["serve"]["calls"], "stands");
    }
}

#[test]
fn a_front_away_with_the_old_key_hands_over_after_a_new_root_and_takes_the_new_one_by_an_introduction() {
    let machines = TwoMachines::new(None);
    let warden = machines.warden();
    let pin = machines.known_as("front");
    let token = machines.site.with_devices();
    let first = machines.front(warden.ready["listen"].as_str().unwrap());
    assert_eq!(store(address(&first, "dicom"), vec![image(1, 1)]).unwrap(), [0]);
    machines.settle();
    drop(warden);
    // the warden is away for its new root, and the front takes images in meanwhile
    let kit = machines.site.path("kit");
    let new = ["unseal", "new-root", "--passphrase-file", "-", "--recovery-kit", &kit];
    let made = machines.site.run_with_input(&new, PASSPHRASE);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(store(address(&first, "dicom"), vec![image(2, 1)]).unwrap(), [0]);
    drop(first);
    let warden = machines.warden();
    let front = machines.front(warden.ready["listen"].as_str().unwrap());
    machines.settle();
    assert_eq!((read(&front, &token, 1, 1).0, read(&front, &token, 2, 1).0), (200, 200));
    assert!(machines.front_log().contains("the site has another root than this front knows"));
    let kept = || {
        let list = machines.site.run(&["unseal", "list"]);
        String::from_utf8_lossy(&list.stdout).contains("the key that the front sealed to before is kept")
    };
    assert!(kept());
    // at every answer of the warden it is so; once it is said
    assert_eq!(machines.front_log().matches("the site has another root than this front knows").count(), 1);
    drop(front);
    assert_eq!(machines.introduced(), pin, "the same front");
    let front = machines.front(warden.ready["listen"].as_str().unwrap());
    assert_eq!(store(address(&front, "dicom"), vec![image(3, 1)]).unwrap(), [0]);
    machines.settle();
    assert_eq!(read(&front, &token, 3, 1).0, 200);
    assert!(!kept(), "destroyed when the front had handed over what is sealed to the new key");
}

#[test]
fn a_front_s_own_key_may_lie_elsewhere_and_another_key_is_another_front() {
    let machines = TwoMachines::new(None);
    let warden = machines.warden();
    let introduction = machines.site.path("warden.json");
    std::fs::write(&introduction, machines.site.run(&["warden", "pin"]).stdout).unwrap();
    let key = machines.site.path("front-key");
    let pin = |arguments: &[&str]| {
        let output = machines
            .on_the_front(&[&["front", "pin"][..], arguments, &["--format", "json"]].concat())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let pin: Value = serde_json::from_slice(&output.stdout).unwrap();
        (pin["pin"].as_str().unwrap().to_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (elsewhere, said) = pin(&[&introduction, "--line-key", &key]);
    assert!(!said.contains("in the clear"), "{said}");
    assert_eq!(pin(&["--line-key", &key]).0, elsewhere, "it is made once");
    assert!(!std::path::Path::new(&machines.front_dir()).join("line/key").exists());
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).unwrap().permissions());
    assert_eq!(mode & 0o077, 0);
    let (own, said) = pin(&[]);
    assert_ne!(own, elsewhere);
    assert!(said.contains("in the clear"), "{said}");
    machines.site.ok(&["warden", "pin", "add", &elsewhere, "--name", "front"]);
    let token = machines.site.with_devices();
    let far = warden.ready["listen"].as_str().unwrap();
    let mut arguments = vec!["front", "--warden", far, "--plain-http", "--http", "127.0.0.1:0", "--dicom", "none"];
    let log = machines.site.path("front log");
    {
        // with its key in DIR it is somebody else
        let stranger = started(machines.on_the_front(&arguments), "", &log);
        wait_until("the warden's side refuses it", || {
            machines.site.log().contains("somebody with another key was refused")
        });
        assert_eq!(get(address(&stranger, "http"), &token, "/dicom-web/studies").status, 503);
    }
    // its key is typed, and lies nowhere on this machine
    let typed = std::fs::read_to_string(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    arguments.extend(["--line-key", "-"]);
    let front = started(machines.on_the_front(&arguments), &typed, &log);
    wait_until("the front found its warden", || {
        get(address(&front, "http"), &token, "/dicom-web/studies").status == 204
    });
}
