//! Delegates, ends of accounts, lost authenticators and rules about authenticators, through the sockets.

use model::{Assurance, AuthenticatorRule, EntryBody, ProfessionalId, Role};
use protocol::{
    AccountsRequest, ColleagueRow, Credential, LeakCandidate, LeakReply, LeakRequest, PageReply, PageRequest, Refusal,
    RemovalRequest, Scope, SecretText,
};

use crate::approving::{clock, wait};
use crate::site::{Folder, PASSWORD, Site, now};

const PRACTICE: &str = "organisation of delegate@x.example";

fn ask(request: AccountsRequest) -> PageRequest {
    PageRequest::Accounts(request)
}

fn colleague(email: &str, role: Role) -> AccountsRequest {
    AccountsRequest::AddColleague {
        organisation: PRACTICE.to_owned(),
        email: email.to_owned(),
        name: "Dr. Neu".to_owned(),
        role,
        professional_id: Some(ProfessionalId { issuer: "KV".to_owned(), id: "1234".to_owned() }),
        until: None,
    }
}

fn of(email: &str) -> (String, String) {
    (PRACTICE.to_owned(), email.to_owned())
}

/// Somebody with a passkey who may add colleagues to their practice.
async fn delegate(site: &Site) -> Credential {
    let link = site.add_person("delegate@x.example", Role::Referrer, None).await;
    let delegate = site.with_passkey(&link).await;
    let (organisation, email) = of("delegate@x.example");
    site.ask(ask(AccountsRequest::Delegate { email, organisation, delegate: true })).await;
    delegate
}

/// Adds a colleague and binds a passkey by the link.
async fn added(site: &Site, delegate: &Credential, email: &str) -> Credential {
    added_as(site, delegate, email, Role::Referrer).await
}

async fn added_as(site: &Site, delegate: &Credential, email: &str, role: Role) -> Credential {
    match site.ask_as(delegate, ask(colleague(email, role))).await {
        Ok(PageReply::EnrolmentLink { token, .. }) => site.with_passkey(&token).await,
        other => panic!("{other:?}"),
    }
}

async fn rows(site: &Site, who: &Credential) -> Vec<ColleagueRow> {
    match site.ask_as(who, ask(AccountsRequest::Colleagues)).await {
        Ok(PageReply::Colleagues(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

async fn kinds(site: &Site) -> Vec<String> {
    let kind = |body: EntryBody| serde_json::to_value(body).unwrap()["kind"].as_str().unwrap().to_owned();
    site.entries().await.into_iter().map(|entry| kind(entry.body)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegate_adds_a_colleague_by_a_touch_and_the_colleague_signs_in() {
    let folder = Folder::new();
    let site = folder.start().await;
    let delegate = delegate(&site).await;
    let request = ask(colleague("new@x.example", Role::Technologist));
    assert_eq!(site.ask_bare(&delegate, &request).await.err(), Some(Refusal::FreshNeeded), "not without a touch");
    let new = added(&site, &delegate, "new@x.example").await;
    let rows = rows(&site, &new).await;
    let row = |email: &str| rows.iter().find(|row| row.email == email).unwrap();
    assert_eq!(row("new@x.example").professional_id.as_ref().unwrap().to_string(), "KV/1234");
    assert!(row("new@x.example").enrolled && row("new@x.example").me && row("delegate@x.example").delegate);
    assert!(!row("delegate@x.example").mine, "a colleague is no delegate");
    let kinds = kinds(&site).await;
    for kind in ["delegate-set", "confirmed", "professional-id-set", "passkey-bound"] {
        assert!(kinds.iter().any(|own| own == kind), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegate_gives_neither_roles_that_decide_nor_other_organisations_nor_the_whole_site() {
    let folder = Folder::new();
    let site = folder.start().await;
    let delegate = delegate(&site).await;
    let other = site.person("other@y.example", Role::Referrer, None).await;
    for role in [Role::Officer, Role::Administrator, Role::OfficerAdministrator, Role::Patient] {
        let answer = site.ask_as(&delegate, ask(colleague("x@x.example", role))).await;
        assert!(matches!(answer, Err(Refusal::Invalid(_))), "{role:?}: {answer:?}");
    }
    let mut elsewhere = colleague("x@x.example", Role::Referrer);
    if let AccountsRequest::AddColleague { organisation, .. } = &mut elsewhere {
        *organisation = "organisation of other@y.example".to_owned();
    }
    assert_eq!(site.ask_as(&delegate, ask(elsewhere)).await.err(), Some(Refusal::NotAllowed));
    // without the right, and with it taken
    let (organisation, email) = of("delegate@x.example");
    assert_eq!(
        site.ask_as(&other, ask(colleague("x@x.example", Role::Referrer))).await.err(),
        Some(Refusal::NotAllowed)
    );
    let take = AccountsRequest::Delegate { email: email.clone(), organisation: organisation.clone(), delegate: false };
    assert_eq!(site.ask_as(&delegate, ask(take.clone())).await.err(), Some(Refusal::NotAllowed));
    site.relate(&format!("org:{organisation}"), "site", 3600).await;
    let whole_site = site.ask_as(&delegate, ask(colleague("x@x.example", Role::Referrer))).await;
    assert!(matches!(whole_site, Err(Refusal::Invalid(_))), "{whole_site:?}");
    site.ask(ask(take)).await;
    assert_eq!(
        site.ask_as(&delegate, ask(colleague("x@x.example", Role::Referrer))).await.err(),
        Some(Refusal::NotAllowed)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegate_changes_nobody_who_is_a_member_elsewhere_too() {
    let folder = Folder::new();
    let site = folder.start().await;
    let delegate = delegate(&site).await;
    let _new = added(&site, &delegate, "new@x.example").await;
    site.person("other@y.example", Role::Referrer, None).await;
    let reset = |email: &str| {
        let (organisation, email) = of(email);
        ask(AccountsRequest::ColleagueReset { organisation, email })
    };
    assert_eq!(site.ask_as(&delegate, reset("other@y.example")).await.err(), Some(Refusal::NotFound));
    let organisation = "organisation of other@y.example".to_owned();
    site.ask(ask(AccountsRequest::Join { email: "new@x.example".to_owned(), organisation })).await;
    let answer = site.ask_as(&delegate, reset("new@x.example")).await;
    assert!(matches!(answer, Err(Refusal::Invalid(_))), "{answer:?}");
    // the membership here is the delegate's to end
    let (organisation, email) = of("new@x.example");
    site.ask_as(&delegate, ask(AccountsRequest::ColleagueLeaves { organisation, email })).await.unwrap();
    assert_eq!(rows(&site, &delegate).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locums_account_ends_by_itself_with_what_it_reached() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let locum = site.person("locum@x.example", Role::Radiologist, None).await;
    site.relate("person:locum@x.example", "patient:HOSPITAL/P1", 3600).await;
    assert!(site.open(&locum, "1.2.1", Scope::Images).await.is_ok());
    let email = "locum@x.example".to_owned();
    let until = now().plus_seconds(2);
    site.ask(ask(AccountsRequest::Until { email: email.clone(), until: Some(until) })).await;
    let PageReply::People(people) = site.ask(PageRequest::People).await else { panic!("no people") };
    assert_eq!(people.iter().find(|row| row.email == email).unwrap().until, Some(until), "lists show it");
    while now() < until {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(site.open(&locum, "1.2.1", Scope::Images).await.err(), Some(Refusal::SignedOut), "before any sweep");
    site.keep_house();
    let kinds = kinds(&site).await;
    let last: Vec<&str> = kinds.iter().rev().take(4).map(String::as_str).collect();
    assert_eq!(last, ["relationship-ended", "member-left", "session-ended", "account-lapsed"]);
    let exposure = site.exposure("person:locum@x.example").await;
    assert_eq!(exposure.opened.patients, 1, "what was, was");
    site.stop().await;
    let site = folder.start().await;
    assert!(site.password("locum@x.example", "123456").await.is_err(), "over a restart too");
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_reaches_through_the_organisation_and_leaving_ends_that_at_once() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    let doctor = site.person("doctor@x.example", Role::Referrer, None).await;
    let _other = site.person("other@y.example", Role::Referrer, None).await;
    let organisation = "organisation of other@y.example".to_owned();
    site.relate(&format!("org:{organisation}"), "patient:HOSPITAL/P1", 3600).await;
    assert_eq!(site.open(&doctor, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    let email = "doctor@x.example".to_owned();
    site.ask(ask(AccountsRequest::Join { email: email.clone(), organisation: organisation.clone() })).await;
    assert!(site.open(&doctor, "1.2.1", Scope::Images).await.is_ok());
    let leave = RemovalRequest::Leave { email: email.clone(), organisation: organisation.clone() };
    site.ask(PageRequest::Removals(leave)).await;
    assert_eq!(site.open(&doctor, "1.2.1", Scope::Images).await.err(), Some(Refusal::NotFound));
    // an organisation that reads the whole site waits for a second person, once the site is set up
    site.relate(&format!("org:{organisation}"), "site", 3600).await;
    let rule = model::ApprovalRule { delay_seconds: 60, setup_seconds: 0 };
    site.ask(PageRequest::Approvals(protocol::ApprovalRequest::Rule { rule })).await;
    let link = site.add_person("admin@x.example", Role::OfficerAdministrator, None).await;
    let admin = site.with_passkey(&link).await;
    let join = ask(AccountsRequest::Join { email, organisation });
    assert!(matches!(site.ask_as(&admin, join).await, Ok(PageReply::Proposed(_))));
    assert!(site.open(&doctor, "1.2.1", Scope::Images).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_colleagues_say_that_somebody_lost_their_passkey_and_the_second_gets_the_link() {
    let folder = Folder::new();
    let site = folder.start().await;
    let delegate = delegate(&site).await;
    let (one, other) =
        (added(&site, &delegate, "one@x.example").await, added(&site, &delegate, "other@x.example").await);
    let lost = added(&site, &delegate, "lost@x.example").await;
    let stranger = site.person("stranger@y.example", Role::Referrer, None).await;
    assert_eq!(site.ask_bare(&one, &vouch("lost@x.example")).await.err(), Some(Refusal::FreshNeeded));
    assert_eq!(site.ask_as(&stranger, vouch("lost@x.example")).await.err(), Some(Refusal::NotFound), "no colleague");
    assert!(matches!(site.ask_as(&one, vouch("one@x.example")).await, Err(Refusal::Invalid(_))), "not for oneself");
    assert!(matches!(site.ask_as(&one, vouch("lost@x.example")).await, Ok(PageReply::Done)));
    assert!(matches!(site.ask_as(&one, vouch("lost@x.example")).await, Ok(PageReply::Done)), "one is not two");
    assert!(rows(&site, &other).await.iter().any(|row| row.email == "lost@x.example" && row.vouched_until.is_some()));
    assert!(site.ask_as(&lost, PageRequest::Me).await.is_ok(), "one word ends nothing");
    let Ok(PageReply::EnrolmentLink { token, .. }) = site.ask_as(&other, vouch("lost@x.example")).await else {
        panic!("no link")
    };
    assert_eq!(site.ask_as(&lost, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
    let again = site.with_passkey(&token).await;
    assert!(site.ask_as(&again, PageRequest::Me).await.is_ok());
    assert!(kinds(&site).await.contains(&"passkey-removed".to_owned()), "what was lost goes");
}

#[tokio::test(flavor = "multi_thread")]
async fn colleagues_reset_nobody_who_reads_more_than_they_do() {
    let folder = Folder::new();
    let site = folder.start().await;
    let delegate = delegate(&site).await;
    let one = added(&site, &delegate, "one@x.example").await;
    let _reader = added(&site, &delegate, "reader@x.example").await;
    site.relate("person:reader@x.example", "site", 3600).await;
    assert!(matches!(site.ask_as(&one, vouch("reader@x.example")).await, Err(Refusal::Invalid(_))));
    let (organisation, email) = of("reader@x.example");
    let reset = ask(AccountsRequest::ColleagueReset { organisation, email });
    assert!(matches!(site.ask_as(&delegate, reset).await, Err(Refusal::Invalid(_))));
}

fn vouch(email: &str) -> PageRequest {
    ask(AccountsRequest::Vouch { email: email.to_owned() })
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_that_somebody_lost_their_passkey_does_and_reaches_all_that_they_do() {
    let folder = Folder::new();
    let site = folder.start().await;
    let delegate = delegate(&site).await;
    let one = added_as(&site, &delegate, "one@x.example", Role::Technologist).await;
    let other = added_as(&site, &delegate, "other@x.example", Role::Technologist).await;
    let doctor = added(&site, &delegate, "doctor@x.example").await;
    let _lost = added(&site, &delegate, "lost@x.example").await;
    let _technologist = added_as(&site, &delegate, "tech@x.example", Role::Technologist).await;
    // technologists do less than a referrer does, and a delegate may more than a colleague
    assert!(matches!(site.ask_as(&one, vouch("lost@x.example")).await, Err(Refusal::Invalid(_))));
    assert!(matches!(site.ask_as(&doctor, vouch("delegate@x.example")).await, Err(Refusal::Invalid(_))));
    // a first word of somebody who left counts no more
    assert!(matches!(site.ask_as(&one, vouch("tech@x.example")).await, Ok(PageReply::Done)));
    let (organisation, email) = of("one@x.example");
    site.ask(PageRequest::Removals(RemovalRequest::Leave { email, organisation })).await;
    assert!(matches!(site.ask_as(&other, vouch("tech@x.example")).await, Ok(PageReply::Done)));
    // who is a member elsewhere too is so with patients of that organisation
    let email = "lost@x.example".to_owned();
    site.person("stranger@y.example", Role::Referrer, None).await;
    let organisation = "organisation of stranger@y.example".to_owned();
    site.ask(ask(AccountsRequest::Join { email, organisation })).await;
    assert!(matches!(site.ask_as(&doctor, vouch("lost@x.example")).await, Err(Refusal::Invalid(_))));
    assert!(!kinds(&site).await.contains(&"passkey-removed".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_alone_makes_nobody_a_colleague_and_who_joined_again_is_reset_by_nobody_for_two_weeks() {
    let folder = Folder::new();
    let site = folder.start_with(clock, audit::LedgerOptions::default()).await;
    let delegate = delegate(&site).await;
    let doctor = added(&site, &delegate, "doctor@x.example").await;
    // somebody of another organisation, who left it
    let _stranger = site.person("stranger@y.example", Role::Referrer, None).await;
    let (email, organisation) = ("stranger@y.example".to_owned(), "organisation of stranger@y.example".to_owned());
    site.ask(PageRequest::Removals(RemovalRequest::Leave { email: email.clone(), organisation })).await;
    let until = clock().plus_seconds(60);
    site.ask(ask(AccountsRequest::Until { email, until: Some(until) })).await;
    let answer = site.ask_as(&delegate, ask(colleague("stranger@y.example", Role::Referrer))).await;
    assert!(matches!(answer, Err(Refusal::Invalid(_))), "{answer:?}");
    assert_eq!(
        site.ask_as(&delegate, ask(colleague("doctor@x.example", Role::Referrer))).await.err(),
        Some(Refusal::Exists)
    );
    let PageReply::People(people) = site.ask(PageRequest::People).await else { panic!("no people") };
    let row = people.iter().find(|row| row.email == "stranger@y.example").unwrap();
    assert_eq!((row.until, row.organisations.len()), (Some(until), 0), "nothing of theirs changed");
    // a locum whose time was over comes again, with the passkey of before
    let _locum = added(&site, &delegate, "locum@x.example").await;
    let (organisation, email) = of("locum@x.example");
    let ends = AccountsRequest::ColleagueUntil { organisation, email, until: Some(until) };
    site.ask_as(&delegate, ask(ends)).await.unwrap();
    wait(61);
    site.keep_house();
    let again = colleague("locum@x.example", Role::Technologist);
    assert!(matches!(site.ask_as(&delegate, ask(again)).await, Err(Refusal::Invalid(_))), "in another role");
    let again = site.ask_as(&delegate, ask(colleague("locum@x.example", Role::Referrer))).await;
    assert!(matches!(again, Ok(PageReply::Done)), "without a link: {again:?}");
    let reset = || {
        let (organisation, email) = of("locum@x.example");
        ask(AccountsRequest::ColleagueReset { organisation, email })
    };
    assert!(matches!(site.ask_as(&delegate, reset()).await, Err(Refusal::Invalid(_))));
    assert!(matches!(site.ask_as(&doctor, vouch("locum@x.example")).await, Err(Refusal::Invalid(_))));
    let (organisation, email) = of("doctor@x.example");
    let other = ask(AccountsRequest::ColleagueReset { organisation, email });
    assert!(matches!(site.ask_as(&delegate, other).await, Ok(PageReply::EnrolmentLink { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_gets_its_link_from_an_administrator_and_not_from_colleagues() {
    let folder = Folder::new();
    let site = folder.start().await;
    let delegate = delegate(&site).await;
    let doctor = added(&site, &delegate, "doctor@x.example").await;
    let Ok(PageReply::EnrolmentLink { token, .. }) =
        site.ask_as(&delegate, ask(colleague("lost@x.example", Role::Referrer))).await
    else {
        panic!("no link")
    };
    let _lost = site.session("lost@x.example", &token).await;
    lock(&site, "lost@x.example").await;
    let (organisation, email) = of("lost@x.example");
    let reset = ask(AccountsRequest::ColleagueReset { organisation, email: email.clone() });
    let again = ask(colleague("lost@x.example", Role::Referrer));
    for (who, request) in [(&delegate, reset), (&doctor, vouch("lost@x.example")), (&delegate, again)] {
        let answer = site.ask_as(who, request).await;
        assert!(answer.is_err(), "{answer:?}");
    }
    assert!(matches!(site.ask(PageRequest::IssueEnrolment { email }).await, PageReply::EnrolmentLink { .. }));
}

/// A dump has the password of these tests beside an address.
pub async fn lock(site: &Site, email: &str) {
    let (login, password) = (SecretText::new(email.to_owned()), SecretText::new(PASSWORD.to_owned()));
    let candidates = vec![LeakCandidate { login, by_name: false, passwords: vec![password] }];
    let checked = match site.ask(PageRequest::Leaks(LeakRequest::Check { candidates })).await {
        PageReply::Leaks(reply) => *reply,
        other => panic!("{other:?}"),
    };
    let LeakReply::Checked(checked) = checked else { panic!("logins only") };
    assert_eq!(checked.verified.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_rule_holds_at_once_and_a_looser_one_waits_for_a_second_person() {
    let folder = Folder::new();
    let site = folder.start().await;
    let rule = model::ApprovalRule { delay_seconds: 60, setup_seconds: 0 };
    site.ask(PageRequest::Approvals(protocol::ApprovalRequest::Rule { rule })).await;
    let link = site.add_person("admin@x.example", Role::OfficerAdministrator, None).await;
    let admin = site.with_passkey(&link).await;
    let member = site.person("member@y.example", Role::Referrer, None).await;
    let organisation = "organisation of member@y.example".to_owned();
    let set =
        |rule: AuthenticatorRule| ask(AccountsRequest::Authenticators { organisation: organisation.clone(), rule });
    let strict = AuthenticatorRule { assurance: Some(Assurance::Aal3), ..Default::default() };
    assert_eq!(site.ask_bare(&admin, &set(strict.clone())).await.err(), Some(Refusal::FreshNeeded));
    assert!(matches!(site.ask_as(&admin, set(strict.clone())).await, Ok(PageReply::Done)));
    assert_eq!(
        site.ask_as(&member, PageRequest::Me).await.err(),
        Some(Refusal::SignedOut),
        "signed in with a password"
    );
    let loose = AuthenticatorRule { password_until: Some(now().plus_seconds(86_400)), ..Default::default() };
    assert!(matches!(site.ask_as(&admin, set(loose)).await, Ok(PageReply::Proposed(_))));
    let PageReply::Organisations(rows) = site.ask(PageRequest::Organisations).await else { panic!("none") };
    let row = rows.iter().find(|row| row.name == organisation).unwrap();
    assert_eq!((&row.rule, row.shut_out), (&strict, 1), "the rule of before, and whom it shuts out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_an_end_and_a_rule_hold_as_the_ledger_says_when_an_older_database_comes_back() {
    let folder = Folder::new();
    let site = folder.start().await;
    let _delegate = delegate(&site).await;
    site.stop().await;
    let database = folder.path().join("warden/warden.db");
    let kept = folder.path().join("older.db");
    std::fs::copy(&database, &kept).unwrap();
    let site = folder.start().await;
    let (organisation, email) = of("delegate@x.example");
    let take = AccountsRequest::Delegate { email: email.clone(), organisation: organisation.clone(), delegate: false };
    site.ask(ask(take)).await;
    let until = now().plus_seconds(3_600);
    site.ask(ask(AccountsRequest::Until { email, until: Some(until) })).await;
    let rule = AuthenticatorRule { device_bound: true, ..Default::default() };
    site.ask(ask(AccountsRequest::Authenticators { organisation, rule: rule.clone() })).await;
    site.stop().await;
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", database.display()));
    }
    std::fs::copy(&kept, &database).unwrap();
    let site = folder.start().await;
    let PageReply::People(rows) = site.ask(PageRequest::People).await else { panic!("no people") };
    assert_eq!((rows[0].delegate_of.len(), rows[0].until), (0, Some(until)));
    let PageReply::Organisations(rows) = site.ask(PageRequest::Organisations).await else { panic!("none") };
    assert_eq!(rows[0].rule, rule);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staff_list_is_compared_and_not_kept() {
    let folder = Folder::new();
    let site = folder.start().await;
    let officer = site.person("officer@x.example", Role::Officer, None).await;
    let reader = site.person("reader@x.example", Role::Referrer, None).await;
    let secret = "Katharina Unverwechselbar";
    let list = format!("name,email,role\n{secret},kathi@x.example,referrer\n");
    let census = ask(AccountsRequest::Census { list, unused_days: 90 });
    assert_eq!(site.ask_as(&reader, census.clone()).await.err(), Some(Refusal::NotAllowed));
    let Ok(PageReply::Census(report)) = site.ask_as(&officer, census).await else { panic!("no report") };
    assert_eq!((report.without_person.len(), report.without_account.len()), (2, 1));
    let entries = serde_json::to_string(&site.entries().await).unwrap();
    assert!(!entries.contains("Unverwechselbar"));
}
