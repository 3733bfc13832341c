//! Links, codes and sessions, over the front's socket and over restarts.

use std::sync::Arc;
use std::time::Duration;

use model::Role;
use protocol::{Credential, Invalid, PageReply, PageRequest, Refusal, SignInReply, SignInRequest};

use crate::site::{Folder, PASSWORD, now};

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_link_works_once_even_over_a_restart() {
    let folder = Folder::new();
    let site = folder.start().await;
    let link = site.add_person("a@x.example", Role::Radiologist, None).await;
    site.enrol(&link).await;
    let used = Refusal::Invalid(Invalid::EnrolmentLink);
    let tries = |link: &str| {
        let token = link.to_owned();
        [
            SignInRequest::EnrolmentLook { token: token.clone() },
            SignInRequest::EnrolPasskeyBegin { token: token.clone(), key: dpop::Thumbprint([7; 32]) },
            SignInRequest::EnrolPasswordBegin { token: token.clone(), password: PASSWORD.to_owned() },
            SignInRequest::PasswordEstimate { token, password: PASSWORD.to_owned() },
        ]
    };
    for request in tries(&link) {
        assert_eq!(site.sign_in(request).await.err(), Some(used.clone()));
    }
    site.stop().await;
    let site = folder.start().await;
    for request in tries(&link) {
        assert_eq!(site.sign_in(request).await.err(), Some(used.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_link_voids_the_older() {
    let folder = Folder::new();
    let site = folder.start().await;
    let older = site.add_person("a@x.example", Role::Radiologist, None).await;
    let PageReply::EnrolmentLink { token: newer, .. } =
        site.ask(PageRequest::IssueEnrolment { email: "a@x.example".to_owned() }).await
    else {
        panic!("no link")
    };
    let look = |token: &str| SignInRequest::EnrolmentLook { token: token.to_owned() };
    assert_eq!(site.sign_in(look(&older)).await.err(), Some(Refusal::Invalid(Invalid::EnrolmentLink)));
    assert!(site.sign_in(look(&newer)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_even_over_a_restart() {
    let folder = Folder::new();
    let site = folder.start().await;
    let link = site.add_person("a@x.example", Role::Radiologist, None).await;
    let begin = SignInRequest::EnrolPasswordBegin { token: link.clone(), password: PASSWORD.to_owned() };
    let Ok(SignInReply::OneTimeCodeSecret { ceremony, secret, .. }) = site.sign_in(begin).await else {
        panic!("the link does not work")
    };
    // the code that confirmed the secret signs nobody in
    let code = identity::code_at(&secret, now()).unwrap();
    let finish = SignInRequest::EnrolPasswordFinish { token: link, ceremony, code: code.clone() };
    let Ok(SignInReply::Enrolled { recovery_codes }) = site.sign_in(finish).await else { panic!("not enrolled") };
    assert_eq!(site.password("a@x.example", &code).await.err(), Some(Refusal::SignInFailed));
    // the code of the step to come is taken early, once
    let code = identity::code_at(&secret, now().plus_seconds(30)).unwrap();
    assert!(site.password("a@x.example", &code).await.is_ok());
    assert!(site.password("a@x.example", &recovery_codes[3]).await.is_ok());
    site.stop().await;
    let site = folder.start().await;
    assert_eq!(site.password("a@x.example", &code).await.err(), Some(Refusal::SignInFailed));
    let used = site.password("a@x.example", &recovery_codes[3]).await;
    assert_eq!(used.err(), Some(Refusal::SignInFailed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_stays_ended_over_a_restart() {
    let folder = Folder::new();
    let site = folder.start().await;
    let session = site.person("a@x.example", Role::Radiologist, None).await;
    assert!(site.ask_as(&session, PageRequest::Me).await.is_ok());
    // a restart alone ends no session
    site.stop().await;
    let site = folder.start().await;
    assert!(site.ask_as(&session, PageRequest::Me).await.is_ok());
    site.sign_out(&session).await.unwrap();
    assert_eq!(site.ask_as(&session, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
    site.stop().await;
    let site = folder.start().await;
    assert_eq!(site.ask_as(&session, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
    // the token of a session is no device's, and the other way round
    let reader = site.reader("viewer").await;
    let (Credential::DeviceToken { token: device, origin }, Credential::Session { token, proof, .. }) =
        (&reader, &session)
    else {
        panic!("credentials")
    };
    let crossed = Credential::Session { token: device.clone(), origin: origin.clone(), proof: proof.clone() };
    assert_eq!(site.ask_as(&crossed, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
    let crossed = Credential::DeviceToken { token: token.clone(), origin: origin.clone() };
    assert_eq!(site.ask_as(&crossed, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
}

/// A patient's page reads people and the registry, a sign-in changes people, a handover changes the registry: taken in
/// different orders their locks would wait for each other for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_patients_page_a_sign_in_and_a_handover_at_once_all_come_to_their_end() {
    let folder = Folder::new();
    let site = Arc::new(folder.start().await);
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let patient = site.person("patient@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let reader = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    site.list(&reader, protocol::Level::Study).await.unwrap();

    let pages = {
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            for _ in 0..150 {
                site.ask_as(&patient, PageRequest::MyAccesses).await.unwrap();
            }
        })
    };
    let people = {
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            for number in 0..150 {
                let name = format!("organisation {number}");
                let authorisation = model::Authorisation::PasskeyOnly;
                site.ask(PageRequest::AddOrganisation { name, authorisation }).await;
            }
        })
    };
    let handover = {
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            for number in 2..152 {
                site.hand_over(&[sender.image("P1", "1.2.1", number)]).await.unwrap();
            }
        })
    };
    let all = futures::future::join_all([pages, people, handover]);
    let ended = tokio::time::timeout(Duration::from_secs(120), all).await.expect("they wait for each other");
    ended.into_iter().for_each(|task| task.unwrap());
}
