//! What the hostile process does with what a front holds.

mod acts;
mod present;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use dpop::{Claims, Signer, Thumbprint};
use model::{Origin, Uid};
use protocol::{
    Credential, Level, ListReply, ListRequest, OpenReply, OpenRequest, Order, PROTOCOL_VERSION, PageReply, PageRequest,
    Proof, Refusal, Scope, SignInReply, SignInRequest, WardenClient, context,
};
use serde_json::{Value, json};

/// Sessions that are made up.
const MADE_UP: usize = 200;

/// Asks the people's side.
struct Talk {
    answers: BufReader<UnixStream>,
    asks: UnixStream,
}

impl Talk {
    fn ask(&mut self, asked: &Value) -> Value {
        writeln!(self.asks, "{asked}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

struct Front {
    talk: Talk,
    warden: WardenClient,
    origin: String,
    nonce: String,
    /// The front's own key.
    own: Signer,
    memory: Value,
    /// Attempts that a proof must stop.
    proofs: u64,
    /// Attempts of present people's browsers that were refused, by what was tried and why: words of the ledger.
    refused: BTreeMap<String, u64>,
}

/// A request that a proof was made for.
#[derive(Clone)]
struct Signed {
    method: String,
    path: String,
    query: String,
    body: String,
    jwt: String,
}

pub fn attack(talk: &str) {
    let stream = UnixStream::connect(talk).unwrap();
    let mut talk = Talk { answers: BufReader::new(stream.try_clone().unwrap()), asks: stream };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let memory = talk.ask(&json!({ "ask": "memory" }));
        let (warden, nonce) = connect(&memory).await;
        let origin = memory["origin"].as_str().unwrap().to_owned();
        let mut front =
            Front { talk, warden, origin, nonce, own: Signer::generate(), memory, proofs: 0, refused: BTreeMap::new() };
        let mut results = json!({});
        front.as_absent_people(&mut results).await;
        front.acts_of_absent_people(&mut results).await;
        front.as_nobody(&mut results).await;
        front.as_the_owner(&mut results).await;
        front.as_a_device(&mut results).await;
        front.as_present_people(&mut results).await;
        front.acts_of_present_people(&mut results).await;
        front.as_who_reaches_everybody(&mut results).await;
        front.at_a_sign_in(&mut results).await;
        front.with_what_was_withheld(&mut results).await;
        results["proof_attempts"] = front.proofs.into();
        results["refused"] = json!(front.refused);
        results["printed"] = printed(&results).into();
        front.talk.ask(&json!({ "ask": "end", "results": results }));
    });
}

async fn connect(memory: &Value) -> (WardenClient, String) {
    let warden = protocol::connect(Path::new(memory["warden"].as_str().unwrap())).await.unwrap();
    let hello = warden.hello(soon(), PROTOCOL_VERSION).await.unwrap().unwrap();
    (warden, hello.proof_nonces[0].clone())
}

/// A deadline that a busy machine keeps too: a budget lets whoever reads much wait for seconds.
fn soon() -> context::Context {
    let mut soon = context::current();
    soon.deadline = Instant::now() + Duration::from_secs(60);
    soon
}

fn origin() -> Origin {
    Origin("127.0.0.1".into())
}

fn session(token: &str, signed: &Signed) -> Credential {
    let Signed { method, path, query, body, jwt } = signed.clone();
    // a hostile front says that every proof holds
    let key = Some(Thumbprint([9; 32]));
    let proof = Box::new(Proof { jwt, method, path, query, body: body.into_bytes(), key });
    Credential::Session { token: token.to_owned(), origin: origin(), proof }
}

fn everything(words: &str) -> ListRequest {
    let order = Order::NewestFirst;
    ListRequest { level: Level::Study, matches: vec![], words: words.to_owned(), order, offset: 0, limit: 50 }
}

impl Front {
    async fn list(&self, credential: &Credential, request: ListRequest) -> Result<ListReply, Refusal> {
        self.warden.list(soon(), credential.clone(), request).await.unwrap()
    }

    async fn open(&self, credential: &Credential, study: &str) -> Result<OpenReply, Refusal> {
        let request = OpenRequest { study: Uid::parse(study).unwrap(), scope: Scope::Images };
        self.warden.open(soon(), credential.clone(), request).await.unwrap()
    }

    /// Tries a list, an opening and pages with one credential; what came out: rows, keys, pages.
    async fn try_all(&mut self, credential: &Credential, study: &str) -> (u64, u64, u64) {
        let (mut rows, mut keys, mut pages) = (0, 0, 0);
        self.proofs += 6;
        rows += self.list(credential, everything("")).await.map_or(0, |reply| reply.studies.len() as u64);
        keys += self.open(credential, study).await.map_or(0, |reply| reply.studies.len() as u64);
        let act = Thumbprint([1; 32]);
        let requests = [
            PageRequest::Me,
            PageRequest::MyStudies,
            PageRequest::Sessions { person: None },
            PageRequest::FreshBegin { act },
        ];
        for request in requests {
            pages += u64::from(self.warden.ask(soon(), credential.clone(), request).await.unwrap().is_ok());
        }
        (rows, keys, pages)
    }

    async fn ask(&self, credential: &Credential, request: PageRequest) -> Result<PageReply, Refusal> {
        self.warden.ask(soon(), credential.clone(), request).await.unwrap()
    }

    /// A proof of the front's own key for somebody's session.
    fn own_proof(&self, session: &str, method: &str, path: &str, body: &str) -> Signed {
        let address = format!("{}{path}", self.origin);
        let (nonce, session, body_bytes) = (&self.nonce, Some(session), body.as_bytes());
        let claims = Claims { method, address: &address, nonce, query: "", body: body_bytes, session, token: None };
        let jwt = self.own.sign(&claims);
        Signed { method: method.into(), path: path.into(), query: String::new(), body: body.into(), jwt }
    }

    fn people(&self, present: bool) -> Vec<(usize, Value)> {
        let people = self.memory["people"].as_array().unwrap().iter().cloned().enumerate();
        people.filter(|(_, person)| person["present"] == present).collect()
    }

    /// With cookies and proofs that went through: as they are, for other requests, in other hands.
    async fn as_absent_people(&mut self, results: &mut Value) {
        let absent = self.people(false);
        let (mut rows, mut keys, mut pages) = (0, 0, 0);
        let mut add = |(r, k, p): (u64, u64, u64)| {
            rows += r;
            keys += k;
            pages += p;
        };
        for (_, person) in &absent {
            let token = person["token"].as_str().unwrap();
            let (own, other) = (person["studies"][0].as_str().unwrap(), person["studies"][1].as_str().unwrap());
            let sent: Vec<Signed> = person["sent"].as_array().unwrap().iter().map(signed_of).collect();
            let [.., listed, opened] = sent.as_slice() else { panic!("a list and an opening") };
            // no proof, and one of the front's own key
            let none = Signed { jwt: String::new(), ..listed.clone() };
            for study in [own, other] {
                add(self.try_all(&session(token, &none), study).await);
            }
            let mine = self.own_proof(person["session"].as_str().unwrap(), "GET", "/api/studies", "");
            add(self.try_all(&session(token, &mine), own).await);
            // the proofs that went through, sent again, and for everything else
            for captured in [listed, opened] {
                add(self.try_all(&session(token, captured), own).await);
                add(self.try_all(&session(token, captured), other).await);
                for (method, path, query) in [
                    ("GET", captured.path.as_str(), "words=a"),
                    ("GET", "/api/studies", ""),
                    ("GET", "/api/session", captured.query.as_str()),
                    ("POST", captured.path.as_str(), captured.query.as_str()),
                    ("GET", &format!("/dicom-web/studies/{other}/thumbnail"), ""),
                ] {
                    let (method, path, query) = (method.into(), path.into(), query.into());
                    let altered = Signed { method, path, query, ..captured.clone() };
                    add(self.try_all(&session(token, &altered), other).await);
                }
            }
            // somebody else's cookie with this one's proof
            let (_, neighbour) = &absent[0];
            if neighbour["token"] != person["token"] {
                add(self.try_all(&session(neighbour["token"].as_str().unwrap(), listed), own).await);
            }
        }
        results["absent"] = absent.len().into();
        (results["absent_rows"], results["absent_keys"], results["absent_pages"]) =
            (rows.into(), keys.into(), pages.into());
    }

    /// With sessions that nobody has.
    async fn as_nobody(&mut self, results: &mut Value) {
        let mut got = 0;
        for number in 0..MADE_UP {
            let token = format!("{number:043}");
            let proof = self.own_proof("x", "GET", "/api/studies", "");
            let (rows, keys, pages) = self.try_all(&session(&token, &proof), "1.2.3").await;
            got += rows + keys + pages;
        }
        results["made_up_got"] = got.into();
    }

    /// With the owner's rights, which hold on the owner's socket only.
    async fn as_the_owner(&mut self, results: &mut Value) {
        let mut got = 0;
        let requests = [
            PageRequest::Health,
            PageRequest::People,
            PageRequest::Snapshot { into: "/nowhere".into() },
            PageRequest::IssueEnrolment { email: "reader9@x.example".into() },
            PageRequest::Entries { from: model::EntryNumber(0), limit: 1 },
        ];
        for request in requests {
            self.proofs += 1;
            got += u64::from(self.warden.ask(soon(), Credential::Owner, request).await.unwrap().is_ok());
        }
        self.proofs += 2;
        got += u64::from(self.list(&Credential::Owner, everything("")).await.is_ok());
        got += u64::from(self.open(&Credential::Owner, "1.2.3").await.is_ok());
        results["owner_got"] = got.into();
    }

    /// With the token of a device that is bound to a key.
    async fn as_a_device(&mut self, results: &mut Value) {
        let token = self.memory["device_token"].as_str().unwrap().to_owned();
        let address = format!("{}/dicom-web/studies", self.origin);
        let claims = Claims {
            method: "GET",
            address: &address,
            nonce: &self.nonce,
            query: "",
            body: b"",
            session: None,
            token: Some(&token),
        };
        let (method, path, query) = ("GET".to_owned(), "/dicom-web/studies".to_owned(), String::new());
        let proof =
            Proof { jwt: self.own.sign(&claims), method, path, query, body: vec![], key: Some(Thumbprint([3; 32])) };
        let mut got = 0;
        for credential in [
            Credential::DeviceToken { token: token.clone(), origin: origin() },
            Credential::BoundToken {
                token: token.clone(),
                origin: origin(),
                proof: None,
                certificate: Some(Thumbprint([3; 32])),
            },
            Credential::BoundToken { token, origin: origin(), proof: Some(Box::new(proof)), certificate: None },
        ] {
            self.proofs += 2;
            got += u64::from(self.list(&credential, everything("")).await.is_ok());
            got += u64::from(self.open(&credential, "1.2.3").await.is_ok());
        }
        results["token_got"] = got.into();
    }

    /// Somebody signs in: the front puts its own key in the place of the browser's.
    async fn at_a_sign_in(&mut self, results: &mut Value) {
        for (page, result) in [("honest page", "swapped_key_signed_in"), ("altered page", "altered_sign_in_patients")] {
            let begin = SignInRequest::PasskeyBegin { key: self.own.thumbprint() };
            let begun = self.warden.sign_in(soon(), origin(), begin).await.unwrap().unwrap();
            let SignInReply::Ceremony { ceremony, options, nonce } = begun else { panic!("no ceremony") };
            let options: Value = serde_json::from_str(&options).unwrap();
            let asked = json!({ "ask": page, "begun": { "options": options, "nonce": nonce } });
            let credential = self.talk.ask(&asked).as_str().unwrap().to_owned();
            let finish = SignInRequest::PasskeyFinish { ceremony, credential, user_agent: String::new() };
            let signed_in = self.warden.sign_in(soon(), origin(), finish).await.unwrap();
            let Ok(SignInReply::SignedIn { token, me }) = signed_in else {
                results[result] = 0.into();
                continue;
            };
            // the session is bound to the front's key: it lasts until it ends, and reaches what its person reaches
            let address = format!("{}/api/studies", self.origin);
            let own = me.session.to_string();
            let claims = Claims {
                method: "GET",
                address: &address,
                nonce: &self.nonce,
                query: "",
                body: b"",
                session: Some(&own),
                token: None,
            };
            let (method, path, jwt) = ("GET".into(), "/api/studies".into(), self.own.sign(&claims));
            let signed = Signed { method, path, query: String::new(), body: String::new(), jwt };
            let rows = self.list(&session(&token, &signed), everything("")).await.unwrap().studies;
            results[result] = rows.iter().map(|row| row.patient.number).collect::<BTreeSet<_>>().len().into();
        }
    }

    /// A proof that the front kept to itself, used when its nonce is over: here, because the warden started again.
    async fn with_what_was_withheld(&mut self, results: &mut Value) {
        let (_, person) = self.people(true)[0].clone();
        let jwt = self.memory["withheld"].as_str().unwrap().to_owned();
        self.talk.ask(&json!({ "ask": "restart" }));
        let (warden, nonce) = connect(&self.memory).await;
        (self.warden, self.nonce) = (warden, nonce);
        let (method, path) = ("GET".into(), "/api/studies".into());
        let withheld = Signed { method, path, query: String::new(), body: String::new(), jwt };
        self.proofs += 1;
        let got = self.list(&session(person["token"].as_str().unwrap(), &withheld), everything("")).await.is_ok();
        results["withheld_got"] = u64::from(got).into();
    }
}

fn signed_of(sent: &Value) -> Signed {
    let text = |name: &str| sent[name].as_str().unwrap().to_owned();
    Signed { method: text("method"), path: text("path"), query: text("query"), body: String::new(), jwt: text("jwt") }
}

fn printed(results: &Value) -> String {
    let number = |name: &str| results[name].clone();
    let refused = results["refused"].as_object().unwrap();
    let attempts = refused.values().chain([&results["proof_attempts"]]).filter_map(Value::as_u64).sum::<u64>();
    let mut lines = vec![
        format!("a hostile front, {attempts} attempts that were refused:"),
        format!(
            "{} absent people: {} rows, {} keys, {} pages, {} acts",
            number("absent"),
            number("absent_rows"),
            number("absent_keys"),
            number("absent_pages"),
            number("absent_acts")
        ),
        format!("made-up sessions: {}", number("made_up_got")),
        format!("the owner's requests: {}", number("owner_got")),
        format!("a bound token: {}", number("token_got")),
        format!("{} present people, what each reaches, may read in a day, and what the front got:", number("present")),
    ];
    for row in results["people"].as_array().unwrap() {
        let text = |name: &str| row[name].as_str().unwrap();
        lines.push(format!("  {}: {}; {}; {}", text("name"), text("reach"), text("budget"), text("got")));
    }
    for (what, name) in [
        ("other than what was signed", "unasked_got"),
        ("acts without the touch that they want", "present_acts"),
        ("sessions ended in the name of a present officer", "sessions_ended"),
        ("sign-ins with a key swapped under an honest page", "swapped_key_signed_in"),
        ("patients of a sign-in through an altered page", "altered_sign_in_patients"),
        ("a proof from before a restart", "withheld_got"),
    ] {
        lines.push(format!("{what}: {}", number(name)));
    }
    lines.join("\n  ")
}
