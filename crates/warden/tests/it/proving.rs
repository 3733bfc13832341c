//! Proofs: what a cookie or a token is worth without the key, and what a proof is worth for anything else.

use dpop::{Claims, Signer, Thumbprint};
use model::{DeviceMay, EntryBody, Origin, ProofRefused, Role};
use protocol::{
    Asking, Credential, Level, ListRequest, OpenRequest, Order, PROTOCOL_VERSION, PageReply, PageRequest, Proof,
    Refusal, Scope, SignInReply, SignInRequest, TokenBinding,
};

use crate::browser::{self, Browser, ORIGIN, Sent};
use crate::sender::uid;
use crate::site::{Folder, PASSWORD, Site, soon};

fn worklist() -> ListRequest {
    let (level, order) = (Level::Study, Order::NewestFirst);
    ListRequest { level, matches: vec![], words: String::new(), order, offset: 0, limit: 50 }
}

fn with(credential: &Credential, proof: Proof) -> Credential {
    let Credential::Session { token, origin, .. } = credential else { panic!("a session") };
    Credential::Session { token: token.clone(), origin: origin.clone(), proof: Box::new(proof) }
}

fn browser_of(credential: &Credential) -> std::sync::Arc<Browser> {
    let Credential::Session { token, .. } = credential else { panic!("a session") };
    browser::of(token).unwrap()
}

async fn list(site: &Site, credential: &Credential) -> Result<usize, Refusal> {
    let reply = site.front.list(soon(), credential.clone(), worklist()).await.unwrap();
    reply.map(|reply| reply.studies.len())
}

/// What the ledger counts of refused proofs, by reason.
async fn refused(site: &Site) -> Vec<(String, u64)> {
    let mut refused = std::collections::BTreeMap::new();
    for entry in site.entries().await {
        if let EntryBody::ProofRefused(ProofRefused { reason, count, .. }) = entry.body {
            *refused.entry(reason).or_insert(0) += count;
        }
    }
    refused.into_iter().collect()
}

/// A radiologist with one patient of two.
async fn radiologist(folder: &Folder, site: &Site) -> Credential {
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1), sender.image("P2", "1.2.2", 1)]).await.unwrap();
    let session = site.person("a@x.example", Role::Radiologist, None).await;
    site.relate("person:a@x.example", "patient:HOSPITAL/P1", 3600).await;
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_without_its_key_opens_nothing_and_each_attempt_is_counted() {
    let folder = Folder::new();
    let site = folder.start().await;
    let session = radiologist(&folder, &site).await;
    let (own, nonce) = (browser_of(&session), site.nonce().await);
    let address = Sent::new("GET", "/api/studies", b"");
    assert_eq!(list(&site, &with(&session, own.proof(&address, &nonce))).await, Ok(1));

    let thief = Signer::generate();
    let by_thief = |session: Option<&str>| browser::sign(&thief, session, &address, &nonce);
    let other = Browser { signer: Signer::generate().into(), session: own.session };
    let elsewhere = Browser { signer: Signer::generate().into(), session: model::SessionId([1; 16]) };
    let bare = Proof { jwt: String::new(), ..own.proof(&address, &nonce) };
    let old = own.proof(&address, "a nonce of yesterday");
    let of_nobody = browser::sign(&own.signer, None, &address, &nonce);
    for (defect, proof, refusal) in [
        ("none", bare, Refusal::Proof),
        ("nonsense", Proof { jwt: "a.b.c".into(), ..own.proof(&address, &nonce) }, Refusal::Proof),
        ("a thief's key", by_thief(None), Refusal::Proof),
        ("a thief's key that names the session", by_thief(Some(&own.session.to_string())), Refusal::Proof),
        ("another browser", other.proof(&address, &nonce), Refusal::Proof),
        ("another session", elsewhere.proof(&address, &nonce), Refusal::Proof),
        ("the own key, for no session", of_nobody, Refusal::Proof),
        ("an old nonce", old, Refusal::ProofNonce),
    ] {
        assert_eq!(list(&site, &with(&session, proof)).await, Err(refusal), "{defect}");
    }
    let expected = [("holder", 1), ("key", 4), ("missing", 1), ("nonce", 1), ("shape", 1)];
    assert_eq!(refused(&site).await, expected.map(|(reason, count)| (reason.to_owned(), count)));
    // the person is as signed in as before
    assert_eq!(list(&site, &with(&session, own.proof(&address, &nonce))).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_for_what_was_signed_and_for_that_once() {
    let folder = Folder::new();
    let site = folder.start().await;
    let session = radiologist(&folder, &site).await;
    let (own, nonce) = (browser_of(&session), site.nonce().await);
    let address = Sent::new("GET", "/api/studies", b"");
    let proof = own.proof(&address, &nonce);
    assert_eq!(list(&site, &with(&session, proof.clone())).await, Ok(1));
    assert_eq!(list(&site, &with(&session, proof.clone())).await, Err(Refusal::Proof), "sent again");

    // as the front would have to change it
    let fresh = || own.proof(&address, &nonce);
    for (defect, proof) in [
        ("another query", Proof { query: "words=x".into(), ..fresh() }),
        ("another path", Proof { path: "/api/sessions".into(), ..fresh() }),
        ("another method", Proof { method: "POST".into(), ..fresh() }),
        ("a body", Proof { body: b"{}".to_vec(), ..fresh() }),
    ] {
        assert_eq!(list(&site, &with(&session, proof)).await, Err(Refusal::Proof), "{defect}");
    }
    // a message that the request does not ask for
    let narrow = own.proof(&Sent::new("GET", "/api/studies?words=nobody", b""), &nonce);
    assert_eq!(list(&site, &with(&session, narrow)).await, Err(Refusal::Proof));
    let open = OpenRequest { study: uid("1.2.1"), scope: Scope::Images };
    let opened = site.front.open(soon(), with(&session, fresh()), open.clone()).await.unwrap();
    assert_eq!(opened.err(), Some(Refusal::Proof));
    let other = own.proof(&Sent::new("GET", "/dicom-web/studies/1.2.2/thumbnail", b""), &nonce);
    let opened = site.front.open(soon(), with(&session, other), open.clone()).await.unwrap();
    assert_eq!(opened.err(), Some(Refusal::Proof));
    let listing = own.proof(&Sent::new("GET", "/dicom-web/studies/1.2.1/metadata", b""), &nonce);
    let opened = site.front.open(soon(), with(&session, listing), open.clone()).await.unwrap();
    assert_eq!(opened.err(), Some(Refusal::Proof), "metadata were asked for, not images");
    // within the running lease, too, each opening wants a proof of its own
    let image = own.proof(&Sent::new("GET", "/dicom-web/studies/1.2.1/thumbnail", b""), &nonce);
    let opened = site.front.open(soon(), with(&session, image.clone()), open.clone()).await.unwrap();
    assert_eq!(opened.unwrap().studies.len(), 1);
    let opened = site.front.open(soon(), with(&session, image), open).await.unwrap();
    assert_eq!(opened.err(), Some(Refusal::Proof));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_by_its_number_is_one_proof_for_all_that_its_page_shows() {
    let folder = Folder::new();
    let site = folder.start().await;
    let session = radiologist(&folder, &site).await;
    let (own, nonce) = (browser_of(&session), site.nonce().await);
    let sent = Sent::new("GET", "/api/studies/number/0", b"");
    let proof = with(&session, own.proof(&sent, &nonce));
    let number = PageRequest::StudyUid { study: model::StudyNumber(0) };
    assert!(matches!(
        site.front.ask(soon(), proof.clone(), number).await.unwrap(),
        Ok(PageReply::StudyUid(uid)) if uid.as_str() == "1.2.1"
    ));
    let of = |level, tag, value: &str| {
        let matches = vec![protocol::Match { tag, value: value.to_owned() }];
        ListRequest { level, matches, limit: 200, ..worklist() }
    };
    for level in [Level::Study, Level::Series] {
        let listed = site.front.list(soon(), proof.clone(), of(level, 0x0020_000d, "1.2.1")).await.unwrap();
        assert!(listed.is_ok(), "{level:?}");
        let again = site.front.list(soon(), proof.clone(), of(level, 0x0020_000d, "1.2.1")).await.unwrap();
        assert_eq!(again.err(), Some(Refusal::Proof), "{level:?}");
    }
    let other = site.front.list(soon(), proof.clone(), of(Level::Study, 0x0020_000d, "1.2.2")).await.unwrap();
    assert_eq!(other.err(), Some(Refusal::Proof));
    let other = site.front.list(soon(), proof, of(Level::Study, 0x0010_0020, "P2")).await.unwrap();
    assert_eq!(other.err(), Some(Refusal::Proof));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_alone_signs_nobody_out_and_a_session_whose_key_is_lost_is_ended_from_elsewhere() {
    let folder = Folder::new();
    let site = folder.start().await;
    let link = site.add_person("a@x.example", Role::Radiologist, None).await;
    let codes = site.enrol(&link).await;
    let lost = site.password("a@x.example", &codes[0]).await.unwrap();
    let other = site.password("a@x.example", &codes[1]).await.unwrap();
    let (own, nonce) = (browser_of(&lost), site.nonce().await);
    let Credential::Session { token, .. } = &lost else { panic!("a session") };
    let sign_out = |proof: Proof| SignInRequest::SignOut { token: token.clone(), proof: Box::new(proof) };
    let address = Sent::new("POST", "/api/sign-out", b"{}");
    let own_proof = || own.proof(&address, &nonce);
    let thief = browser::sign(&Signer::generate(), Some(&own.session.to_string()), &address, &nonce);
    for (defect, proof, refusal) in [
        ("none", Proof { jwt: String::new(), ..own_proof() }, Refusal::Proof),
        ("a thief's key that names the session", thief, Refusal::Proof),
        ("the same person's other browser", browser_of(&other).proof(&address, &nonce), Refusal::Proof),
        ("another body", Proof { body: b"{ }".to_vec(), ..own_proof() }, Refusal::Proof),
        ("what asked for a list", own.proof(&Sent::new("GET", "/api/studies", b""), &nonce), Refusal::Proof),
        ("what ended another session", own.proof(&Sent::new("POST", "/api/sessions", b"{}"), &nonce), Refusal::Proof),
        ("an old nonce", own.proof(&address, "a nonce of yesterday"), Refusal::ProofNonce),
    ] {
        assert_eq!(site.sign_in(sign_out(proof)).await.err(), Some(refusal), "{defect}");
        assert!(site.ask_as(&lost, PageRequest::Me).await.is_ok(), "{defect}: still signed in");
    }
    let counted: u64 = refused(&site).await.iter().map(|(_, count)| count).sum();
    assert_eq!(counted, 7);

    // whoever has no key any more ends the session where they have one
    site.ask_as(&other, PageRequest::EndSession { session: own.session }).await.unwrap();
    assert_eq!(site.ask_as(&lost, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
    assert_eq!(site.sign_in(sign_out(own_proof())).await.err(), Some(Refusal::SignedOut));
    site.sign_out(&other).await.unwrap();
    assert_eq!(site.ask_as(&other, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_takes_no_proof_of_before() {
    let folder = Folder::new();
    let site = folder.start().await;
    let session = radiologist(&folder, &site).await;
    let proof = browser_of(&session).proof(&Sent::new("GET", "/api/studies", b""), &site.nonce().await);
    site.stop().await;
    let site = folder.start().await;
    assert_eq!(list(&site, &with(&session, proof)).await, Err(Refusal::ProofNonce));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_brings_no_used_proof_back() {
    static LATER: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);
    fn clock() -> model::Instant {
        crate::site::now().plus_seconds(LATER.load(std::sync::atomic::Ordering::SeqCst))
    }
    let folder = Folder::new();
    let site = folder.start_with(clock, audit::LedgerOptions::default()).await;
    let session = site.person("a@x.example", Role::Radiologist, None).await;
    let (own, address) = (browser_of(&session), Sent::new("GET", "/api/studies", b""));
    let used = with(&session, own.proof(&address, &site.nonce().await));
    assert_eq!(list(&site, &used).await, Ok(0));
    for seconds in [200, 400] {
        LATER.store(seconds, std::sync::atomic::Ordering::SeqCst);
        let later = with(&session, own.proof(&address, &site.nonce().await));
        assert_eq!(list(&site, &later).await, Ok(0), "{seconds}");
    }
    LATER.store(0, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(list(&site, &used).await, Err(Refusal::Proof));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_alone_keeps_no_session_alive() {
    static LATER: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);
    fn clock() -> model::Instant {
        crate::site::now().plus_seconds(LATER.load(std::sync::atomic::Ordering::SeqCst))
    }
    let folder = Folder::new();
    let site = folder.start_with(clock, audit::LedgerOptions::default()).await;
    let session = site.person("a@x.example", Role::Radiologist, None).await;
    let Credential::Session { proof, .. } = &session else { panic!("a session") };
    let bare = with(&session, Proof { jwt: String::new(), ..(**proof).clone() });
    for minutes in [20, 29] {
        LATER.store(minutes * 60, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(list(&site, &bare).await, Err(Refusal::Proof));
    }
    LATER.store(31 * 60, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(site.ask_as(&session, PageRequest::Me).await.err(), Some(Refusal::SignedOut));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_signs_in_only_with_a_proof_of_the_browsers_key() {
    let folder = Folder::new();
    let site = folder.start().await;
    let link = site.add_person("a@x.example", Role::Radiologist, None).await;
    let codes = site.enrol(&link).await;
    let (signer, nonce) = (Signer::generate(), site.nonce().await);
    let right = browser::sign(&signer, None, &Sent::new("POST", "/api/sign-in/password", b"{}"), &nonce);
    let elsewhere = browser::sign(&signer, None, &Sent::new("POST", "/api/session", b"{}"), &nonce);
    let request = |proof: Proof| SignInRequest::Password {
        email: "a@x.example".into(),
        password: PASSWORD.into(),
        code: codes[0].clone(),
        user_agent: String::new(),
        proof: Box::new(proof),
    };
    for proof in [
        Proof { jwt: String::new(), ..right.clone() },
        Proof { body: b"{ }".to_vec(), ..right.clone() },
        Proof { path: "/api/session".into(), ..right.clone() },
        elsewhere,
    ] {
        assert_eq!(site.sign_in(request(proof)).await.err(), Some(Refusal::Proof));
    }
    assert!(matches!(site.sign_in(request(right.clone())).await, Ok(SignInReply::SignedIn { .. })));
    assert_eq!(site.sign_in(request(right)).await.err(), Some(Refusal::Proof), "sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_needs_what_it_is_bound_to() {
    let folder = Folder::new();
    let site = folder.start().await;
    let mut sender = folder.sender();
    site.hand_over(&[sender.image("P1", "1.2.1", 1)]).await.unwrap();
    site.reader("anchor").await;
    let signer = Signer::generate();
    let certificate = Thumbprint([5; 32]);
    let mut tokens = Vec::new();
    for (name, bound) in [
        ("by key", TokenBinding::Dpop(signer.thumbprint())),
        ("by certificate", TokenBinding::Certificate(certificate)),
    ] {
        let request = PageRequest::AddDevice {
            name: name.into(),
            organisation: "anchor clinic".into(),
            may: vec![DeviceMay::List, DeviceMay::Open],
            ae_title: None,
            from: vec![],
            token: true,
            bound: Some(bound),
            token_until: None,
        };
        let PageReply::DeviceAdded { token: Some(token), .. } = site.ask(request).await else { panic!("no token") };
        site.relate(&format!("device:{name}"), "patient:HOSPITAL/P1", 3600).await;
        tokens.push(token);
    }
    let [by_key, by_certificate] = tokens.as_slice() else { panic!("two tokens") };
    let nonce = site.nonce().await;
    let origin = || Origin("10.0.0.9".into());
    let proof_at = |signer: &Signer, token: &str, path: &str, query: &str| {
        let method = "GET";
        let address = format!("{ORIGIN}{path}");
        let claims = Claims {
            method,
            address: &address,
            nonce: &nonce,
            query: "",
            body: b"",
            session: None,
            token: Some(token),
        };
        let (jwt, key) = (signer.sign(&claims), Some(signer.thumbprint()));
        Proof { jwt, method: method.into(), path: path.into(), query: query.into(), body: vec![], key }
    };
    let proof = |signer: &Signer, token: &str| proof_at(signer, token, "/dicom-web/studies", "limit=50");
    let bound = |token: &str, proof: Option<Proof>, certificate| Credential::BoundToken {
        token: token.to_owned(),
        origin: origin(),
        proof: proof.map(Box::new),
        certificate,
    };
    let thief = Signer::generate();
    for (defect, credential) in [
        ("the token alone", Credential::DeviceToken { token: by_key.clone(), origin: origin() }),
        ("no proof", bound(by_key, None, None)),
        ("a certificate in its place", bound(by_key, None, Some(signer.thumbprint()))),
        ("another key", bound(by_key, Some(proof(&thief, by_key)), None)),
        ("a proof for another token", bound(by_key, Some(proof(&signer, by_certificate)), None)),
        ("the token alone", Credential::DeviceToken { token: by_certificate.clone(), origin: origin() }),
        ("no certificate", bound(by_certificate, None, None)),
        ("another certificate", bound(by_certificate, None, Some(Thumbprint([6; 32])))),
        ("a proof in its place", bound(by_certificate, Some(proof(&signer, by_certificate)), None)),
    ] {
        assert_eq!(list(&site, &credential).await, Err(Refusal::Proof), "{defect}");
    }
    let right = bound(by_key, Some(proof(&signer, by_key)), None);
    assert_eq!(list(&site, &right).await, Ok(1));
    assert_eq!(list(&site, &right).await, Err(Refusal::Proof), "sent again");
    assert_eq!(list(&site, &bound(by_certificate, None, Some(certificate))).await, Ok(1));

    // a front asks for nothing that the device did not: neither another study, nor another message
    let shown = |path: &str| bound(by_key, Some(proof_at(&signer, by_key, path, "")), None);
    let open = |study: &str, scope| OpenRequest { study: uid(study), scope };
    for (path, request) in [
        ("/dicom-web/studies/1.2.9/metadata", open("1.2.1", Scope::Listing)),
        ("/dicom-web/studies/1.2.1/metadata", open("1.2.1", Scope::Images)),
        ("/dicom-web/studies", open("1.2.1", Scope::Images)),
    ] {
        let opened = site.front.open(soon(), shown(path), request).await.unwrap();
        assert_eq!(opened.err(), Some(Refusal::Proof), "{path}");
    }
    assert_eq!(list(&site, &shown("/dicom-web/studies/1.2.1/metadata")).await, Err(Refusal::Proof));
    let opened = site.front.open(soon(), shown("/dicom-web/studies/1.2.1"), open("1.2.1", Scope::Images)).await;
    assert_eq!(opened.unwrap().unwrap().studies.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refused_proofs_does_not_flood_the_ledger() {
    let folder = Folder::new();
    let site = folder.start().await;
    let session = site.person("a@x.example", Role::Radiologist, None).await;
    let Credential::Session { proof, .. } = &session else { panic!("a session") };
    let bare = with(&session, Proof { jwt: String::new(), ..(**proof).clone() });
    let before = site.entries().await.len();
    for _ in 0..500 {
        assert_eq!(list(&site, &bare).await, Err(Refusal::Proof));
    }
    assert_eq!(refused(&site).await, [("missing".to_owned(), 500)]);
    assert_eq!(site.entries().await.len() - before, 2, "the first, and one with the count of the rest");
    let asking = Asking::Page(&PageRequest::Me);
    let signed = browser::signed(&session, asking, &site.nonce().await);
    assert!(site.front.ask(soon(), signed, PageRequest::Me).await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_of_another_version_is_told_which_one_this_is() {
    let folder = Folder::new();
    let site = folder.start().await;
    for version in [0, 1, PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1, u16::MAX] {
        let refused = site.front.hello(soon(), version).await.unwrap().err();
        assert_eq!(refused, Some(Refusal::Version { theirs: PROTOCOL_VERSION }), "{version}");
    }
    assert!(site.front.hello(soon(), PROTOCOL_VERSION).await.unwrap().is_ok());
}
