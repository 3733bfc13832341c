//! One of each kind of caller, all of one site, each with the same relationships.

use std::cell::RefCell;

use model::{DeviceId, DeviceMay, Instant, LinkId, OrganisationId, PersonId, Role};
use phantom::{ct_instance, uid};
use policy::Subject;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::{Answer, ask};
use crate::cold::{holder, prove};
use crate::installation::{Installation, PASSPHRASE, store, wait_until};
use crate::persons::Person;
use crate::requests::Names;

/// How somebody stands to a patient; each is a patient of their own, numbered in this order from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    None,
    Ended,
    NotBegun,
    ListOnly,
    Open,
    Cold,
}

impl State {
    pub const ALL: [Self; 6] = [Self::None, Self::Ended, Self::NotBegun, Self::ListOnly, Self::Open, Self::Cold];

    pub fn heading(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ended => "ended",
            Self::NotBegun => "not yet begun",
            Self::ListOnly => "list only",
            Self::Open => "open",
            Self::Cold => "open, study cold",
        }
    }

    /// Whether nothing is reached: then the study must look like one that is not there.
    pub fn reaches_nothing(self) -> bool {
        matches!(self, Self::None | Self::Ended | Self::NotBegun)
    }

    pub fn patient(self) -> u32 {
        self as u32 + 1
    }
}

/// A patient whom nobody knows.
pub const NOBODY: u32 = 77;

/// Who sends.
pub enum Key {
    Nothing,
    Person(Box<Person>),
    /// Browsers with an open link.
    Guests(Vec<Guest>),
    Device(String),
}

/// A browser with an open link to the study of this patient, and what opens it again.
pub struct Guest {
    patient: u32,
    browser: RefCell<Browser>,
    opens: Value,
}

impl Guest {
    fn open(&self) {
        let mut browser = self.browser.borrow_mut();
        browser.token.clear();
        browser.session.clear();
        let opened = browser.post("/api/link/open", &self.opens);
        assert_eq!(opened.status, 200, "{}: {}", self.patient, String::from_utf8_lossy(&opened.body));
        browser.signed_in(&opened);
    }
}

/// The link to this patient's study, or the one that is about another patient.
fn guest_of(guests: &[Guest], patient: u32) -> &Guest {
    guests.iter().find(|guest| guest.patient == patient).unwrap_or(&guests[0])
}

/// A column of the table.
pub struct Actor {
    pub heading: &'static str,
    pub subject: Subject,
    pub key: Key,
}

impl Actor {
    /// Sends as this caller's program or pages do; a touch is given where one is wanted.
    pub fn send(&self, site: &Installation, method: &str, path: &str, body: &Body, patient: u32) -> Answer {
        let bytes = if method == "GET" || method == "DELETE" { Vec::new() } else { body.bytes() };
        match &self.key {
            Key::Person(person) if method == "POST" => match body {
                Body::Json(value) => person.post(path, value),
                Body::Other(content_type, _) => person.upload(path, content_type, &bytes),
            },
            Key::Person(person) if method == "DELETE" => person.delete(path),
            Key::Person(person) => person.get(path),
            Key::Guests(guests) => {
                guest_of(guests, patient).browser.borrow_mut().send_as(method, path, body.content_type(), &bytes)
            }
            Key::Nothing | Key::Device(_) => {
                let origin = format!("http://localhost:{}", site.http().port());
                let bearer = if let Key::Device(token) = &self.key { format!("Bearer {token}") } else { String::new() };
                let mut fields = vec![("X-Leadglass", "1"), ("Origin", origin.as_str())];
                if !bytes.is_empty() {
                    fields.push(("Content-Type", body.content_type()));
                }
                if !bearer.is_empty() {
                    fields.push(("Authorization", bearer.as_str()));
                }
                ask(site.http(), method, path, &fields, &bytes)
            }
        }
    }

    /// Signs in again, when a request ended the session.
    pub fn renew(&self, patient: u32) {
        match &self.key {
            Key::Person(person) => person.sign_in_again(),
            Key::Guests(guests) => guest_of(guests, patient).open(),
            Key::Nothing | Key::Device(_) => {}
        }
    }

    pub fn session(&self) -> String {
        if let Key::Person(person) = &self.key { person.session() } else { "ab".repeat(16) }
    }
}

/// What is sent.
pub enum Body {
    Json(Value),
    Other(&'static str, Vec<u8>),
}

impl Body {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Other(_, bytes) => bytes.clone(),
        }
    }

    fn content_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Other(content_type, _) => content_type,
        }
    }
}

/// What stands in the addresses when it is about this patient's only study.
pub fn names(patient: u32, numbers: &[(u32, String)]) -> Names {
    let number = numbers.iter().find(|(of, _)| *of == patient).map_or("4000000", |(_, number)| number);
    Names {
        study: uid(&[9, patient, 1]),
        series: uid(&[9, patient, 1, 1]),
        instance: uid(&[9, patient, 1, 1, 1]),
        number: number.to_owned(),
        session: String::new(),
        patient: format!("DEMO%7CM{patient:08}"),
    }
}

pub const COLLEAGUE: &str = "colleague@x.example";

/// The site, and the numbers of its studies.
pub struct Place {
    pub site: Installation,
    pub numbers: Vec<(u32, String)>,
}

/// The site and everybody.
pub struct Scene {
    pub place: Place,
    pub actors: Vec<Actor>,
}

const FAR: Instant = Instant::MAX;

fn person(role: Role, delegate_of: &[OrganisationId]) -> Subject {
    let (organisations, delegate_of) = (vec![OrganisationId(1)], delegate_of.to_vec());
    Subject::Person { person: PersonId(7), role, organisations, delegate_of, session_until: FAR }
}

impl Scene {
    pub fn new() -> Self {
        let mut site = Installation::stopped();
        let officers_link = site.made["enrolment"].as_str().unwrap().to_owned();
        site.start_with(&["--passphrase-file", "-"], PASSPHRASE);
        let reader = site.with_devices();
        site.ok(&["org", "add", "Practice"]);
        site.ok(&["org", "add", "Elsewhere"]);
        let devices = devices(&site);
        let roles = [
            ("patient", "patient", person(Role::Patient, &[])),
            ("referrer", "referrer", person(Role::Referrer, &[])),
            ("radiologist", "radiologist", person(Role::Radiologist, &[])),
            ("technologist", "technologist", person(Role::Technologist, &[])),
            ("officer", "officer", person(Role::Officer, &[])),
            ("administrator", "administrator", person(Role::Administrator, &[])),
            ("delegate", "referrer", person(Role::Referrer, &[OrganisationId(1)])),
            ("maker", "referrer", person(Role::Referrer, &[])),
        ];
        let mut links: Vec<_> = roles.iter().map(|(name, role, _)| add(&site, name, role)).collect();
        add(&site, "colleague", "radiologist");
        site.ok(&["person", "delegate", "delegate@x.example", "--organisation", "Practice"]);
        // the right ends the link that was open
        let delegate = roles.iter().position(|(name, ..)| *name == "delegate").expect("there is one");
        links[delegate] = site.ok(&["person", "enrol", "delegate@x.example"])["enrolment"].as_str().unwrap().to_owned();
        make_studies(&site);
        let numbers = numbers(&site, &reader);
        // everybody signs in before relationships are made: whoever is enrolled must not approve any of this
        let mut people: Vec<_> = roles
            .into_iter()
            .zip(links)
            .map(|((name, _, subject), link)| (name, subject, Person::with_passkey(&site, &link)))
            .collect();
        let both = Person::with_passkey(&site, &officers_link);
        let (_, _, maker) = people.pop().expect("the maker is the last");
        let guests = links_of(&site, &maker);
        relate(&site, "org:Practice");
        for (heading, ..) in &devices {
            relate(&site, &format!("device:{heading}"));
        }
        let both_is = person(Role::OfficerAdministrator, &[]);
        let owner = site.made["officer"].as_str().unwrap_or("officer@localhost").to_owned();
        relate(&site, &format!("person:{owner}"));
        let mut actors = vec![Actor { heading: "stranger", subject: Subject::Stranger, key: Key::Nothing }];
        for (heading, subject, person) in people {
            actors.push(Actor { heading, subject, key: Key::Person(person.into()) });
        }
        let delegate = actors.pop().expect("the delegate");
        actors.push(Actor { heading: "officer and administrator", subject: both_is, key: Key::Person(both.into()) });
        actors.push(delegate);
        let link = Subject::Link { link: LinkId(0), session_until: FAR };
        actors.push(Actor { heading: "share link", subject: link, key: Key::Guests(guests) });
        for (heading, may, token) in devices {
            let subject = Subject::Device { device: DeviceId(1), may };
            actors.push(Actor { heading, subject, key: Key::Device(token) });
        }
        Self { place: Place { site, numbers }, actors }
    }
}

fn devices(site: &Installation) -> Vec<(&'static str, Vec<DeviceMay>, String)> {
    use DeviceMay::{List, Open, Orders, Store, Today};
    let kinds = [
        ("device store", "store", vec![Store]),
        ("device list", "list", vec![List]),
        ("device open", "open", vec![Open]),
        ("device open, today", "open,today", vec![Open, Today]),
        ("device orders", "orders", vec![Orders]),
    ];
    kinds
        .map(|(name, may, rights)| {
            let added = site.ok(&["device", "add", name, "--organisation", "Machines", "--may", may, "--token"]);
            (name, rights, added["token"].as_str().unwrap().to_owned())
        })
        .into()
}

/// Everybody works for one practice that has the relationships, but whoever made the links.
fn add(site: &Installation, name: &str, role: &str) -> String {
    let (email, organisation) = (format!("{name}@x.example"), if name == "maker" { "Elsewhere" } else { "Practice" });
    let person = ["person", "add", &email, "--name", name, "--role", role, "--organisation", organisation];
    site.ok(&person)["enrolment"].as_str().unwrap().to_owned()
}

/// One study of each state's patient. That of the last is cold before the others come.
fn make_studies(site: &Installation) {
    let file = |state: State| ct_instance(state.patient(), 1, 1, 1, 16, 16);
    let store_all = |files: Vec<Vec<u8>>| {
        assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
        site.ok(&["settle"]);
    };
    store_all(vec![file(State::Cold)]);
    let anna = holder(site, "anna");
    site.ok(&["cold", "init", "--threshold", "1", "--holder", &format!("{anna}.pub")]);
    prove(site, &anna);
    site.ok(&["cold", "rule", "--after", "0s"]);
    assert_eq!(site.ok(&["cold", "sweep"])["studies"], 1);
    site.ok(&["cold", "rule", "--after", "3650d"]);
    store_all(State::ALL.into_iter().filter(|state| *state != State::Cold).map(file).collect());
}

fn numbers(site: &Installation, reader: &str) -> Vec<(u32, String)> {
    let rows = crate::client::get(site.http(), reader, "/api/studies").json();
    let rows = rows["studies"].as_array().unwrap();
    let number = |state: State| {
        let uid = uid(&[9, state.patient(), 1]);
        let row = rows.iter().find(|row| row["uid"] == uid).unwrap();
        (state.patient(), row["number"].to_string())
    };
    State::ALL.map(number).to_vec()
}

/// The same relationships for everybody, whether their role can use them or not.
fn relate(site: &Installation, who: &str) {
    let whom = |state: State| format!("patient:DEMO/M{:08}", state.patient());
    let relate = |state: State, more: &[&str]| {
        site.ok(&[&["relate", who, &whom(state), "--basis", "treatment"][..], more].concat());
    };
    relate(State::Ended, &["--until", "90d"]);
    site.ok(&["unrelate", who, &whom(State::Ended)]);
    relate(State::NotBegun, &["--from", "2098-01-01T00:00:00Z", "--until", "2098-03-01T00:00:00Z"]);
    relate(State::ListOnly, &["--until", "90d", "--list-only"]);
    relate(State::Open, &["--until", "90d"]);
    relate(State::Cold, &["--until", "90d"]);
}

/// Links of somebody who reached the studies when they were made and now stands to the patients as the states say. No link is
/// made for a study that is cold.
fn links_of(site: &Installation, maker: &Person) -> Vec<Guest> {
    let who = "person:maker@x.example";
    let linked = [State::Open, State::Ended, State::NotBegun, State::ListOnly];
    for state in linked {
        let whom = format!("patient:DEMO/M{:08}", state.patient());
        site.ok(&["relate", who, &whom, "--until", "90d", "--basis", "treatment"]);
    }
    let guests = linked.map(|state| {
        let path = format!("/api/studies/{}/links", uid(&[9, state.patient(), 1]));
        let made = maker.post(&path, &json!({ "purpose": "outside", "seconds": 86_400 }));
        assert_eq!(made.status, 200, "{state:?}: {}", String::from_utf8_lossy(&made.body));
        let made = made.json();
        let opens = json!({ "secret": made["secret"], "code": made["code"] });
        let browser = RefCell::new(Browser::new(site.http()));
        let guest = Guest { patient: state.patient(), browser, opens };
        guest.open();
        guest
    });
    let ends = linked.into_iter().filter(|state| *state != State::Open);
    let ended = ends.map(|state| site.ok(&["unrelate", who, &format!("patient:DEMO/M{:08}", state.patient())])).count();
    relate(site, who);
    // a link ends with the reach it was made with, and none begins again
    wait_until("the links have ended", || site.entries_of("link-ended").len() == ended);
    guests.into()
}
