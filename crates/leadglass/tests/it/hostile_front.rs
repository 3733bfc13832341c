//! A hostile front: a process that holds everything that a front holds (the warden's socket, the cookies of 50 people who
//! are signed in, every proof that went through, a device's token) and that serves altered script, so that the browsers
//! of those who are present sign whatever it wants. It prints what it gets.
//!
//! The same test is both: the installation with its people, and, started again with `HOSTILE_FRONT` set, the process.

mod attacks;
mod links;
mod people;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use model::{Actor, Entry, EntryBody, ProofRefused};
use serde_json::{Value, json};

use crate::installation::{Installation, kill, wait_until};
use people::{ABSENT, Cast, LISTED, OPENED, PATIENTS_EACH, PRESENT, PRESENT_READERS, WIDE, email, entries};

#[test]
fn a_hostile_front_gets_nothing_for_absent_people_and_no_more_than_their_reach_for_present_ones() {
    if let Ok(talk) = std::env::var("HOSTILE_FRONT") {
        attacks::attack(&talk);
        return;
    }
    // set up, so that what makes somebody powerful waits for a second person
    let mut site = Installation::stopped_with(&["--setup", "0s", "--approval-delay", "2s"]);
    site.start();
    let mut cast = Cast::of(&site);
    let before = entries(&site).len();

    let talk = site.path("talk.sock");
    let listener = UnixListener::bind(&talk).unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile_front::a_hostile_front_gets_nothing_for_absent_people_and_no_more_than_their_reach_for_present_ones"])
        .env("HOSTILE_FRONT", &talk)
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    let results = serve_the_hostile_front(&site, &mut cast, stream);
    assert!(process.wait().unwrap().success());

    // what it got, as it says, and as the ledger says
    println!("{}", results["printed"].as_str().unwrap());
    let number = |name: &str| results[name].as_u64().unwrap_or_else(|| panic!("{name}: {results}"));
    assert_eq!((number("absent_rows"), number("absent_keys"), number("absent_pages")), (0, 0, 0));
    assert_eq!((number("absent_acts"), number("present_acts"), number("stolen_touch_got")), (0, 0, 0));
    assert_eq!(number("made_up_got"), 0);
    assert_eq!(number("owner_got"), 0);
    assert_eq!(number("token_got"), 0);
    assert_eq!(number("swapped_key_signed_in"), 0);
    assert_eq!(number("withheld_got"), 0);
    assert_eq!(number("unasked_got"), 0);
    assert_eq!((number("present"), number("readers")), (PRESENT as u64, PRESENT_READERS as u64));
    assert_eq!(number("present_patients"), (PRESENT_READERS * PATIENTS_EACH) as u64, "their reach, to the patient");
    assert_eq!(number("present_most"), PATIENTS_EACH as u64);
    assert_eq!(
        number("altered_sign_in_patients"),
        PATIENTS_EACH as u64,
        "the reach of who signed in through an altered page"
    );
    // an officer ends sessions at once, and reaches nobody by it
    assert_eq!(number("sessions_ended"), 1);
    // asked for a touch at three quarters of the ceiling, and stopped at it
    assert_eq!(results["untouched"], json!([OPENED * 3 / 4, 0]));
    assert_eq!(results["touched"][0], OPENED);
    let names = results["touched"][1].as_u64().unwrap();
    assert!((1..=LISTED as u64).contains(&names), "{names} names");

    let told = Told::of(entries(&site).split_off(before), &cast);
    let Told { counted, by_reason, refused, .. } = &told;
    println!("the ledger: {counted} proofs refused {by_reason:?}, requests refused {refused:?}");
    assert_eq!(told.absent_released, 0, "no list and no key was released for anybody absent");
    assert_eq!(*counted, number("proof_attempts"), "every attempt is counted in the ledger: {by_reason:?}");
    assert_eq!(json!(refused), results["refused"], "every attempt of a present person's browser is an entry");
    assert!(["open: budget", "open: touch", "list: touch"].iter().all(|why| refused.contains_key(*why)), "{refused:?}");
    assert_eq!(told.acts, Vec::<String>::new(), "nothing that takes a touch happened");
    assert_eq!((told.ended, told.confirmed), (1, 1), "one session that an officer ended, one touch that was given");
    assert_eq!(cast.absent.len(), ABSENT);
    the_books_say_the_same(&site, names);
}

/// What the ledger tells of an attack.
#[derive(Default)]
struct Told {
    /// Proofs that were refused.
    counted: u64,
    by_reason: BTreeMap<String, u64>,
    /// Requests that were refused, by what was tried and why.
    refused: BTreeMap<String, u64>,
    absent_released: u64,
    /// Acts that take a touch, or what comes of them.
    acts: Vec<String>,
    ended: u64,
    confirmed: u64,
}

impl Told {
    fn of(entries: Vec<Entry>, cast: &Cast) -> Self {
        let mut told = Self::default();
        for entry in entries {
            let absent = matches!(&entry.actor, Actor::Person { person, .. } if cast.absent.contains(person));
            match &entry.body {
                EntryBody::ProofRefused(ProofRefused { reason, count, .. }) => {
                    told.counted += count;
                    *told.by_reason.entry(reason.clone()).or_default() += count;
                }
                EntryBody::Refused { action, reason, .. } => {
                    *told.refused.entry(format!("{action}: {reason}")).or_default() += 1;
                }
                EntryBody::SessionEnded { .. } => told.ended += 1,
                EntryBody::Confirmed { .. } => told.confirmed += 1,
                EntryBody::BrokeGlass { .. }
                | EntryBody::BreakGlassMissed { .. }
                | EntryBody::Related { .. }
                | EntryBody::WarmingRequested { .. }
                | EntryBody::WarmingApproved { .. }
                | EntryBody::WarmingEndorsed { .. }
                | EntryBody::WarmingRefused { .. }
                | EntryBody::Warmed(_)
                | EntryBody::Proposed { .. }
                | EntryBody::Approved { .. }
                | EntryBody::ProposalEnded { .. }
                | EntryBody::CarriedOut { .. }
                | EntryBody::RoleChanged { .. } => told.acts.push(format!("{entry:?}")),
                body if absent && body.released().is_some() => told.absent_released += 1,
                _ => {}
            }
        }
        told
    }
}

/// Report, budget and findings of the one who reaches everybody tell what the front got.
fn the_books_say_the_same(site: &Installation, names: u64) {
    let who = format!("person:{}", email(WIDE));
    let exposure = site.ok(&["exposure", &who, "--from", "1d", "--to", "now"]);
    assert_eq!(exposure["opened"]["patients"], OPENED);
    let budget = site.ok(&["budget", "show", &who]);
    let of_day = |measure: &str| {
        let mut rows = budget["rows"].as_array().unwrap().iter();
        rows.find(|row| row["measure"] == measure && row["span"] == "day").unwrap()["patients"].clone()
    };
    assert_eq!((of_day("opened-due"), of_day("listed-due")), (OPENED.into(), names.into()));
    assert!(budget["stopped"].as_array().unwrap().contains(&json!("opened-due")), "{budget}");
    let found = site.ok(&["findings", "list"]);
    let reactions: Vec<&Value> = found.as_array().unwrap().iter().map(|row| &row["finding"]["reaction"]).collect();
    assert!(["slowed", "touch", "stopped"].iter().all(|one| reactions.contains(&&json!(one))), "{found}");
}

/// Answers what the process asks for: what a front's memory holds, what present people's browsers sign for an altered page,
/// a sign-in, and a warden that starts again.
fn serve_the_hostile_front(site: &Installation, cast: &mut Cast, stream: UnixStream) -> Value {
    let mut answers = stream.try_clone().unwrap();
    let mut results = Value::Null;
    for line in BufReader::new(stream).lines() {
        let asked: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let answer = match text("ask") {
            "memory" => cast.memory(site),
            "sign" => {
                let person = asked["person"].as_u64().unwrap() as usize;
                assert!(person < PRESENT, "nobody who is absent has a page open");
                let body = text("body").as_bytes();
                json!(cast.browsers[person].sign(text("method"), text("path"), text("query"), body, text("nonce")))
            }
            // a person confirms what the page asks for
            "touch" => {
                let person = asked["person"].as_u64().unwrap() as usize;
                assert!(person < PRESENT, "nobody who is absent is there to touch");
                cast.browsers[person].touch(text("path"), &json!({}))
            }
            // a page that the front left as it is, and one that it altered
            "honest page" => json!(cast.visitor_signs(&asked["begun"], true)),
            "altered page" => json!(cast.visitor_signs(&asked["begun"], false)),
            "restart" => {
                let _ = entries(site);
                let old = site.pid("warden").unwrap();
                kill(old, "KILL");
                wait_until("the warden is back", || {
                    site.pid("warden").is_some_and(|pid| pid != old) && site.run(&["org", "list"]).status.success()
                });
                json!("again")
            }
            "end" => {
                results = asked["results"].clone();
                json!("ended")
            }
            other => panic!("{other}"),
        };
        writeln!(answers, "{answer}").unwrap();
    }
    results
}
