//! Handing over: repeats, keys that are used twice, what cannot be read.

use protocol::{Level, Scope, Verdict};

use crate::sender::{keys, note};
use crate::site::Folder;

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_record_is_answered_as_it_was_the_first_time() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    let keys = keys();
    let image = sender.object(&keys, &note("P1", "1.2.1", 1));
    let same = sender.object(&keys, &note("P1", "1.2.1", 1));
    let mut later = note("P1", "1.2.1", 2);
    later.version = 9;
    let unreadable = sender.object(&keys, &later);
    let record = sender.record(vec![sender.wrap(&keys)], vec![image, same, unreadable]);
    let first = site.hand_over(std::slice::from_ref(&record)).await.unwrap();
    let kinds: Vec<_> = first.verdicts.iter().map(|verdict| verdict.verdict.clone()).collect();
    assert!(matches!(kinds[..], [Verdict::Accepted { .. }, Verdict::Duplicate, Verdict::Unreadable]), "{kinds:?}");
    // the answer was lost
    let entries = site.entries().await.len();
    let again = site.hand_over(std::slice::from_ref(&record)).await.unwrap();
    assert_eq!(again.verdicts, first.verdicts);
    assert_eq!(site.entries().await.len(), entries, "nothing is recorded twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_continue_the_chain_changes_nothing() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    let first = sender.image("P1", "1.2.1", 1);
    let mut other = sender.clone();
    let second = sender.image("P1", "1.2.2", 1);
    let mut forged = other.image("P2", "1.2.3", 1);
    forged.chain[0] ^= 1;
    assert!(site.hand_over(&[first.clone(), forged]).await.is_err());
    assert!(site.hand_over(std::slice::from_ref(&second)).await.is_err(), "a gap");
    assert_eq!(site.hand_over(&[first, second]).await.unwrap().acknowledged, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_served_one_study_serves_no_other_even_after_a_restart() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    let keys = keys();
    let object = sender.object(&keys, &note("P1", "1.2.1", 1));
    let record = sender.record(vec![sender.wrap(&keys)], vec![object]);
    site.hand_over(&[record]).await.unwrap();
    site.stop().await;

    let site = folder.start().await;
    let (own, others) = (sender.object(&keys, &note("P1", "1.2.1", 2)), sender.object(&keys, &note("P2", "1.2.2", 1)));
    // of another patient with the same Study Instance UID, too
    let same_uid = sender.object(&keys, &note("P3", "1.2.1", 1));
    let record = sender.record(Vec::new(), vec![others, same_uid, own]);
    let verdicts = site.hand_over(&[record]).await.unwrap().verdicts;
    assert_eq!(verdicts[0].verdict, Verdict::Unreadable);
    assert_eq!(verdicts[1].verdict, Verdict::Unreadable);
    assert!(matches!(verdicts[2].verdict, Verdict::Accepted { .. }));
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_wrap_under_the_name_of_a_key_does_not_replace_it() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    let (good, mut forged) = (keys(), keys());
    forged.key = good.key;
    let object = sender.object(&good, &note("P1", "1.2.1", 1));
    let record = sender.record(vec![sender.wrap(&good)], vec![object]);
    site.hand_over(&[record]).await.unwrap();
    site.stop().await;

    let site = folder.start().await;
    let object = sender.object(&forged, &note("P1", "1.2.1", 2));
    let record = sender.record(vec![sender.wrap(&forged)], vec![object]);
    let verdicts = site.hand_over(&[record]).await.unwrap().verdicts;
    assert_eq!(verdicts[0].verdict, Verdict::Unreadable);
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    let opened = site.open(&reader, "1.2.1", Scope::Images).await.unwrap();
    assert_eq!(opened.studies[0].keys[0].listing_key, *good.listing.expose(), "the image that was there opens");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_any_length_are_filed_and_wedge_nothing() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    let keys = keys();
    let long = "ä\0^\\*?".repeat(100_000);
    let mut hostile = note("P1", "1.2.1", 1);
    hostile.patient.name.clone_from(&long);
    hostile.patient.birth_date.clone_from(&long);
    hostile.patient.sex.clone_from(&long);
    hostile.study.date.clone_from(&long);
    hostile.study.time = "99".to_owned();
    hostile.study.description.clone_from(&long);
    hostile.series.modality.clone_from(&long);
    hostile.series.date = "-1".to_owned();
    let mut object = sender.object(&keys, &hostile);
    object.origin.0.clone_from(&long);
    let record = sender.record(vec![sender.wrap(&keys)], vec![object]);
    let verdicts = site.hand_over(&[record]).await.unwrap().verdicts;
    assert!(matches!(verdicts[0].verdict, Verdict::Accepted { .. }));
    site.hand_over(&[sender.image("P2", "1.2.2", 1)]).await.unwrap();
    site.stop().await;
    let site = folder.start().await;
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    let studies = site.list(&reader, Level::Study).await.unwrap().studies;
    assert_eq!(studies.len(), 2);
    assert!(studies.iter().any(|row| row.patient.name == long));
}
