//! A warden that stands still, and one that is only slow.

use archive::WardenLink;
use protocol::{ListRequest, PROTOCOL_VERSION, Refusal};
use tokio::io::AsyncReadExt;

use crate::front::{Front, reader};

/// Lists whatever there is.
async fn list(front: &Front) -> Result<protocol::ListReply, Refusal> {
    list_by(&front.link).await
}

async fn list_by(link: &WardenLink) -> Result<protocol::ListReply, Refusal> {
    let request = ListRequest {
        level: protocol::Level::Study,
        matches: vec![],
        words: String::new(),
        order: protocol::Order::default(),
        offset: 0,
        limit: 1,
    };
    link.list(&reader(), &request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_takes_longer_than_a_silence_still_comes() {
    let front = Front::new();
    front.warden.state(|state| state.slow_list = 4_000);
    list(&front).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warden_that_accepts_and_never_answers_is_away() {
    let mut front = Front::new();
    list(&front).await.unwrap();
    front.serving = None;
    std::fs::remove_file(front.socket()).unwrap();
    let listener = tokio::net::UnixListener::bind(front.socket()).unwrap();
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            // what is said is taken and never answered
            let _ = stream.read(&mut [0; 1]).await;
            held.push(stream);
        }
    });
    for _ in 0..3 {
        assert_eq!(list(&front).await.unwrap_err(), Refusal::WardenAway);
    }
    // and the next one, which answers, is found
    silent.abort();
    std::fs::remove_file(front.socket()).unwrap();
    front.serving = Some(front.warden.serve(&front.socket()));
    while list(&front).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warden_of_another_version_is_called_that_and_asked_for_nothing() {
    let mut front = Front::new();
    front.warden.state(|state| state.speaks = Some(PROTOCOL_VERSION - 1));
    front.serving = Some(front.warden.serve(&front.socket()));
    let folder = tempfile::tempdir().unwrap();
    let link = WardenLink::start(&front.socket(), folder.path(), front.warden.site(), front.told.clone());
    for _ in 0..2 {
        let refused = list_by(&link).await.unwrap_err();
        assert_eq!(refused, Refusal::Version { theirs: PROTOCOL_VERSION - 1 });
        assert!(refused.to_string().contains("run front and warden from the same version of leadglass"), "{refused}");
    }
    assert_eq!(front.warden.state(|state| state.listed), 0);
}
