//! What ends: people who leave, devices, tokens, passkeys, memberships.

use model::{EntryBody, Role};
use protocol::{Credential, Level, PageReply, PageRequest, Refusal, RemovalRequest, Scope, SignInRequest};

use crate::site::{Folder, Site, soon};

async fn removal(site: &Site, request: RemovalRequest) -> Result<PageReply, Refusal> {
    site.ask_owner(PageRequest::Removals(request)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_signs_in_no_more_reaches_nothing_and_keeps_their_name_in_what_was() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 3600).await;
    site.open(&doctor, "1.2.1", Scope::Images).await.unwrap();
    removal(&site, RemovalRequest::ClosePerson { email: "doctor@x.example".to_owned() }).await.unwrap();

    assert_eq!(site.open(&doctor, "1.2.1", Scope::Images).await.err(), Some(Refusal::SignedOut));
    assert!(site.password("doctor@x.example", "123456").await.is_err());
    let again = PageRequest::IssueEnrolment { email: "doctor@x.example".to_owned() };
    assert!(site.ask_owner(again).await.is_err(), "no link brings it back");
    let relate = site.ask_owner(relate("person:doctor@x.example")).await;
    assert!(relate.is_err(), "nobody is related to whoever left");
    assert_eq!(site.exposure("person:doctor@x.example").await.opened.patients, 1, "what was, was");
    let same = PageRequest::AddPerson {
        email: "Doctor@X.example".to_owned(),
        name: "Another".to_owned(),
        role: Role::Referrer,
        organisation: "organisation of doctor@x.example".to_owned(),
        password_and_code: false,
        own_record: None,
    };
    let refused = site.ask_owner(same).await.err();
    assert!(matches!(&refused, Some(Refusal::Invalid(_))), "an address is not given again in silence: {refused:?}");

    let bodies: Vec<_> = site.entries().await.into_iter().map(|entry| entry.body).collect();
    for expected in ["session-ended", "member-left", "person-closed", "relationship-ended"] {
        let kind = |body: &EntryBody| serde_json::to_value(body).unwrap()["kind"] == expected;
        assert_eq!(bodies.iter().filter(|body| kind(body)).count(), 1, "{expected}");
    }
    site.stop().await;
    let site = folder.start().await;
    assert!(site.password("doctor@x.example", "123456").await.is_err(), "over a restart too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_removed_reads_nothing_and_its_name_is_free() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let viewer = site.reader("viewer").await;
    site.relate("device:viewer", "site", 3600).await;
    assert_eq!(site.list(&viewer, Level::Study).await.unwrap().studies.len(), 1);
    removal(&site, RemovalRequest::Device { name: "viewer".to_owned() }).await.unwrap();
    assert_eq!(site.list(&viewer, Level::Study).await.err(), Some(Refusal::SignedOut));
    assert!(removal(&site, RemovalRequest::Device { name: "viewer".to_owned() }).await.is_err(), "once");
    assert_eq!(site.exposure("device:viewer").await.listed.patients, 1, "the old one still answers for what it did");
    let next = site.ask_owner(device("viewer")).await;
    assert!(matches!(next, Ok(PageReply::DeviceAdded { .. })), "{next:?}");
    assert_eq!(site.exposure("device:viewer").await.listed.patients, 0, "the new one has done nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_removed_opens_nothing_and_the_device_stays() {
    let folder = Folder::new();
    let site = folder.start().await;
    let viewer = site.reader("viewer").await;
    removal(&site, RemovalRequest::DeviceToken { name: "viewer".to_owned() }).await.unwrap();
    assert_eq!(site.list(&viewer, Level::Study).await.err(), Some(Refusal::SignedOut));
    let PageReply::Devices(rows) = site.ask(PageRequest::Devices).await else { panic!("no devices") };
    assert!(rows.iter().any(|row| row.name == "viewer" && !row.token));
    site.stop().await;
    let site = folder.start().await;
    assert_eq!(site.list(&viewer, Level::Study).await.err(), Some(Refusal::SignedOut));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_an_organisation_reaches_nothing_through_it() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    let organisation = "organisation of doctor@x.example".to_owned();
    site.relate(&format!("org:{organisation}"), "patient:HOSPITAL/P1", 3600).await;
    assert!(site.open(&doctor, "1.2.1", Scope::Images).await.is_ok());
    let email = "doctor@x.example".to_owned();
    removal(&site, RemovalRequest::Leave { email, organisation }).await.unwrap();
    assert_eq!(site.open(&doctor, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_closes_clinicians_and_neither_officers_nor_their_passkeys() {
    let folder = Folder::new();
    let site = folder.start().await;
    let officer = site.person("officer@x.example", Role::Officer, None).await;
    let admin = site.person("admin@x.example", Role::Administrator, None).await;
    let reader = site.person("reader@x.example", Role::Referrer, None).await;
    let who = |session: &Credential| {
        let (site, session) = (&site, session.clone());
        async move {
            match site.ask_as(&session, PageRequest::Me).await {
                Ok(PageReply::Me(me)) => me.person,
                other => panic!("{other:?}"),
            }
        }
    };
    let passkey =
        PageRequest::Removals(RemovalRequest::Passkey { person: Some(who(&officer).await), passkey: "00".repeat(8) });
    assert_eq!(site.ask_as(&admin, passkey).await.err(), Some(Refusal::NotAllowed));
    let close = |email: &str| PageRequest::Removals(RemovalRequest::ClosePerson { email: email.to_owned() });
    assert_eq!(site.ask_as(&reader, close("admin@x.example")).await.err(), Some(Refusal::NotAllowed));
    site.ask_as(&admin, close("reader@x.example")).await.unwrap();
    assert_eq!(site.ask_as(&reader, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
    // the last officer stays, also while the site is set up
    assert!(matches!(site.ask_as(&admin, close("officer@x.example")).await, Ok(PageReply::Proposed(_))));
    let by_the_owner = site.owner.ask(soon(), Credential::Owner, close("officer@x.example"));
    assert!(by_the_owner.await.unwrap().is_err());
    assert!(site.ask_as(&officer, PageRequest::Me).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_and_a_closed_account_hold_as_the_ledger_says_when_an_older_database_comes_back() {
    let folder = Folder::new();
    let site = folder.start().await;
    let _doctor = site.person("doctor@x.example", Role::Radiologist, None).await;
    let _other = site.person("other@x.example", Role::Radiologist, None).await;
    site.stop().await;
    let database = folder.path().join("warden/warden.db");
    let kept = folder.path().join("older.db");
    std::fs::copy(&database, &kept).unwrap();
    let site = folder.start().await;
    removal(&site, RemovalRequest::ClosePerson { email: "doctor@x.example".to_owned() }).await.unwrap();
    let role = protocol::ApprovalRequest::Role { email: "other@x.example".to_owned(), role: Role::Referrer };
    assert!(matches!(site.ask(PageRequest::Approvals(role)).await, PageReply::Done));
    site.stop().await;
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", database.display()));
    }
    std::fs::copy(&kept, &database).unwrap();
    let site = folder.start().await;
    let PageReply::People(rows) = site.ask(PageRequest::People).await else { panic!("no people") };
    let row = |email: &str| rows.iter().find(|row| row.email == email).unwrap();
    assert!(row("doctor@x.example").closed.is_some());
    assert_eq!(row("other@x.example").role, Role::Referrer);
    let look = SignInRequest::EnrolmentLook { token: "nothing".to_owned() };
    assert!(site.sign_in(look).await.is_err());
}

fn relate(who: &str) -> PageRequest {
    PageRequest::Relate {
        who: who.to_owned(),
        whom: "patient:HOSPITAL/P1".to_owned(),
        tier: model::Tier::Open,
        from: crate::site::now(),
        until: crate::site::now().plus_seconds(60),
        basis: "order".to_owned(),
    }
}

fn device(name: &str) -> PageRequest {
    PageRequest::AddDevice {
        name: name.to_owned(),
        organisation: format!("{name} clinic"),
        may: vec![model::DeviceMay::List],
        ae_title: None,
        from: Vec::new(),
        token: true,
        bound: None,
        token_until: None,
    }
}
