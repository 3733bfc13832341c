//! A test runs itself once more as a child; the child raises the walls, tries, and prints what came of it.

use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::attempts;

const PLAN: &str = "LEADGLASS_WALL_PLAN";
const STANDING: &str = "standing";

/// What the child finds around it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Plan {
    pub own: PathBuf,
    pub shown: PathBuf,
    pub secret: PathBuf,
    pub owner_socket: PathBuf,
    pub port: u16,
    pub connects_to: Vec<u16>,
    pub victim: u32,
    pub wall: bool,
    /// Whose wall it is.
    pub whose: Whose,
}

/// Whose walls are tried.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Whose {
    Role,
    Parent,
    Worker,
    /// A worker that was given what is left open.
    WorkerWithAFile,
}

/// What came of one attempt.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub what: String,
    pub error: Option<String>,
}

/// In the child: tries everything. In the parent: nothing.
pub fn tried() -> bool {
    std::env::var(PLAN).is_ok_and(|plan| {
        child(&serde_json::from_str(&plan).unwrap());
        true
    })
}

/// What came of the child's attempts.
pub fn run(test: &str, plan: &Plan) -> Vec<Outcome> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(PLAN, serde_json::to_string(plan).unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let outcomes: Vec<Outcome> =
        text.lines().filter_map(|line| serde_json::from_str(line.trim_start_matches(|c| c != '{')).ok()).collect();
    assert!(outcomes.len() > 20, "{text}{}", String::from_utf8_lossy(&output.stderr));
    outcomes
}

fn child(plan: &Plan) {
    let say = |what: &str, error: Option<String>| {
        println!("\n{}", serde_json::to_string(&Outcome { what: what.to_owned(), error }).unwrap());
    };
    attempts::LISTENING.get_or_init(|| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let both_ways = || std::fs::File::options().read(true).write(true).open(&plan.secret).unwrap();
    attempts::LEFT_OPEN.get_or_init(both_ways);
    if plan.wall {
        let shown = plan.shown.parent().unwrap().to_owned();
        let standing = match plan.whose {
            Whose::Parent => around(plan, shown).raise(),
            Whose::Worker => worker(None),
            Whose::WorkerWithAFile => worker(attempts::LEFT_OPEN.get().map(AsRawFd::as_raw_fd)),
            Whose::Role => {
                let connects_to = plan.connects_to.clone();
                walls::Wall {
                    folders: vec![plan.own.clone()],
                    read_only: vec![shown],
                    connects_to,
                    ..walls::Wall::default()
                }
                .raise()
            }
        };
        let standing = standing.unwrap();
        say(STANDING, Some(serde_json::to_string(&standing).unwrap()));
    }
    for (what, attempt) in attempts::ALL {
        say(what, attempt(plan).err());
    }
}

fn worker(file: Option<RawFd>) -> Result<walls::Standing, walls::WallError> {
    walls::WorkerWall { stream: 0, file, address_space_bytes: 1 << 30 }.raise()
}

pub fn standing(outcomes: &[Outcome]) -> walls::Standing {
    let told = outcomes.iter().find(|outcome| outcome.what == STANDING).unwrap();
    serde_json::from_str(told.error.as_ref().unwrap()).unwrap()
}

/// Asked of the kernel, past the crate under test.
pub fn landlock_is_there() -> bool {
    use landlock::{ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    ruleset.handle_access(AccessFs::from_all(ABI::V1)).and_then(Ruleset::create).is_ok()
}

fn around(plan: &Plan, shown: PathBuf) -> walls::OuterWall {
    walls::OuterWall {
        folders: vec![plan.own.clone()],
        read_only: [walls::libraries_and_names(), vec![shown]].concat(),
        programs: Some(walls::this_program()),
        listens_at: vec![],
    }
}
