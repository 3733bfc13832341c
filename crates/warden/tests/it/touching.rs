//! Fresh touches of people of these tests: their passkey, or their password with a code that was not used before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{LazyLock, Mutex};

use dpop::Thumbprint;
use model::{ApprovalRule, BreakGlassRule, EntryBody, Role, SignInMethod, Tier};
use protocol::{
    ApprovalRequest, Asking, Credential, Fresh, PageReply, PageRequest, Refusal, RemovalRequest, Shown, SignInReply,
    SignInRequest, act_of,
};

use crate::authenticator::Authenticator;
use crate::browser::{self, Sent};
use crate::site::{Folder, PASSWORD, Site, now, soon};

/// What somebody shows that they are there with.
enum Means {
    Passkey(Box<Authenticator>),
    /// Recovery codes that are left.
    Codes(Vec<String>),
}

/// By the session's token.
static MEANS: LazyLock<Mutex<HashMap<String, Means>>> = LazyLock::new(Mutex::default);

fn token(who: &Credential) -> Option<&str> {
    match who {
        Credential::Session { token, .. } => Some(token),
        _ => None,
    }
}

fn keep(who: &Credential, means: Means) {
    MEANS.lock().unwrap().insert(token(who).expect("a session").to_owned(), means);
}

pub fn keep_codes(who: &Credential, codes: &[String]) {
    keep(who, Means::Codes(codes.to_vec()));
}

/// A code that was not used yet, to sign in again.
pub fn next_code(who: &Credential) -> String {
    match MEANS.lock().unwrap().get_mut(token(who).expect("a session")).expect("means that are known") {
        Means::Codes(codes) => codes.pop().expect("a code is left"),
        Means::Passkey(_) => panic!("a passkey has no codes"),
    }
}

/// The act that a request is.
pub fn act(request: &PageRequest) -> Thumbprint {
    let Sent { method, path, query, body } = Sent::asking(Asking::Page(request));
    act_of(&method, &path, &query, &serde_json::from_slice(&body).unwrap_or_default())
}

/// A touch that does not hold.
pub fn nothing() -> Fresh {
    let shown = Shown::PasswordAndCode { password: String::new(), code: String::new() };
    Fresh { ceremony: String::new(), shown }
}

impl Site {
    /// Binds a passkey by a link and signs in with it.
    pub async fn with_passkey(&self, link: &str) -> Credential {
        let signer = dpop::Signer::generate();
        let key = signer.thumbprint();
        let mut authenticator = Authenticator::new(0);
        authenticator.credential_id = key.0.to_vec();
        browser::ORIGIN.clone_into(&mut authenticator.origin);
        "localhost".clone_into(&mut authenticator.rp_id);
        let begin = SignInRequest::EnrolPasskeyBegin { token: link.to_owned(), key };
        let Ok(SignInReply::Ceremony { ceremony, options, .. }) = self.sign_in(begin).await else { panic!("no link") };
        let (token, credential) = (link.to_owned(), authenticator.create(&options));
        let finish = SignInRequest::EnrolPasskeyFinish { token, ceremony, credential, label: "test".to_owned() };
        assert!(matches!(self.sign_in(finish).await, Ok(SignInReply::Enrolled { .. })));
        let Ok(SignInReply::Ceremony { ceremony, options, .. }) =
            self.sign_in(SignInRequest::PasskeyBegin { key }).await
        else {
            panic!("no ceremony")
        };
        let (credential, user_agent) = (authenticator.get(&options), "test".to_owned());
        let finish = SignInRequest::PasskeyFinish { ceremony, credential, user_agent };
        let Ok(SignInReply::SignedIn { token, me }) = self.sign_in(finish).await else { panic!("not signed in") };
        let who = browser::keep(&token, signer, me.session);
        keep(&who, Means::Passkey(Box::new(authenticator)));
        who
    }

    /// A touch for one act; of somebody who cannot begin one, a touch that does not hold.
    pub async fn touch(&self, who: &Credential, act: Thumbprint) -> Fresh {
        let begun = self.ask_bare(who, &PageRequest::FreshBegin { act }).await;
        let Ok(PageReply::FreshChallenge { ceremony, options, .. }) = begun else { return nothing() };
        let mut means = MEANS.lock().unwrap();
        let shown = match means.get_mut(token(who).expect("a session")).expect("means that are known") {
            Means::Passkey(authenticator) => {
                Shown::Passkey { credential: authenticator.get(&options.expect("a passkey")) }
            }
            Means::Codes(codes) => {
                let code = codes.pop().expect("a code is left");
                Shown::PasswordAndCode { password: PASSWORD.to_owned(), code }
            }
        };
        Fresh { ceremony, shown }
    }

    /// Asks as a page does: where a touch is wanted, the person gives it.
    pub async fn ask_as(&self, who: &Credential, request: PageRequest) -> Result<PageReply, Refusal> {
        match self.ask_bare(who, &request).await {
            Err(Refusal::FreshNeeded) => {
                let fresh = self.touch(who, act(&request)).await;
                self.ask_with(who, &request, &fresh).await
            }
            answer => answer,
        }
    }

    /// Asks without a touch.
    pub async fn ask_bare(&self, who: &Credential, request: &PageRequest) -> Result<PageReply, Refusal> {
        let credential = browser::signed(who, Asking::Page(request), &self.nonce().await);
        self.front.ask(soon(), credential, request.clone()).await.unwrap()
    }

    /// Asks with this touch.
    pub async fn ask_with(&self, who: &Credential, request: &PageRequest, fresh: &Fresh) -> Result<PageReply, Refusal> {
        let mut sent = Sent::asking(Asking::Page(request));
        let mut body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap_or_else(|_| serde_json::json!({}));
        body["fresh"] = serde_json::to_value(fresh).unwrap();
        sent.body = body.to_string().into_bytes();
        let credential = browser::signed_as(who, &sent, &self.nonce().await);
        self.front.ask(soon(), credential, request.clone()).await.unwrap()
    }
}

fn add(email: &str, role: Role) -> PageRequest {
    PageRequest::AddPerson {
        email: email.to_owned(),
        name: "Friend".to_owned(),
        role,
        organisation: "organisation of reader@x.example".to_owned(),
        password_and_code: true,
        own_record: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_proposes_a_change_wants_a_fresh_touch_for_exactly_this_request() {
    let folder = Folder::new();
    let site = folder.start().await;
    let rule = |delay_seconds| ApprovalRule { delay_seconds, setup_seconds: 0 };
    site.ask(PageRequest::Approvals(ApprovalRequest::Rule { rule: rule(600) })).await;
    let link = site.add_person("admin@x.example", Role::OfficerAdministrator, None).await;
    let admin = site.with_passkey(&link).await;
    let _reader = site.person("reader@x.example", Role::Referrer, None).await;
    let role = |role| PageRequest::Approvals(ApprovalRequest::Role { email: "reader@x.example".to_owned(), role });
    let whole_site = PageRequest::Relate {
        who: "person:reader@x.example".to_owned(),
        whom: "site".to_owned(),
        tier: Tier::Open,
        from: now(),
        until: now().plus_seconds(3_600),
        basis: "reading group".to_owned(),
    };
    let glass = BreakGlassRule { seconds_max: 3_600, review_seconds: 3_600 };
    let requests = [
        role(Role::Radiologist),
        PageRequest::Approvals(ApprovalRequest::Rule { rule: rule(60) }),
        PageRequest::Approvals(ApprovalRequest::BreakGlassRule { rule: glass }),
        whole_site,
        PageRequest::IssueEnrolment { email: "admin@x.example".to_owned() },
        add("friend@x.example", Role::Officer),
        PageRequest::Removals(RemovalRequest::ClosePerson { email: "admin@x.example".to_owned() }),
    ];
    let proposed = |entry: &model::Entry| matches!(entry.body, EntryBody::Proposed { .. });
    let before = site.entries().await.iter().filter(|entry| proposed(entry)).count();
    // a touch for a change that nobody asks for here
    let elsewhere = act(&role(Role::Technologist));
    for request in &requests {
        let bare = site.ask_bare(&admin, request).await.err();
        assert_eq!(bare, Some(Refusal::FreshNeeded), "{request:?}");
        for fresh in [nothing(), site.touch(&admin, elsewhere).await] {
            assert_eq!(site.ask_with(&admin, request, &fresh).await.err(), Some(Refusal::FreshNeeded), "{request:?}");
        }
    }
    assert_eq!(site.entries().await.iter().filter(|entry| proposed(entry)).count(), before, "nothing was proposed");
    // and each that came without one is an entry by name; those whose touch did not hold are counted
    let refused = refused_by(&site).await;
    let names: BTreeSet<&str> = refused.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["approvals: touch", "manage: touch", "removals: touch"]), "{refused:?}");
    assert_eq!(refused.values().sum::<usize>(), requests.len());

    let wanted = role(Role::Radiologist);
    let fresh = site.touch(&admin, act(&wanted)).await;
    assert!(site.ask_with(&admin, &wanted, &fresh).await.is_ok());
    assert_eq!(site.ask_with(&admin, &wanted, &fresh).await.err(), Some(Refusal::FreshNeeded), "a touch serves once");
    let entries = site.entries().await;
    let change = entries.iter().rposition(proposed).unwrap();
    let confirmed = |entry: &model::Entry| matches!(&entry.body, EntryBody::Confirmed { act: own, method: SignInMethod::Passkey, .. } if *own == act(&wanted).to_string());
    assert!(entries[..change].iter().any(confirmed), "the touch stands before what it was for");
    // what decides nothing by itself wants none
    assert!(site.ask_bare(&admin, &add("nurse@x.example", Role::Technologist)).await.is_ok());
}

/// Entries of requests that were refused, by what was tried and why.
async fn refused_by(site: &Site) -> BTreeMap<String, usize> {
    let mut refused = BTreeMap::new();
    for entry in site.entries().await {
        if let EntryBody::Refused { action, reason, .. } = entry.body {
            *refused.entry(format!("{action}: {reason}")).or_default() += 1;
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_with_somebody_elses_session_or_decision_is_one_entry() {
    let folder = Folder::new();
    let site = folder.start().await;
    let officer = site.person("officer@x.example", Role::OfficerAdministrator, None).await;
    let reader = site.person("reader@x.example", Role::Referrer, None).await;
    let Ok(PageReply::Me(me)) = site.ask_as(&officer, PageRequest::Me).await else { panic!("nobody") };
    for session in [me.session, model::SessionId([7; 16])] {
        let end = PageRequest::EndSession { session };
        assert_eq!(site.ask_bare(&reader, &end).await.err(), Some(Refusal::NotFound));
    }
    assert!(site.ask_as(&officer, PageRequest::Me).await.is_ok(), "it goes on");
    let (proposal, digest) = (model::EntryNumber(0), String::new());
    let approve = PageRequest::Approvals(ApprovalRequest::Approve { proposal, digest });
    assert_eq!(site.ask_bare(&reader, &approve).await.err(), Some(Refusal::NotAllowed));
    assert_eq!(site.ask_bare(&officer, &approve).await.err(), Some(Refusal::FreshNeeded));
    let expected = [("approvals: role", 1), ("approvals: touch", 1), ("sessions: reach", 2)];
    assert_eq!(refused_by(&site).await, expected.map(|(what, times)| (what.to_owned(), times)).into());
}
