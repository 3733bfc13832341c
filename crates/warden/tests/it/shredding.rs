//! Shredding and rotating: no copy that is left in the folder opens what was shredded.

use audit::LedgerOptions;
use model::{EntryBody, HolderKind};
use protocol::{ColdAsk, ColdReply, Level, PageRequest, Refusal, Scope, ShredCertificate};
use seal::BatchKeys;

use crate::holder::{Holder, days_pass, later};
use crate::sender::{Sender, keys, note};
use crate::site::{Folder, Site};
use crate::thief::Thief;

async fn start(folder: &Folder) -> Site {
    folder.start_with(later, LedgerOptions::default()).await
}

async fn store(site: &Site, sender: &mut Sender, patient: &str, study: &str) -> BatchKeys {
    let keys = keys();
    let object = sender.object(&keys, &note(patient, study, 1));
    let record = sender.record(vec![sender.wrap(&keys)], vec![object]);
    site.hand_over(&[record]).await.unwrap();
    keys
}

async fn shred(site: &Site, whom: &str) -> Result<Vec<ShredCertificate>, Refusal> {
    let asked = ColdAsk::Shred { whom: whom.to_owned(), reason: "asked for by the patient".to_owned() };
    match site.cold(asked).await? {
        ColdReply::Certificates(certificates) => Ok(certificates),
        _ => panic!("another answer"),
    }
}

#[allow(clippy::disallowed_methods, reason = "a test puts a file where it should not be")]
fn write(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

fn opens(folder: &Folder, keys: &[&BatchKeys]) -> Vec<BatchKeys> {
    let names: Vec<_> = keys.iter().map(|keys| keys.key).collect();
    Thief::takes(folder.path()).opens(&names)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_shred_no_copy_in_the_folder_its_free_pages_and_its_logs_opens_the_study() {
    let folder = Folder::new();
    let site = start(&folder).await;
    let mut sender = folder.sender();
    let one = store(&site, &mut sender, "P1", "1.2.1").await;
    let two = store(&site, &mut sender, "P2", "1.2.2").await;
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 86_400).await;
    assert!(opens(&folder, &[&one]).contains(&one), "the search finds it before");

    let certificates = shred(&site, "study:1.2.1").await.unwrap();
    assert_eq!(certificates.len(), 1);
    assert!(certificates[0].destroyed.is_some() && certificates[0].out_of_vaults.is_none());
    assert_eq!(opens(&folder, &[&one]), []);
    assert!(opens(&folder, &[&two]).contains(&two), "what stays, stays");
    assert_eq!(site.open(&reader, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies.len(), 1);
    site.stop().await;
    let site = start(&folder).await;
    assert_eq!(opens(&folder, &[&one]), []);
    assert!(site.open(&reader, "1.2.2", Scope::Images).await.is_ok());
    // the same images may come again, as a study of their own
    let again = store(&site, &mut sender, "P1", "1.2.1").await;
    let opened = site.open(&reader, "1.2.1", Scope::Images).await.unwrap();
    assert_eq!(opened.studies[0].keys[0].key, again.key);
    assert_eq!(opens(&folder, &[&one]), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_study_is_shredded_without_its_holders_and_their_shares_open_nothing_any_more() {
    let folder = Folder::new();
    let site = start(&folder).await;
    let mut sender = folder.sender();
    let one = store(&site, &mut sender, "P1", "1.2.1").await;
    store(&site, &mut sender, "P1", "1.2.3").await;
    let holder = Holder::new("A", HolderKind::Sharing);
    site.set_holders(1, &[&holder]).await;
    site.after_a_day().await;
    days_pass(2);
    assert_eq!(site.sweep().await.unwrap().studies, 2);
    let before = std::fs::read(folder.path().join("warden/warden.db")).unwrap();
    shred(&site, "study:1.2.1").await.unwrap();
    // the box is in a copy that somebody took before; its lock needs an epoch key that is nowhere
    let copy = folder.path().join("copy-of-before");
    write(&copy, &before);
    assert_eq!(opens(&folder, &[&one]), []);
    let request = site.ask_for_cold("patient:HOSPITAL/P1", 1, false).await.unwrap();
    assert_eq!(holder.approve(&folder, &site, request).await.unwrap(), (1, 0), "the other one warms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_before_the_shredding_is_shredded_again_at_the_start() {
    let folder = Folder::new();
    let site = start(&folder).await;
    let mut sender = folder.sender();
    let one = store(&site, &mut sender, "P1", "1.2.1").await;
    let two = store(&site, &mut sender, "P2", "1.2.2").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let snapshot = elsewhere.path().join("snapshot");
    site.ask(PageRequest::Snapshot { into: snapshot.to_str().unwrap().to_owned() }).await;
    shred(&site, "patient:HOSPITAL/P1").await.unwrap();
    site.stop().await;
    let warden = folder.path().join("warden");
    for file in ["warden.db-wal", "warden.db-shm"] {
        let _ = std::fs::remove_file(warden.join(file));
    }
    std::fs::remove_dir_all(warden.join("epochs")).unwrap();
    std::fs::create_dir(warden.join("epochs")).unwrap();
    std::fs::copy(snapshot.join("warden.db"), warden.join("warden.db")).unwrap();
    for key in std::fs::read_dir(snapshot.join("epochs")).unwrap() {
        let key = key.unwrap();
        std::fs::copy(key.path(), warden.join("epochs").join(key.file_name())).unwrap();
    }
    assert!(opens(&folder, &[&one]).contains(&one), "the copy brought it back");
    let site = start(&folder).await;
    assert_eq!(opens(&folder, &[&one]), []);
    assert!(opens(&folder, &[&two]).contains(&two));
    let rotations = site.entries().await;
    let rotations = rotations.iter().filter(|entry| matches!(entry.body, EntryBody::KeysRotated { .. })).count();
    assert_eq!(rotations, 2, "once for the shredding, once for what came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_says_from_when_on_no_vault_holds_the_keys() {
    let folder = Folder::new();
    let site = start(&folder).await;
    let mut sender = folder.sender();
    store(&site, &mut sender, "P1", "1.2.1").await;
    let entry = shred(&site, "study:1.2.1").await.unwrap()[0].entry;
    let elsewhere = tempfile::tempdir().unwrap();
    for copy in 1..=warden::VAULT_WINDOW_SNAPSHOTS {
        let ColdReply::Certificates(certificates) = site.cold(ColdAsk::Certificate { entry }).await.unwrap() else {
            panic!("another answer")
        };
        assert_eq!(certificates[0].out_of_vaults, None, "after {} copies", copy - 1);
        let into = elsewhere.path().join(copy.to_string());
        site.ask(PageRequest::Snapshot { into: into.to_str().unwrap().to_owned() }).await;
    }
    let ColdReply::Certificates(certificates) = site.cold(ColdAsk::Certificate { entry }).await.unwrap() else {
        panic!("another answer")
    };
    assert!(certificates[0].out_of_vaults.is_some());
    assert!(site.cold(ColdAsk::Certificate { entry: model::EntryNumber(0) }).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_wraps_everything_again_and_the_keys_stay_what_they_were() {
    let folder = Folder::new();
    let site = start(&folder).await;
    let mut sender = folder.sender();
    let one = store(&site, &mut sender, "P1", "1.2.1").await;
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 86_400).await;
    let before = std::fs::read(folder.path().join("warden/epochs/1.key")).unwrap();
    let ColdReply::Rotated(rotated) = site.cold(ColdAsk::Rotate).await.unwrap() else { panic!("another answer") };
    assert_eq!((rotated.epoch, rotated.destroyed, rotated.keys), (2, vec![1], 1));
    assert!(!folder.path().join("warden/epochs/1.key").exists());
    let opened = site.open(&reader, "1.2.1", Scope::Images).await.unwrap();
    assert_eq!(opened.studies[0].keys[0].listing_key, *one.listing.expose());
    site.stop().await;
    // an epoch key that somebody puts back is destroyed at the start: nothing needs it
    write(&folder.path().join("warden/epochs/1.key"), &before);
    let site = start(&folder).await;
    assert!(!folder.path().join("warden/epochs/1.key").exists());
    assert!(site.open(&reader, "1.2.1", Scope::Images).await.is_ok());
}
