//! Tokens of devices: they end, rotate, and stand in one list with people's sessions.

use std::sync::atomic::{AtomicI64, Ordering};

use audit::LedgerOptions;
use model::{Actor, DeviceId, DeviceMay, EntryBody, Instant, Origin, Role};
use protocol::{
    Credential, Invalid, LeakReply, LeakRequest, Level, PageReply, PageRequest, Refusal, RemovalRequest, SecretText,
    SignedInRows,
};

use crate::site::{Folder, Site, now};

const DAY: i64 = 86_400;

/// How far ahead the clock of these tests is, in seconds; one for each test.
static AHEAD: [AtomicI64; 2] = [AtomicI64::new(0), AtomicI64::new(0)];

fn first() -> Instant {
    now().plus_seconds(AHEAD[0].load(Ordering::Relaxed))
}

fn second() -> Instant {
    now().plus_seconds(AHEAD[1].load(Ordering::Relaxed))
}

fn bearer(token: String) -> Credential {
    Credential::DeviceToken { token, origin: Origin("10.0.0.9".into()) }
}

async fn add(site: &Site, name: &str, token_until: Option<Instant>) -> Result<(Credential, Option<Instant>), Refusal> {
    let request = PageRequest::AddDevice {
        name: name.to_owned(),
        organisation: "clinic".to_owned(),
        may: vec![DeviceMay::List],
        ae_title: None,
        from: Vec::new(),
        token: true,
        bound: None,
        token_until,
    };
    match site.ask_owner(request).await? {
        PageReply::DeviceAdded { token: Some(token), token_until, .. } => Ok((bearer(token), token_until)),
        other => panic!("{other:?}"),
    }
}

async fn rotate(site: &Site, name: &str, until: Option<Instant>) -> Result<(Credential, Option<Instant>), Refusal> {
    match site.ask_owner(PageRequest::RotateToken { name: name.to_owned(), until }).await? {
        PageReply::TokenRotated { token, before_until, .. } => Ok((bearer(token), before_until)),
        other => panic!("{other:?}"),
    }
}

async fn clinic(site: &Site) {
    let authorisation = model::Authorisation::PasswordAndCode;
    site.ask(PageRequest::AddOrganisation { name: "clinic".to_owned(), authorisation }).await;
}

async fn reads(site: &Site, token: &Credential) -> bool {
    match site.list(token, Level::Study).await {
        Ok(_) => true,
        Err(Refusal::SignedOut) => false,
        Err(other) => panic!("{other:?}"),
    }
}

async fn row(site: &Site, name: &str) -> protocol::DeviceRow {
    let PageReply::Devices(rows) = site.ask(PageRequest::Devices).await else { panic!("no devices") };
    rows.into_iter().find(|row| row.name == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_and_is_rotated_with_the_one_before_for_a_day_at_the_most() {
    let folder = Folder::new();
    let site = folder.start_with(first, LedgerOptions::default()).await;
    let ahead = |seconds| AHEAD[0].store(seconds, Ordering::Relaxed);
    clinic(&site).await;
    let (token, until) = add(&site, "viewer", None).await.unwrap();
    let year = until.unwrap().0 - first().0;
    assert!((364 * DAY..=365 * DAY).contains(&(year / model::SECOND)), "a year when nothing is said");
    for wrong in [first().plus_seconds(-1), first().plus_seconds(6 * 365 * DAY)] {
        assert!(matches!(add(&site, "other", Some(wrong)).await, Err(Refusal::Invalid(Invalid::Field { .. }))));
        assert!(matches!(rotate(&site, "viewer", Some(wrong)).await, Err(Refusal::Invalid(Invalid::Field { .. }))));
    }
    assert!(row(&site, "viewer").await.token_used.is_none());
    assert!(reads(&site, &token).await);
    let used = row(&site, "viewer").await.token_used.unwrap();
    assert_eq!(used.0 % (3_600 * model::SECOND), 0, "by the hour");
    assert!(used <= first() && first() < used.plus_seconds(3_600 + 60));

    // both work, until the new one is used
    let (newer, before) = rotate(&site, "viewer", Some(first().plus_seconds(90 * DAY))).await.unwrap();
    assert_eq!(row(&site, "viewer").await.former_until, before);
    assert!(reads(&site, &token).await);
    assert!(reads(&site, &newer).await);
    assert!(!reads(&site, &token).await, "the new one was used");
    assert_eq!(row(&site, "viewer").await.former_until, None);

    // one that nobody takes up: the one before ends a day later, over a restart too
    let (newest, _) = rotate(&site, "viewer", Some(first().plus_seconds(30 * DAY))).await.unwrap();
    ahead(DAY - 60);
    assert!(reads(&site, &newer).await);
    site.stop().await;
    let site = folder.start_with(first, LedgerOptions::default()).await;
    assert!(reads(&site, &newer).await);
    ahead(DAY + 60);
    assert!(!reads(&site, &newer).await);
    assert!(reads(&site, &newest).await);
    ahead(30 * DAY + 60);
    assert!(!reads(&site, &newest).await, "and the newest ends when it was said to");
    // an ended one is rotated all the same, and does not come back beside it
    let (next, before) = rotate(&site, "viewer", None).await.unwrap();
    assert_eq!(before, None);
    assert!(reads(&site, &next).await && !reads(&site, &newest).await);

    let issued = |body: &EntryBody| matches!(body, EntryBody::DeviceTokenIssued { .. });
    let entries = site.entries().await;
    assert_eq!(entries.iter().filter(|entry| issued(&entry.body)).count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_that_missed_a_rotation_keeps_the_token_before_no_longer_than_was_said() {
    let folder = Folder::new();
    let site = folder.start_with(second, LedgerOptions::default()).await;
    clinic(&site).await;
    let (token, _) = add(&site, "viewer", None).await.unwrap();
    let (removed, _) = add(&site, "gone", None).await.unwrap();
    site.stop().await;
    let database = folder.path().join("warden/warden.db");
    let older = std::fs::read(&database).unwrap();
    let site = folder.start_with(second, LedgerOptions::default()).await;
    let (newer, _) = rotate(&site, "viewer", None).await.unwrap();
    site.ask(PageRequest::Removals(RemovalRequest::DeviceToken { name: "gone".to_owned() })).await;
    site.stop().await;
    for file in ["warden/warden.db-wal", "warden/warden.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(file));
    }
    #[allow(clippy::disallowed_methods, reason = "a restore, as by hand")]
    std::fs::write(&database, older).unwrap();
    let site = folder.start_with(second, LedgerOptions::default()).await;
    assert!(reads(&site, &token).await, "the overlap holds");
    assert!(!reads(&site, &newer).await, "whose hash is lost");
    assert!(!reads(&site, &removed).await);
    AHEAD[1].store(DAY + 60, Ordering::Relaxed);
    assert!(!reads(&site, &token).await);
    // a new one is given, and works over the next start
    let (next, _) = rotate(&site, "viewer", None).await.unwrap();
    site.stop().await;
    let site = folder.start_with(second, LedgerOptions::default()).await;
    assert!(reads(&site, &next).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_sees_sessions_and_tokens_in_one_list_and_ends_them_and_nobody_else_does() {
    let folder = Folder::new();
    let site = folder.start().await;
    clinic(&site).await;
    let (token, _) = add(&site, "viewer", None).await.unwrap();
    let officer = site.person("o@x.example", Role::Officer, None).await;
    let referrer = site.person("r@x.example", Role::Referrer, None).await;
    let administrator = site.person("a@x.example", Role::Administrator, None).await;
    let all = async |who: &Credential| -> Result<SignedInRows, Refusal> {
        match site.ask_as(who, PageRequest::SignedIn).await? {
            PageReply::SignedIn(rows) => Ok(*rows),
            other => panic!("{other:?}"),
        }
    };
    let end = PageRequest::EndDeviceToken { device: DeviceId(0) };
    for other in [&referrer, &administrator, &token] {
        assert_eq!(all(other).await.err(), Some(Refusal::NotAllowed));
        assert_eq!(site.ask_as(other, end.clone()).await.err(), Some(Refusal::NotAllowed));
    }
    let rows = all(&officer).await.unwrap();
    let emails: std::collections::BTreeSet<&str> = rows.people.iter().map(|row| row.email.as_str()).collect();
    assert_eq!(emails.into_iter().collect::<Vec<_>>(), ["a@x.example", "o@x.example", "r@x.example"]);
    assert_eq!(rows.people.iter().filter(|row| row.session.current).count(), 1);
    assert_eq!(rows.devices.iter().map(|row| &row.name[..]).collect::<Vec<_>>(), ["viewer"]);
    assert!(rows.devices[0].token_until.is_some());

    let theirs = rows.people.iter().find(|row| row.email == "r@x.example").unwrap().session.session;
    site.ask_as(&officer, PageRequest::EndSession { session: theirs }).await.unwrap();
    assert_eq!(site.ask_as(&referrer, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
    let other = &rows.people.iter().find(|row| row.email == "a@x.example").unwrap().session;
    let of = PageRequest::Sessions { person: Some(other.person) };
    let PageReply::Sessions(open) = site.ask(of).await else { panic!("the owner of the machine reads them too") };
    assert_eq!(open.iter().map(|row| (row.session, row.current)).collect::<Vec<_>>(), [(other.session, false)]);
    assert!(reads(&site, &token).await);
    site.ask_as(&officer, end.clone()).await.unwrap();
    assert!(!reads(&site, &token).await);
    assert_eq!(site.ask_as(&officer, end).await.err(), Some(Refusal::NotFound), "it has none any more");
    assert_eq!(all(&officer).await.unwrap().devices, []);
    let entries = site.entries().await;
    let ended = entries.iter().find(|entry| matches!(entry.body, EntryBody::DeviceTokenRemoved { .. })).unwrap();
    assert!(matches!(ended.actor, Actor::Person { .. }), "{ended:?}");
    // the device stays, and is given another; one that never had a token is given none
    let (next, before) = rotate(&site, "viewer", None).await.unwrap();
    assert_eq!(before, None);
    assert!(reads(&site, &next).await && !reads(&site, &token).await);
    site.ask(PageRequest::AddDevice {
        name: "CT".to_owned(),
        organisation: "clinic".to_owned(),
        may: vec![DeviceMay::Store],
        ae_title: Some("CT".to_owned()),
        from: Vec::new(),
        token: false,
        bound: None,
        token_until: None,
    })
    .await;
    assert!(matches!(rotate(&site, "CT", None).await, Err(Refusal::Invalid(Invalid::Field { .. }))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_stood_in_a_dump_ends_with_an_incident_and_its_exposure() {
    let folder = Folder::new();
    let site = folder.start().await;
    clinic(&site).await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let (leaked, _) = add(&site, "viewer", None).await.unwrap();
    let (other, _) = add(&site, "other", None).await.unwrap();
    site.relate("device:viewer", "site", 3600).await;
    site.list(&leaked, Level::Study).await.unwrap();
    // the one before, which still works, counts as well
    let (_, before) = rotate(&site, "viewer", None).await.unwrap();
    assert!(before.is_some());
    let text = |token: &Credential| match token {
        Credential::DeviceToken { token, .. } => SecretText::new(token.clone()),
        _ => panic!("a token"),
    };
    let check = async |tokens: Vec<SecretText>| match site.ask(PageRequest::Leaks(LeakRequest::Tokens { tokens })).await
    {
        PageReply::Leaks(reply) => match *reply {
            LeakReply::Tokens(ended) => ended,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let strange = SecretText::new(format!("lgd_{}", "A".repeat(49)));
    assert!(check(vec![strange.clone()]).await.is_empty());
    let ended = check(vec![strange, text(&leaked), text(&leaked)]).await;
    let [one] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!((&one.name[..], one.incident, one.listed.patients), ("viewer", 1, 1));
    assert!(!reads(&site, &leaked).await);
    assert!(reads(&site, &other).await);
    assert!(check(vec![text(&leaked)]).await.is_empty(), "once");
    let entries = site.entries().await;
    let kinds = |body: &EntryBody| match body {
        EntryBody::IncidentOpened { about, .. } => Some(format!("opened {about:?}")),
        EntryBody::DeviceTokenRemoved { .. } => Some("removed".to_owned()),
        EntryBody::ExposureReported(_) => Some("exposure".to_owned()),
        EntryBody::IncidentReport { .. } => Some("report".to_owned()),
        _ => None,
    };
    let kinds: Vec<String> = entries.iter().filter_map(|entry| kinds(&entry.body)).collect();
    assert_eq!(kinds, ["opened [Device(DeviceId(0))]", "removed", "exposure", "report"]);
}
