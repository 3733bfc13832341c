//! The courier: it has checkpoints cosigned, keeps what it is given, and finds out when a witness has seen more.

use audit::{Checkpoint, Prover, read_ahead};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use witness::{Courier, Status};

use crate::site::{Site, served, witness_of};

const NOW: u64 = 1_764_000_000;

fn status(site: &Site) -> Status {
    let folder = site.dir().join("witnesses");
    Status::read(&folder, &audit::read_witnesses(&folder).unwrap()[0])
}

#[tokio::test]
async fn checkpoints_are_cosigned_as_the_ledger_grows_and_kept() {
    let site = Site::new();
    let (_folder, witness) = witness_of(&site);
    let (url, witness) = served(witness).await;
    site.watched_by(&url, &witness);
    let mut courier = Courier::new(site.dir());
    for entries in [3, 1, 400] {
        let size = site.grow(1, entries);
        let report = courier.round(NOW).await;
        assert_eq!((report.witnesses, report.reached, report.ahead), (1, 1, 0));
        let folder = site.dir().join("witnesses");
        let note = Status::cosigned(&folder, &audit::read_witnesses(&folder).unwrap()[0]).unwrap();
        let verifier = Prover::open(&site.ledger()).unwrap().verifier().clone();
        assert_eq!(Checkpoint::open(note.as_bytes(), &verifier).unwrap().size, size);
        for cosigner in witness.cosigners() {
            assert!(cosigner.cosigned(note.as_bytes()).unwrap().is_some());
        }
    }
    // a courier that lost what it kept is told the size and goes on
    std::fs::remove_dir_all(site.dir().join("witnesses")).unwrap();
    site.watched_by(&url, &witness);
    site.grow(1, 2);
    assert_eq!(Courier::new(site.dir()).round(NOW).await.reached, 1);
    assert_eq!(status(&site).problem, None);
}

#[tokio::test]
async fn a_witness_shows_a_ledger_that_was_rolled_back_what_it_has_lost() {
    for forked in [false, true] {
        let site = Site::new();
        let (_folder, witness) = witness_of(&site);
        let (url, witness) = served(witness).await;
        site.watched_by(&url, &witness);
        site.grow(1, 10);
        Courier::new(site.dir()).round(NOW).await;
        let yesterday = site.copy();
        site.grow(1, 10);
        Courier::new(site.dir()).round(NOW).await;
        assert_eq!(read_ahead(&site.dir().join("witnesses")), None);
        if forked {
            yesterday.grow(2, 50);
        }
        let report = Courier::new(yesterday.dir()).round(NOW).await;
        assert_eq!((report.reached, report.ahead), (1, 1));
        let ahead = read_ahead(&yesterday.dir().join("witnesses")).unwrap();
        assert_eq!(ahead.note.lines().nth(1), Some("20"));
        assert!(status(&yesterday).proven);
    }
}

#[tokio::test]
async fn a_witness_that_is_away_or_does_not_know_the_ledger_is_said_so() {
    let site = Site::new();
    site.grow(1, 3);
    let stranger = Site::new();
    let (folder, witness) = witness_of(&stranger);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    site.watched_by(&url, &witness);
    assert_eq!(Courier::new(site.dir()).round(NOW).await.reached, 0);
    assert!(status(&site).problem.unwrap().contains("cannot be reached"));
    // it knows this origin with the same key; make it forget
    drop(witness);
    std::fs::remove_dir_all(folder.path().join("logs")).unwrap();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    let (url, witness) = served(witness::Witness::open(folder.path()).unwrap()).await;
    site.watched_by(&url, &witness);
    assert_eq!(Courier::new(site.dir()).round(NOW).await.reached, 0);
    assert!(status(&site).problem.unwrap().contains("does not know"));
}

#[tokio::test]
async fn a_courier_knows_its_ports_from_the_start_and_ends_when_the_list_changes() {
    let site = Site::new();
    site.grow(1, 3);
    let (_folder, witness) = witness_of(&site);
    let (url, witness) = served(witness).await;
    assert_eq!(Courier::new(site.dir()).ports(), Vec::<u16>::new());
    let mut early = Courier::new(site.dir());
    site.watched_by(&url, &witness);
    let report = early.round(NOW).await;
    assert!(
        report.outdated && report.reached == 0,
        "a port that it did not know at its start is not tried: {report:?}"
    );
    let mut courier = Courier::new(site.dir());
    assert_eq!(courier.ports(), [url.rsplit_once(':').unwrap().1.parse::<u16>().unwrap()]);
    let report = courier.round(NOW).await;
    assert_eq!((report.reached, report.outdated), (1, false));
    // what it writes lies in a folder of its own: beside it are the lists that the warden believes at its start
    let written: Vec<_> = std::fs::read_dir(site.dir().join("witnesses"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "witnesses.json")
        .collect();
    assert_eq!(written, [audit::TOLD]);
    site.watched_by("https://witness.example:8443/path", &witness);
    assert!(courier.round(NOW).await.outdated);
}

/// A witness that answers every request with these bytes.
async fn liar(answer: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test]
async fn a_bare_number_stops_nobody_and_a_false_cosignature_is_not_kept() {
    let site = Site::new();
    site.grow(1, 3);
    let (_folder, witness) = witness_of(&site);
    let header = "HTTP/1.1 409 Conflict\r\nContent-Type: text/x.tlog.size\r\nContent-Length: 4\r\n\r\n";
    let url = liar(format!("{header}999\n")).await;
    site.watched_by(&url, &witness);
    let report = Courier::new(site.dir()).round(NOW).await;
    assert_eq!((report.reached, report.ahead), (1, 1));
    assert_eq!(read_ahead(&site.dir().join("witnesses")), None, "nothing was proven");
    assert!(!status(&site).proven);
    let line = format!("\u{2014} {} {}\n", crate::site::NAME, "A".repeat(96));
    for body in [line, "no signature".to_owned(), String::new()] {
        let url = liar(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
        site.watched_by(&url, &witness);
        assert_eq!(Courier::new(site.dir()).round(NOW).await.reached, 0, "{body:?}");
        assert!(status(&site).problem.unwrap().contains("does not hold"));
    }
}
