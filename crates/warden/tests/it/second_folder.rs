//! The ledger's second folder, when it alone has the last entries.
#![allow(clippy::disallowed_methods, reason = "a test damages what it likes")]

use std::path::Path;
use std::time::Duration;

use audit::{mark_sink, read_ahead};
use protocol::{Credential, Level, PageReply, PageRequest, Refusal, SinkRow};
use tempfile::TempDir;
use warden::{Settings, StartError, Unseal, Warden};

use crate::site::{Folder, PASSPHRASE, Site, now};

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

async fn sinks(site: &Site) -> Vec<SinkRow> {
    match site.ask(PageRequest::Health).await {
        PageReply::Health(health) => health.sinks,
        other => panic!("{other:?}"),
    }
}

async fn add_organisation(site: &Site, name: &str) {
    let authorisation = model::Authorisation::PasswordAndCode;
    site.ask(PageRequest::AddOrganisation { name: name.to_owned(), authorisation }).await;
}

/// Tries once a moment, for half a minute.
async fn wait_for(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..300 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: not within half a minute");
}

async fn whole(site: &Site) {
    wait_for("both folders hold everything", async || {
        sinks(site).await.iter().all(|row| row.away.is_none() && row.behind == 0)
    })
    .await;
}

/// A site whose second folder has entries that its first has not, and a reader. Neither runs.
struct Lacking {
    folder: Folder,
    place: TempDir,
    reader: Credential,
    entries: u64,
}

impl Lacking {
    async fn new() -> Self {
        let (folder, place) = (Folder::new(), tempfile::tempdir().unwrap());
        mark_sink(place.path()).unwrap();
        let site = folder.start().await;
        let path = place.path().to_str().unwrap().to_owned();
        site.ask(PageRequest::SetSink { path, on: true }).await;
        let reader = site.reader("viewer").await;
        site.relate("device:viewer", "site", 3600).await;
        whole(&site).await;
        site.stop().await;
        let yesterday = tempfile::tempdir().unwrap();
        copy(folder.path(), &yesterday.path().join("dir"));
        let site = folder.start().await;
        whole(&site).await;
        add_organisation(&site, "What only the second folder has").await;
        site.stop().await;
        let entries = audit::verify(&place.path().join("ledger"), None).unwrap().size;
        copy(&yesterday.path().join("dir"), folder.path());
        Self { folder, place, reader, entries }
    }

    /// What is said before anybody is answered without the first folder.
    fn say_away(&self) {
        let ledger = self.folder.path().join("ledger");
        let size = audit::verify(&ledger, None).unwrap().size;
        std::fs::write(self.folder.path().join("witnesses/first-away"), b"1").unwrap();
        std::fs::write(self.place.path().join("first-away.json"), format!("{{\"size\":{size}}}")).unwrap();
    }

    /// Takes the second disk away, or puts it back.
    fn mounted(&self, there: bool) {
        let (place, elsewhere) = (self.place.path().join("ledger"), self.place.path().join("elsewhere"));
        if there {
            std::fs::rename(elsewhere, place).unwrap();
            mark_sink(self.place.path()).unwrap();
        } else {
            std::fs::rename(place, elsewhere).unwrap();
            std::fs::remove_file(self.place.path().join("leadglass-sink.json")).unwrap();
        }
    }

    async fn lists(&self, site: &Site) -> Result<(), Refusal> {
        site.list(&self.reader, Level::Study).await.map(|_| ())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_second_disk_that_alone_has_the_last_entries_releases_nothing_and_forks_nothing() {
    let lacking = Lacking::new().await;
    lacking.say_away();
    lacking.mounted(false);
    let ledger = lacking.folder.path().join("ledger");
    let before = audit::verify(&ledger, None).unwrap().size;
    let site = lacking.folder.start().await;
    assert_eq!(lacking.lists(&site).await, Err(Refusal::SecondAway));
    let kept = site.with_house_kept();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(lacking.lists(&site).await, Err(Refusal::SecondAway), "it stays so");
    drop(kept);
    site.stop().await;
    assert_eq!(audit::verify(&ledger, None).unwrap().size, before, "nothing came behind it");
    // the disk is there, and the list of second folders was emptied: the ledger names them
    lacking.mounted(true);
    std::fs::write(lacking.folder.path().join("witnesses/sinks.json"), r#"{"version":1,"sinks":[]}"#).unwrap();
    let site = lacking.folder.start().await;
    assert_eq!(lacking.lists(&site).await, Err(Refusal::SecondAway));
    site.stop().await;
    let site = lacking.folder.start().await;
    assert_eq!(lacking.lists(&site).await, Ok(()));
    assert!(site.entries().await.len() as u64 > lacking.entries, "they were taken over");
    whole(&site).await;
    site.stop().await;
    assert!(!audit::first_is_away(&ledger).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_disk_that_comes_back_with_more_is_kept_and_named() {
    let lacking = Lacking::new().await;
    // nothing says that the first folder had failed
    lacking.mounted(false);
    let site = lacking.folder.start().await;
    assert_eq!(lacking.lists(&site).await, Ok(()));
    lacking.mounted(true);
    let _kept = site.with_house_kept();
    wait_for(
        "nothing is released",
        async || matches!(lacking.lists(&site).await, Err(Refusal::Behind { theirs, .. }) if theirs == lacking.entries),
    )
    .await;
    let ahead = read_ahead(&lacking.folder.path().join("witnesses")).unwrap();
    assert_eq!(Path::new(&ahead.witness), lacking.place.path());
    assert_eq!(audit::verify(&lacking.place.path().join("ledger"), None).unwrap().size, lacking.entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_second_folders_that_cannot_be_read_starts_nothing() {
    let folder = Folder::new();
    folder.start().await.stop().await;
    std::fs::create_dir_all(folder.path().join("witnesses")).unwrap();
    std::fs::write(folder.path().join("witnesses/sinks.json"), "{\"version\":1,\"sinks").unwrap();
    let settings = Settings {
        dir: folder.path().to_owned(),
        unseal: Unseal::Passphrase(PASSPHRASE.to_owned()),
        origin: "http://localhost:8443".to_owned(),
        clock: now,
    };
    assert!(matches!(Warden::start(settings), Err(StartError::Sinks(_))));
}
