//! The walls, from inside: a child process raises them and then tries what an intruder would try.
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "tests print and write what they like")]

mod attempts;
mod inside;

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

use inside::{Outcome, Plan, Whose, run};

/// What an intruder looks for around a role, all of it real.
struct Surroundings {
    _folder: tempfile::TempDir,
    _owner: UnixListener,
    _tcp: TcpListener,
    other_tcp: TcpListener,
    victim: Child,
    plan: Plan,
}

impl Surroundings {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("own")).unwrap();
        std::fs::create_dir(path("shown")).unwrap();
        std::fs::write(path("shown/cert.pem"), "certificate").unwrap();
        std::fs::write(path("secret"), "of somebody else").unwrap();
        let owner = UnixListener::bind(path("owner.sock")).unwrap();
        let (tcp, other_tcp) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let victim = Command::new("sleep").arg("600").stdout(Stdio::null()).spawn().unwrap();
        let plan = Plan {
            own: path("own"),
            shown: path("shown/cert.pem"),
            secret: path("secret"),
            owner_socket: path("owner.sock"),
            port: tcp.local_addr().unwrap().port(),
            connects_to: vec![],
            victim: victim.id(),
            wall: true,
            whose: Whose::Role,
        };
        Self { _folder: folder, _owner: owner, _tcp: tcp, other_tcp, victim, plan }
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

#[track_caller]
fn check(outcomes: &[Outcome], allowed: &[&str], refused: &[&str]) {
    let of = |name: &str| {
        outcomes.iter().find(|outcome| outcome.what == name).unwrap_or_else(|| panic!("{name}: not tried"))
    };
    for name in allowed {
        assert_eq!(of(name).error, None, "{name} must work");
    }
    for name in refused {
        assert!(of(name).error.is_some(), "{name} must be refused, and was not");
        println!("{name}: {}", of(name).error.as_ref().unwrap());
    }
}

/// What every role needs.
const WORK: [&str; 9] = [
    "write an own file",
    "read an own file",
    "rename an own file",
    "start a thread",
    "reserve two gibibytes",
    "read what was left open",
    "read another place of what was left open",
    "write into what was left open",
    "a pair of sockets",
];

const FOREIGN_FILES: [&str; 6] = [
    "read /etc/passwd",
    "read another's file",
    "write beside the own folder",
    "list the folder above",
    "write what is only shown",
    "make a link to another's file",
];

const FOREIGN_PROCESSES: [&str; 10] = [
    "run a program",
    "start the own program again",
    "trace another process",
    "read another's memory by process_vm_readv",
    "read another's memory by /proc",
    "signal another process",
    "new namespaces",
    "mount",
    "change the root folder",
    "let others look in",
];

const NETWORK: [&str; 11] = [
    "connect to the owner's socket",
    "connect to a TCP port",
    "listen on a TCP port",
    "send a datagram",
    "a Unix socket",
    "a Unix datagram pair",
    "a netlink socket",
    "a raw socket",
    "listen on a Unix socket",
    "connect with the first bytes",
    "listen at a port of the kernel's choice",
];

#[test]
fn inside_the_walls_only_the_own_work_is_possible() {
    if inside::tried() {
        return;
    }
    let here = Surroundings::new();
    let outcomes = run("inside_the_walls_only_the_own_work_is_possible", &here.plan);
    check(&outcomes, &WORK, &FOREIGN_PROCESSES);
    check(&outcomes, &["read what is shown"], &NETWORK);
    if inside::landlock_is_there() {
        check(&outcomes, &[], &FOREIGN_FILES);
    } else {
        assert_eq!(inside::standing(&outcomes).files, walls::State::Absent);
    }
    assert_eq!(inside::standing(&outcomes).calls, walls::State::Stands);
}

#[test]
fn without_the_walls_the_same_attempts_work() {
    if inside::tried() {
        return;
    }
    let mut here = Surroundings::new();
    here.plan.wall = false;
    let outcomes = run("without_the_walls_the_same_attempts_work", &here.plan);
    check(&outcomes, &WORK, &[]);
    let as_anybody = ["run a program", "signal another process", "let others look in"];
    let network = ["a raw socket", "a netlink socket"];
    check(&outcomes, &FOREIGN_FILES, &[]);
    check(&outcomes, &as_anybody, &[]);
    let network: Vec<&str> = NETWORK.into_iter().filter(|name| !network.contains(name)).collect();
    check(&outcomes, &network, &[]);
    if nix::unistd::geteuid().is_root() {
        check(&outcomes, &FOREIGN_PROCESSES[1..5], &[]);
    }
}

#[test]
fn a_configured_port_can_be_reached_and_no_other() {
    if inside::tried() {
        return;
    }
    let mut here = Surroundings::new();
    here.plan.connects_to = vec![here.plan.port];
    let outcomes = run("a_configured_port_can_be_reached_and_no_other", &here.plan);
    let still = ["connect to the owner's socket", "a Unix socket", "send a datagram", "a raw socket", "run a program"];
    let past = ["connect with the first bytes", "listen at a port of the kernel's choice"];
    check(&outcomes, &["connect to a TCP port"], &[&still[..], &past].concat());

    here.plan.port = here.other_tcp.local_addr().unwrap().port();
    let outcomes = run("a_configured_port_can_be_reached_and_no_other", &here.plan);
    match inside::standing(&outcomes).files {
        walls::State::Stands => check(&outcomes, &[], &["connect to a TCP port", "listen on a TCP port"]),
        state => println!("this kernel has Landlock {state:?}: ports are not told apart"),
    }
}

#[test]
fn inside_a_workers_walls_there_is_nothing_but_computing() {
    if inside::tried() {
        return;
    }
    let mut here = Surroundings::new();
    here.plan.whose = Whose::Worker;
    let outcomes = run("inside_a_workers_walls_there_is_nothing_but_computing", &here.plan);
    assert_eq!(inside::standing(&outcomes).calls, walls::State::Stands);
    let all: Vec<&str> = attempts::ALL.iter().map(|(name, _)| *name).collect();
    // files are refused by the wall around system calls as well, so on any kernel
    check(&outcomes, &[], &all);
}

#[test]
fn a_worker_that_was_given_a_file_reads_it_and_has_nothing_else() {
    if inside::tried() {
        return;
    }
    let mut here = Surroundings::new();
    here.plan.whose = Whose::WorkerWithAFile;
    let outcomes = run("a_worker_that_was_given_a_file_reads_it_and_has_nothing_else", &here.plan);
    assert_eq!(inside::standing(&outcomes).calls, walls::State::Stands);
    let given = ["read what was left open", "read another place of what was left open"];
    let others: Vec<&str> = attempts::ALL.iter().map(|(name, _)| *name).filter(|name| !given.contains(name)).collect();
    check(&outcomes, &given, &others);
}

#[test]
fn around_a_parent_its_own_program_starts_and_nothing_else_and_what_no_role_does_is_refused() {
    if inside::tried() {
        return;
    }
    let mut here = Surroundings::new();
    here.plan.whose = Whose::Parent;
    let test = "around_a_parent_its_own_program_starts_and_nothing_else_and_what_no_role_does_is_refused";
    let outcomes = run(test, &here.plan);
    let sockets =
        ["connect to the owner's socket", "connect to a TCP port", "a Unix socket", "listen on a Unix socket"];
    check(&outcomes, &[&WORK[..], &sockets, &["start the own program again", "read what is shown"]].concat(), &[]);
    let views = ["mount", "new namespaces", "change the root folder"];
    let others = ["trace another process", "read another's memory by process_vm_readv"];
    check(&outcomes, &[], &[&views[..], &others, &["a raw socket", "connect with the first bytes"]].concat());
    match inside::standing(&outcomes).files {
        walls::State::Absent => println!("this kernel has no Landlock"),
        state => {
            check(&outcomes, &[], &[&FOREIGN_FILES[..], &["run a program"]].concat());
            if state == walls::State::Stands {
                check(&outcomes, &[], &["listen on a TCP port", "signal another process"]);
            }
        }
    }
}

#[test]
fn a_folder_that_is_not_there_raises_no_wall() {
    let wall = walls::Wall { folders: vec!["/nowhere/at/all".into()], ..walls::Wall::default() };
    if inside::landlock_is_there() {
        let error = wall.raise().unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all"), "{error}");
    }
}
