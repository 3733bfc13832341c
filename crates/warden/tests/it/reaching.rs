//! Who reaches what, and until when.

use std::sync::atomic::{AtomicI64, Ordering};

use audit::LedgerOptions;
use model::{Instant, Origin, Role, StudyNumber};
use protocol::{Credential, Level, PageReply, PageRequest, Refusal, Scope};

use crate::site::{Folder, now};

static OFFSET: AtomicI64 = AtomicI64::new(0);

/// A clock that one test sets back.
fn set_back() -> Instant {
    now().plus_seconds(OFFSET.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_brings_no_ended_relationship_back() {
    let folder = Folder::new();
    let site = folder.start_with(set_back, LedgerOptions::default()).await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 7200).await;
    OFFSET.store(3600, Ordering::SeqCst);
    assert!(site.open(&reader, "1.2.1", Scope::Images).await.is_ok());
    site.ask(PageRequest::Unrelate {
        who: "device:viewer".to_owned(),
        whom: "patient:HOSPITAL/P1".to_owned(),
        until: set_back(),
    })
    .await;
    assert_eq!(site.open(&reader, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    OFFSET.store(0, Ordering::SeqCst);
    assert_eq!(site.open(&reader, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relationship_that_ends_ends_running_leases() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 3600).await;
    assert!(site.open(&reader, "1.2.1", Scope::Images).await.is_ok());
    assert!(site.list(&reader, Level::Instance).await.unwrap().listings.len() == 1);
    site.unrelate("device:viewer", "patient:HOSPITAL/P1").await;
    assert_eq!(site.open(&reader, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    assert_eq!(site.open(&reader, "1.2.1", Scope::Listing).await.err(), Some(Refusal::NotFound));
    assert_eq!(site.list(&reader, Level::Instance).await.unwrap().listings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_is_no_owner() {
    let folder = Folder::new();
    let site = folder.start().await;
    let requests = [
        PageRequest::People,
        PageRequest::Health,
        PageRequest::Snapshot { into: folder.path().join("stolen").to_str().unwrap().to_owned() },
        PageRequest::IssueEnrolment { email: "a@b.example".to_owned() },
    ];
    for request in requests {
        let refused = site.ask_as(&Credential::Owner, request.clone()).await;
        assert_eq!(refused.err(), Some(Refusal::NotAllowed), "{request:?}");
        let stranger = Credential::Stranger { origin: Origin("10.0.0.1".into()) };
        assert_eq!(site.ask_as(&stranger, request).await.err(), Some(Refusal::SignedOut));
    }
    assert!(!folder.path().join("stolen").exists());
    assert_eq!(site.list(&Credential::Owner, Level::Study).await.err(), Some(Refusal::NotAllowed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_and_an_administrator_see_no_patient_whatever_is_related_to_them() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    for (email, role) in [("officer@x.example", Role::Officer), ("admin@x.example", Role::Administrator)] {
        let session = site.person(email, role, None).await;
        site.relate(&format!("person:{email}"), "site", 3600).await;
        site.relate(&format!("org:organisation of {email}"), "patient:HOSPITAL/P1", 3600).await;
        for level in [Level::Patient, Level::Study, Level::Series, Level::Instance] {
            assert_eq!(site.list(&session, level).await.err(), Some(Refusal::NotAllowed), "{role:?} {level:?}");
        }
        for scope in [Scope::Images, Scope::Listing] {
            assert_eq!(site.open(&session, "1.2.1", scope).await.err(), Some(Refusal::NotAllowed), "{role:?}");
        }
        for request in [PageRequest::MyStudies, PageRequest::MyAccesses] {
            assert_eq!(site.ask_as(&session, request).await.err(), Some(Refusal::NotAllowed), "{role:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_makes_no_officer_and_takes_no_officers_place() {
    let folder = Folder::new();
    let site = folder.start().await;
    let _link = site.add_person("officer@x.example", Role::Officer, None).await;
    let session = site.person("admin@x.example", Role::Administrator, None).await;
    for role in [Role::Officer, Role::Administrator, Role::OfficerAdministrator] {
        let request = PageRequest::AddPerson {
            email: "friend@x.example".to_owned(),
            name: "Friend".to_owned(),
            role,
            organisation: "organisation of admin@x.example".to_owned(),
            password_and_code: true,
            own_record: None,
        };
        assert_eq!(site.ask_as(&session, request).await.err(), Some(Refusal::NotAllowed), "{role:?}");
    }
    for email in ["officer@x.example", " OFFICER@x.example", "admin@x.example"] {
        let request = PageRequest::IssueEnrolment { email: email.to_owned() };
        assert_eq!(site.ask_as(&session, request).await.err(), Some(Refusal::NotAllowed), "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_uid_of_two_patients_opens_only_the_one_in_reach() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P2", 3600).await;
    let opened = site.open(&reader, "1.2.1", Scope::Images).await.unwrap();
    assert_eq!(opened.studies.len(), 1);
    assert_eq!(opened.studies[0].row.patient.id, "P2");
    let listings = site.list(&reader, Level::Instance).await.unwrap().listings;
    assert_eq!(listings.len(), 1);
    assert!(listings[0].keys.iter().all(|key| key.data_key.is_none()), "a list gives no pixel");
    let rows = site.list(&reader, Level::Series).await.unwrap().series;
    assert!(rows.iter().all(|row| row.study.patient.id == "P2"));
    // that another patient has a study of that UID is not told, until that one is in reach too
    assert!(rows.iter().all(|row| !row.study.conflict));
    assert!(!opened.studies[0].row.conflict);
    site.relate("device:viewer", "patient:HOSPITAL/P1", 3600).await;
    assert!(site.list(&reader, Level::Study).await.unwrap().studies.iter().all(|row| row.conflict));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_gives_its_uid_to_nobody_who_may_not_list_the_study() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P2", 3600).await;
    let ask = |study| PageRequest::StudyUid { study: StudyNumber(study) };
    for study in [0, 7, u32::MAX] {
        assert_eq!(site.ask_as(&reader, ask(study)).await.err(), Some(Refusal::NotFound), "{study}");
    }
    assert!(matches!(site.ask_as(&reader, ask(1)).await, Ok(PageReply::StudyUid(uid)) if uid.as_str() == "1.2.2"));
    let stranger = Credential::Stranger { origin: Origin("10.0.0.1".into()) };
    for study in [0, 1, 7] {
        assert_eq!(site.ask_as(&stranger, ask(study)).await.err(), Some(Refusal::SignedOut), "{study}");
    }
    site.unrelate("device:viewer", "patient:HOSPITAL/P2").await;
    assert_eq!(site.ask_as(&reader, ask(1)).await.err(), Some(Refusal::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_out_of_reach_and_one_that_is_not_there_are_recorded_alike() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    for study in ["1.2.1", "1.2.99"] {
        let before = site.entries().await.len();
        assert_eq!(site.open(&reader, study, Scope::Images).await.err(), Some(Refusal::NotFound));
        assert_eq!(site.entries().await.len(), before + 1, "{study}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_names_nobody_does_not_tell_whether_there_is_somebody() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 3600).await;
    let before = site.entries().await.len();
    for (level, offset) in [(Level::Study, 0), (Level::Patient, 0), (Level::Series, 0), (Level::Instance, 1)] {
        let (matches, words, order) = (Vec::new(), String::new(), protocol::Order::NewestFirst);
        let request = protocol::ListRequest { level, matches, words, order, offset, limit: 0 };
        let refused = site.front.list(crate::site::soon(), reader.clone(), request).await.unwrap();
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{level:?}: {refused:?}");
    }
    assert_eq!(site.entries().await.len(), before);
}
