//! What ends links and second opinions without anybody asking, and how much one of them may do.

use std::sync::Arc;

use audit::LedgerOptions;
use dpop::Signer;
use model::{Ceilings, EmergencyReason, EntryBody, Evidence, LinkEnd, Reaction, Role, Whose};
use protocol::{
    BreakGlassRequest, Emergency, Invalid, LeakCandidate, LeakRequest, Level, LinkRequest, OpinionRequest, PageReply,
    PageRequest, Refusal, Scope, SecretText, SignInReply, SignInRequest,
};

use crate::browser::{self, Sent};
use crate::sender::uid;
use crate::sharing::{DAY, OTHER, STUDY, clock, end, links, make, open, open_in, own, wait, with_images};
use crate::site::{Folder, PASSWORD, Site, copy};

const GONE: Option<Refusal> = Some(Refusal::Invalid(Invalid::ShareLink));

fn asking(colleague: &str) -> PageRequest {
    let (study, colleague, reason) = (uid(STUDY), colleague.to_owned(), "is this a fracture".to_owned());
    PageRequest::Opinions(OpinionRequest::Ask { study, colleague, seconds: 0, reason })
}

fn move_to(patient: &str) -> PageRequest {
    let (study, patient) = (uid(STUDY), format!("HOSPITAL/{patient}"));
    PageRequest::MoveStudy { study, patient, reason: "wrong worklist entry".to_owned() }
}

/// The password of an account stood in a dump.
async fn leaked(site: &Site, email: &str) {
    let candidates = vec![LeakCandidate {
        login: SecretText::new(email.to_owned()),
        by_name: false,
        passwords: vec![SecretText::new(PASSWORD.to_owned())],
    }];
    site.ask(PageRequest::Leaks(LeakRequest::Check { candidates })).await;
}

async fn ends(site: &Site) -> Vec<LinkEnd> {
    let entries = site.entries().await.into_iter();
    entries
        .filter_map(|entry| if let EntryBody::LinkEnded { end, .. } = entry.body { Some(end) } else { None })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_takes_its_links_and_second_opinions_with_it_for_good() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    let colleague = site.person("colleague@x.example", Role::Radiologist, None).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 30 * DAY).await;
    let link = make(&site, &doctor, STUDY).await.unwrap();
    let (guest, _) = open(&site, &link).await.unwrap();
    site.ask_as(&doctor, asking("colleague@x.example")).await.unwrap();
    assert!(site.open(&guest, STUDY, Scope::Images).await.is_ok());
    assert!(site.open(&colleague, STUDY, Scope::Images).await.is_ok());

    leaked(&site, "doctor@x.example").await;
    assert_eq!(site.open(&guest, STUDY, Scope::Images).await.err(), Some(Refusal::SignedOut));
    assert_eq!(open(&site, &link).await.err(), GONE);
    assert_eq!(site.open(&colleague, STUDY, Scope::Images).await.err(), Some(Refusal::NotFound));
    assert_eq!(ends(&site).await, [LinkEnd::Maker]);

    // the account is theirs again, the link stays what it is; over a restart too
    let email = "doctor@x.example".to_owned();
    let again = PageRequest::IssueEnrolment { email: email.clone() };
    let PageReply::EnrolmentLink { token, .. } = site.ask(again).await else { panic!("no link") };
    let doctor = site.session(&email, &token).await;
    assert_eq!(open(&site, &link).await.err(), GONE);
    assert_eq!(site.open(&colleague, STUDY, Scope::Images).await.err(), Some(Refusal::NotFound));
    let anew = make(&site, &doctor, STUDY).await.unwrap();
    site.stop().await;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    assert_eq!(open(&site, &link).await.err(), GONE);
    assert!(open(&site, &anew).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_no_other_patient_when_its_study_is_moved() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let doctor = site.person("doctor@x.example", Role::Radiologist, None).await;
    let colleague = site.person("colleague@x.example", Role::Radiologist, None).await;
    // whoever reaches both patients reaches it under the other one as well
    for patient in ["patient:HOSPITAL/P1", "patient:HOSPITAL/P2"] {
        site.relate("person:doctor@x.example", patient, 30 * DAY).await;
    }
    let link = make(&site, &doctor, STUDY).await.unwrap();
    let (guest, _) = open(&site, &link).await.unwrap();
    site.ask_as(&doctor, asking("colleague@x.example")).await.unwrap();
    assert!(site.open(&guest, STUDY, Scope::Images).await.is_ok());
    site.ask(move_to("P2")).await;
    assert!(site.open(&doctor, STUDY, Scope::Images).await.is_ok());
    assert_eq!(site.open(&guest, STUDY, Scope::Images).await.err(), Some(Refusal::NotFound));
    assert_eq!(open(&site, &link).await.err(), GONE);
    site.keep_house();
    assert_eq!(site.open(&guest, STUDY, Scope::Images).await.err(), Some(Refusal::SignedOut));
    assert_eq!(site.open(&colleague, STUDY, Scope::Images).await.err(), Some(Refusal::NotFound));
    assert_eq!(ends(&site).await, [LinkEnd::Maker]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opinion_ends_with_the_askers_reach_and_wants_a_touch() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    let colleague = site.person("colleague@x.example", Role::Radiologist, None).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 30 * DAY).await;
    let bare = site.ask_bare(&doctor, &asking("colleague@x.example")).await;
    assert_eq!(bare.err(), Some(Refusal::FreshNeeded));
    site.ask_as(&doctor, asking("colleague@x.example")).await.unwrap();
    site.keep_house();
    assert!(site.open(&colleague, STUDY, Scope::Images).await.is_ok());
    site.unrelate("person:doctor@x.example", "patient:HOSPITAL/P1").await;
    site.keep_house();
    assert_eq!(site.open(&colleague, STUDY, Scope::Images).await.err(), Some(Refusal::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_more_than_a_hundred_second_opinions_at_once() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    // with a passkey: it answers as often as it is asked
    let enrolment = site.add_person("doctor@x.example", Role::Referrer, None).await;
    let doctor = site.with_passkey(&enrolment).await;
    site.person("colleague@x.example", Role::Radiologist, None).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 30 * DAY).await;
    let mut entries = Vec::new();
    for n in 0..100 {
        let answer = site.ask_as(&doctor, asking("colleague@x.example")).await;
        let Ok(PageReply::Related { entry }) = answer else { panic!("{n}: {answer:?}") };
        entries.push(entry);
    }
    let refused = site.ask_as(&doctor, asking("colleague@x.example")).await;
    assert!(matches!(refused, Err(Refusal::Invalid(Invalid::Field { .. }))), "{refused:?}");
    let end = PageRequest::Opinions(OpinionRequest::End { opinion: entries[7] });
    site.ask_as(&doctor, end).await.unwrap();
    site.ask_as(&doctor, asking("colleague@x.example")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_break_glass_reaches_leaves_by_no_link() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    site.person("colleague@x.example", Role::Radiologist, None).await;
    let emergency = Emergency {
        patient_id: "P1".to_owned(),
        birth_date: "19700101".to_owned(),
        accession_number: String::new(),
        issuer: None,
        reason: EmergencyReason::LifeThreatening,
        text: "bleeding, no order yet".to_owned(),
        seconds: 3600,
    };
    site.ask_as(&doctor, PageRequest::BreakGlass(BreakGlassRequest::Use(emergency))).await.unwrap();
    let refused = make(&site, &doctor, STUDY).await;
    assert!(matches!(refused, Err(Refusal::Invalid(Invalid::Field { .. }))), "{refused:?}");
    // a colleague may be asked, for as long as the emergency lasts
    site.ask_as(&doctor, asking("colleague@x.example")).await.unwrap();
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 30 * DAY).await;
    make(&site, &doctor, STUDY).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_sees_links_that_run_before_those_that_ended() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let officer = site.person("officer@x.example", Role::Officer, None).await;
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(make(&site, &patient, STUDY).await.unwrap().link);
    }
    for ended in [1, 3] {
        end(&site, &patient, made[ended]).await.unwrap();
    }
    let rows = links(&site, &officer, LinkRequest::All { of: String::new() }).await.unwrap().rows;
    let order: Vec<_> = rows.iter().map(|row| row.link).collect();
    assert_eq!(order, [made[2], made[0], made[3], made[1]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_link_is_opened_and_downloaded_so_often_in_an_hour_and_no_more_over_restarts_too() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let (link, other) = (make(&site, &patient, STUDY).await.unwrap(), make(&site, &patient, OTHER).await.unwrap());
    let (guest, _) = open(&site, &link).await.unwrap();
    for n in 0..10 {
        assert!(site.open(&guest, STUDY, Scope::Download).await.is_ok(), "{n}");
    }
    let throttled = |refusal: Option<Refusal>| match refusal {
        Some(Refusal::Throttled { seconds }) => assert!(seconds > 3_000 && seconds <= 3_600, "{seconds}"),
        other => panic!("{other:?}"),
    };
    throttled(site.open(&guest, STUDY, Scope::Download).await.err());
    assert!(site.open(&guest, STUDY, Scope::Images).await.is_ok(), "looking goes on");
    assert!(site.open(&patient, STUDY, Scope::Download).await.is_ok(), "the patient's own are not counted");
    let (elsewhere, _) = open(&site, &other).await.unwrap();
    assert!(site.open(&elsewhere, OTHER, Scope::Download).await.is_ok());

    let browser = Arc::new(Signer::generate());
    let (secret, code) = (link.secret.expose().to_owned(), link.code.expose().to_owned());
    open_in(&site, Arc::clone(&browser), &secret, &code).await.unwrap();
    open(&site, &link).await.unwrap();
    // a fourth browser, which counts as well
    for n in 3..20 {
        assert_eq!(open(&site, &link).await.err(), Some(Refusal::Invalid(Invalid::LinkBrowsers)), "{n}");
    }
    throttled(open_in(&site, Arc::clone(&browser), &secret, &code).await.err());
    site.stop().await;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    throttled(open_in(&site, Arc::clone(&browser), &secret, &code).await.err());
    wait(3_601);
    let (guest, _) = open_in(&site, browser, &secret, &code).await.unwrap();
    assert!(site.open(&guest, STUDY, Scope::Download).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_secret_uses_up_no_proof() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let link = make(&site, &patient, STUDY).await.unwrap();
    let signer = Signer::generate();
    let proof = browser::sign(&signer, None, &Sent::new("POST", "/api/link/open", b"{}"), &site.nonce().await);
    let asking = |secret: &str| {
        let (secret, code, proof) = (secret.to_owned(), link.code.expose().to_owned(), Box::new(proof.clone()));
        site.sign_in(SignInRequest::OpenLink { secret, code, proof })
    };
    for _ in 0..3 {
        assert_eq!(asking("guessed").await.err(), GONE);
    }
    assert!(matches!(asking(link.secret.expose()).await, Ok(SignInReply::LinkOpened { .. })));
    assert_eq!(asking(link.secret.expose()).await.err(), Some(Refusal::Proof), "now it is used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_shows_a_honey_patient_is_found_when_it_is_opened() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let PageReply::Honey(rows) = site.ask(PageRequest::AddHoney { count: 1 }).await else { panic!("no honey") };
    let honey = rows[0].clone();
    let patient = format!("{}/{}", honey.issuer, honey.id);
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    // somebody who may read without limits is told of, and not stopped
    let ceilings = Ceilings { listed_other: Some(Ceilings::NO_LIMIT), ..Ceilings::default() };
    let about = "person:doctor@x.example".to_owned();
    site.ask(PageRequest::SetBudget { whose: about.clone(), ceilings }).await;
    site.ask(PageRequest::LiftBudget { whose: about, note: "a test".to_owned() }).await;
    site.relate("person:doctor@x.example", &format!("patient:{patient}"), 30 * DAY).await;
    let study = site.list(&doctor, Level::Study).await.unwrap().studies[0].uid.clone();
    let link = make(&site, &doctor, study.as_str()).await.unwrap();
    let found = async || -> usize {
        let entries = site.entries().await.into_iter();
        let honey = |body: &EntryBody| match body {
            EntryBody::FindingRaised { finding } => {
                matches!(finding.evidence, Evidence::Honey { opened: true, patient } if patient == honey.number)
                    && finding.reaction == Reaction::Noticed
                    && matches!(finding.about, Whose::Person(_))
            }
            _ => false,
        };
        entries.filter(|entry| honey(&entry.body)).count()
    };
    let before = found().await;
    open(&site, &link).await.unwrap();
    assert_eq!(found().await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_before_a_lost_end_of_the_ledger_opens_no_later_link() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let kept_link = make(&site, &patient, STUDY).await.unwrap();
    site.stop().await;
    // the ledger as it was before the second link
    let (ledger, kept) = (folder.path().join("ledger"), tempfile::tempdir().unwrap());
    copy(&ledger, kept.path());
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let lost = make(&site, &patient, STUDY).await.unwrap();
    site.stop().await;
    std::fs::remove_dir_all(&ledger).unwrap();
    copy(kept.path(), &ledger);
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    assert_eq!(open(&site, &lost).await.err(), GONE);
    let anew = make(&site, &patient, OTHER).await.unwrap();
    assert_eq!(anew.link, lost.link, "the number is given again");
    assert_eq!(open(&site, &lost).await.err(), GONE);
    assert_eq!(open_in(&site, Signer::generate(), lost.secret.expose(), anew.code.expose()).await.err(), GONE);
    assert!(open(&site, &anew).await.is_ok());
    assert!(open(&site, &kept_link).await.is_ok());
    assert_eq!(own(&site, &patient).await.iter().filter(|row| row.tries > 0).count(), 0, "nothing was tried at it");
}
