//! Share links and second opinions: one study, one somebody, until a date.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use audit::LedgerOptions;
use dpop::Signer;
use model::{Actor, EntryBody, Instant, LinkEnd, LinkFor, LinkId, LinkWrong, OpenScope, Role, SharingRule, What, Who};
use protocol::{
    Accesses, ApprovalRequest, Credential, Invalid, Level, LinkRequest, LinkRow, Links, MadeLink, OpinionRequest,
    OpinionRow, PageReply, PageRequest, Refusal, Scope, SharedStudy, SharingKind, SignInReply, SignInRequest,
};

use crate::browser::{self, Sent};
use crate::sender::uid;
use crate::site::{Folder, Site, now};

static AHEAD: AtomicI64 = AtomicI64::new(0);
pub const DAY: i64 = 86_400;
pub const STUDY: &str = "1.2.1";
pub const OTHER: &str = "1.2.2";

pub fn clock() -> Instant {
    now().plus_seconds(AHEAD.load(Ordering::SeqCst))
}

pub fn wait(seconds: i64) {
    AHEAD.fetch_add(seconds, Ordering::SeqCst);
}

/// Two studies of one patient and one of another.
pub async fn with_images(folder: &Folder) -> Site {
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let mut sender = folder.sender();
    for (patient, study) in [("P1", STUDY), ("P1", OTHER), ("P2", "1.2.3")] {
        site.hand_over(&[sender.image(patient, study, 1)]).await.unwrap();
    }
    site
}

pub fn making(study: &str) -> PageRequest {
    PageRequest::Links(LinkRequest::Make {
        study: uid(study),
        purpose: LinkFor::Outside,
        seconds: 0,
        browsers: 0,
        note: "Dr. Away".to_owned(),
    })
}

pub fn made(answer: Result<PageReply, Refusal>) -> Result<MadeLink, Refusal> {
    match answer? {
        PageReply::LinkMade(made) => Ok(*made),
        other => panic!("{other:?}"),
    }
}

pub async fn make(site: &Site, who: &Credential, study: &str) -> Result<MadeLink, Refusal> {
    made(site.ask_as(who, making(study)).await)
}

/// Opens a link in a browser.
pub async fn open_in(
    site: &Site,
    signer: impl Into<Arc<Signer>>,
    secret: &str,
    code: &str,
) -> Result<(Credential, SharedStudy), Refusal> {
    let signer = signer.into();
    let body = serde_json::json!({ "secret": secret, "code": code }).to_string();
    let sent = Sent::new("POST", "/api/link/open", body.as_bytes());
    let proof = Box::new(browser::sign(&signer, None, &sent, &site.nonce().await));
    let request = SignInRequest::OpenLink { secret: secret.to_owned(), code: code.to_owned(), proof };
    match site.sign_in(request).await? {
        SignInReply::LinkOpened { token, shown } => Ok((browser::keep(&token, signer, shown.session), *shown)),
        other => panic!("{other:?}"),
    }
}

pub async fn open(site: &Site, link: &MadeLink) -> Result<(Credential, SharedStudy), Refusal> {
    open_in(site, Signer::generate(), link.secret.expose(), link.code.expose()).await
}

/// A code that is not the one.
fn wrong(link: &MadeLink) -> String {
    let code = link.code.expose();
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}

pub async fn links(site: &Site, who: &Credential, request: LinkRequest) -> Result<Links, Refusal> {
    match site.ask_as(who, PageRequest::Links(request)).await? {
        PageReply::Links(links) => Ok(*links),
        other => panic!("{other:?}"),
    }
}

pub async fn own(site: &Site, who: &Credential) -> Vec<LinkRow> {
    links(site, who, LinkRequest::Own).await.unwrap().rows
}

pub async fn end(site: &Site, who: &Credential, link: LinkId) -> Result<PageReply, Refusal> {
    site.ask_as(who, PageRequest::Links(LinkRequest::End { link })).await
}

async fn accesses(site: &Site, patient: &Credential) -> Accesses {
    match site.ask_as(patient, PageRequest::MyAccesses).await {
        Ok(PageReply::MyAccesses(accesses)) => *accesses,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_link_and_its_code_reads_that_study_and_nothing_else() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let link = make(&site, &patient, STUDY).await.unwrap();
    assert!(link.until <= clock().plus_seconds(7 * DAY) && link.until > clock().plus_seconds(7 * DAY - 600));
    let (guest, shown) = open(&site, &link).await.unwrap();
    assert_eq!((shown.link, shown.maker.as_str(), shown.by_patient), (link.link, "Somebody", true));
    assert!(site.open(&guest, STUDY, Scope::Images).await.is_ok());
    let listed = site.list(&guest, Level::Study).await.unwrap();
    assert_eq!(listed.studies.iter().map(|row| row.uid.as_str()).collect::<Vec<_>>(), [STUDY]);
    assert_eq!(listed.studies[0].number, shown.study);
    for hidden in [OTHER, "1.2.3", "1.2.99"] {
        for scope in [Scope::Images, Scope::Listing, Scope::Download] {
            let refused = site.open(&guest, hidden, scope).await.err();
            assert_eq!(refused, Some(Refusal::NotFound), "{hidden} {scope:?}");
        }
    }
    // nothing else: no page of anybody, no further link, no second opinion
    let asked = [
        PageRequest::Me,
        PageRequest::MyStudies,
        PageRequest::MyAccesses,
        PageRequest::People,
        PageRequest::Links(LinkRequest::Own),
        PageRequest::Links(LinkRequest::All { of: String::new() }),
        PageRequest::Links(LinkRequest::End { link: link.link }),
        PageRequest::Opinions(OpinionRequest::Own),
        making(STUDY),
    ];
    for request in asked {
        let shown = format!("{request:?}");
        assert_eq!(site.ask_bare(&guest, &request).await.err(), Some(Refusal::NotAllowed), "{shown}");
    }
    let cold = protocol::AskForCold {
        whom: format!("study:{STUDY}"),
        reason: "please".to_owned(),
        until: clock().plus_seconds(DAY),
        emergency: false,
    };
    let cold = PageRequest::Cold(protocol::ColdAsk::Ask(cold));
    assert_eq!(site.ask_bare(&guest, &cold).await.err(), Some(Refusal::NotAllowed));
    assert!(matches!(
        site.ask_bare(&guest, &PageRequest::Links(LinkRequest::Shown)).await,
        Ok(PageReply::Shared(again)) if *again == shown
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn exposure_lists_and_who_looked_tell_of_a_link_as_such() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let link = make(&site, &patient, STUDY).await.unwrap();
    let unopened = site.exposure("link:0").await;
    assert_eq!((unopened.reachable.studies, unopened.listed.studies, unopened.opened.studies), (1, 0, 0));
    let (guest, shown) = open(&site, &link).await.unwrap();
    site.list(&guest, Level::Study).await.unwrap();
    site.open(&guest, STUDY, Scope::Images).await.unwrap();
    let first = site.open(&guest, STUDY, Scope::Download).await.unwrap();
    // another time is another entry, and nothing is served from a lease
    site.open(&guest, STUDY, Scope::Download).await.unwrap();
    let lease = first.studies[0].lease_until;
    assert!(lease > clock().plus_seconds(300) && lease <= clock().plus_seconds(1800), "one proof for the whole of it");
    let report = site.exposure("link:0").await;
    assert_eq!((report.reachable.studies, report.listed.studies, report.opened.studies), (1, 1, 1));
    assert_eq!(report.patients.len(), 1);
    let protocol::AboutFacts::Link { maker, openings, browsers, downloads, tries, ended, .. } = &report.about else {
        panic!("{:?}", report.about)
    };
    assert_eq!((maker.as_str(), *openings, *browsers, *downloads, *tries, *ended), ("Somebody", 1, 1, 2, 0, None));
    let session = site.exposure(&format!("session:{}", shown.session)).await;
    assert_eq!((session.reachable.studies, session.opened.studies), (1, 1));
    assert!(matches!(
        site.ask_owner(PageRequest::Exposure { who: "link:7".to_owned(), window: report.window }).await,
        Err(Refusal::Invalid(Invalid::Unknown { .. }))
    ));
    let rows = accesses(&site, &patient).await.rows;
    let by_link = |row: &&protocol::AccessRow| row.sharing.as_ref().is_some_and(|of| of.kind == SharingKind::ByLink);
    let through: Vec<_> = rows.iter().filter(by_link).collect();
    assert!(through.iter().all(|row| row.who == "a person with the link that Somebody made" && row.role.is_none()));
    let downloads = |row: &&&protocol::AccessRow| {
        let of = row.sharing.as_ref().expect("it came by a link");
        of.download && of.maker.as_deref() == Some("Somebody") && of.note == "Dr. Away"
    };
    assert_eq!(through.iter().filter(downloads).count(), 2);
    assert_eq!(through.iter().filter(|row| row.opened).count(), 3);
    let own = own(&site, &patient).await;
    assert_eq!((own.len(), own[0].openings, own[0].opened.len(), own[0].downloads), (1, 1, 1, 2));
    assert_eq!(own[0].opened[0].origin.0, "10.0.0.7");
    // somebody else's list and the officer's
    let officer = site.person("officer@x.example", Role::Officer, None).await;
    assert_eq!(links(&site, &officer, LinkRequest::All { of: String::new() }).await.unwrap().rows, own);
    assert_eq!(links(&site, &patient, LinkRequest::All { of: String::new() }).await.err(), Some(Refusal::NotAllowed));
    assert_eq!(make(&site, &officer, STUDY).await.err(), Some(Refusal::NotAllowed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_with_its_time_its_maker_an_officer_and_its_makers_reach() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    let stranger = site.person("other@x.example", Role::Referrer, None).await;
    let officer = site.person("officer@x.example", Role::Officer, None).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 3 * DAY).await;
    let gone = Some(Refusal::Invalid(Invalid::ShareLink));

    let by_maker = make(&site, &doctor, STUDY).await.unwrap();
    assert!(by_maker.until <= clock().plus_seconds(3 * DAY), "no longer than the maker's own reach");
    let (guest, _) = open(&site, &by_maker).await.unwrap();
    assert_eq!(end(&site, &stranger, by_maker.link).await.err(), Some(Refusal::NotFound));
    assert!(site.open(&guest, STUDY, Scope::Images).await.is_ok());
    end(&site, &doctor, by_maker.link).await.unwrap();
    assert_eq!(site.open(&guest, STUDY, Scope::Images).await.err(), Some(Refusal::SignedOut));
    assert_eq!(open(&site, &by_maker).await.err(), gone);
    assert_eq!(end(&site, &doctor, by_maker.link).await.err(), Some(Refusal::NotFound));

    let by_officer = make(&site, &doctor, STUDY).await.unwrap();
    end(&site, &officer, by_officer.link).await.unwrap();
    assert_eq!(open(&site, &by_officer).await.err(), gone);

    // whoever made it loses reach: at once, before anything is swept
    let by_reach = make(&site, &doctor, STUDY).await.unwrap();
    let (guest, _) = open(&site, &by_reach).await.unwrap();
    site.unrelate("person:doctor@x.example", "patient:HOSPITAL/P1").await;
    assert_eq!(site.open(&guest, STUDY, Scope::Images).await.err(), Some(Refusal::NotFound));
    assert_eq!(open(&site, &by_reach).await.err(), gone);
    site.keep_house();
    assert_eq!(own(&site, &doctor).await[0].end, Some(LinkEnd::Maker));

    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 30 * DAY).await;
    let by_time = make(&site, &doctor, STUDY).await.unwrap();
    wait(7 * DAY + 1);
    assert_eq!(open(&site, &by_time).await.err(), gone);
    site.keep_house();
    let rows: Vec<_> = {
        let doctor = site.password("doctor@x.example", &crate::touching::next_code(&doctor)).await.unwrap();
        own(&site, &doctor).await.iter().map(|row| row.end).collect()
    };
    let ends = [LinkEnd::Expired, LinkEnd::Maker, LinkEnd::Revoked, LinkEnd::Revoked];
    assert_eq!(rows, ends.map(Some));
    let entries = site.entries().await;
    let ended = entries.iter().filter(|entry| matches!(entry.body, EntryBody::LinkEnded { .. })).count();
    assert_eq!(ended, 4, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_codes_end_a_link_over_a_restart_too_and_without_its_secret_nobody_counts() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let link = make(&site, &patient, STUDY).await.unwrap();
    // whoever has no secret kills no link and leaves no entry
    let before = site.entries().await.len();
    for secret in ["", "A", &link.secret.expose().chars().rev().collect::<String>()] {
        let refused = open_in(&site, Signer::generate(), secret, link.code.expose()).await.err();
        assert_eq!(refused, Some(Refusal::Invalid(Invalid::ShareLink)), "{secret:?}");
    }
    assert_eq!(site.entries().await.len(), before);
    let try_wrong =
        async |site: &Site| open_in(site, Signer::generate(), link.secret.expose(), &wrong(&link)).await.err().unwrap();
    for left in [9, 8, 7] {
        assert_eq!(try_wrong(&site).await, Refusal::Invalid(Invalid::LinkCode { left }));
    }
    let waits = |refused: Option<Refusal>| matches!(refused, Some(Refusal::Throttled { seconds: 1..=5 }));
    assert!(waits(Some(try_wrong(&site).await)));
    assert!(waits(open(&site, &link).await.err()), "the right one waits too");
    site.stop().await;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    // a restart forgives nothing
    for left in [6, 5, 4, 3, 2, 1] {
        wait(15 * 60);
        assert_eq!(try_wrong(&site).await, Refusal::Invalid(Invalid::LinkCode { left }));
    }
    wait(15 * 60);
    assert_eq!(try_wrong(&site).await, Refusal::Invalid(Invalid::ShareLink), "that was the last");
    wait(DAY);
    assert_eq!(
        open(&site, &link).await.err(),
        Some(Refusal::Invalid(Invalid::ShareLink)),
        "the right code is too late"
    );
    let entries = site.entries().await;
    let wrong = entries.iter().filter_map(|entry| match &entry.body {
        EntryBody::LinkRefused(refused) if refused.wrong == LinkWrong::Code => Some(refused.tries),
        _ => None,
    });
    assert_eq!(wrong.collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    let guessed = EntryBody::LinkEnded { link: link.link, end: LinkEnd::Guessed };
    assert!(entries.iter().any(|entry| entry.body == guessed && entry.actor == Actor::Warden));
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_once_count_one_by_one() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let link = make(&site, &patient, STUDY).await.unwrap();
    let code = wrong(&link);
    let tries = (0..8).map(|_| open_in(&site, Signer::generate(), link.secret.expose(), &code));
    let answers = futures::future::join_all(tries).await;
    let counted = answers.iter().filter(|answer| matches!(answer, Err(Refusal::Invalid(Invalid::LinkCode { .. }))));
    let counted = counted.count();
    let waiting = answers.iter().filter(|answer| matches!(answer, Err(Refusal::Throttled { .. }))).count();
    assert_eq!(counted + waiting, 8, "{answers:?}");
    assert_eq!(own(&site, &patient).await[0].tries as usize, counted);
    assert!(counted <= 3, "then there is a wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_bound_to_a_few_browsers_and_a_cookie_without_its_key_opens_nothing() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let link = make(&site, &patient, STUDY).await.unwrap();
    let (secret, code) = (link.secret.expose(), link.code.expose());
    let first = Arc::new(Signer::generate());
    let (guest, _) = open_in(&site, Arc::clone(&first), secret, code).await.unwrap();
    for _ in 1..3 {
        open(&site, &link).await.unwrap();
    }
    assert_eq!(open(&site, &link).await.err(), Some(Refusal::Invalid(Invalid::LinkBrowsers)));
    // one that opened it before still does, with the code
    let (same, _) = open_in(&site, first, secret, code).await.unwrap();
    assert_eq!(
        site.open(&guest, STUDY, Scope::Images).await.err(),
        Some(Refusal::SignedOut),
        "the session before ended"
    );
    assert!(site.open(&same, STUDY, Scope::Images).await.is_ok());
    // the cookie in another browser
    let Credential::Session { token, origin, .. } = &same else { panic!("a session") };
    let thief = Signer::generate();
    let sent = Sent::new("GET", &format!("/dicom-web/studies/{STUDY}"), b"");
    let shown = browser::of(token).unwrap().session;
    let proof = browser::sign(&thief, Some(&shown.to_string()), &sent, &site.nonce().await);
    let stolen = Credential::Session { token: token.clone(), origin: origin.clone(), proof: Box::new(proof) };
    let request = protocol::OpenRequest { study: uid(STUDY), scope: Scope::Images };
    let answer = site.front.open(crate::site::soon(), stolen, request).await.unwrap();
    assert_eq!(answer.err(), Some(Refusal::Proof));
    // leaving ends this session and not the link
    site.sign_out(&same).await.unwrap();
    assert_eq!(site.open(&same, STUDY, Scope::Images).await.err(), Some(Refusal::SignedOut));
    let row = &own(&site, &patient).await[0];
    assert_eq!((row.browsers, row.browsers_max, row.openings, row.ended), (3, 3, 4, None));
    let entries = site.entries().await;
    let left = entries.iter().filter(|entry| matches!(entry.body, EntryBody::LinkLeft { .. })).count();
    let refused = entries
        .iter()
        .filter(|entry| matches!(&entry.body, EntryBody::LinkRefused(refused) if refused.wrong == LinkWrong::Browsers));
    assert_eq!((left, refused.count()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_links_and_ends_what_is_open_and_neither_secret_nor_code_lies_anywhere() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let link = make(&site, &patient, STUDY).await.unwrap();
    let (guest, _) = open(&site, &link).await.unwrap();
    site.stop().await;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    assert_eq!(site.open(&guest, STUDY, Scope::Images).await.err(), Some(Refusal::SignedOut));
    let (guest, _) = open(&site, &link).await.unwrap();
    assert!(site.open(&guest, STUDY, Scope::Images).await.is_ok());
    let text: String = site.entries().await.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
    assert!(!text.contains(link.secret.expose()) && !text.contains(link.code.expose()));
    let second = make(&site, &patient, OTHER).await.unwrap();
    assert_eq!(second.link, LinkId(link.link.0 + 1), "no number is given twice");
    site.stop().await;
    let mut looked = 0;
    let mut folders = vec![folder.path().to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_type().unwrap().is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                for secret in [link.secret.expose(), link.code.expose()] {
                    let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                    assert!(!found, "{:?}", entry.path());
                }
                looked += 1;
            }
        }
    }
    assert!(looked > 5, "{looked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn making_one_wants_a_touch_and_reach_and_what_the_site_allows() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let doctor = site.person("doctor@x.example", Role::Radiologist, None).await;
    assert_eq!(made(site.ask_bare(&patient, &making(STUDY)).await).err(), Some(Refusal::FreshNeeded));
    assert_eq!(make(&site, &patient, "1.2.3").await.err(), Some(Refusal::NotFound), "somebody else's");
    assert_eq!(make(&site, &doctor, STUDY).await.err(), Some(Refusal::NotFound), "no reach");
    let of = |purpose, seconds, browsers, note: &str| {
        let (study, note) = (uid(STUDY), note.to_owned());
        PageRequest::Links(LinkRequest::Make { study, purpose, seconds, browsers, note })
    };
    for wrong in [
        of(LinkFor::Outside, 30 * DAY + 1, 0, ""),
        of(LinkFor::Outside, -1, 0, ""),
        of(LinkFor::Outside, 59, 0, ""),
        of(LinkFor::Room, 4 * 3600 + 1, 0, ""),
        of(LinkFor::Outside, 0, 11, ""),
        of(LinkFor::Outside, 0, 0, &"x".repeat(201)),
        of(LinkFor::Outside, 0, 0, "a\nb"),
    ] {
        let answer = site.ask_bare(&patient, &wrong).await;
        assert!(matches!(answer, Err(Refusal::Invalid(Invalid::Field { .. }))), "{answer:?}");
    }
    let room = made(site.ask_as(&patient, of(LinkFor::Room, 0, 0, "")).await).unwrap();
    assert!(room.until <= clock().plus_seconds(1800));
    let (_, shown) = open(&site, &room).await.unwrap();
    assert!(shown.session_until <= room.until);
    assert_eq!(open(&site, &room).await.err(), Some(Refusal::Invalid(Invalid::LinkBrowsers)), "one browser");
    // the site forbids it
    let rule = SharingRule { patients: false, clinicians: true, days_max: 2 };
    let reply = site.ask(PageRequest::Approvals(ApprovalRequest::SharingRule { rule })).await;
    assert!(matches!(reply, PageReply::Done), "the site is being set up: {reply:?}");
    assert_eq!(make(&site, &patient, STUDY).await.err(), Some(Refusal::NotAllowed));
    let terms = links(&site, &patient, LinkRequest::Own).await.unwrap();
    assert_eq!((terms.may_share, terms.days_max), (false, 2));
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 30 * DAY).await;
    let short = make(&site, &doctor, STUDY).await.unwrap();
    assert!(short.until <= clock().plus_seconds(2 * DAY));
    let rule = SharingRule { patients: true, clinicians: true, days_max: 31 };
    let more = PageRequest::Approvals(ApprovalRequest::SharingRule { rule });
    assert!(matches!(site.ask_owner(more).await, Err(Refusal::Invalid(_))), "nobody sets more than 30 days");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opinion_reaches_one_study_until_it_is_ended_and_the_patient_reads_of_it() {
    let folder = Folder::new();
    let site = with_images(&folder).await;
    let patient = site.person("pat@x.example", Role::Patient, Some("HOSPITAL/P1")).await;
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    let colleague = site.person("colleague@x.example", Role::Radiologist, None).await;
    site.relate("person:doctor@x.example", "patient:HOSPITAL/P1", 30 * DAY).await;
    let asking = |colleague: &str, reason: &str| {
        let (study, colleague, reason) = (uid(STUDY), colleague.to_owned(), reason.to_owned());
        PageRequest::Opinions(OpinionRequest::Ask { study, colleague, seconds: 0, reason })
    };
    for (whom, reason) in [
        ("nobody@x.example", "is this a fracture"),
        ("pat@x.example", "is this a fracture"),
        ("doctor@x.example", "is this a fracture"),
        ("colleague@x.example", "?"),
    ] {
        let answer = site.ask_as(&doctor, asking(whom, reason)).await;
        assert!(matches!(answer, Err(Refusal::Invalid(Invalid::Field { .. }))), "{whom} {reason}: {answer:?}");
    }
    let refused = site.ask_as(&patient, asking("colleague@x.example", "please look")).await;
    assert_eq!(refused.err(), Some(Refusal::NotAllowed));
    assert_eq!(
        site.ask_as(&colleague, asking("doctor@x.example", "please look")).await.err(),
        Some(Refusal::NotFound),
        "nobody shares what they do not reach"
    );
    let answer = site.ask_as(&doctor, asking("colleague@x.example", "is this a fracture")).await;
    let Ok(PageReply::Related { entry }) = answer else { panic!("{answer:?}") };
    assert!(site.open(&colleague, STUDY, Scope::Images).await.is_ok());
    assert_eq!(site.open(&colleague, OTHER, Scope::Images).await.err(), Some(Refusal::NotFound));
    let rows = async |who: &Credential| -> Vec<OpinionRow> {
        match site.ask_as(who, PageRequest::Opinions(OpinionRequest::Own)).await {
            Ok(PageReply::Opinions(rows)) => rows,
            other => panic!("{other:?}"),
        }
    };
    let (asked, given) = (rows(&doctor).await, rows(&colleague).await);
    assert_eq!((asked.len(), asked[0].own, asked[0].opinion), (1, true, entry));
    assert_eq!((given.len(), given[0].own, given[0].reason.as_str()), (1, false, "is this a fracture"));
    let told = accesses(&site, &patient).await.rows;
    let told =
        told.iter().find(|row| row.sharing.as_ref().is_some_and(|of| of.kind == SharingKind::OpinionAsked)).unwrap();
    assert_eq!((told.entry, told.basis.as_str(), told.role), (entry, "is this a fracture", Some(Role::Referrer)));
    let looks = accesses(&site, &patient).await.rows;
    assert!(looks.iter().any(|row| row.opened && row.basis == "second opinion: is this a fracture"));
    let end = || PageRequest::Opinions(OpinionRequest::End { opinion: entry });
    assert_eq!(site.ask_as(&colleague, end()).await.err(), Some(Refusal::NotFound), "who asked ends it");
    site.ask_as(&doctor, end()).await.unwrap();
    assert_eq!(site.open(&colleague, STUDY, Scope::Images).await.err(), Some(Refusal::NotFound));
    let entries = site.entries().await;
    let EntryBody::Related { relationship } = &entries[entry.0 as usize - 1].body else { panic!("no relationship") };
    assert!(matches!((relationship.who, relationship.what), (Who::Person(_), What::Study(_))));
    let scopes: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry.body {
            EntryBody::Opened { scope, .. } => Some(scope),
            _ => None,
        })
        .collect();
    assert_eq!(scopes, [OpenScope::Images]);
}
