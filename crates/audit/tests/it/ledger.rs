//! Appending, reading and opening again.

use std::sync::{Arc, Mutex};
use std::thread;

use audit::{AppendError, Checkpoint, DayKey, Ledger, LedgerKeys, OpenError, PayloadError, PayloadKeys, Reader};
use model::{
    Actor, EntryBody, EntryNumber, Instant, PatientNumber, PersonId, Relationship, StudyNumber, Tier, What, Who, Window,
};
use policy::{Reach, Service, Subject, Target, decide};
use seal::RootSecret;

use crate::site::{ORIGIN, START, Site, append, assert_story, keys, opened, options, unpublished};

#[test]
fn what_was_appended_is_there_after_opening_again() {
    let site = Site::new();
    for (count, next) in [(0, 1), (1, 255), (255, 256), (256, 257), (257, 700)] {
        // on the disk as it is, the other tests do not wait for it
        let (ledger, replay) = Ledger::open(&site.ledger(), keys(), ORIGIN).unwrap();
        assert_story(&replay.map(Result::unwrap).collect::<Vec<_>>(), count);
        assert_eq!(ledger.size(), count);
        append(&ledger, count..next);
        assert_story(&ledger.read(EntryNumber(0), usize::MAX).unwrap(), next);
    }
    let (ledger, entries) = site.open();
    assert_story(&entries, 700);
    let part = ledger.read(EntryNumber(250), 12).unwrap();
    assert_eq!(part.first().unwrap().0, EntryNumber(250));
    assert_eq!(part.last().unwrap().0, EntryNumber(261));
    assert_eq!(ledger.read(EntryNumber(700), 5).unwrap(), []);
    assert_eq!(ledger.read(EntryNumber(u64::MAX), 5).unwrap(), []);
}

#[test]
fn callers_from_many_threads_get_numbers_of_their_own() {
    let site = Site::new();
    let (ledger, _) = site.open();
    let ledger = Arc::new(ledger);
    let observed = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&observed);
    ledger.observe(Box::new(move |number, entry| sink.lock().unwrap().push((number, entry.clone()))));
    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let (ledger, observed) = (Arc::clone(&ledger), Arc::clone(&observed));
            thread::spawn(move || {
                for n in 0..40 {
                    let batch = vec![opened(caller * 100 + n), opened(caller)];
                    let appended = ledger.append(batch, START).unwrap();
                    assert_eq!(appended[0].0.0 + 1, appended[1].0.0);
                    // what is answered was observed before
                    assert!(observed.lock().unwrap().len() as u64 > appended[1].0.0);
                }
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    let observed = std::mem::take(&mut *observed.lock().unwrap());
    assert_eq!(observed.len(), 16 * 40 * 2);
    assert!((0..).zip(&observed).all(|(n, (number, _))| number.0 == n));
    drop(Arc::into_inner(ledger).unwrap());
    assert_eq!(site.open().1, observed);
}

#[test]
fn recorded_never_decreases_even_when_the_clock_does() {
    let site = Site::new();
    let (ledger, _) = site.open();
    let mut recorded = Vec::new();
    for now in [50, 40, 60, 10, 60, 61] {
        let appended = ledger.append(vec![opened(1), opened(2)], START.plus_seconds(now)).unwrap();
        assert_eq!(appended[0].1.recorded, appended[1].1.recorded);
        recorded.push(appended[0].1.recorded);
    }
    drop(ledger);
    let (ledger, _) = site.open();
    recorded.push(ledger.append(vec![opened(3)], START).unwrap()[0].1.recorded);
    assert_eq!(recorded, [50, 50, 60, 60, 60, 61, 61].map(|seconds| START.plus_seconds(seconds)));
}

#[test]
fn a_relationship_is_given_the_number_of_its_entry() {
    let site = Site::new();
    let (ledger, _) = site.open();
    let relationship = Relationship {
        who: Who::Person(PersonId(1)),
        what: What::Site,
        tier: Tier::Open,
        window: Window { from: START, to: Instant::MAX },
        basis: "treatment team".to_owned(),
        entry: EntryNumber(u64::MAX),
    };
    append(&ledger, 0..3);
    let body = EntryBody::Related { relationship };
    let appended = ledger.append(vec![opened(3), (Actor::Owner, body)], START).unwrap();
    let EntryBody::Related { relationship } = &appended[1].1.body else { panic!("it is the same kind") };
    assert_eq!((appended[1].0, relationship.entry), (EntryNumber(4), EntryNumber(4)));
    assert_eq!(ledger.read(EntryNumber(4), 1).unwrap(), appended[1..]);
}

#[test]
fn a_receipt_carries_its_grant_and_its_durable_entry() {
    let site = Site::new();
    let (ledger, _) = site.open();
    append(&ledger, 0..2);
    let subject = Subject::Person {
        person: PersonId(2),
        role: model::Role::Radiologist,
        organisations: Vec::new(),
        delegate_of: Vec::new(),
        session_until: Instant::MAX,
    };
    let reach = Reach { tier: Tier::Open, entry: EntryNumber(0), until: Instant::MAX };
    let target = Target::Study { patient: PatientNumber(2), study: StudyNumber(4), reach: Some(reach) };
    let grant = decide(&subject, Service::Open, target.clone(), START).unwrap();
    let (actor, body) = opened(2);
    let receipt = ledger.record(grant, actor, body.clone(), START.plus_seconds(2)).wait().unwrap();
    assert_eq!((receipt.number(), receipt.grant().target()), (EntryNumber(2), &target));
    assert_eq!(ledger.read(receipt.number(), 1).unwrap(), [(receipt.number(), receipt.entry().clone())]);
    assert_eq!(receipt.entry().body, body);
}

#[test]
fn an_append_that_is_awaited_wakes_its_task() {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Wake};

    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let site = Site::new();
    let (ledger, _) = site.open();
    let mut pending = pin!(ledger.append_later(vec![opened(0)], START));
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let appended = loop {
        match pending.as_mut().poll(&mut context) {
            Poll::Ready(appended) => break appended.unwrap(),
            Poll::Pending => thread::park(),
        }
    };
    assert_eq!(appended[0].0, EntryNumber(0));
}

#[test]
fn an_append_past_a_limit_records_nothing() {
    let site = Site::new();
    let (ledger, _) = site.open();
    let long = |bytes: usize| {
        let reason = "x".repeat(bytes);
        (Actor::Owner, EntryBody::Refused { action: String::new(), what: None, reason })
    };
    let refused = |entries: Vec<(Actor, EntryBody)>| ledger.append(entries, START).unwrap_err();
    assert!(matches!(refused(Vec::new()), AppendError::Count { entries: 0 }));
    let many = vec![opened(0); audit::APPEND_ENTRIES_MAX + 1];
    assert!(matches!(refused(many), AppendError::Count { .. }));
    assert!(matches!(refused(vec![opened(0), long(audit::ENTRY_BYTES_MAX)]), AppendError::TooLong { .. }));
    let much = vec![long(audit::ENTRY_BYTES_MAX - 200); audit::APPEND_BYTES_MAX / audit::ENTRY_BYTES_MAX + 1];
    assert!(matches!(refused(much), AppendError::TooLong { .. }));
    assert_eq!(ledger.size(), 0);
    // the limits themselves are taken, also where a record is longer than a journal file
    ledger.append(vec![opened(0); audit::APPEND_ENTRIES_MAX], START).unwrap();
    ledger.append(vec![long(audit::ENTRY_BYTES_MAX - 200)], START).unwrap();
    append(&ledger, 4097..4100);
    drop(ledger);
    assert_eq!(site.open().1.len(), 4100);
}

#[test]
fn the_checkpoint_signs_for_every_answered_entry() {
    let site = Site::new();
    let (ledger, _) = site.open_with(unpublished()).unwrap();
    let verifier = keys().verifier(ORIGIN);
    for n in 0..20 {
        append(&ledger, n..n + 1);
        let checkpoint = Checkpoint::open(ledger.checkpoint().as_bytes(), &verifier).unwrap();
        assert_eq!((checkpoint.size, checkpoint.origin.as_str()), (n + 1, ORIGIN));
    }
}

#[test]
fn a_ledger_that_is_not_there_is_never_made_by_opening() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ledger");
    assert!(matches!(Ledger::open(&dir, keys(), ORIGIN), Err(OpenError::Missing(_))));
    Ledger::create(&dir, &keys(), ORIGIN).unwrap();
    assert!(matches!(Ledger::create(&dir, &keys(), ORIGIN), Err(OpenError::Exists(_))));
}

#[test]
fn one_process_writes() {
    let site = Site::new();
    let (ledger, _) = site.open();
    assert!(matches!(site.open_with(unpublished()), Err(OpenError::Locked(_))));
    drop(ledger);
    assert!(site.open_with(unpublished()).is_ok());
}

#[test]
fn another_sites_keys_open_nothing() {
    let site = Site::new();
    let other = || LedgerKeys::from_root(&RootSecret::from_bytes(&[8; 32]));
    assert!(matches!(Ledger::open(&site.ledger(), other(), ORIGIN), Err(OpenError::OtherSite)));
    assert!(matches!(Ledger::open(&site.ledger(), keys(), "leadglass/ff"), Err(OpenError::OtherSite)));
}

#[test]
fn the_files_name_nobody() {
    let site = Site::new();
    let (ledger, _) = site.open_with(options(Arc::new(crate::site::Unsynced))).unwrap();
    let body = EntryBody::PersonAdded {
        person: PersonId(1),
        email: "canary@example.org".to_owned(),
        name: "CanaryName".to_owned(),
        role: model::Role::Referrer,
    };
    ledger.append(vec![(Actor::Owner, body); 300], START).unwrap();
    drop(ledger);
    for file in crate::site::files(&site.ledger()) {
        let bytes = std::fs::read(site.ledger().join(&file)).unwrap();
        for canary in ["anary", "example.org", "referrer", "person"] {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "{}", file.display());
        }
    }
}

#[test]
fn an_auditor_reads_the_days_whose_keys_were_given_and_no_others() {
    let site = Site::new();
    let (ledger, _) = site.open();
    let day = 86_400;
    for n in 0..300 {
        ledger.append(vec![opened(n)], START.plus_seconds(n as i64 / 100 * day)).unwrap();
    }
    drop(ledger);
    let window = Window { from: START.plus_seconds(day), to: START.plus_seconds(day + 1) };
    let given: Vec<DayKey> = keys().payload_keys().window(window).unwrap();
    let taken = given.iter().map(|key| DayKey::from_bytes(key.day(), key.expose())).collect();
    let mut reader = Reader::open(&site.ledger(), PayloadKeys::Days(taken)).unwrap();
    assert_eq!(reader.size(), 300);
    let entries: Vec<_> = (0..3).flat_map(|index| reader.bundle(index).unwrap()).collect();
    assert_eq!(entries.len(), 300);
    for (number, entry) in entries {
        match entry {
            Ok(entry) => assert_eq!((entry.body, number.0 / 100), (opened(number.0).1, 1)),
            Err(error) => assert!(error == PayloadError::NoKey { number } && number.0 / 100 != 1, "{number}"),
        }
    }
}
