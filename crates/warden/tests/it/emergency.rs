//! Break-glass: one patient, exactly named, for a while, seen by everybody concerned.

use std::sync::atomic::{AtomicI64, Ordering};

use audit::LedgerOptions;
use model::{BreakGlassRule, EmergencyReason, EntryBody, Instant, Role, Verdict, What};
use protocol::{
    ApprovalRequest, BreakGlassRequest, BreakGlassTerms, BreakGlassUses, BrokenGlass, Credential, Emergency, Level,
    PageReply, PageRequest, Refusal, Scope,
};

use crate::site::{Folder, Site, now};

static AHEAD: AtomicI64 = AtomicI64::new(0);
const HOUR: i64 = 3600;

fn clock() -> Instant {
    now().plus_seconds(AHEAD.load(Ordering::SeqCst))
}

fn wait(seconds: i64) {
    AHEAD.fetch_add(seconds, Ordering::SeqCst);
}

/// Born on 1 January 1970, as every patient of these tests; study `1.2.1` has the accession number `A1.2.1`.
fn emergency(id: &str) -> Emergency {
    Emergency {
        patient_id: id.to_owned(),
        birth_date: "19700101".to_owned(),
        accession_number: String::new(),
        issuer: None,
        reason: EmergencyReason::LifeThreatening,
        text: "bleeding, no order yet".to_owned(),
        seconds: HOUR,
    }
}

fn using(emergency: Emergency) -> PageRequest {
    PageRequest::BreakGlass(BreakGlassRequest::Use(emergency))
}

async fn use_it(site: &Site, who: &Credential, emergency: Emergency) -> Result<BrokenGlass, Refusal> {
    broken(site.ask_as(who, using(emergency)).await)
}

/// Without a touch.
async fn told(site: &Site, who: &Credential, emergency: Emergency) -> Result<BrokenGlass, Refusal> {
    broken(site.ask_bare(who, &using(emergency)).await)
}

fn broken(answer: Result<PageReply, Refusal>) -> Result<BrokenGlass, Refusal> {
    match answer? {
        PageReply::BrokenGlass(broken) => Ok(broken),
        other => panic!("{other:?}"),
    }
}

async fn uses(site: &Site, officer: &Credential) -> BreakGlassUses {
    match site.ask_as(officer, PageRequest::BreakGlass(BreakGlassRequest::Uses)).await {
        Ok(PageReply::BreakGlassUses(uses)) => *uses,
        other => panic!("{other:?}"),
    }
}

async fn terms(site: &Site, who: &Credential) -> BreakGlassTerms {
    match site.ask_as(who, PageRequest::BreakGlass(BreakGlassRequest::Terms)).await {
        Ok(PageReply::BreakGlassTerms(terms)) => terms,
        other => panic!("{other:?}"),
    }
}

async fn with_images(folder: &Folder) -> Site {
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let mut sender = folder.sender();
    for (patient, study) in [("P1", "1.2.1"), ("P2", "1.2.2")] {
        site.hand_over(&[sender.image(patient, study, 1)]).await.unwrap();
    }
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_any_relationship_reaches_one_patient_and_only_until_the_end() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    assert_eq!(site.open(&doctor, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    let half = Emergency { seconds: HOUR / 4, ..emergency("P1") };
    let broken = use_it(&site, &doctor, half).await.unwrap();
    assert!(broken.until <= clock().plus_seconds(HOUR / 4));
    assert!(site.open(&doctor, "1.2.1", Scope::Images).await.is_ok());
    assert_eq!(site.list(&doctor, Level::Study).await.unwrap().studies.len(), 1, "this patient and nobody else");
    assert_eq!(site.open(&doctor, "1.2.2", Scope::Images).await.err(), Some(Refusal::NotFound));
    wait(HOUR / 4 + 1);
    assert_eq!(site.open(&doctor, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    // it is in the exposure like any relationship
    let exposure = site.exposure("person:doctor@x.example").await;
    assert_eq!((exposure.reachable.patients, exposure.opened.patients), (1, 1));
    let entries = site.entries().await;
    let used = &entries[broken.used.0 as usize];
    assert!(matches!(&used.body, EntryBody::BrokeGlass { text, .. } if text == "bleeding, no order yet"));
    let EntryBody::Related { relationship } = &entries[broken.used.0 as usize - 1].body else {
        panic!("no relationship")
    };
    assert_eq!(relationship.basis, "break-glass, life-threatening: bleeding, no order yet");
    assert!(matches!(relationship.what, What::Patient(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_keeps_it_longer_than_four_hours_or_than_the_site_says() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let doctor = site.person("doctor@x.example", Role::Radiologist, None).await;
    let long = Emergency { seconds: i64::MAX, ..emergency("P1") };
    let broken = use_it(&site, &doctor, long.clone()).await.unwrap();
    assert!(broken.until <= clock().plus_seconds(4 * HOUR) && broken.until > clock().plus_seconds(4 * HOUR - 60));
    let rule = BreakGlassRule { seconds_max: HOUR, review_seconds: HOUR };
    let reply = site.ask(PageRequest::Approvals(ApprovalRequest::BreakGlassRule { rule })).await;
    assert!(matches!(reply, PageReply::Done), "the site is being set up: {reply:?}");
    assert_eq!(terms(&site, &doctor).await.seconds_max, HOUR);
    let broken = use_it(&site, &doctor, long).await.unwrap();
    assert!(broken.until <= clock().plus_seconds(HOUR));
    let more = BreakGlassRule { seconds_max: 5 * HOUR, review_seconds: HOUR };
    let request = PageRequest::Approvals(ApprovalRequest::BreakGlassRule { rule: more });
    assert!(matches!(site.ask_owner(request).await, Err(Refusal::Invalid(_))), "nobody sets more than four hours");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_is_no_search_and_wrong_tries_make_it_wait_over_a_restart_too() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    // out of shape: says so, counts as no try
    let shapes = [
        Emergency { birth_date: String::new(), ..emergency("P1") },
        Emergency { patient_id: "P*".to_owned(), ..emergency("P1") },
        Emergency { patient_id: "P?".to_owned(), ..emergency("P1") },
        Emergency { birth_date: "1970".to_owned(), ..emergency("P1") },
        Emergency { birth_date: "19690101-19710101".to_owned(), ..emergency("P1") },
        Emergency { text: "x".to_owned(), ..emergency("P1") },
        Emergency { patient_id: "P".repeat(65), ..emergency("P1") },
    ];
    for shape in shapes {
        assert!(matches!(told(&site, &doctor, shape).await, Err(Refusal::Invalid(_))));
    }
    // without a touch nothing is looked up, right or wrong
    for id in ["P1", "P9"] {
        assert_eq!(told(&site, &doctor, emergency(id)).await.err(), Some(Refusal::FreshNeeded));
    }
    assert_eq!(terms(&site, &doctor).await.tries_left, 5);
    let wrong = [
        emergency("p1"),
        emergency("P9"),
        Emergency { birth_date: "19700102".to_owned(), ..emergency("P1") },
        Emergency { birth_date: String::new(), accession_number: "A1.2.2".to_owned(), ..emergency("P1") },
        Emergency { issuer: Some("ELSEWHERE".to_owned()), ..emergency("P1") },
    ];
    for emergency in wrong {
        assert_eq!(use_it(&site, &doctor, emergency).await.err(), Some(Refusal::NotFound));
    }
    assert_eq!(terms(&site, &doctor).await.tries_left, 0);
    // the next one waits, right or wrong
    assert!(matches!(told(&site, &doctor, emergency("P1")).await, Err(Refusal::Throttled { seconds: 1..=61 })));
    site.stop().await;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    assert!(
        matches!(use_it(&site, &doctor, emergency("P1")).await, Err(Refusal::Throttled { .. })),
        "over a restart too"
    );
    wait(61);
    assert_eq!(use_it(&site, &doctor, emergency("P9")).await.err(), Some(Refusal::NotFound));
    assert!(
        matches!(told(&site, &doctor, emergency("P1")).await, Err(Refusal::Throttled { seconds: 62..=121 })),
        "doubled"
    );
    let missed = |entry: &model::Entry| matches!(entry.body, EntryBody::BreakGlassMissed { .. });
    assert_eq!(site.entries().await.iter().filter(|entry| missed(entry)).count(), 6, "each is an entry");
    wait(121);
    let by_order = Emergency { birth_date: String::new(), accession_number: "A1.2.1".to_owned(), ..emergency("P1") };
    assert!(use_it(&site, &doctor, by_order).await.is_ok(), "identifier and accession number");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_clinicians_break_the_glass_and_only_officers_review_it() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    for (email, role) in [
        ("patient@x.example", Role::Patient),
        ("tech@x.example", Role::Technologist),
        ("admin@x.example", Role::Administrator),
        ("officer@x.example", Role::Officer),
    ] {
        let session = site.person(email, role, None).await;
        assert_eq!(use_it(&site, &session, emergency("P1")).await.err(), Some(Refusal::NotAllowed), "{role:?}");
        let list = site.ask_as(&session, PageRequest::BreakGlass(BreakGlassRequest::Uses)).await;
        assert_eq!(list.is_ok(), role == Role::Officer, "{role:?}");
    }
    let doctor = site.person("doctor@x.example", Role::Radiologist, None).await;
    let broken = use_it(&site, &doctor, emergency("P1")).await.unwrap();
    let note = "fine".to_owned();
    let review = BreakGlassRequest::Review { used: broken.used, verdict: Verdict::Justified, note };
    assert_eq!(site.ask_as(&doctor, PageRequest::BreakGlass(review)).await.err(), Some(Refusal::NotAllowed));
    assert_eq!(site.ask_owner(using(emergency("P1"))).await.err(), Some(Refusal::NotAllowed));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_officer_sees_each_use_ends_it_signs_it_off_and_the_patient_reads_the_reason() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let officer = site.person("officer@x.example", Role::Officer, None).await;
    let link = site.add_person("officer2@x.example", Role::Officer, None).await;
    let codes = site.enrol(&link).await;
    let doctor = site.person("doctor@x.example", Role::Radiologist, None).await;
    let patient = site.person("patient@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let broken = use_it(&site, &doctor, emergency("P1")).await.unwrap();
    site.open(&doctor, "1.2.1", Scope::Images).await.unwrap();

    let seen = uses(&site, &officer).await;
    let row = &seen.rows[0];
    assert_eq!((row.used, row.opened, row.running, row.overdue), (broken.used, 1, true, false));
    assert_eq!((row.reason, row.text.as_str()), (EmergencyReason::LifeThreatening, "bleeding, no order yet"));
    assert_eq!((seen.weeks.len(), seen.weeks.last().unwrap().uses), (26, 1));
    assert_eq!((seen.persons[0].uses, seen.organisations[0].uses, seen.missed), (1, 1, 0));

    // the name stands behind a request of its own, which is a list to the officer
    let before = site.entries().await.len();
    let one = PageRequest::BreakGlass(BreakGlassRequest::One { used: broken.used });
    let Ok(PageReply::BreakGlassUse(detail)) = site.ask_as(&officer, one).await else { panic!("no detail") };
    assert_eq!(detail.patient.unwrap().id, "P1");
    assert_eq!(detail.opened.len(), 1);
    let EntryBody::Listed { studies, .. } = &site.entries().await[before].body else { panic!("no list") };
    assert_eq!(studies.len(), 1, "the date and description of what was opened");

    let end = PageRequest::BreakGlass(BreakGlassRequest::End { used: broken.used });
    site.ask_as(&officer, end).await.unwrap();
    assert_eq!(site.open(&doctor, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    assert!(!uses(&site, &officer).await.rows[0].running);

    let Ok(PageReply::MyAccesses(accesses)) = site.ask_as(&patient, PageRequest::MyAccesses).await else {
        panic!("none")
    };
    let emergency_rows: Vec<_> = accesses.rows.iter().filter(|row| row.basis.contains("bleeding")).collect();
    assert!(emergency_rows.iter().any(|row| row.entry == broken.used && !row.opened), "the use itself");
    assert!(emergency_rows.iter().any(|row| row.opened), "what was opened under it");

    wait(4 * 24 * HOUR);
    assert!(site.exposure("person:doctor@x.example").await.reachable.patients == 1);
    site.stop().await;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let officer = site.password("officer2@x.example", &codes[0]).await.unwrap();
    assert!(uses(&site, &officer).await.rows[0].overdue, "three days without a review");
    let note = "patient in the emergency room, asked the ward".to_owned();
    let review = BreakGlassRequest::Review { used: broken.used, verdict: Verdict::NotJustified, note };
    site.ask_as(&officer, PageRequest::BreakGlass(review)).await.unwrap();
    let seen = uses(&site, &officer).await;
    let row = &seen.rows[0];
    assert!(!row.overdue && row.review.as_ref().unwrap().verdict == Verdict::NotJustified);
    assert_eq!(seen.persons[0].not_justified, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_breaks_the_glass_twenty_times_a_day_at_most() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let link = site.add_person("doctor@x.example", Role::Referrer, None).await;
    let doctor = site.with_passkey(&link).await;
    for turn in 0..20 {
        assert!(use_it(&site, &doctor, emergency("P1")).await.is_ok(), "{turn}");
    }
    assert!(matches!(told(&site, &doctor, emergency("P2")).await, Err(Refusal::Throttled { .. })));
    assert_eq!(site.open(&doctor, "1.2.2", Scope::Images).await.err(), Some(Refusal::NotFound));
}
