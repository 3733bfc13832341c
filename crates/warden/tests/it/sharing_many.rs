//! Ending many links at once, links made in a session, and what a front that was taken over can do with a visit that it saw.

use dpop::Signer;
use model::{Actor, EntryBody, Instant, LinkEnd, LinkId, Role, Window};
use protocol::{AboutFacts, Credential, Invalid, Level, LinkRequest, LinkRow, PageReply, PageRequest, Refusal, Scope};

use crate::sharing::{DAY, OTHER, STUDY, clock, links, make, open, open_in, own, wait, with_images};
use crate::site::{Folder, Site};

async fn ended(site: &Site, who: &Credential, request: LinkRequest) -> Result<Vec<u32>, Refusal> {
    match site.ask_as(who, PageRequest::Links(request)).await? {
        PageReply::LinksEnded(links) => Ok(links.into_iter().map(|link| link.0).collect()),
        other => panic!("{other:?}"),
    }
}

fn all_of(of: &str) -> LinkRequest {
    LinkRequest::EndAll { of: of.to_owned() }
}

async fn of(site: &Site, officer: &Credential, of: &str) -> Vec<LinkRow> {
    links(site, officer, LinkRequest::All { of: of.to_owned() }).await.unwrap().rows
}

/// Which links an entry ended, and by whom: a person or somebody else.
async fn ends(site: &Site) -> Vec<(u32, LinkEnd, bool)> {
    let entries = site.entries().await.into_iter();
    let end = |entry: model::Entry| match entry.body {
        EntryBody::LinkEnded { link, end } => Some((link.0, end, matches!(entry.actor, Actor::Person { .. }))),
        _ => None,
    };
    entries.filter_map(end).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_ends_all_of_their_own_links_at_once_and_nobody_elses() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let other = site.person("other@x.example", Role::Patient, Some("HOSPITAL/P2")).await;
    let technologist = site.person("tech@x.example", Role::Technologist, None).await;
    let first = make(&site, &patient, STUDY).await.unwrap();
    make(&site, &patient, OTHER).await.unwrap();
    let foreign = make(&site, &other, "1.2.3").await.unwrap();
    let (guest, _) = open(&site, &first).await.unwrap();
    let (stays, _) = open(&site, &foreign).await.unwrap();
    assert!(site.open(&guest, STUDY, Scope::Images).await.is_ok());
    assert_eq!(ended(&site, &patient, LinkRequest::EndOwn).await.unwrap(), [0, 1]);
    assert_eq!(site.open(&guest, STUDY, Scope::Images).await.err(), Some(Refusal::SignedOut), "at once");
    assert_eq!(open(&site, &first).await.err(), Some(Refusal::Invalid(Invalid::ShareLink)));
    assert!(site.open(&stays, "1.2.3", Scope::Images).await.is_ok(), "somebody else's goes on");
    assert_eq!(ended(&site, &patient, LinkRequest::EndOwn).await.unwrap(), [0; 0], "none is ended twice");
    assert_eq!(ends(&site).await, [(0, LinkEnd::Revoked, true), (1, LinkEnd::Revoked, true)], "each has its entry");
    // who shares nothing, and who came by a link, ends nothing
    for (who, name) in [(&technologist, "a technologist"), (&stays, "a visitor")] {
        assert_eq!(ended(&site, who, LinkRequest::EndOwn).await.err(), Some(Refusal::NotAllowed), "{name}");
    }
    for who in [&patient, &technologist, &stays] {
        assert_eq!(ended(&site, who, all_of("all")).await.err(), Some(Refusal::NotAllowed));
    }
    assert!(site.open(&stays, "1.2.3", Scope::Images).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_ends_all_links_of_a_person_a_study_a_session_and_all_there_are() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let officer = site.person("officer@x.example", Role::Officer, None).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 30 * DAY).await;
    // 0 and 1 are the patient's; 2, 3, 4 the doctor's
    for (who, study) in [(&patient, STUDY), (&patient, OTHER), (&doctor, STUDY), (&doctor, OTHER), (&doctor, OTHER)] {
        make(&site, who, study).await.unwrap();
    }
    let rows = of(&site, &officer, "person:doctor@x.example").await;
    assert_eq!(rows.iter().map(|row| row.link.0).collect::<Vec<_>>(), [4, 3, 2]);
    assert!(rows.iter().all(|row| row.email == "doctor@x.example" && row.session == rows[0].session));
    let study = rows[2].study;
    for wrong in
        ["", "everything", "person:", "person:nobody@x.example", "org:Practice", "study:", "session:1", "link:x"]
    {
        let refused = ended(&site, &officer, all_of(wrong)).await.err();
        assert!(matches!(refused, Some(Refusal::Invalid(_))), "{wrong:?}: {refused:?}");
    }
    assert_eq!(ended(&site, &officer, all_of("link:2")).await.unwrap(), [2]);
    assert_eq!(ended(&site, &officer, all_of(&format!("study:{study}"))).await.unwrap(), [0], "2 has ended already");
    assert_eq!(ended(&site, &officer, all_of(&format!("study:{STUDY}"))).await.unwrap(), [0; 0], "the same by its UID");
    assert_eq!(ended(&site, &officer, all_of(&format!("session:{}", rows[0].session))).await.unwrap(), [3, 4]);
    assert_eq!(ended(&site, &officer, all_of("person:doctor@x.example")).await.unwrap(), [0; 0]);
    make(&site, &doctor, STUDY).await.unwrap();
    assert_eq!(ended(&site, &officer, all_of("all")).await.unwrap(), [1, 5]);
    let numbers: Vec<u32> = ends(&site).await.iter().map(|(link, ..)| *link).collect();
    assert_eq!(numbers, [2, 0, 3, 4, 1, 5], "each has one entry");
    // a link that is over by itself is none that somebody ended
    make(&site, &doctor, STUDY).await.unwrap();
    wait(8 * DAY);
    site.keep_house();
    assert_eq!(ends(&site).await.last(), Some(&(6, LinkEnd::Expired, false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_a_session_names_the_links_made_in_it_and_counts_what_went_out_by_them() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let link = make(&site, &patient, STUDY).await.unwrap();
    let session = own(&site, &patient).await[0].session.clone();
    let about = async || {
        let window = Window { from: Instant(0), to: clock().plus_seconds(DAY) };
        let request = PageRequest::Exposure { who: format!("session:{session}"), window };
        let PageReply::Exposure(report) = site.ask(request).await else { panic!("no report") };
        report
    };
    let before = about().await;
    assert_eq!(before.opened.studies, 0);
    // the session is over, the link goes on
    site.sign_out(&patient).await.unwrap();
    let (guest, _) = open(&site, &link).await.unwrap();
    site.open(&guest, STUDY, Scope::Images).await.unwrap();
    let report = about().await;
    assert_eq!((report.opened.patients, report.opened.studies), (1, 1), "by the link that was made in it");
    let AboutFacts::Session { links: Some(links), .. } = &report.about else { panic!("{:?}", report.about) };
    let [one] = links.as_slice() else { panic!("{links:?}") };
    assert_eq!((one.link, one.note.as_str(), one.openings, one.ended), (link.link, "Dr. Away", 1, None));
    let ended = site.ask(PageRequest::Links(all_of(&format!("session:{session}")))).await;
    assert!(matches!(ended, PageReply::LinksEnded(links) if links == [link.link]), "the owner, by the command");
    assert_eq!(site.open(&guest, STUDY, Scope::Images).await.err(), Some(Refusal::SignedOut));
    let report = about().await;
    let AboutFacts::Session { links: Some(links), .. } = &report.about else { panic!("{:?}", report.about) };
    assert_eq!(links[0].ended, Some(LinkEnd::Revoked));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_front_saw_of_one_visit_serves_for_one_study_and_not_beyond_the_links_days() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let link = make(&site, &patient, STUDY).await.unwrap();
    open(&site, &link).await.unwrap();
    let (secret, code) = (link.secret.expose(), link.code.expose());
    // later, with a key of the front's own
    wait(6 * DAY);
    let (front, _) = open_in(&site, Signer::generate(), secret, code).await.unwrap();
    let listed = site.list(&front, Level::Study).await.unwrap().studies;
    assert_eq!(listed.iter().map(|row| row.uid.as_str()).collect::<Vec<_>>(), [STUDY]);
    assert!(site.open(&front, STUDY, Scope::Images).await.is_ok());
    for hidden in [OTHER, "1.2.3"] {
        assert_eq!(site.open(&front, hidden, Scope::Images).await.err(), Some(Refusal::NotFound), "{hidden}");
    }
    wait(DAY);
    assert_eq!(site.open(&front, STUDY, Scope::Images).await.err(), Some(Refusal::SignedOut), "its days are over");
    assert!(site.list(&front, Level::Study).await.is_err());
    for _ in 0..3 {
        let refused = open_in(&site, Signer::generate(), secret, code).await.err();
        assert_eq!(refused, Some(Refusal::Invalid(Invalid::ShareLink)));
    }
    let link = LinkId(0);
    site.keep_house();
    let expired = EntryBody::LinkEnded { link, end: LinkEnd::Expired };
    assert_eq!(site.entries().await.iter().filter(|entry| entry.body == expired).count(), 1);
}
