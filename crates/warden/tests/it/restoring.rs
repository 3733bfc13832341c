//! A database from a moment before the ledger's end, as a vault restores it.

use model::{EntryBody, PatientNumber, Role};
use protocol::{Invalid, Level, PageRequest, Refusal, Scope, SignInRequest};

use crate::sender::uid;
use crate::site::Folder;

/// Puts a snapshot's database in the place of the site's.
fn put_back(folder: &Folder, snapshot: &std::path::Path) {
    for file in ["warden.db-wal", "warden.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join("warden").join(file));
    }
    std::fs::copy(snapshot.join("warden.db"), folder.path().join("warden/warden.db")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relationship_with_a_lost_patient_reaches_nobody_who_comes_later() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    let snapshot = folder.path().join("snapshot");
    site.ask(PageRequest::Snapshot { into: snapshot.to_str().unwrap().to_owned() }).await;
    let mut restored = sender.clone();
    // after the snapshot: a patient is made known, related, and has a study
    site.relate("device:viewer", "patient:HOSPITAL/LOST", 3600).await;
    site.hand_over(&[sender.image("LOST", "1.2.2", 1)]).await.unwrap();
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies.len(), 1);
    site.stop().await;
    put_back(&folder, &snapshot);

    let site = folder.start().await;
    site.hand_over(&[restored.image("SOMEBODY", "1.2.9", 1)]).await.unwrap();
    assert_eq!(site.list(&reader, Level::Patient).await.unwrap().patients, []);
    assert_eq!(site.open(&reader, "1.2.9", Scope::Images).await.err(), Some(Refusal::NotFound));
    let report = site.exposure("device:viewer").await;
    assert!(report.patients.iter().all(|row| row.patient.name.is_empty()), "no name of another patient in the report");
    // numbers go on behind the ledger's, also after one more start
    site.stop().await;
    let site = folder.start().await;
    let numbers: Vec<PatientNumber> = site
        .entries()
        .await
        .iter()
        .filter_map(|entry| match entry.body {
            EntryBody::PatientAdded { patient } => Some(patient),
            _ => None,
        })
        .collect();
    let mut distinct = numbers.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(numbers.len(), distinct.len(), "no number was given twice");
    // what was lost shows in no list, not even to who reaches the whole site
    site.relate("device:viewer", "site", 3600).await;
    let studies = site.list(&reader, Level::Study).await.unwrap().studies;
    let mut uids: Vec<_> = studies.iter().map(|row| row.uid.as_str()).collect();
    uids.sort_unstable();
    assert_eq!(uids, ["1.2.1", "1.2.9"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_the_restored_database_forgot_holds() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 3600).await;
    let snapshot = folder.path().join("snapshot");
    site.ask(PageRequest::Snapshot { into: snapshot.to_str().unwrap().to_owned() }).await;
    site.ask(PageRequest::MoveStudy {
        study: uid("1.2.1"),
        patient: "HOSPITAL/P2".to_owned(),
        reason: "wrong worklist entry".to_owned(),
    })
    .await;
    assert_eq!(site.open(&reader, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    site.stop().await;
    put_back(&folder, &snapshot);

    let site = folder.start().await;
    assert_eq!(site.open(&reader, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    site.relate("device:viewer", "patient:HOSPITAL/P2", 3600).await;
    let opened = site.open(&reader, "1.2.1", Scope::Images).await.unwrap();
    assert!(opened.studies[0].moved);
    assert_eq!(opened.studies[0].row.patient.id, "P2");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_over_for_people_is_over_in_a_restored_database() {
    let folder = Folder::new();
    let site = folder.start().await;
    let session = site.person("a@x.example", Role::Radiologist, None).await;
    let (used, voided) = (
        site.add_person("b@x.example", Role::Radiologist, None).await,
        site.add_person("c@x.example", Role::Radiologist, None).await,
    );
    let running = site.add_person("d@x.example", Role::Radiologist, None).await;
    let snapshot = folder.path().join("snapshot");
    site.ask(PageRequest::Snapshot { into: snapshot.to_str().unwrap().to_owned() }).await;
    site.sign_out(&session).await.unwrap();
    site.enrol(&used).await;
    site.ask(PageRequest::IssueEnrolment { email: "c@x.example".to_owned() }).await;
    site.stop().await;
    put_back(&folder, &snapshot);

    let site = folder.start().await;
    assert_eq!(site.ask_as(&session, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
    let look = |token: &str| SignInRequest::EnrolmentLook { token: token.to_owned() };
    for link in [&used, &voided] {
        assert_eq!(site.sign_in(look(link)).await.err(), Some(Refusal::Invalid(Invalid::EnrolmentLink)));
    }
    assert!(site.sign_in(look(&running)).await.is_ok());
    // and an ordinary restart ends nothing
    site.stop().await;
    let site = folder.start().await;
    assert!(site.sign_in(look(&running)).await.is_ok());
}
