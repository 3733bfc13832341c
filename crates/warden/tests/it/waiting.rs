//! A reading that its budget makes wait.

use std::time::Duration;

use model::Ceilings;
use protocol::{PageReply, PageRequest, Refusal, Scope};

use crate::site::Folder;

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_while_a_reading_waits_is_not_read_after_the_wait() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    let records: Vec<_> = (1..=3).map(|n| sender.image(&format!("P{n}"), &format!("1.2.{n}"), 1)).collect();
    site.hand_over(&records).await.unwrap();
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    let low = Some(4);
    let ceilings = Ceilings { opened_due: low, opened_other: low, listed_due: None, listed_other: None };
    let set = PageRequest::SetBudget { whose: "device:viewer".to_owned(), ceilings };
    assert!(matches!(site.ask(set).await, PageReply::Done));
    for study in ["1.2.1", "1.2.2"] {
        assert!(site.open(&reader, study, Scope::Images).await.is_ok());
    }
    // the third waits for seconds, and its relationship ends meanwhile
    let ended = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        site.unrelate("device:viewer", "site").await;
    };
    let (opened, ()) = tokio::join!(site.open(&reader, "1.2.3", Scope::Images), ended);
    assert_eq!(opened.err(), Some(Refusal::NotFound));
    let opened = |entry: &model::Entry| matches!(entry.body, model::EntryBody::Opened { .. });
    assert_eq!(site.entries().await.iter().filter(|entry| opened(entry)).count(), 2);
}
