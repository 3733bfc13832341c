//! A front that was taken over, and share links: what it gets that saw a link's address, that saw a whole visit, and that would like
//! to make links of its own. It speaks to the warden's socket as a front does.

use dpop::{Claims, Signer};
use model::{Actor, EntryBody, LinkEnd, LinkFor, LinkId, LinkWrong, Origin, Uid};
use phantom::uid;
use protocol::{
    Credential, Invalid, Level, LinkRequest, ListReply, ListRequest, OpenReply, OpenRequest, Order, PROTOCOL_VERSION,
    PageReply, PageRequest, Proof, Refusal, Scope, SharedStudy, SignInReply, SignInRequest, WardenClient, context,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::people::entries;
use crate::installation::Installation;
use crate::persons::Person;
use crate::sharing::{Guest, patient, share, study, with_images};

/// Codes that are tried one after the other without a pause.
const GUESSES: u32 = 30;
/// Links that are made up.
const MADE_UP: usize = 50;
const DAY_SECONDS: i64 = 86_400;

/// What holds the front's place at the warden's socket.
struct Front {
    runtime: Runtime,
    warden: WardenClient,
    origin: String,
    nonce: String,
}

/// A session in which a link is open, with the key that it is bound to.
struct Opened {
    token: String,
    shown: SharedStudy,
    key: Signer,
}

impl Front {
    fn of(site: &Installation) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let socket = site.dir().join("run/warden.sock");
        let (warden, nonce) = runtime.block_on(async {
            let warden = protocol::connect(&socket).await.unwrap();
            let hello = warden.hello(context::current(), PROTOCOL_VERSION).await.unwrap().unwrap();
            (warden, hello.proof_nonces[0].clone())
        });
        let origin = format!("http://localhost:{}", site.http().port());
        Self { runtime, warden, origin, nonce }
    }

    fn proof(&self, key: &Signer, session: Option<&str>, method: &str, path: &str, body: &[u8]) -> Proof {
        let address = format!("{}{path}", self.origin);
        let claims = Claims { method, address: &address, nonce: &self.nonce, query: "", body, session, token: None };
        self.shown(key.sign(&claims), method, path, body, key)
    }

    /// A front says of every proof that it holds for the key that it likes.
    fn shown(&self, jwt: String, method: &str, path: &str, body: &[u8], key: &Signer) -> Proof {
        let (method, path, query, body) = (method.to_owned(), path.to_owned(), String::new(), body.to_owned());
        Proof { jwt, method, path, query, body, key: Some(key.thumbprint()) }
    }

    fn open_with(&self, proof: Proof, secret: &str, code: &str) -> Result<(String, SharedStudy), Refusal> {
        let request =
            SignInRequest::OpenLink { secret: secret.to_owned(), code: code.to_owned(), proof: Box::new(proof) };
        let answer = self.runtime.block_on(self.warden.sign_in(context::current(), from_here(), request)).unwrap();
        answer.map(|reply| match reply {
            SignInReply::LinkOpened { token, shown } => (token, *shown),
            other => panic!("{other:?}"),
        })
    }

    /// Opens a link with a key of the front's own.
    fn open_link(&self, secret: &str, code: &str) -> Result<Opened, Refusal> {
        let key = Signer::generate();
        let body = json!({ "secret": secret, "code": code }).to_string();
        let proof = self.proof(&key, None, "POST", "/api/link/open", body.as_bytes());
        let (token, shown) = self.open_with(proof, secret, code)?;
        Ok(Opened { token, shown, key })
    }

    fn as_opened(&self, by: &Opened, method: &str, path: &str, body: &[u8]) -> Credential {
        session(&by.token, self.proof(&by.key, Some(&by.shown.session.to_string()), method, path, body))
    }

    fn list(&self, credential: Credential) -> Result<ListReply, Refusal> {
        let order = Order::NewestFirst;
        let request =
            ListRequest { level: Level::Study, matches: vec![], words: String::new(), order, offset: 0, limit: 50 };
        self.runtime.block_on(self.warden.list(context::current(), credential, request)).unwrap()
    }

    fn open(&self, credential: Credential, study: &str) -> Result<OpenReply, Refusal> {
        let request = OpenRequest { study: Uid::parse(study).unwrap(), scope: Scope::Images };
        self.runtime.block_on(self.warden.open(context::current(), credential, request)).unwrap()
    }

    fn ask(&self, credential: Credential, request: PageRequest) -> Result<PageReply, Refusal> {
        self.runtime.block_on(self.warden.ask(context::current(), credential, request)).unwrap()
    }

    /// What of everything that there is a session gets: UIDs of listed and of opened studies.
    fn harvest(&self, by: &Opened) -> (Vec<String>, Vec<String>) {
        let listed = self.list(self.as_opened(by, "GET", "/api/studies", b"")).map_or(vec![], |reply| reply.studies);
        let opened = everything().into_iter().filter(|study| {
            let credential = self.as_opened(by, "GET", &format!("/dicom-web/studies/{study}"), b"");
            self.open(credential, study).is_ok()
        });
        (listed.iter().map(|row| row.uid.to_string()).collect(), opened.collect())
    }
}

fn from_here() -> Origin {
    Origin("127.0.0.1".into())
}

fn session(token: &str, proof: Proof) -> Credential {
    Credential::Session { token: token.to_owned(), origin: from_here(), proof: Box::new(proof) }
}

/// Every study of the installation.
fn everything() -> [String; 3] {
    [study(), uid(&[9, 1, 2]), uid(&[9, 2, 1])]
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

fn making(study: &str, purpose: LinkFor, days: i64, browsers: u8) -> PageRequest {
    let (study, note, seconds) = (Uid::parse(study).unwrap(), "Dr. Away".to_owned(), days * DAY_SECONDS);
    PageRequest::Links(LinkRequest::Make { study, purpose, seconds, browsers, note })
}

#[test]
fn a_front_that_saw_a_link_and_not_its_code_gets_nothing_and_each_code_that_it_tries_is_counted() {
    let site = with_images();
    let person = patient(&site);
    let link = share(&person, &study());
    let (secret, code) = (text(&link, "secret"), text(&link, "code"));
    let front = Front::of(&site);
    let before = entries(&site).len();

    // the secret in place of a session
    let key = Signer::generate();
    for token in [secret, code, "0"] {
        let proof = |path: &str| session(token, front.proof(&key, Some(secret), "GET", path, b""));
        assert!(front.list(proof("/api/studies")).is_err());
        for study in everything() {
            assert!(front.open(proof(&format!("/dicom-web/studies/{study}")), &study).is_err(), "{study}");
        }
        for request in [LinkRequest::Shown, LinkRequest::Own, LinkRequest::All { of: String::new() }] {
            assert!(front.ask(proof("/api/link"), PageRequest::Links(request)).is_err());
        }
    }
    // links that nobody made
    for number in 0..MADE_UP {
        let refused = front.open_link(&format!("{number:043}"), code).err();
        assert_eq!(refused, Some(Refusal::Invalid(Invalid::ShareLink)));
    }
    let of_links = |site: &Installation| {
        let entries = entries(site).split_off(before).into_iter();
        entries.filter(|entry| matches!(entry.body, EntryBody::LinkRefused(_) | EntryBody::LinkOpened(_))).count()
    };
    assert_eq!(of_links(&site), 0, "whoever has no secret is counted nowhere");

    // codes, as fast as they can be sent; one proof is good for one of them
    let (mut counted, mut waited) = (0, 0);
    for guess in 0..GUESSES {
        let guess = format!("{guess:08}");
        assert_ne!(guess, code);
        match front.open_link(secret, &guess).err() {
            Some(Refusal::Invalid(Invalid::LinkCode { left })) => {
                counted += 1;
                assert_eq!(left, 10 - counted);
            }
            Some(Refusal::Throttled { .. }) => waited += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(counted >= 3 && waited > 0, "{counted} codes were looked at, {waited} had to wait");
    let mut tries = Vec::new();
    for entry in entries(&site).split_off(before) {
        match entry.body {
            EntryBody::LinkRefused(refused) => {
                assert_eq!((refused.link, refused.wrong), (LinkId(0), LinkWrong::Code));
                tries.push(refused.tries);
            }
            body => assert!(
                !matches!(body, EntryBody::LinkOpened(_)) && body.released().is_none(),
                "nothing was released: {body:?}"
            ),
        }
    }
    assert_eq!(tries, (1..=counted).collect::<Vec<_>>(), "each is an entry");
    assert_eq!(person.get("/api/links").json()["rows"][0]["tries"], counted, "the maker sees them");
    println!("a front with a link and no code: {counted} codes counted, {waited} kept waiting, nothing read");
}

#[test]
fn a_front_that_saw_one_visit_gets_that_one_study_in_so_many_browsers_and_nothing_once_it_is_revoked() {
    let site = with_images();
    let person = patient(&site);
    let (link, unseen) = (share(&person, &study()), share(&person, &uid(&[9, 1, 2])));
    let guest = Guest::opened(&site, &link);
    assert_eq!(guest.get("/api/link").status, 200);
    assert_eq!(guest.get(&format!("/dicom-web/studies/{}/thumbnail", study())).status, 200);
    // all of this went through it
    let (secret, code) = (text(&link, "secret"), text(&link, "code"));
    let (token, sent) = (guest.0.borrow().token.clone(), guest.0.borrow().sent.clone());
    let front = Front::of(&site);

    // the visitor's cookie with what their browser signed, and with a key of the front's own
    let own = Signer::generate();
    for sent in &sent {
        let replayed = || session(&token, front.shown(sent.jwt.clone(), &sent.method, &sent.path, b"", &own));
        assert!(front.list(replayed()).is_err());
        everything().iter().for_each(|study| assert!(front.open(replayed(), study).is_err(), "{} {study}", sent.path));
    }
    let path = format!("/dicom-web/studies/{}", study());
    let bound = front.proof(&own, Some(&guest.0.borrow().session), "GET", &path, b"");
    assert_eq!(front.open(session(&token, bound), &study()).err(), Some(Refusal::Proof));

    // secret and code are what the link takes: the front opens it in its own browsers, that one study and no other
    let sessions: Vec<Opened> = (0..2).map(|_| front.open_link(secret, code).unwrap()).collect();
    for by in &sessions {
        assert_eq!(front.harvest(by), (vec![study()], vec![study()]));
        for (method, path, request) in [
            ("GET", "/api/session", PageRequest::Me),
            ("GET", "/api/my/studies", PageRequest::MyStudies),
            ("GET", "/api/my/accesses", PageRequest::MyAccesses),
            ("GET", "/api/people", PageRequest::People),
            ("GET", "/api/links", PageRequest::Links(LinkRequest::Own)),
            ("GET", "/api/links/all", PageRequest::Links(LinkRequest::All { of: String::new() })),
            ("DELETE", "/api/links", PageRequest::Links(LinkRequest::EndOwn)),
            ("DELETE", "/api/links/1", PageRequest::Links(LinkRequest::End { link: LinkId(1) })),
        ] {
            let answer = front.ask(front.as_opened(by, method, path, b""), request);
            assert_eq!(answer.err(), Some(Refusal::NotAllowed), "{path}");
        }
        let body = json!({ "purpose": "outside", "seconds": DAY_SECONDS, "browsers": 1, "note": "Dr. Away" });
        let credential =
            front.as_opened(by, "POST", &format!("/api/studies/{}/links", study()), body.to_string().as_bytes());
        assert!(front.ask(credential, making(&study(), LinkFor::Outside, 1, 1)).is_err(), "no link is made by a link");
    }
    // as many browsers as the maker allowed, the visitor's among them
    assert_eq!(front.open_link(secret, code).err(), Some(Refusal::Invalid(Invalid::LinkBrowsers)));
    // what it saw is of no use for another link of the same patient
    let other = front.open_link(text(&unseen, "secret"), code).err();
    assert_eq!(other, Some(Refusal::Invalid(Invalid::LinkCode { left: 9 })));

    // the maker reads of three openings where there was one visit, and ends the link
    let row = person.get("/api/links").json()["rows"][1].clone();
    assert_eq!((&row["link"], &row["openings"], &row["browsers"]), (&json!(0), &json!(3), &json!(3)));
    assert_eq!(person.delete("/api/links/0").status, 204);
    let revoked = entries(&site).len();
    for by in &sessions {
        assert_eq!(front.harvest(by), (vec![], vec![]), "at once");
        let credential = front.as_opened(by, "GET", &path, b"");
        assert_eq!(front.open(credential, &study()).err(), Some(Refusal::SignedOut));
    }
    assert_eq!(front.open_link(secret, code).err(), Some(Refusal::Invalid(Invalid::ShareLink)));
    let body = json!({ "secret": secret, "code": code }).to_string();
    let known = front.proof(&sessions[0].key, None, "POST", "/api/link/open", body.as_bytes());
    let known = front.open_with(known, secret, code).err();
    assert_eq!(known, Some(Refusal::Invalid(Invalid::ShareLink)), "nor in a browser that opened it before");

    let all = entries(&site);
    let shown = all.iter().filter(|entry| matches!(entry.actor, Actor::Link { .. }));
    for entry in shown.filter(|entry| entry.body.released().is_some()) {
        assert!(matches!(entry.actor, Actor::Link { link: LinkId(0), .. }), "{entry:?}");
    }
    let later = all[revoked..].iter().filter(|entry| entry.body.released().is_some()).count();
    assert_eq!(later, 0, "nothing was released after the end");
    let ended = EntryBody::LinkEnded { link: LinkId(0), end: LinkEnd::Revoked };
    assert_eq!(all.iter().filter(|entry| entry.body == ended).count(), 1);
    let exposure = site.ok(&["exposure", "link:0", "--from", "1d", "--to", "now"]);
    assert_eq!(exposure["opened"], json!({ "patients": 1, "studies": 1 }), "what it took is told");
}

#[test]
fn a_front_makes_no_link_but_the_very_one_that_its_maker_touched_for() {
    let site = with_images();
    site.ok(&["org", "add", "Practice"]);
    let add =
        ["person", "add", "doctor@x.example", "--name", "Dr. Own", "--role", "referrer", "--organisation", "Practice"];
    let enrolment = text(&site.ok(&add), "enrolment").to_owned();
    for patient in ["patient:DEMO/M00000001", "patient:DEMO/M00000002"] {
        site.ok(&["relate", "person:doctor@x.example", patient, "--until", "90d", "--basis", "referral"]);
    }
    let doctor = Person::with_passkey(&site, &enrolment);
    for study in everything() {
        assert_eq!(doctor.get(&format!("/dicom-web/studies/{study}/thumbnail")).status, 200);
    }
    let front = Front::of(&site);
    let (token, sent) = (doctor.browser().token.clone(), doctor.browser().sent.clone());
    let made =
        |site: &Installation| entries(site).iter().filter(|entry| matches!(entry.body, EntryBody::LinkMade(_))).count();
    let path = format!("/api/studies/{}/links", study());
    let wanted = json!({ "purpose": "outside", "seconds": DAY_SECONDS, "browsers": 1, "note": "Dr. Away" });
    let plain = wanted.to_string();
    let own = Signer::generate();
    let mine = || making(&study(), LinkFor::Outside, 1, 1);

    // by itself: as the owner, without a proof, with one of its own, with every one that went through it
    assert!(front.ask(Credential::Owner, mine()).is_err());
    let none = front.shown(String::new(), "POST", &path, plain.as_bytes(), &own);
    assert_eq!(front.ask(session(&token, none), mine()).err(), Some(Refusal::Proof));
    let forged = front.proof(&own, Some(&doctor.session()), "POST", &path, plain.as_bytes());
    assert_eq!(front.ask(session(&token, forged), mine()).err(), Some(Refusal::Proof));
    for sent in &sent {
        let replayed = front.shown(sent.jwt.clone(), "POST", &path, plain.as_bytes(), &own);
        assert_eq!(front.ask(session(&token, replayed), mine()).err(), Some(Refusal::Proof), "{}", sent.path);
    }
    // with an altered page: the browser signs what the front wants, and nobody touched anything
    let signs = |path: &str, body: &str| {
        let jwt = doctor.browser().sign("POST", path, "", body.as_bytes(), &front.nonce);
        session(&token, front.shown(jwt, "POST", path, body.as_bytes(), &own))
    };
    assert_eq!(front.ask(signs(&path, &plain), mine()).err(), Some(Refusal::FreshNeeded));
    assert_eq!(made(&site), 0);

    // somebody touches for one link: it serves no other study, no longer time, no further browser, no other act
    let touched = |touch: &Value, of: &Value| {
        let mut body = of.clone();
        body["fresh"] = touch.clone();
        body.to_string()
    };
    let touch = doctor.touch(&path, &wanted);
    let signed = touched(&touch, &wanted);
    for (study, purpose, days, browsers) in [
        (uid(&[9, 1, 2]), LinkFor::Outside, 1, 1),
        (uid(&[9, 2, 1]), LinkFor::Outside, 1, 1),
        (study(), LinkFor::Room, 1, 1),
        (study(), LinkFor::Outside, 30, 1),
        (study(), LinkFor::Outside, 1, 10),
    ] {
        let answer = front.ask(signs(&path, &signed), making(&study, purpose, days, browsers));
        assert_eq!(answer.err(), Some(Refusal::Proof), "other than what was signed: {study} {days} {browsers}");
    }
    for (study, days, browsers) in [(uid(&[9, 1, 2]), 1, 1), (study(), 30, 1), (study(), 1, 10)] {
        let body =
            json!({ "purpose": "outside", "seconds": days * DAY_SECONDS, "browsers": browsers, "note": "Dr. Away" });
        let credential = signs(&format!("/api/studies/{study}/links"), &touched(&touch, &body));
        let answer = front.ask(credential, making(&study, LinkFor::Outside, days, browsers));
        assert!(answer.is_err(), "signed by an altered page, and touched for another: {study} {days} {browsers}");
    }
    assert_eq!(made(&site), 0);
    let touch = doctor.touch(&path, &wanted);
    let credential = signs(&path, &touched(&touch, &wanted));
    let answer = front.ask(credential.clone(), mine());
    assert!(matches!(answer, Ok(PageReply::LinkMade(_))), "what was touched for");
    assert!(front.ask(credential, mine()).is_err(), "and once");
    assert!(front.ask(signs(&path, &touched(&touch, &wanted)), mine()).is_err(), "one touch, one link");
    assert_eq!(made(&site), 1);
}
