//! A flood of refusals: every one is counted, few are entries.

use model::{Actor, AssociationRefused, EntryBody, EntryNumber, Origin, ProofRefused};
use protocol::{AssociationRefusal, Credential, OpenRequest, PageRequest, Refusal, RefusedAssociation, Scope};

use crate::site::{Folder, soon};

/// Asked at once.
const FLOOD: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn associations_that_a_front_refused_are_counted_to_the_last_one_in_a_few_entries() {
    let folder = Folder::new();
    let site = folder.start().await;
    let row = |n: u32, count: u64| RefusedAssociation {
        calling_ae_title: format!("SCANNER{n}\n"),
        address: Some(std::net::IpAddr::from([192, 0, 2, n as u8])),
        reason: if n.is_multiple_of(2) { AssociationRefusal::Unknown } else { AssociationRefusal::Address },
        count,
        since: model::Instant(0),
    };
    let mut expected = 0;
    for round in 0..4u64 {
        let rows: Vec<_> = (0..200).map(|n| row(n, 1 + round)).collect();
        expected += rows.iter().map(|row| row.count).sum::<u64>();
        site.refused(rows).await.unwrap();
        // what was answered is in the ledger
        let (mut counted, mut written) = (0, 0);
        for entry in site.entries().await {
            match entry.body {
                EntryBody::AssociationRefused(AssociationRefused { count, calling_ae_title, .. }) => {
                    assert!(calling_ae_title.starts_with("SCANNER") && calling_ae_title.ends_with('?'));
                    assert!(
                        matches!(&entry.actor, model::Actor::Stranger { origin } if origin.0.starts_with("192.0.2."))
                    );
                    (counted, written) = (counted + count, written + 1);
                }
                EntryBody::Repeated { times, .. } => (counted, written) = (counted + times, written + 1),
                _ => {}
            }
        }
        assert_eq!(counted, expected);
        assert!(written < 200, "{written} entries");
    }
    let too_many = (0..300).map(|n| row(n, 1)).collect();
    assert_eq!(site.refused(too_many).await, Err(Refusal::NotAllowed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_is_counted_to_the_last_one_in_a_few_entries() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    let reader = site.reader("viewer").await;
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1)]).await.unwrap();
    let asked = (0..FLOOD).map(|n| site.open(&reader, if n % 2 == 0 { "1.2.1" } else { "1.2.2" }, Scope::Images));
    for answer in futures::future::join_all(asked).await {
        assert_eq!(answer.err(), Some(Refusal::NotFound));
    }
    // each of them was answered after the entry that counts it
    let entries = site.entries().await;
    let mut counted = 0;
    let mut written = 0;
    for (number, entry) in entries.iter().enumerate() {
        match &entry.body {
            EntryBody::Refused { .. } => (counted, written) = (counted + 1, written + 1),
            EntryBody::Repeated { entry, times, studies } => {
                assert!(*entry < EntryNumber(number as u64));
                assert!(studies.numbers().iter().all(|study| *study < 2) && !studies.numbers().is_empty());
                (counted, written) = (counted + times, written + 1);
            }
            _ => {}
        }
    }
    assert_eq!(counted, FLOOD as u64);
    assert!(written < 100, "{written} entries");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_end_takes_no_count_with_it() {
    let folder = Folder::new();
    let site = folder.start().await;
    let reader = site.reader("viewer").await;
    // longer than an entry may be
    let endless = || Origin("x".repeat(300 * 1024));
    let stranger = |n: usize| Credential::Session {
        token: format!("guess {n}"),
        origin: if n == 0 { endless() } else { Origin("10.0.0.7".into()) },
        proof: Box::new(crate::browser::unsigned()),
    };
    for n in 0..1000 {
        let refused = site.front.ask(soon(), stranger(n), PageRequest::Me).await.unwrap();
        assert_eq!(refused.err(), Some(Refusal::SignedOut));
    }
    let mut counted = 0;
    for entry in site.entries().await {
        if let EntryBody::ProofRefused(ProofRefused { count, .. }) = entry.body {
            counted += count;
            let Actor::Stranger { origin } = entry.actor else { panic!("a stranger") };
            assert_eq!(origin.0.len(), 64, "of the first in its minute");
        }
    }
    assert_eq!(counted, 1000);
    // a device's address is held against its list before it is believed
    let Credential::DeviceToken { token, .. } = reader else { panic!("a token") };
    let far = Credential::DeviceToken { token, origin: endless() };
    let open = OpenRequest { study: crate::sender::uid("1.2.1"), scope: Scope::Images };
    assert_eq!(site.front.open(soon(), far, open).await.unwrap().err(), Some(Refusal::NotAllowed));
}
