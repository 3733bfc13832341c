//! Measures a ledger: appends a second and their delay, at a number of callers, then replay, verification and exposure.
//!
//! `cargo run -p audit --example ledger_throughput -- FOLDER [CALLERS] [SECONDS] [RATE]`; FOLDER must lie on the disk in question. With a RATE, all
//! callers together ask for that many appends a second; without, each asks again as soon as it is answered.

use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant as Clock};

use audit::{ExposureIndex, Ledger, LedgerKeys, verify};
use model::{
    Actor, EntryBody, Instant, OpenScope, Origin, PatientNumber, PersonId, SECOND, SessionId, StudyNumber, Who, Window,
};
use seal::RootSecret;

const ORIGIN: &str = "leadglass/00000000000000000000000000000000";

fn entry(caller: u32, n: u32) -> (Actor, EntryBody) {
    let actor = Actor::Person {
        person: PersonId(caller),
        session: SessionId([caller as u8; 16]),
        origin: Origin("192.0.2.44".to_owned()),
    };
    let lease_until = Instant(i64::from(n) * SECOND).plus_seconds(300);
    let body = if n.is_multiple_of(2) {
        EntryBody::Listed {
            patients: (0..50).map(|k| n % 1000 + k * 20).collect(),
            studies: (0..50).map(|k| n % 1000 + k * 40).collect(),
            lease_until,
        }
    } else {
        EntryBody::Opened {
            patient: PatientNumber(n % 20_000),
            study: StudyNumber(n % 40_000),
            scope: OpenScope::Images,
            lease_until,
        }
    };
    (actor, body)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// The disk alone, for comparison.
fn syncs(folder: &Path) -> Result<(Duration, Duration), Box<dyn Error>> {
    let path = folder.join("throughput-syncs");
    let file = File::options().write(true).create(true).truncate(true).open(&path)?;
    file.write_all_at(&vec![0; 1024 * 4096], 0)?;
    file.sync_all()?;
    let mut delays = Vec::new();
    for n in 0..1024u64 {
        let begin = Clock::now();
        file.write_all_at(&[n as u8 | 1; 4096], n * 4096)?;
        file.sync_data()?;
        delays.push(begin.elapsed());
    }
    delays.sort_unstable();
    std::fs::remove_file(path)?;
    Ok((percentile(&delays, 50), percentile(&delays, 99)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name a folder on the disk to be measured")?);
    let callers: u32 = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let rate: Option<u32> = arguments.next().map(|text| text.parse()).transpose()?;
    let pause = rate.map(|rate| Duration::from_secs(1) * callers / rate.max(1));
    let dir = folder.join("throughput-ledger");
    let keys = || LedgerKeys::from_root(&RootSecret::from_bytes(&[1; 32]));
    Ledger::create(&dir, &keys(), ORIGIN)?;
    let (median, most) = syncs(&folder)?;
    writeln(&format!("a sync of 4 KiB into written space: p50 {median:?}, p99 {most:?}"));
    let (ledger, _) = Ledger::open(&dir, keys(), ORIGIN)?;
    let ledger = Arc::new(ledger);
    let end = Clock::now() + Duration::from_secs(seconds);
    let threads: Vec<_> = (0..callers)
        .map(|caller| {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || {
                let mut delays = Vec::new();
                let mut n = caller;
                while Clock::now() < end {
                    let begin = Clock::now();
                    ledger.append(vec![entry(caller, n)], Instant(i64::from(n) * SECOND)).expect("the disk is sound");
                    delays.push(begin.elapsed());
                    n += callers;
                    if let Some(pause) = pause {
                        thread::sleep(pause.saturating_sub(begin.elapsed()));
                    }
                }
                delays
            })
        })
        .collect();
    let mut delays: Vec<Duration> = Vec::new();
    for thread in threads {
        delays.extend(thread.join().map_err(|_| "a caller failed")?);
    }
    delays.sort_unstable();
    let rate = delays.len() as u64 / seconds;
    let [median, most, worst] = [50, 99, 100].map(|percent| percentile(&delays, percent));
    writeln(&format!("{callers} callers: {rate} appends/s, p50 {median:?}, p99 {most:?}, max {worst:?}"));
    drop(Arc::into_inner(ledger));

    let begin = Clock::now();
    let (ledger, replay) = Ledger::open(&dir, keys(), ORIGIN)?;
    let mut index = ExposureIndex::default();
    for item in replay {
        let (number, entry) = item?;
        index.apply(number, &entry);
    }
    writeln(&format!("replay of {} entries: {:?}", index.size(), begin.elapsed()));
    let begin = Clock::now();
    writeln(&format!("verify: {:?}", verify(&dir, None).map(|verified| (verified.size, begin.elapsed()))?));
    let begin = Clock::now();
    let window = Window { from: Instant(0), to: Instant::MAX };
    let report = index.report(Who::Person(PersonId(0)), window);
    writeln(&format!("report: {} patients listed, {:?}", report.listed_patients.len(), begin.elapsed()));
    drop(ledger);
    std::fs::remove_dir_all(dir)?;

    let mut index = ExposureIndex::default();
    let begin = Clock::now();
    for n in 0..1_000_000u32 {
        let (actor, body) = entry(n % 64, n);
        let entry = model::Entry { version: 1, recorded: Instant(i64::from(n) * SECOND), actor, body };
        index.apply(model::EntryNumber(u64::from(n)), &entry);
    }
    writeln(&format!("fold of 1,000,000 entries (making them included): {:?}", begin.elapsed()));
    for (what, from, to) in [("all of it", 0, 1_000_000), ("a tenth", 500_000, 600_000)] {
        let begin = Clock::now();
        let window = Window { from: Instant(from * SECOND), to: Instant(to * SECOND) };
        let report = index.report(Who::Person(PersonId(0)), window);
        writeln(&format!("report of {what}: {} patients listed, {:?}", report.listed_patients.len(), begin.elapsed()));
    }
    let begin = Clock::now();
    let accesses = index.accesses_of(PatientNumber(777)).len();
    writeln(&format!("accesses of one patient: {accesses}, {:?}", begin.elapsed()));
    Ok(())
}

fn writeln(line: &str) {
    use std::io::Write;
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}
