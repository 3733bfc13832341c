//! What an exposure report says, and what asking for one costs the asker.

use model::{Actor, DiskId, DiskPart, EntryBody, Role, Window};
use protocol::{FrontDisk, Level, PageReply, PageRequest, Refusal, Scope};

use crate::sender::uid;
use crate::site::{Folder, now, soon};

#[tokio::test(flavor = "multi_thread")]
async fn the_names_in_a_report_count_as_listed_to_the_officer_who_asked() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 3600).await;
    site.list(&reader, Level::Study).await.unwrap();
    let officer = site.person("officer@x.example", Role::Officer, None).await;
    assert_eq!(site.exposure("person:officer@x.example").await.listed.patients, 0);

    let window = Window { from: now().plus_seconds(-60), to: now().plus_seconds(60) };
    let request = PageRequest::Exposure { who: "device:viewer".to_owned(), window };
    let Ok(PageReply::Exposure(report)) = site.ask_as(&officer, request).await else { panic!("no report") };
    assert_eq!(report.patients[0].patient.name, "Name^OfP1");
    let about_officer = site.exposure("person:officer@x.example").await;
    assert_eq!((about_officer.listed.patients, about_officer.opened.patients), (1, 0));
    assert_eq!(about_officer.listed.studies, report.patients[0].details.len() as u64, "dates and descriptions too");
    assert_eq!(about_officer.listed.studies, 1);
    assert_eq!(about_officer.patients[0].patient.id, "P1");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_a_name_or_a_key_counts() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    let records: Vec<_> = (1..=5).map(|n| sender.image(&format!("P{n}"), &format!("1.2.{n}"), 1)).collect();
    site.hand_over(&records).await.unwrap();
    for (n, level) in [(1, Level::Patient), (2, Level::Study), (3, Level::Series), (4, Level::Instance)] {
        let name = format!("viewer {n}");
        let reader = site.reader(&name).await;
        let who = format!("device:{name}");
        site.relate(&who, &format!("patient:HOSPITAL/P{n}"), 3600).await;
        assert_eq!(site.exposure(&who).await.listed.patients, 0, "{level:?}");
        site.list(&reader, level).await.unwrap();
        let report = site.exposure(&who).await;
        assert_eq!((report.listed.patients, report.opened.patients), (1, 0), "{level:?}");
        site.open(&reader, &format!("1.2.{n}"), Scope::Listing).await.unwrap();
        assert_eq!(site.exposure(&who).await.opened.studies, 0, "{level:?}");
        site.open(&reader, &format!("1.2.{n}"), Scope::Images).await.unwrap();
        assert_eq!(site.exposure(&who).await.opened.studies, 1, "{level:?}");
    }
    let patient = site.person("patient@x.example", Role::Patient, Some("HOSPITAL/P5")).await;
    site.ask_as(&patient, PageRequest::MyStudies).await.unwrap();
    let report = site.exposure("person:patient@x.example").await;
    assert_eq!((report.listed.patients, report.listed.studies), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_that_was_moved_after_it_was_listed_exposes_nobody_else() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "patient:HOSPITAL/P1", 3600).await;
    site.list(&reader, Level::Study).await.unwrap();
    site.ask(PageRequest::MoveStudy {
        study: uid("1.2.1"),
        patient: "HOSPITAL/P2".to_owned(),
        reason: "wrong worklist entry".to_owned(),
    })
    .await;
    let report = site.exposure("device:viewer").await;
    let rows: Vec<_> = report.patients.iter().map(|row| (row.patient.id.as_str(), row.listed)).collect();
    assert_eq!(rows, [("P1", 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_s_word_about_its_disk_counts_for_images_alone() {
    let folder = Folder::new();
    let site = folder.start().await;
    let [of_warden, of_vault, of_front, another] = [1, 2, 3, 4].map(|n| DiskId([n; 16]));
    for (disk, part) in [(of_warden, DiskPart::Keyring), (of_vault, DiskPart::Copy)] {
        let filesystem = String::new();
        site.ask(PageRequest::DiskHolds { disk, filesystem, holds: vec![part], instead_of: None }).await;
    }
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let tell = async |disk, instead_of| {
        let filesystem = "8f1c-22".to_owned();
        site.front.lies_on(soon(), FrontDisk { disk, filesystem, instead_of }).await.unwrap()
    };
    let held = async || {
        let entries = site.entries().await.into_iter();
        entries.filter(|entry| matches!(entry.body, EntryBody::DiskHolds { .. })).collect::<Vec<_>>()
    };
    // what holds keys or a copy is nothing that a front speaks of
    assert_eq!(tell(of_warden, None).await, Err(Refusal::NotAllowed));
    assert_eq!(tell(of_vault, None).await, Err(Refusal::NotAllowed));
    assert_eq!(held().await.len(), 2);
    // nor does it end one: the vault's last synchronisation stays what it was
    assert_eq!(tell(of_front, Some(of_vault)).await, Ok(()));
    let told = held().await.pop().unwrap();
    assert_eq!(told.actor, Actor::Warden);
    let expected = EntryBody::DiskHolds {
        disk: of_front,
        filesystem: "8f1c-22".to_owned(),
        holds: vec![DiskPart::Images],
        instead_of: None,
    };
    assert_eq!(told.body, expected);
    // said again it is no news, and one that says something else all the time is slowed
    assert_eq!(tell(of_front, None).await, Ok(()));
    assert!(matches!(tell(another, Some(of_front)).await, Err(Refusal::Throttled { .. })));
    assert_eq!(held().await.len(), 3);
    // nobody else speaks for a front
    let owner = FrontDisk { disk: another, filesystem: String::new(), instead_of: None };
    assert_eq!(site.owner.lies_on(soon(), owner).await.unwrap(), Err(Refusal::NotAllowed));

    site.hand_over(&[sender.image("P2", "1.2.2", 1)]).await.unwrap();
    assert_eq!(site.exposure(&format!("disk:{of_front}")).await.reachable.studies, 2);
    assert_eq!(site.exposure("disk:8f1c-22").await.reachable.studies, 2);
    assert_eq!(site.exposure(&format!("disk:{of_warden}")).await.reachable.studies, 0);
}
