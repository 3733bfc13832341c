//! `crash`: killed at any moment, nothing acknowledged is lost, nothing was released without an entry.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use phantom::{Noise, ct_instance, uid};

use crate::client::{get, instance};
use crate::installation::{Installation, kill, store, wait_until};

/// How often everything or a part is killed.
const KILLS: u32 = 200;

/// A number from a seed.
struct Dice(Noise);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        ((self.0.value() * 1e6).abs() as u64 % u64::from(end)) as u32
    }
}

/// A study that came out: asked for and answered when, in microseconds since 1970.
struct Opening {
    study: u32,
    asked: i64,
    answered: i64,
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

type Acknowledged = Arc<Mutex<BTreeMap<(u32, u32), Vec<u8>>>>;

fn check(site: &Installation, token: &str, study: u32, number: u32, expected: &[u8]) {
    let answer = instance(
        site.http(),
        token,
        &uid(&[9, study, study]),
        &uid(&[9, study, study, 1]),
        &uid(&[9, study, study, 1, number]),
    );
    assert_eq!(answer.status, 200, "study {study} instance {number}: {}", String::from_utf8_lossy(&answer.body));
    let data_set = |file: &[u8]| dimse::sender::Outgoing::from_part10(file.to_vec()).unwrap().data_set;
    assert!(data_set(&answer.body) == data_set(expected), "study {study} instance {number} differs");
}

#[test]
fn two_hundred_kills_lose_nothing_that_was_acknowledged() {
    let seed = std::env::var("LEADGLASS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_124);
    println!("seed {seed} (LEADGLASS_SEED)");
    let mut dice = Dice(Noise::new(seed));
    let mut site = Installation::new();
    let token = site.with_devices();
    let acknowledged: Acknowledged = Arc::default();
    let opened: Arc<Mutex<Vec<Opening>>> = Arc::default();
    let mut checked = 0;

    for round in 0..KILLS {
        let stop = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let (address, stop, acknowledged) = (site.dicom(), Arc::clone(&stop), Arc::clone(&acknowledged));
                std::thread::spawn(move || {
                    let study = round * 2 + sender;
                    for number in 1.. {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let file = ct_instance(study, study, 1, number, 48, 48);
                        match store(address, vec![file.clone()]) {
                            Ok(statuses) if statuses == [0] => {
                                acknowledged.lock().unwrap().insert((study, number), file);
                            }
                            _ => std::thread::sleep(std::time::Duration::from_millis(5)),
                        }
                    }
                })
            })
            .collect();
        let reader = {
            let (address, token, stop, opened) = (site.http(), token.clone(), Arc::clone(&stop), Arc::clone(&opened));
            let study = dice.below(round * 2 + 1);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let asked = now();
                    let answer = get(address, &token, &format!("/dicom-web/studies/{}", uid(&[9, study, study])));
                    if answer.status == 200 {
                        opened.lock().unwrap().push(Opening { study, asked, answered: now() });
                    }
                }
            })
        };
        std::thread::sleep(std::time::Duration::from_millis(u64::from(dice.below(160))));
        let victim = match dice.below(4) {
            0 => "front",
            1 => "warden",
            _ => "all",
        };
        if victim == "all" {
            site.kill();
        } else {
            // `serve` starts the part again by itself
            site.pid(victim).into_iter().for_each(|pid| kill(pid, "KILL"));
        }
        stop.store(true, Ordering::Relaxed);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        reader.join().unwrap();
        if victim == "all" {
            site.start();
        }
        wait_until("everything answers again", || {
            matches!(get(site.http(), &token, "/dicom-web/studies?limit=1").status, 200 | 204)
        });
        assert_eq!(site.ok(&["ledger", "verify"])["verified"], true, "round {round}");
        settle(&site);
        // what this round acknowledged, whole
        let fresh: Vec<_> = {
            let all = acknowledged.lock().unwrap();
            all.range((round * 2, 0)..).map(|(key, file)| (*key, file.clone())).collect()
        };
        for ((study, number), file) in fresh {
            check(&site, &token, study, number, &file);
            checked += 1;
        }
    }
    // and everything once more at the end
    for ((study, number), file) in acknowledged.lock().unwrap().iter() {
        check(&site, &token, *study, *number, file);
    }
    println!("{KILLS} kills, {checked} acknowledged instances");
    assert!(checked > KILLS / 2, "the rounds did store something: {checked}");

    every_opening_has_its_entry(&site, &opened.lock().unwrap());
    assert_eq!(site.ok(&["ledger", "verify"])["verified"], true);
}

/// What came out was released by an entry about that very study: recorded before the answer was there, with a lease that
/// ran when it was asked for.
fn every_opening_has_its_entry(site: &Installation, openings: &[Opening]) {
    let report = site.ok(&["exposure", "device:reader", "--from", "1d", "--to", "now"]);
    assert_eq!(report["truncated"], false);
    let number_of = |row: &serde_json::Value| {
        let study = row["patient"]["id"].as_str()?.strip_prefix('M')?.parse::<u32>().ok()?;
        Some((study, row["patient"]["number"].as_u64()?))
    };
    let patients: BTreeMap<_, _> = report["patients"].as_array().unwrap().iter().filter_map(number_of).collect();

    let entries = site.run(&["ledger", "entries", "--limit", "1000000", "--format", "json"]);
    let mut leases: BTreeMap<u64, Vec<(i64, i64)>> = BTreeMap::new();
    for line in String::from_utf8(entries.stdout).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let entry = &row["entry"];
        if entry["kind"] == "opened" && entry["scope"] == "images" {
            let lease = (entry["recorded"].as_i64().unwrap(), entry["lease_until"].as_i64().unwrap());
            leases.entry(entry["patient"].as_u64().unwrap()).or_default().push(lease);
        }
    }
    for Opening { study, asked, answered } in openings {
        let patient = patients.get(study).unwrap_or_else(|| panic!("study {study} came out and is in no report"));
        let covered = leases.get(patient).is_some_and(|leases| {
            leases.iter().any(|(recorded, lease_until)| recorded <= answered && asked < lease_until)
        });
        assert!(
            covered,
            "study {study} came out between {asked} and {answered} without an entry: {:?}",
            leases.get(patient)
        );
    }
    let studies: std::collections::BTreeSet<_> = openings.iter().map(|opening| opening.study).collect();
    println!("{} openings of {} studies, each with its entry", openings.len(), studies.len());
    assert!(!openings.is_empty(), "the rounds did open something");
}

/// Waits until everything durable is recorded.
fn settle(site: &Installation) {
    let answer = site.ok(&["settle"]);
    assert_eq!(answer["settled"], true);
}
