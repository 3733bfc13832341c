//! What the hostile process does with what a front holds.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use dpop::{Claims, Signer, Thumbprint};
use model::{Origin, Uid};
use protocol::{
    Credential, Level, ListReply, ListRequest, OpenReply, OpenRequest, Order, PROTOCOL_VERSION, PageRequest, Proof,
    Refusal, Scope, SignInReply, SignInRequest, WardenClient, context,
};
use serde_json::{Value, json};

/// Studies out of reach that are tried with each present person.
const FOREIGN_EACH: usize = 40;
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
    /// Attempts that reach must stop.
    reach: u64,
}

/// A request that a proof was made for.
#[derive(Clone)]
struct Signed {
    method: String,
    path: String,
    query: String,
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
        let mut front = Front { talk, warden, origin, nonce, own: Signer::generate(), memory, proofs: 0, reach: 0 };
        let mut results = json!({});
        front.as_absent_people(&mut results).await;
        front.as_nobody(&mut results).await;
        front.as_the_owner(&mut results).await;
        front.as_a_device(&mut results).await;
        front.as_present_people(&mut results).await;
        front.at_a_sign_in(&mut results).await;
        front.with_what_was_withheld(&mut results).await;
        results["proof_attempts"] = front.proofs.into();
        results["reach_attempts"] = front.reach.into();
        results["printed"] = printed(&results).into();
        front.talk.ask(&json!({ "ask": "end", "results": results }));
    });
}

async fn connect(memory: &Value) -> (WardenClient, String) {
    let warden = protocol::connect(Path::new(memory["warden"].as_str().unwrap())).await.unwrap();
    let hello = warden.hello(context::current(), PROTOCOL_VERSION).await.unwrap().unwrap();
    (warden, hello.proof_nonces[0].clone())
}

fn origin() -> Origin {
    Origin("127.0.0.1".into())
}

fn session(token: &str, signed: &Signed) -> Credential {
    let Signed { method, path, query, jwt } = signed.clone();
    // a hostile front says that every proof holds
    let key = Some(Thumbprint([9; 32]));
    let proof = Box::new(Proof { jwt, method, path, query, body: Vec::new(), key });
    Credential::Session { token: token.to_owned(), origin: origin(), proof }
}

fn everything(words: &str) -> ListRequest {
    let order = Order::NewestFirst;
    ListRequest { level: Level::Study, matches: vec![], words: words.to_owned(), order, offset: 0, limit: 50 }
}

impl Front {
    async fn list(&self, credential: &Credential, request: ListRequest) -> Result<ListReply, Refusal> {
        self.warden.list(context::current(), credential.clone(), request).await.unwrap()
    }

    async fn open(&self, credential: &Credential, study: &str) -> Result<OpenReply, Refusal> {
        let request = OpenRequest { study: Uid::parse(study).unwrap(), scope: Scope::Images };
        self.warden.open(context::current(), credential.clone(), request).await.unwrap()
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
            pages += u64::from(self.warden.ask(context::current(), credential.clone(), request).await.unwrap().is_ok());
        }
        (rows, keys, pages)
    }

    fn own_proof(&self, method: &str, path: &str, query: &str) -> Signed {
        let address = format!("{}{path}", self.origin);
        let claims =
            Claims { method, address: &address, nonce: &self.nonce, query, body: b"", session: Some("x"), token: None };
        Signed { method: method.into(), path: path.into(), query: query.into(), jwt: self.own.sign(&claims) }
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
            let [listed, opened] = sent.as_slice() else { panic!("a list and an opening") };
            // no proof, and one of the front's own key
            let none = Signed { jwt: String::new(), ..listed.clone() };
            for study in [own, other] {
                add(self.try_all(&session(token, &none), study).await);
            }
            let mine = self.own_proof("GET", "/api/studies", "");
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
                    let altered = Signed {
                        method: method.into(),
                        path: path.into(),
                        query: query.into(),
                        jwt: captured.jwt.clone(),
                    };
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
            let proof = self.own_proof("GET", "/api/studies", "");
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
            got += u64::from(self.warden.ask(context::current(), Credential::Owner, request).await.unwrap().is_ok());
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

    /// With an altered page: the browsers of those who are there sign what the front wants.
    async fn as_present_people(&mut self, results: &mut Value) {
        let all: Vec<String> = self.memory["people"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|person| {
                person["studies"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|study| study.as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        let (mut everybody, mut most, mut unasked) = (BTreeSet::new(), 0, 0);
        let present = self.people(true);
        for (person, known) in &present {
            let token = known["token"].as_str().unwrap();
            let mut patients = BTreeSet::new();
            let page = self.signed_by(*person, "/api/studies", "");
            for row in self.list(&session(token, &page), everything("")).await.unwrap().studies {
                patients.insert(row.patient.number);
            }
            // a good many of everybody's, not so many that the warden slows the refusals down
            let own: Vec<String> =
                known["studies"].as_array().unwrap().iter().map(|study| study.as_str().unwrap().to_owned()).collect();
            let others = all.iter().filter(|study| !own.contains(study)).take(FOREIGN_EACH);
            for study in own.iter().chain(others) {
                let image = self.signed_by(*person, &format!("/dicom-web/studies/{study}"), "");
                match self.open(&session(token, &image), study).await {
                    Ok(reply) => patients.extend(reply.studies.iter().map(|study| study.row.patient.number)),
                    Err(_) => self.reach += 1,
                }
            }
            // a page that was left as it is signs one thing, and the front asks for another
            let own = known["studies"][0].as_str().unwrap();
            let narrow = self.signed_by(*person, "/api/studies", "words=nobody");
            self.proofs += 3;
            unasked += u64::from(self.list(&session(token, &narrow), everything("")).await.is_ok());
            unasked += u64::from(self.open(&session(token, &narrow), own).await.is_ok());
            let me = self.signed_by(*person, "/api/session", "");
            let sessions = PageRequest::Sessions { person: None };
            unasked +=
                u64::from(self.warden.ask(context::current(), session(token, &me), sessions).await.unwrap().is_ok());
            most = most.max(patients.len());
            everybody.extend(patients);
        }
        results["present"] = present.len().into();
        results["present_patients"] = everybody.len().into();
        results["present_most"] = most.into();
        results["unasked_got"] = unasked.into();
    }

    fn signed_by(&mut self, person: usize, path: &str, query: &str) -> Signed {
        let asked = json!({ "ask": "sign", "person": person, "method": "GET", "path": path, "query": query, "nonce": self.nonce });
        let jwt = self.talk.ask(&asked).as_str().unwrap().to_owned();
        Signed { method: "GET".into(), path: path.into(), query: query.into(), jwt }
    }

    /// Somebody signs in: the front puts its own key in the place of the browser's.
    async fn at_a_sign_in(&mut self, results: &mut Value) {
        for (page, result) in [("honest page", "swapped_key_signed_in"), ("altered page", "altered_sign_in_patients")] {
            let begin = SignInRequest::PasskeyBegin { key: self.own.thumbprint() };
            let begun = self.warden.sign_in(context::current(), origin(), begin).await.unwrap().unwrap();
            let SignInReply::Ceremony { ceremony, options, nonce } = begun else { panic!("no ceremony") };
            let options: Value = serde_json::from_str(&options).unwrap();
            let asked = json!({ "ask": page, "begun": { "options": options, "nonce": nonce } });
            let credential = self.talk.ask(&asked).as_str().unwrap().to_owned();
            let finish = SignInRequest::PasskeyFinish { ceremony, credential, user_agent: String::new() };
            let signed_in = self.warden.sign_in(context::current(), origin(), finish).await.unwrap();
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
            let (method, path, query) = ("GET".into(), "/api/studies".into(), String::new());
            let signed = Signed { method, path, query, jwt: self.own.sign(&claims) };
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
        let withheld = Signed { method: "GET".into(), path: "/api/studies".into(), query: String::new(), jwt };
        self.proofs += 1;
        let got = self.list(&session(person["token"].as_str().unwrap(), &withheld), everything("")).await.is_ok();
        results["withheld_got"] = u64::from(got).into();
    }
}

fn signed_of(sent: &Value) -> Signed {
    let text = |name: &str| sent[name].as_str().unwrap().to_owned();
    Signed { method: text("method"), path: text("path"), query: text("query"), jwt: text("jwt") }
}

fn printed(results: &Value) -> String {
    let number = |name: &str| results[name].clone();
    format!(
        "a hostile front, {} attempts:\n  {} absent people: {} rows, {} keys, {} pages\n  made-up sessions: {}\n  the owner's requests: {}\n  a bound token: {}\n  {} present people: {} patients, at most {} for one of them\n  other than what was signed: {}\n  a key swapped under an honest page: {} sign-ins\n  a sign-in through an altered page: {} patients\n  a proof from before a restart: {}",
        results["proof_attempts"].as_u64().unwrap() + results["reach_attempts"].as_u64().unwrap(),
        number("absent"),
        number("absent_rows"),
        number("absent_keys"),
        number("absent_pages"),
        number("made_up_got"),
        number("owner_got"),
        number("token_got"),
        number("present"),
        number("present_patients"),
        number("present_most"),
        number("unasked_got"),
        number("swapped_key_signed_in"),
        number("altered_sign_in_patients"),
        number("withheld_got"),
    )
}
