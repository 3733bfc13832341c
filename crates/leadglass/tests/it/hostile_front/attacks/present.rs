//! With an altered page: the browsers of those who are there sign what the front wants.

use std::collections::BTreeSet;

use model::{PatientNumber, Uid};
use protocol::{ListRequest, PageRequest, Refusal};
use serde_json::{Value, json};

use super::acts::Act;
use super::{Front, Signed, everything, session};

/// Studies out of reach that are tried with each present person: many, and not so many that the warden counts them together.
const FOREIGN_EACH: usize = 40;
/// How often one who was refused by a budget is tried again.
const TRIED_AGAIN: usize = 12;
/// Names that are asked for at a time.
const NAMES_EACH: u32 = 4;

/// What one who reaches everybody was read for.
#[derive(Default)]
struct Got {
    opened: BTreeSet<PatientNumber>,
    named: BTreeSet<PatientNumber>,
}

impl Front {
    /// Everything that there is, with each who reads what names them, and with each who decides and reads nobody.
    pub(super) async fn as_present_people(&mut self, results: &mut Value) {
        let all = self.all_studies();
        let (mut everybody, mut most, mut unasked) = (BTreeSet::new(), 0, 0);
        let (mut readers, mut people) = (0, Vec::new());
        for (person, known) in self.people(true).into_iter().filter(|(_, known)| known["wide"] == false) {
            self.renew().await;
            let reads = known["reads"] == true;
            let token = known["token"].as_str().unwrap();
            let mut patients = BTreeSet::new();
            let page = self.signed_by(person, "GET", "/api/studies", "", "");
            match self.list(&session(token, &page), everything("")).await {
                Ok(reply) => patients.extend(reply.studies.iter().map(|row| row.patient.number)),
                Err(refusal) => self.note("list", &refusal),
            }
            let own: Vec<String> = if reads { studies(&known) } else { Vec::new() };
            let others = all.iter().filter(|study| !own.contains(study)).take(FOREIGN_EACH);
            for study in own.iter().chain(others) {
                let image = self.signed_by(person, "GET", &format!("/dicom-web/studies/{study}"), "", "");
                match self.open(&session(token, &image), study).await {
                    Ok(reply) => patients.extend(reply.studies.iter().map(|study| study.row.patient.number)),
                    Err(refusal) => self.note("open", &refusal),
                }
            }
            // a page that was left as it is signs one thing, and the front asks for another
            let narrow = self.signed_by(person, "GET", "/api/studies", "words=nobody", "");
            self.proofs += 3;
            unasked += u64::from(self.list(&session(token, &narrow), everything("")).await.is_ok());
            unasked += u64::from(self.open(&session(token, &narrow), &all[0]).await.is_ok());
            let me = self.signed_by(person, "GET", "/api/session", "", "");
            let sessions = PageRequest::Sessions { person: None };
            unasked += u64::from(self.ask(&session(token, &me), sessions).await.is_ok());
            readers += u64::from(reads);
            most = most.max(patients.len());
            people.push(row_of(&known, &format!("{} patients", patients.len())));
            everybody.extend(patients);
        }
        results["present"] = self.people(true).len().into();
        results["readers"] = readers.into();
        results["present_patients"] = everybody.len().into();
        results["present_most"] = most.into();
        results["unasked_got"] = unasked.into();
        results["people"] = people.into();
    }

    /// With one who reaches the whole site, until a budget refuses: without a touch, and with one that was given.
    pub(super) async fn as_who_reaches_everybody(&mut self, results: &mut Value) {
        let (person, known) = self.people(true).into_iter().find(|(_, known)| known["wide"] == true).unwrap();
        let mut got = Got::default();
        self.read_everybody(person, &known, &mut got).await;
        let untouched = (got.opened.len(), got.named.len());
        // they confirm that they are still there: the touch serves for nothing else
        let emergency = Act::break_glass(&self.memory["waiting"]);
        let touch = self.touched(person, STILL_HERE);
        self.proofs += 1;
        let body = emergency.body_with(&touch);
        let signed = self.signed_by(person, emergency.method, &emergency.path, "", &body);
        let token = known["token"].as_str().unwrap();
        let elsewhere = self.ask(&session(token, &signed), emergency.request).await;
        let touch = self.touched(person, STILL_HERE);
        let body = json!({ "fresh": touch }).to_string();
        let signed = self.signed_by(person, "POST", STILL_HERE, "", &body);
        self.ask(&session(token, &signed), PageRequest::StillHere).await.unwrap();
        self.read_everybody(person, &known, &mut got).await;
        let said = format!(
            "{} opened and {} names without a touch, {} opened and {} names with one",
            untouched.0,
            untouched.1,
            got.opened.len(),
            got.named.len()
        );
        results["people"].as_array_mut().unwrap().push(row_of(&known, &said));
        results["stolen_touch_got"] = u64::from(elsewhere.is_ok()).into();
        results["untouched"] = json!([untouched.0, untouched.1]);
        results["touched"] = json!([got.opened.len(), got.named.len()]);
    }

    /// Opens one study after the other and asks for page after page of names, on and on when it is refused.
    async fn read_everybody(&mut self, person: usize, known: &Value, got: &mut Got) {
        self.renew().await;
        let token = known["token"].as_str().unwrap();
        let mut refused = 0;
        for study in self.all_studies() {
            let image = self.signed_by(person, "GET", &format!("/dicom-web/studies/{study}"), "", "");
            match self.open(&session(token, &image), &study).await {
                Ok(reply) => got.opened.extend(reply.studies.iter().map(|study| study.row.patient.number)),
                Err(refusal) => {
                    self.note("open", &refusal);
                    refused += 1;
                }
            }
            if refused == TRIED_AGAIN {
                break;
            }
        }
        self.renew().await;
        let mut refused = 0;
        for offset in (0..).step_by(NAMES_EACH as usize) {
            let page =
                self.signed_by(person, "GET", "/api/studies", &format!("limit={NAMES_EACH}&offset={offset}"), "");
            let request = ListRequest { limit: NAMES_EACH, offset, ..everything("") };
            match self.list(&session(token, &page), request).await {
                Ok(reply) if reply.studies.is_empty() => break,
                Ok(reply) => got.named.extend(reply.studies.iter().map(|row| row.patient.number)),
                Err(refusal) => {
                    self.note("list", &refusal);
                    refused += 1;
                }
            }
            if refused == TRIED_AGAIN {
                break;
            }
        }
    }

    /// The studies of everybody whom the memory names.
    fn all_studies(&self) -> Vec<String> {
        let people = self.memory["people"].as_array().unwrap();
        let mut all: Vec<String> = people.iter().filter(|person| person["reads"] == true).flat_map(studies).collect();
        all.extend(self.memory["visitor_studies"].as_array().unwrap().iter().map(text));
        assert!(all.iter().all(|study| Uid::parse(study).is_ok()));
        all
    }

    /// What a present person's browser signs.
    pub(super) fn signed_by(&mut self, person: usize, method: &str, path: &str, query: &str, body: &str) -> Signed {
        let asked = json!({
            "ask": "sign", "person": person, "method": method, "path": path, "query": query, "body": body,
            "nonce": self.nonce,
        });
        let jwt = text(&self.talk.ask(&asked));
        Signed { method: method.into(), path: path.into(), query: query.into(), body: body.into(), jwt }
    }

    /// A touch that a present person gives for a request without a body.
    fn touched(&mut self, person: usize, path: &str) -> Value {
        self.talk.ask(&json!({ "ask": "touch", "person": person, "path": path }))
    }

    /// A nonce of now: those of before are over after two minutes.
    pub(super) async fn renew(&mut self) {
        let hello = self.warden.hello(super::soon(), protocol::PROTOCOL_VERSION).await.unwrap().unwrap();
        self.nonce = hello.proof_nonces[0].clone();
    }

    /// Notes an attempt that must be an entry, as the ledger names it.
    pub(super) fn note(&mut self, action: &str, refusal: &Refusal) {
        let reason = match refusal {
            Refusal::FreshNeeded | Refusal::TouchNeeded => "touch",
            Refusal::OverBudget => "budget",
            Refusal::NotAllowed => "role",
            Refusal::NotFound => "reach",
            other => panic!("{action}: {other:?}"),
        };
        *self.refused.entry(format!("{action}: {reason}")).or_default() += 1;
    }
}

const STILL_HERE: &str = "/api/fresh/still-here";

fn row_of(known: &Value, got: &str) -> Value {
    json!({ "name": known["name"], "reach": known["reach"], "budget": known["budget"], "got": got })
}

fn studies(known: &Value) -> Vec<String> {
    known["studies"].as_array().unwrap().iter().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
