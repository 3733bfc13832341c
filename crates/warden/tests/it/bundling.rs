//! The registry's records in bundles: a start finds the same, whether a record lies loose or in one.

use protocol::{Asking, ColdAsk, Credential, Level, ListRequest, Match, Order};
use rusqlite::Connection;

use crate::browser;
use crate::site::{Folder, Site, now, soon};

const PATIENT_ID: u32 = 0x0010_0020;

/// How many records lie loose, and how many bundles there are.
fn kept(folder: &Folder) -> (u32, u32) {
    let database = Connection::open(folder.path().join("warden/warden.db")).unwrap();
    let count = |space: u32| {
        database.query_row("SELECT COUNT(*) FROM record WHERE space = ?", [space], |row| row.get(0)).unwrap()
    };
    (count(1), count(7))
}

/// Instances of each study of a patient.
async fn instances(site: &Site, credential: &Credential, patient: &str) -> Vec<u32> {
    let request = ListRequest {
        level: Level::Study,
        matches: vec![Match { tag: PATIENT_ID, value: patient.to_owned() }],
        words: String::new(),
        order: Order::NewestFirst,
        offset: 0,
        limit: 200,
    };
    let credential = browser::signed(credential, Asking::List(&request), &site.nonce().await);
    let listed = site.front.list(soon(), credential, request).await.unwrap().unwrap();
    listed.studies.iter().map(|study| study.instances).collect()
}

/// A site with 300 patients who have one study with one image each, and somebody who reads all of it.
async fn filled(folder: &Folder) -> (Site, crate::sender::Sender, Credential) {
    let site = folder.start().await;
    let mut sender = folder.sender();
    let records: Vec<_> = (0..300).map(|n| sender.image(&format!("P{n}"), &format!("1.2.{n}"), 1)).collect();
    site.hand_over(&records).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 86_400).await;
    assert_eq!(kept(folder), (600, 0));
    site.keep_house();
    assert_eq!(kept(folder), (88, 2), "the first 256 patients and studies are bundled, the others lie loose");
    (site, sender, reader)
}

#[tokio::test(flavor = "multi_thread")]
async fn bundled_records_come_back_and_what_changed_since_is_newer() {
    let folder = Folder::new();
    let (site, mut sender, reader) = filled(&folder).await;
    site.hand_over(&[sender.image("P7", "1.2.7", 2)]).await.unwrap();
    site.keep_house();
    assert_eq!(kept(&folder), (89, 2), "one changed record does not write a bundle again");
    site.stop().await;
    let site = folder.start().await;
    for (patient, found) in [("P0", 1), ("P7", 2), ("P255", 1), ("P256", 1), ("P299", 1)] {
        assert_eq!(instances(&site, &reader, patient).await, [found], "{patient}");
    }

    // with those that lay loose before the restart there are enough to write it again
    let more: Vec<_> = (100..131).map(|n| sender.image(&format!("P{n}"), &format!("1.2.{n}"), 2)).collect();
    site.hand_over(&more).await.unwrap();
    assert_eq!(kept(&folder), (120, 2));
    site.keep_house();
    assert_eq!(kept(&folder), (88, 2));
    site.stop().await;
    let site = folder.start().await;
    for (patient, found) in [("P6", 1), ("P7", 2), ("P99", 1), ("P100", 2), ("P130", 2), ("P131", 1), ("P299", 1)] {
        assert_eq!(instances(&site, &reader, patient).await, [found], "{patient}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_does_not_keep_what_was_shredded() {
    let folder = Folder::new();
    let (site, _, reader) = filled(&folder).await;
    let asked =
        ColdAsk::Shred { whom: "patient:HOSPITAL/P9".to_owned(), reason: "asked for by the patient".to_owned() };
    site.cold(asked).await.unwrap();
    assert_eq!(kept(&folder), (88, 2), "the bundle was written again, and nothing lies beside it");
    site.stop().await;
    let site = folder.start().await;
    assert_eq!(instances(&site, &reader, "P9").await, [0; 0]);
    assert_eq!(instances(&site, &reader, "P10").await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_was_changed_on_disk_stops_the_start() {
    let folder = Folder::new();
    let (site, ..) = filled(&folder).await;
    site.stop().await;
    let database = Connection::open(folder.path().join("warden/warden.db")).unwrap();
    let swap = "UPDATE record SET sealed = (SELECT sealed FROM record WHERE space = 7 AND key = x'73000000')
        WHERE space = 7 AND key = x'70000000'";
    assert_eq!(database.execute(swap, []).unwrap(), 1);
    drop(database);
    let started = warden::Warden::start(folder.settings(now));
    assert!(matches!(started, Err(warden::StartError::Database(warden::DatabaseError::Damaged { .. }))));
}
