//! What a patient reads of who looked, also where a study was filed elsewhere for a while, and what an incident counts.

use std::sync::atomic::{AtomicI64, Ordering};

use audit::LedgerOptions;
use model::{Instant, Role, Window};
use protocol::{Accesses, Credential, Level, PageReply, PageRequest, Refusal, RemovalRequest, Scope};

use crate::sender::uid;
use crate::site::{Folder, Site, now};

static AHEAD: AtomicI64 = AtomicI64::new(0);

fn clock() -> Instant {
    now().plus_seconds(AHEAD.load(Ordering::SeqCst))
}

fn move_to(patient: &str) -> PageRequest {
    let reason = "wrong worklist entry".to_owned();
    PageRequest::MoveStudy { study: uid("1.2.1"), patient: format!("HOSPITAL/{patient}"), reason }
}

async fn looked(site: &Site, patient: &Credential) -> Accesses {
    match site.ask_as(patient, PageRequest::MyAccesses).await {
        Ok(PageReply::MyAccesses(accesses)) => *accesses,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filing_a_study_elsewhere_for_a_while_hides_nobody_who_opened_it() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P9", "1.2.9", 1)]).await.unwrap();
    let patient = site.person("patient@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let doctor = site.person("doctor@x.example", Role::Radiologist, None).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P9", 3600).await;
    site.ask(move_to("P9")).await;
    site.open(&doctor, "1.2.1", Scope::Images).await.unwrap();
    site.ask(move_to("P1")).await;

    let accesses = looked(&site, &patient).await;
    let opened: Vec<_> = accesses.rows.iter().filter(|row| row.opened).collect();
    assert_eq!(opened.len(), 1);
    assert_eq!((opened[0].who.as_str(), opened[0].basis.as_str()), ("Somebody", "order"));
    assert_eq!(opened[0].studies, [uid("1.2.1")]);
    let moved: Vec<_> = accesses.rows.iter().filter(|row| row.moved).map(|row| row.basis.as_str()).collect();
    assert_eq!(moved, ["into this file: wrong worklist entry", "out of this file: wrong worklist entry"]);

    let exposure = site.exposure("person:doctor@x.example").await;
    let patients: Vec<_> =
        exposure.patients.iter().filter(|row| row.opened > 0).map(|row| row.patient.id.as_str()).collect();
    assert_eq!((patients, exposure.opened.studies), (vec!["P1", "P9"], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_moves_fifty_studies_a_day_and_no_more() {
    let folder = Folder::new();
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let admin = site.person("admin@x.example", Role::Administrator, None).await;
    for n in 0..50 {
        site.ask_as(&admin, move_to(if n % 2 == 0 { "P2" } else { "P1" })).await.unwrap();
    }
    assert!(matches!(site.ask_as(&admin, move_to("P2")).await, Err(Refusal::Throttled { .. })));
    // the command line is nobody's session
    assert!(matches!(site.ask(move_to("P2")).await, PageReply::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_stays_however_many_lists_follow_it_and_the_owner_stands_there_too() {
    let folder = Folder::new();
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader_until("viewer", Some(clock().plus_seconds(1000 * 86_400))).await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 1000 * 86_400).await;
    site.open(&reader, "1.2.1", Scope::Images).await.unwrap();
    site.list(&reader, Level::Study).await.unwrap();
    AHEAD.fetch_add(600, Ordering::SeqCst);
    site.list(&reader, Level::Study).await.unwrap();
    for _ in 0..520 {
        AHEAD.fetch_add(86_400, Ordering::SeqCst);
        site.list(&reader, Level::Study).await.unwrap();
    }
    let window = Window { from: Instant(0), to: clock() };
    site.ask(PageRequest::Exposure { who: "device:viewer".to_owned(), window }).await;
    let patient = site.person("patient@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let accesses = looked(&site, &patient).await;
    assert!(accesses.truncated);
    assert_eq!(accesses.rows.iter().filter(|row| row.opened).count(), 1, "the opening is the oldest of all");
    assert_eq!(accesses.rows.iter().filter(|row| !row.opened).count(), 500, "of lists the newest");
    let owner = &accesses.rows[0];
    assert_eq!((owner.who.as_str(), owner.role, owner.device), ("owner of the machine", None, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_one_reader_on_one_day_are_one_line() {
    let folder = Folder::new();
    // noon, so that the day does not end meanwhile
    let site = folder.start_with(noon, LedgerOptions::default()).await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 30 * 86_400).await;
    for _ in 0..3 {
        site.list(&reader, Level::Study).await.unwrap();
        AHEAD.fetch_add(600, Ordering::SeqCst);
    }
    let patient = site.person("patient@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let accesses = looked(&site, &patient).await;
    let times: Vec<_> = accesses.rows.iter().map(|row| (row.who.as_str(), row.device, row.times)).collect();
    assert_eq!((times, accesses.truncated), (vec![("viewer", true, 3)], false));
}

/// Two days from now at noon.
fn noon() -> Instant {
    const DAY: i64 = 86_400 * model::SECOND;
    let day = now().0.div_euclid(DAY) + 2;
    let since = now().0.rem_euclid(DAY) / 1_000;
    Instant(day * DAY + DAY / 2 + since).plus_seconds(AHEAD.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_counts_the_device_that_it_is_about_also_when_another_has_its_name() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 3600).await;
    site.open(&reader, "1.2.1", Scope::Images).await.unwrap();
    let window = Window { from: Instant(0), to: now().plus_seconds(3600) };
    let (title, about) = ("leak".to_owned(), vec!["device:viewer".to_owned()]);
    let request = PageRequest::OpenIncident { title, about, window, aware: now() };
    let PageReply::Incident(opened) = site.ask(request).await else { panic!("no incident") };
    assert_eq!(opened.opened.patients, 1);

    site.ask(PageRequest::Removals(RemovalRequest::Device { name: "viewer".to_owned() })).await;
    let again = PageRequest::AddDevice {
        name: "viewer".to_owned(),
        organisation: "viewer clinic".to_owned(),
        may: vec![model::DeviceMay::Open],
        ae_title: None,
        from: Vec::new(),
        token: true,
        bound: None,
        token_until: None,
    };
    assert!(matches!(site.ask(again).await, PageReply::DeviceAdded { .. }));
    let incident = PageRequest::Incident { incident: opened.row.incident };
    let PageReply::Incident(now_is) = site.ask(incident).await else { panic!("no incident") };
    assert_eq!(now_is.opened.patients, 1);
    assert_eq!(now_is.row.about, ["device:#0"]);
    assert_eq!(site.exposure("device:#0").await.opened.patients, 1);
    assert_eq!(site.exposure("device:viewer").await.opened.patients, 0, "the new one");
}
