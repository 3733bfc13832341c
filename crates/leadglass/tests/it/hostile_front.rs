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

use model::{Actor, EntryBody, ProofRefused};
use serde_json::{Value, json};

use crate::installation::{Installation, kill, wait_until};
use people::{ABSENT, Cast, PATIENTS_EACH, PRESENT, entries};

#[test]
fn a_hostile_front_gets_nothing_for_absent_people_and_no_more_than_their_reach_for_present_ones() {
    if let Ok(talk) = std::env::var("HOSTILE_FRONT") {
        attacks::attack(&talk);
        return;
    }
    let site = Installation::new();
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
    assert_eq!(number("made_up_got"), 0);
    assert_eq!(number("owner_got"), 0);
    assert_eq!(number("token_got"), 0);
    assert_eq!(number("swapped_key_signed_in"), 0);
    assert_eq!(number("withheld_got"), 0);
    assert_eq!(number("unasked_got"), 0);
    assert_eq!(number("present_patients"), (PRESENT * PATIENTS_EACH) as u64, "their reach, to the patient");
    assert_eq!(number("present_most"), PATIENTS_EACH as u64);
    assert_eq!(
        number("altered_sign_in_patients"),
        PATIENTS_EACH as u64,
        "the reach of who signed in through an altered page"
    );

    let mut counted = 0;
    let mut by_reason: BTreeMap<String, u64> = BTreeMap::new();
    let (mut refused, mut absent_released) = (0, 0);
    for entry in entries(&site).split_off(before) {
        let absent = matches!(&entry.actor, Actor::Person { person, .. } if cast.absent.contains(person));
        match &entry.body {
            EntryBody::ProofRefused(ProofRefused { reason, count, .. }) => {
                counted += count;
                *by_reason.entry(reason.clone()).or_default() += count;
            }
            EntryBody::Refused { .. } => refused += 1,
            body if absent && body.released().is_some() => absent_released += 1,
            _ => {}
        }
    }
    println!("the ledger: {counted} proofs refused {by_reason:?}, {refused} requests out of reach refused");
    assert_eq!(absent_released, 0, "no list and no key was released for anybody absent");
    assert_eq!(counted, number("proof_attempts"), "every attempt is counted in the ledger: {by_reason:?}");
    assert_eq!(refused, number("reach_attempts"), "every attempt out of reach is an entry");
    assert_eq!(cast.absent.len(), ABSENT);
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
