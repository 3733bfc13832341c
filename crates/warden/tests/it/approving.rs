//! Two persons and a delay.

use std::sync::atomic::{AtomicI64, Ordering};

use audit::LedgerOptions;
use model::{ApprovalRule, EntryBody, EntryNumber, Instant, ProposalEnd, Role, Standing, Tier};
use protocol::{
    ApprovalRequest, Credential, Level, PageReply, PageRequest, ProposalRow, ProposalState, Refusal, RemovalRequest,
};

use crate::site::{Folder, Site, now};
use crate::touching;

static AHEAD: AtomicI64 = AtomicI64::new(0);
pub const DELAY: i64 = 600;

/// A clock that a test sets ahead; every test has a process of its own.
pub fn clock() -> Instant {
    now().plus_seconds(AHEAD.load(Ordering::SeqCst))
}

pub fn wait(seconds: i64) {
    AHEAD.fetch_add(seconds, Ordering::SeqCst);
}

/// A site that is set up: the delay is ten minutes, and nothing happens at once once somebody is enrolled.
pub async fn set_up(folder: &Folder) -> Site {
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let rule = ApprovalRule { delay_seconds: DELAY, setup_seconds: 0 };
    let reply = site.ask(PageRequest::Approvals(ApprovalRequest::Rule { rule })).await;
    assert!(matches!(reply, PageReply::Done), "nobody is enrolled yet: {reply:?}");
    site
}

/// An officer and an administrator, enrolled.
pub async fn two_persons(site: &Site) -> (Credential, Credential) {
    let officer_link = site.add_person("officer@x.example", Role::Officer, None).await;
    let admin_link = site.add_person("admin@x.example", Role::Administrator, None).await;
    (site.with_passkey(&officer_link).await, site.with_passkey(&admin_link).await)
}

pub fn role(email: &str, role: Role) -> PageRequest {
    PageRequest::Approvals(ApprovalRequest::Role { email: email.to_owned(), role })
}

pub fn whole_site(who: &str) -> PageRequest {
    PageRequest::Relate {
        who: who.to_owned(),
        whom: "site".to_owned(),
        tier: Tier::Open,
        from: clock(),
        until: clock().plus_seconds(90_000),
        basis: "reading group".to_owned(),
    }
}

#[track_caller]
pub fn proposed(reply: Result<PageReply, Refusal>) -> ProposalRow {
    match reply {
        Ok(PageReply::Proposed(row)) => *row,
        other => panic!("not proposed: {other:?}"),
    }
}

fn approval(row: &ProposalRow) -> PageRequest {
    PageRequest::Approvals(ApprovalRequest::Approve { proposal: row.proposal, digest: row.digest.clone() })
}

pub async fn approve(site: &Site, who: &Credential, row: &ProposalRow) -> Result<PageReply, Refusal> {
    site.ask_as(who, approval(row)).await
}

fn refusal(row: &ProposalRow) -> PageRequest {
    let reason = "not a radiologist".to_owned();
    PageRequest::Approvals(ApprovalRequest::Refuse { proposal: row.proposal, reason })
}

pub async fn refuse(site: &Site, who: &Credential, row: &ProposalRow) -> Result<PageReply, Refusal> {
    site.ask_as(who, refusal(row)).await
}

pub async fn look(site: &Site, row: &ProposalRow) -> ProposalRow {
    // whatever is due is carried out by the next look, as keeping house does every few seconds
    site.keep_house();
    proposed(Ok(site.ask(PageRequest::Approvals(ApprovalRequest::One { proposal: row.proposal })).await))
}

pub async fn role_of(site: &Site, email: &str) -> Role {
    match site.ask(PageRequest::People).await {
        PageReply::People(rows) => rows.iter().find(|row| row.email == email).unwrap().role,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_changes_after_another_person_and_the_delay_and_not_before_either() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let _reader = site.person("reader@x.example", Role::Referrer, None).await;

    let row = proposed(site.ask_as(&admin, role("reader@x.example", Role::Radiologist)).await);
    assert_eq!((row.need.standing, row.need.approvals, row.need.officer), (Standing::TwoPersons, 1, true));
    assert_eq!(row.words, "Somebody <reader@x.example> becomes radiologist instead of referrer");
    wait(DELAY + 1);
    assert_eq!(look(&site, &row).await.state, ProposalState::Open, "time alone does nothing");
    assert_eq!(role_of(&site, "reader@x.example").await, Role::Referrer);

    let row = proposed(approve(&site, &officer, &row).await);
    assert!(matches!(row.state, ProposalState::CarriedOut { standing: Standing::TwoPersons, .. }), "{:?}", row.state);
    assert_eq!(role_of(&site, "reader@x.example").await, Role::Radiologist);

    // the other order: approved at once, carried out when the delay is over
    let back = proposed(site.ask_as(&admin, role("reader@x.example", Role::Referrer)).await);
    let back = proposed(approve(&site, &officer, &back).await);
    assert_eq!(back.state, ProposalState::Waiting);
    assert_eq!(role_of(&site, "reader@x.example").await, Role::Radiologist);
    wait(DELAY - 5);
    assert_eq!(look(&site, &back).await.state, ProposalState::Waiting);
    wait(10);
    assert!(matches!(look(&site, &back).await.state, ProposalState::CarriedOut { .. }));
    assert_eq!(role_of(&site, "reader@x.example").await, Role::Referrer);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_administrator_alone_gets_nothing_however_long_they_wait() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (_officer, admin) = two_persons(&site).await;
    let _reader = site.person("reader@x.example", Role::Referrer, None).await;
    let rule = ApprovalRule { delay_seconds: 0, setup_seconds: 7200 };
    let requests = [
        role("reader@x.example", Role::Radiologist),
        role("admin@x.example", Role::Radiologist),
        whole_site("person:reader@x.example"),
        whole_site("org:organisation of reader@x.example"),
        PageRequest::Approvals(ApprovalRequest::Rule { rule }),
        PageRequest::IssueEnrolment { email: "officer@x.example".to_owned() },
        PageRequest::Removals(RemovalRequest::ClosePerson { email: "officer@x.example".to_owned() }),
        PageRequest::AddPerson {
            email: "friend@x.example".to_owned(),
            name: "Friend".to_owned(),
            role: Role::Officer,
            organisation: "organisation of reader@x.example".to_owned(),
            password_and_code: true,
            own_record: None,
        },
    ];
    let mut rows = Vec::new();
    for request in requests {
        let row = proposed(site.ask_as(&admin, request.clone()).await);
        assert!(approve(&site, &admin, &row).await.is_err(), "nobody approves their own: {request:?}");
        assert_eq!(site.ask_as(&admin, request.clone()).await.err(), Some(Refusal::Exists), "nor twice");
        rows.push(row);
    }
    for _ in 0..3 {
        wait(DELAY);
        site.keep_house();
    }
    for row in &rows {
        assert_eq!(look(&site, row).await.state, ProposalState::Open, "{}", row.words);
    }
    assert_eq!(role_of(&site, "reader@x.example").await, Role::Referrer);
    let bodies: Vec<_> = site.entries().await.into_iter().map(|entry| entry.body).collect();
    let site_wide = |body: &EntryBody| matches!(body, EntryBody::Related { relationship } if relationship.what == model::What::Site);
    assert!(!bodies.iter().any(site_wide));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_the_machine_is_no_person() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let _reader = site.reader("viewer").await;
    let row = proposed(Ok(site.ask(whole_site("device:viewer")).await));
    assert_eq!(row.need.approvals, 2, "two persons for the owner's proposal");
    assert_eq!(site.ask_owner(approval(&row)).await.err(), Some(Refusal::NotAllowed));
    wait(DELAY + 1);
    let row = proposed(approve(&site, &officer, &row).await);
    assert_eq!(row.state, ProposalState::Open, "one of two");
    let row = proposed(approve(&site, &admin, &row).await);
    assert!(matches!(row.state, ProposalState::CarriedOut { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relationship_to_the_whole_site_reaches_nothing_before_it_is_carried_out() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let reader = site.reader("viewer").await;
    let row = proposed(site.ask_as(&admin, whole_site("device:viewer")).await);
    let row = proposed(approve(&site, &officer, &row).await);
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies, []);
    wait(DELAY + 1);
    look(&site, &row).await;
    assert_eq!(site.list(&reader, Level::Study).await.unwrap().studies.len(), 1);
    let entries = site.entries().await;
    let carried = entries
        .iter()
        .position(|entry| matches!(entry.body, EntryBody::CarriedOut { .. } if entry.actor == model::Actor::Warden))
        .unwrap();
    let EntryBody::Related { relationship } = &entries[carried - 1].body else { panic!("{:?}", entries[carried - 1]) };
    assert!(relationship.window.from >= entries[carried].recorded.plus_seconds(-1), "nothing is reached in hindsight");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practice_of_one_waits_the_whole_delay_and_the_ledger_says_so() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let doctor = site.person("doctor@x.example", Role::OfficerAdministrator, None).await;
    let _reader = site.person("reader@x.example", Role::Referrer, None).await;
    let row = proposed(site.ask_as(&doctor, role("reader@x.example", Role::Radiologist)).await);
    assert_eq!((row.need.standing, row.need.approvals), (Standing::OnePerson, 1));
    wait(DELAY + 1);
    assert_eq!(look(&site, &row).await.state, ProposalState::Open, "whoever is alone confirms it");
    let row = proposed(site.ask_as(&doctor, role("reader@x.example", Role::Technologist)).await);
    let row = proposed(approve(&site, &doctor, &row).await);
    wait(DELAY - 5);
    assert_eq!(look(&site, &row).await.state, ProposalState::Waiting);
    wait(10);
    let row = look(&site, &row).await;
    assert!(matches!(row.state, ProposalState::CarriedOut { standing: Standing::OnePerson, .. }), "{:?}", row.state);
    let Ok(PageReply::Proposals(all)) =
        site.ask_as(&doctor, PageRequest::Approvals(ApprovalRequest::List { open: false })).await
    else {
        panic!("no list")
    };
    assert_eq!((all.deciders, all.one_person, all.setting_up), (1, 1, false));
    // one person may not leave: nobody could approve anything afterwards
    let close = PageRequest::Removals(RemovalRequest::ClosePerson { email: "doctor@x.example".to_owned() });
    // nor become something that decides nothing: with nobody left, the owner of the machine would be alone
    let step_down = proposed(Ok(site.ask(role("doctor@x.example", Role::Radiologist)).await));
    let row = proposed(Ok(site.ask(close).await));
    wait(7 * DELAY + 1);
    assert!(matches!(look(&site, &step_down).await.state, ProposalState::Ended { end: ProposalEnd::Overtaken, .. }));
    assert!(matches!(look(&site, &row).await.state, ProposalState::Ended { end: ProposalEnd::Overtaken, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_withdrawn_and_expired_proposals_stay_ended_over_a_restart() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let _reader = site.person("reader@x.example", Role::Referrer, None).await;
    let refused = proposed(site.ask_as(&admin, role("reader@x.example", Role::Radiologist)).await);
    assert!(refuse(&site, &admin, &refused).await.is_err(), "whoever proposed withdraws");
    proposed(refuse(&site, &officer, &refused).await);
    assert_eq!(approve(&site, &officer, &refused).await.err(), Some(Refusal::NotFound), "ended is ended");

    let withdrawn = proposed(site.ask_as(&admin, role("reader@x.example", Role::Technologist)).await);
    let request = PageRequest::Approvals(ApprovalRequest::Withdraw { proposal: withdrawn.proposal });
    assert_eq!(site.ask_as(&officer, request.clone()).await.err(), Some(Refusal::NotAllowed));
    proposed(site.ask_as(&admin, request).await);

    let expired = proposed(site.ask_as(&admin, role("reader@x.example", Role::Technologist)).await);
    let waiting = proposed(site.ask_as(&admin, role("admin@x.example", Role::OfficerAdministrator)).await);
    let waiting = proposed(approve(&site, &officer, &waiting).await);
    wait(DELAY + 15 * 24 * 3600);
    site.stop().await;
    // a crash between the approval and its effect looks like this: approved, due, not carried out
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    assert_eq!(role_of(&site, "admin@x.example").await, Role::OfficerAdministrator, "carried out by the start");
    let ends = [(refused, ProposalEnd::Refused), (withdrawn, ProposalEnd::Withdrawn), (expired, ProposalEnd::Expired)];
    for (row, expected) in ends {
        let state = look(&site, &row).await.state;
        assert!(matches!(&state, ProposalState::Ended { end, .. } if *end == expected), "{state:?}");
    }
    assert!(matches!(look(&site, &waiting).await.state, ProposalState::CarriedOut { .. }));
    let carried = |entry: &model::Entry| matches!(entry.body, EntryBody::CarriedOut { proposal, .. } if proposal == waiting.proposal);
    assert_eq!(site.entries().await.iter().filter(|entry| carried(entry)).count(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_is_what_was_shown() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let _reader = site.person("reader@x.example", Role::Referrer, None).await;
    let one = proposed(site.ask_as(&admin, role("reader@x.example", Role::Radiologist)).await);
    let other = proposed(site.ask_as(&admin, role("reader@x.example", Role::Technologist)).await);
    assert_ne!(one.digest, other.digest);
    let swapped = ProposalRow { digest: other.digest.clone(), ..one.clone() };
    assert!(matches!(approve(&site, &officer, &swapped).await, Err(Refusal::Invalid(_))));
    assert!(approve(&site, &officer, &one).await.is_ok());
    assert_eq!(approve(&site, &officer, &one).await.err(), Some(Refusal::Exists), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_passkey_takes_a_second_person_and_no_delay() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let ask = || PageRequest::IssueEnrolment { email: "admin@x.example".to_owned() };
    // two persons agree, one of them whom it is about: at once
    let officers = || PageRequest::IssueEnrolment { email: "officer@x.example".to_owned() };
    let row = proposed(site.ask_as(&admin, officers()).await);
    let row = proposed(approve(&site, &officer, &row).await);
    assert!(matches!(row.state, ProposalState::CarriedOut { standing: Standing::TwoPersons, .. }));
    assert!(matches!(site.ask_as(&admin, officers()).await, Ok(PageReply::EnrolmentLink { .. })));
    // the owner asks, the officer approves: nobody else is there who could
    let row = proposed(Ok(site.ask(ask()).await));
    assert_eq!((row.need.approvals, row.need.standing), (1, Standing::OnePerson));
    let row = proposed(approve(&site, &officer, &row).await);
    assert_eq!(row.state, ProposalState::Waiting, "one person alone waits");
    wait(DELAY + 1);
    look(&site, &row).await;
    assert!(matches!(site.ask(ask()).await, PageReply::EnrolmentLink { .. }), "once");
    let again = proposed(Ok(site.ask(ask()).await));
    assert!(approve(&site, &admin, &again).await.is_err(), "nobody agrees with the owner about themselves");
    // the only officer cannot agree with the owner: a week instead of a day
    let row = proposed(Ok(site.ask(officers()).await));
    assert_eq!((row.need.approvals, row.need.delay_seconds), (1, 7 * DELAY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_officer_is_added_by_two_and_gets_one_link_from_whoever_proposed() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let add = PageRequest::AddPerson {
        email: "second@x.example".to_owned(),
        name: "Second officer".to_owned(),
        role: Role::Officer,
        organisation: "organisation of admin@x.example".to_owned(),
        password_and_code: true,
        own_record: None,
    };
    let link = || PageRequest::IssueEnrolment { email: "second@x.example".to_owned() };
    let row = proposed(site.ask_as(&admin, add).await);
    assert!(site.ask_as(&admin, link()).await.is_err(), "nobody is there yet");
    proposed(approve(&site, &officer, &row).await);
    wait(DELAY + 1);
    assert!(matches!(look(&site, &row).await.state, ProposalState::CarriedOut { .. }));
    assert!(matches!(site.ask_as(&admin, link()).await, Ok(PageReply::EnrolmentLink { .. })));
    assert_eq!(site.ask_as(&admin, link()).await.err(), Some(Refusal::NotAllowed), "one link was approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_wants_a_fresh_touch_for_exactly_this() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let _reader = site.person("reader@x.example", Role::Referrer, None).await;
    let row = proposed(site.ask_as(&admin, role("reader@x.example", Role::Radiologist)).await);
    let another = ProposalRow { proposal: EntryNumber(0), ..row.clone() };
    let swapped = ProposalRow { digest: "00".to_owned(), ..row.clone() };
    for other in [approval(&another), approval(&swapped), refusal(&row)] {
        let fresh = site.touch(&officer, touching::act(&other)).await;
        let refused = site.ask_with(&officer, &approval(&row), &fresh).await.err();
        assert_eq!(refused, Some(Refusal::FreshNeeded), "{other:?}");
    }
    let none = site.ask_with(&officer, &approval(&row), &touching::nothing()).await.err();
    assert_eq!(none, Some(Refusal::FreshNeeded));
    for bare in [approval(&row), refusal(&row)] {
        assert_eq!(site.ask_bare(&officer, &bare).await.err(), Some(Refusal::FreshNeeded), "{bare:?}");
    }
    assert!(look(&site, &row).await.approvals.is_empty());
    assert!(approve(&site, &officer, &row).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_an_officer_whose_account_is_locked_takes_a_second_person_all_the_same() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let officer_link = site.add_person("officer@x.example", Role::Officer, None).await;
    let admin_link = site.add_person("admin@x.example", Role::Administrator, None).await;
    let _officer = site.session("officer@x.example", &officer_link).await;
    let admin = site.with_passkey(&admin_link).await;
    crate::accounts::lock(&site, "officer@x.example").await;
    let enrol = PageRequest::IssueEnrolment { email: "officer@x.example".to_owned() };
    let row = proposed(site.ask_owner(enrol.clone()).await);
    assert_eq!((row.need.standing, row.need.approvals), (Standing::OnePerson, 1));
    assert!(site.ask_owner(enrol).await.is_err(), "no second way to the same");
    proposed(approve(&site, &admin, &row).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_who_are_locked_keep_their_word_and_do_not_keep_each_other_shut() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let mut links = Vec::new();
    for (email, role) in
        [("one@x.example", Role::Officer), ("two@x.example", Role::Officer), ("admin@x.example", Role::Administrator)]
    {
        links.push((email, site.add_person(email, role, None).await));
    }
    let _one = site.session(links[0].0, &links[0].1).await;
    let _two = site.session(links[1].0, &links[1].1).await;
    let admin = site.with_passkey(&links[2].1).await;
    let _reader = site.person("reader@x.example", Role::Referrer, None).await;
    for email in ["one@x.example", "two@x.example"] {
        crate::accounts::lock(&site, email).await;
    }
    let row = proposed(site.ask_as(&admin, role("reader@x.example", Role::Radiologist)).await);
    assert_eq!((row.need.standing, row.need.officer), (Standing::TwoPersons, true), "an officer is still asked");
    let enrol = PageRequest::IssueEnrolment { email: "one@x.example".to_owned() };
    let row = proposed(site.ask_owner(enrol.clone()).await);
    assert_eq!((row.need.approvals, row.need.officer), (1, false), "the other officer cannot answer");
    let row = proposed(approve(&site, &admin, &row).await);
    assert!(row.earliest > row.proposed.plus_seconds(DELAY), "and there is time to notice");
    wait((row.earliest.0 - row.proposed.0) / model::SECOND + 1);
    site.keep_house();
    assert!(matches!(site.ask_owner(enrol).await, Ok(PageReply::EnrolmentLink { .. })));
}
