//! What one administrator cannot do around a change that two persons make: neither before it, nor while it waits, nor after.

use audit::LedgerOptions;
use model::{ApprovalRule, EntryBody, Role, Standing, Tier, What};
use protocol::{ApprovalRequest, Credential, PageReply, PageRequest, ProposalState, Refusal};

use crate::approving::{DELAY, approve, clock, look, proposed, role, role_of, set_up, two_persons, wait, whole_site};
use crate::site::{Folder, Site};

fn link(email: &str) -> PageRequest {
    PageRequest::IssueEnrolment { email: email.to_owned() }
}

async fn issued(site: &Site, who: &Credential, email: &str) -> String {
    match site.ask_as(who, link(email)).await {
        Ok(PageReply::EnrolmentLink { token, .. }) => token,
        other => panic!("no link: {other:?}"),
    }
}

/// Whether a link still works.
async fn works(site: &Site, token: &str) -> bool {
    site.sign_in(protocol::SignInRequest::EnrolmentLook { token: token.to_owned() }).await.is_ok()
}

fn member(email: &str, organisation: &str) -> PageRequest {
    PageRequest::AddPerson {
        email: email.to_owned(),
        name: "New member".to_owned(),
        role: Role::Referrer,
        organisation: organisation.to_owned(),
        password_and_code: true,
        own_record: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_site_is_set_up_a_session_has_none_of_the_owners_powers() {
    let folder = Folder::new();
    // set up for an hour, as `init` leaves it
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let admin = site.person("admin@x.example", Role::Administrator, None).await;
    let _officer = site.person("officer@x.example", Role::Officer, None).await;
    let _reader = site.person("reader@x.example", Role::Referrer, None).await;
    let rule = ApprovalRule { delay_seconds: 0, setup_seconds: 604_800 };
    for request in [
        role("admin@x.example", Role::OfficerAdministrator),
        PageRequest::Approvals(ApprovalRequest::Rule { rule }),
        whole_site("person:reader@x.example"),
    ] {
        let row = proposed(site.ask_as(&admin, request.clone()).await);
        assert_eq!(row.state, ProposalState::Open, "{request:?}");
        assert_eq!((row.need.standing, row.need.approvals), (Standing::TwoPersons, 1), "{request:?}");
    }
    assert_eq!(role_of(&site, "admin@x.example").await, Role::Administrator);
    let bodies: Vec<_> = site.entries().await.into_iter().map(|entry| entry.body).collect();
    assert!(!bodies.iter().any(|body| matches!(body, EntryBody::ApprovalRuleSet { .. })));
    let site_wide =
        |body: &EntryBody| matches!(body, EntryBody::Related { relationship } if relationship.what == What::Site);
    assert!(!bodies.iter().any(site_wide));
    // the owner of the machine does set it up
    let owners = site.ask(whole_site("person:reader@x.example")).await;
    assert!(matches!(owners, PageReply::Related { .. }), "{owners:?}");
    assert!(matches!(site.ask(role("reader@x.example", Role::Radiologist)).await, PageReply::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_or_a_passkey_from_before_a_promotion_is_nobodys_way_to_the_officers_account() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let reader = site.person("reader@x.example", Role::Referrer, None).await;
    let planted = issued(&site, &admin, "reader@x.example").await;
    let second = issued(&site, &admin, "reader@x.example").await;
    assert!(!works(&site, &planted).await && works(&site, &second).await);

    let row = proposed(site.ask_as(&admin, role("reader@x.example", Role::Officer)).await);
    // while it waits the reader is an officer already, as far as links go
    let waits = proposed(site.ask_as(&admin, link("reader@x.example")).await);
    assert_eq!(waits.need.standing, Standing::TwoPersons);
    proposed(approve(&site, &officer, &row).await);
    wait(DELAY + 1);
    assert!(matches!(look(&site, &row).await.state, ProposalState::CarriedOut { .. }));
    assert_eq!(role_of(&site, "reader@x.example").await, Role::Officer);

    assert!(!works(&site, &second).await, "the link from before");
    assert_eq!(site.ask_as(&reader, PageRequest::Findings).await.err(), Some(Refusal::SignedOut), "the session");
    let PageReply::People(rows) = site.ask(PageRequest::People).await else { panic!("no people") };
    let row = rows.iter().find(|row| row.email == "reader@x.example").unwrap();
    assert_eq!((row.passkeys, row.password), (0, false), "what was bound before");
    // one link was approved with the promotion, and no second
    let first = issued(&site, &admin, "reader@x.example").await;
    assert!(site.ask_as(&admin, link("reader@x.example")).await.is_err());
    assert!(works(&site, &first).await);

    // a start reads the same from the ledger
    site.stop().await;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    assert!(!works(&site, &second).await && works(&site, &first).await);
    assert_eq!(site.ask_as(&reader, PageRequest::Findings).await.err(), Some(Refusal::SignedOut));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_put_into_an_organisation_while_or_after_it_comes_to_read_the_site() {
    let folder = Folder::new();
    let site = set_up(&folder).await;
    let (officer, admin) = two_persons(&site).await;
    let group = "organisation of reader@x.example";
    let unused = site.add_person("reader@x.example", Role::Referrer, None).await;
    let other = site.add_person("other@x.example", Role::Referrer, None).await;
    let row = proposed(site.ask_as(&admin, whole_site(&format!("org:{group}"))).await);
    // during the delay
    let joins = proposed(site.ask_as(&admin, member("puppet@x.example", group)).await);
    assert_eq!(joins.need.standing, Standing::TwoPersons);
    proposed(site.ask_as(&admin, link("reader@x.example")).await);
    assert!(works(&site, &unused).await);
    proposed(approve(&site, &officer, &row).await);
    wait(DELAY + 1);
    assert!(matches!(look(&site, &row).await.state, ProposalState::CarriedOut { .. }));
    // a link from before gives nobody the whole site; another's stays
    assert!(!works(&site, &unused).await);
    assert!(works(&site, &other).await);
    site.stop().await;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    assert!(!works(&site, &unused).await);
    assert!(works(&site, &other).await);
    let PageReply::People(rows) = site.ask(PageRequest::People).await else { panic!("no people") };
    assert!(!rows.iter().any(|row| row.email == "puppet@x.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_a_site_that_is_set_up_outlive_its_relationships() {
    let folder = Folder::new();
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    let link = site.add_person("reader@x.example", Role::Radiologist, None).await;
    let request = PageRequest::Relate {
        who: "org:organisation of reader@x.example".to_owned(),
        whom: "site".to_owned(),
        tier: Tier::Open,
        from: clock(),
        until: clock().plus_seconds(90_000),
        basis: "reads here".to_owned(),
    };
    assert!(matches!(site.ask(request).await, PageReply::Related { .. }));
    site.stop().await;
    let site = folder.start_with(clock, LedgerOptions::default()).await;
    assert!(works(&site, &link).await);
}
